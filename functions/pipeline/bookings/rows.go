package bookings

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// Format is how the data is written.
type Format string

// The formats.
const (
	JSONLines Format = "jsonl" // One object a line (jsonlines.org).
	CSV       Format = "csv"   // With a header (RFC 4180).
)

// Rows write items as data: their key, the attributes of the mapping in the order of their names, and ref, the key of its file, where an item is too large for all
// of it. An attribute that an item does not have is left out, or empty.
type Rows struct {
	Columns []pipeline.Column
	Format  Format
	Gzip    bool
}

// ContentType is that of the data.
func (r Rows) ContentType() string {
	switch {
	case r.Gzip:
		return "application/gzip"
	case r.Format == CSV:
		return "text/csv; charset=utf-8"
	}
	return "application/x-ndjson"
}

// suffix is how the data's object ends.
func (r Rows) suffix() string {
	if r.Gzip {
		return "." + string(r.Format) + ".gz"
	}
	return "." + string(r.Format)
}

// head is what comes before all rows.
func (r Rows) head() ([]byte, error) {
	if r.Format != CSV {
		return nil, nil
	}
	names := []string{pipeline.ItemKey}
	for _, column := range r.Columns {
		names = append(names, column.Name)
	}
	return record(append(names, pipeline.ItemRef))
}

// row is an item's.
func (r Rows) row(item dynamodb.Item) ([]byte, error) {
	if r.Format == CSV {
		fields := []string{item[pipeline.ItemKey].Text()}
		for _, column := range r.Columns {
			fields = append(fields, item[column.Name].Scalar())
		}
		return record(append(fields, item[pipeline.ItemRef].Text()))
	}
	row, err := member([]byte{'{'}, pipeline.ItemKey, item[pipeline.ItemKey].Text())
	if err != nil {
		return nil, err
	}
	for _, column := range r.Columns {
		value, found := item[column.Name]
		if !found {
			continue
		}
		var is any = value.Text()
		switch {
		case value.N != "":
			is = json.Number(value.N)
		case value.BOOL != nil:
			is = *value.BOOL
		case column.Type == pipeline.TypeJSON && json.Valid([]byte(value.Text())):
			is = json.RawMessage(value.Text())
		}
		if row, err = member(row, column.Name, is); err != nil {
			return nil, err
		}
	}
	if ref := item[pipeline.ItemRef].Text(); ref != "" {
		if row, err = member(row, pipeline.ItemRef, ref); err != nil {
			return nil, err
		}
	}
	return append(row, "}\n"...), nil
}

// member appends one to an object.
func member(to []byte, name string, value any) ([]byte, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", name, err)
	}
	if len(to) > 1 {
		to = append(to, ',')
	}
	to = append(append(append(to, '"'), name...), `":`...) // A name is as JSON has it: a mapping takes no other.
	return append(to, encoded...), nil
}

func record(fields []string) ([]byte, error) {
	var text bytes.Buffer
	writer := csv.NewWriter(&text)
	if err := writer.Write(fields); err != nil {
		return nil, fmt.Errorf("encode a record: %w", err)
	}
	writer.Flush()
	return text.Bytes(), writer.Error()
}
