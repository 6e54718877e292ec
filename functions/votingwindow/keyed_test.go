package votingwindow_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// The hashes are a format that other programs make too: HMAC-SHA-256, computed by another implementation.
func TestHashesAreWhatTheyWere(t *testing.T) {
	if got := hasher.Voter("12345678"); got != "AKMfP-5s_yy1qTe48LBFcSCO" {
		t.Errorf("voter: %s", got)
	}
	if got := hasher.Address("203.0.113.7"); got != "5MZvAIOUbio_yLHC" {
		t.Errorf("address: %s", got)
	}
	want := [8]byte{0xcb, 0x37, 0xdf, 0xf7, 0xea, 0x93, 0x4e, 0x1b}
	if got := allowEntry(voterKey, "12345678"); got != want || hasher.Allow("12345678") != want {
		t.Errorf("allow: %x", got)
	}
	if hasher.Address("") != "" {
		t.Error("an unknown address has a hash")
	}
	// Longer than the buffer, and the one after it.
	long := strings.Repeat("x", 200)
	if hasher.Allow(long) != allowEntry(voterKey, long) || hasher.Allow("12345678") != want {
		t.Error("a long identifier has another hash")
	}
}

func TestNewHasherRefuses(t *testing.T) {
	for _, text := range []string{"", "AAAA", "?", base64.StdEncoding.EncodeToString(make([]byte, 33))} {
		if _, err := votingwindow.NewHasher(text); err == nil || (text != "" && strings.Contains(err.Error(), text)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestBallotKey(t *testing.T) {
	for key, parts := range map[string]struct {
		voter, question string
		slot            int
		rehearsal       bool
	}{
		"hash": {"hash", "vote", 0, false}, "hash//2": {"hash", "vote", 2, false}, "hash/song": {"hash", "song", 0, false}, "hash/song/2": {"hash", "song", 2, false},
		"rehearsal/hash": {"hash", "vote", 0, true}, "rehearsal/hash//19": {"hash", "vote", 19, true}, "rehearsal/hash/song/19": {"hash", "song", 19, true},
	} {
		if got := votingwindow.BallotKey(parts.voter, parts.question, parts.slot, parts.rehearsal); got != key {
			t.Errorf("got %s, want %s", got, key)
		}
		voter, question, slot, rehearsal := votingwindow.SplitBallotKey(key)
		if voter != parts.voter || question != parts.question || slot != parts.slot || rehearsal != parts.rehearsal {
			t.Errorf("%s: got %s %s %d %v", key, voter, question, slot, rehearsal)
		}
	}
}

func TestTicket(t *testing.T) {
	private := ed25519.NewKeyFromSeed(voterKey)
	public := private.Public().(ed25519.PublicKey)
	sign := func(text string) string {
		return base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(text)))
	}
	good := sign("final\nann")
	for name, test := range map[string]struct {
		window, voter, ticket string
		want                  bool
	}{
		"good":            {"final", "ann", good, true},
		"another voter":   {"final", "bob", good, false},
		"another window":  {"semi", "ann", good, false},
		"moved line feed": {"final\na", "nn", good, false},
		"none":            {"final", "ann", "", false},
		"padded":          {"final", "ann", good + "==", false},
		"line feed in it": {"final", "ann", good[:10] + "\n" + good[10:], false},
		"cut short":       {"final", "ann", good[:40], false},
		"standard base64": {"final", "ann", base64.RawStdEncoding.EncodeToString(append([]byte{0xfb, 0xff}, make([]byte, 62)...)), false},
		"signed other":    {"final", "ann", sign("ann"), false},
	} {
		if got := votingwindow.CheckTicket(public, test.window, test.voter, test.ticket); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAllowList(t *testing.T) {
	var entries [][8]byte
	for i := range 5000 {
		entries = append(entries, allowEntry(voterKey, fmt.Sprint("on", i%4000))) // Some twice.
	}
	object := encodeAllowList(entries)
	list, err := votingwindow.ReadAllowList(bytes.NewReader(object), int64(len(object)))
	if err != nil || len(list) != 4000 || len(object) != 32000 || cap(list) != 4000 {
		t.Fatalf("%d entries in %d bytes, room for %d, %v", len(list), len(object), cap(list), err)
	}
	for i := range 4000 {
		if !list.Has(hasher.Allow(fmt.Sprint("on", i))) || list.Has(hasher.Allow(fmt.Sprint("off", i))) {
			t.Fatalf("identifier %d", i)
		}
	}
	number := func(numbers ...uint64) []byte {
		var object []byte
		for _, n := range numbers {
			object = binary.BigEndian.AppendUint64(object, n)
		}
		return object
	}
	for name, broken := range map[string][]byte{
		"empty": {}, "cut short": object[:len(object)-1], "not sorted": number(2, 1), "twice": number(1, 1), "text": []byte("12345678\n12345679\n"),
	} {
		if list, err := votingwindow.ReadAllowList(bytes.NewReader(broken), -1); err == nil {
			t.Errorf("%s: read %d entries", name, len(list))
		}
	}
}

// What a judge adds to the window's rules.
func TestJudge(t *testing.T) {
	private := ed25519.NewKeyFromSeed(voterKey)
	who := votingwindow.Admission{
		VoterPattern: admission.VoterPattern, TicketPublicKey: base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey)),
	}
	ticket := func(voter string) string {
		return base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte("final\n"+voter)))
	}
	var listed [][8]byte
	for _, voter := range []string{"ann", "bot1"} {
		listed = append(listed, allowEntry(voterKey, voter))
	}
	allow, err := votingwindow.ReadAllowList(bytes.NewReader(encodeAllowList(listed)), 16)
	if err != nil {
		t.Fatal(err)
	}
	w := window()
	w.Questions = []string{"vote/yes/no", "song/a/b"}
	judge := judgeOf(mustAdmit(w, who), votingwindow.RecorderConfig{QuarantinePattern: "bot[0-9]", RetentionDays: 2}, allow)
	during, before := opens.Add(time.Minute), opens.Add(-time.Minute)
	for name, test := range map[string]struct {
		body    string
		sent    time.Time
		outcome votingwindow.Outcome
		reason  votingwindow.Reason
	}{
		"sound":             {`{"voter":"ann","answer":"a","question":"song","ticket":"` + ticket("ann") + `"}`, during, "counted", ""},
		"with an address":   {`{"voter":"ann","answer":"a","question":"song","address":"::1","ticket":"` + ticket("ann") + `"}`, during, "counted", ""},
		"suspicious":        {`{"voter":"bot1","answer":"a","question":"song","ticket":"` + ticket("bot1") + `"}`, during, "quarantined", ""},
		"suspicious, late":  {`{"voter":"bot1","answer":"a","question":"song","ticket":"` + ticket("bot1") + `"}`, closes, "late", "after_close"},
		"no question":       {`{"voter":"ann","answer":"a","ticket":"` + ticket("ann") + `"}`, during, "rejected", "question"},
		"other's answer":    {`{"voter":"ann","answer":"a","question":"vote","ticket":"` + ticket("ann") + `"}`, during, "rejected", "answer"},
		"no ticket":         {`{"voter":"ann","answer":"a","question":"song"}`, during, "rejected", "ticket"},
		"other's ticket":    {`{"voter":"ann","answer":"a","question":"song","ticket":"` + ticket("bob") + `"}`, during, "rejected", "ticket"},
		"not listed":        {`{"voter":"bob","answer":"a","question":"song","ticket":"` + ticket("bob") + `"}`, during, "rejected", "not_allowed"},
		"rehearsal":         {`{"voter":"ann","answer":"a","question":"song","rehearsal":true,"ticket":"` + ticket("ann") + `"}`, before, "counted", ""},
		"rehearsal, late":   {`{"voter":"ann","answer":"a","question":"song","rehearsal":true,"ticket":"` + ticket("ann") + `"}`, opens, "rejected", "rehearsal"},
		"rehearsal, broken": {`{"voter":"ann","answer":"z","question":"song","rehearsal":true,"ticket":"` + ticket("ann") + `"}`, before, "rejected", "answer"},
		"early":             {`{"voter":"ann","answer":"a","question":"song","ticket":"` + ticket("ann") + `"}`, before, "rejected", "early"},
	} {
		got := judge.Classify(judge.Window, test.body, test.sent)
		if got.Outcome != test.outcome || got.Reason != test.reason || got.Rehearsal != (strings.HasPrefix(name, "rehearsal") && test.sent.Equal(before)) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	if want := closes.Add(48 * time.Hour); !judge.Expires.Equal(want) {
		t.Errorf("expires at %s", judge.Expires)
	}
	for name, cfg := range map[string]votingwindow.RecorderConfig{"pattern": {QuarantinePattern: "("}, "days": {RetentionDays: -1}} {
		if _, err := votingwindow.NewJudge(mustRules(w), cfg, hasher, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Where voters send messages themselves, nobody is believed whose address it is; a vote with one counts, since intake may have sent it
// before the way in was changed.
func TestDirectMessagesSayNoAddress(t *testing.T) {
	text := `{"voter":"ann","answer":"yes","address":"203.0.113.7"}`
	for direct, want := range map[bool]string{false: "203.0.113.7", true: ""} {
		judge := judgeOf(mustRules(window()), votingwindow.RecorderConfig{Direct: direct}, nil)
		if got := judge.Classify(judge.Window, text, opens); got.Outcome != votingwindow.Counted || got.Vote.Address != want {
			t.Errorf("direct %v: %+v", direct, got)
		}
	}
}

func TestChoices(t *testing.T) {
	w := votingwindow.Window{Questions: []string{votingwindow.Question("vote", "anna", "bruno"), votingwindow.Question("song", "a")}}
	if got := w.Choices(); !slices.Equal(got, []string{"vote/anna", "vote/bruno", "song/a"}) {
		t.Fatalf("got %v", got)
	}
}
