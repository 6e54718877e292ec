package votingwindow_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

func TestEffective(t *testing.T) {
	at := closes.Add
	for name, test := range map[string]struct {
		control votingwindow.Control
		want    time.Time
	}{
		"none":                   {votingwindow.Control{}, closes},
		"later":                  {votingwindow.Control{ClosesAt: at(time.Minute), Of: closes}, at(time.Minute)},
		"sooner":                 {votingwindow.Control{ClosesAt: at(-time.Minute), Of: closes}, at(-time.Minute)},
		"of another argument":    {votingwindow.Control{ClosesAt: at(time.Minute), Of: at(time.Second)}, closes},
		"before it opens":        {votingwindow.Control{ClosesAt: opens, Of: closes}, closes},
		"of a time that is none": {votingwindow.Control{Of: closes}, closes},
	} {
		if got := window().Effective(test.control).ClosesAt; !got.Equal(test.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestMove(t *testing.T) {
	lead := votingwindow.ControlLead
	extended := votingwindow.Control{ClosesAt: closes.Add(5 * time.Minute), Of: closes}
	for name, test := range map[string]struct {
		present votingwindow.Control
		to, now time.Time
		fault   string
	}{
		"extend at the last moment": {votingwindow.Control{}, closes.Add(time.Minute), closes.Add(-lead), ""},
		"extend too late":           {votingwindow.Control{}, closes.Add(time.Minute), closes.Add(-lead + 1), "too late"},
		"extend what is extended":   {extended, closes.Add(9 * time.Minute), closes.Add(time.Minute), ""},
		"close what is extended":    {extended, closes.Add(2 * time.Minute), closes.Add(time.Minute), ""},
		"close soon":                {votingwindow.Control{}, opens.Add(time.Minute + lead), opens.Add(time.Minute), ""},
		"close too soon":            {votingwindow.Control{}, opens.Add(time.Minute + lead - time.Millisecond), opens.Add(time.Minute), "too soon"},
		"close before it opens":     {votingwindow.Control{}, opens, opens.Add(-time.Hour), "not after the window opens"},
	} {
		control, err := window().Move(test.present, test.to, test.now, "eve")
		if test.fault != "" {
			if err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		want := votingwindow.Control{ClosesAt: test.to, Of: closes, By: "eve", At: test.now}
		if err != nil || control != want || votingwindow.ReadControlItem(votingwindow.ControlItem(control)) != want {
			t.Errorf("%s: %+v, %v", name, control, err)
		}
	}
}

// controls is a control that can be read, or not.
type controls struct {
	control votingwindow.Control
	err     error
	reads   int
}

func (c *controls) ReadControl(context.Context) (votingwindow.Control, error) {
	c.reads++
	return c.control, c.err
}

func TestInForceReadsEveryFiveSeconds(t *testing.T) {
	store := &controls{}
	clock := &manualClock{now: opens}
	inForce := &votingwindow.Clocked{Window: window(), Store: store, Clock: clock}
	expect := func(reads int, want time.Time) {
		t.Helper()
		got, err := inForce.InForce(t.Context())
		if err != nil || !got.ClosesAt.Equal(want) || store.reads != reads {
			t.Errorf("closes at %s after %d reads, %v; want %s after %d", got.ClosesAt, store.reads, err, want, reads)
		}
	}
	expect(1, closes)
	store.control = votingwindow.Control{ClosesAt: closes.Add(time.Hour), Of: closes}
	clock.set(opens.Add(4999 * time.Millisecond))
	expect(1, closes)
	clock.set(opens.Add(5 * time.Second))
	expect(2, closes.Add(time.Hour))
	store.err, store.control = errors.New("throttled"), votingwindow.Control{}
	clock.set(opens.Add(15 * time.Second)) // Ten seconds are still exact.
	expect(3, closes.Add(time.Hour))
	clock.set(opens.Add(15*time.Second + time.Millisecond))
	if _, err := inForce.InForce(t.Context()); err == nil {
		t.Error("a control that was read long ago is gone by")
	}
	store.err = nil
	expect(5, closes)

	never := &votingwindow.Clocked{Window: window(), Store: &controls{err: errors.New("throttled")}, Clock: clock}
	if _, err := never.InForce(t.Context()); err == nil {
		t.Error("a control that never was read is gone by")
	}
}

// A recorder that does not know when the window closes records nothing, and lets all come again.
func TestRecorderWithoutTheControl(t *testing.T) {
	m := newMemory()
	m.faultOf = func(operation, table, key string, _ int) fault {
		if operation == "get" && key == votingwindow.ControlID {
			return before
		}
		return fine
	}
	recorder := recorderOf(m, mustRules(window()), &manualClock{now: opens.Add(time.Minute)}, "w")
	messages := batch(sqsMessage("m1", body("ann", "yes"), opens, 1), sqsMessage("m2", "{", opens, 1))
	expectFailed(t, handle(t, recorder, messages), "m1", "m2")
	expectEnds(t, m, map[string]string{})
}
