package votingwindow_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// A publisher that was frozen while its lease ran out must not write over its successor.
func TestPublisherThatThaws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(mustRules(around(time.Now())), clock.System{})
		w.vote(t, "w1", "yes", "m1")
		var running sync.WaitGroup
		running.Go(func() {
			publisher := w.publisher("frozen")
			publisher.Store = freezing{publisher.Store}
			publisher.Bucket = signed{w, t}
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			if err := publisher.Handle(ctx, nil); err == nil {
				t.Error("no error though it never wrote")
			}
		})
		pass(time.Second)
		w.mustTick(t, "successor")
		running.Wait()
		checkHistory(t, w)
		if first := w.times[0].Sub(w.rules.OpensAt.Add(time.Minute)); first < 15*time.Second || first > 17*time.Second {
			t.Errorf("the successor wrote first after %s", first)
		}
	})
}

// freezing holds up its publisher for longer than a lease.
type freezing struct{ votingwindow.PublisherStore }

func (f freezing) Counters(ctx context.Context, rehearsal bool) (votingwindow.Counts, error) {
	pass(20 * time.Second)
	return f.PublisherStore.Counters(ctx, rehearsal)
}

// signed is the bucket of a publisher that must never get to write.
type signed struct {
	*world
	t *testing.T
}

func (s signed) PutObject(context.Context, string, []byte, string, string) error {
	s.t.Error("written without a lease")
	return nil
}

// The final results were written and the answer was lost: nobody may see provisional ones after them.
func TestPublisherShowsFinalOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(mustRules(around(time.Now().Add(-8*time.Minute))), clock.System{})
		w.vote(t, "w1", "yes", "m1")
		lost := 0
		for i := range 8 {
			publisher := w.publisher(fmt.Sprint("p", i))
			publisher.Bucket = losing{w, &lost}
			ctx, cancel := context.WithTimeout(t.Context(), 65*time.Second)
			_ = publisher.Handle(ctx, nil)
			cancel()
			pass(time.Second)
		}
		if lost != 3 || w.results().Status != votingwindow.StatusFinal {
			t.Errorf("%d answers lost, results %s", lost, w.results().Status)
		}
		w.check(t, []string{"m1"})
		checkHistory(t, w)
	})
}

// losing loses the answers to the first three final results.
type losing struct {
	*world
	lost *int
}

func (l losing) PutObject(ctx context.Context, key string, body []byte, contentType, cacheControl string) error {
	err := l.world.PutObject(ctx, key, body, contentType, cacheControl)
	if key == votingwindow.ResultsObject && bytes.Contains(body, []byte(`"final"`)) && *l.lost < 3 {
		*l.lost++
		return errInfrastructure
	}
	return err
}

// A seal that is not written binds no recorder: nothing may be counted for good under it.
func TestPublisherCountsOnlyUnderTheSeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(mustRules(around(time.Now().Add(-8*time.Minute))), clock.System{})
		for i := range 6 {
			publisher := w.publisher(fmt.Sprint("p", i))
			publisher.Store = unsealed{publisher.Store}
			ctx, cancel := context.WithTimeout(t.Context(), 125*time.Second)
			_ = publisher.Handle(ctx, nil)
			cancel()
		}
		state, err := w.store().WindowState(t.Context())
		if err != nil || state.Phase != votingwindow.PhaseSettling || w.results().Status != votingwindow.StatusProvisional {
			t.Errorf("phase %s, results %s, %v", state.Phase, w.results().Status, err)
		}
		w.ticks(t, 3)
		w.check(t, nil)
	})
}

// unsealed is a store in which somebody else always wrote first, when it comes to sealing.
type unsealed struct{ votingwindow.PublisherStore }

func (u unsealed) PutWindowState(ctx context.Context, state votingwindow.State) (bool, error) {
	if state.Phase == votingwindow.PhaseSealed {
		return false, nil
	}
	return u.PublisherStore.PutWindowState(ctx, state)
}

func TestPublisherPublishesAsSeldomAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(mustRules(around(time.Now())), clock.System{})
		publisher := w.publisher("a")
		publisher.PublishEvery = 20 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), 125*time.Second)
		defer cancel()
		if err := publisher.Handle(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if len(w.times) != 6 || w.times[1].Sub(w.times[0]) != 20*time.Second {
			t.Errorf("published at %v", w.times)
		}
	})
}
