package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// Store keeps what is wanted, and what became of it.
type Store interface {
	// Wanted is nil where no release was ever wanted.
	Wanted(ctx context.Context) (*Wanted, error)
	State(ctx context.Context) (State, error)
	// Save writes the state with its current release, and others that have ended, all or nothing. It returns errOvertaken where the state is not the
	// one with the revision before.
	Save(ctx context.Context, s State, ended []Record) error
	// History lists releases, the newest first: the last so many, or all for 0.
	History(ctx context.Context, last int) ([]Record, error)
}

// errOvertaken: another steer has written the state in the meantime.
var errOvertaken = errors.New("the state was written in the meantime")

// Items are DynamoDB as far as the tables use it.
type Items interface {
	GetItem(ctx context.Context, get *dynamodb.GetItem) (dynamodb.Item, error)
	Query(ctx context.Context, query *dynamodb.Query) (dynamodb.Page, error)
	TransactPut(ctx context.Context, puts []dynamodb.PutItem) error
}

// Tables are a Store.
type Tables struct {
	Config Config
	Items  Items
}

// itemBy is the mark of an item with the ARN of who applied it last.
const itemBy = "serverless:by"

// Wanted implements Store.
func (t Tables) Wanted(ctx context.Context) (*Wanted, error) {
	item, err := t.Items.GetItem(ctx, &dynamodb.GetItem{
		TableName: t.Config.WantedTable, Key: dynamodb.Item{WantedKey: dynamodb.String(WantedItem)}, ConsistentRead: true,
	})
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", t.Config.WantedTable, err)
	}
	if item == nil {
		return nil, nil
	}
	var w Wanted
	if err := json.Unmarshal([]byte(item[WantedAttribute].Text()), &w); err != nil {
		return nil, fmt.Errorf("read the wanted release: %w", err)
	}
	w.By = item[itemBy].Text()
	if w.Canary != nil {
		for i, alarm := range w.Canary.Alarms {
			w.Canary.Alarms[i] = alarmName(alarm)
		}
	}
	return &w, nil
}

// alarmName is an alarm's name, of which its ARN may be given: arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME.
func alarmName(text string) string {
	if parts := strings.SplitN(text, ":", 7); len(parts) == 7 && parts[0] == "arn" && parts[5] == "alarm" {
		return parts[6]
	}
	return text
}

// stateNumber is the number of the state, which has one kind with one item.
const stateNumber = "0"

// revisionAttribute is the state's revision, for the condition of its next write.
const revisionAttribute = "revision"

// State implements Store.
func (t Tables) State(ctx context.Context) (s State, err error) {
	item, err := t.Items.GetItem(ctx, &dynamodb.GetItem{
		TableName: t.Config.HistoryTable, Key: historyKey(KindState, stateNumber), ConsistentRead: true,
	})
	if err != nil {
		return s, fmt.Errorf("read table %s: %w", t.Config.HistoryTable, err)
	}
	if item == nil {
		return s, nil
	}
	if err := json.Unmarshal([]byte(item[HistoryText].Text()), &s); err != nil {
		return s, fmt.Errorf("read the state: %w", err)
	}
	return s, nil
}

func historyKey(kind, number string) dynamodb.Item {
	return dynamodb.Item{HistoryKind: dynamodb.String(kind), HistoryNumber: dynamodb.String(number)}
}

// Save implements Store.
func (t Tables) Save(ctx context.Context, s State, ended []Record) error {
	put := func(kind, number string, v any) (dynamodb.PutItem, error) {
		text, err := json.Marshal(v)
		item := historyKey(kind, number)
		item[HistoryText] = dynamodb.String(string(text))
		return dynamodb.PutItem{TableName: t.Config.HistoryTable, Item: item}, err
	}
	state, err := put(KindState, stateNumber, s)
	if err != nil {
		return fmt.Errorf("render the state: %w", err)
	}
	state.Item[revisionAttribute] = dynamodb.Number(s.Revision)
	state.ConditionExpression = "attribute_not_exists(#revision) OR #revision = :before"
	state.ExpressionAttributeNames = dynamodb.Names(state.ConditionExpression)
	state.ExpressionAttributeValues = dynamodb.Item{":before": dynamodb.Number(s.Revision - 1)}
	puts := []dynamodb.PutItem{state}
	for _, r := range append(ended, s.Current) {
		record, err := put(KindRelease, fmt.Sprintf("%010d", r.Number), r)
		if err != nil {
			return fmt.Errorf("render release %d: %w", r.Number, err)
		}
		puts = append(puts, record)
	}
	err = t.Items.TransactPut(ctx, puts)
	var cancelled *dynamodb.TransactionCanceledException
	if errors.As(err, &cancelled) {
		return fmt.Errorf("%w: %w", errOvertaken, err)
	}
	if err != nil {
		return fmt.Errorf("write into table %s: %w", t.Config.HistoryTable, err)
	}
	return nil
}

// History implements Store.
func (t Tables) History(ctx context.Context, last int) ([]Record, error) {
	oldestFirst := false
	out := []Record{}
	for item, err := range dynamodb.Items(ctx, t.Items.Query, &dynamodb.Query{
		TableName: t.Config.HistoryTable, ConsistentRead: true, KeyConditionExpression: "#kind = :kind", ScanIndexForward: &oldestFirst,
		ExpressionAttributeNames: map[string]string{"#kind": HistoryKind}, ExpressionAttributeValues: dynamodb.Item{":kind": dynamodb.String(KindRelease)},
	}) {
		if err != nil {
			return nil, fmt.Errorf("read table %s: %w", t.Config.HistoryTable, err)
		}
		var r Record
		if err := json.Unmarshal([]byte(item[HistoryText].Text()), &r); err != nil {
			return nil, fmt.Errorf("read release %s: %w", item[HistoryNumber].Text(), err)
		}
		if out = append(out, r); len(out) == last {
			break
		}
	}
	return out, nil
}
