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

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamo"
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
	tables map[string]map[string]dynamo.Item
	calls  map[string]int // By operation and table.
	writes map[string]int // By table and key.
	page   int            // Items of a page of a scan.
	// faultOf decides about a call; nil is fine.
	faultOf func(call) fault
	// leaves says whether a batch leaves its last keys unprocessed; nil for never.
	leaves func() bool
}

var tableNames = queue.Tables{Sales: "sales", Fans: "fans", Line: "line", Windows: "windows", State: "state"}

var keyNames = map[string]string{
	"sales": queue.SalesKey, "fans": queue.FansKey, "line": queue.LineKey, "windows": queue.WindowsKey, "state": queue.StateKey, "joins": queue.IdentityKey,
}

func newMemory() *memory {
	m := &memory{tables: map[string]map[string]dynamo.Item{}, calls: map[string]int{}, writes: map[string]int{}, page: 50}
	for name := range keyNames {
		m.tables[name] = map[string]dynamo.Item{}
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

func keyOf(table string, item dynamo.Item) string {
	key := dynamo.Text(item, keyNames[table])
	if key == "" {
		panic("no key for " + table)
	}
	return key
}

// judge says whether a condition holds.
func judge(text *string, item dynamo.Item, names map[string]string, values dynamo.Item) bool {
	return text == nil || (&reader{text: tokens(*text), names: names, values: values, item: item}).or()
}

func (m *memory) set(table, key string, item dynamo.Item) {
	m.writes[table+" "+key]++
	if item == nil {
		delete(m.tables[table], key)
		return
	}
	size := 0
	for _, value := range item {
		if text, ok := value.(*types.AttributeValueMemberS); ok {
			size += len(text.Value)
		}
	}
	if size > 400<<10 {
		panic(fmt.Sprint(key, " has ", size, " bytes"))
	}
	m.tables[table][key] = item
}

func (m *memory) PutItem(ctx context.Context, input *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	key := keyOf(*input.TableName, input.Item)
	checkUse(aws.ToString(input.ConditionExpression), input.ExpressionAttributeNames, input.ExpressionAttributeValues)
	happens, err := m.begin(ctx, "put", *input.TableName, key)
	defer m.mu.Unlock()
	if happens == before {
		return nil, err
	}
	if !judge(input.ConditionExpression, m.tables[*input.TableName][key], input.ExpressionAttributeNames, input.ExpressionAttributeValues) {
		if err == nil {
			err = &types.ConditionalCheckFailedException{}
		}
		return nil, err
	}
	m.set(*input.TableName, key, input.Item)
	return &dynamodb.PutItemOutput{}, err
}

func (m *memory) GetItem(ctx context.Context, input *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	key := keyOf(*input.TableName, input.Key)
	happens, err := m.begin(ctx, "get", *input.TableName, key)
	defer m.mu.Unlock()
	if happens != fine {
		return nil, err
	}
	return &dynamodb.GetItemOutput{Item: maps.Clone(m.tables[*input.TableName][key])}, nil
}

func (m *memory) UpdateItem(ctx context.Context, input *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	table, key := *input.TableName, keyOf(*input.TableName, input.Key)
	checkUse(aws.ToString(input.ConditionExpression)+" "+*input.UpdateExpression, input.ExpressionAttributeNames, input.ExpressionAttributeValues)
	happens, err := m.begin(ctx, "update", table, key)
	defer m.mu.Unlock()
	if happens == before {
		return nil, err
	}
	if !judge(input.ConditionExpression, m.tables[table][key], input.ExpressionAttributeNames, input.ExpressionAttributeValues) {
		if err == nil {
			err = &types.ConditionalCheckFailedException{}
		}
		return nil, err
	}
	m.set(table, key, changed(m.tables[table][key], input.Key, *input.UpdateExpression, input.ExpressionAttributeNames, input.ExpressionAttributeValues))
	return &dynamodb.UpdateItemOutput{Attributes: m.tables[table][key]}, err
}

func (m *memory) BatchGetItem(ctx context.Context, input *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	output := &dynamodb.BatchGetItemOutput{Responses: map[string][]map[string]types.AttributeValue{}, UnprocessedKeys: map[string]types.KeysAndAttributes{}}
	for table, wanted := range input.RequestItems {
		if len(wanted.Keys) < 1 || len(wanted.Keys) > 100 {
			panic("a batch of " + fmt.Sprint(len(wanted.Keys)))
		}
		happens, err := m.begin(ctx, "get batch", table, keyOf(table, wanted.Keys[0]))
		if happens != fine {
			m.mu.Unlock()
			return nil, err
		}
		seen := map[string]bool{}
		for i, keys := range wanted.Keys {
			key := keyOf(table, keys)
			if seen[key] {
				panic("a key is there twice: " + key)
			}
			seen[key] = true
			if i > 0 && m.leaves != nil && m.leaves() {
				output.UnprocessedKeys[table] = types.KeysAndAttributes{Keys: wanted.Keys[i:]}
				break
			}
			if item := m.tables[table][key]; item != nil {
				output.Responses[table] = append(output.Responses[table], maps.Clone(item))
			}
		}
		m.mu.Unlock()
	}
	return output, nil
}

var insertion = regexp.MustCompile(`^INSERT INTO "(\w+)" VALUE \{'(\w+(?:': \?, '\w+)*)': \?\}$`)

func (m *memory) BatchExecuteStatement(
	ctx context.Context, input *dynamodb.BatchExecuteStatementInput, _ ...func(*dynamodb.Options),
) (*dynamodb.BatchExecuteStatementOutput, error) {
	if len(input.Statements) < 1 || len(input.Statements) > 25 {
		panic("a batch of " + fmt.Sprint(len(input.Statements)))
	}
	happens, err := m.begin(ctx, "insert", "fans", "")
	defer m.mu.Unlock()
	if happens == before {
		return nil, err
	}
	output := &dynamodb.BatchExecuteStatementOutput{}
	seen := map[string]bool{}
	for i, statement := range input.Statements {
		parts := insertion.FindStringSubmatch(*statement.Statement)
		if parts == nil {
			panic(*statement.Statement)
		}
		item := dynamo.Item{}
		for at, name := range strings.Split(parts[2], "': ?, '") {
			item[name] = statement.Parameters[at]
		}
		key := keyOf(parts[1], item)
		if seen[key] {
			panic("a key is there twice: " + key)
		}
		seen[key] = true
		response := types.BatchStatementResponse{}
		switch {
		case m.tables[parts[1]][key] != nil:
			response.Error = &types.BatchStatementError{Code: types.BatchStatementErrorCodeEnumDuplicateItem}
		case i > 0 && m.leaves != nil && m.leaves():
			response.Error = &types.BatchStatementError{Code: types.BatchStatementErrorCodeEnumThrottlingError, Message: aws.String("slow down")}
		default:
			m.set(parts[1], key, item)
		}
		output.Responses = append(output.Responses, response)
	}
	return output, err
}

func (m *memory) TransactWriteItems(
	ctx context.Context, input *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options),
) (*dynamodb.TransactWriteItemsOutput, error) {
	first := input.TransactItems[0].Update
	happens, err := m.begin(ctx, "transact", *first.TableName, keyOf(*first.TableName, first.Key))
	defer m.mu.Unlock()
	if happens == before {
		return nil, err
	}
	reasons := make([]types.CancellationReason, len(input.TransactItems))
	refused := false
	for i, item := range input.TransactItems {
		u := item.Update
		checkUse(aws.ToString(u.ConditionExpression)+" "+*u.UpdateExpression, u.ExpressionAttributeNames, u.ExpressionAttributeValues)
		reasons[i].Code = aws.String("None")
		if !judge(u.ConditionExpression, m.tables[*u.TableName][keyOf(*u.TableName, u.Key)], u.ExpressionAttributeNames, u.ExpressionAttributeValues) {
			reasons[i].Code, refused = aws.String("ConditionalCheckFailed"), true
		}
	}
	if refused {
		if err == nil {
			err = &types.TransactionCanceledException{CancellationReasons: reasons}
		}
		return nil, err
	}
	for _, item := range input.TransactItems {
		u := item.Update
		key := keyOf(*u.TableName, u.Key)
		m.set(*u.TableName, key, changed(m.tables[*u.TableName][key], u.Key, *u.UpdateExpression, u.ExpressionAttributeNames, u.ExpressionAttributeValues))
	}
	return &dynamodb.TransactWriteItemsOutput{}, err
}

func (m *memory) Scan(ctx context.Context, input *dynamodb.ScanInput, _ ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error) {
	table := *input.TableName
	happens, err := m.begin(ctx, "scan", table, "")
	defer m.mu.Unlock()
	if happens != fine {
		return nil, err
	}
	from := ""
	if len(input.ExclusiveStartKey) > 0 {
		from = keyOf(table, input.ExclusiveStartKey)
	}
	output := &dynamodb.ScanOutput{}
	looked := 0
	keys := slices.Sorted(maps.Keys(m.tables[table]))
	at, found := slices.BinarySearch(keys, from)
	if found {
		at++
	}
	for _, key := range keys[at:] {
		if looked == m.page {
			return output, nil
		}
		item := m.tables[table][key]
		if judge(input.FilterExpression, item, input.ExpressionAttributeNames, input.ExpressionAttributeValues) {
			output.Items = append(output.Items, maps.Clone(item))
		}
		looked++
		output.LastEvaluatedKey = dynamo.Item{keyNames[table]: dynamo.Str(key)}
	}
	output.LastEvaluatedKey = nil
	return output, nil
}
