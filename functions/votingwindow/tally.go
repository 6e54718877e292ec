package votingwindow

import (
	"maps"
	"slices"
)

// Counts is a number of messages by outcome, counted ballots by their choice.
type Counts struct {
	Answers     map[string]int64 `json:"answers"` // By choice: `question/answer`.
	Quarantined int64            `json:"quarantined"`
	Duplicate   int64            `json:"duplicate"`
	Replaced    int64            `json:"replaced"`
	Late        int64            `json:"late"`
	Rejected    int64            `json:"rejected"`
	Released    int64            `json:"released"` // Of the counted ballots, those that an operator released from quarantine.
}

// single is where a message with an outcome other than Counted is counted, or nil.
func (c *Counts) single(outcome Outcome) *int64 {
	switch outcome {
	case Quarantined:
		return &c.Quarantined
	case Duplicate:
		return &c.Duplicate
	case Replaced:
		return &c.Replaced
	case Late:
		return &c.Late
	case Rejected:
		return &c.Rejected
	default:
		return nil
	}
}

// add counts one message.
func (c *Counts) add(outcome Outcome, choice string) {
	if figure := c.single(outcome); figure != nil {
		*figure++
	} else if outcome == Counted {
		if c.Answers == nil {
			c.Answers = map[string]int64{}
		}
		c.Answers[choice]++
	}
}

// Plus is the sum of two counts.
func (c Counts) Plus(other Counts) Counts {
	sum := c.clone()
	for choice, n := range other.Answers {
		sum.Answers[choice] += n
	}
	sum.Quarantined += other.Quarantined
	sum.Duplicate += other.Duplicate
	sum.Replaced += other.Replaced
	sum.Late += other.Late
	sum.Rejected += other.Rejected
	sum.Released += other.Released
	return sum
}

// AtLeast is the greater of two counts, figure by figure. Of two lower bounds of one truth it is the better one.
func (c Counts) AtLeast(other Counts) Counts {
	most := c.clone()
	for choice, n := range other.Answers {
		most.Answers[choice] = max(most.Answers[choice], n)
	}
	most.Quarantined = max(most.Quarantined, other.Quarantined)
	most.Duplicate = max(most.Duplicate, other.Duplicate)
	most.Replaced = max(most.Replaced, other.Replaced)
	most.Late = max(most.Late, other.Late)
	most.Rejected = max(most.Rejected, other.Rejected)
	most.Released = max(most.Released, other.Released)
	return most
}

// withChoices has a figure for every choice of the window, zero where nobody took it. A choice that is no longer in the
// window keeps its figure: the total is of all ballots.
func (c Counts) withChoices(choices []string) Counts {
	all := c.clone()
	for _, choice := range choices {
		all.Answers[choice] += 0
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

// Counted is the number of ballots that count.
func (c Counts) Counted() int64 {
	var total int64
	for _, n := range c.Answers {
		total += n
	}
	return total
}

// ballots is the number of ballots, counted or in quarantine.
func (c Counts) ballots() int64 { return c.Counted() + c.Quarantined }

// Accepted is the number of messages with an outcome.
func (c Counts) Accepted() int64 {
	return c.ballots() + c.Duplicate + c.Replaced + c.Late + c.Rejected
}

// sameAnswers says whether two counts have the same counted ballots, a missing choice being one with none.
func (c Counts) sameAnswers(other Counts) bool {
	ids := slices.Concat(slices.Collect(maps.Keys(c.Answers)), slices.Collect(maps.Keys(other.Answers)))
	return !slices.ContainsFunc(ids, func(id string) bool { return c.Answers[id] != other.Answers[id] })
}

// Tally is what one scan of ballots or of the ledger counted.
type Tally struct {
	Real      Counts
	Rehearsal Counts
}

// Plus is the sum of two tallies.
func (t Tally) Plus(other Tally) Tally {
	return Tally{Real: t.Real.Plus(other.Real), Rehearsal: t.Rehearsal.Plus(other.Rehearsal)}
}

// of is where an item is counted.
func (t *Tally) of(rehearsal bool) *Counts {
	if rehearsal {
		return &t.Rehearsal
	}
	return &t.Real
}
