package exportcheck

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// rows reads the rows of an export.
type rows struct {
	files    fs.FS
	manifest votingwindow.Manifest
	faults   *faults
	listed   map[string]int64 // File → rows by the manifest.
	read     map[string]int64 // File → rows that were read.
	counts   votingwindow.Counts
	messages map[digest]place
	places   map[digest]place // Of ballots: voter, question and slot.
}

// digest stands for a text in 16 bytes: two texts of one digest are as unlikely as forged sums.
type digest [16]byte

func digestOf(text string) (short digest) {
	sum := sha256.Sum256([]byte(text))
	copy(short[:], sum[:])
	return short
}

// place is where a row is.
type place struct {
	ledger bool
	line   int64
}

func (p place) String() string {
	name := votingwindow.BallotsJSONFile
	if p.ledger {
		name = votingwindow.LedgerJSONFile
	}
	return at(name, p.line)
}

func at(name string, line int64) string { return name + " line " + strconv.FormatInt(line, 10) }

func newRows(files fs.FS, manifest votingwindow.Manifest, faults *faults) *rows {
	r := &rows{
		files: files, manifest: manifest, faults: faults, listed: map[string]int64{}, read: map[string]int64{},
		messages: map[digest]place{}, places: map[digest]place{},
	}
	for _, file := range manifest.Files {
		r.listed[file.Name] = file.Rows
	}
	return r
}

func (r *rows) ballots() {
	check(r, votingwindow.BallotsJSONFile, votingwindow.BallotsCSVFile, votingwindow.BallotHeader, func(row votingwindow.BallotRow, here place) {
		fault := func(format string, values ...any) {
			r.faults.add(fmt.Errorf("%s: "+format, append([]any{here}, values...)...))
		}
		if row.Question == "" || row.Answer == "" || row.Message == "" {
			fault("question, answer or message is missing")
		}
		if _, err := time.Parse(time.RFC3339Nano, row.Sent); err != nil {
			fault("sent is %q, which is no time", row.Sent)
		}
		switch hashed := r.manifest.Identifiers == votingwindow.IdentifiersHashed; {
		case hashed && row.Voter == "":
			fault("voter is missing")
		case !hashed && (row.Voter != "" || row.Address != ""):
			fault("there is a voter or an address in an export without identifiers")
		case hashed:
			key := digestOf(votingwindow.BallotKey(row.Voter, row.Question, row.Slot, false))
			if other, found := r.places[key]; found {
				fault("the voter has another ballot in the same place, %s", other)
			}
			r.places[key] = here
		}
		r.once(row.Message, here)
	})
}

func (r *rows) entries() {
	check(r, votingwindow.LedgerJSONFile, votingwindow.LedgerCSVFile, votingwindow.EntryHeader, func(row votingwindow.EntryRow, here place) {
		here.ledger = true
		switch row.Outcome {
		case votingwindow.Duplicate, votingwindow.Replaced, votingwindow.Late, votingwindow.Rejected:
		default:
			r.faults.add(fmt.Errorf("%s: outcome is %q", here, row.Outcome))
		}
		if row.Message == "" {
			r.faults.add(fmt.Errorf("%s: message is missing", here))
		}
		if row.Voter != "" && r.manifest.Identifiers == votingwindow.IdentifiersNone {
			r.faults.add(fmt.Errorf("%s: there is a voter in an export without identifiers", here))
		}
		r.once(row.Message, here)
	})
}

// once notes a message, which ends as one row. Tables that were read while they changed may have it in both.
func (r *rows) once(message string, here place) {
	key := digestOf(message)
	if other, found := r.messages[key]; found && r.manifest.Status == votingwindow.StatusFinal {
		r.faults.add(fmt.Errorf("%s: message %q is there twice, also in %s", here, message, other))
	}
	r.messages[key] = here
}

// check reads the two files of a table side by side. It stops at the first line that cannot be read, or is not the same row in both.
func check[R votingwindow.ExportRow](r *rows, jsonName, csvName string, header []string, visit func(R, place)) {
	lines, err := openPacked(r.files, jsonName)
	if err != nil {
		r.faults.add(err)
		return
	}
	defer lines.close()
	sheet, err := openPacked(r.files, csvName)
	if err != nil {
		r.faults.add(err)
		return
	}
	defer sheet.close()
	var writer votingwindow.CSVWriter
	cells, err := writer.Header(header)
	if err != nil {
		r.faults.add(err)
		return
	}
	if err := sheet.expect(cells); err != nil {
		r.faults.add(fmt.Errorf("%s: %w", at(csvName, 1), err))
		return
	}
	number := int64(0)
	for ; ; number++ {
		line, err := lines.line()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && number == r.listed[jsonName] {
			err = fmt.Errorf("there are more rows than the manifest's %d", number)
		}
		var row R
		if err == nil {
			row, err = decodeRow[R](line)
		}
		if err != nil {
			r.faults.add(fmt.Errorf("%s: %w", at(jsonName, number+1), err))
			return
		}
		if cells, err = writer.Row(row); err == nil {
			err = sheet.expect(cells)
		}
		if err != nil {
			r.faults.add(fmt.Errorf("%s: %w", at(csvName, number+2), err))
			return
		}
		row.Count(&r.counts)
		visit(row, place{line: number + 1})
	}
	r.read[jsonName] = number
	for _, name := range []string{jsonName, csvName} {
		if number != r.listed[name] {
			r.faults.add(fmt.Errorf("%s has %d rows, the manifest says %d", name, number, r.listed[name]))
		}
	}
	if err := lines.end(); err != nil {
		r.faults.add(fmt.Errorf("%s: %w", at(jsonName, number+1), err))
	}
	if err := sheet.end(); err != nil {
		r.faults.add(fmt.Errorf("%s: %w", at(csvName, number+2), err))
	}
}

// decodeRow reads a line of JSON, which must be as an export writes it, byte by byte: then it has no member twice and none that is unknown.
func decodeRow[R votingwindow.ExportRow](line []byte) (R, error) {
	var row R
	if err := decode(line, &row); err != nil {
		return row, fmt.Errorf("it is no row: %w", err)
	}
	again, err := votingwindow.AppendJSON(nil, row)
	if err != nil {
		return row, err
	}
	if !bytes.Equal(again, line) {
		return row, errors.New("it is not written as an export writes it")
	}
	return row, nil
}
