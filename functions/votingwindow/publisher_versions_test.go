package votingwindow_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// versions is a window whose configuration changes while publishers are at work.
type versions struct {
	*world
	t       *testing.T
	running sync.WaitGroup
	alive   atomic.Int64
	mu      sync.Mutex
	n       int
	log     []publication
}

// publication is one results object that somebody wrote.
type publication struct {
	holder   string
	version  int64
	invoked  time.Time
	from, to time.Time // The call.
}

// invocation is one tick under a time-out of 125 s.
type invocation struct {
	version int64
	window  votingwindow.Window
	process *process // nil for one that lives.
	takes   time.Duration
	claimed func(cancel context.CancelFunc) // Called once it claimed the lease; nil for nothing.
}

// begin starts an invocation in an environment of its own. What it returns ends its life.
func (v *versions) begin(of invocation) context.CancelFunc {
	v.n++
	ctx, cancel := context.WithTimeout(v.t.Context(), 125*time.Second)
	dying, kill := context.WithCancel(ctx)
	if of.process != nil {
		dying = of.process.of(dying)
	}
	publisher := v.publisher(fmt.Sprint("h", v.n))
	publisher.Version = of.version
	publisher.Rules = mustRules(of.window)
	publisher.InForce = &votingwindow.Clocked{Window: publisher.Rules.Window, Store: v.store(), Clock: v.clock}
	publisher.Store = mortal{claiming{publisher.Store, func() {
		if of.claimed != nil {
			of.claimed(kill)
		}
	}}, dying}
	publisher.Bucket = slow{v, publication{holder: publisher.Holder, version: of.version, invoked: time.Now()}, of.takes}
	v.alive.Add(1)
	v.running.Go(func() {
		defer v.alive.Add(-1)
		defer cancel()
		defer kill()
		_ = publisher.Handle(dying, nil)
	})
	return kill
}

// claiming tells when a claim took effect.
type claiming struct {
	votingwindow.PublisherStore
	took func()
}

func (c claiming) ClaimLease(ctx context.Context, version int64) (bool, error) {
	older, err := c.PublisherStore.ClaimLease(ctx, version)
	if older {
		c.took()
	}
	return older, err
}

// slow is a bucket whose writes take time and are noted.
type slow struct {
	*versions
	by    publication
	takes time.Duration
}

func (s slow) PutObject(ctx context.Context, key string, body []byte, contentType, cacheControl string) error {
	if key != votingwindow.ResultsObject {
		return s.world.PutObject(ctx, key, body, contentType, cacheControl)
	}
	done := s.by
	done.from = time.Now()
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	err := s.world.PutObject(ctx, key, body, contentType, cacheControl)
	done.to = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, done)
	return err
}

// first is the first publication of a version since a moment; last the last one of all times.
func (v *versions) first(version int64, since time.Time) (found publication, ok bool) {
	for _, p := range v.log {
		if p.version == version && !p.from.Before(since) {
			return p, true
		}
	}
	return publication{}, false
}

func (v *versions) last(version int64) (found publication) {
	for _, p := range v.log {
		if p.version == version {
			found = p
		}
	}
	return found
}

// check proves that never two published at once, and that none published after a newer one, unless its version was gone back to by then: an
// invocation of it that began after the newer one's publication published too.
func (v *versions) check() {
	v.t.Helper()
	for i, p := range v.log {
		for _, former := range v.log[:i] {
			if p.holder != former.holder && p.from.Before(former.to) {
				v.t.Errorf("%s published from %s, while %s did until %s", p.holder, p.from, former.holder, former.to)
			}
			back := slices.ContainsFunc(v.log[:i+1], func(q publication) bool { return q.version <= p.version && !q.invoked.Before(former.to) })
			if p.version < former.version && !back {
				v.t.Errorf("version %d, invoked at %s, published after version %d had at %s", p.version, p.invoked, former.version, former.to)
			}
		}
	}
	checkHistory(v.t, v.world)
}

// TestPublisherYieldsToANewerVersion: version 1 has published for half a minute when version 2 is invoked, whose window closes later.
func TestPublisherYieldsToANewerVersion(t *testing.T) {
	const (
		atOnce  = 7 * time.Second  // A round of the old one, and an attempt of the new one.
		expired = 17 * time.Second // A lease, and an attempt.
	)
	for name, test := range map[string]struct {
		opensLater time.Duration
		killsOld   bool // Once the new one has claimed the lease.
		killsNew   bool
		// within is when the figures of version 2 are there, since its first invocation; next whether its second one wrote them.
		within time.Duration
		next   bool
		status votingwindow.Status
		// alive is how many invocations are at work soon after: among them the older one in waiting, not the one that gave way.
		alive int64
	}{
		"at once":                 {within: atOnce, status: votingwindow.StatusOpen, alive: 2},
		"to wait for its opening": {opensLater: time.Hour, within: atOnce, status: votingwindow.StatusWaiting, alive: 1},
		"though the old one dies": {killsOld: true, within: expired, status: votingwindow.StatusOpen, alive: 2},
		"though the new one died": {killsNew: true, within: time.Minute, next: true, status: votingwindow.StatusOpen, alive: 1},
		"though both died":        {killsOld: true, killsNew: true, within: time.Minute, next: true, status: votingwindow.StatusOpen, alive: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &versions{world: newWorld(mustRules(around(time.Now())), clock.System{}), t: t}
				former := invocation{version: 1, window: around(time.Now())}
				killOld := v.begin(former)
				pass(20 * time.Second)
				v.begin(former) // The one in waiting.
				pass(10 * time.Second)
				applied := time.Now()
				next := invocation{version: 2, window: around(applied.Add(test.opensLater))}
				next.window.ClosesAt = next.window.ClosesAt.Add(time.Hour)
				second := next
				next.claimed = func(killNew context.CancelFunc) {
					if test.killsOld {
						killOld()
					}
					if test.killsNew {
						killNew()
					}
				}
				v.begin(next)
				pass(10 * time.Second)
				if alive := v.alive.Load(); alive != test.alive {
					t.Errorf("%d invocations are at work, should be %d", alive, test.alive)
				}
				pass(50 * time.Second)
				v.begin(second)
				v.running.Wait()
				v.check()
				first, ok := v.first(2, applied)
				if took := first.from.Sub(applied); !ok || took > test.within || (first.invoked != applied) != test.next {
					t.Errorf("version 2 published first after %s, want at most %s", took, test.within)
				}
				if old := v.last(1); !old.to.Before(first.from) || old.from.Before(applied.Add(-5*time.Second)) || old.from.After(applied.Add(5*time.Second)) {
					t.Errorf("version 1 published last at %s, version 2 first at %s", old.from, first.from)
				}
				if got := v.results(); got.Status != test.status || got.ClosesAt != next.window.ClosesAt.UTC().Format(time.RFC3339Nano) {
					t.Errorf("results %+v", got)
				}
			})
		})
	}
}

// TestPublisherOfAnOlderVersion: one that comes while a newer one is at work gets nothing, also when that dies; one that somebody went
// back to gets the lease.
func TestPublisherOfAnOlderVersion(t *testing.T) {
	for name, test := range map[string]struct {
		after     time.Duration // After the newer one began.
		dies      bool
		publishes bool
	}{
		"while the newer one works":        {after: 10 * time.Second},
		"while the newer one dies":         {after: 10 * time.Second, dies: true},
		"before the newer one's lease ran": {after: 40 * time.Second, dies: true},
		"after the newer one":              {after: 110 * time.Second, publishes: true},
		"after the newer one died":         {after: 46 * time.Second, dies: true, publishes: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &versions{world: newWorld(mustRules(around(time.Now())), clock.System{}), t: t}
				began := time.Now()
				kill := v.begin(invocation{version: 2, window: around(began)})
				if test.dies {
					time.AfterFunc(32*time.Second, kill) // Its last lease is of 30 s, until 45 s.
				}
				pass(test.after)
				if !test.dies && test.publishes {
					pass(test.after) // Its time is over.
				}
				v.begin(invocation{version: 1, window: around(began)})
				v.running.Wait()
				v.check()
				if _, published := v.first(1, began); published != test.publishes {
					t.Errorf("the older one published: %t, should be %t", published, test.publishes)
				}
			})
		})
	}
}

// TestPublishersOfManyVersions plays applies at random moments, ticks that still reach the old configuration, deaths at any call, throttling and
// lost answers, and slow writes.
func TestPublishersOfManyVersions(t *testing.T) {
	yielded := 0
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			v := &versions{world: newWorld(mustRules(around(time.Now())), clock.System{}), t: t}
			rate := []uint64{0, 3, 20}[random.IntN(3)]
			v.failOf = func(call string) fault {
				if n := hash(seed, call, time.Now().UnixNano()); n%100 < rate {
					return fault(1 + n/100%2)
				}
				return fine
			}
			v.faultOf = func(operation, table, key string, n int) fault { return v.failOf(fmt.Sprint(operation, table, key, n)) }
			version := int64(1)
			for range 12 {
				of := invocation{version: version, window: around(time.Now()), takes: time.Duration(random.IntN(4000)) * time.Millisecond}
				of.window.ClosesAt = of.window.ClosesAt.Add(time.Duration(version) * time.Minute)
				if random.IntN(6) == 0 {
					of.version = max(1, version-1) // Lambda has not yet heard of the new one.
				}
				if random.IntN(3) == 0 {
					of.process = &process{dies: random.Int64N(60)}
				}
				v.begin(of)
				pass(time.Duration(random.IntN(60)) * time.Second)
				if random.IntN(3) == 0 {
					version++
				}
			}
			v.running.Wait()
			v.check()
			for i := 1; i < len(v.log); i++ {
				if v.log[i].version > v.log[i-1].version {
					yielded++
				}
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if yielded < 300 {
		t.Errorf("%d times a newer version followed on an older one", yielded)
	}
}
