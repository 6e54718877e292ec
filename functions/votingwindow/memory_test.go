package votingwindow_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// tester is a test, a benchmark or a rapid check.
type tester interface {
	Helper()
	Context() context.Context
	Error(values ...any)
	Errorf(format string, values ...any)
	Fatal(values ...any)
	Fatalf(format string, values ...any)
}

type item = map[string]types.AttributeValue

// fault is what happens to one call.
type fault int

const (
	fine   fault = iota
	before       // It fails and had no effect: throttled.
	after        // It took effect and the answer was lost.
)

var errInfrastructure = errors.New("throttled, or timed out")

// memory is DynamoDB with three tables, as far as Store uses it: conditional puts, strongly consistent reads, scans in segments and
// pages. Like DynamoDB it refuses empty keys and names and values that no expression uses.
type memory struct {
	mu     sync.Mutex
	tables map[string]map[string]item
	calls  map[string]int
	// faultOf decides about the nth call (from one) of an operation on a key; nil is fine.
	faultOf func(operation, table, key string, n int) fault
	// lag hides an item from eventually consistent scans; nil hides none.
	lag func(table, key string) bool
}

var keys = map[string]string{
	"ballots": votingwindow.BallotsKey, "ledger": votingwindow.LedgerKey, "tallies": votingwindow.TalliesKey,
}

func newMemory() *memory {
	return &memory{tables: map[string]map[string]item{"ballots": {}, "ledger": {}, "tallies": {}}, calls: map[string]int{}}
}

func (m *memory) store() *votingwindow.Store {
	return &votingwindow.Store{Client: m, Ballots: "ballots", Ledger: "ledger", Tallies: "tallies"}
}

// call decides about one call; the lock is held.
func (m *memory) call(ctx context.Context, operation, table, key string) (fault, error) {
	if err := ctx.Err(); err != nil {
		return before, err
	}
	id := operation + " " + table + " " + key
	m.calls[id]++
	m.calls[operation+" "+table]++
	if m.faultOf == nil {
		return fine, nil
	}
	if fault := m.faultOf(operation, table, key, m.calls[id]); fault != fine {
		return fault, fmt.Errorf("%s %s: %w", operation, table, errInfrastructure) // No key: DynamoDB names none either.
	}
	return fine, nil
}

// count is the number of calls of an operation on a table so far.
func (m *memory) count(operation, table string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[operation+" "+table]
}

func keyOf(table string, put item) string {
	key, ok := put[keys[table]].(*types.AttributeValueMemberS)
	if !ok || key.Value == "" {
		panic("no key for " + table)
	}
	return key.Value
}

func (m *memory) PutItem(
	ctx context.Context, input *dynamodb.PutItemInput, _ ...func(*dynamodb.Options),
) (*dynamodb.PutItemOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	table := *input.TableName
	key := keyOf(table, input.Item)
	fault, err := m.call(ctx, "put", table, key)
	if fault == before {
		return nil, err
	}
	old := m.tables[table][key]
	if input.ConditionExpression != nil {
		checkUse(*input.ConditionExpression, input.ExpressionAttributeNames, input.ExpressionAttributeValues)
		if !holds(*input.ConditionExpression, old, input.ExpressionAttributeNames, input.ExpressionAttributeValues) {
			if fault == after {
				return nil, err
			}
			refused := &types.ConditionalCheckFailedException{}
			if input.ReturnValuesOnConditionCheckFailure == types.ReturnValuesOnConditionCheckFailureAllOld {
				refused.Item = old
			}
			return nil, refused
		}
	}
	m.tables[table][key] = input.Item
	return &dynamodb.PutItemOutput{}, err
}

func (m *memory) GetItem(
	ctx context.Context, input *dynamodb.GetItemInput, _ ...func(*dynamodb.Options),
) (*dynamodb.GetItemOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := keyOf(*input.TableName, input.Key)
	if _, err := m.call(ctx, "get", *input.TableName, key); err != nil {
		return nil, err
	}
	if input.ConsistentRead == nil || !*input.ConsistentRead {
		panic("an eventually consistent read decides nothing")
	}
	return &dynamodb.GetItemOutput{Item: m.tables[*input.TableName][key]}, nil
}

const pageItems = 3

func (m *memory) Scan(
	ctx context.Context, input *dynamodb.ScanInput, _ ...func(*dynamodb.Options),
) (*dynamodb.ScanOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	table := *input.TableName
	if _, err := m.call(ctx, "scan", table, "segment"+fmt.Sprint(input.Segment != nil && *input.Segment == 0)); err != nil {
		return nil, err
	}
	consistent := input.ConsistentRead != nil && *input.ConsistentRead
	from := ""
	if input.ExclusiveStartKey != nil {
		from = keyOf(table, input.ExclusiveStartKey)
	}
	output := &dynamodb.ScanOutput{}
	read := 0
	for _, key := range slices.Sorted(maps.Keys(m.tables[table])) {
		if key <= from || (input.Segment != nil && int32(hash(key)%uint64(*input.TotalSegments)) != *input.Segment) {
			continue
		}
		if read == pageItems {
			break
		}
		read++
		found := m.tables[table][key]
		output.LastEvaluatedKey = item{keys[table]: found[keys[table]]}
		if !consistent && m.lag != nil && m.lag(table, key) {
			continue
		}
		if input.FilterExpression != nil {
			checkUse(*input.FilterExpression, input.ExpressionAttributeNames, input.ExpressionAttributeValues)
			if !holds(*input.FilterExpression, found, input.ExpressionAttributeNames, input.ExpressionAttributeValues) {
				continue
			}
		}
		if input.ProjectionExpression != nil {
			attribute := input.ExpressionAttributeNames[*input.ProjectionExpression]
			found = item{attribute: found[attribute]}
		}
		output.Items = append(output.Items, found)
	}
	if read < pageItems {
		output.LastEvaluatedKey = nil
	}
	return output, nil
}

func hash(parts ...any) uint64 {
	sum := fnv.New64a()
	_, _ = fmt.Fprint(sum, parts...)
	return sum.Sum64()
}

func checkUse(expression string, names map[string]string, values item) {
	for name := range names {
		if !strings.Contains(expression, name) {
			panic("unused name " + name)
		}
	}
	for value := range values {
		if !strings.Contains(expression, value) {
			panic("unused value " + value)
		}
	}
}

// holds judges an expression: terms joined by OR, as Store writes them.
func holds(expression string, found item, names map[string]string, values item) bool {
	for term := range strings.SplitSeq(expression, " OR ") {
		if name, ok := strings.CutPrefix(term, "attribute_not_exists("); ok {
			if _, exists := found[names[strings.TrimSuffix(name, ")")]]; !exists {
				return true
			}
			continue
		}
		if arguments, ok := strings.CutPrefix(term, "begins_with("); ok {
			name, value, _ := strings.Cut(strings.TrimSuffix(arguments, ")"), ", ")
			if strings.HasPrefix(plain(found[names[name]]), plain(values[value])) {
				return true
			}
			continue
		}
		words := strings.Fields(term)
		have, exists := found[names[words[0]]]
		want, known := values[words[2]]
		if !known {
			panic("unknown value in " + term)
		}
		switch {
		case !exists:
		case words[1] == "=" && plain(have) == plain(want), words[1] == "<=" && compare(have, want) <= 0:
			return true
		case words[1] != "=" && words[1] != "<=":
			panic("unknown operator in " + term)
		}
	}
	return false
}

func plain(value types.AttributeValue) string {
	switch value := value.(type) {
	case *types.AttributeValueMemberS:
		return value.Value
	case *types.AttributeValueMemberN:
		return value.Value
	default:
		panic(fmt.Sprintf("cannot compare %T", value))
	}
}

func compare(a, b types.AttributeValue) int {
	x, errX := strconv.ParseInt(plain(a), 10, 64)
	y, errY := strconv.ParseInt(plain(b), 10, 64)
	if err := errors.Join(errX, errY); err != nil {
		panic(err)
	}
	return cmp.Compare(x, y)
}

// manualClock stands still until it is set; After moves it on at once, so that what waits never waits.
type manualClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *manualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *manualClock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func (c *manualClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	ready := make(chan time.Time, 1)
	ready <- c.now
	return ready
}

var (
	opens  = time.Date(2030, 5, 4, 20, 0, 0, 0, time.UTC)
	closes = opens.Add(10 * time.Minute)
)

func window() votingwindow.Window {
	return votingwindow.Window{
		OpensAt: opens, ClosesAt: closes, Grace: 2 * time.Minute, VoterPattern: `[a-z]+[0-9]*`, Answers: []string{"yes", "no", "maybe"},
	}
}

func mustRules(w votingwindow.Window) *votingwindow.Rules {
	rules, err := votingwindow.NewRules(w)
	if err != nil {
		panic(err)
	}
	return rules
}

var (
	discard = slog.New(slog.DiscardHandler)
	quiet   = telemetry.NewMetrics(io.Discard, telemetry.Source{})
)

func recorderOf(m *memory, rules *votingwindow.Rules, clock votingwindow.Clock, worker string) *votingwindow.Recorder {
	return &votingwindow.Recorder{Rules: rules, Store: m.store(), Clock: clock, Worker: worker, Log: discard, Metrics: quiet}
}
