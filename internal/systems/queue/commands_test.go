package queue

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/functions/queue/verifydraw"
	"github.com/burstline/terraform-provider-serverless/internal/command"
	"github.com/burstline/terraform-provider-serverless/internal/command/commandtest"
)

// night is when the commands of these tests are given.
var night = time.Date(2027, 5, 22, 18, 15, 0, 0, time.UTC)

// runs runs a command of the waiting room arena.
func runs(t *testing.T, d *commandtest.System, name, argument string, flags map[string]any) (command.Answer, error) {
	t.Helper()
	return commandtest.Run(t, Commands(), d, commandtest.Line{Command: name, System: "arena", Argument: argument, Flags: flags, Clock: &commandtest.Clock{At: night}})
}

// Each command calls its function with the event that it means, and tells what it
// answered.
func TestFunctionsOfCommands(t *testing.T) {
	configured := queue.Sale{
		OpensAt: night.UnixMilli(), ClosesAt: night.Add(time.Hour).UnixMilli(), Windows: 50, WindowTTL: 600, ClaimTTL: 180, PurchaseURL: "https://tickets.example.com",
	}
	changed := configured
	changed.Windows, changed.Rate, changed.Paused = 80, 2.5, true
	is := queue.Controlling{Sale: "arena", State: queue.Open, InForce: configured, Configured: configured}
	was := queue.Controlling{
		Sale: "arena", State: queue.Paused, InForce: changed, Configured: configured, Overridden: []string{"paused", "rate", "windows"}, By: commandtest.Caller, At: "2027-05-22T18:15:00Z", Changed: true,
	}
	by := `"by":"` + commandtest.Caller + `"}`
	for name, c := range map[string]struct {
		command, argument string
		flags             map[string]any
		event             string
		answer            queue.Controlling
		says              []string
	}{
		"pause":  {"pause", "", nil, `{"action":"pause","sale":"arena",` + by, was, []string{"arena is paused\n", "  paused              true  instead of false\n", "  called a second     2.5  instead of as windows are free\n", "changed by " + commandtest.Caller + " at 2027-05-22T18:15:00Z; an apply leaves it, and unset takes it back\n"}},
		"resume": {"resume", "", nil, `{"action":"resume","sale":"arena",` + by, is, []string{"arena is open\n"}},
		"resume another": {"resume", "", map[string]any{"sale": "semi"}, `{"action":"resume","sale":"semi",` + by, is,
			[]string{"is open\n"}},
		"sale": {"sale", "", nil, `{"action":"show","sale":"arena",` + by, is, []string{
			"arena is open\n  opens at            2027-05-22T18:15:00Z\n  closes at           2027-05-22T19:15:00Z\n  paused              false\n  windows             50\n" +
				"  called a second     as windows are free\n  window lasts        10m0s\n  to be taken within  3m0s\n",
		}},
		"unset":            {"unset", "", nil, `{"action":"clear","sale":"arena",` + by, is, []string{"arena is open\n"}},
		"rate":             {"rate", "2.5", nil, `{"action":"set","sale":"arena","rate":2.5,` + by, was, []string{"called a second     2.5"}},
		"rate of none":     {"rate", "0", nil, `{"action":"set","sale":"arena","rate":0,` + by, is, []string{"as windows are free\n"}},
		"windows":          {"windows", "80", map[string]any{"sale": "semi"}, `{"action":"set","sale":"semi","windows":80,` + by, was, []string{"  windows             80  instead of 50\n"}},
		"no windows":       {"windows", "0", nil, `{"action":"set","sale":"arena","windows":0,` + by, is, nil},
		"ttl":              {"ttl", "", map[string]any{"window": 8 * time.Minute, "claim": 90 * time.Second}, `{"action":"set","sale":"arena","window_ttl":480,"claim_ttl":90,` + by, is, nil},
		"ttl of the claim": {"ttl", "", map[string]any{"claim": 2 * time.Minute}, `{"action":"set","sale":"arena","claim_ttl":120,` + by, is, nil},
		"open":             {"open", "", nil, `{"action":"set","sale":"arena","opens_at":"2027-05-22T18:15:00Z",` + by, is, nil},
		"open later":       {"open", "", map[string]any{"at": "2027-05-22T20:30:00+02:00"}, `{"action":"set","sale":"arena","opens_at":"2027-05-22T20:30:00+02:00",` + by, is, nil},
		"close":            {"close", "", nil, `{"action":"set","sale":"arena","closes_at":"2027-05-22T18:15:00Z",` + by, is, nil},
		"close later":      {"close", "", map[string]any{"at": "2027-05-22T19:30:00Z", "sale": "semi"}, `{"action":"set","sale":"semi","closes_at":"2027-05-22T19:30:00Z",` + by, is, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var events []string
			d := &commandtest.System{Answers: map[string]func(string) (any, error){"control": func(event string) (any, error) {
				events = append(events, event)
				return c.answer, nil
			}}}
			answer, err := runs(t, d, c.command, c.argument, c.flags)
			if err != nil || answer.Unwell {
				t.Fatalf("%+v, %v", answer, err)
			}
			if diff := cmp.Diff([]string{c.event}, events); diff != "" {
				t.Errorf("events: want -, have +:\n%s", diff)
			}
			if diff := cmp.Diff(c.answer, answer.JSON); diff != "" {
				t.Errorf("answer: want -, have +:\n%s", diff)
			}
			for _, text := range c.says {
				if !strings.Contains(answer.Text, text) {
					t.Errorf("%q does not say %q", answer.Text, text)
				}
			}
			refuses(t, d, "control", c.command, c.argument, c.flags)
		})
	}
}

// refuses has the function fail: so does the command, without an answer.
func refuses(t *testing.T, d *commandtest.System, function, name, argument string, flags map[string]any) {
	t.Helper()
	d.Answers[function] = func(string) (any, error) { return nil, &command.FunctionError{Function: function, Message: "no"} }
	var refused *command.FunctionError
	if answer, err := runs(t, d, name, argument, flags); !errors.As(err, &refused) || answer.JSON != nil {
		t.Errorf("a function that fails gives %+v, %v", answer, err)
	}
}

func TestVIP(t *testing.T) {
	var events []string
	made := queue.Bypassed{
		Sale: "semi", Bearer: "press-7", ID: "one", From: "2027-05-22T18:30:00Z", Until: "2027-05-22T20:30:00Z", Token: "a.b.c", PurchaseURL: "https://tickets.example.com/?token=a.b.c",
	}
	d := &commandtest.System{Answers: map[string]func(string) (any, error){"bypass": func(event string) (any, error) {
		events = append(events, event)
		return made, nil
	}}}
	if answer, err := runs(t, d, "vip", "press-7", nil); err != nil || answer.JSON != made {
		t.Fatalf("%+v, %v", answer, err)
	}
	flags := map[string]any{"sale": "semi", "for": 2 * time.Hour, "from": "2027-05-22T20:30:00+02:00"}
	answer, err := runs(t, d, "vip", "press-7", flags)
	if want := "press-7 may go to https://tickets.example.com/?token=a.b.c\nfrom 2027-05-22T18:30:00Z until 2027-05-22T20:30:00Z, by the pass one\n"; err != nil || answer.Text != want || answer.Unwell {
		t.Errorf("%+v, %v", answer, err)
	}
	by := `"by":"` + commandtest.Caller + `"}`
	if diff := cmp.Diff([]string{
		`{"sale":"arena","bearer":"press-7","seconds":3600,` + by, `{"sale":"semi","bearer":"press-7","from":"2027-05-22T20:30:00+02:00","seconds":7200,` + by,
	}, events); diff != "" {
		t.Errorf("events: want -, have +:\n%s", diff)
	}
	refuses(t, d, "bypass", "vip", "press-7", nil)
}

func TestRevoke(t *testing.T) {
	const fan, pass = "2hX0YbqkmJ5dWn1RZt7cPA", "kq3wB0t4cYv1m9Zr8QeJxg"
	by := `"by":"` + commandtest.Caller + `"}`
	for name, c := range map[string]struct {
		argument string
		flags    map[string]any
		event    string
		answer   queue.Revocation
		text     string
	}{
		"a window": {fan, nil, `{"sale":"arena","fan":"` + fan + `",` + by, queue.Revocation{Sale: "arena", Fan: fan, Was: "claimed", Revoked: true, Until: "2027-05-22T18:25:00Z"},
			"fan " + fan + " is revoked; before: claimed\nwhoever does not ask the waiting room takes the pass until 2027-05-22T18:25:00Z\n"},
		"a place": {fan, map[string]any{"sale": "semi"}, `{"sale":"semi","fan":"` + fan + `",` + by, queue.Revocation{Sale: "semi", Fan: fan, Was: "waiting", Revoked: true}, "fan " + fan + " is revoked; before: waiting\n"},
		"nothing": {fan, nil, `{"sale":"arena","fan":"` + fan + `",` + by, queue.Revocation{Sale: "arena", Fan: fan, Was: "expired"}, "nothing to take back of fan " + fan + ": expired\n"},
		"a bypass pass": {"", map[string]any{"pass": pass}, `{"sale":"arena","pass":"` + pass + `",` + by, queue.Revocation{Sale: "arena", Pass: pass, Was: "claimed", Revoked: true},
			"bypass pass " + pass + " is revoked; before: claimed\nwhoever does not ask the waiting room takes the pass until it is over\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var events []string
			d := &commandtest.System{Answers: map[string]func(string) (any, error){"revoke": func(event string) (any, error) {
				events = append(events, event)
				return c.answer, nil
			}}}
			answer, err := runs(t, d, "revoke", c.argument, c.flags)
			if err != nil || answer.Unwell || answer.JSON != c.answer || answer.Text != c.text {
				t.Errorf("%+v, %v", answer, err)
			}
			if diff := cmp.Diff([]string{c.event}, events); diff != "" {
				t.Errorf("events: want -, have +:\n%s", diff)
			}
			refuses(t, d, "revoke", "revoke", c.argument, c.flags)
		})
	}
}

// What cannot be meant is refused before anything is asked of AWS.
func TestCommandsRefuse(t *testing.T) {
	for name, c := range map[string]struct {
		command, argument string
		flags             map[string]any
		says              string
	}{
		"no rate":                 {"rate", "", nil, "give the value: terraform-provider-serverless rate queue arena 2.5"},
		"a rate of words":         {"rate", "fast", nil, `"fast" is no rate`},
		"a rate below nothing":    {"rate", "-1", nil, `"-1" is no rate`},
		"a rate that is none":     {"rate", "NaN", nil, `"NaN" is no rate`},
		"a rate without end":      {"rate", "Inf", nil, `"Inf" is no rate`},
		"no number of windows":    {"windows", "", nil, "give the value"},
		"half a window":           {"windows", "1.5", nil, `"1.5" is no number of windows: give 0 to 2000`},
		"fewer than none":         {"windows", "-1", nil, `"-1" is no number of windows`},
		"too many windows":        {"windows", "2001", nil, `"2001" is no number of windows`},
		"no ttl":                  {"ttl", "", nil, "give --window, --claim or both"},
		"half a second":           {"ttl", "", map[string]any{"window": 1500 * time.Millisecond}, "--window: 1.5s is not a number of whole seconds"},
		"no time to claim":        {"ttl", "", map[string]any{"claim": time.Duration(0)}, "--claim: 0s is not a number of whole seconds"},
		"open at no time":         {"open", "", map[string]any{"at": "tomorrow"}, `--at: "tomorrow" is no RFC 3339 time`},
		"close at no time":        {"close", "", map[string]any{"at": "22:15"}, `--at: "22:15" is no RFC 3339 time`},
		"a pass for nobody":       {"vip", "", nil, "give a name for whoever gets the pass"},
		"a pass from no time":     {"vip", "press-7", map[string]any{"from": "nine"}, `--from: "nine" is no RFC 3339 time`},
		"a pass for no time":      {"vip", "press-7", map[string]any{"for": time.Duration(0)}, "--for: 0s is not a number of whole seconds"},
		"a pass for a fraction":   {"vip", "press-7", map[string]any{"for": 1500 * time.Millisecond}, "--for: 1.5s"},
		"revoke nobody":           {"revoke", "", nil, "give the id of a fan, or --pass"},
		"revoke a fan and a pass": {"revoke", "x", map[string]any{"pass": "y"}, "give the id of a fan, or --pass"},
		"a proof, no list":        {"verify-draw", "", map[string]any{"proof": "x"}, "--proof and --list belong together"},
		"a list, no proof":        {"verify-draw", "", map[string]any{"list": "x"}, "--proof and --list belong together"},
		"a proof not there":       {"verify-draw", "", map[string]any{"proof": "/nowhere/x", "list": "/nowhere/y"}, "there is no file /nowhere/x"},
	} {
		if _, err := runs(t, nil, c.command, c.argument, c.flags); !commandtest.IsUsage(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// draws are the two documents of a draw of three fans, of which cai comes first.
func draws(t *testing.T) (proof, list string) {
	t.Helper()
	text := verifydraw.ListText([]string{"ann", "bob", "cai"})
	p := verifydraw.Proof{Sale: "arena", Secret: strings.Repeat("07", 32), Count: 3, ListSHA256: verifydraw.Sum(text), ListedAt: "2027-05-22T18:15:00Z"}
	p.Commitment = verifydraw.Sum([]byte(strings.Repeat("\a", 32)))
	return sealed(t, p), string(text)
}

// sealed is a proof with its seed, as it is published.
func sealed(t *testing.T, p verifydraw.Proof) string {
	t.Helper()
	seed, err := verifydraw.Seed(p.Secret, p.ListSHA256, p.Randomness)
	if err != nil {
		t.Fatal(err)
	}
	p.Seed = seed
	out, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// byQuicknet is a proof with round 123 of drand's quicknet, as the network signed it.
func byQuicknet(t *testing.T, proof string) string {
	t.Helper()
	var p verifydraw.Proof
	if err := json.Unmarshal([]byte(proof), &p); err != nil {
		t.Fatal(err)
	}
	p.ListedAt, p.Round, p.RoundAt, p.Beacon, p.Chain = "2023-08-23T15:14:30Z", 123, "2023-08-23T15:15:33Z", drandURL, drandChain
	p.ChainInfo = verifydraw.Chain{
		PublicKey: "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
		Period:    3, Genesis: 1692803367, GroupHash: "f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e",
		Scheme: verifydraw.SchemeG1, Metadata: verifydraw.Metadata{BeaconID: "quicknet"},
	}
	p.Signature = "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92"
	signature, err := hex.DecodeString(p.Signature)
	if err != nil {
		t.Fatal(err)
	}
	p.Randomness = verifydraw.Sum(signature)
	return sealed(t, p)
}

// The draw is made again, from the bucket or from files.
func TestVerifyDraw(t *testing.T) {
	proof, list := draws(t)
	_, order, err := verifydraw.Verify([]byte(proof), []byte(list))
	if err != nil {
		t.Fatal(err)
	}
	inBucket := func(sale, proof, list string) *commandtest.System {
		return &commandtest.System{Stored: map[string]string{"pages/" + queue.ProofObject(sale): proof, "pages/" + queue.ListObject(sale): list}}
	}
	dir := t.TempDir()
	files := map[string]any{"proof": filepath.Join(dir, "p"), "list": filepath.Join(dir, "l"), "fan": order[2]}
	for flag, text := range map[string]string{"proof": proof, "list": list} {
		if err := os.WriteFile(filepath.Join(dir, flag[:1]), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		d      *commandtest.System
		flags  map[string]any
		says   string
		place  int
		unwell bool
	}{
		"by the bucket":   {inBucket("arena", proof, list), nil, "the draw of arena fits: 3 places from seed ", 0, false},
		"without beacon":  {inBucket("arena", proof, list), nil, "no beacon took part", 0, false},
		"with a beacon":   {inBucket("arena", byQuicknet(t, proof), list), nil, "round 123, as the beacon's chain " + drandChain + " signed it", 0, false},
		"another sale":    {inBucket("semi", proof, list), map[string]any{"sale": "semi", "fan": order[0]}, order[0] + " drew place 1\n", 1, false},
		"offline":         {nil, files, order[2] + " drew place 3\n", 3, false},
		"who did not":     {inBucket("arena", proof, list), map[string]any{"fan": "dee"}, "dee was not drawn\n", 0, false},
		"another list":    {inBucket("arena", proof, "ann\nbob\ndee\n"), map[string]any{"fan": "ann"}, "THE DRAW DOES NOT FIT:\n", 0, true},
		"no proof at all": {inBucket("arena", "{", list), nil, "THE DRAW DOES NOT FIT:\n", 0, true},
	} {
		answer, err := runs(t, c.d, "verify-draw", "", c.flags)
		said, ok := answer.JSON.(drawing)
		if err != nil || !ok || answer.Unwell != c.unwell || said.Fits == c.unwell || (said.Wrong == "") == c.unwell || said.Place != c.place || !strings.Contains(answer.Text, c.says) {
			t.Errorf("%s: %+v, %v", name, answer, err)
		}
	}
	for name, d := range map[string]*commandtest.System{
		"nothing published": {}, "a list that is missing": {Stored: map[string]string{"pages/" + queue.ProofObject("arena"): proof}},
	} {
		if _, err := runs(t, d, "verify-draw", "", nil); err == nil || commandtest.IsUsage(err) || !strings.Contains(err.Error(), "the sale arena has published no draw") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFacts(t *testing.T) {
	status := `{"sale":"arena","state":"open","at":1811009697000,"waiting":1200,"open":48,"windows":50,"pace_now":2.345}`
	for name, c := range map[string]struct {
		objects map[string]string
		want    []command.Fact
		fault   bool
	}{
		"open":   {map[string]string{"pages/status/arena.json": status}, []command.Fact{{Name: "sale arena", Value: "open, 1200 waiting, 48 of 50 windows open, 2.35 called a second, 3s ago"}}, false},
		"none":   {nil, []command.Fact{{Name: "sales", Value: "no status yet: the keeper writes it within a minute"}}, false},
		"broken": {map[string]string{"pages/status/arena.json": "{"}, nil, true},
	} {
		got, err := Facts(t.Context(), &commandtest.System{Stored: c.objects}, night)
		if diff := cmp.Diff(c.want, got); diff != "" || (err != nil) != c.fault {
			t.Errorf("%s: %v; want -, have +:\n%s", name, err, diff)
		}
	}
}
