package votingwindow_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// stingy is a provisioned table that refuses two of three calls, after all attempts of its client.
type stingy struct {
	*memory
	calls atomic.Int64
}

func (s *stingy) refuses() error {
	if s.calls.Add(1)%3 == 0 {
		return nil
	}
	return fmt.Errorf("after three attempts: %w", refusalOf("ProvisionedThroughputExceededException"))
}

func (s *stingy) ScanInto(ctx context.Context, scan *dynamodb.Scan, items any) (dynamodb.Item, error) {
	if err := s.refuses(); err != nil {
		return nil, err
	}
	return s.memory.ScanInto(ctx, scan, items)
}

func (s *stingy) UpdateItem(ctx context.Context, update *dynamodb.UpdateItem) error {
	if err := s.refuses(); err != nil {
		return err
	}
	return s.memory.UpdateItem(ctx, update)
}

func (s *stingy) DeleteItem(ctx context.Context, remove *dynamodb.DeleteItem) error {
	if err := s.refuses(); err != nil {
		return err
	}
	return s.memory.DeleteItem(ctx, remove)
}

// Work on a whole table goes on where the table is too busy: one that began anew at each refusal would not come to its end, and the window would not be final.
func TestWorkOnABusyTableComesToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		suspicious(t, m)
		store := &votingwindow.Store{Client: &stingy{memory: m}, Ballots: "ballots", Ledger: "ledger", Tallies: "tallies"}
		tally, err := store.CountBallots(t.Context(), true)
		if err != nil || tally.Real.Quarantined != 5 || tally.Real.Counted() != 1 {
			t.Errorf("counted %+v, %v", tally.Real, err)
		}
		rows := 0
		if err := store.BallotsInOrder(t.Context(), func(votingwindow.Ballot) error { rows++; return nil }); err != nil || rows != 7 {
			t.Errorf("%d rows, %v", rows, err)
		}
		request := votingwindow.QuarantineRequest{Action: "release", Rule: votingwindow.RuleRate}
		released, err := (&votingwindow.Quarantine{Store: store}).Handle(t.Context(), request)
		if err != nil || released.Total != 4 {
			t.Errorf("released %+v, %v", released, err)
		}
		removed, err := store.RemoveRehearsal(t.Context())
		if err != nil || removed.Ballots != 1 {
			t.Errorf("removed %+v, %v", removed, err)
		}
	})
}

// Patience ends with the invocation, and is for nothing but throttling.
func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		suspicious(t, m)
		m.faultOf = func(string, string, string, int) fault { return before }
		began := time.Now()
		if _, err := m.store().CountBallots(t.Context(), true); err == nil || time.Since(began) != 0 {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		store := &votingwindow.Store{Client: refusing{m}, Ballots: "ballots", Ledger: "ledger", Tallies: "tallies"}
		if _, err := store.CountBallots(ctx, true); err == nil || time.Since(began) != time.Minute {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

// refusing is a table that refuses every scan.
type refusing struct{ *memory }

func (refusing) ScanInto(context.Context, *dynamodb.Scan, any) (dynamodb.Item, error) {
	return nil, refusalOf("ThrottlingException")
}
