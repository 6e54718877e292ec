package exportcheck_test

import (
	"bytes"
	"compress/gzip"
	"crypto/elliptic"
	"io"
	"testing"
	"testing/fstest"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/exportcheck"
)

// FuzzRows reads any text as the rows of an export. Where an export is found good, its figures are those of its manifest.
func FuzzRows(f *testing.F) {
	p := newParcel(f)
	f.Add([]byte(p.tables[votingwindow.BallotsJSONFile]), []byte(p.tables[votingwindow.BallotsCSVFile]), []byte(p.tables[votingwindow.LedgerJSONFile]), []byte(p.tables[votingwindow.LedgerCSVFile]))
	f.Add([]byte("{}\n"), []byte("question\n"), []byte("[]\n"), []byte("\"\n\""))
	f.Fuzz(func(t *testing.T, ballots, sheet, ledger, ledgerSheet []byte) {
		p := newParcel(t)
		p.tables = map[string]string{
			votingwindow.BallotsJSONFile: string(ballots), votingwindow.BallotsCSVFile: string(sheet),
			votingwindow.LedgerJSONFile: string(ledger), votingwindow.LedgerCSVFile: string(ledgerSheet),
		}
		if report, err := exportcheck.Verify(p.pack(t), nil); err == nil && report.Ballots+report.Entries != report.Manifest.Counts.Accepted {
			t.Errorf("%d and %d rows are %d accepted", report.Ballots, report.Entries, report.Manifest.Counts.Accepted)
		}
	})
}

// FuzzPacked reads any bytes as a compressed file.
func FuzzPacked(f *testing.F) {
	f.Add(compress(f, []byte("{}\n")))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, packed []byte) {
		p := newParcel(t)
		files := p.pack(t)
		kept := files[votingwindow.BallotsJSONFile].Data
		p.swap(t, files, votingwindow.BallotsJSONFile, packed)
		if _, err := exportcheck.Verify(files, &p.key.PublicKey); err == nil && !bytes.Equal(unpack(t, packed), unpack(t, kept)) {
			t.Error("other rows were found good")
		}
	})
}

func unpack(t testing.TB, packed []byte) []byte {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// FuzzManifest reads any bytes as manifest, signature, results and key. Without the private key no signature holds.
func FuzzManifest(f *testing.F) {
	p := newParcel(f)
	files := p.pack(f)
	f.Add(files[votingwindow.ManifestFile].Data, files[votingwindow.SignatureFile].Data, []byte(p.results), encodeKey(f, elliptic.P256()))
	f.Add([]byte("{}"), []byte("c2lnbmVk"), []byte("{}"), []byte("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"))
	other := newKey(f, elliptic.P256())
	f.Fuzz(func(t *testing.T, manifest, signature, results, key []byte) {
		tried := fstest.MapFS{}
		for name, file := range files {
			tried[name] = file
		}
		tried[votingwindow.ManifestFile], tried[votingwindow.SignatureFile] = &fstest.MapFile{Data: manifest}, &fstest.MapFile{Data: signature}
		tried[votingwindow.ResultsFile] = &fstest.MapFile{Data: results}
		if report, err := exportcheck.Verify(tried, &other.PublicKey); err == nil || report.Signed {
			t.Error("a signature holds that nobody made")
		}
		if report, err := exportcheck.Verify(tried, nil); err == nil && report.Ballots != 3 {
			t.Errorf("got %+v", report)
		}
		_, _ = exportcheck.PublicKey(key)
	})
}
