package exportcheck_test

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/exportcheck"
)

// parcel is an export in the making: its tables as text, from which pack makes the files.
type parcel struct {
	tables   map[string]string // File → what is compressed in it.
	results  string
	manifest votingwindow.Manifest
	key      *ecdsa.PrivateKey // Signs; nil for none.
}

// signer is the key of all parcels.
var signer = sync.OnceValues(func() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) })

func newKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newParcel is an export of three ballots, one of them in quarantine, and two entries.
func newParcel(t testing.TB) *parcel {
	t.Helper()
	key, err := signer()
	if err != nil {
		t.Fatal(err)
	}
	return &parcel{
		key: key,
		tables: map[string]string{
			votingwindow.BallotsJSONFile: `{"question":"vote","answer":"anna","message":"m-1","sent":"2030-05-04T20:00:01Z","voter":"-a"}
{"question":"vote","answer":"bruno","message":"m-2","sent":"2030-05-04T20:00:02Z","voter":"b","slot":1,"released":"rate"}
{"question":"vote","answer":"bruno","message":"m-3","sent":"2030-05-04T20:00:03Z","voter":"c","address":"x","quarantine":"rate"}
`,
			votingwindow.BallotsCSVFile: `question,answer,message,sent,voter,slot,address,quarantine,released
vote,anna,m-1,2030-05-04T20:00:01Z,'-a,,,,
vote,bruno,m-2,2030-05-04T20:00:02Z,b,1,,,rate
vote,bruno,m-3,2030-05-04T20:00:03Z,c,,x,rate,
`,
			votingwindow.LedgerJSONFile: `{"message":"m-4","outcome":"late","reason":"after_close","sent":"2030-05-04T21:00:03Z","question":"vote","answer":"anna","voter":"d"}
{"message":"m-5","outcome":"rejected","reason":"malformed"}
`,
			votingwindow.LedgerCSVFile: `message,outcome,reason,sent,question,answer,voter
m-4,late,after_close,2030-05-04T21:00:03Z,vote,anna,d
m-5,rejected,malformed,,,,
`,
		},
		results: `{"status":"final","as_of":"2030-05-04T21:05:00Z","opens_at":"2030-05-04T20:00:00Z","closes_at":"2030-05-04T21:00:00Z","total":2,` +
			`"questions":{"vote":{"total":2,"answers":{"anna":1,"bruno":1,"clara":0}}},"version":3}`,
		manifest: votingwindow.Manifest{
			Schema: 1, Name: "final", Status: votingwindow.StatusFinal, OpensAt: "2030-05-04T20:00:00Z", ClosesAt: "2030-05-04T21:00:00Z",
			FinalAt: "2030-05-04T21:05:00Z", Identifiers: votingwindow.IdentifiersHashed, Signature: votingwindow.SignatureECDSA,
			Counts: votingwindow.NewExportCounts(votingwindow.Counts{
				Answers: map[string]int64{"vote/anna": 1, "vote/bruno": 1}, Quarantined: 1, Late: 1, Rejected: 1, Released: 1,
			}),
		},
	}
}

// replace changes a table, which must have the former text.
func (p *parcel) replace(t *testing.T, file, former, latter string) {
	t.Helper()
	if !strings.Contains(p.tables[file], former) {
		t.Fatalf("%s has no %q", file, former)
	}
	p.tables[file] = strings.Replace(p.tables[file], former, latter, 1)
}

func compress(t testing.TB, body []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// pack makes the files, with a manifest that lists them as they are, but for rows that it says already.
func (p *parcel) pack(t testing.TB) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	rows := map[string]int64{}
	for _, file := range p.manifest.Files {
		rows[file.Name] = file.Rows
	}
	p.manifest.Files = nil
	for _, name := range votingwindow.ExportFiles() {
		body := []byte(p.results)
		described := votingwindow.FileSum{Name: name}
		if table, ok := p.tables[name]; ok {
			body = compress(t, []byte(table))
			described.Rows = int64(strings.Count(table, "\n"))
			if strings.Contains(name, "csv") {
				described.Rows--
			}
			if said, ok := rows[name]; ok {
				described.Rows = said
			}
		}
		sum := sha256.Sum256(body)
		described.Bytes, described.SHA256 = int64(len(body)), hex.EncodeToString(sum[:])
		files[name] = &fstest.MapFile{Data: body}
		p.manifest.Files = append(p.manifest.Files, described)
	}
	p.seal(t, files)
	return files
}

// seal writes and signs the manifest.
func (p *parcel) seal(t testing.TB, files fstest.MapFS) {
	t.Helper()
	encoded, err := json.Marshal(p.manifest)
	if err != nil {
		t.Fatal(err)
	}
	files[votingwindow.ManifestFile] = &fstest.MapFile{Data: encoded}
	digest := sha256.Sum256(encoded)
	signature, err := ecdsa.SignASN1(rand.Reader, p.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	files[votingwindow.SignatureFile] = &fstest.MapFile{Data: []byte(base64.StdEncoding.EncodeToString(signature) + "\n")}
}

func TestVerify(t *testing.T) {
	p := newParcel(t)
	for _, key := range []*ecdsa.PublicKey{&p.key.PublicKey, nil} {
		report, err := exportcheck.Verify(p.pack(t), key)
		if err != nil {
			t.Fatal(err)
		}
		if report.Signed != (key != nil) || report.Ballots != 3 || report.Entries != 2 || report.Manifest.Counts.Accepted != 5 {
			t.Errorf("got %+v", report)
		}
	}
}

func TestVerifyEmpty(t *testing.T) {
	p := newParcel(t)
	for name := range p.tables {
		header, _, _ := strings.Cut(p.tables[name], "\n")
		if p.tables[name] = ""; strings.Contains(name, "csv") {
			p.tables[name] = header + "\n"
		}
	}
	p.manifest.Counts = votingwindow.NewExportCounts(votingwindow.Counts{})
	p.results = strings.NewReplacer(`"total":2`, `"total":0`, `:1`, `:0`).Replace(p.results)
	if report, err := exportcheck.Verify(p.pack(t), &p.key.PublicKey); err != nil || report.Ballots != 0 {
		t.Errorf("got %+v, %v", report, err)
	}
}

// TestVerifyTampering does to an export what could be done to it. In the first group the manifest and the signature stay as they were; in the second
// both are made anew, by one who has the key: then the export must still agree with itself.
func TestVerifyTampering(t *testing.T) {
	const ballots, sheet, ledger, ledgerSheet = votingwindow.BallotsJSONFile, votingwindow.BallotsCSVFile, votingwindow.LedgerJSONFile, votingwindow.LedgerCSVFile
	second := "{\"question\":\"vote\",\"answer\":\"bruno\",\"message\":\"m-2\",\"sent\":\"2030-05-04T20:00:02Z\",\"voter\":\"b\",\"slot\":1,\"released\":\"rate\"}\n"
	secondCells := "vote,bruno,m-2,2030-05-04T20:00:02Z,b,1,,,rate\n"
	manifest := func(change func(*votingwindow.Manifest)) func(*testing.T, *parcel, fstest.MapFS) {
		return func(t *testing.T, p *parcel, files fstest.MapFS) {
			change(&p.manifest)
			p.seal(t, files)
		}
	}
	for name, c := range map[string]struct {
		before func(*testing.T, *parcel)                  // It is packed.
		after  func(*testing.T, *parcel, fstest.MapFS)    // It was packed.
		key    func(*testing.T, *parcel) *ecdsa.PublicKey // nil for the right one.
		says   []string
	}{
		"a flipped byte": {after: func(_ *testing.T, _ *parcel, files fstest.MapFS) {
			files[ballots].Data[len(files[ballots].Data)/2] ^= 1
		}, says: []string{ballots + " was changed: its SHA-256 is"}},
		"a flipped byte in each": {after: func(_ *testing.T, _ *parcel, files fstest.MapFS) {
			for _, file := range votingwindow.ExportFiles() {
				files[file].Data[20] ^= 1
			}
		}, says: []string{ballots + " was changed", sheet + " was changed", ledger + " was changed", ledgerSheet + " was changed", "results.json was changed"}},
		"a flipped byte in the manifest": {after: func(_ *testing.T, _ *parcel, files fstest.MapFS) {
			files["manifest.json"].Data[20] ^= 1
		}, says: []string{"manifest.json"}},
		"a truncated file": {after: func(_ *testing.T, _ *parcel, files fstest.MapFS) {
			files[ledgerSheet].Data = files[ledgerSheet].Data[:30]
		}, says: []string{ledgerSheet + " has 30 bytes, the manifest says"}},
		"a missing file": {after: func(_ *testing.T, _ *parcel, files fstest.MapFS) { delete(files, sheet) },
			says: []string{"open " + sheet}},
		"no manifest":  {after: func(_ *testing.T, _ *parcel, files fstest.MapFS) { delete(files, "manifest.json") }, says: []string{"open manifest.json"}},
		"no signature": {after: func(_ *testing.T, _ *parcel, files fstest.MapFS) { delete(files, "manifest.sig") }, says: []string{"open manifest.sig"}},
		"a signature of another manifest": {after: func(t *testing.T, p *parcel, files fstest.MapFS) {
			kept := files["manifest.json"]
			p.manifest.Name = "other"
			p.seal(t, files)
			files["manifest.json"] = kept
		}, says: []string{"manifest.sig is not a signature of this manifest.json by this key"}},
		"a signature that is none": {after: func(_ *testing.T, _ *parcel, files fstest.MapFS) {
			files["manifest.sig"].Data = []byte("c2lnbmVk\n")
		}, says: []string{"manifest.sig is not a signature"}},
		"a signature in no base64": {after: func(_ *testing.T, _ *parcel, files fstest.MapFS) {
			files["manifest.sig"].Data = []byte("signed, yours")
		}, says: []string{"manifest.sig is not base64"}},
		"another's key": {key: func(t *testing.T, _ *parcel) *ecdsa.PublicKey { return &newKey(t, elliptic.P256()).PublicKey },
			says: []string{"by this key: the manifest was changed, or another key signed it"}},
		"a manifest that says it is unsigned": {after: func(_ *testing.T, _ *parcel, files fstest.MapFS) {
			files["manifest.json"].Data = bytes.Replace(files["manifest.json"].Data, []byte("ECDSA_SHA_256"), []byte("none"), 1)
		}, says: []string{"was made without a signing key"}},

		"a removed row": {before: func(t *testing.T, p *parcel) {
			p.replace(t, ballots, second, "")
			p.replace(t, sheet, secondCells, "")
		}, says: []string{"accepted is 5, the rows give 4", "counted is 2, the rows give 1", "released is 1, the rows give 0", "vote/bruno is 1, the rows give 0"}},
		"a removed row, of which the manifest knows": {before: func(t *testing.T, p *parcel) {
			p.replace(t, ballots, second, "")
			p.replace(t, sheet, secondCells, "")
			p.manifest.Counts = votingwindow.NewExportCounts(votingwindow.Counts{Answers: map[string]int64{"vote/anna": 1}, Quarantined: 1, Late: 1, Rejected: 1})
		}, says: []string{"results.json: total is 2, the manifest says 1", "results.json: vote/bruno is 1, the manifest says 0", "results.json: total of vote is 2, the manifest says 1"}},
		"a removed row in one format": {before: func(t *testing.T, p *parcel) { p.replace(t, sheet, secondCells, "") },
			says: []string{sheet + ` line 3: it is "vote,bruno,m-3,2030-05-04T20:00:03Z,c,,x,rate,", should be "vote,bruno,m-2`}},
		"the last row is missing in one format": {before: func(t *testing.T, p *parcel) { p.replace(t, ledgerSheet, "m-5,rejected,malformed,,,,\n", "") },
			says: []string{ledgerSheet + " line 3: it is missing"}},
		"one row more in one format": {before: func(t *testing.T, p *parcel) {
			p.tables[ledgerSheet] += "m-6,rejected,malformed,,,,\n"
			p.manifest.Files = []votingwindow.FileSum{{Name: ledgerSheet, Rows: 2}}
		}, says: []string{ledgerSheet + " line 4: there is more than in the other format"}},
		"a doubled row": {before: func(t *testing.T, p *parcel) {
			p.replace(t, ballots, second, second+second)
			p.replace(t, sheet, secondCells, secondCells+secondCells)
		}, says: []string{
			ballots + " line 3: the voter has another ballot in the same place, " + ballots + " line 2",
			ballots + ` line 3: message "m-2" is there twice, also in ` + ballots + " line 2",
		}},
		"a message in both tables": {before: func(t *testing.T, p *parcel) {
			p.replace(t, ledger, "m-4", "m-1")
			p.replace(t, ledgerSheet, "m-4", "m-1")
		}, says: []string{ledger + ` line 1: message "m-1" is there twice, also in ` + ballots + " line 1"}},
		"two ballots of one voter": {before: func(t *testing.T, p *parcel) {
			p.replace(t, ballots, `"voter":"b","slot":1`, `"voter":"-a"`)
			p.replace(t, sheet, "b,1", "'-a,")
		}, says: []string{ballots + " line 2: the voter has another ballot in the same place, " + ballots + " line 1"}},
		"a changed answer": {before: func(t *testing.T, p *parcel) {
			p.replace(t, ballots, `"anna"`, `"bruno"`)
			p.replace(t, sheet, "vote,anna", "vote,bruno")
		}, says: []string{"vote/anna is 1, the rows give 0", "vote/bruno is 1, the rows give 2"}},
		"a changed answer in one format": {before: func(t *testing.T, p *parcel) { p.replace(t, sheet, "vote,anna,m-1", "vote,bruno,m-1") },
			says: []string{sheet + ` line 2: it is "vote,bruno,m-1`, `should be "vote,anna,m-1`}},
		"out of quarantine": {before: func(t *testing.T, p *parcel) {
			p.replace(t, ballots, `,"quarantine":"rate"`, "")
			p.replace(t, sheet, ",x,rate,", ",x,,")
		}, says: []string{"quarantined is 1, the rows give 0", "counted is 2, the rows give 3"}},
		"without the apostrophe": {before: func(t *testing.T, p *parcel) { p.replace(t, sheet, "'-a", "-a") }, says: []string{sheet + " line 2"}},
		"other columns":          {before: func(t *testing.T, p *parcel) { p.replace(t, sheet, "question,answer", "answer,question") }, says: []string{sheet + " line 1"}},
		"an unknown member":      {before: func(t *testing.T, p *parcel) { p.replace(t, ballots, `"voter":"b"`, `"weight":2,"voter":"b"`) }, says: []string{ballots + " line 2: it is no row", "weight"}},
		"a member twice":         {before: func(t *testing.T, p *parcel) { p.replace(t, ballots, `"voter":"b"`, `"voter":"z","voter":"b"`) }, says: []string{ballots + " line 2: it is not written as an export writes it"}},
		"not JSON":               {before: func(t *testing.T, p *parcel) { p.replace(t, ledger, `{"message":"m-5"`, `{"message":m-5`) }, says: []string{ledger + " line 2: it is no row"}},
		"two rows in a line":     {before: func(t *testing.T, p *parcel) { p.replace(t, ballots, "\n{", "{") }, says: []string{ballots + " line 1: it is no row"}},
		"no end of the last line": {before: func(_ *testing.T, p *parcel) { p.tables[ledger] = strings.TrimSuffix(p.tables[ledger], "\n") },
			says: []string{ledger + " line 2: it has no end"}},
		"an outcome of its own": {before: func(t *testing.T, p *parcel) {
			p.replace(t, ledger, `"late"`, `"counted"`)
			p.replace(t, ledgerSheet, ",late,", ",counted,")
		}, says: []string{ledger + ` line 1: outcome is "counted"`}},
		"no message": {before: func(t *testing.T, p *parcel) {
			p.replace(t, ballots, `"m-1"`, `""`)
			p.replace(t, sheet, ",m-1,", ",,")
			p.replace(t, ledger, `"m-4"`, `""`)
			p.replace(t, ledgerSheet, "m-4,", ",")
		}, says: []string{ballots + " line 1: question, answer or message is missing", ledger + " line 1: message is missing"}},
		"no time": {before: func(t *testing.T, p *parcel) {
			p.replace(t, ballots, "2030-05-04T20:00:01Z", "noon")
			p.replace(t, sheet, "2030-05-04T20:00:01Z", "noon")
		}, says: []string{ballots + ` line 1: sent is "noon"`}},
		"no voter": {before: func(t *testing.T, p *parcel) {
			p.replace(t, ballots, `,"voter":"-a"`, "")
			p.replace(t, sheet, "'-a", "")
		}, says: []string{ballots + " line 1: voter is missing"}},
		"voters where there should be none": {after: manifest(func(m *votingwindow.Manifest) { m.Identifiers = "none" }),
			says: []string{ballots + " line 3: there is a voter or an address", ledger + " line 1: there is a voter"}},
		"fewer rows than listed": {before: func(_ *testing.T, p *parcel) { p.manifest.Files = []votingwindow.FileSum{{Name: ballots, Rows: 4}} },
			says: []string{ballots + " has 3 rows, the manifest says 4"}},
		"more rows than listed": {before: func(_ *testing.T, p *parcel) { p.manifest.Files = []votingwindow.FileSum{{Name: ballots, Rows: 2}} },
			says: []string{ballots + " line 3: there are more rows than the manifest's 2"}},
		"fewer cells than listed": {before: func(_ *testing.T, p *parcel) { p.manifest.Files = []votingwindow.FileSum{{Name: sheet, Rows: 9}} },
			says: []string{sheet + " has 3 rows, the manifest says 9"}},
		"results of another closing": {before: func(_ *testing.T, p *parcel) { p.results = strings.Replace(p.results, "T21:00:00Z", "T22:00:00Z", 1) },
			says: []string{"results.json: closes_at is 2030-05-04T22:00:00Z, the manifest says 2030-05-04T21:00:00Z"}},
		"provisional results": {before: func(_ *testing.T, p *parcel) { p.results = strings.Replace(p.results, "final", "provisional", 1) },
			says: []string{"results.json: status is provisional, the manifest says final"}},
		"results with more":  {before: func(_ *testing.T, p *parcel) { p.results = strings.Replace(p.results, `"clara":0`, `"clara":1`, 1) }, says: []string{"results.json: vote/clara is 1, the manifest says 0"}},
		"results of no JSON": {before: func(_ *testing.T, p *parcel) { p.results = "soon" }, says: []string{"results.json: "}},
		"a schema to come":   {after: manifest(func(m *votingwindow.Manifest) { m.Schema = 2 }), says: []string{"schema is 2, this program reads 1"}},
		"a file of its own":  {after: manifest(func(m *votingwindow.Manifest) { m.Files[0].Name = "../ballots" }), says: []string{`manifest.json: files are ["../ballots"`}},
		"no files":           {after: manifest(func(m *votingwindow.Manifest) { m.Files = nil }), says: []string{"manifest.json: files are []"}},
		"odd identifiers":    {after: manifest(func(m *votingwindow.Manifest) { m.Identifiers = "plain" }), says: []string{`identifiers are "plain"`}},
		"figures of its own": {after: manifest(func(m *votingwindow.Manifest) {
			m.Counts.Duplicate, m.Counts.Replaced, m.Counts.Quarantined, m.Counts.Rejected, m.Counts.Late = 1, 1, 0, 0, 0
		}), says: []string{"duplicate is 1, the rows give 0", "replaced is 1, the rows give 0", "quarantined is 0, the rows give 1", "rejected is 0, the rows give 1", "late is 0, the rows give 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParcel(t)
			if c.before != nil {
				c.before(t, p)
			}
			files := p.pack(t)
			if c.after != nil {
				c.after(t, p, files)
			}
			key := &p.key.PublicKey
			if c.key != nil {
				key = c.key(t, p)
			}
			_, err := exportcheck.Verify(files, key)
			if err == nil {
				t.Fatal("nothing was found")
			}
			for _, says := range c.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("got\n%v\nshould say\n%s", err, says)
				}
			}
		})
	}
}

// TestVerifyBrokenStreams changes the compressed files themselves, under a manifest that lists them as they then are.
func TestVerifyBrokenStreams(t *testing.T) {
	for name, c := range map[string]struct {
		change func(testing.TB, []byte) []byte
		says   string
	}{
		"truncated":           {func(_ testing.TB, packed []byte) []byte { return packed[:len(packed)-12] }, "unexpected EOF"},
		"without its sum":     {func(_ testing.TB, packed []byte) []byte { return packed[:len(packed)-1] }, "unexpected EOF"},
		"another sum":         {func(_ testing.TB, packed []byte) []byte { packed[len(packed)-6] ^= 1; return packed }, "invalid checksum"},
		"empty":               {func(testing.TB, []byte) []byte { return nil }, "ballots.jsonl.gz: EOF"},
		"not compressed":      {func(testing.TB, []byte) []byte { return []byte(`{"question":"vote"}`) }, "invalid header"},
		"two streams":         {func(t testing.TB, packed []byte) []byte { return append(packed, compress(t, []byte("{}\n"))...) }, "something behind the end"},
		"something behind it": {func(_ testing.TB, packed []byte) []byte { return append(packed, 0) }, "something behind the end"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParcel(t)
			files := p.pack(t)
			p.swap(t, files, votingwindow.BallotsJSONFile, c.change(t, files[votingwindow.BallotsJSONFile].Data))
			if _, err := exportcheck.Verify(files, &p.key.PublicKey); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, should say %q", err, c.says)
			}
		})
	}
}

// swap puts another body in a file's place, and lists it.
func (p *parcel) swap(t testing.TB, files fstest.MapFS, name string, body []byte) {
	t.Helper()
	sum := sha256.Sum256(body)
	for i := range p.manifest.Files {
		if p.manifest.Files[i].Name == name {
			p.manifest.Files[i].Bytes, p.manifest.Files[i].SHA256 = int64(len(body)), hex.EncodeToString(sum[:])
		}
	}
	files[name] = &fstest.MapFile{Data: body}
	p.seal(t, files)
}

// TestVerifyBombs proves that what grows a thousandfold takes neither memory nor, where it is rows, more time than the rows that the manifest lists.
func TestVerifyBombs(t *testing.T) {
	const size = 128 << 20
	bomb := func(write func(io.Writer)) []byte {
		var packed bytes.Buffer
		writer := gzip.NewWriter(&packed)
		write(writer)
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		return packed.Bytes()
	}
	zeros := bomb(func(w io.Writer) { _, _ = io.CopyN(w, zero{}, size) })
	rows := func(header, row string) []byte {
		return bomb(func(w io.Writer) {
			_, _ = io.WriteString(w, header)
			for range size / 100 / len(row) {
				_, _ = io.WriteString(w, row)
			}
		})
	}
	for name, c := range map[string]struct {
		files map[string][]byte
		says  string
	}{
		"one line": {map[string][]byte{votingwindow.BallotsJSONFile: zeros}, "ballots.jsonl.gz line 1: it is longer than 8192 bytes"},
		"one cell": {map[string][]byte{votingwindow.BallotsCSVFile: zeros}, "ballots.csv.gz line 1: it is"},
		"rows": {map[string][]byte{
			votingwindow.LedgerJSONFile: rows("", `{"message":"m","outcome":"late"}`+"\n"),
			votingwindow.LedgerCSVFile:  rows(strings.Join(votingwindow.EntryHeader, ",")+"\n", "m,late,,,,,\n"),
		}, "ledger.jsonl.gz line 3: there are more rows than the manifest's 2"},
		"a manifest":    {map[string][]byte{votingwindow.ManifestFile: bytes.Repeat([]byte(" "), 2<<20)}, "manifest.json is larger than 1048576 bytes"},
		"a signature":   {map[string][]byte{votingwindow.SignatureFile: bytes.Repeat([]byte("A"), 2<<20)}, "manifest.sig is larger"},
		"large results": {map[string][]byte{votingwindow.ResultsFile: bytes.Repeat([]byte(" "), 2<<20)}, "results.json is larger"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParcel(t)
			files := p.pack(t)
			for name, body := range c.files {
				if name == votingwindow.ManifestFile || name == votingwindow.SignatureFile {
					files[name].Data = body
				} else {
					p.swap(t, files, name, body)
				}
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := exportcheck.Verify(files, &p.key.PublicKey)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %.300v, should say %q", err, c.says)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
				t.Errorf("took %d bytes", used)
			}
		})
	}
}

type zero struct{}

func (zero) Read(into []byte) (int, error) { clear(into); return len(into), nil }

func TestVerifyListsNoMoreThanTwentyFaults(t *testing.T) {
	p := newParcel(t)
	for i := range 50 {
		p.tables[votingwindow.LedgerJSONFile] += fmt.Sprintf(`{"message":"x-%d","outcome":"odd"}`+"\n", i)
		p.tables[votingwindow.LedgerCSVFile] += fmt.Sprintf("x-%d,odd,,,,,\n", i)
	}
	_, err := exportcheck.Verify(p.pack(t), &p.key.PublicKey)
	if n := strings.Count(fmt.Sprint(err), "\n") + 1; err == nil || n != 20 {
		t.Errorf("got %d lines: %v", n, err)
	}
}

// TestVerifyProvisional has a message in both tables, and results that lag: tables that change while they are read.
func TestVerifyProvisional(t *testing.T) {
	p := newParcel(t)
	p.manifest.Status, p.manifest.FinalAt = votingwindow.StatusOpen, ""
	p.replace(t, votingwindow.LedgerJSONFile, "m-4", "m-1")
	p.replace(t, votingwindow.LedgerCSVFile, "m-4", "m-1")
	p.results = `{"status":"open","as_of":"2030-05-04T20:30:00Z","opens_at":"2030-05-04T20:00:00Z","closes_at":"2030-05-04T21:00:00Z","version":3}`
	if report, err := exportcheck.Verify(p.pack(t), &p.key.PublicKey); err != nil || report.Manifest.Status != "open" {
		t.Errorf("got %+v, %v", report, err)
	}
}

func encodeKey(t testing.TB, curve elliptic.Curve) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&newKey(t, curve).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestPublicKey(t *testing.T) {
	good := encodeKey(t, elliptic.P256())
	if key, err := exportcheck.PublicKey(good); err != nil || key.Curve != elliptic.P256() {
		t.Fatal(key, err)
	}
	for says, text := range map[string][]byte{
		"not one PEM block":      append(append([]byte(nil), good...), good...),
		"PEM block of the type":  []byte("key"),
		"not of the curve":       encodeKey(t, elliptic.P384()),
		"read public key: asn1:": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte{0x30, 0x03, 0x02, 0x01, 0x01}}),
	} {
		if _, err := exportcheck.PublicKey(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}
