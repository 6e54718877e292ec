package history

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/configitems"
	"github.com/burstline/terraform-provider-serverless/functions/configitems/schema"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// The values of Request.Action.
const (
	ActionGet     = "get"     // What is in force.
	ActionSet     = "set"     // Overrides an item.
	ActionUnset   = "unset"   // Gives an override up.
	ActionHistory = "history" // What changed.
)

// Request is the event: `{"action":"get"}`, `{"action":"set","key":"rate","value":"60","by":"arn..."}`, `{"action":"unset","key":"rate","by":"arn..."}`
// or `{"action":"history","key":"rate","last":20}`.
type Request struct {
	Action string `json:"action"`
	// Key may be empty for get and history: all keys.
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"`
	By    string `json:"by,omitempty"`
	// Last is how many entries of the history are wanted, the newest first.
	Last int `json:"last,omitempty"`
}

// Answer is what control returns: items for get, set and unset, entries for history.
type Answer struct {
	Items   []configitems.Present `json:"items,omitempty"`
	Entries []Entry               `json:"entries,omitempty"`
}

// Tables are those that control reads and changes.
type Tables interface {
	Scan(ctx context.Context, scan *dynamodb.Scan) (dynamodb.Page, error)
	Query(ctx context.Context, query *dynamodb.Query) (dynamodb.Page, error)
	GetItem(ctx context.Context, get *dynamodb.GetItem) (dynamodb.Item, error)
	UpdateItem(ctx context.Context, update *dynamodb.UpdateItem) error
}

// Control is what operators call.
type Control struct {
	Config ControlConfig
	Tables Tables
	Now    func() time.Time
}

// Handle does what is asked for.
func (c *Control) Handle(ctx context.Context, r Request) (Answer, error) {
	switch r.Action {
	case ActionGet:
	case ActionSet, ActionUnset:
		if err := c.change(ctx, r); err != nil {
			return Answer{}, err
		}
	case ActionHistory:
		return c.history(ctx, r)
	default:
		return Answer{}, fmt.Errorf("there is no action %q", r.Action)
	}
	return c.present(ctx, r.Key)
}

// present lists what is in force, by key.
func (c *Control) present(ctx context.Context, key string) (Answer, error) {
	items, err := c.scan(ctx, &dynamodb.Scan{TableName: c.Config.ItemsTable, ConsistentRead: true})
	if err != nil {
		return Answer{}, err
	}
	readers, err := c.readers(ctx)
	if err != nil {
		return Answer{}, err
	}
	var out Answer
	for _, i := range items {
		if name := i[configitems.KeyAttribute].Text(); name == configitems.SchemaKey || key != "" && name != key {
			continue
		}
		p, err := configitems.PresentOf(i)
		if err != nil { // One item that somebody has spoilt is no reason to show none.
			p = configitems.Present{Key: i[configitems.KeyAttribute].Text(), Fault: err.Error()}
		}
		slices.Sort(readers[p.Key])
		p.Readers = readers[p.Key]
		out.Items = append(out.Items, p)
	}
	if key != "" && len(out.Items) == 0 {
		return Answer{}, fmt.Errorf("there is no item %q", key)
	}
	slices.SortFunc(out.Items, func(a, b configitems.Present) int { return strings.Compare(a.Key, b.Key) })
	return out, nil
}

// readersCount is for how long somebody who has read a key counts as its reader.
const readersCount = 24 * time.Hour

func (c *Control) readers(ctx context.Context) (map[string][]string, error) {
	items, err := c.scan(ctx, &dynamodb.Scan{TableName: c.Config.ReadersTable})
	if err != nil {
		return nil, err
	}
	since := c.Now().Add(-readersCount).UnixMilli()
	out := map[string][]string{}
	for _, i := range items {
		for name := range i {
			if key, reads := strings.CutPrefix(name, configitems.ReadPrefix); reads && i[name].Int() >= since {
				out[key] = append(out[key], i[configitems.ReaderAttribute].Text())
			}
		}
	}
	return out, nil
}

// scan reads all items of a table.
func (c *Control) scan(ctx context.Context, scan *dynamodb.Scan) ([]dynamodb.Item, error) {
	var items []dynamodb.Item
	for item, err := range dynamodb.Items(ctx, c.Tables.Scan, scan) {
		if err != nil {
			return nil, fmt.Errorf("read table %s: %w", scan.TableName, err)
		}
		items = append(items, item)
	}
	return items, nil
}

// change sets or unsets an override, in the name of who asks for it.
func (c *Control) change(ctx context.Context, r Request) error {
	if r.Key == "" || r.Key == configitems.SchemaKey {
		return errors.New("say which item")
	}
	id := dynamodb.Item{configitems.KeyAttribute: dynamodb.String(r.Key)}
	found, err := c.Tables.GetItem(ctx, &dynamodb.GetItem{TableName: c.Config.ItemsTable, Key: id, ConsistentRead: true})
	if err != nil {
		return fmt.Errorf("read table %s: %w", c.Config.ItemsTable, err)
	}
	if found == nil {
		return fmt.Errorf("there is no item %q", r.Key)
	}
	p, err := configitems.PresentOf(found)
	if err != nil {
		return err
	}
	change := &dynamodb.UpdateItem{
		TableName: c.Config.ItemsTable, Key: id,
		ExpressionAttributeValues: dynamodb.Item{":by": dynamodb.String(r.By), ":at": dynamodb.Number(c.Now().UnixMilli())},
	}
	if r.Action == ActionUnset {
		change.UpdateExpression, change.ConditionExpression = "SET #by = :by, #at = :at REMOVE #override, #of", "attribute_exists(#override)"
		_, err := c.update(ctx, change) // Where nothing is set, that is what was asked for.
		return err
	}
	if !p.Operator {
		return fmt.Errorf("item %q is Terraform's alone: set operator = true for it, and apply, to let operators change it", r.Key)
	}
	value, err := p.Type.Parse(r.Value)
	if err != nil {
		return fmt.Errorf("item %q: %w", r.Key, err)
	}
	if err := c.valid(ctx, p, found[configitems.SchemaAttribute].Text(), value); err != nil {
		return err
	}
	// Where Terraform changes the item in between, the override is not made: it would be against a value that nobody has seen.
	change.UpdateExpression = "SET #override = :override, #of = :of, #by = :by, #at = :at"
	change.ConditionExpression = "#value = :value AND #operator = :true"
	maps.Copy(change.ExpressionAttributeValues, dynamodb.Item{
		":override": value, ":of": dynamodb.String(p.Configured), ":value": found[configitems.ValueAttribute], ":true": dynamodb.Bool(true),
	})
	held, err := c.update(ctx, change)
	if err == nil && !held {
		return fmt.Errorf("item %q was changed by an apply at the same moment: look at it, and set it again if you still want to", r.Key)
	}
	return err
}

// valid holds a value against the item's schema and, with all others as they are in force, against that of all together.
func (c *Control) valid(ctx context.Context, p configitems.Present, own string, value dynamodb.Value) error {
	plain, err := p.Type.Plain(value)
	if err != nil {
		return fmt.Errorf("item %q: %w", p.Key, err)
	}
	if own != "" {
		s, err := schema.Read(own)
		if err == nil {
			err = s.Check(plain)
		}
		if err != nil {
			return fmt.Errorf("item %q: %w", p.Key, err)
		}
	}
	items, err := c.scan(ctx, &dynamodb.Scan{TableName: c.Config.ItemsTable, ConsistentRead: true})
	if err != nil {
		return err
	}
	all, text := map[string]any{}, ""
	for _, i := range items {
		if i[configitems.KeyAttribute].Text() == configitems.SchemaKey {
			text = i[configitems.SchemaAttribute].Text()
			continue
		}
		// One that somebody has spoilt is missing here, which only the schema of all may mind.
		if key, other, err := configitems.PlainOf(i); err == nil {
			all[key] = other
		}
	}
	if text == "" {
		return nil
	}
	all[p.Key] = plain
	s, err := schema.Read(text)
	if err == nil {
		err = s.Check(all)
	}
	if err != nil {
		return fmt.Errorf("the items together: %w", err)
	}
	return nil
}

// update changes an item where its condition holds, and says whether it did.
func (c *Control) update(ctx context.Context, update *dynamodb.UpdateItem) (bool, error) {
	update.ExpressionAttributeNames = dynamodb.Names(update.UpdateExpression, update.ConditionExpression)
	err := c.Tables.UpdateItem(ctx, update)
	var refused *dynamodb.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("write into table %s: %w", update.TableName, err)
	}
	return true, nil
}

// defaultLast is how many entries are told where nobody says.
const defaultLast = 20

// history lists the newest entries, of one key or of all.
func (c *Control) history(ctx context.Context, r Request) (Answer, error) {
	most := r.Last
	if most <= 0 {
		most = defaultLast
	}
	items := dynamodb.Items(ctx, c.Tables.Scan, &dynamodb.Scan{TableName: c.Config.HistoryTable, ConsistentRead: true})
	if r.Key != "" {
		oldestFirst := false
		items = dynamodb.Items(ctx, c.Tables.Query, &dynamodb.Query{
			TableName: c.Config.HistoryTable, ConsistentRead: true, KeyConditionExpression: "#key = :key", ScanIndexForward: &oldestFirst,
			ExpressionAttributeNames: map[string]string{"#key": KeyAttribute}, ExpressionAttributeValues: dynamodb.Item{":key": dynamodb.String(r.Key)},
		})
	}
	out := Answer{Entries: []Entry{}}
	for i, err := range items {
		if err != nil {
			return Answer{}, fmt.Errorf("read table %s: %w", c.Config.HistoryTable, err)
		}
		out.Entries = append(out.Entries, entryOf(i))
		if r.Key != "" && len(out.Entries) == most {
			break
		}
	}
	slices.SortFunc(out.Entries, func(a, b Entry) int { return strings.Compare(b.At, a.At) })
	out.Entries = out.Entries[:min(most, len(out.Entries))]
	return out, nil
}
