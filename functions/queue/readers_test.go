package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/session"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// TestCompact: the lines are read by the page; its test has the same.
func TestCompact(t *testing.T) {
	status := queue.Status{
		Sale: "gig", State: queue.Open, At: 1900000004000, OpensAt: 1900000000000, ClosesAt: 1900028800000, Front: queue.Place{Line: queue.QueueLine, Place: 1204}, Waiting: 48796,
		Open: 49, Windows: 50, Pace: 3.5, PaceNow: 3.42, Near: 525, Ask: queue.AskEvery{Far: 120, Near: 20}, Gaps: [][3]any{{queue.QueueLine, int64(1300), int64(2)}}, Version: 7,
	}
	drawn := queue.Status{
		Sale: "gig", State: queue.Drawing, At: 1900000004000, OpensAt: 1900000000000, DrawFrom: 1899990000000, Draw: &queue.DrawStatus{Count: 9000, Seed: "ab"},
		Front: queue.Place{Line: queue.DrawLine}, Ask: queue.AskEvery{Far: 120, Near: 20},
	}
	for want, s := range map[string]queue.Status{
		"1900000004000 open 1900000000000 1900028800000 - - q1204 48796 49 50 3.5 3.42 525 120 20 q1300+2": status,
		"1900000004000 drawing 1900000000000 - 1899990000000 9000 d0 0 0 0 0 0 0 120 20":                   drawn,
	} {
		if got := s.Compact(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// readersWorld is a deployment with sales, a role and a bucket.
type readersWorld struct {
	*hand
	sales   []queue.Sale
	failed  error
	objects map[string][]byte
}

func (w *readersWorld) ReadSales(context.Context) ([]queue.Sale, []string, error) {
	return w.sales, nil, w.failed
}

func (w *readersWorld) Assume(_ context.Context, lasts time.Duration) (session.Session, error) {
	return session.Session{AccessKeyID: "ASIA", SecretAccessKey: "secret", SessionToken: "token", ExpiresAt: w.Now().Add(lasts)}, nil
}

func (w *readersWorld) RevokeBefore(context.Context, time.Time) error { return nil }

func (w *readersWorld) GetObject(_ context.Context, key string) ([]byte, error) {
	return w.objects[key], nil
}

func (w *readersWorld) PutObject(_ context.Context, key string, body []byte, _, _ string) error {
	w.objects[key] = body
	return nil
}

func (w *readersWorld) DeleteObject(_ context.Context, key string) error {
	delete(w.objects, key)
	return nil
}

// TestReadersByTime: there are credentials from half an hour before the first can join until ten minutes after the last sale has closed.
func TestReadersByTime(t *testing.T) {
	const minute = 60_000
	one := sale()
	one.OpensAt, one.DrawFrom, one.ClosesAt = 1000*minute, 0, 1100*minute
	gathers, over, opened, endless := one, one, one, one
	gathers.DrawFrom, over.State, opened.State, endless.ClosesAt = 900*minute, queue.Closed, queue.Open, 0
	for name, c := range map[string]struct {
		sales []queue.Sale
		at    int64 // Minutes.
		did   string
	}{
		"long before":            {[]queue.Sale{one}, 969, "idle"},
		"the lead":               {[]queue.Sale{one}, 970, "issued"},
		"before the pre-queue":   {[]queue.Sale{one, gathers}, 870, "issued"},
		"open":                   {[]queue.Sale{one}, 1050, "issued"},
		"just closed":            {[]queue.Sale{one}, 1109, "issued"},
		"closed":                 {[]queue.Sale{one}, 1110, "idle"},
		"closed by an operator":  {[]queue.Sale{over}, 1050, "idle"},
		"opened by an operator":  {[]queue.Sale{opened}, 10, "issued"},
		"without a closing time": {[]queue.Sale{endless}, 9999, "issued"},
		"no sale":                {nil, 1050, "idle"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &readersWorld{hand: handAt(c.at * minute), sales: c.sales, objects: map[string][]byte{}}
			readers := readersOf(w)
			answer, err := readers.Handle(t.Context(), json.RawMessage("{}"))
			if err != nil || answer.Did != c.did {
				t.Fatalf("%+v, %v; should have %s", answer, err, c.did)
			}
			if c.did != "issued" {
				return
			}
			var published queue.PublishedReaders
			if err := json.Unmarshal(w.objects["readers.json"], &published); err != nil || published.Table != "arena-status" || published.Shards != 8 || published.Region != "eu-west-1" {
				t.Errorf("%v, %v", published, err)
			}
		})
	}
	// A sale that cannot be read keeps no other from having them, and alone it is no reason to take them away.
	w := &readersWorld{hand: handAt(1050 * minute), sales: []queue.Sale{one}, failed: errors.New("no JSON"), objects: map[string][]byte{}}
	readers := readersOf(w)
	if answer, err := readers.Handle(t.Context(), nil); err != nil || answer.Did != "issued" {
		t.Errorf("beside a broken one: %+v, %v", answer, err)
	}
	w.sales = nil
	if _, err := readers.Handle(t.Context(), nil); err == nil || w.objects["readers.json"] == nil {
		t.Errorf("the broken one alone: %v, %d objects", err, len(w.objects))
	}
}

func readersOf(w *readersWorld) *queue.Readers {
	sessions := queue.ReaderSessions(aws.Config{Region: "eu-west-1"}, queue.ReadersConfig{
		ReaderRoleARN: "arn:aws:iam::123456789012:role/arena-reader", StatusTable: "arena-status", StatusTableARN: "arn:aws:dynamodb:eu-west-1:123456789012:table/arena-status", BoardShards: 8,
	})
	sessions.Issuer, sessions.Objects, sessions.Clock, sessions.Log = w, w, w.hand, slog.New(slog.DiscardHandler)
	return &queue.Readers{Sales: w, Publication: sessions}
}

// board notes what it is told.
type board struct {
	lines  []string
	failed error
}

func (b *board) WriteOf(_ context.Context, sale, text string) error {
	b.lines = append(b.lines, sale+": "+text)
	return b.failed
}

// TestShown: figures are told every five seconds, a pause at once, and the object follows where there is a board.
func TestShown(t *testing.T) {
	s := sale()
	w := newWorld(s.OpensAt, s)
	shown := &board{}
	k := w.keeper("k")
	k.Board = shown
	var objects int
	w.failOf = func(call string) fault {
		if call == "put object" {
			objects++
		}
		return fine
	}
	for n := range 30 {
		w.mustPlace(t, 0, n)
		w.mustLead(t, k)
		w.clock.pass(time.Second)
	}
	if len(shown.lines) != 6 || objects != 2 {
		t.Fatalf("in 30 s it was shown %d times and the object written %d times", len(shown.lines), objects)
	}
	if last := shown.lines[5]; !strings.HasPrefix(last, "gig: ") || !strings.Contains(last, " open ") {
		t.Errorf("the last line is %q", last)
	}
	s.Paused = true
	w.putSale(s)
	w.clock.pass(time.Second)
	w.mustLead(t, k)
	w.clock.pass(time.Second)
	w.mustLead(t, k)
	if !slices.ContainsFunc(shown.lines, func(line string) bool { return strings.Contains(line, " paused ") }) || objects != 3 {
		t.Errorf("a pause is shown as %q, the object was written %d times", shown.lines[len(shown.lines)-1], objects)
	}
	// What the board does not take is told anew, and holds nobody up.
	shown.failed = errors.New("throttled")
	w.clock.pass(5 * time.Second)
	if err := w.lead(t.Context(), k); err == nil || !strings.Contains(err.Error(), "throttled") {
		t.Errorf("said was %v", err)
	}
	told := len(shown.lines)
	shown.failed = nil
	w.clock.pass(time.Second)
	w.mustLead(t, k)
	if len(shown.lines) == told {
		t.Error("it was not told anew")
	}
}
