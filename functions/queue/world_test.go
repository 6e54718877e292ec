package queue_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/cloudflare/circl/sign/bls"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/functions/queue/verifydraw"
)

const placerTimeout = 10 * time.Second

// world is everything around the functions of a queue.
type world struct {
	*memory
	clock *hand
	outer sync.Mutex
	// objects are those of the bucket, joins and line the messages on the queues.
	objects map[string][]byte
	joins   []events.SQSMessage
	line    []string
	nextID  int
	// failOf decides about each call outside the tables; nil is fine.
	failOf func(call string) fault
	// beacon is how the beacon signs a round; nil where it is silent.
	beacon func(round int64) string
}

func newWorld(at int64, sales ...queue.Sale) *world {
	w := &world{memory: newMemory(), clock: handAt(at), objects: map[string][]byte{}}
	for _, s := range sales {
		w.putSale(s)
	}
	return w
}

// outside runs one call outside the tables.
func (w *world) outside(ctx context.Context, call string, effect func()) error {
	w.outer.Lock()
	defer w.outer.Unlock()
	happens := fine
	if owner, ok := ctx.Value(lifeKey{}).(*life); ok && owner.dead {
		happens = before
	} else if w.failOf != nil {
		happens = w.failOf(call)
	}
	if happens != before {
		effect()
	}
	if happens != fine {
		return fmt.Errorf("%s: %w", call, errInfrastructure)
	}
	return ctx.Err()
}

func (w *world) GetObject(ctx context.Context, key string) (body []byte, err error) {
	err = w.outside(ctx, "get object", func() { body = w.objects[key] })
	return body, err
}

func (w *world) PutObject(ctx context.Context, key string, body []byte, contentType, cacheControl string) error {
	if contentType == "" || !strings.HasPrefix(cacheControl, "max-age=") {
		panic(key)
	}
	return w.outside(ctx, "put object", func() { w.objects[key] = bytes.Clone(body) })
}

// joinsQueue and lineQueue are the queues as functions see them.
type joinsQueue struct{ *world }

func (q joinsQueue) Send(ctx context.Context, body string) error {
	return q.outside(ctx, "send", func() { q.send(body) })
}

func (q joinsQueue) SendBatch(ctx context.Context, bodies []string) error {
	if len(bodies) < 1 || len(bodies) > 10 {
		panic(len(bodies))
	}
	return q.outside(ctx, "send batch", func() {
		for _, body := range bodies {
			q.send(body)
		}
	})
}

func (w *world) send(body string) {
	w.nextID++
	message := sqsMessage(fmt.Sprintf("m%08d", w.nextID), w.clock.at.Load(), body)
	message.Attributes["ApproximateReceiveCount"] = "1"
	w.joins = append(w.joins, message)
}

type lineQueue struct{ *world }

func (q lineQueue) SendBatch(ctx context.Context, bodies []string) error {
	return q.outside(ctx, "send line", func() { q.line = append(q.line, bodies...) })
}

// beaconKey signs the rounds of the world's beacon.
var beaconKey = must(bls.KeyGen[bls.KeyG2SigG1](bytes.Repeat([]byte{7}, 32), nil, nil))

// beaconChain has a round each three seconds from the first of 1970 on.
var beaconChain = verifydraw.Chain{
	PublicKey: hex.EncodeToString(must(beaconKey.PublicKey().MarshalBinary())), Period: 3, Genesis: 3, Scheme: verifydraw.SchemeG1,
}

// signedRound is the signature of a round of the world's beacon.
func signedRound(round int64) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(round)))
	return hex.EncodeToString(bls.Sign(beaconKey, sum[:]))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func (w *world) Chain(ctx context.Context, beacon queue.Beacon) (verifydraw.Chain, error) {
	if err := w.outside(ctx, "chain", func() {}); err != nil {
		return verifydraw.Chain{}, err
	}
	return beaconChain, beaconChain.Check(beacon.Chain)
}

func (w *world) Signature(ctx context.Context, _ queue.Beacon, round int64) (string, error) {
	if err := w.outside(ctx, "signature", func() {}); err != nil {
		return "", err
	}
	if w.beacon == nil || w.clock.at.Load() < beaconChain.Comes(round) {
		return "", errInfrastructure
	}
	return w.beacon(round), nil
}

func (w *world) keeper(holder string) *queue.Keeper {
	return &queue.Keeper{
		Store: w.store(), Joins: joinsQueue{w}, Objects: w, Beacons: w, Clock: w.clock, Holder: holder, PlacerTimeout: placerTimeout, Shards: 2,
		Random: func() []byte { return bytes.Repeat([]byte{7}, 32) }, Log: discard, Metrics: quiet,
	}
}

// lead lets a keeper do a round, as the holder of the lease.
func (w *world) lead(ctx context.Context, k *queue.Keeper) error {
	k.Believe(w.clock.Now().Add(10 * time.Second))
	return k.Round(ctx)
}

// mustLead is a round that has no reason to fail.
func (w *world) mustLead(t tester, k *queue.Keeper) {
	t.Helper()
	if err := w.lead(context.Background(), k); err != nil {
		t.Fatal(err)
	}
}

// mustPlace gives fans a place, in their order.
func (w *world) mustPlace(t tester, attempt int, fans ...int) {
	t.Helper()
	var messages []events.SQSMessage
	for i, n := range fans {
		messages = append(messages, sqsMessage(fmt.Sprintf("%04d", i), w.clock.at.Load(), join(n, attempt)))
	}
	if failed := place(t, placerOf(w.memory, w.clock), context.Background(), messages...); len(failed) > 0 {
		t.Fatalf("failed: %v", failed)
	}
}

func (w *world) turn() *queue.Turn {
	key := make(queue.Key, queue.KeyBytes)
	return &queue.Turn{Sales: &queue.Sales{Store: w.store(), Clock: w.clock}, Store: w.store(), Key: key, Passes: passes{}, Clock: w.clock, Log: discard}
}

// passes are told apart by what they say; the real ones are tested in their own place.
type passes struct{}

func (passes) Sign(_ context.Context, claims queue.Claims) (string, error) {
	text, err := json.Marshal(claims)
	return string(text), err
}

func (passes) Verify(_ context.Context, token string) (claims queue.Claims, err error) {
	if json.Unmarshal([]byte(token), &claims) != nil {
		return claims, queue.ErrPass
	}
	return claims, nil
}

// turned is an answer of turn.
type turned struct {
	State        string `json:"state"`
	Line         string `json:"line"`
	Place        int64  `json:"place"`
	Attempt      int    `json:"attempt"`
	Ahead        *int64 `json:"ahead"`
	Until        int64  `json:"until"`
	PurchaseURL  string `json:"purchase_url"`
	Token        string `json:"token"`
	RenewalsLeft *int   `json:"renewals_left"`
	Ask          int64  `json:"ask"`
}

// bodyOf is what an answer's body is on its way, and as the client reads it.
func bodyOf(t tester, response queue.Response) (sent string, plain []byte) {
	t.Helper()
	if !response.IsBase64Encoded {
		return response.Body, []byte(response.Body)
	}
	packed, err := base64.StdEncoding.DecodeString(response.Body)
	if err != nil || response.Headers["Content-Encoding"] != "gzip" {
		t.Fatalf("%v, %v", response.Headers, err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	plain, err = io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return string(packed), plain
}

func post(body any) (request queue.Request) {
	text, ok := body.(string)
	if !ok {
		encoded, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		text = string(encoded)
	}
	request.Body, request.RequestContext.HTTP.Method = text, "POST"
	return request
}

// ask lets a fan do something, and returns the answer; the zero one where there was none.
func (w *world) ask(t tester, ctx context.Context, turn *queue.Turn, fan, attempt int, do string) (answer turned) {
	t.Helper()
	ticket := turn.Key.Seal(queue.Ticket{Sale: "gig", Fan: fanOf(fan), Joined: w.clock.at.Load(), Attempt: attempt})
	response, err := turn.Handle(ctx, post(map[string]string{"ticket": ticket, "do": do}))
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode == 200 {
		if err := json.Unmarshal([]byte(response.Body), &answer); err != nil {
			t.Fatal(err)
		}
	}
	return answer
}

func (w *world) status(t tester) (status queue.Status) {
	t.Helper()
	if err := json.Unmarshal(w.objects[queue.StatusObject("gig")], &status); err != nil {
		t.Fatal(err)
	}
	return status
}

// openWindows are the fans that have a window now, by its number.
func (w *world) openWindows() map[int]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	open := map[int]string{}
	for id, item := range w.tables["windows"] {
		number, _ := strconv.Atoi(strings.TrimPrefix(id, "gig/"))
		if fan := item["fan"].Text(); fan != "" && item["until"].Int() >= w.clock.at.Load() {
			open[number] = fan
		}
	}
	return open
}

// checkWindows proves what must hold at any moment: no window beyond those that are, nobody in two, each known to its fan's record.
func (w *world) checkWindows(t tester, windows int) {
	t.Helper()
	of, open := map[string]int{}, w.openWindows()
	w.checkRecords(t, open)
	for number, fan := range open {
		if number < 1 || number > windows {
			t.Fatalf("window %d of %d is open", number, windows)
		}
		if other, two := of[fan]; two {
			t.Fatalf("%s has the windows %d and %d", fan, other, number)
		}
		of[fan] = number
		w.mu.Lock()
		record, item := w.tables["fans"]["gig/"+fan], w.tables["windows"]["gig/"+strconv.Itoa(number)]
		w.mu.Unlock()
		if record["window"].Int() != int64(number) || record["called"].Int() != item["called"].Int() || record["until"].Int() != item["until"].Int() || record["done"].Text() != "" {
			t.Fatalf("window %d is %v, and its fan's record %v", number, item, record)
		}
	}
}

// checkRecords proves that who has a window by its record has it.
func (w *world) checkRecords(t tester, open map[int]string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, item := range w.tables["fans"] {
		if number := int(item["window"].Int()); number != 0 && item["done"].Text() == "" && item["until"].Int() >= w.clock.at.Load() && "gig/"+open[number] != key {
			t.Fatalf("%s was called to window %d, which %q has", key, number, open[number])
		}
	}
}

// called are the places that were called, in the order of their calls, then of their places.
func (w *world) called() []queue.Fan {
	w.mu.Lock()
	defer w.mu.Unlock()
	var fans []queue.Fan
	for key, item := range w.tables["fans"] {
		if called := item["called"].Int(); called != 0 {
			fans = append(fans, queue.Fan{ID: key, Line: item["line"].Text(), Place: item["place"].Int(), Called: called, Window: int(item["window"].Int())})
		}
	}
	slices.SortFunc(fans, func(a, b queue.Fan) int {
		return slices.Compare([]int64{a.Called, a.Place}, []int64{b.Called, b.Place})
	})
	return fans
}
