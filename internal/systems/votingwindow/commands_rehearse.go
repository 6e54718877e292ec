package votingwindow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

const (
	defaultVotes = 100
	defaultRate  = 10
	// maxRehearsal and maxRate are what one machine casts with ease. A load test
	// is another thing: the forecast tells what a burst does.
	maxRehearsal = 10_000
	maxRate      = 500
	// casters is how many votes are under way at the same time.
	casters = 32
	// castTimeout bounds one vote.
	castTimeout = 20 * time.Second
	// beforeOpening is what must be left between a rehearsal and the opening, for
	// its votes to be recorded and looked at.
	beforeOpening = time.Minute
	// defaultWait is two ticks of the publisher, and some of the recorder.
	defaultWait = 3 * time.Minute
	// lookEvery is how often the results are read.
	lookEvery = 2 * time.Second
)

// rehearsed is what a rehearsal has shown.
type rehearsed struct {
	By       string         `json:"by"` // The way of the votes: a URL, or queue.
	Cast     int            `json:"cast"`
	Accepted int            `json:"accepted"`
	Refused  map[string]int `json:"refused"` // By intake's word, or by what went wrong.
	// Shown is true once the results had all accepted votes; the figures are how
	// many more they had then than before.
	Shown       bool  `json:"shown"`
	Counted     int64 `json:"counted"`
	Quarantined int64 `json:"quarantined"`
	Duplicate   int64 `json:"duplicate"`
	Rejected    int64 `json:"rejected"`
	// Times in seconds: the casting of all votes, the slowest answer, and from the
	// last vote until the results had them.
	CastSeconds    float64 `json:"cast_seconds"`
	SlowestSeconds float64 `json:"slowest_seconds"`
	ShownSeconds   float64 `json:"shown_seconds"`
}

func rehearseCommand() command.Command {
	return command.Command{
		Name: "rehearse", Short: "Cast marked votes before a voting window opens and wait until the results show them",
		Long: `Casts votes that are marked as a rehearsal's, through the same intake as real ones, and waits until the published results have them. Results then say rehearsal. No figure of the real vote ever has one; reset removes them.
Voters are made up by the window's pattern, or come from a file, as they must where there is an allow list. Where voters sign in, or send to SQS themselves, the votes go to the queue with the operator's own permission.
It is refused once the window is open. The exit code is 3 where a vote was refused, or the results did not show all in time.`,
		Example: `  terraform-provider-serverless rehearse voting_window tv-final --votes 1000 --rate 50
  terraform-provider-serverless rehearse voting_window tv-final --voters testers.txt --key private.pem`,
		Flags: []command.Flag{
			{Name: "votes", Usage: fmt.Sprintf("how many votes, at most %d", maxRehearsal), Default: defaultVotes},
			{Name: "rate", Usage: fmt.Sprintf("votes a second, at most %d", maxRate), Default: defaultRate},
			{Name: "url", Usage: "where votes are sent instead of the window's own intake: its address behind a CDN or proxy", Default: ""},
			{Name: "voters", Usage: "file with an identifier in each line", Default: ""},
			{Name: "key", Usage: "file with the private key that signs tickets", Default: ""},
			{Name: "wait", Usage: "how long to wait for the results", Default: defaultWait},
		},
		Run: rehearse,
	}
}

func rehearse(ctx context.Context, call *command.Call) (command.Answer, error) {
	votes, rate, wait := command.Value[int](call, "votes"), command.Value[int](call, "rate"), command.Value[time.Duration](call, "wait")
	switch {
	case votes < 1 || votes > maxRehearsal:
		return command.Answer{}, command.Usage("--votes: %d; give 1 to %d", votes, maxRehearsal)
	case rate < 1 || rate > maxRate:
		return command.Answer{}, command.Usage("--rate: %d; give 1 to %d", rate, maxRate)
	case wait < 0:
		return command.Answer{}, command.Usage("--wait: %s is negative", wait)
	}
	d, err := call.Open(ctx)
	if err != nil {
		return command.Answer{}, err
	}
	w, err := windowOf(ctx, d)
	if err != nil {
		return command.Answer{}, err
	}
	takes := time.Duration(votes) * time.Second / time.Duration(rate)
	switch now := call.Clock.Now(); {
	case !now.Before(w.OpensAt):
		return command.Answer{}, fmt.Errorf("the window opened at %s: a rehearsal comes before", w.OpensAt.Format(time.RFC3339))
	case now.Add(takes + beforeOpening).After(w.OpensAt):
		return command.Answer{}, fmt.Errorf("the rehearsal would take %s and must end %s before the window opens, at %s: cast fewer --votes, or at a greater --rate", takes, beforeOpening, w.OpensAt.Format(time.RFC3339))
	}
	bodies, err := w.votes(call, votes)
	if err != nil {
		return command.Answer{}, err
	}
	before, err := ledgerOf(ctx, d)
	if err != nil {
		return command.Answer{}, err
	}
	c := newCaster(call, d, w)
	c.cast(ctx, bodies, rate)
	if c.Accepted == 0 { // There is nothing to wait for.
		return command.Answer{JSON: c.rehearsed, Text: c.text(), Unwell: true}, nil
	}
	if err := c.await(ctx, before, wait); err != nil {
		return command.Answer{JSON: c.rehearsed, Text: c.text()}, err
	}
	return command.Answer{JSON: c.rehearsed, Text: c.text(), Unwell: c.Accepted < c.Cast || !c.Shown || c.Rejected > 0}, nil
}

func windowOf(ctx context.Context, d command.Deployed) (w page, err error) {
	object, err := d.Object(ctx, resultsBucket, votingwindow.WindowObject)
	if err != nil {
		return w, err
	}
	if err := json.Unmarshal(object, &w); err != nil {
		return w, fmt.Errorf("read %s: %w", votingwindow.WindowObject, err)
	}
	if w.OpensAt.IsZero() || len(w.Questions) == 0 || slices.ContainsFunc(w.Questions, func(q question) bool { return len(q.Answers) == 0 }) {
		return w, fmt.Errorf("%s has no opening, question or answer: another version may have written it; apply with this one", votingwindow.WindowObject)
	}
	return w, nil
}

// votes are the bodies of marked votes: each voter votes once, on all questions
// and for all answers in turn.
func (w page) votes(call *command.Call, n int) ([]string, error) {
	var voters []string
	var err error
	if file := command.Value[string](call, "voters"); file != "" {
		if voters, err = identifiersIn(file, call.In); err != nil {
			return nil, err
		}
		if len(voters) < n {
			return nil, command.Usage("--voters: there are %d identifiers in it for %d votes; each votes once", len(voters), n)
		}
	} else {
		seed := uint64(call.Clock.Now().UnixNano()) //nolint:gosec // Any number will do.
		if voters, err = madeUp(w.Voter.Pattern, n, rand.New(rand.NewPCG(seed, seed))); err != nil {
			return nil, err
		}
	}
	sign := func(string) string { return "" }
	if w.Voter.Ticket {
		file := command.Value[string](call, "key")
		if file == "" {
			return nil, command.Usage("--key is missing: the window asks its voters for tickets, which that file signs")
		}
		key, err := privateKey(file)
		if err != nil {
			return nil, err
		}
		sign = func(voter string) string { return votingwindow.Ticket(key, call.Name, voter) }
	}
	bodies := make([]string, n)
	for i, voter := range voters[:n] {
		question := w.Questions[i%len(w.Questions)]
		body, err := json.Marshal(votingwindow.Vote{
			Voter: voter, Question: question.ID, Answer: question.Answers[i/len(w.Questions)%len(question.Answers)].ID, Ticket: sign(voter), Rehearsal: true,
		})
		if err != nil {
			return nil, fmt.Errorf("render a vote: %w", err)
		}
		bodies[i] = string(body)
	}
	return bodies, nil
}

// caster casts votes and counts what becomes of them.
type caster struct {
	rehearsed
	call *command.Call
	d    command.Deployed
	send func(ctx context.Context, body string) (refused string)

	mu      sync.Mutex
	slowest time.Duration
}

func newCaster(call *command.Call, d command.Deployed, w page) *caster {
	c := &caster{call: call, d: d, rehearsed: rehearsed{By: "queue", Refused: map[string]int{}}}
	url := command.Value[string](call, "url")
	if url == "" && w.Intake.Kind != intakeDirect && w.Intake.JWT == nil {
		url = w.Intake.URL
	}
	c.send = c.toQueue
	if url != "" {
		c.By, c.send = url, func(ctx context.Context, body string) string { return post(ctx, url, body) }
	}
	return c
}

func (c *caster) toQueue(ctx context.Context, body string) string {
	if _, err := c.d.Send(ctx, votesQueue, body); err != nil {
		return err.Error()
	}
	return ""
}

// post sends a vote to intake, and returns why it was refused.
func post(ctx context.Context, url, body string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if response.StatusCode == http.StatusAccepted && err == nil {
		return ""
	}
	var told struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(answer, &told) // What stands before intake answers in its own words.
	return strings.TrimSpace(fmt.Sprintf("%d %s", response.StatusCode, told.Error))
}

// cast casts all votes at a rate.
func (c *caster) cast(ctx context.Context, bodies []string, rate int) {
	queue := make(chan string)
	var all sync.WaitGroup
	for range casters {
		all.Go(func() {
			for body := range queue {
				c.one(ctx, body)
			}
		})
	}
	begin := c.call.Clock.Now()
	for i, body := range bodies {
		due := begin.Add(time.Duration(i) * time.Second / time.Duration(rate))
		if wait := due.Sub(c.call.Clock.Now()); wait > 0 && !sleep(ctx, c.call.Clock, wait) {
			break
		}
		if i%rate == 0 {
			c.call.Progress(fmt.Sprintf("%d of %d votes cast", i, len(bodies)))
		}
		queue <- body
	}
	close(queue)
	all.Wait()
	c.CastSeconds, c.SlowestSeconds = c.call.Clock.Now().Sub(begin).Seconds(), c.slowest.Seconds()
	c.call.Progress("")
}

// sleep waits, and returns false as soon as the context is done.
func sleep(ctx context.Context, clock command.Clock, d time.Duration) bool {
	select {
	case <-clock.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *caster) one(ctx context.Context, body string) {
	ctx, cancel := context.WithTimeout(ctx, castTimeout)
	defer cancel()
	begin := c.call.Clock.Now()
	refused := c.send(ctx, body)
	took := c.call.Clock.Now().Sub(begin)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Cast++
	c.slowest = max(c.slowest, took)
	if refused == "" {
		c.Accepted++
	} else {
		c.Refused[refused]++
	}
}

// await waits until the results have what was accepted.
func (c *caster) await(ctx context.Context, before votingwindow.LedgerSummary, most time.Duration) error {
	begin := c.call.Clock.Now()
	for {
		now, err := ledgerOf(ctx, c.d)
		if err != nil {
			return err
		}
		took := c.call.Clock.Now().Sub(begin)
		c.Counted, c.Quarantined = now.Counted-before.Counted, now.Quarantined-before.Quarantined
		c.Duplicate, c.Rejected = now.Duplicate-before.Duplicate, now.Rejected-before.Rejected
		c.ShownSeconds = took.Seconds()
		if c.Shown = now.Accepted-before.Accepted >= int64(c.Accepted); c.Shown || took >= most {
			break
		}
		c.call.Progress(fmt.Sprintf("%d of %d votes shown", now.Accepted-before.Accepted, c.Accepted))
		if !sleep(ctx, c.call.Clock, lookEvery) {
			return errors.New("interrupted while waiting for the results")
		}
	}
	c.call.Progress("")
	return nil
}

// ledgerOf reads what became of a rehearsal's votes so far. The publisher writes
// it after the results, so what it has, they have, though they may keep it back.
func ledgerOf(ctx context.Context, d command.Deployed) (votingwindow.LedgerSummary, error) {
	var l votingwindow.LedgerSummary
	object, err := d.Object(ctx, resultsBucket, votingwindow.LedgerObject)
	if errors.Is(err, command.ErrNoObject) {
		return l, nil
	}
	if err != nil {
		return l, err
	}
	if err := json.Unmarshal(object, &l); err != nil {
		return l, fmt.Errorf("read %s: %w", votingwindow.LedgerObject, err)
	}
	if l.Status != votingwindow.StatusRehearsal {
		return votingwindow.LedgerSummary{}, nil
	}
	return l, nil
}

func (c *caster) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cast %d votes by %s in %.1f s, the slowest answered after %.2f s: %d accepted\n", c.Cast, c.By, c.CastSeconds, c.SlowestSeconds, c.Accepted)
	for _, why := range slices.Sorted(maps.Keys(c.Refused)) {
		fmt.Fprintf(&b, "  ! refused %d: %s\n", c.Refused[why], why)
	}
	if c.Accepted == 0 {
		return b.String()
	}
	shown := fmt.Sprintf("the results had them after %.0f s", c.ShownSeconds)
	if !c.Shown {
		shown = fmt.Sprintf("  ! the results had not all of them after %.0f s", c.ShownSeconds)
	}
	fmt.Fprintf(&b, "%s: counted %d, quarantined %d, duplicate %d, rejected %d\n", shown, c.Counted, c.Quarantined, c.Duplicate, c.Rejected)
	b.WriteString("reset removes the rehearsal\n")
	return b.String()
}
