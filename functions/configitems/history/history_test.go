package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/functions/configitems"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/streams"
)

// kept is where entries and what is kept aside go, in memory.
type kept struct {
	entries map[string]Entry
	expires map[string]int64
	aside   []string
	// fails says why an entry of a key cannot be written, full why nothing can be kept aside.
	fails  map[string]error
	full   error
	stream []json.RawMessage
}

func (k *kept) PutItem(_ context.Context, put *dynamodb.PutItem) error {
	e := entryOf(put.Item)
	if err := k.fails[e.Key]; err != nil {
		return err
	}
	k.entries[e.Key+" "+e.At], k.expires[e.Key] = e, put.Item[ExpiresAttribute].Int()
	return nil
}

func (k *kept) Send(_ context.Context, body string) error {
	if k.full == nil {
		k.aside = append(k.aside, body)
	}
	return k.full
}

func (k *kept) Records(_ context.Context, b streams.Batch) ([]json.RawMessage, error) {
	if b.ShardID != "shardId-1" || b.Start != "7" || b.End != "8" {
		return nil, errors.New("the stream has forgotten them")
	}
	return k.stream, nil
}

func newHistory() (*History, *kept) {
	k := &kept{entries: map[string]Entry{}, expires: map[string]int64{}, fails: map[string]error{}}
	return &History{Config: Config{HistoryTable: "changes", RetentionDays: 30}, Table: k, Aside: k, Stream: k, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, k
}

const second = 1_900_000_000

func image(more dynamodb.Item) dynamodb.Item {
	out := dynamodb.Item{configitems.TypeAttribute: dynamodb.String("number"), WrittenBy: dynamodb.String("arn:terraform"), configitems.ByAttribute: dynamodb.String("arn:anna")}
	for name, v := range more {
		out[name] = v
	}
	return out
}

func value(n string) dynamodb.Item {
	return dynamodb.Item{configitems.ValueAttribute: dynamodb.Decimal(n)}
}

// changed is a record of a stream.
func changed(t *testing.T, key, sequence string, before, after dynamodb.Item) json.RawMessage {
	t.Helper()
	var r struct {
		record
		EventSource string `json:"eventSource"`
	}
	r.EventSource = "aws:dynamodb"
	r.DynamoDB.Keys, r.DynamoDB.SequenceNumber, r.DynamoDB.ApproximateCreationDateTime = dynamodb.Item{configitems.KeyAttribute: dynamodb.String(key)}, sequence, second
	r.DynamoDB.OldImage, r.DynamoDB.NewImage = before, after
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func event(t *testing.T, records ...json.RawMessage) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestEntries(t *testing.T) {
	override := func(n string) dynamodb.Item { return dynamodb.Item{configitems.OverrideAttribute: dynamodb.Decimal(n)} }
	both := func(a, b dynamodb.Item) dynamodb.Item {
		out := image(a)
		for name, v := range b {
			out[name] = v
		}
		return out
	}
	type entry struct{ what, old, new, by string }
	for name, c := range map[string]struct {
		before, after dynamodb.Item
		want          []entry
	}{
		"new":                   {nil, image(value("50")), []entry{{Configured, "", "50", "arn:terraform"}}},
		"another value":         {image(value("50")), image(value("60")), []entry{{Configured, "50", "60", "arn:terraform"}}},
		"the same, otherwise":   {image(value("50")), image(value("50.0")), nil},
		"another description":   {image(value("50")), both(value("50"), dynamodb.Item{configitems.DescriptionAttribute: dynamodb.String("d")}), nil},
		"removed":               {image(value("50")), nil, []entry{{Removed, "50", "", ""}}},
		"overridden":            {image(value("50")), both(value("50"), override("80")), []entry{{Overridden, "", "80", "arn:anna"}}},
		"overridden again":      {both(value("50"), override("80")), both(value("50"), override("90")), []entry{{Overridden, "80", "90", "arn:anna"}}},
		"given up":              {both(value("50"), override("80")), image(value("50")), []entry{{Cleared, "80", "", "arn:anna"}}},
		"both":                  {image(value("50")), both(value("60"), override("80")), []entry{{Configured, "50", "60", "arn:terraform"}, {Overridden, "", "80", "arn:anna"}}},
		"gone with its value":   {both(value("50"), override("80")), both(value("60"), dynamodb.Item{configitems.ByAttribute: {}}), []entry{{Configured, "50", "60", "arn:terraform"}, {Cleared, "80", "", "arn:terraform"}}},
		"overridden to nothing": {image(nil), both(nil, dynamodb.Item{configitems.OverrideAttribute: dynamodb.String("")}), []entry{{Overridden, "", "", "arn:anna"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := entriesOf(changed(t, "windows", "42", c.before, c.after))
			if err != nil {
				t.Fatal(err)
			}
			var told []entry
			for i, e := range got {
				told = append(told, entry{e.What, e.Old, e.New, e.By})
				if want := fmt.Sprintf("2030-03-17T17:46:40Z/%040d/%d", 42, i); e.At != want || e.Key != "windows" {
					t.Errorf("it is at %s of %s, want %s", e.At, e.Key, want)
				}
			}
			if !slices.Equal(told, c.want) {
				t.Errorf("the entries are %v, want %v", told, c.want)
			}
		})
	}
}

func TestLongValue(t *testing.T) {
	long := strings.Repeat("x", longest+1)
	got, err := entriesOf(changed(t, "text", "1", nil, image(dynamodb.Item{configitems.ValueAttribute: dynamodb.String(long)})))
	if err != nil || len(got) != 1 || !strings.HasPrefix(got[0].New, "sha256:") || !strings.HasSuffix(got[0].New, "(153601 bytes)") {
		t.Errorf("a long value gives %.200v, %v", got, err)
	}
}

// One bad record holds nothing back: what can be no entry is kept aside with its
// reason, and what may succeed later is tried again from there on.
func TestPoison(t *testing.T) {
	h, k := newHistory()
	k.fails["oversize"] = &smithy.GenericAPIError{Code: "ValidationException", Message: "Item size has exceeded the maximum allowed size"}
	k.fails["throttled"] = &smithy.GenericAPIError{Code: "ThrottlingException", Message: "slowly"}
	good := func(key, sequence string) json.RawMessage { return changed(t, key, sequence, nil, image(value("1"))) }
	got, err := h.Handle(t.Context(), event(t,
		good("a", "1"), good("oversize", "2"), json.RawMessage(`{"eventSource":"aws:dynamodb","dynamodb":{"Keys":7}}`), good("b", "3"), good("throttled", "4"), good("c", "5")))
	if err != nil || len(got.BatchItemFailures) != 1 || got.BatchItemFailures[0].ItemIdentifier != "4" {
		t.Errorf("to be tried again is %v, %v; want 4", got, err)
	}
	if len(k.entries) != 2 {
		t.Errorf("kept are %v, want those of a and b", k.entries)
	}
	if len(k.aside) != 2 || !strings.Contains(k.aside[0], "exceeded the maximum allowed size") || !strings.Contains(k.aside[1], "no record of a configuration item") {
		t.Errorf("aside are %q", k.aside)
	}
	if want := int64(second + 30*24*3600); k.expires["a"] != want {
		t.Errorf("an entry expires at %d, want %d", k.expires["a"], want)
	}
	// Where it cannot be kept aside either, it is tried again.
	k.full = errors.New("no queue")
	if got, err := h.Handle(t.Context(), event(t, good("oversize", "2"))); err != nil || len(got.BatchItemFailures) != 1 {
		t.Errorf("with a queue that fails: %v, %v", got, err)
	}
	// Twice delivered is once kept.
	before := len(k.entries)
	if _, err := h.Handle(t.Context(), event(t, good("a", "1"))); err != nil || len(k.entries) != before {
		t.Errorf("a redelivery made %d entries of %d, %v", len(k.entries), before, err)
	}
}

// A redrive tries what was kept aside, and what Lambda has given up, while the
// stream has it.
func TestRedrive(t *testing.T) {
	h, k := newHistory()
	k.fails["still"] = &smithy.GenericAPIError{Code: "ValidationException", Message: "no"}
	k.stream = []json.RawMessage{changed(t, "late", "7", nil, image(value("1"))), changed(t, "later", "8", nil, image(value("1")))}
	message := func(id string, body any) json.RawMessage {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(map[string]string{"eventSource": "aws:sqs", "messageId": id, "body": string(text)})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	given := func(start string) map[string]any {
		return map[string]any{"DDBStreamBatchInfo": map[string]any{"shardId": "shardId-1", "startSequenceNumber": start, "endSequenceNumber": "8", "batchSize": 2, "streamArn": "arn"}}
	}
	got, err := h.Handle(t.Context(), event(t,
		message("mended", aside{"it was refused", changed(t, "a", "1", nil, image(value("1")))}),
		message("still", aside{"it was refused", changed(t, "still", "2", nil, image(value("1")))}),
		message("given up", given("7")), message("forgotten", given("1"))))
	if err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, f := range got.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	if !slices.Equal(failed, []string{"still", "forgotten"}) || len(k.entries) != 3 || len(k.aside) != 0 {
		t.Errorf("failed are %v, kept %v, aside %v", failed, k.entries, k.aside)
	}
}

// desk is the tables as control sees them.
type desk struct {
	items   map[string]dynamodb.Item
	readers []dynamodb.Item
	changes []dynamodb.Item
	updates []*dynamodb.UpdateItem
	race    bool
}

func (d *desk) Scan(_ context.Context, scan *dynamodb.Scan) (dynamodb.Page, error) {
	switch scan.TableName {
	case "readers":
		return dynamodb.Page{Items: d.readers}, nil
	case "changes":
		return dynamodb.Page{Items: d.changes}, nil
	}
	var page dynamodb.Page
	for _, i := range d.items {
		page.Items = append(page.Items, i)
	}
	return page, nil
}

func (d *desk) Query(_ context.Context, query *dynamodb.Query) (dynamodb.Page, error) {
	var page dynamodb.Page
	for _, i := range slices.Backward(d.changes) {
		if i[KeyAttribute].Text() == query.ExpressionAttributeValues[":key"].Text() {
			page.Items = append(page.Items, i)
		}
	}
	return page, nil
}

func (d *desk) GetItem(_ context.Context, get *dynamodb.GetItem) (dynamodb.Item, error) {
	return d.items[get.Key[configitems.KeyAttribute].Text()], nil
}

func (d *desk) UpdateItem(_ context.Context, c *dynamodb.UpdateItem) error {
	d.updates = append(d.updates, c)
	i := d.items[c.Key[configitems.KeyAttribute].Text()]
	_, overridden := i[configitems.OverrideAttribute]
	removes := strings.Contains(c.UpdateExpression, "REMOVE")
	if d.race || removes && !overridden {
		return &dynamodb.ConditionalCheckFailedException{}
	}
	if removes {
		delete(i, configitems.OverrideAttribute)
		return nil
	}
	i[configitems.OverrideAttribute], i[configitems.OfAttribute] = c.ExpressionAttributeValues[":override"], c.ExpressionAttributeValues[":of"]
	i[configitems.ByAttribute], i[configitems.AtAttribute] = c.ExpressionAttributeValues[":by"], c.ExpressionAttributeValues[":at"]
	return nil
}

func newDesk() (*Control, *desk) {
	windows := image(value("50"))
	windows[configitems.KeyAttribute], windows[configitems.OperatorAttribute] = dynamodb.String("windows"), dynamodb.Bool(true)
	windows[configitems.SchemaAttribute] = dynamodb.String(`{"type":"integer","minimum":1}`)
	rate := image(value("2"))
	rate[configitems.KeyAttribute] = dynamodb.String("rate")
	all := dynamodb.Item{configitems.KeyAttribute: dynamodb.String(configitems.SchemaKey), configitems.SchemaAttribute: dynamodb.String(`{"properties":{"windows":{"maximum":500}}}`)}
	now := time.Unix(second, 0)
	d := &desk{items: map[string]dynamodb.Item{"windows": windows, "rate": rate, configitems.SchemaKey: all}, readers: []dynamodb.Item{
		{configitems.ReaderAttribute: dynamodb.String("checkout"), "read:windows": dynamodb.Number(now.UnixMilli()), "read:rate": dynamodb.Number(now.Add(-25 * time.Hour).UnixMilli())},
	}}
	return &Control{Config: ControlConfig{ItemsTable: "items", ReadersTable: "readers", HistoryTable: "changes"}, Tables: d, Now: func() time.Time { return now }}, d
}

func TestControl(t *testing.T) {
	c, d := newDesk()
	ask := func(r Request) configitems.Present {
		t.Helper()
		a, err := c.Handle(t.Context(), r)
		if err != nil || len(a.Items) != 1 {
			t.Fatalf("%+v gave %+v, %v", r, a, err)
		}
		return a.Items[0]
	}
	if p := ask(Request{Action: ActionSet, Key: "windows", Value: "80", By: "arn:anna"}); p.Value != "80" || p.Configured != "50" || !p.Overridden || p.By != "arn:anna" || p.At != "2030-03-17T17:46:40Z" || !slices.Equal(p.Readers, []string{"checkout"}) {
		t.Errorf("set gave %+v", p)
	}
	if got := d.updates[0].ConditionExpression; got != "#value = :value AND #operator = :true" {
		t.Errorf("it was set under the condition %q", got)
	}
	names := map[string]string{
		"#value": configitems.ValueAttribute, "#operator": configitems.OperatorAttribute, "#override": configitems.OverrideAttribute,
		"#of": configitems.OfAttribute, "#by": configitems.ByAttribute, "#at": configitems.AtAttribute,
	}
	if got := d.updates[0].ExpressionAttributeNames; !maps.Equal(got, names) {
		t.Errorf("it was set by the names %v", got)
	}
	for range 2 {
		if p := ask(Request{Action: ActionUnset, Key: "windows", By: "arn:anna"}); p.Value != "50" || p.Overridden {
			t.Errorf("unset gave %+v", p)
		}
	}
	delete(names, "#value")
	delete(names, "#operator")
	if got := d.updates[1].ExpressionAttributeNames; !maps.Equal(got, names) {
		t.Errorf("it was unset by the names %v", got)
	}
	a, err := c.Handle(t.Context(), Request{Action: ActionGet})
	if err != nil || len(a.Items) != 2 || a.Items[0].Key != "rate" || a.Items[0].Readers != nil {
		t.Errorf("get gave %+v, %v", a, err)
	}
	for name, r := range map[string]Request{
		`there is no item "window"`:          {Action: ActionSet, Key: "window", Value: "1"},
		"say which item":                     {Action: ActionSet, Key: configitems.SchemaKey, Value: "1"},
		"set operator = true for it":         {Action: ActionSet, Key: "rate", Value: "1"},
		`"many" is no number`:                {Action: ActionSet, Key: "windows", Value: "many"},
		`item "windows": the value: minimum`: {Action: ActionSet, Key: "windows", Value: "0"},
		"the items together: /windows":       {Action: ActionSet, Key: "windows", Value: "501"},
		`there is no action "put"`:           {Action: "put"},
		`there is no item "none"`:            {Action: ActionGet, Key: "none"},
	} {
		if _, err := c.Handle(t.Context(), r); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v gave %v, want %q", r, err, name)
		}
	}
	d.race = true
	if _, err := c.Handle(t.Context(), Request{Action: ActionSet, Key: "windows", Value: "70"}); err == nil || !strings.Contains(err.Error(), "changed by an apply at the same moment") {
		t.Errorf("a race gave %v", err)
	}
}

// One item that somebody has spoilt keeps nobody from seeing and setting the others; it is shown as it is.
func TestControlWithSpoiltItem(t *testing.T) {
	c, d := newDesk()
	delete(d.items, configitems.SchemaKey)
	d.items["note"] = dynamodb.Item{configitems.KeyAttribute: dynamodb.String("note"), configitems.ValueAttribute: dynamodb.String("by hand")}
	if a, err := c.Handle(t.Context(), Request{Action: ActionSet, Key: "windows", Value: "80", By: "arn:anna"}); err != nil || a.Items[0].Value != "80" {
		t.Errorf("set beside a spoilt item gave %+v, %v", a, err)
	}
	a, err := c.Handle(t.Context(), Request{Action: ActionGet})
	if err != nil || len(a.Items) != 3 || a.Items[0].Key != "note" || a.Items[0].Fault == "" || a.Items[2].Value != "80" || a.Items[2].Fault != "" {
		t.Errorf("get beside a spoilt item gave %+v, %v", a, err)
	}
	if _, err := c.Handle(t.Context(), Request{Action: ActionSet, Key: "note", Value: "1"}); err == nil || !strings.Contains(err.Error(), `item "note"`) {
		t.Errorf("the spoilt item itself was set: %v", err)
	}
}

func TestControlHistory(t *testing.T) {
	c, d := newDesk()
	for i, key := range []string{"windows", "rate", "windows"} {
		item, err := Entry{Key: key, At: fmt.Sprintf("2030-03-17T17:46:4%dZ/1/0", i), What: Configured, New: fmt.Sprint(i)}.item(0)
		if err != nil {
			t.Fatal(err)
		}
		d.changes = append(d.changes, item)
	}
	for _, r := range []struct {
		Request
		want string
	}{
		{Request{Action: ActionHistory}, "2 1 0"}, {Request{Action: ActionHistory, Last: 1}, "2"},
		{Request{Action: ActionHistory, Key: "windows"}, "2 0"}, {Request{Action: ActionHistory, Key: "windows", Last: 1}, "2"}, {Request{Action: ActionHistory, Key: "none"}, ""},
	} {
		a, err := c.Handle(t.Context(), r.Request)
		var got []string
		for _, e := range a.Entries {
			got = append(got, e.New)
		}
		if err != nil || strings.Join(got, " ") != r.want {
			t.Errorf("%+v gave %v, %v; want %s", r.Request, got, err, r.want)
		}
	}
}
