package votingwindow_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// plan is what an evening is to be: a window, its rules, its votes and its hardships.
type plan struct {
	votes      int
	voters     int
	window     votingwindow.Window // Its times are set when the evening begins.
	recorder   votingwindow.RecorderConfig
	tickets    bool
	listed     bool          // There is an allow list: nine voters in ten are on it.
	perAddress int           // Votes of one address in a minute that are not suspicious; 0 for any.
	afterClose bool          // Figures are kept back.
	moved      time.Duration // By how much an operator moves the closing time, as late as that can be exact.
	rehearsed  bool
	faults     uint64 // In a hundred calls of a table.
	deaths     int    // In a hundred batches.
}

const (
	// namePrefix begins every identifier, and addressPrefix every address; a hash has no dot.
	namePrefix    = "zq."
	addressPrefix = "203.0.113."
	// evening is how long the window is open before anybody moves it.
	evening = 10 * time.Minute
	// heldUntil, after opening, votes surface that SQS had lost from sight.
	heldUntil = 50 * time.Minute
	workersUp = 24
)

// cast is one vote that was sent.
type cast struct {
	sent     int64 // Milliseconds since 1970; zero where it is not sent yet.
	received int32
	voter    int32
	question int8
	answer   int8
	kind     kind
	held     bool
	done     bool // Deleted from the queue.
}

// kind is what is wrong with a vote.
type kind int8

const (
	sound kind = iota
	poison
	badVoter
	badAnswer
	badQuestion
	badTicket
	notListed
	rehearsalVote
)

// drama is an evening as it goes: the queue, the voters, the workers and the operators around the functions.
type drama struct {
	*world
	plan
	t      tester
	random *rand.Rand // Of the sender alone.
	seed   uint64
	key    ed25519.PrivateKey
	judge  *votingwindow.Judge
	closes time.Time // In force, in the end.
	intake *votingwindow.Intake
	log    *syncBuffer

	queue sync.Mutex
	casts []cast
	ready []int32
	later map[int64][]int32 // By the second when they are visible again.
	swept int64
	left  int // Sent, not deleted, and not held.
	pick  *rand.Rand
}

func (d *drama) bot(voter int32) bool { return d.perAddress > 0 && voter%50 == 7 }

func (d *drama) address(voter int32) string {
	if d.bot(voter) {
		return addressPrefix + "7"
	}
	return fmt.Sprintf("%s%d.%d", addressPrefix, voter%250, voter/250)
}

func (d *drama) name(voter int32) string { return fmt.Sprintf("%s%d", namePrefix, voter) }

func (d *drama) ticket(voter int32) string {
	return base64.RawURLEncoding.EncodeToString(ed25519.Sign(d.key, []byte(base.Name+"\n"+d.name(voter))))
}

// choice is a vote's question and answer.
func (d *drama) choice(c *cast) (question, answer string) {
	ids := strings.Split(d.window.Questions[c.question], "/")
	return ids[0], ids[1+int(c.answer)%(len(ids)-1)]
}

func (d *drama) vote(c *cast) votingwindow.Vote {
	question, answer := d.choice(c)
	vote := votingwindow.Vote{Voter: d.name(c.voter), Question: question, Answer: answer, Rehearsal: c.kind == rehearsalVote}
	switch c.kind {
	case badVoter:
		vote.Voter = "somebody else"
	case badAnswer:
		vote.Answer = "none"
	case badQuestion:
		vote.Question = "none"
	}
	if d.tickets && c.kind != badTicket {
		vote.Ticket = d.ticket(c.voter)
	}
	return vote
}

func (d *drama) body(c *cast) string {
	if c.kind == poison {
		return `{"voter":"` + d.name(c.voter) + `"`
	}
	vote := d.vote(c)
	if !d.recorder.Direct {
		vote.Address = d.address(c.voter)
	}
	encoded, err := json.Marshal(vote)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

func messageID(i int) string { return fmt.Sprintf("0a1b2c3d-4e5f-4000-8000-%012x", i) }

// send puts a vote on the queue.
func (d *drama) send(c cast, sent time.Time) int {
	d.queue.Lock()
	defer d.queue.Unlock()
	c.sent = sent.UnixMilli()
	d.casts = append(d.casts, c)
	i := len(d.casts) - 1
	if c.held {
		d.hide(int32(i), heldUntil-time.Since(d.window.OpensAt))
		return i
	}
	d.left++
	d.ready = append(d.ready, int32(i))
	return i
}

// hide makes a message visible after a while; the lock is held.
func (d *drama) hide(i int32, wait time.Duration) {
	second := time.Now().Add(wait).Unix() + 1
	d.later[second] = append(d.later[second], i)
}

// take receives up to so many messages, any of those that are visible.
func (d *drama) take(most int) []int32 {
	d.queue.Lock()
	defer d.queue.Unlock()
	for now := time.Now().Unix(); d.swept <= now; d.swept++ {
		d.ready = append(d.ready, d.later[d.swept]...)
		delete(d.later, d.swept)
	}
	var taken []int32
	for len(taken) < most && len(d.ready) > 0 {
		at := d.pick.IntN(len(d.ready))
		i := d.ready[at]
		d.ready[at] = d.ready[len(d.ready)-1]
		d.ready = d.ready[:len(d.ready)-1]
		if slices.Contains(taken, i) {
			d.hide(i, time.Second) // A second copy comes by itself.
			continue
		}
		d.casts[i].received++
		taken = append(taken, i)
	}
	return taken
}

func (d *drama) event(taken []int32) events.SQSEvent {
	d.queue.Lock()
	defer d.queue.Unlock()
	event := events.SQSEvent{Records: make([]events.SQSMessage, len(taken))}
	for at, i := range taken {
		c := &d.casts[i]
		event.Records[at] = sqsMessage(messageID(int(i)), d.body(c), time.UnixMilli(c.sent), int(c.received))
	}
	return event
}

// settle deletes what was recorded, and lets the rest come again after its visibility timeout. Now and then SQS delivers a message that was
// deleted.
func (d *drama) settle(taken []int32, recorded func(id string) bool) {
	d.queue.Lock()
	defer d.queue.Unlock()
	for _, i := range taken {
		c := &d.casts[i]
		switch {
		case !recorded(messageID(int(i))):
			d.hide(i, 30*time.Second)
			continue
		case !c.done:
			c.done = true
			if !c.held {
				d.left--
			}
		}
		if d.pick.IntN(50) == 0 {
			d.hide(i, time.Duration(1+d.pick.IntN(200))*time.Second)
		}
	}
}

// work is one Lambda environment after another, each taking batch after batch until it dies.
func (d *drama) work(ctx context.Context, number int) {
	random := rand.New(rand.NewPCG(d.seed, uint64(number)))
	var recorder *votingwindow.Recorder
	born := 0
	for ctx.Err() == nil {
		if d.mappingState() != "Enabled" {
			pass(5 * time.Second)
			continue
		}
		taken := d.take(100)
		if len(taken) == 0 {
			pass(time.Second)
			continue
		}
		if recorder == nil {
			born++
			recorder = d.newRecorder(fmt.Sprintf("w%d.%d", number, born))
		}
		life := &process{}
		if random.IntN(100) < d.deaths {
			life.dies = 1 + random.Int64N(150)
		}
		within, cancel := context.WithTimeout(life.of(ctx), 20*time.Second)
		response, err := recorder.Handle(within, d.event(taken))
		cancel()
		pass(time.Duration(10+random.IntN(100)) * time.Millisecond)
		failed := map[string]bool{}
		for _, failure := range response.BatchItemFailures {
			failed[failure.ItemIdentifier] = true
		}
		answered := err == nil && !life.dead.Load() && random.IntN(100) >= d.deaths
		d.settle(taken, func(id string) bool { return answered && !failed[id] })
		if !answered {
			recorder = nil
		}
	}
}

func (d *drama) mappingState() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mapping
}

func (d *drama) newRecorder(worker string) *votingwindow.Recorder {
	return &votingwindow.Recorder{
		Judge: d.judge, InForce: d.inForce(), Store: d.store(), Clock: d.clock, Worker: worker, Log: d.log.logger("recorder"), Metrics: d.log.metrics("recorder"),
	}
}

func (d *drama) inForce() *votingwindow.Clocked {
	return &votingwindow.Clocked{Window: d.rules.Window, Store: d.store(), Clock: d.clock}
}

// random vote, with what may be wrong with one.
func (d *drama) draw() cast {
	c := cast{
		voter: int32(d.random.IntN(d.voters)), question: int8(d.random.IntN(len(d.window.Questions))), answer: int8(d.random.IntN(3)),
		held: d.random.IntN(2000) == 0,
	}
	if d.listed && c.voter%10 == 3 {
		c.kind = notListed
	}
	switch d.random.IntN(200) {
	case 0:
		c.kind = poison
	case 1:
		c.kind = badVoter
	case 2:
		c.kind = badAnswer
	case 3:
		c.kind = badQuestion
	case 4:
		if d.tickets {
			c.kind = badTicket
		}
	case 5:
		c.kind = rehearsalVote // Too late: it is rejected.
	}
	return c
}

// vote through intake: what it takes is on the queue.
func (d *drama) request(c cast) {
	vote := d.vote(&c)
	encoded, err := json.Marshal(vote)
	if err != nil {
		panic(err)
	}
	request := votingwindow.IntakeRequest{Body: string(encoded)}
	request.RequestContext.HTTP.Method, request.RequestContext.HTTP.SourceIP = "POST", d.address(c.voter)
	response, err := (&votingwindow.Intake{
		Rules: d.intake.Rules, InForce: d.intake.InForce, Queue: counter{d, c}, Clock: d.clock, Log: d.log.logger("intake"),
	}).Handle(context.Background(), request)
	now := time.Now()
	// Before the configured closing time intake does not ask whether somebody moved it.
	after := !now.Before(d.window.ClosesAt)
	late := after && !now.Before(d.closes)
	want := 202
	switch {
	case c.kind == badVoter || c.kind == badAnswer || c.kind == badQuestion || c.kind == badTicket:
		want = 422
	case now.Before(d.window.OpensAt) != (c.kind == rehearsalVote), after && !now.Before(d.closes.Add(d.window.Grace)):
		want = 403
	}
	if response.StatusCode == 503 && after && d.faults > 0 {
		return // The closing time in force could not be read.
	}
	if err != nil || response.StatusCode != want || (want == 202 && strings.Contains(response.Body, `"late":true`) != late) {
		d.t.Errorf("intake answered %d %s to a vote of kind %d at %s, %v", response.StatusCode, response.Body, c.kind, now, err)
	}
}

// counter is the queue as intake sees it.
type counter struct {
	*drama
	cast cast
}

func (c counter) Send(_ context.Context, body string) (string, error) {
	var vote votingwindow.Vote
	if err := json.Unmarshal([]byte(body), &vote); err != nil || vote.Address != c.address(c.cast.voter) {
		c.t.Errorf("intake sent %s, %v", body, err)
	}
	c.cast.held = false
	return messageID(c.send(c.cast, time.Now())), nil
}

// voting sends the evening's votes: a third of them in the first half minute, a few before the opening and after closing.
func (d *drama) voting() {
	lasts := d.closes.Sub(d.window.OpensAt)
	seconds := int((lasts + d.window.Grace + 30*time.Second).Seconds())
	share := func(second int) float64 {
		switch after := time.Duration(second) * time.Second; {
		case second < 0:
			return 0.0002
		case second < 30:
			return 0.3 / 30
		case after < lasts:
			return 0.69 / (lasts.Seconds() - 30)
		default:
			return 0.0001
		}
	}
	var owed float64
	for second := -5; second < seconds; second++ {
		pass(time.Until(d.window.OpensAt.Add(time.Duration(second+1) * time.Second)))
		now := time.Now()
		for owed += share(second) * float64(d.votes); owed >= 1; owed-- {
			c := d.draw()
			if !d.recorder.Direct && c.kind != poison && d.random.IntN(50) == 0 {
				d.request(c)
				continue
			}
			d.send(c, now.Add(-time.Duration(d.random.IntN(4))*250*time.Millisecond)) // Some of one person at the same moment.
		}
	}
}
