package votingwindow_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// asked is what intake answers and what it puts on the queue.
type asked struct {
	status int
	code   string // The refusal's; empty for a vote that is taken.
	late   bool
	sent   string // The message; empty where there is none.
}

func ask(t *testing.T, intake *votingwindow.Intake, request votingwindow.IntakeRequest) asked {
	t.Helper()
	var queue outbox
	intake.Queue, intake.Log = &queue, discard
	response, err := intake.Handle(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Error string
		Late  bool
	}
	if err := json.Unmarshal([]byte(response.Body), &answer); err != nil {
		t.Fatal(err)
	}
	got := asked{status: response.StatusCode, code: answer.Error, late: answer.Late}
	if len(queue.sent) > 0 {
		got.sent = queue.sent[0]
	}
	return got
}

// Who votes by a token is who the token says, and nobody else.
func TestIntakeByToken(t *testing.T) {
	message := `{"voter":"ann1","answer":"yes","question":"vote","address":"203.0.113.7"}`
	for name, test := range map[string]struct {
		change func(*votingwindow.IntakeRequest)
		claim  string
		want   asked
	}{
		"a real event":      {func(*votingwindow.IntakeRequest) {}, "sub", asked{status: 202, sent: message}},
		"another claim":     {func(*votingwindow.IntakeRequest) {}, "aud", asked{status: 202, sent: `{"voter":"final","answer":"yes","question":"vote","address":"203.0.113.7"}`}},
		"no such claim":     {func(*votingwindow.IntakeRequest) {}, "phone", asked{status: 422, code: "voter"}},
		"breaks the rule":   {func(*votingwindow.IntakeRequest) {}, "exp", asked{status: 422, code: "voter"}},
		"voter in the body": {func(r *votingwindow.IntakeRequest) { r.Body = body("ann1", "yes") }, "sub", asked{status: 400, code: "malformed"}},
		"a claim that is a list": {func(r *votingwindow.IntakeRequest) {
			r.RequestContext.Authorizer.JWT.Claims["sub"] = []any{"ann1"}
		}, "sub", asked{status: 422, code: "voter"}},
		"no authorizer": {func(r *votingwindow.IntakeRequest) { r.RequestContext.Authorizer.JWT.Claims = nil }, "sub", asked{status: 422, code: "voter"}},
	} {
		t.Run(name, func(t *testing.T) {
			request := event[votingwindow.IntakeRequest](t, "intake-jwt")
			test.change(&request)
			intake := &votingwindow.Intake{Rules: mustRules(window()), VoterClaim: test.claim, Clock: &manualClock{now: opens}}
			if got := ask(t, intake, request); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestIntakeOfQuestionsTicketsAndRehearsals(t *testing.T) {
	private := ed25519.NewKeyFromSeed(voterKey)
	who := votingwindow.Admission{TicketPublicKey: base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey))}
	ticket := base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte("final\nann")))
	w := window()
	w.Questions = []string{"song/a/b", "dance/c"}
	for name, test := range map[string]struct {
		body string
		now  time.Time
		want asked
	}{
		"sound": {
			`{"voter":"ann","answer":"a","question":"song","ticket":"` + ticket + `"}`, opens,
			asked{status: 202, sent: `{"voter":"ann","answer":"a","question":"song","ticket":"` + ticket + `","address":"203.0.113.7"}`},
		},
		"no question":    {`{"voter":"ann","answer":"a","ticket":"` + ticket + `"}`, opens, asked{status: 422, code: "question"}},
		"other's answer": {`{"voter":"ann","answer":"c","question":"song","ticket":"` + ticket + `"}`, opens, asked{status: 422, code: "answer"}},
		"no ticket":      {`{"voter":"ann","answer":"a","question":"song"}`, opens, asked{status: 422, code: "ticket"}},
		"other's ticket": {`{"voter":"bob","answer":"a","question":"song","ticket":"` + ticket + `"}`, opens, asked{status: 422, code: "ticket"}},
		"an address":     {`{"voter":"ann","answer":"a","question":"song","address":"::1"}`, opens, asked{status: 400, code: "malformed"}},
		"rehearsal": {
			`{"voter":"ann","answer":"a","question":"song","rehearsal":true,"ticket":"` + ticket + `"}`, opens.Add(-time.Hour),
			asked{status: 202, sent: `{"voter":"ann","answer":"a","question":"song","ticket":"` + ticket + `","rehearsal":true,"address":"203.0.113.7"}`},
		},
		"rehearsal, open": {`{"voter":"ann","answer":"a","question":"song","rehearsal":true,"ticket":"` + ticket + `"}`, opens, asked{status: 403, code: "closed"}},
		"early":           {`{"voter":"ann","answer":"a","question":"song","ticket":"` + ticket + `"}`, opens.Add(-1), asked{status: 403, code: "not_open"}},
	} {
		t.Run(name, func(t *testing.T) {
			request := event[votingwindow.IntakeRequest](t, "intake")
			request.Body = test.body
			intake := &votingwindow.Intake{Rules: mustAdmit(w, who), Clock: &manualClock{now: test.now}}
			if got := ask(t, intake, request); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// Intake asks whether somebody moved the closing time only when it is about to say that it has come.
func TestIntakeGoesByTheClosingTimeInForce(t *testing.T) {
	moved := votingwindow.Control{ClosesAt: closes.Add(10 * time.Minute), Of: closes}
	taken := `{"voter":"ann1","answer":"yes","question":"vote","address":"203.0.113.7"}`
	for name, test := range map[string]struct {
		store controls
		now   time.Time
		reads int
		want  asked
	}{
		"open":               {controls{err: errors.New("throttled")}, closes.Add(-1), 0, asked{status: 202, sent: taken}},
		"in grace":           {controls{}, closes, 1, asked{status: 202, late: true, sent: taken}},
		"after it":           {controls{}, closes.Add(2 * time.Minute), 1, asked{status: 403, code: "closed"}},
		"extended":           {controls{control: moved}, closes.Add(9 * time.Minute), 1, asked{status: 202, sent: taken}},
		"extended, in grace": {controls{control: moved}, closes.Add(11 * time.Minute), 1, asked{status: 202, late: true, sent: taken}},
		"extended, after it": {controls{control: moved}, closes.Add(12 * time.Minute), 1, asked{status: 403, code: "closed"}},
		"nobody knows":       {controls{err: errors.New("throttled")}, closes.Add(time.Hour), 1, asked{status: 503, code: "unavailable"}},
	} {
		t.Run(name, func(t *testing.T) {
			clock := &manualClock{now: test.now}
			intake := &votingwindow.Intake{
				Rules: mustRules(window()), InForce: &votingwindow.Clocked{Window: window(), Store: &test.store, Clock: clock}, Clock: clock,
			}
			if got := ask(t, intake, event[votingwindow.IntakeRequest](t, "intake")); got != test.want || test.store.reads != test.reads {
				t.Errorf("got %+v after %d reads, want %+v", got, test.store.reads, test.want)
			}
		})
	}
}

// ballots puts ballots as they are into a table: by key, address, minute after opening and quarantine.
func suspicious(t *testing.T, m *memory) {
	t.Helper()
	for key, ballot := range map[string]votingwindow.Ballot{
		"a/vote": {Address: "AAAAAAAAAAAAAAAA", Quarantine: "rate"}, "b/vote": {Address: "AAAAAAAAAAAAAAAA", Quarantine: "rate"},
		"c/vote": {Address: "AAAAAAAAAAAAAAAA", Quarantine: "rate", Sent: opens.Add(time.Minute)},
		"d/vote": {Address: "BBBBBBBBBBBBBBBB", Quarantine: "rate"}, "e/vote": {Quarantine: "pattern"},
		"f/vote": {Address: "AAAAAAAAAAAAAAAA"}, "rehearsal/g/vote": {Address: "AAAAAAAAAAAAAAAA", Quarantine: "pattern", Rehearsal: true},
	} {
		ballot.Key, ballot.Message, ballot.Answer = key, "m"+key, "vote/yes"
		if ballot.Sent.IsZero() {
			ballot.Sent = opens
		}
		if _, err := m.store().PutBallot(t.Context(), ballot); err != nil {
			t.Fatal(err)
		}
	}
}

func TestQuarantineList(t *testing.T) {
	m := newMemory()
	suspicious(t, m)
	got, err := (&votingwindow.Quarantine{Store: m.store()}).Handle(t.Context(), votingwindow.QuarantineRequest{Action: "list"})
	want := []votingwindow.QuarantineGroup{
		{Rule: "rate", Address: "AAAAAAAAAAAAAAAA", Minute: "2030-05-04T20:00:00Z", Count: 2},
		{Rule: "pattern", Minute: "2030-05-04T20:00:00Z", Count: 1},
		{Rule: "rate", Address: "BBBBBBBBBBBBBBBB", Minute: "2030-05-04T20:00:00Z", Count: 1},
		{Rule: "rate", Address: "AAAAAAAAAAAAAAAA", Minute: "2030-05-04T20:01:00Z", Count: 1},
	}
	if err != nil || got.Total != 5 || !slices.Equal(got.Groups, want) || got.Truncated {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestQuarantineRelease(t *testing.T) {
	for name, test := range map[string]struct {
		request   votingwindow.QuarantineRequest
		phase     votingwindow.Phase
		released  int64
		recounted bool
	}{
		"one address":        {votingwindow.QuarantineRequest{Action: "release", Rule: "rate", Address: "AAAAAAAAAAAAAAAA"}, "final", 3, true},
		"a rule":             {votingwindow.QuarantineRequest{Action: "release", Rule: "rate"}, "final", 4, true},
		"the other":          {votingwindow.QuarantineRequest{Action: "release", Rule: "pattern"}, "final", 1, true},
		"while it is open":   {votingwindow.QuarantineRequest{Action: "release", Rule: "pattern"}, "open", 1, false},
		"while it counts":    {votingwindow.QuarantineRequest{Action: "release", Rule: "rate"}, "counting", 4, true},
		"an unknown address": {votingwindow.QuarantineRequest{Action: "release", Rule: "rate", Address: "CCCCCCCCCCCCCCCC"}, "final", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			suspicious(t, m)
			state := votingwindow.State{Version: 1, Phase: test.phase, ClosesAt: closes}
			if _, err := m.store().PutWindowState(t.Context(), state); err != nil {
				t.Fatal(err)
			}
			quarantine := &votingwindow.Quarantine{Store: m.store()}
			got, err := quarantine.Handle(t.Context(), test.request)
			if err != nil || got.Total != test.released || got.Recount != test.recounted {
				t.Fatalf("got %+v, %v", got, err)
			}
			left, err := m.store().CountBallots(t.Context(), true)
			if err != nil || left.Real.Quarantined != 5-test.released || left.Real.Released != test.released || left.Rehearsal.Quarantined != 1 {
				t.Errorf("left %+v, %v", left, err)
			}
			after, err := m.store().WindowState(t.Context())
			if err != nil || (after.Version == 2) != test.recounted || (test.recounted && after.Phase != votingwindow.PhaseCounting) {
				t.Errorf("state %+v, %v", after, err)
			}
		})
	}
	for _, request := range []votingwindow.QuarantineRequest{{}, {Action: "delete"}, {Action: "release"}, {Action: "release", Rule: "all"}} {
		if _, err := (&votingwindow.Quarantine{Store: newMemory().store()}).Handle(t.Context(), request); err == nil {
			t.Errorf("%+v: no error", request)
		}
	}
	if request := event[votingwindow.QuarantineRequest](t, "quarantine"); request != (votingwindow.QuarantineRequest{Action: "release", Rule: "rate", Address: "5MZvAIOUbio_yLHC"}) {
		t.Errorf("the example event is %+v", request)
	}
}

// A release that dies in the middle is completed by doing it again.
func TestQuarantineReleaseDies(t *testing.T) {
	m := newMemory()
	suspicious(t, m)
	if _, err := m.store().PutWindowState(t.Context(), votingwindow.State{Version: 1, Phase: votingwindow.PhaseFinal, ClosesAt: closes}); err != nil {
		t.Fatal(err)
	}
	quarantine := &votingwindow.Quarantine{Store: m.store()}
	request := votingwindow.QuarantineRequest{Action: "release", Rule: "rate"}
	for dies := int64(1); ; dies++ {
		life := &process{dies: dies}
		if _, err := quarantine.Handle(life.of(t.Context()), request); err == nil {
			break
		}
		if dies > 100 {
			t.Fatal("it never ends")
		}
	}
	left, err := m.store().CountBallots(t.Context(), true)
	state, stateErr := m.store().WindowState(t.Context())
	if err := errors.Join(err, stateErr); err != nil || left.Real.Released != 4 || left.Real.Quarantined != 1 || state.Phase != votingwindow.PhaseCounting {
		t.Errorf("left %+v, state %+v, %v", left, state, err)
	}
}

// resettable is a store with a control of its own.
type resettable struct {
	store   *votingwindow.Store
	control *controls
}

func (r resettable) ReadControl(ctx context.Context) (votingwindow.Control, error) {
	return r.control.ReadControl(ctx)
}

func (r resettable) RemoveRehearsal(ctx context.Context) (votingwindow.Removed, error) {
	return r.store.RemoveRehearsal(ctx)
}

// A rehearsal goes the whole way, and a reset takes away what it left and nothing else.
func TestResetRemovesTheRehearsalAlone(t *testing.T) {
	m := newMemory()
	clock := &manualClock{now: opens.Add(-time.Hour)}
	recorder := recorderOf(m, mustRules(window()), clock, "w")
	rehearsed := func(voter, answer string) string {
		return strings.Replace(body(voter, answer), "{", `{"rehearsal":true,`, 1)
	}
	expectFailed(t, handle(t, recorder, batch(
		sqsMessage("r1", rehearsed("ann", "yes"), clock.now, 1), sqsMessage("r2", rehearsed("ann", "no"), clock.now, 1),
		sqsMessage("r3", rehearsed("bob", "none"), clock.now, 1), sqsMessage("e1", body("ann", "no"), clock.now, 1),
	)))
	clock.set(opens.Add(time.Minute))
	expectFailed(t, handle(t, recorder, batch(
		sqsMessage("m1", body("ann", "yes"), opens, 1), sqsMessage("m2", body("ann", "no"), opens, 1),
		sqsMessage("m3", rehearsed("bob", "yes"), opens, 1),
	)))
	votes := map[string]string{"m1": "counted vote/yes", "m2": "duplicate second_vote", "m3": "rejected rehearsal", "e1": "rejected early"}
	all := map[string]string{"r1": "counted vote/yes", "r2": "duplicate second_vote", "r3": "rejected answer"}
	maps.Copy(all, votes)
	expectEnds(t, m, all)
	counters, err := m.store().Counters(t.Context(), false)
	if err != nil || counters.Accepted() != 4 || counters.Counted() != 1 {
		t.Errorf("counters %+v, %v", counters, err)
	}
	if counters, err = m.store().Counters(t.Context(), true); err != nil || counters.Accepted() != 3 || counters.Counted() != 1 {
		t.Errorf("the rehearsal's counters %+v, %v", counters, err)
	}
	clock.set(closes.Add(time.Hour))
	reset := &votingwindow.Reset{Rules: mustRules(window()), Store: m.store(), Clock: clock}
	for _, want := range []votingwindow.Removed{{Ballots: 1, Entries: 2, Counters: 1}, {}} {
		if got, err := reset.Handle(t.Context(), nil); err != nil || got != want {
			t.Errorf("removed %+v, %v", got, err)
		}
		expectEnds(t, m, votes)
	}
}

func TestReset(t *testing.T) {
	store := newMemory().store()
	for name, test := range map[string]struct {
		now     time.Time
		control votingwindow.Control
		refused bool
	}{
		"before":                 {opens.Add(-time.Millisecond), votingwindow.Control{}, false},
		"open":                   {opens, votingwindow.Control{}, true},
		"in grace":               {closes.Add(2*time.Minute - 1), votingwindow.Control{}, true},
		"after":                  {closes.Add(2 * time.Minute), votingwindow.Control{}, false},
		"extended":               {closes.Add(2 * time.Minute), votingwindow.Control{ClosesAt: closes.Add(time.Minute), Of: closes}, true},
		"closed early, in grace": {closes.Add(-time.Minute), votingwindow.Control{ClosesAt: closes.Add(-2 * time.Minute), Of: closes}, true},
		"closed early":           {closes, votingwindow.Control{ClosesAt: closes.Add(-2 * time.Minute), Of: closes}, false},
	} {
		reset := &votingwindow.Reset{Rules: mustRules(window()), Clock: &manualClock{now: test.now}, Store: resettable{store, &controls{control: test.control}}}
		if _, err := reset.Handle(t.Context(), event[json.RawMessage](t, "reset")); (err != nil) != test.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}
