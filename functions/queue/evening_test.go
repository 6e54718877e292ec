package queue_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

const (
	eveningFans  = 100_000
	eveningJoins = 20_000 // A second.
)

// evening is a sale to which a hundred thousand come in five seconds, in virtual time, through the real handlers.
type evening struct {
	*world
	t      *testing.T
	random *rand.Rand
	faults int // In a thousand calls.
	// queue are messages and when they are visible again.
	queue   []events.SQSMessage
	hidden  map[int64][]events.SQSMessage
	tickets map[string]string // By fan.
	hottest map[string]int    // The most writes of an item in one second, by table.
	rounds  int
}

// nonceOf is a browser's secret by a number.
func nonceOf(n int) string {
	var raw [32]byte
	binary.BigEndian.PutUint64(raw[:], uint64(n))
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// come lets fans join; some press twice.
func (e *evening) come(from, to int) {
	j := e.join()
	for n := from; n < to; n++ {
		for press := 0; press < 1+n%20/19; press++ {
			response, err := j.Handle(context.Background(), post(`{"sale":"gig","nonce":"`+nonceOf(n)+`"}`))
			if err != nil || response.StatusCode != 202 {
				e.t.Fatalf("%+v %v", response, err)
			}
			var answer struct{ Ticket, Fan string }
			if err := json.Unmarshal([]byte(response.Body), &answer); err != nil {
				e.t.Fatal(err)
			}
			e.tickets[answer.Fan] = answer.Ticket
		}
	}
	e.random.Shuffle(len(e.joins), func(a, b int) { e.joins[a], e.joins[b] = e.joins[b], e.joins[a] }) // SQS keeps no order.
	e.queue, e.joins = append(e.queue, e.joins...), nil
}

// work lets placers take all that is visible. One in a hundred dies in the middle; one in a hundred messages comes again though it was deleted.
func (e *evening) work() {
	now := e.clock.at.Load() / 1000
	e.queue = append(e.queue, e.hidden[now]...)
	delete(e.hidden, now)
	placer := placerOf(e.memory, e.clock)
	for len(e.queue) > 0 {
		batch := e.queue[:min(100, len(e.queue))]
		e.queue = e.queue[len(batch):]
		life := &life{}
		if e.faults > 0 && e.random.IntN(100) == 0 {
			life.dies, life.lost = 1+e.random.IntN(8), e.random.IntN(2) == 0
			placer = placerOf(e.memory, e.clock)
		}
		failed := place(e.t, placer, life.of(context.Background()), batch...)
		for _, message := range batch {
			switch {
			case life.dead || failed[message.MessageId]:
				e.hidden[now+30] = append(e.hidden[now+30], again(message))
			case e.faults > 0 && e.random.IntN(100) == 0:
				later := now + 1 + int64(e.random.IntN(40))
				e.hidden[later] = append(e.hidden[later], again(message))
			}
		}
	}
}

// again is a message as SQS delivers it another time.
func again(message events.SQSMessage) events.SQSMessage {
	message.Attributes = maps.Clone(message.Attributes)
	message.Attributes["ApproximateReceiveCount"] = "2"
	return message
}

// shop lets those who have a window claim and buy, leave, or do nothing.
func (e *evening) shop() {
	turn := e.turn()
	service := &queue.Service{Sales: turn.Sales, Store: e.store(), Key: turn.Key, Passes: passes{}, Clock: e.clock, Log: discard}
	for _, fan := range e.openWindows() {
		luck := (int(fan[0])*7 + int(fan[1])*13 + int(fan[2])) % 100
		if luck < 3 {
			continue // Does not come.
		}
		do := queue.Claim
		if luck < 8 {
			do = queue.Leave
		}
		response, _ := turn.Handle(context.Background(), post(map[string]string{"ticket": e.tickets[fan], "do": do}))
		var answer turned
		_ = json.Unmarshal([]byte(response.Body), &answer)
		if answer.Token != "" {
			_, _ = service.Handle(context.Background(), post(map[string]string{"token": answer.Token, "do": queue.Release}))
		}
	}
}

func (e *evening) countWrites() {
	for item, n := range e.writes {
		table, _, _ := strings.Cut(item, " ")
		if strings.Contains(item, "counter") {
			table = "counter"
		}
		e.hottest[table] = max(e.hottest[table], n)
	}
	clear(e.writes)
}

func TestAHundredThousandFansInFiveSeconds(t *testing.T) {
	s := sale()
	s.Windows, s.ClaimTTL, s.Rate = 1000, 10, 450
	e := &evening{
		world: newWorld(100_000, s), t: t, random: rand.New(rand.NewPCG(1, 2)), faults: 5, hidden: map[int64][]events.SQSMessage{},
		tickets: make(map[string]string, eveningFans), hottest: map[string]int{},
	}
	e.faultOf = func(call) fault {
		if e.random.IntN(1000) >= e.faults {
			return fine
		}
		return fault(1 + e.random.IntN(2))
	}
	keeper := e.keeper("k")
	everyone := 0
	for e.rounds = range 400 {
		if second := e.rounds; second*eveningJoins < eveningFans {
			faults := e.faults
			e.faults = 0 // Who gets no answer comes again by itself.
			e.come(second*eveningJoins, (second+1)*eveningJoins)
			e.faults = faults
		}
		e.work()
		life := &life{}
		if e.random.IntN(20) == 0 {
			life.dies = 1 + e.random.IntN(100)
		}
		_ = e.lead(life.of(context.Background()), keeper)
		if life.dead {
			keeper = e.keeper(strconv.Itoa(e.rounds))
		}
		if e.rounds%20 == 0 {
			e.checkWindows(t, s.Windows)
		}
		e.shop()
		e.countWrites()
		if e.rounds > 200 {
			e.faults = 0
		}
		e.clock.pass(time.Second)
		if e.rounds%10 == 0 && len(e.hidden) == 0 && len(e.queue) == 0 {
			everyone = len(e.called())
			if everyone == eveningFans {
				break
			}
		}
	}
	if everyone != eveningFans || len(e.tables["fans"]) != eveningFans {
		t.Fatalf("%d of %d have a place and %d were called after %d s", len(e.tables["fans"]), eveningFans, everyone, e.rounds)
	}
	checkPlaces(t, e.memory, eveningFans)
	ends := map[string]int{}
	for _, item := range e.tables["fans"] {
		ends[item["done"].Text()]++
	}
	given := e.tables["line"]["gig/counter/queue"]["place"].Int()
	t.Logf("%d s; %v; %d places given, %d of them gaps; most writes of an item a second: %v", e.rounds, ends, given, given-eveningFans, e.hottest)
	if e.hottest["counter"] < 190 || e.hottest["counter"] > 400 || e.hottest["fans"] > 20 || e.hottest["windows"] > 20 || e.hottest["state"] > 20 {
		t.Errorf("most writes of an item a second: %v", e.hottest)
	}
	// Who pressed twice, each a twentieth, and what died placers had taken.
	if lost := given - eveningFans; lost > eveningFans/20+eveningFans/50 {
		t.Errorf("%d gaps", lost)
	}
	if ends["purchased"] < eveningFans/2 || ends["left"] == 0 || ends["expired"] == 0 {
		t.Errorf("%v", ends)
	}
	var fastest int
	perSecond := map[int64]int{}
	for _, fan := range e.called() {
		perSecond[fan.Called/1000]++
		fastest = max(fastest, perSecond[fan.Called/1000])
	}
	if fastest > 451 {
		t.Errorf("%d were called in a second, at a rate of 450", fastest)
	}
}
