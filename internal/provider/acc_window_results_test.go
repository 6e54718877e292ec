package provider_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

const (
	// unreserved is the concurrency that the flood uses up.
	unreserved = 6
	// floodFor is longer than a publisher lives, so that one must be let in while
	// nothing else is.
	floodFor = 30 * time.Second
	// staleAfter is the longest that results may stay as they are: published every
	// five seconds, with what a busy machine and a change of publishers cost.
	staleAfter = 9 * time.Second
)

// TestAccWindowResultsGoOn: with all concurrency of the account used up, and votes
// refused for it, results are published as ever.
func TestAccWindowResultsGoOn(t *testing.T) {
	e := newEvening(t, "goeson", map[string]any{"functions": map[string]any{"publisher": map[string]any{"timeout_seconds": 30}}})
	defer e.end()
	e.cast(0, many, overHTTP(e.output("vote_url")))
	e.books(many)
	eventually(t, endsWithin, func() error {
		if r := e.published(); r.Total != many {
			return fmt.Errorf("the results have %d votes", r.Total)
		}
		return nil
	})

	if err := local.SetConcurrency(t.Context(), string(e.a), unreserved+2); err != nil {
		t.Fatal(err)
	}
	var busy atomic.Bool
	busy.Store(true)
	if _, err := local.Gate().Faults().Add(localaws.Fault{
		Service: "sqs", Operation: "SendMessage", Match: func(c localaws.Call) bool { return busy.Load() && strings.Contains(c.Resource, e.name) },
		Kind: localaws.FaultDelay, Delay: 3 * time.Second,
	}); err != nil {
		t.Fatal(err)
	}
	url := e.output("vote_url")
	var throttled atomic.Int64
	var flood sync.WaitGroup
	for i := range 2 * unreserved {
		flood.Go(func() {
			again := time.NewTicker(100 * time.Millisecond)
			defer again.Stop()
			for n := 0; n == 0 || busy.Load(); <-again.C {
				voter := fmt.Sprintf("1%03d%04d", i, n)
				switch a, err := post(t.Context(), url, ballotOf(voter, "anna")); {
				case err != nil:
					t.Error(err)
					return
				case a.status == http.StatusAccepted:
					e.accept(voter, a.ID)
					n++
				case a.status == http.StatusTooManyRequests:
					throttled.Add(1)
				}
			}
		})
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	last, seen, since := e.published(), 0, time.Now()
	next := since
	for began := since; time.Since(began) < floodFor; <-tick.C {
		if !time.Now().Before(next) {
			e.tick("publisher") // As the schedule does, if more often: these publishers live for a fifth as long.
			next = next.Add(10 * time.Second)
		}
		switch r := e.published(); {
		case r.Version < last.Version || r.Total < last.Total:
			t.Errorf("results went back from %+v to %+v", last, r)
		case r.Version > last.Version:
			last, since = r, time.Now()
			seen++
		case time.Since(since) > staleAfter:
			t.Errorf("results stayed at version %d for %s", r.Version, time.Since(since))
			since = time.Now()
		}
	}
	busy.Store(false)
	if err := local.SetConcurrency(t.Context(), string(e.a), 1000); err != nil {
		t.Fatal(err)
	}
	flood.Wait()
	if throttled.Load() == 0 {
		t.Error("no vote was refused: the concurrency was not used up")
	}
	if least := int(floodFor/staleAfter) + 1; seen < least {
		t.Errorf("%d results were published in %s, should be at least %d", seen, floodFor, least)
	}
	equal(t, "the status", last.Status, votingwindow.StatusOpen)

	e.books(int64(len(e.accepted)))
}
