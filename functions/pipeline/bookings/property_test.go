package bookings_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

// storm is a world in which everything happens: functions die, calls are throttled or lose their answers, messages come twice and in any order, the third party has
// every weather, and users cancel.
type storm struct {
	*world
	random    *rand.Rand
	ids       []string
	cancelled map[string]bool // Those of which a user was told that they are.
}

func newStorm(t *testing.T, seed uint64) *storm {
	t.Helper()
	s := &storm{world: newWorld(t), random: rand.New(rand.NewPCG(seed, 7)), cancelled: map[string]bool{}}
	s.giveUp = 1000 * time.Hour
	s.timeout = 20 * time.Millisecond
	s.jitter = func() float64 { return 0.3 }
	s.fill(12, "Kew", "Carlton", "Fitzroy")
	for i := range 6 {
		s.clock.pass(time.Millisecond)
		s.ids = append(s.ids, s.book(t, []string{"Kew", "Carlton", "Fitzroy"}[i%3]).ID)
	}
	weathers := func(stream uint64) func() weather { // Those after which one tries again.
		random := rand.New(rand.NewPCG(seed, stream))
		return func() weather { return weather(random.IntN(int(declines))) }
	}
	s.third.of, s.hook.of = weathers(8), weathers(9)
	fates := rand.New(rand.NewPCG(seed, 10)) // Its calls are those of several goroutines, under a lock.
	s.fateOf = func(string) fate {
		switch fates.IntN(40) {
		case 0:
			return before
		case 1:
			return after
		}
		return fine
	}
	return s
}

// living is an invocation that may die.
func (s *storm) living() context.Context {
	if s.random.IntN(3) > 0 {
		return context.Background()
	}
	return (&life{dies: 1 + s.random.IntN(14), lost: s.random.IntN(2) == 0}).of(context.Background())
}

func (s *storm) step() {
	switch ctx := s.living(); s.random.IntN(10) {
	case 0:
		s.clock.pass(time.Duration(s.random.Int64N(int64(25 * time.Minute))))
	case 1, 2:
		s.items.takes = time.Duration(s.random.IntN(12)) * time.Second
		event := json.RawMessage(`{}`)
		if n := len(s.stage.sent); n > 0 && s.random.IntN(2) == 0 {
			event = stageEvent(s.stage.sent[s.random.IntN(n)])
		}
		_ = s.creator().Handle(dated{ctx, s.clock.Now().Add(time.Minute)}, event)
	case 3, 4, 5, 6:
		s.receive(ctx, s.uploads, s.uploader().Handle)
	case 7, 8:
		s.receive(ctx, s.outcomes, s.notifier().Handle)
	case 9:
		if s.random.IntN(6) > 0 {
			_ = s.sweeper().Handle(ctx)
			return
		}
		id := s.ids[s.random.IntN(len(s.ids))]
		if b, err := s.store().Cancel(ctx, id); err == nil && b.Status == bookings.Cancelled {
			s.cancelled[id] = true
		}
	}
}

// receive lets a function have any message that has arrived. It may come again though it was handled.
func (s *storm) receive(ctx context.Context, q *queue, handle func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)) {
	event, done, ok := q.take(s.random.IntN)
	if !ok {
		return
	}
	response, err := handle(ctx, event)
	owner, _ := ctx.Value(lifeKey{}).(*life)
	if err == nil && len(response.BatchItemFailures) == 0 && (owner == nil || !owner.dead) && s.random.IntN(5) > 0 {
		done()
	}
}

// Whatever happens on the way, in the end each booking is uploaded, unless it was cancelled or its data could not be made; the third party has the data of each once,
// whole, by its key, and nothing of what was cancelled; of each end somebody is told under one id.
func TestNothingIsLostAndNothingTwice(t *testing.T) {
	uploaded, all := 0, 0
	for seed := range uint64(40) {
		s := newStorm(t, seed)
		for range 160 {
			s.step()
		}
		s.fateOf = nil
		s.third.set(sunny)
		s.hook.set(sunny)
		s.items.takes = 0
		for i := range 240 {
			if i%60 == 0 {
				s.create(t)
			}
			s.minute(t)
		}
		for _, id := range s.ids {
			all++
			if s.check(t, id) == bookings.Uploaded {
				uploaded++
			}
		}
		if len(s.kinds["open"]) != 0 || strings.Contains(s.log.String(), "s3cr3t") {
			t.Errorf("seed %d: %d are open", seed, len(s.kinds["open"]))
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if uploaded < all/2 {
		t.Errorf("only %d of %d were uploaded: the storm tries too little", uploaded, all)
	}
}

// check proves what is true of a booking at its end.
func (s *storm) check(t *testing.T, id string) bookings.Status {
	t.Helper()
	b := s.booking(t, id)
	var keys []string
	for key := range s.third.has() {
		if strings.HasPrefix(key, id) {
			keys = append(keys, key)
		}
	}
	switch {
	case s.cancelled[id] && b.Status != bookings.Cancelled, b.Status == bookings.Cancelled && len(keys) > 0:
		t.Errorf("a cancelled booking is %+v, and the third party has %q", b, keys)
	case b.Status == bookings.Uploaded && (!slices.Equal(keys, []string{b.Key}) || !slices.Equal(rowsOf(unzip(t, s.third.has()[b.Key])), s.expected(b.Value))):
		t.Errorf("the third party has %q of %+v", keys, b)
	case b.Status == bookings.Failed && (b.Key != "" || len(keys) > 0):
		t.Errorf("it failed though its data was there: %+v", b)
	case !b.Status.Over():
		t.Errorf("it is not at its end: %+v", b)
	}
	past := s.past[id]
	for i := 1; i < len(past); i++ {
		if !bookings.Status(past[i-1]).May(bookings.Status(past[i])) {
			t.Errorf("%s went %v", id, past)
		}
	}
	told := 0
	for _, text := range s.told.sent {
		if strings.Contains(text, fmt.Sprintf(`"booking":%q`, id)) {
			told++
			if !strings.Contains(text, fmt.Sprintf(`"id":"%s-%s"`, id, b.Status)) {
				t.Errorf("%+v, and was told: %s", b, text)
			}
		}
	}
	if (told > 0) != (b.Status != bookings.Cancelled) {
		t.Errorf("told %d times of %+v", told, b)
	}
	return b.Status
}
