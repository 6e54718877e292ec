package votingwindow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// RateStore is what marking the ballots of suspicious addresses needs.
type RateStore interface {
	// EachBallot visits the real ballots, strongly consistent, one at a time, without their answers.
	EachBallot(ctx context.Context, visit func(Ballot)) error
	// QuarantineBallot puts a ballot into quarantine that is in none and never was released from it. It says whether it did.
	QuarantineBallot(ctx context.Context, key, rule string) (bool, error)
}

// changeAtOnce is how many ballots are marked, released or removed at the same time.
const changeAtOnce = 16

// addressMinute is one hashed address in one minute.
type addressMinute struct {
	address [16]byte
	minute  int32 // Since 1970.
}

func minuteOf(ballot Ballot) (where addressMinute) {
	copy(where.address[:], ballot.Address)
	where.minute = int32(ballot.Sent.Unix() / 60) //nolint:gosec // There is room until the year 6053.
	return where
}

// rateCells is how many counters stand for all addresses and minutes, in 32 MB: a map of some million addresses with a vote each would take more than the
// publisher has.
const rateCells = 1 << 24

// busy are counters of cells, each of which many addresses and minutes share.
type busy struct {
	seed  maphash.Seed
	cells []uint16
}

func (b *busy) cell(where addressMinute) *uint16 {
	return &b.cells[maphash.Comparable(b.seed, where)%rateCells]
}

// quarantineRates marks the ballots of each address that has more than perAddress in one minute, by their sent time. What is marked or released
// already counts to these all the same, so that doing it again, after a death in the middle, marks what is left and nothing else. It
// returns how many it marked. Only what is in a cell with so many votes is counted by itself; mostly there is no such cell, and nothing more to do.
func quarantineRates(ctx context.Context, store RateStore, perAddress int) (int, error) {
	all, suspected := &busy{maphash.MakeSeed(), make([]uint16, rateCells)}, false
	limit := min(perAddress, math.MaxUint16-1)
	err := store.EachBallot(ctx, func(ballot Ballot) {
		if cell := all.cell(minuteOf(ballot)); ballot.Address != "" && *cell < math.MaxUint16 {
			*cell++
			suspected = suspected || int(*cell) > limit
		}
	})
	if err != nil {
		return 0, fmt.Errorf("count votes by address: %w", err)
	}
	if !suspected {
		return 0, nil
	}
	counts := map[addressMinute]int32{}
	err = store.EachBallot(ctx, func(ballot Ballot) {
		if where := minuteOf(ballot); ballot.Address != "" && int(*all.cell(where)) > limit {
			counts[where]++
		}
	})
	if err != nil {
		return 0, fmt.Errorf("count votes by suspected address: %w", err)
	}
	return changeBallots(ctx, store.EachBallot, func(ballot Ballot) bool {
		return ballot.Address != "" && ballot.Quarantine == "" && ballot.Released == "" && int(counts[minuteOf(ballot)]) > perAddress
	}, func(ctx context.Context, key string) (bool, error) { return store.QuarantineBallot(ctx, key, RuleRate) })
}

// changeBallots changes the ballots that are due, several at a time, and returns how many it did change.
func changeBallots(
	ctx context.Context, each func(context.Context, func(Ballot)) error,
	due func(Ballot) bool, change func(ctx context.Context, key string) (bool, error),
) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	keys := make(chan string)
	var mu sync.Mutex
	var changed int
	var fault error
	var workers sync.WaitGroup
	for range changeAtOnce {
		workers.Go(func() {
			for key := range keys {
				if ctx.Err() != nil {
					continue // Only to let the scan end.
				}
				var done bool
				err := whileBusy(ctx, func() (err error) {
					done, err = change(ctx, key)
					return err
				})
				mu.Lock()
				if done {
					changed++
				}
				if err != nil && fault == nil {
					fault = err
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	err := each(ctx, func(ballot Ballot) {
		if due(ballot) {
			keys <- ballot.Key
		}
	})
	close(keys)
	workers.Wait()
	if fault != nil {
		err = fault // The scan failed because of it.
	}
	return changed, err
}

// QuarantineStore is what the quarantine reads and writes.
type QuarantineStore interface {
	EachBallot(ctx context.Context, visit func(Ballot)) error
	// ReleaseBallot takes a ballot out of the quarantine that it is in by a rule, and says whether it did.
	ReleaseBallot(ctx context.Context, key, rule string) (bool, error)
	WindowState(ctx context.Context) (State, error)
	PutWindowState(ctx context.Context, state State) (bool, error)
}

// Quarantine lists the suspicious ballots and releases them.
type Quarantine struct {
	Store QuarantineStore
}

// QuarantineRequest is the event: `{"action":"list"}` or `{"action":"release","rule":"rate","address":"…"}`.
type QuarantineRequest struct {
	Action  string `json:"action"`
	Rule    string `json:"rule"`
	Address string `json:"address"` // Hashed, as the list has it; empty for all.
}

// QuarantineGroup is the ballots of one rule, address and minute.
type QuarantineGroup struct {
	Rule    string `json:"rule"`
	Address string `json:"address,omitempty"` // Hashed; empty where it is unknown.
	Minute  string `json:"minute"`            // Its beginning, RFC 3339 in UTC.
	Count   int64  `json:"count"`
}

// Quarantining is the answer.
type Quarantining struct {
	Groups    []QuarantineGroup `json:"groups,omitempty"`    // Of a list: the largest first.
	Total     int64             `json:"total"`               // Of a list: ballots in quarantine. Of a release: ballots released.
	Truncated bool              `json:"truncated,omitempty"` // There are more groups than an answer holds.
	// Recount is, of a release, whether the figures were final and are now counted and published again, within two minutes.
	Recount bool `json:"recount,omitempty"`
}

// maxGroups keeps a list well within the 6 MB of a function's answer.
const maxGroups = 10_000

// Handle does what the event asks for.
func (q *Quarantine) Handle(ctx context.Context, request QuarantineRequest) (Quarantining, error) {
	switch {
	case request.Action == "list":
		return q.list(ctx)
	case request.Action == "release" && (request.Rule == RulePattern || request.Rule == RuleRate):
		return q.release(ctx, request)
	default:
		return Quarantining{}, fmt.Errorf(`the event must be {"action":"list"} or {"action":"release","rule":%q or %q,"address":"…" if not all}`, RulePattern, RuleRate)
	}
}

func (q *Quarantine) list(ctx context.Context) (Quarantining, error) {
	type group struct {
		rule string
		addressMinute
	}
	counts := map[group]int64{}
	var answer Quarantining
	err := q.Store.EachBallot(ctx, func(ballot Ballot) {
		if ballot.Quarantine != "" {
			counts[group{ballot.Quarantine, minuteOf(ballot)}]++
			answer.Total++
		}
	})
	if err != nil {
		return Quarantining{}, fmt.Errorf("list the quarantine: %w", err)
	}
	for group, n := range counts {
		address := string(group.address[:])
		if group.address == [16]byte{} {
			address = ""
		}
		answer.Groups = append(answer.Groups, QuarantineGroup{
			Rule: group.rule, Address: address, Minute: clockText(time.Unix(int64(group.minute)*60, 0)), Count: n,
		})
	}
	slices.SortFunc(answer.Groups, func(a, b QuarantineGroup) int {
		return cmp.Or(-cmp.Compare(a.Count, b.Count), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Minute, b.Minute), cmp.Compare(a.Address, b.Address))
	})
	if len(answer.Groups) > maxGroups {
		answer.Groups, answer.Truncated = answer.Groups[:maxGroups], true
	}
	return answer, nil
}

// stateAttempts bounds how often a state is written again that a publisher wrote in between.
const stateAttempts = 5

// release releases ballots and lets the figures be counted again. Should it die in the middle, doing it again completes it: ballots that
// are released stay so, and the count is asked for in any case.
func (q *Quarantine) release(ctx context.Context, request QuarantineRequest) (Quarantining, error) {
	released, err := changeBallots(ctx, q.Store.EachBallot, func(ballot Ballot) bool {
		return ballot.Quarantine == request.Rule && (request.Address == "" || ballot.Address == request.Address)
	}, func(ctx context.Context, key string) (bool, error) {
		return q.Store.ReleaseBallot(ctx, key, request.Rule)
	})
	answer := Quarantining{Total: int64(released)}
	if err != nil {
		return answer, fmt.Errorf("release ballots, after %d: %w", released, err)
	}
	for range stateAttempts {
		state, err := q.Store.WindowState(ctx)
		if err != nil {
			return answer, fmt.Errorf("read the window's state: %w", err)
		}
		// Also while it is being counted: that count may have seen half of the release, and its state is refused now.
		if state.Phase != PhaseCounting && state.Phase != PhaseFinal {
			return answer, nil
		}
		state.Phase = PhaseCounting
		state.Version++
		written, err := q.Store.PutWindowState(ctx, state)
		if err != nil {
			return answer, fmt.Errorf("write the window's state: %w", err)
		}
		if written {
			answer.Recount = true
			return answer, nil
		}
	}
	return answer, errors.New("the window's state changed each time: release again, so that the figures are counted again")
}

// ratedBallot is what is read of a ballot to tell whether it is suspicious, as DynamoDB's JSON has it: an Item takes three times as long, and of
// some million ballots there is no more time than a publisher lives.
type ratedBallot struct {
	Key        struct{ S string }  `json:"v"`
	Sent       struct{ N string }  `json:"s"`
	Address    struct{ S string }  `json:"i"`
	Quarantine struct{ S string }  `json:"q"`
	Released   struct{ S string }  `json:"r"`
	Rehearsal  struct{ BOOL bool } `json:"t"`
}

// EachBallot visits the real ballots, strongly consistent, one at a time, without their answers.
func (s *Store) EachBallot(ctx context.Context, visit func(Ballot)) error {
	var mu sync.Mutex
	attributes := []string{BallotsKey, ballotSent, ballotAddress, ballotQuarantine, ballotReleased, ballotRehearsal}
	return segments(ctx, s, s.Ballots, true, attributes, func(_ int, found *ratedBallot) {
		if found.Rehearsal.BOOL {
			return
		}
		sent := dynamodb.Decimal(found.Sent.N)
		ballot := Ballot{
			Key: found.Key.S, Sent: time.UnixMilli(sent.Int()).UTC(), Address: found.Address.S, Quarantine: found.Quarantine.S, Released: found.Released.S,
		}
		mu.Lock()
		defer mu.Unlock()
		visit(ballot)
	})
}

// QuarantineBallot puts a ballot into quarantine that is in none and never was released from it. It says whether it did.
func (s *Store) QuarantineBallot(ctx context.Context, key, rule string) (bool, error) {
	return s.updateBallot(ctx, key, &dynamodb.UpdateItem{
		UpdateExpression:          "SET #quarantine = :rule",
		ConditionExpression:       "attribute_exists(#key) AND attribute_not_exists(#quarantine) AND attribute_not_exists(#released)",
		ExpressionAttributeNames:  map[string]string{"#key": BallotsKey, "#quarantine": ballotQuarantine, "#released": ballotReleased},
		ExpressionAttributeValues: item{":rule": str(rule)},
	})
}

// ReleaseBallot takes a ballot out of the quarantine that it is in by a rule, and says whether it did.
func (s *Store) ReleaseBallot(ctx context.Context, key, rule string) (bool, error) {
	return s.updateBallot(ctx, key, &dynamodb.UpdateItem{
		UpdateExpression:          "SET #released = :rule REMOVE #quarantine",
		ConditionExpression:       "#quarantine = :rule",
		ExpressionAttributeNames:  map[string]string{"#quarantine": ballotQuarantine, "#released": ballotReleased},
		ExpressionAttributeValues: item{":rule": str(rule)},
	})
}

func (s *Store) updateBallot(ctx context.Context, key string, update *dynamodb.UpdateItem) (bool, error) {
	return s.updateIf(ctx, s.Ballots, item{BallotsKey: str(key)}, update)
}
