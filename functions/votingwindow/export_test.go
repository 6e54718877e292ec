package votingwindow_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/exportcheck"
)

const exportPrefix = "export/20300504T210000Z/"

// archive is everything around export: the tables, the published results, the bucket and the key.
type archive struct {
	mu      sync.Mutex
	state   votingwindow.State
	ballots []votingwindow.Ballot
	entries []votingwindow.Entry
	results string
	objects map[string][]byte
	order   []string // In which objects were written.
	fails   map[string]error
	between func() // Called after the tables were read.
	key     *ecdsa.PrivateKey
	der     []byte
	signed  []byte // Instead of a signature.
}

func (a *archive) fail(call string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.fails[call]
}

func (a *archive) WindowState(context.Context) (votingwindow.State, error) {
	return a.state, a.fail("state")
}

func (a *archive) BallotsInOrder(_ context.Context, visit func(votingwindow.Ballot) error) error {
	for _, ballot := range a.ballots {
		if err := visit(ballot); err != nil {
			return err
		}
	}
	return a.fail("ballots")
}

func (a *archive) EntriesInOrder(_ context.Context, visit func(votingwindow.Entry) error) error {
	for _, entry := range a.entries {
		if err := visit(entry); err != nil {
			return err
		}
	}
	if a.between != nil {
		a.between()
	}
	return a.fail("ledger")
}

func (a *archive) GetObject(_ context.Context, key string) ([]byte, error) {
	if err := a.fail("get " + key); err != nil {
		return nil, err
	}
	if key == "results.json" {
		if a.results == "" {
			return nil, nil
		}
		return []byte(a.results), nil
	}
	return a.objects[key], nil
}

func (a *archive) PutObject(_ context.Context, key string, body []byte, _, cacheControl string) error {
	if cacheControl != "no-store" {
		return fmt.Errorf("%s is cached as %q", key, cacheControl)
	}
	if err := a.fail("put " + key); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.objects[key], a.order = body, append(a.order, strings.TrimPrefix(key, exportPrefix))
	return nil
}

func (a *archive) Upload(ctx context.Context, key, contentType, cacheControl string, body io.Reader) error {
	if contentType != "application/gzip" {
		return fmt.Errorf("%s is of type %q", key, contentType)
	}
	if err := a.fail("upload " + key); err != nil {
		return err
	}
	read, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	return a.PutObject(ctx, key, read, contentType, cacheControl)
}

func (a *archive) ID() string { return "arn:aws:kms:eu-west-1:123456789012:key/1234" }

func (a *archive) Sign(_ context.Context, digest []byte) ([]byte, error) {
	if a.signed != nil {
		return a.signed, nil
	}
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest)
	return signature, errors.Join(err, a.fail("sign"))
}

func (a *archive) PublicKey(context.Context) ([]byte, error) { return a.der, a.fail("key") }

func newKey(t testing.TB, curve elliptic.Curve) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, der
}

// newArchive is a window that is final, with every sort of row.
func newArchive(t testing.TB) *archive {
	sent := func(seconds int) time.Time {
		return scaleOpens.Add(time.Duration(seconds)*time.Second + 250*time.Millisecond)
	}
	a := &archive{
		state: votingwindow.State{
			Version: 7, Phase: votingwindow.PhaseFinal, ClosesAt: scaleWindow.ClosesAt, FinalAt: scaleWindow.ClosesAt.Add(5 * time.Minute),
			Final: votingwindow.Counts{
				Answers: map[string]int64{"vote/anna": 2, "vote/bruno": 1, "city/bern": 0}, Quarantined: 1, Duplicate: 1, Replaced: 1, Late: 1, Rejected: 1, Released: 1,
			},
		},
		ballots: []votingwindow.Ballot{
			{Key: "-dashed/vote", Answer: "vote/anna", Message: "m-1", Sent: sent(1), Address: "addr1"},
			{Key: "hash2/vote/1", Answer: "vote/anna", Message: "m-2", Sent: sent(2)},
			{Key: "hash3/vote", Answer: "vote/bruno", Message: "m-3", Sent: sent(3), Released: votingwindow.RulePattern},
			{Key: "hash4/vote", Answer: "vote/bruno", Message: "m-4", Sent: sent(4), Address: "addr1", Quarantine: votingwindow.RuleRate},
			{Key: "rehearsal/hash1/vote", Answer: "vote/anna", Message: "r-1", Sent: sent(-60), Rehearsal: true},
		},
		entries: []votingwindow.Entry{
			{Message: "m-5", Outcome: votingwindow.Duplicate, Reason: votingwindow.ReasonSecondVote, Sent: sent(5), Answer: "vote/anna", Voter: "-dashed"},
			{Message: "m-6", Outcome: votingwindow.Replaced, Reason: votingwindow.ReasonLaterVote, Sent: sent(6), Answer: "vote/bruno", Voter: "hash2"},
			{Message: "m-7", Outcome: votingwindow.Late, Reason: votingwindow.ReasonAfterClose, Sent: sent(3601), Answer: "vote/anna", Voter: "hash5"},
			{Message: "m-8", Outcome: votingwindow.Rejected, Reason: votingwindow.ReasonMalformed},
			{Message: "r-2", Outcome: votingwindow.Duplicate, Reason: votingwindow.ReasonSecondVote, Sent: sent(-50), Rehearsal: true},
		},
		results: `{"status":"final","as_of":"2030-05-04T21:05:00Z","opens_at":"2030-05-04T20:00:00Z","closes_at":"2030-05-04T21:00:00Z","total":3,` +
			`"questions":{"vote":{"total":3,"answers":{"anna":2,"bruno":1}},"city":{"total":0,"answers":{"bern":0}}},"version":9}`,
		objects: map[string][]byte{}, fails: map[string]error{},
	}
	a.key, a.der = newKey(t, elliptic.P256())
	return a
}

func (a *archive) function() *votingwindow.Export {
	clock := &manualClock{now: scaleWindow.ClosesAt.Add(time.Hour)}
	return &votingwindow.Export{
		Name: "final", InForce: &votingwindow.Clocked{Window: scaleWindow, Clock: clock}, Store: a, Results: a, Bucket: a, Signer: a,
		Identifiers: votingwindow.IdentifiersHashed, Clock: clock, Log: discard,
	}
}

// files are the objects below a prefix.
func (a *archive) files(prefix string) fs.FS {
	files := fstest.MapFS{}
	for key, body := range a.objects {
		if name, ok := strings.CutPrefix(key, prefix); ok {
			files[name] = &fstest.MapFile{Data: body}
		}
	}
	return files
}

func (a *archive) export(t *testing.T, event string) votingwindow.Exported {
	t.Helper()
	exported, err := a.function().Handle(t.Context(), json.RawMessage(event))
	if err != nil {
		t.Fatal(err)
	}
	return exported
}

func unpack(t *testing.T, packed []byte) string {
	t.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if !reader.ModTime.IsZero() || reader.Name != "" {
		t.Errorf("the header tells %v, %q", reader.ModTime, reader.Name)
	}
	body, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestExport(t *testing.T) {
	a := newArchive(t)
	exported := a.export(t, "{}")
	if exported.Prefix != exportPrefix || exported.Status != votingwindow.StatusFinal || exported.Accepted != 8 || exported.Signature != "ECDSA_SHA_256" {
		t.Errorf("got %+v", exported)
	}
	for name, want := range map[string]string{
		"ballots.jsonl.gz": `{"question":"vote","answer":"anna","message":"m-1","sent":"2030-05-04T20:00:01.25Z","voter":"-dashed","address":"addr1"}
{"question":"vote","answer":"anna","message":"m-2","sent":"2030-05-04T20:00:02.25Z","voter":"hash2","slot":1}
{"question":"vote","answer":"bruno","message":"m-3","sent":"2030-05-04T20:00:03.25Z","voter":"hash3","released":"pattern"}
{"question":"vote","answer":"bruno","message":"m-4","sent":"2030-05-04T20:00:04.25Z","voter":"hash4","address":"addr1","quarantine":"rate"}
`,
		"ballots.csv.gz": `question,answer,message,sent,voter,slot,address,quarantine,released
vote,anna,m-1,2030-05-04T20:00:01.25Z,'-dashed,,addr1,,
vote,anna,m-2,2030-05-04T20:00:02.25Z,hash2,1,,,
vote,bruno,m-3,2030-05-04T20:00:03.25Z,hash3,,,,pattern
vote,bruno,m-4,2030-05-04T20:00:04.25Z,hash4,,addr1,rate,
`,
		"ledger.jsonl.gz": `{"message":"m-5","outcome":"duplicate","reason":"second_vote","sent":"2030-05-04T20:00:05.25Z","question":"vote","answer":"anna","voter":"-dashed"}
{"message":"m-6","outcome":"replaced","reason":"later_vote","sent":"2030-05-04T20:00:06.25Z","question":"vote","answer":"bruno","voter":"hash2"}
{"message":"m-7","outcome":"late","reason":"after_close","sent":"2030-05-04T21:00:01.25Z","question":"vote","answer":"anna","voter":"hash5"}
{"message":"m-8","outcome":"rejected","reason":"malformed"}
`,
		"ledger.csv.gz": `message,outcome,reason,sent,question,answer,voter
m-5,duplicate,second_vote,2030-05-04T20:00:05.25Z,vote,anna,'-dashed
m-6,replaced,later_vote,2030-05-04T20:00:06.25Z,vote,bruno,hash2
m-7,late,after_close,2030-05-04T21:00:01.25Z,vote,anna,hash5
m-8,rejected,malformed,,,,
`,
	} {
		if got := unpack(t, a.objects[exportPrefix+name]); got != want {
			t.Errorf("%s is\n%s\nshould be\n%s", name, got, want)
		}
	}
	if got := string(a.objects[exportPrefix+"results.json"]); got != a.results {
		t.Errorf("results.json is %s", got)
	}
	if last := a.order[len(a.order)-4:]; !slices.Equal(last, []string{"results.json", "public-key.pem", "manifest.sig", "manifest.json"}) {
		t.Errorf("written last: %q", last)
	}
	key, err := exportcheck.PublicKey(a.objects[exportPrefix+"public-key.pem"])
	if err != nil {
		t.Fatal(err)
	}
	report, err := exportcheck.Verify(a.files(exportPrefix), key)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Signed || report.Ballots != 4 || report.Entries != 4 || report.Manifest.Counts.Quarantined != 1 || report.Manifest.FinalAt != "2030-05-04T21:05:00Z" {
		t.Errorf("got %+v", report)
	}
}

func TestExportAgainGivesTheSame(t *testing.T) {
	a := newArchive(t)
	a.export(t, "{}")
	first := maps.Clone(a.objects)
	a.export(t, "{}")
	for key, body := range a.objects {
		if same := bytes.Equal(body, first[key]); !same && !strings.HasSuffix(key, "manifest.sig") {
			t.Errorf("%s differs", key)
		}
	}
	if _, err := exportcheck.Verify(a.files(exportPrefix), &a.key.PublicKey); err != nil {
		t.Error(err)
	}
}

func TestExportWithoutIdentifiers(t *testing.T) {
	a := newArchive(t)
	function := a.function()
	function.Identifiers = votingwindow.IdentifiersNone
	if _, err := function.Handle(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ballots.jsonl.gz", "ballots.csv.gz", "ledger.jsonl.gz", "ledger.csv.gz"} {
		body := unpack(t, a.objects[exportPrefix+name])
		for _, secret := range []string{"dashed", "hash", "addr1"} {
			if strings.Contains(body, secret) {
				t.Errorf("%s has %s", name, secret)
			}
		}
	}
	if report, err := exportcheck.Verify(a.files(exportPrefix), &a.key.PublicKey); err != nil || report.Manifest.Identifiers != "none" {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestExportWithoutKey(t *testing.T) {
	a := newArchive(t)
	function := a.function()
	function.Signer = nil
	exported, err := function.Handle(t.Context(), nil)
	if err != nil || exported.Signature != "none" {
		t.Fatalf("got %+v, %v", exported, err)
	}
	if _, found := a.objects[exportPrefix+"manifest.sig"]; found {
		t.Error("there is a signature without a key")
	}
	if report, err := exportcheck.Verify(a.files(exportPrefix), nil); err != nil || report.Signed {
		t.Errorf("got %+v, %v", report, err)
	}
	if _, err := exportcheck.Verify(a.files(exportPrefix), &a.key.PublicKey); err == nil || !strings.Contains(err.Error(), "without a signing key") {
		t.Errorf("got %v", err)
	}
}

// exported puts a manifest there as of an export before, with something replaced in it.
func (a *archive) exported(former, latter string) {
	manifest := `{"status":"final","final_at":"2030-05-04T21:05:00Z","identifiers":"hashed","signing_key":"` + a.ID() + `"}`
	a.objects[exportPrefix+"manifest.json"] = []byte(strings.Replace(manifest, former, latter, 1))
}

func TestExportOrders(t *testing.T) {
	open := func(a *archive) { a.state.Phase = votingwindow.PhaseOpen }
	for name, c := range map[string]struct {
		given   func(*archive)
		event   string
		prefix  string
		skipped string
		says    string // In the error.
		written bool
	}{
		"before final":               {open, "{}", "", "", `the window is provisional: it can be exported when it is final`, false},
		"before final, scheduled":    {open, `{"scheduled":true}`, "", "not final yet", "", false},
		"provisional":                {open, `{"provisional":true}`, "export/20300504T210000Z-provisional/", "", "", true},
		"provisional of a final":     {nil, `{"provisional":true}`, exportPrefix, "", "", true},
		"scheduled":                  {nil, `{"scheduled":true}`, exportPrefix, "", "", true},
		"scheduled again":            {func(a *archive) { a.exported(``, ``) }, `{"scheduled":true}`, exportPrefix, "exported before", "", false},
		"scheduled, another version": {func(a *archive) { a.exported(``, ``); a.state.Version++ }, `{"scheduled":true}`, exportPrefix, "exported before", "", false},
		"scheduled, counted again":   {func(a *archive) { a.exported(`21:05`, `21:04`) }, `{"scheduled":true}`, exportPrefix, "", "", true},
		"scheduled, another key":     {func(a *archive) { a.exported(`1234"`, `5678"`) }, `{"scheduled":true}`, exportPrefix, "", "", true},
		"scheduled, was with none":   {func(a *archive) { a.exported(`hashed`, `none`) }, `{"scheduled":true}`, exportPrefix, "", "", true},
		"scheduled, torn manifest":   {func(a *archive) { a.objects[exportPrefix+"manifest.json"] = []byte(`{`) }, `{"scheduled":true}`, exportPrefix, "", "", true},
		"asked for again":            {func(a *archive) { a.exported(``, ``) }, `{}`, exportPrefix, "", "", true},
		"another closing time":       {func(a *archive) { a.state.ClosesAt = scaleOpens }, "{}", "", "", "the window is provisional", false},
		"no event of ours":           {nil, `"now"`, "", "", "read event", false},
		"state unreadable":           {func(a *archive) { a.fails["state"] = errors.New("denied") }, "{}", "", "", "state: denied", false},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t)
			if c.given != nil {
				c.given(a)
			}
			exported, err := a.function().Handle(t.Context(), json.RawMessage(c.event))
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got error %v, should say %q", err, c.says)
			}
			if exported.Prefix != c.prefix || !strings.Contains(exported.Skipped, c.skipped) || (exported.Skipped == "") != (c.skipped == "") {
				t.Errorf("got %+v", exported)
			}
			if written := len(a.order) > 0; written != c.written {
				t.Fatalf("written: %q", a.order)
			}
			if c.written {
				if _, err := exportcheck.Verify(a.files(c.prefix), &a.key.PublicKey); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestExportWritesNothingWrong proves that files appear only where the figures hold, and a manifest only where everything else is there.
func TestExportWritesNothingWrong(t *testing.T) {
	fault := errors.New("no answer")
	for name, c := range map[string]struct {
		given func(*archive)
		says  string
		files bool // The tables' files may be there.
	}{
		"a ballot is missing": {func(a *archive) { a.ballots = a.ballots[1:] }, "do not hold what was counted", false},
		"a ballot too many": {func(a *archive) {
			a.ballots = append(a.ballots, votingwindow.Ballot{Key: "x/vote", Answer: "vote/anna", Message: "m"})
		}, "do not hold what was counted", false},
		"another answer":        {func(a *archive) { a.ballots[0].Answer = "vote/bruno" }, "do not hold what was counted", false},
		"released in between":   {func(a *archive) { a.ballots[3].Quarantine, a.ballots[3].Released = "", "rate" }, "do not hold what was counted", false},
		"quarantine is missing": {func(a *archive) { a.ballots = a.ballots[:3] }, "do not hold what was counted", false},
		"an entry is missing":   {func(a *archive) { a.entries = a.entries[1:] }, "do not hold what was counted", false},
		"counted again":         {func(a *archive) { a.between = func() { a.state.FinalAt = a.state.FinalAt.Add(time.Minute) } }, "export it again", false},
		"results of before":     {func(a *archive) { a.results = strings.Replace(a.results, "final", "provisional", 1) }, "not the final ones", false},
		"other results":         {func(a *archive) { a.results = strings.Replace(a.results, `"anna":2`, `"anna":3`, 1) }, "not the final ones", false},
		"no results":            {func(a *archive) { a.results = "" }, "there are no results", false},
		"results unreadable":    {func(a *archive) { a.fails["get results.json"] = fault }, "no answer", false},
		"ballots unreadable":    {func(a *archive) { a.fails["ballots"] = fault }, "read ballots: no answer", false},
		"ledger unreadable":     {func(a *archive) { a.fails["ledger"] = fault }, "read ledger: no answer", false},
		"upload fails":          {func(a *archive) { a.fails["upload "+exportPrefix+"ballots.csv.gz"] = fault }, "ballots.csv.gz: no answer", true},
		"last upload fails":     {func(a *archive) { a.fails["put "+exportPrefix+"ledger.csv.gz"] = fault }, "ledger.csv.gz: no answer", true},
		"results cannot be put": {func(a *archive) { a.fails["put "+exportPrefix+"results.json"] = fault }, "results.json: no answer", true},
		"key cannot be put":     {func(a *archive) { a.fails["put "+exportPrefix+"public-key.pem"] = fault }, "public-key.pem: no answer", true},
		"signature, neither":    {func(a *archive) { a.fails["put "+exportPrefix+"manifest.sig"] = fault }, "manifest.sig: no answer", true},
		"not signed":            {func(a *archive) { a.fails["sign"] = fault }, "no answer", true},
		"no public key":         {func(a *archive) { a.fails["key"] = fault }, "no answer", true},
		"key of another curve":  {func(a *archive) { a.key, a.der = newKey(t, elliptic.P384()) }, "not of the spec ECC_NIST_P256", true},
		"no key at all":         {func(a *archive) { a.der = []byte("key") }, "read public key", true},
		"signature of no use":   {func(a *archive) { a.signed = []byte("signed") }, "does not hold by its public key", true},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t)
			c.given(a)
			_, err := a.function().Handle(t.Context(), nil)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, should say %q", err, c.says)
			}
			if slices.Contains(a.order, "manifest.json") || !c.files && len(a.order) > 0 {
				t.Errorf("written: %q", a.order)
			}
		})
	}
}

func TestExportTakesWhatSurfacedLater(t *testing.T) {
	a := newArchive(t)
	a.entries = append(a.entries, votingwindow.Entry{Message: "m-9", Outcome: votingwindow.Late, Reason: votingwindow.ReasonAfterFinal})
	if exported := a.export(t, "{}"); exported.Late != 2 {
		t.Errorf("got %+v", exported)
	}
	if report, err := exportcheck.Verify(a.files(exportPrefix), &a.key.PublicKey); err != nil || report.Entries != 5 {
		t.Errorf("got %+v, %v", report, err)
	}
}

// TestCSVWriter proves that no cell begins like a formula, and that what was there can be read again.
func TestCSVWriter(t *testing.T) {
	for cell, want := range map[string]string{
		"anna": "anna", "": "", "a-b": "a-b", "-1": "'-1", "+1": "'+1", "=1+1": "'=1+1", "@sum": "'@sum", "'quoted": "''quoted",
		"\ttab": "'\ttab", "\rreturn": "'\rreturn", "\nfeed": "'\nfeed", `=cmd|' /C calc'!A0, "x"`: `'=cmd|' /C calc'!A0, "x"`,
	} {
		var writer votingwindow.CSVWriter
		line, err := writer.Row(votingwindow.EntryRow{Message: cell, Outcome: votingwindow.Late})
		if err != nil {
			t.Fatal(err)
		}
		read, err := csv.NewReader(bytes.NewReader(line)).Read()
		if err != nil || read[0] != want {
			t.Errorf("%q is %q, %v", cell, line, err)
		}
		if back := strings.TrimPrefix(want, "'"); back != cell {
			t.Errorf("%q is read back as %q", cell, back)
		}
	}
}

// crowd is a store with many ballots, none of which is kept. Its bucket keeps nothing either.
type crowd struct {
	*archive
	ballots int
	most    uint64 // Bytes in use.
}

func (c *crowd) BallotsInOrder(_ context.Context, visit func(votingwindow.Ballot) error) error {
	for i := range c.ballots {
		if i%20_000 == 0 {
			runtime.GC()
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			c.most = max(c.most, memory.HeapAlloc)
		}
		id := fmt.Sprintf("%020d", i*2654435761)
		if err := visit(votingwindow.Ballot{Key: id + "/vote", Answer: "vote/anna", Message: id, Sent: scaleOpens}); err != nil {
			return err
		}
	}
	return nil
}

func (c *crowd) Upload(_ context.Context, _, _, _ string, body io.Reader) error {
	_, err := io.Copy(io.Discard, body)
	return err
}

func TestExportMemoryDoesNotGrow(t *testing.T) {
	use := func(ballots int) uint64 {
		c := &crowd{archive: newArchive(t), ballots: ballots}
		c.entries, c.state.Final = nil, votingwindow.Counts{Answers: map[string]int64{"vote/anna": int64(ballots)}}
		c.results = strings.Replace(strings.Replace(c.results, `"anna":2,"bruno":1`, fmt.Sprintf(`"anna":%d`, ballots), 1), `"total":3`, fmt.Sprintf(`"total":%d`, ballots), 2)
		function := c.function()
		function.Store, function.Bucket = c, c
		if exported, err := function.Handle(t.Context(), nil); err != nil || exported.Counted != int64(ballots) {
			t.Fatal(exported, err)
		}
		return c.most
	}
	few, many := use(20_001), use(80_001)
	if many > few+4<<20 {
		t.Errorf("%d bytes in use for 20,000 ballots, %d for 80,000", few, many)
	}
}
