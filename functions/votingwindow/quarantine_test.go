package votingwindow_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// addressed is a table of ballots: many of an address each, and some of addresses that vote often. It makes nothing for a ballot.
type addressed struct {
	addresses string // Each of the many has a piece of its own.
	often     map[string]int
	scans     int

	mu     sync.Mutex
	marked map[string]int // By address.
}

func (c *addressed) EachBallot(_ context.Context, visit func(votingwindow.Ballot)) error {
	c.scans++
	for i := range max(0, len(c.addresses)-15) {
		visit(votingwindow.Ballot{Key: "many", Address: c.addresses[i : i+16], Sent: opens})
	}
	for address, n := range c.often {
		for range n {
			visit(votingwindow.Ballot{Key: address, Address: address, Sent: opens.Add(59 * time.Second)})
		}
	}
	return nil
}

func (c *addressed) QuarantineBallot(_ context.Context, key, _ string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.marked[key]++
	return true, nil
}

// The ballots of millions are looked through in the memory and the time that a publisher has, or the window would never be final.
func TestRatesOfACrowd(t *testing.T) {
	letters := make([]byte, 2_000_000)
	chance := rand.New(rand.NewPCG(1, 2))
	for i := range letters {
		letters[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"[chance.IntN(32)]
	}
	c := &addressed{addresses: string(letters), marked: map[string]int{}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	marked, err := votingwindow.MarkRates(t.Context(), c, 20)
	runtime.ReadMemStats(&after)
	if err != nil || marked != 0 || c.scans != 1 {
		t.Errorf("%d marked in %d scans, %v", marked, c.scans, err)
	}
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 40 {
		t.Errorf("it took %d MB", took)
	}
}

// However many share a cell, or an address: those above the limit are marked, all of them, and no other.
func TestRatesAreExact(t *testing.T) {
	for _, limit := range []int{1, 20, 70_000} {
		c := &addressed{often: map[string]int{"exact": limit, "above": limit + 1, "great": 140_000}, marked: map[string]int{}}
		for i := range 100 {
			c.often["few"+strconv.Itoa(i)] = 1
		}
		marked, err := votingwindow.MarkRates(t.Context(), c, limit)
		if err != nil || marked != limit+1+140_000 || c.marked["above"] != limit+1 || c.marked["great"] != 140_000 || len(c.marked) != 2 {
			t.Errorf("limit %d: %d marked, %d addresses, %v", limit, marked, len(c.marked), err)
		}
	}
}
