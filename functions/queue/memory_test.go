package queue_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb/dynamodbtest"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// fault is what happens to one call.
type fault int

const (
	fine   fault = iota
	before       // It fails and had no effect: throttled.
	after        // It took effect and the answer was lost.
)

var errInfrastructure = errors.New("throttled, or timed out")

// call is one call of a process.
type call struct {
	operation, table, key string
	life                  *life
}

// life is one Lambda environment, known by the context of its calls: after its death it calls nobody.
type life struct {
	calls int
	dies  int // At this call of its; 0 for never.
	lost  bool
	dead  bool
	// at runs before the call of its number, while nothing is locked: what others do in between.
	at   int
	then func()
}

type lifeKey struct{}

func (l *life) of(ctx context.Context) context.Context { return context.WithValue(ctx, lifeKey{}, l) }

// memory is DynamoDB with the five tables, as far as Store uses it. Like DynamoDB it refuses names and values that no expression uses, wrong numbers of
// keys, and the same item twice in one call.
type memory struct {
	mu     sync.Mutex
	tables map[string]map[string]dynamodb.Item
	calls  map[string]int // By operation and table.
	writes map[string]int // By table and key.
	page   int            // Items of a page of a scan.
	// faultOf decides about a call; nil is fine.
	faultOf func(call) fault
	// leaves says whether a batch leaves its last keys unprocessed; nil for never.
	leaves func() bool
	// lags says whether an eventually consistent read of several items does not show an item's last write; nil for never.
	lags   func() bool
	former map[string]dynamodb.Item // By table and key.
}

var tableNames = queue.Tables{Sales: "sales", Fans: "fans", Line: "line", Windows: "windows", State: "state"}

var keyNames = map[string]string{
	"sales": queue.SalesKey, "fans": queue.FansKey, "line": queue.LineKey, "windows": queue.WindowsKey, "state": queue.StateKey, "joins": queue.IdentityKey,
}

func newMemory() *memory {
	m := &memory{tables: map[string]map[string]dynamodb.Item{}, calls: map[string]int{}, writes: map[string]int{}, former: map[string]dynamodb.Item{}, page: 50}
	for name := range keyNames {
		m.tables[name] = map[string]dynamodb.Item{}
	}
	return m
}

func (m *memory) store() *queue.Store { return &queue.Store{Client: m, Tables: tableNames} }

// begin decides about one call and takes the lock.
func (m *memory) begin(ctx context.Context, operation, table, key string) (fault, error) {
	owner, _ := ctx.Value(lifeKey{}).(*life)
	m.mu.Lock()
	happens := fine
	if owner != nil && ctx.Err() == nil {
		owner.calls++
		if owner.then != nil && owner.calls == owner.at {
			then := owner.then
			owner.then = nil
			m.mu.Unlock()
			then()
			m.mu.Lock()
		}
		switch {
		case owner.dead:
			happens = before
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
	if happens == fine && m.faultOf != nil {
		happens = m.faultOf(call{operation, table, key, owner})
	}
	m.calls[operation+" "+table]++
	if happens != fine {
		return happens, fmt.Errorf("%s %s: %w", operation, table, errInfrastructure)
	}
	return fine, nil
}

func keyOf(table string, item dynamodb.Item) string {
	key := item[keyNames[table]].Text()
	if key == "" {
		panic("no key for " + table)
	}
	return key
}

func (m *memory) set(table, key string, item dynamodb.Item) {
	m.writes[table+" "+key]++
	m.former[table+" "+key] = m.tables[table][key]
	if item == nil {
		delete(m.tables[table], key)
		return
	}
	size := 0
	for _, value := range item {
		size += len(value.Text())
	}
	if size > 400<<10 {
		panic(fmt.Sprint(key, " has ", size, " bytes"))
	}
	m.tables[table][key] = item
}

func (m *memory) PutItem(ctx context.Context, put *dynamodb.PutItem) error {
	key := keyOf(put.TableName, put.Item)
	dynamodbtest.CheckUse(put.ConditionExpression, put.ExpressionAttributeNames, put.ExpressionAttributeValues)
	happens, err := m.begin(ctx, "put", put.TableName, key)
	defer m.mu.Unlock()
	if happens == before {
		return err
	}
	if !dynamodbtest.Judge(put.ConditionExpression, m.tables[put.TableName][key], put.ExpressionAttributeNames, put.ExpressionAttributeValues) {
		if err == nil {
			err = &dynamodb.ConditionalCheckFailedException{}
		}
		return err
	}
	m.set(put.TableName, key, put.Item)
	return err
}

func (m *memory) GetItem(ctx context.Context, get *dynamodb.GetItem) (dynamodb.Item, error) {
	key := keyOf(get.TableName, get.Key)
	happens, err := m.begin(ctx, "get", get.TableName, key)
	defer m.mu.Unlock()
	if happens != fine {
		return nil, err
	}
	return maps.Clone(m.tables[get.TableName][key]), nil
}

func (m *memory) UpdateItem(ctx context.Context, update *dynamodb.UpdateItem) error {
	_, err := m.UpdateReturning(ctx, update)
	return err
}

func (m *memory) UpdateReturning(ctx context.Context, update *dynamodb.UpdateItem) (dynamodb.Item, error) {
	table, key := update.TableName, keyOf(update.TableName, update.Key)
	dynamodbtest.CheckUse(update.ConditionExpression+" "+update.UpdateExpression, update.ExpressionAttributeNames, update.ExpressionAttributeValues)
	happens, err := m.begin(ctx, "update", table, key)
	defer m.mu.Unlock()
	if happens == before {
		return nil, err
	}
	if !m.meets(update) {
		if err == nil {
			err = &dynamodb.ConditionalCheckFailedException{}
		}
		return nil, err
	}
	m.apply(update)
	return m.tables[table][key], err
}

func (m *memory) meets(update *dynamodb.UpdateItem) bool {
	item := m.tables[update.TableName][keyOf(update.TableName, update.Key)]
	return dynamodbtest.Judge(update.ConditionExpression, item, update.ExpressionAttributeNames, update.ExpressionAttributeValues)
}

func (m *memory) apply(update *dynamodb.UpdateItem) {
	key := keyOf(update.TableName, update.Key)
	m.set(update.TableName, key, dynamodbtest.Changed(m.tables[update.TableName][key], update.Key, update.UpdateExpression, update.ExpressionAttributeNames, update.ExpressionAttributeValues))
}

func (m *memory) BatchGetItem(ctx context.Context, table string, keys []dynamodb.Item, consistent bool) (items, left []dynamodb.Item, err error) {
	if len(keys) < 1 || len(keys) > 100 {
		panic("a batch of " + fmt.Sprint(len(keys)))
	}
	happens, err := m.begin(ctx, "get batch", table, keyOf(table, keys[0]))
	defer m.mu.Unlock()
	if happens != fine {
		return nil, nil, err
	}
	seen := map[string]bool{}
	for i := range keys {
		key := keyOf(table, keys[i])
		if seen[key] {
			panic("a key is there twice: " + key)
		}
		seen[key] = true
		if i > 0 && m.leaves != nil && m.leaves() {
			return items, keys[i:], nil
		}
		if item := m.seen(table, key, consistent); item != nil {
			items = append(items, maps.Clone(item))
		}
	}
	return items, nil, nil
}

// seen is an item as one of a read of several shows it.
func (m *memory) seen(table, key string, consistent bool) dynamodb.Item {
	if !consistent && m.lags != nil && m.lags() {
		return m.former[table+" "+key]
	}
	return m.tables[table][key]
}

var insertion = regexp.MustCompile(`^INSERT INTO "(\w+)" VALUE \{'(\w+(?:': \?, '\w+)*)': \?\}$`)

func (m *memory) BatchExecuteStatement(ctx context.Context, statements []dynamodb.Statement) ([]*dynamodb.StatementError, error) {
	if len(statements) < 1 || len(statements) > 25 {
		panic("a batch of " + fmt.Sprint(len(statements)))
	}
	happens, err := m.begin(ctx, "insert", "fans", "")
	defer m.mu.Unlock()
	if happens == before {
		return nil, err
	}
	refusals := make([]*dynamodb.StatementError, len(statements))
	seen := map[string]bool{}
	for i, statement := range statements {
		parts := insertion.FindStringSubmatch(statement.Statement)
		if parts == nil {
			panic(statement.Statement)
		}
		item := dynamodb.Item{}
		for at, name := range strings.Split(parts[2], "': ?, '") {
			item[name] = statement.Parameters[at]
		}
		key := keyOf(parts[1], item)
		if seen[key] {
			panic("a key is there twice: " + key)
		}
		seen[key] = true
		switch {
		case m.tables[parts[1]][key] != nil:
			refusals[i] = &dynamodb.StatementError{Code: dynamodb.DuplicateItem}
		case i > 0 && m.leaves != nil && m.leaves():
			refusals[i] = &dynamodb.StatementError{Code: "ThrottlingError", Message: "slow down"}
		default:
			m.set(parts[1], key, item)
		}
	}
	if err != nil {
		return nil, err
	}
	return refusals, nil
}

func (m *memory) TransactUpdate(ctx context.Context, updates []dynamodb.UpdateItem) error {
	first := updates[0]
	happens, err := m.begin(ctx, "transact", first.TableName, keyOf(first.TableName, first.Key))
	defer m.mu.Unlock()
	if happens == before {
		return err
	}
	reasons := make([]dynamodb.CancellationReason, len(updates))
	refused := false
	for i := range updates {
		u := &updates[i]
		dynamodbtest.CheckUse(u.ConditionExpression+" "+u.UpdateExpression, u.ExpressionAttributeNames, u.ExpressionAttributeValues)
		reasons[i].Code = "None"
		if !m.meets(u) {
			reasons[i].Code, refused = dynamodb.ConditionalCheckFailed, true
		}
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

func (m *memory) Scan(ctx context.Context, scan *dynamodb.Scan) (page dynamodb.Page, err error) {
	table := scan.TableName
	happens, err := m.begin(ctx, "scan", table, "")
	defer m.mu.Unlock()
	if happens != fine {
		return page, err
	}
	from := ""
	if len(scan.ExclusiveStartKey) > 0 {
		from = keyOf(table, scan.ExclusiveStartKey)
	}
	looked := 0
	keys := slices.Sorted(maps.Keys(m.tables[table]))
	at, found := slices.BinarySearch(keys, from)
	if found {
		at++
	}
	for _, key := range keys[at:] {
		if looked == m.page || scan.Limit > 0 && looked == scan.Limit {
			return page, nil
		}
		item := m.seen(table, key, scan.ConsistentRead)
		if item != nil && dynamodbtest.Judge(scan.FilterExpression, item, scan.ExpressionAttributeNames, scan.ExpressionAttributeValues) {
			page.Items = append(page.Items, maps.Clone(item))
		}
		looked++
		page.LastEvaluatedKey = dynamodb.Item{keyNames[table]: dynamodb.String(key)}
	}
	page.LastEvaluatedKey = nil
	return page, nil
}
