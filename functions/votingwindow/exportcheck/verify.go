// Package exportcheck proves an export of a voting window, away from AWS: that the signature is by the given key, that every file is as
// the manifest says, that both formats say the same, and that the rows give the figures that were published.
package exportcheck

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

const (
	// maxSmallBytes bounds manifest.json, its signature and results.json, in bytes. Results of twenty questions have a few KB.
	maxSmallBytes = 1 << 20
	// maxFaults bounds how many faults an error lists.
	maxFaults = 20
)

// Report is what an export proved to be.
type Report struct {
	Manifest votingwindow.Manifest
	Signed   bool // The signature holds by the given key.
	Ballots  int64
	Entries  int64
}

// Verify checks an export, whose files are at the root of the file system. Without a key the signature is not looked at: then the export agrees
// with itself, and nobody knows who made it. Files are read as streams; memory grows by some 60 bytes a row. The error lists
// what does not hold, by file and line.
func Verify(files fs.FS, key *ecdsa.PublicKey) (Report, error) {
	var report Report
	encoded, err := small(files, votingwindow.ManifestFile)
	if err != nil {
		return report, err
	}
	if report.Manifest, err = readManifest(encoded); err != nil {
		return report, err
	}
	if key != nil {
		if err := checkSignature(files, encoded, report.Manifest, key); err != nil {
			return report, err // What is not by whom it should be is not worth reading.
		}
		report.Signed = true
	}
	faults := &faults{}
	for _, file := range report.Manifest.Files {
		faults.add(checkFile(files, file))
	}
	if err := faults.join(); err != nil {
		return report, err // Rows of a file that was changed prove nothing.
	}
	rows := newRows(files, report.Manifest, faults)
	rows.ballots()
	rows.entries()
	report.Ballots, report.Entries = rows.read[votingwindow.BallotsJSONFile], rows.read[votingwindow.LedgerJSONFile]
	if err := faults.join(); err != nil {
		return report, err
	}
	checkCounts(faults, report.Manifest.Counts, votingwindow.NewExportCounts(rows.counts))
	checkResults(files, faults, report.Manifest)
	return report, faults.join()
}

// faults is what does not hold.
type faults struct{ found []error }

func (f *faults) add(err error) {
	if err != nil && len(f.found) < maxFaults {
		f.found = append(f.found, err)
	}
}

func (f *faults) join() error { return errors.Join(f.found...) }

// small reads a file that has no business being large.
func small(files fs.FS, name string) ([]byte, error) {
	file, err := files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	defer file.Close() //nolint:errcheck // Nothing was written.
	body, err := io.ReadAll(io.LimitReader(file, maxSmallBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(body) > maxSmallBytes {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxSmallBytes)
	}
	return body, nil
}

// decode reads one JSON value without unknown members.
func decode(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something after the object")
	}
	return nil
}

func readManifest(encoded []byte) (votingwindow.Manifest, error) {
	var manifest votingwindow.Manifest
	name := votingwindow.ManifestFile
	if err := decode(encoded, &manifest); err != nil {
		return manifest, fmt.Errorf("%s: %w", name, err)
	}
	if manifest.Schema != votingwindow.ManifestSchema {
		return manifest, fmt.Errorf("%s: schema is %d, this program reads %d", name, manifest.Schema, votingwindow.ManifestSchema)
	}
	var listed []string
	for _, file := range manifest.Files {
		listed = append(listed, file.Name)
	}
	if want := votingwindow.ExportFiles(); !slices.Equal(listed, want) {
		return manifest, fmt.Errorf("%s: files are %q, should be %q", name, listed, want)
	}
	switch manifest.Identifiers {
	case votingwindow.IdentifiersHashed, votingwindow.IdentifiersNone:
		return manifest, nil
	default:
		return manifest, fmt.Errorf("%s: identifiers are %q", name, manifest.Identifiers)
	}
}

// checkFile compares a file's length and sum with the manifest's.
func checkFile(files fs.FS, want votingwindow.FileSum) error {
	file, err := files.Open(want.Name)
	if err != nil {
		return fmt.Errorf("open %s: %w", want.Name, err)
	}
	defer file.Close() //nolint:errcheck // Nothing was written.
	sum := sha256.New()
	length, err := io.Copy(sum, file)
	if err != nil {
		return fmt.Errorf("read %s: %w", want.Name, err)
	}
	if length != want.Bytes {
		return fmt.Errorf("%s has %d bytes, the manifest says %d", want.Name, length, want.Bytes)
	}
	if have := hex.EncodeToString(sum.Sum(nil)); have != want.SHA256 {
		return fmt.Errorf("%s was changed: its SHA-256 is %s, the manifest says %s", want.Name, have, want.SHA256)
	}
	return nil
}

// checkCounts compares the manifest's figures with those of the rows.
func checkCounts(faults *faults, manifest, rows votingwindow.ExportCounts) {
	compare := func(what string, said, have int64) {
		if said != have {
			faults.add(fmt.Errorf("%s: %s is %d, the rows give %d", votingwindow.ManifestFile, what, said, have))
		}
	}
	compare("accepted", manifest.Accepted, rows.Accepted)
	compare("counted", manifest.Counted, rows.Counted)
	compare("quarantined", manifest.Quarantined, rows.Quarantined)
	compare("duplicate", manifest.Duplicate, rows.Duplicate)
	compare("replaced", manifest.Replaced, rows.Replaced)
	compare("late", manifest.Late, rows.Late)
	compare("rejected", manifest.Rejected, rows.Rejected)
	compare("released", manifest.Released, rows.Released)
	said, have := choices(manifest.Questions), choices(rows.Questions)
	for _, choice := range slices.Sorted(maps.Keys(union(said, have))) {
		compare(choice, said[choice], have[choice])
	}
}

// checkResults compares what was published as final with the manifest, whose figures are those of the rows.
func checkResults(files fs.FS, faults *faults, manifest votingwindow.Manifest) {
	name := votingwindow.ResultsFile
	body, err := small(files, name)
	if err != nil {
		faults.add(err)
		return
	}
	var results votingwindow.Results
	if err := decode(body, &results); err != nil {
		faults.add(fmt.Errorf("%s: %w", name, err))
		return
	}
	if manifest.Status != votingwindow.StatusFinal {
		return // Live figures lag behind the tables.
	}
	compare := func(what string, said, want any) {
		if said != want {
			faults.add(fmt.Errorf("%s: %s is %v, the manifest says %v", name, what, said, want))
		}
	}
	compare("status", results.Status, manifest.Status)
	compare("opens_at", results.OpensAt, manifest.OpensAt)
	compare("closes_at", results.ClosesAt, manifest.ClosesAt)
	compare("total", results.Total, manifest.Counts.Counted)
	said, want := results.Answers(), choices(manifest.Counts.Questions)
	for _, choice := range slices.Sorted(maps.Keys(union(said, want))) {
		compare(choice, said[choice], want[choice])
	}
	for _, question := range slices.Sorted(maps.Keys(results.Questions)) {
		var total int64
		for _, n := range manifest.Counts.Questions[question] {
			total += n
		}
		compare("total of "+question, results.Questions[question].Total, total)
	}
}

// choices are figures by `question/answer`.
func choices(questions map[string]map[string]int64) map[string]int64 {
	flat := map[string]int64{}
	for question, answers := range questions {
		for answer, n := range answers {
			flat[votingwindow.Choice(question, answer)] = n
		}
	}
	return flat
}

func union(a, b map[string]int64) map[string]int64 {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}
