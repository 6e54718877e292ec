package history

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/configitems"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// What an entry says has happened to an item.
const (
	Configured = "configured" // Terraform has set it.
	Removed    = "removed"    // It is gone.
	Overridden = "overridden" // An operator has set it.
	Cleared    = "cleared"    // An operator has given that up, or an apply has changed the value that it held against.
)

// WrittenBy is the attribute in which the provider says who wrote an item.
const WrittenBy = "serverless:by"

// Entry is one change of one item. Values are texts; At orders the entries of a key, and begins with the time, RFC 3339 in UTC, to the second as
// DynamoDB's streams have it.
type Entry struct {
	Key     string `json:"key"`
	At      string `json:"at"`
	What    string `json:"what"`
	Old     string `json:"old"`
	New     string `json:"new"`
	OldType string `json:"old_type,omitempty"`
	NewType string `json:"new_type,omitempty"`
	// By is an ARN; empty where nobody knows.
	By string `json:"by,omitempty"`
}

// record is one of a table's stream, as Lambda and DynamoDB Streams have it (DynamoDB Streams API Reference, Record).
type record struct {
	EventName string `json:"eventName"`
	DynamoDB  struct {
		Keys, NewImage, OldImage    dynamodb.Item
		SequenceNumber              string
		ApproximateCreationDateTime float64 // Seconds since 1970.
	} `json:"dynamodb"`
}

// longest is the greatest length of a value in an entry, in bytes: two of them fit into an item of 400 KB. Of a longer one an entry has the digest.
const longest = 150 << 10

func shortened(text string) string {
	if len(text) <= longest {
		return text
	}
	return fmt.Sprintf("sha256:%x (%d bytes)", sha256.Sum256([]byte(text)), len(text))
}

// errPoison is a record that can never become an entry.
var errPoison = errors.New("this is no record of a configuration item")

// entriesOf are the entries of a record: none where nothing that people ask for has changed.
func entriesOf(raw json.RawMessage) ([]Entry, error) {
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", errPoison, err)
	}
	d := r.DynamoDB
	key := d.Keys[configitems.KeyAttribute].Text()
	if key == "" || d.SequenceNumber == "" || len(d.NewImage)+len(d.OldImage) == 0 {
		return nil, fmt.Errorf("%w: it has no key, no number or no image", errPoison)
	}
	if key == configitems.SchemaKey {
		return nil, nil
	}
	var out []Entry
	add := func(what, attribute, by string) {
		out = append(out, Entry{
			Key: key, At: fmt.Sprintf("%s/%040s/%d", time.Unix(int64(d.ApproximateCreationDateTime), 0).UTC().Format(time.RFC3339), d.SequenceNumber, len(out)),
			What: what, By: by, Old: shortened(d.OldImage[attribute].Scalar()), New: shortened(d.NewImage[attribute].Scalar()),
			OldType: d.OldImage[configitems.TypeAttribute].Text(), NewType: d.NewImage[configitems.TypeAttribute].Text(),
		})
	}
	before, after := d.OldImage, d.NewImage
	changed := func(attribute string) bool {
		_, had := before[attribute]
		_, has := after[attribute]
		return had != has || configitems.Normal(before[attribute]) != configitems.Normal(after[attribute])
	}
	switch {
	case len(after) == 0:
		add(Removed, configitems.ValueAttribute, "")
		return out, nil
	case changed(configitems.ValueAttribute) || changed(configitems.TypeAttribute):
		add(Configured, configitems.ValueAttribute, after[WrittenBy].Text())
	}
	if changed(configitems.OverrideAttribute) {
		what := Overridden
		if _, still := after[configitems.OverrideAttribute]; !still {
			what = Cleared
		}
		// Where an apply has taken the override with the value that it held against, no operator is named.
		add(what, configitems.OverrideAttribute, cmp.Or(after[configitems.ByAttribute].Text(), after[WrittenBy].Text()))
	}
	return out, nil
}

// item renders an entry for the table. Keys and places are part of it, so that a record that comes twice is written twice over itself.
func (e Entry) item(retention time.Duration) (dynamodb.Item, error) {
	out := dynamodb.Item{
		KeyAttribute: dynamodb.String(e.Key), AtAttribute: dynamodb.String(e.At), whatAttribute: dynamodb.String(e.What),
		oldAttribute: dynamodb.String(e.Old), newAttribute: dynamodb.String(e.New),
		oldTypeAttribute: dynamodb.String(e.OldType), newTypeAttribute: dynamodb.String(e.NewType), byAttribute: dynamodb.String(e.By),
	}
	if retention > 0 {
		at, err := time.Parse(time.RFC3339, e.When())
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errPoison, err)
		}
		out[ExpiresAttribute] = dynamodb.Number(at.Add(retention).Unix())
	}
	return out, nil
}

// entryOf reads an entry of the table.
func entryOf(i dynamodb.Item) Entry {
	return Entry{
		Key: i[KeyAttribute].Text(), At: i[AtAttribute].Text(), What: i[whatAttribute].Text(), Old: i[oldAttribute].Text(), New: i[newAttribute].Text(),
		OldType: i[oldTypeAttribute].Text(), NewType: i[newTypeAttribute].Text(), By: i[byAttribute].Text(),
	}
}

// When is the time of an entry, RFC 3339 in UTC.
func (e Entry) When() string {
	when, _, _ := strings.Cut(e.At, "/")
	return when
}
