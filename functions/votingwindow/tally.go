package votingwindow

import (
	"maps"
	"slices"
)

// Counts is a number of messages by outcome, ballots by their answer.
type Counts struct {
	Answers   map[string]int64 `json:"answers"`
	Duplicate int64            `json:"duplicate"`
	Late      int64            `json:"late"`
	Rejected  int64            `json:"rejected"`
}

// add counts one message.
func (c *Counts) add(outcome Outcome, answer string) {
	switch outcome {
	case Counted:
		if c.Answers == nil {
			c.Answers = map[string]int64{}
		}
		c.Answers[answer]++
	case Duplicate:
		c.Duplicate++
	case Late:
		c.Late++
	case Rejected:
		c.Rejected++
	}
}

// Plus is the sum of two counts.
func (c Counts) Plus(other Counts) Counts {
	sum := c.clone()
	for answer, n := range other.Answers {
		sum.Answers[answer] += n
	}
	sum.Duplicate += other.Duplicate
	sum.Late += other.Late
	sum.Rejected += other.Rejected
	return sum
}

// AtLeast is the greater of two counts, figure by figure. Of two lower bounds of one truth it is the better one.
func (c Counts) AtLeast(other Counts) Counts {
	most := c.clone()
	for answer, n := range other.Answers {
		most.Answers[answer] = max(most.Answers[answer], n)
	}
	most.Duplicate = max(most.Duplicate, other.Duplicate)
	most.Late = max(most.Late, other.Late)
	most.Rejected = max(most.Rejected, other.Rejected)
	return most
}

// withAnswers has a figure for every answer of the window, zero where nobody chose it. An answer that is no longer in the
// window keeps its figure: the total is of all ballots.
func (c Counts) withAnswers(answers []string) Counts {
	all := c.clone()
	for _, answer := range answers {
		all.Answers[answer] += 0
	}
	return all
}

// clone is a copy that shares nothing, with Answers not nil.
func (c Counts) clone() Counts {
	c.Answers = maps.Clone(c.Answers)
	if c.Answers == nil {
		c.Answers = map[string]int64{}
	}
	return c
}

// Counted is the number of ballots.
func (c Counts) Counted() int64 {
	var total int64
	for _, n := range c.Answers {
		total += n
	}
	return total
}

// Accepted is the number of messages with an outcome.
func (c Counts) Accepted() int64 { return c.Counted() + c.Duplicate + c.Late + c.Rejected }

// sameAnswers says whether two counts have the same ballots, a missing answer being one with none.
func (c Counts) sameAnswers(other Counts) bool {
	ids := slices.Concat(slices.Collect(maps.Keys(c.Answers)), slices.Collect(maps.Keys(other.Answers)))
	return !slices.ContainsFunc(ids, func(id string) bool { return c.Answers[id] != other.Answers[id] })
}

// ledgerCounts puts the ledger's numbers by outcome beside the ballots' by answer.
func ledgerCounts(ballots, ledger map[string]int64) Counts {
	return Counts{
		Answers:   ballots,
		Duplicate: ledger[string(Duplicate)],
		Late:      ledger[string(Late)],
		Rejected:  ledger[string(Rejected)],
	}.clone()
}
