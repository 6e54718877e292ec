package votingwindow

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/command"
	"github.com/burstline/terraform-provider-serverless/internal/command/commandtest"
)

// exportOf is a signed export without a ballot, and the public key.
func exportOf(t *testing.T, name string) (files map[string]string, der []byte) {
	t.Helper()
	files = map[string]string{}
	m := votingwindow.Manifest{
		Schema: votingwindow.ManifestSchema, Name: name, Status: votingwindow.StatusFinal, OpensAt: "2027-05-22T18:15:00Z", ClosesAt: "2027-05-22T18:25:00Z",
		FinalAt: "2027-05-22T18:30:00Z", Identifiers: votingwindow.IdentifiersHashed, Signature: votingwindow.SignatureECDSA,
		Counts: votingwindow.NewExportCounts(votingwindow.Counts{}),
	}
	for _, file := range votingwindow.ExportFiles() {
		body := []byte(`{"status":"final","as_of":"2027-05-22T18:30:00Z","opens_at":"2027-05-22T18:15:00Z","closes_at":"2027-05-22T18:25:00Z","total":0,"questions":{},"version":3}`)
		if file != votingwindow.ResultsFile {
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			header := map[string][]string{votingwindow.BallotsCSVFile: votingwindow.BallotHeader, votingwindow.LedgerCSVFile: votingwindow.EntryHeader}[file]
			if header != nil {
				if _, err := w.Write([]byte(strings.Join(header, ",") + "\n")); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			body = packed.Bytes()
		}
		sum := sha256.Sum256(body)
		m.Files = append(m.Files, votingwindow.FileSum{Name: file, Bytes: int64(len(body)), SHA256: hex.EncodeToString(sum[:])})
		files[file] = string(body)
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(manifest)
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	files[votingwindow.ManifestFile], files[votingwindow.SignatureFile] = string(manifest), base64.StdEncoding.EncodeToString(signature)+"\n"
	if der, err = x509.MarshalPKIXPublicKey(&key.PublicKey); err != nil {
		t.Fatal(err)
	}
	return files, der
}

// inBucket is a window with a signing key and exports.
func inBucket(der []byte, exports map[string]map[string]string) *commandtest.System {
	d := &commandtest.System{Has: []string{"signing-key"}, Key: der, Stored: map[string]string{}}
	for name, files := range exports {
		for file, body := range files {
			d.Stored["records/export/"+name+"/"+file] = body
		}
	}
	return d
}

func verifiedBy(t *testing.T, answer command.Answer, err error) verified {
	t.Helper()
	v, ok := answer.JSON.(verified)
	if err != nil || !ok || answer.Unwell == v.Verified {
		t.Fatalf("%+v, %v", answer, err)
	}
	return v
}

func TestVerifyFromTheBucket(t *testing.T) {
	good, der := exportOf(t, "tv-final")
	bad := map[string]string{}
	for name, body := range good {
		bad[name] = body
	}
	bad[votingwindow.ResultsFile] = strings.Replace(bad[votingwindow.ResultsFile], `"total":0`, `"total":1`, 1)
	unfinished := map[string]string{votingwindow.BallotsCSVFile: ""}
	d := inBucket(der, map[string]map[string]string{
		"20270522T182500Z": good, "20270101T182500Z": bad, "20270523T182500Z-provisional": bad, "20280101T000000Z": unfinished,
	})
	answer, err := runs(t, d, "verify", "", nil, nil)
	v := verifiedBy(t, answer, err)
	want := verified{
		Export: "export/20270522T182500Z/", Verified: true, Signed: true, Key: "the window's signing key", Name: "tv-final", Status: "final",
		Counts: votingwindow.NewExportCounts(votingwindow.Counts{}), Faults: []string{},
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	answer, err = runs(t, d, "verify", "", nil, map[string]any{"export": "20270101T182500Z"})
	v = verifiedBy(t, answer, err)
	if v.Verified || len(v.Faults) != 1 || !strings.Contains(v.Faults[0], "results.json was changed") || !strings.Contains(v.text(), "! results.json was changed") {
		t.Errorf("%+v", v)
	}
	delete(d.Stored, "records/export/20270101T182500Z/"+votingwindow.BallotsCSVFile)
	answer, err = runs(t, d, "verify", "", nil, map[string]any{"export": "20270101T182500Z"})
	v = verifiedBy(t, answer, err)
	if v.Verified || !strings.Contains(strings.Join(v.Faults, "\n"), votingwindow.BallotsCSVFile) {
		t.Errorf("%+v", v)
	}
	if _, err := runs(t, d, "verify", "", nil, map[string]any{"export": "20280101T000000Z"}); !commandtest.IsUsage(err) || !strings.Contains(err.Error(), "20270522T182500Z") {
		t.Error(err)
	}
	if _, err := runs(t, inBucket(der, map[string]map[string]string{"20270522T182500Z-provisional": good}), "verify", "", nil, nil); err == nil || !strings.Contains(err.Error(), "there is no final export yet, only [20270522T182500Z-provisional]") {
		t.Error(err)
	}
	if _, err := runs(t, inBucket(der, nil), "verify", "", nil, nil); err == nil || !strings.Contains(err.Error(), "there is no export yet: the figures must be final") {
		t.Error(err)
	}
	if _, err := runs(t, &commandtest.System{}, "verify", "", nil, nil); err == nil || !strings.Contains(err.Error(), "has no signing key; give --unsigned") {
		t.Error(err)
	}
}

// An export in a folder is verified without AWS.
func TestVerifyOffline(t *testing.T) {
	for name, c := range map[string]struct {
		window   string
		flags    func(own, other string) map[string]any
		verified bool
		signed   bool
		says     string
	}{
		"by its key":     {"tv-final", func(own, _ string) map[string]any { return map[string]any{"public-key": own} }, true, true, "signature      holds by "},
		"unsigned":       {"tv-final", func(_, _ string) map[string]any { return map[string]any{"unsigned": true} }, true, false, "signature      NOT CHECKED"},
		"by another key": {"tv-final", func(_, other string) map[string]any { return map[string]any{"public-key": other} }, false, false, "! manifest.sig is not a signature"},
		"another window": {"tv-semi", func(own, _ string) map[string]any { return map[string]any{"public-key": own} }, false, true, `! the export is of the window "tv-semi", not of "tv-final"`},
	} {
		dir, keys := t.TempDir(), t.TempDir()
		files, own := exportOf(t, c.window)
		_, other := exportOf(t, c.window)
		for file, body := range files {
			write(t, filepath.Join(dir, file), body)
		}
		file := func(name string, der []byte) string {
			name = filepath.Join(keys, name)
			write(t, name, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
			return name
		}
		answer, err := runs(t, nil, "verify", dir, nil, c.flags(file("own.pem", own), file("other.pem", other)))
		v := verifiedBy(t, answer, err)
		if v.Verified != c.verified || v.Signed != c.signed || v.Export != dir || !strings.Contains(answer.Text, c.says) {
			t.Errorf("%s: %+v\n%s", name, v, answer.Text)
		}
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// publicOf is the public key that ticket --new told.
func publicOf(t *testing.T, made command.Answer) ed25519.PublicKey {
	t.Helper()
	key, ok := made.JSON.(madeKey)
	public, err := ticketKey(key.PublicKey)
	if !ok || err != nil || made.Text != key.PublicKey {
		t.Fatalf("%+v, %v", made, err)
	}
	return public
}

func TestTicket(t *testing.T) {
	dir := t.TempDir()
	key, voters := filepath.Join(dir, "key.pem"), filepath.Join(dir, "voters.txt")
	made, err := runs(t, nil, "ticket", "", nil, map[string]any{"key": key, "new": true})
	if err != nil {
		t.Fatal(err)
	}
	public := publicOf(t, made)
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := runs(t, nil, "ticket", "", nil, map[string]any{"key": key, "new": true}); !commandtest.IsUsage(err) || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a key is overwritten: %v", err)
	}
	write(t, voters, "\ufeff12345678\r\n\n äpfel \n")
	answer, err := runs(t, nil, "ticket", "", nil, map[string]any{"key": key, "file": voters})
	tickets, ok := answer.JSON.([]ticketed)
	if err != nil || !ok || len(tickets) != 2 || tickets[0].Voter != "12345678" || tickets[1].Voter != "äpfel" {
		t.Fatalf("%+v, %v", answer, err)
	}
	for _, ticket := range tickets {
		if !votingwindow.CheckTicket(public, "tv-final", ticket.Voter, ticket.Ticket) || votingwindow.CheckTicket(public, "tv-semi", ticket.Voter, ticket.Ticket) {
			t.Errorf("%+v does not hold", ticket)
		}
		if !strings.Contains(answer.Text, ticket.Voter+"\t"+ticket.Ticket+"\n") {
			t.Error(answer.Text)
		}
	}
	for content, says := range map[string]string{"": "no identifier", "ok\n" + strings.Repeat("x", 129): "line 2", "a\x01b": "line 1", "\xff\xfe": "line 1"} {
		write(t, voters, content)
		if _, err := runs(t, nil, "ticket", "", nil, map[string]any{"key": key, "file": voters}); !commandtest.IsUsage(err) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", content, err)
		}
	}
	write(t, key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	if _, err := runs(t, nil, "ticket", "", nil, map[string]any{"key": key, "file": voters}); !commandtest.IsUsage(err) {
		t.Errorf("a broken key: %v", err)
	}
}
