package queue

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// Progress is how far the keepers are with a sale. Each writes it where the one that it read stands, so that of two who are at work at the same time
// one finds out.
type Progress struct {
	Walk     walk    `json:"walk"`
	Probes   walk    `json:"probes"`
	Tokens   float64 `json:"tokens"`    // Calls that the rate allows now.
	TokensAt int64   `json:"tokens_at"` // Milliseconds since 1970; 0 where there was no rate yet.
	Slots    int     `json:"slots"`     // No window beyond this number was called.
	Front    Place   `json:"front"`
	Calls    calls   `json:"called"` // Of the last ten minutes.
	Asked    asked   `json:"near"`
	Gaps     []Gap   `json:"gaps,omitempty"` // Beyond the front, as far as Scout.
	Scout    scout   `json:"scout"`
	Version  int64   `json:"-"`
}

// walk is how far blocks were looked through. Every entry before the cursor is settled for ever, or among the holes.
type walk struct {
	Line  string `json:"line"`
	Block int64  `json:"block"` // The first that was not looked through.
	Index int    `json:"index"` // Its first entry that was not looked at.
	Place int64  `json:"place"` // Of the last entry that was looked at.
	Holes []hole `json:"holes,omitempty"`
}

// hole is to be looked at again: an entry that waits for its call, or whose record is not there yet, or a block that is not there yet.
type hole struct {
	Line  string `json:"l"`
	Block int64  `json:"b,omitempty"` // Of a missing block.
	Place int64  `json:"p,omitempty"` // Of an entry.
	Fan   string `json:"f,omitempty"`
	At    int64  `json:"a,omitempty"` // When its places were taken, by the placer's clock, or later: what is not there long after it is a gap.
}

// calls are how many were called in spans of ten seconds, one after another, the first of which begins at From, in milliseconds since 1970.
type calls struct {
	From int64   `json:"from"`
	N    []int64 `json:"n,omitempty"`
}

// asked says up to which ordinals fans are asked for a sign of life, in spans one after another, the first of which begins at From, in milliseconds since 1970.
type asked struct {
	From int64   `json:"from"`
	Each int64   `json:"each"` // Milliseconds of a span.
	UpTo []int64 `json:"to,omitempty"`
}

// scout is how far a line was searched for gaps.
type scout struct {
	Block int64 `json:"block"` // The last that was looked at.
	Place int64 `json:"place"` // Its last place.
}

const (
	callsEach = 10_000  // Milliseconds of one count of calls.
	paceOver  = 600_000 // Milliseconds over which Status.Pace is taken.
	paceNow   = 60_000  // Milliseconds over which Status.PaceNow is taken.
)

// called counts calls at a time.
func (p *Progress) called(n, now int64) {
	c := &p.Calls
	// What is too old goes, and spans without calls before the first that has some.
	for len(c.N) > 0 && (c.N[0] == 0 || c.From < now-paceOver) {
		c.From, c.N = c.From+callsEach, c.N[1:]
	}
	if n == 0 {
		return
	}
	if len(c.N) == 0 {
		c.From = now - now%callsEach
	}
	span := max(0, int(now-c.From)/callsEach)
	for len(c.N) <= span {
		c.N = append(c.N, 0)
	}
	c.N[span] += n
}

// moveFront takes the front to a place that was called, unless it is farther.
func (p *Progress) moveFront(at Place) {
	if at.Line != ProbeLine && (p.Front.Line == "" || before(p.Front, at)) {
		p.Front = at
	}
}

// pace is how many were called a second over the last so many milliseconds, or since the first call in that time where it is later.
func (p *Progress) pace(over, now int64) float64 {
	var n, since int64
	for i, called := range p.Calls.N {
		if at := p.Calls.From + int64(i)*callsEach; called > 0 && at >= now-over {
			n += called
			since = cmp.Or(since, at)
		}
	}
	if n == 0 {
		return 0
	}
	pace := float64(n) * 1000 / float64(max(now-since, callsEach))
	return math.Round(pace*1000) / 1000
}

// refill gives the tokens of the time that passed: rate a second, and no more than one second's and one. With less, what is left over from a round of
// one second would be lost, and the rate never reached.
func (p *Progress) refill(rate float64, now int64) {
	burst := rate + 1
	if p.TokensAt == 0 {
		p.Tokens = burst
	} else if now > p.TokensAt {
		p.Tokens += rate * float64(now-p.TokensAt) / 1000
	}
	p.Tokens = min(p.Tokens, burst)
	p.TokensAt = max(now, p.TokensAt)
}

// askedFor is for how long a fan near the front must have been asked for a sign of life before silence says anything, in seconds: everybody has learned of it,
// since clients add up to a tenth to AskMost, and has been told to come within the heartbeat.
func (s Sale) askedFor() int64 { return max(s.Heartbeat, AskMost*11/10) }

// askedEach is for how long those who come near are noted as one, in seconds: eight notes are enough.
func (s Sale) askedEach() int64 { return max(10, s.askedFor()/8) }

// NearFor is how long before their call fans are asked for a sign of life, in seconds: for long enough to tell who is gone, and some, since the pace is never
// even.
func (s Sale) NearFor() int64 { return s.askedFor() + s.askedEach() + 15 }

// askUpTo notes that fans up to an ordinal are asked from now on.
func (p *Progress) askUpTo(ordinal, now int64, sale Sale) {
	a, each := &p.Asked, sale.askedEach()*1000
	if len(a.UpTo) == 0 || a.Each != each {
		*a = asked{From: now - now%each, Each: each, UpTo: []int64{0}}
	}
	span := int(max(0, now-a.From) / each)
	for last := a.UpTo[len(a.UpTo)-1]; len(a.UpTo) <= span; {
		a.UpTo = append(a.UpTo, last)
	}
	a.UpTo[span] = max(a.UpTo[span], ordinal)
	// Of those long ago the last says it all.
	for len(a.UpTo) > 1 && a.end(1) <= now-sale.askedFor()*1000 {
		a.From, a.UpTo = a.From+each, a.UpTo[1:]
	}
}

// end is when a span is over. All who came near in it are taken to be asked since then: nobody is a ghost too soon.
func (a asked) end(span int) int64 { return a.From + int64(span+1)*a.Each }

// since says whether the fan with an ordinal is asked since a time.
func (a asked) since(ordinal, at int64) bool {
	for span, upTo := range a.UpTo {
		if upTo >= ordinal {
			return a.end(span) <= at
		}
	}
	return false
}

// ReadProgress returns the keepers' progress with a sale, strongly consistent; the zero Progress where there is none.
func (s *Store) ReadProgress(ctx context.Context, sale string) (Progress, error) {
	item, err := s.get(ctx, s.Tables.State, StateKey, keeperID(sale), true)
	if err != nil || len(item) == 0 {
		return Progress{}, err
	}
	var progress Progress
	if err := json.Unmarshal([]byte(item["progress"].Text()), &progress); err != nil {
		return Progress{}, fmt.Errorf("read the progress of sale %s: %w", sale, err)
	}
	progress.Version = item["version"].Int()
	return progress, nil
}

// PutProgress writes progress where the one before it, of Version one less, stands, and says whether it did.
func (s *Store) PutProgress(ctx context.Context, sale string, progress Progress) (bool, error) {
	text, err := json.Marshal(progress)
	if err != nil {
		return false, fmt.Errorf("encode the progress of sale %s: %w", sale, err)
	}
	item := dynamodb.Item{StateKey: dynamodb.String(keeperID(sale)), "progress": dynamodb.String(string(text)), "version": dynamodb.Number(progress.Version)}
	if progress.Version == 1 {
		return s.put(ctx, s.Tables.State, item, condition{text: "attribute_not_exists(#id)"})
	}
	return s.put(ctx, s.Tables.State, item, condition{"#version = :former", dynamodb.Item{":former": dynamodb.Number(progress.Version - 1)}})
}
