package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	systems "github.com/burstline/terraform-provider-serverless/internal/systems/votingwindow"
)

// countedBallots are those of a count, and ballotsPage how many of them DynamoDB
// reads for a page: 1 MB (DynamoDB Developer Guide, "Paginating table query
// results") of ballots of 56 bytes.
const (
	countedBallots = million
	ballotsPage    = 1 << 20 / 56
)

// ballotsScanned answers a call of Scan with a page of a segment's ballots, of which
// a count asks for the answer.
func ballotsScanned(segments, limit int, after string) []byte {
	size := ballotsPage
	if limit > 0 {
		size = min(size, limit)
	}
	from, _ := strconv.Atoi(after) // Zero on the first page, which has no key before it.
	to := min(from+size, countedBallots/segments)
	var page strings.Builder
	page.WriteString(`{"Items":[` + strings.TrimSuffix(strings.Repeat(`{"a":{"S":"anna"}},`, to-from), ",") + `]`)
	if to < countedBallots/segments {
		fmt.Fprintf(&page, `,"LastEvaluatedKey":{%q:{"S":"%d"}}`, votingwindow.BallotsKey, to)
	}
	page.WriteString(`}`)
	return []byte(page.String())
}

// countMemoryBar is half of what the publisher has, in MB.
const countMemoryBar = 128

// count measures the count of a million ballots, which the publisher does every
// minute and once for good, in the function that does it for operators: by the same
// code, and with nothing else to do.
func (b *bench) count(ctx context.Context) error {
	built, done, err := b.bootstraps(ctx, systems.System)
	if err != nil {
		return err
	}
	defer done()
	s, err := play(ctx, built.functions, voteEnvironment("recount"))
	if err != nil {
		return err
	}
	defer s.end()
	if _, err := s.ready(); err != nil {
		return err
	}
	before, err := processorTime(s.cmd.Process.Pid)
	if err != nil {
		return err
	}
	answer, err := s.invoke([]byte("{}"))
	if err != nil {
		return err
	}
	after, err := processorTime(s.cmd.Process.Pid)
	if err != nil {
		return err
	}
	memory, err := peakMemory(s.cmd.Process.Pid)
	if err != nil {
		return err
	}
	if want := fmt.Sprintf(`"counted":%d,`, countedBallots); !strings.Contains(string(answer), want) {
		return fmt.Errorf("the count of %d ballots answered %s", countedBallots, answer)
	}
	b.add("vote.count_cpu_s", after-before, "s of processor, a million ballots, for orientation")
	b.atMost("vote.count_memory_mb", memory, "MB, peak, a million ballots", countMemoryBar)
	return nil
}
