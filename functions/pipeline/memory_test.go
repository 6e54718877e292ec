package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb/dynamodbtest"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// fate is what happens to one call.
type fate int

const (
	fine   fate = iota
	before      // It fails and had no effect: throttled.
	after       // It took effect and the answer was lost.
)

var errInfrastructure = errors.New("throttled, or timed out")

// life is one Lambda environment, known by the context of its calls: after its death it calls nobody.
type life struct {
	calls int
	dies  int // At this call of its; 0 for never.
	lost  bool
	dead  bool
	// at is the call before which then runs, while nothing is locked: what others do in between.
	at   int
	then func()
}

type lifeKey struct{}

func (l *life) of(ctx context.Context) context.Context { return context.WithValue(ctx, lifeKey{}, l) }

// aws decides about every call, of whatever service, and is the lock of all that is there.
type aws struct {
	mu    sync.Mutex
	calls map[string]int
	// fateOf decides about a call; nil is fine.
	fateOf func(call string) fate
}

// begin decides about one call and takes the lock.
func (a *aws) begin(ctx context.Context, call string) (fate, error) {
	owner, _ := ctx.Value(lifeKey{}).(*life)
	a.mu.Lock()
	happens := fine
	if owner != nil {
		owner.calls++
		if owner.then != nil && owner.calls == owner.at {
			then := owner.then
			owner.then = nil
			a.mu.Unlock()
			then()
			a.mu.Lock()
		}
		switch {
		case owner.dead:
			return before, fmt.Errorf("%s: %w", call, errInfrastructure)
		case owner.calls == owner.dies:
			owner.dead = true
			if happens = before; owner.lost {
				happens = after
			}
		}
	}
	if ctx.Err() != nil {
		return before, ctx.Err()
	}
	if happens == fine && a.fateOf != nil {
		happens = a.fateOf(call)
	}
	a.calls[call]++
	if happens != fine {
		return happens, fmt.Errorf("%s: %w", call, errInfrastructure)
	}
	return fine, nil
}

// memory is DynamoDB with the tables runs and items, as far as Store uses it. It refuses what DynamoDB refuses.
type memory struct {
	*aws
	tables map[string]map[string]dynamodb.Item
	page   int // Items of a page of a scan.
	// leaves says whether a batch leaves its last items unprocessed, conflicts whether another transaction is in the way; nil for never.
	leaves, conflicts func() bool
	refuses           func(item dynamodb.Item) bool // Items that DynamoDB takes for invalid; nil for none.
	states            map[string][]string           // Of each run, in their order.
}

func newMemory(a *aws) *memory {
	return &memory{aws: a, tables: map[string]map[string]dynamodb.Item{"runs": {}, "items": {}}, page: 7, states: map[string][]string{}}
}

func keyOf(item dynamodb.Item) string {
	key := item[pipeline.RunsKey].Text()
	if key == "" {
		panic("no key")
	}
	return key
}

func (m *memory) set(table, key string, item dynamodb.Item) {
	size := 0
	for name, value := range item {
		if strings.Contains(name, "#") || value.S == nil && value.N == "" && value.BOOL == nil {
			panic(fmt.Sprintf("%s: the attribute %q is %+v", key, name, value))
		}
		size += len(name) + len(value.Text()) + len(value.N)
	}
	if size > 400<<10 {
		panic(fmt.Sprint(key, " has ", size, " bytes"))
	}
	if state := item["state"].Text(); table == "runs" && state != "" {
		if past := m.states[key]; len(past) == 0 || past[len(past)-1] != state {
			m.states[key] = append(past, state)
		}
	}
	m.tables[table][key] = item
}

func (m *memory) GetItem(ctx context.Context, get *dynamodb.GetItem) (dynamodb.Item, error) {
	happens, err := m.begin(ctx, "get "+get.TableName)
	defer m.mu.Unlock()
	if happens != fine {
		return nil, err
	}
	return maps.Clone(m.tables[get.TableName][keyOf(get.Key)]), nil
}

// BatchGetItem comes to the first alone.
func (m *memory) BatchGetItem(ctx context.Context, table string, keys []dynamodb.Item, _ bool) (items, left []dynamodb.Item, err error) {
	happens, err := m.begin(ctx, "get "+table)
	defer m.mu.Unlock()
	if happens != fine {
		return nil, nil, err
	}
	keys, left = keys[:1], keys[1:]
	for _, key := range keys {
		if item := m.tables[table][keyOf(key)]; item != nil {
			items = append(items, maps.Clone(item))
		}
	}
	return items, left, nil
}

func (m *memory) meets(update *dynamodb.UpdateItem) bool {
	item := m.tables[update.TableName][keyOf(update.Key)]
	dynamodbtest.CheckUse(update.ConditionExpression+" "+update.UpdateExpression, update.ExpressionAttributeNames, update.ExpressionAttributeValues)
	return dynamodbtest.Judge(update.ConditionExpression, item, update.ExpressionAttributeNames, update.ExpressionAttributeValues)
}

func (m *memory) apply(update *dynamodb.UpdateItem) {
	key := keyOf(update.Key)
	m.set(update.TableName, key, dynamodbtest.Changed(m.tables[update.TableName][key], update.Key, update.UpdateExpression, update.ExpressionAttributeNames, update.ExpressionAttributeValues))
}

func (m *memory) UpdateItem(ctx context.Context, update *dynamodb.UpdateItem) error {
	happens, err := m.begin(ctx, "update "+update.TableName)
	defer m.mu.Unlock()
	if happens == before {
		return err
	}
	if !m.meets(update) {
		if err == nil {
			err = &dynamodb.ConditionalCheckFailedException{}
		}
		return err
	}
	m.apply(update)
	return err
}

func (m *memory) TransactUpdate(ctx context.Context, updates []dynamodb.UpdateItem) error {
	happens, err := m.begin(ctx, "transact "+updates[0].TableName)
	defer m.mu.Unlock()
	if happens == before {
		return err
	}
	reasons := make([]dynamodb.CancellationReason, len(updates))
	refused, seen := false, map[string]bool{}
	for i := range updates {
		key := updates[i].TableName + " " + keyOf(updates[i].Key)
		if seen[key] || len(updates) > 100 {
			panic("an item is there twice: " + key)
		}
		seen[key] = true
		if reasons[i].Code = "None"; !m.meets(&updates[i]) {
			reasons[i].Code, refused = dynamodb.ConditionalCheckFailed, true
		}
	}
	if !refused && m.conflicts != nil && m.conflicts() {
		reasons[len(reasons)-1].Code, refused = "TransactionConflict", true
	}
	if refused {
		if err == nil {
			err = &dynamodb.TransactionCanceledException{CancellationReasons: reasons}
		}
		return err
	}
	for i := range updates {
		m.apply(&updates[i])
	}
	return err
}

func (m *memory) PutItem(ctx context.Context, put *dynamodb.PutItem) error {
	happens, err := m.begin(ctx, "put "+put.TableName)
	defer m.mu.Unlock()
	if happens == before {
		return err
	}
	dynamodbtest.CheckUse(put.ConditionExpression, put.ExpressionAttributeNames, put.ExpressionAttributeValues)
	switch key := keyOf(put.Item); {
	case m.refuses != nil && m.refuses(put.Item):
		return refusal(400, "ValidationException")
	case dynamodbtest.Judge(put.ConditionExpression, m.tables[put.TableName][key], put.ExpressionAttributeNames, put.ExpressionAttributeValues):
		m.set(put.TableName, key, maps.Clone(put.Item))
	case err == nil:
		return &dynamodb.ConditionalCheckFailedException{}
	}
	return err
}

func (m *memory) BatchPutEncoded(ctx context.Context, table string, items []json.RawMessage) (left []json.RawMessage, err error) {
	if len(items) < 1 || len(items) > 25 {
		panic("a batch of " + fmt.Sprint(len(items)))
	}
	happens, err := m.begin(ctx, "put "+table)
	defer m.mu.Unlock()
	if happens == before {
		return nil, err
	}
	read := make([]dynamodb.Item, len(items))
	seen := map[string]bool{}
	for i, encoded := range items {
		if err := json.Unmarshal(encoded, &read[i]); err != nil {
			panic(err)
		}
		key := keyOf(read[i])
		if seen[key] {
			panic("an item is there twice: " + key)
		}
		seen[key] = true
		if m.refuses != nil && m.refuses(read[i]) {
			return nil, refusal(400, "ValidationException")
		}
	}
	for i, item := range read {
		if i > 0 && m.leaves != nil && m.leaves() {
			return items[i:], err
		}
		m.set(table, keyOf(item), item)
	}
	return nil, err
}

func (m *memory) Scan(ctx context.Context, scan *dynamodb.Scan) (page dynamodb.Page, err error) {
	happens, err := m.begin(ctx, "scan "+scan.TableName)
	defer m.mu.Unlock()
	if happens != fine {
		return page, err
	}
	dynamodbtest.CheckUse(scan.FilterExpression+" "+scan.ProjectionExpression, scan.ExpressionAttributeNames, scan.ExpressionAttributeValues)
	table := m.tables[scan.TableName]
	var keys []string
	for key := range table {
		if scan.Segment == nil || partOf(key, scan.TotalSegments) == *scan.Segment {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	if len(scan.ExclusiveStartKey) > 0 {
		at, found := slices.BinarySearch(keys, keyOf(scan.ExclusiveStartKey))
		if found {
			at++
		}
		keys = keys[at:]
	}
	most := m.page
	if scan.Limit > 0 {
		most = min(most, scan.Limit)
	}
	for i, key := range keys {
		if i == most {
			page.LastEvaluatedKey = dynamodb.Item{pipeline.RunsKey: dynamodb.String(keys[i-1])}
			break
		}
		item := table[key]
		if dynamodbtest.Judge(scan.FilterExpression, item, scan.ExpressionAttributeNames, scan.ExpressionAttributeValues) {
			page.Items = append(page.Items, projected(item, scan))
		}
	}
	return page, nil
}

func partOf(key string, parts int) int {
	sum := fnv.New32a()
	sum.Write([]byte(key))
	return int(sum.Sum32()) % parts
}

func projected(item dynamodb.Item, scan *dynamodb.Scan) dynamodb.Item {
	if scan.ProjectionExpression == "" {
		return maps.Clone(item)
	}
	part := dynamodb.Item{}
	for alias := range strings.SplitSeq(scan.ProjectionExpression, ", ") {
		if value, ok := item[scan.ExpressionAttributeNames[alias]]; ok {
			part[scan.ExpressionAttributeNames[alias]] = value
		}
	}
	return part
}
