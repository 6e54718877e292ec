package votingwindow_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
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

func TestDecide(t *testing.T) {
	at := opens.Add(time.Minute)
	moved := func(to, now time.Time) votingwindow.Control {
		return votingwindow.Control{ClosesAt: to, Of: closes, By: "eve", At: now}
	}
	late, none := moved(closes.Add(5*time.Minute), opens), votingwindow.Control{}
	stale := votingwindow.Control{ClosesAt: closes.Add(time.Minute), Of: opens, By: "old", At: opens}
	closeIn := func(seconds int64) votingwindow.ControlRequest {
		return votingwindow.ControlRequest{Action: "close", InSeconds: seconds, By: "eve"}
	}
	by := func(seconds int64) votingwindow.ControlRequest {
		return votingwindow.ControlRequest{Action: "extend", BySeconds: seconds, By: "eve"}
	}
	to := func(text string) votingwindow.ControlRequest {
		return votingwindow.ControlRequest{Action: "extend", To: text, By: "eve"}
	}
	cleared, show := votingwindow.ControlRequest{Action: "clear"}, votingwindow.ControlRequest{Action: "show"}
	week := int64(votingwindow.MaxExtension / time.Second)
	for name, test := range map[string]struct {
		present votingwindow.Control
		request votingwindow.ControlRequest
		now     time.Time
		want    votingwindow.Control
		fault   string
	}{
		"close":                       {none, closeIn(30), at, moved(at.Add(30*time.Second), at), ""},
		"close as soon as can be":     {none, closeIn(15), at, moved(at.Add(15*time.Second), at), ""},
		"close too soon":              {none, closeIn(14), at, none, "too soon"},
		"close without a time":        {none, closeIn(0), at, none, "too soon"},
		"close in the past":           {none, closeIn(-1), at, none, "not sooner"},
		"close later":                 {none, closeIn(541), at, none, "not sooner"},
		"close in an age":             {none, closeIn(1 << 62), at, none, "not sooner"},
		"close before the opening":    {none, closeIn(30), opens.Add(-time.Hour), none, "not after the window opens"},
		"close what is extended":      {late, closeIn(841), opens, moved(opens.Add(841*time.Second), opens), ""},
		"close over a stale control":  {stale, closeIn(30), at, moved(at.Add(30*time.Second), at), ""},
		"close what is closed":        {none, closeIn(30), closes, none, "too late"},
		"close by nobody":             {none, votingwindow.ControlRequest{Action: "close", InSeconds: 30}, at, none, "by must be"},
		"close by too many":           {none, votingwindow.ControlRequest{Action: "close", InSeconds: 30, By: strings.Repeat("x", 2049)}, at, none, "by must be"},
		"extend by":                   {none, by(300), at, moved(closes.Add(5*time.Minute), at), ""},
		"extend further":              {late, by(300), at, moved(closes.Add(10*time.Minute), at), ""},
		"extend before the opening":   {none, by(300), opens.Add(-time.Hour), moved(closes.Add(5*time.Minute), opens.Add(-time.Hour)), ""},
		"extend to":                   {none, to("2030-05-04T22:11:00.5+02:00"), at, moved(closes.Add(60500*time.Millisecond), at), ""},
		"extend by a week":            {none, by(week), at, moved(closes.Add(votingwindow.MaxExtension), at), ""},
		"extend by more than a week":  {none, by(week + 1), at, none, "by_seconds is 604801"},
		"extend past a week":          {late, by(week - 299), at, none, "more than 7 days"},
		"extend to the next century":  {none, to("2130-05-04T22:10:00Z"), at, none, "more than 7 days"},
		"extend to the closing time":  {none, to("2030-05-04T20:10:00Z"), at, none, "not later"},
		"extend to sooner than now":   {none, to("2029-05-04T20:10:00Z"), at, none, "not later"},
		"extend by less than nothing": {none, by(-1), at, none, "by_seconds is -1"},
		"extend to no time":           {none, to("tomorrow"), at, none, "no RFC 3339 time"},
		"extend by nothing":           {none, by(0), at, none, "either to"},
		"extend by and to":            {none, votingwindow.ControlRequest{Action: "extend", To: "x", BySeconds: 1, By: "eve"}, at, none, "either to"},
		"extend in grace":             {none, by(300), closes.Add(119 * time.Second), none, "too late"},
		"extend what is over":         {none, by(300), closes.Add(2 * time.Minute), none, "the window is over"},
		"extend by nobody":            {none, votingwindow.ControlRequest{Action: "extend", BySeconds: 1}, at, none, "by must be"},
		"clear":                       {late, cleared, at, votingwindow.Control{At: at}, ""},
		"clear nothing":               {none, cleared, at, none, ""},
		"clear what is stale":         {stale, cleared, closes.Add(time.Hour), stale, ""},
		"clear by somebody":           {late, votingwindow.ControlRequest{Action: "clear", By: "eve"}, at, votingwindow.Control{By: "eve", At: at}, ""},
		"clear too late":              {late, cleared, closes.Add(-14 * time.Second), none, "too soon"},
		"clear what is over":          {late, cleared, closes.Add(time.Hour), none, "the window is over"},
		"show":                        {late, show, closes.Add(time.Hour), late, ""},
		"anything else":               {none, votingwindow.ControlRequest{Action: "open", By: "eve"}, at, none, "one of close, extend, clear, show"},
	} {
		got, err := window().Decide(test.present, test.request, test.now)
		if test.fault == "" && err != nil || test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
			t.Errorf("%s: %v", name, err)
		}
		if got != test.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func controller(m *memory, clock clock.Clock) *votingwindow.Controller {
	return &votingwindow.Controller{Rules: mustRules(window()), Store: m.store(), Clock: clock, Log: discard}
}

// control sends an event of testdata to a controller.
func control(t *testing.T, c *votingwindow.Controller, event []byte) (votingwindow.Controlling, error) {
	t.Helper()
	var request votingwindow.ControlRequest
	if err := json.Unmarshal(event, &request); err != nil {
		t.Fatal(err)
	}
	return c.Handle(t.Context(), request)
}

func TestController(t *testing.T) {
	m := newMemory()
	clock := &manualClock{now: opens.Add(time.Minute)}
	function := controller(m, clock)
	const anna = "arn:aws:iam::123456789012:user/anna"
	configured := votingwindow.Controlling{OpensAt: "2030-05-04T20:00:00Z", ClosesAt: "2030-05-04T20:10:00Z", Configured: "2030-05-04T20:10:00Z"}
	in := func(closesAt, at string) votingwindow.Controlling {
		answer := configured
		answer.ClosesAt, answer.Overridden, answer.By, answer.At, answer.Changed = closesAt, true, anna, at, true
		return answer
	}
	expect := func(event []byte, want votingwindow.Controlling) {
		t.Helper()
		if got, err := control(t, function, event); err != nil || got != want {
			t.Errorf("%s: %+v, %v", event, got, err)
		}
	}
	show, back := []byte(`{"action":"show"}`), []byte(`{"action":"clear"}`)
	expect(show, configured)
	expect(back, configured)
	expect(event[json.RawMessage](t, "control-extend"), in("2030-05-04T20:15:00Z", "2030-05-04T20:01:00Z"))
	clock.set(opens.Add(2 * time.Minute))
	expect(event[json.RawMessage](t, "control"), in("2030-05-04T20:02:30Z", "2030-05-04T20:02:00Z"))
	shown := in("2030-05-04T20:02:30Z", "2030-05-04T20:02:00Z")
	shown.Changed = false
	expect(show, shown)
	again := configured
	again.Changed = true
	expect(back, again)
	expect(show, configured)
	if _, there := m.tables["tallies"].get(votingwindow.ControlID)["closes_at"]; there {
		t.Error("a control that was cleared has a closing time")
	}
	expect([]byte(`{"action":"close","in_seconds":30,"by":"`+anna+`"}`), in("2030-05-04T20:02:30Z", "2030-05-04T20:02:00Z"))
	if _, err := control(t, function, []byte(`{"action":"close","in_seconds":5,"by":"eve"}`)); err == nil || !strings.Contains(err.Error(), `"close": 2030-05-04T20:02:05Z is too soon`) {
		t.Error(err)
	}
}

// Ballots expire by the configured closing time, whatever an operator does: a window that is extended past that would lose them before they are counted,
// and their voters could vote again.
func TestControllerExtendsNoFurtherThanBallotsAreKept(t *testing.T) {
	for name, test := range map[string]struct {
		days   int
		to     time.Time
		refuse bool
	}{
		"kept for ever":          {0, closes.Add(votingwindow.MaxExtension), false},
		"kept for long":          {8, closes.Add(votingwindow.MaxExtension), false},
		"kept for a week":        {7, closes.Add(votingwindow.MaxExtension), true},
		"an hour and the grace":  {1, closes.Add(23*time.Hour - 2*time.Minute), false},
		"less than that":         {1, closes.Add(23*time.Hour - 2*time.Minute + time.Millisecond), true},
		"past the end of it all": {1, closes.Add(48 * time.Hour), true},
	} {
		m := newMemory()
		function := controller(m, &manualClock{now: opens})
		function.RetentionDays = test.days
		request := votingwindow.ControlRequest{Action: votingwindow.ControlExtend, To: test.to.Format(time.RFC3339Nano), By: "eve"}
		_, err := function.Handle(t.Context(), request)
		if refused := err != nil && strings.Contains(err.Error(), "ballots expire"); refused != test.refuse || err != nil && !refused {
			t.Errorf("%s: %v", name, err)
		}
		stands, err := m.store().ReadControl(t.Context())
		if err != nil || stands.ClosesAt.Equal(test.to) == test.refuse {
			t.Errorf("%s: %+v stands, %v", name, stands, err)
		}
	}
}

// A control ends when the argument changes. It is not in force again where an apply sets the argument back.
func TestControlEndsForGood(t *testing.T) {
	for name, test := range map[string]struct {
		of    time.Duration // The closing time that it was set against, from the configured one.
		age   time.Duration
		stays bool
	}{
		"of the argument that is":      {0, time.Hour, true},
		"of another":                   {-time.Minute, 10 * time.Minute, false},
		"of another, set a moment ago": {-time.Minute, 9 * time.Minute, true}, // By somebody whose configuration this publisher may not have yet.
		"of another, long ago":         {time.Hour, 48 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(mustRules(around(time.Now().Add(time.Hour))), clock.System{}) // Not open yet: a tick is one look.
				window := w.rules.Window
				set := votingwindow.Control{ClosesAt: window.ClosesAt.Add(5 * time.Minute), Of: window.ClosesAt.Add(test.of), By: "eve", At: time.Now().UTC().Add(-test.age)}
				if _, err := w.store().ReplaceControl(t.Context(), votingwindow.Control{}, set); err != nil {
					t.Fatal(err)
				}
				w.mustTick(t, "p")
				stands, err := w.store().ReadControl(t.Context())
				if err != nil || test.stays && stands != set || !test.stays && stands != (votingwindow.Control{}) {
					t.Errorf("%+v stands, %v", stands, err)
				}
				former := window
				former.ClosesAt = set.Of
				if inForce := former.Effective(stands).ClosesAt; inForce.Equal(set.ClosesAt) != test.stays {
					t.Errorf("set back, the window closes at %s", inForce)
				}
			})
		})
	}
}

// meanwhile lets something happen between a controller's read and its write.
type meanwhile struct {
	votingwindow.ControllerStore
	happens func()
}

func (s *meanwhile) ReplaceControl(ctx context.Context, former, next votingwindow.Control) (bool, error) {
	s.happens()
	return s.ControllerStore.ReplaceControl(ctx, former, next)
}

// Whoever comes second is refused, whether there was a control before or not, and whether it is moved or cleared.
func TestControllersAtTheSameMoment(t *testing.T) {
	later := votingwindow.Control{ClosesAt: closes.Add(time.Minute), Of: closes, By: "anna", At: opens}
	latest := votingwindow.Control{ClosesAt: closes.Add(time.Hour), Of: closes, By: "bruno", At: opens}
	for name, test := range map[string]struct {
		before, between votingwindow.Control
		event           string
	}{
		"first":   {votingwindow.Control{}, latest, `{"action":"close","in_seconds":60,"by":"eve"}`},
		"second":  {later, latest, `{"action":"extend","by_seconds":60,"by":"eve"}`},
		"clear":   {later, latest, `{"action":"clear"}`},
		"cleared": {later, votingwindow.Control{By: "bruno", At: opens.Add(time.Second)}, `{"action":"close","in_seconds":60,"by":"eve"}`},
	} {
		m := newMemory()
		replace := func(former, next votingwindow.Control) {
			if former == next {
				return
			}
			if done, err := m.store().ReplaceControl(t.Context(), former, next); !done || err != nil {
				t.Fatal(done, err)
			}
		}
		replace(votingwindow.Control{}, test.before)
		function := controller(m, &manualClock{now: opens.Add(time.Minute)})
		function.Store = &meanwhile{m.store(), func() { replace(test.before, test.between) }}
		if _, err := control(t, function, []byte(test.event)); err == nil || !strings.Contains(err.Error(), "at the same moment") {
			t.Errorf("%s: %v", name, err)
		}
		if stands, err := m.store().ReadControl(t.Context()); err != nil || stands != test.between {
			t.Errorf("%s: there stands %+v, %v", name, stands, err)
		}
	}
}

// A write that took effect though its first answer was lost is no conflict; a failed one changes nothing.
func TestControllerWithFaults(t *testing.T) {
	m := newMemory()
	function := controller(m, &manualClock{now: opens.Add(time.Minute)})
	own := votingwindow.Control{ClosesAt: opens.Add(90 * time.Second), Of: closes, By: "eve", At: opens.Add(time.Minute)}
	function.Store = &meanwhile{m.store(), func() {
		if _, err := m.store().ReplaceControl(t.Context(), votingwindow.Control{}, own); err != nil {
			t.Fatal(err)
		}
	}}
	closing := []byte(`{"action":"close","in_seconds":30,"by":"eve"}`)
	if got, err := control(t, function, closing); err != nil || !got.Changed || got.ClosesAt != "2030-05-04T20:01:30Z" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, operation := range []string{"get", "put"} {
		m := newMemory()
		m.faultOf = func(failing, _, _ string, _ int) fault {
			if failing == operation {
				return before
			}
			return fine
		}
		if _, err := control(t, controller(m, &manualClock{now: opens}), closing); !errors.Is(err, errInfrastructure) {
			t.Errorf("%s: %v", operation, err)
		}
		if m.tables["tallies"].get(votingwindow.ControlID) != nil {
			t.Errorf("%s failed and there is a control", operation)
		}
	}
}
