package votingwindow_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
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

type item = dynamodb.Item

// fault is what happens to one call.
type fault int

const (
	fine   fault = iota
	before       // It fails and had no effect: throttled.
	after        // It took effect and the answer was lost.
)

var errInfrastructure = errors.New("throttled, or timed out")

// process is the life of one Lambda environment, known by the context of its calls: after its death it calls nobody.
type process struct {
	calls atomic.Int64
	dies  int64 // At this call of its; zero for never.
	dead  atomic.Bool
}

type processKey struct{}

func (p *process) of(ctx context.Context) context.Context {
	return context.WithValue(ctx, processKey{}, p)
}

// befall decides about one call.
func (p *process) befall(lost bool) fault {
	if p.dead.Load() {
		return before
	}
	if n := p.calls.Add(1); n != p.dies {
		return fine
	}
	p.dead.Store(true)
	if lost {
		return after
	}
	return before
}

// row is one key of a table. One that was deleted stays, without its item, where it was.
type row struct {
	key  string
	item item
	hash uint64
	at   int // Among the table's rows.
}

type table struct {
	rows  []*row
	byKey map[string]*row
}

func (t *table) put(key string, put item) {
	found := t.byKey[key]
	if found == nil {
		found = &row{key: key, hash: textHash(key), at: len(t.rows)}
		t.byKey[key], t.rows = found, append(t.rows, found)
	}
	found.item = put
}

func (t *table) get(key string) item {
	if found := t.byKey[key]; found != nil {
		return found.item
	}
	return nil
}

// memory is DynamoDB with three tables, as far as Store uses it: conditional writes, transactions of puts, strongly consistent reads, scans in
// segments and pages. Like DynamoDB it refuses empty keys and names and values that no expression uses.
type memory struct {
	mu     sync.Mutex
	tables map[string]*table
	calls  map[[2]string]int
	times  map[uint64]int // Calls by operation, table and key.
	page   int            // Items of a page of a scan.
	// faultOf decides about the nth call (from one) of an operation on a key; nil is fine.
	faultOf func(operation, table, key string, n int) fault
	// lag hides an item from eventually consistent scans; nil hides none.
	lag func(table, key string) bool
}

var keys = map[string]string{
	"ballots": votingwindow.BallotsKey, "ledger": votingwindow.LedgerKey, "tallies": votingwindow.TalliesKey,
}

func newMemory() *memory {
	m := &memory{tables: map[string]*table{}, calls: map[[2]string]int{}, times: map[uint64]int{}, page: 3}
	for name := range keys {
		m.tables[name] = &table{byKey: map[string]*row{}}
	}
	return m
}

func (m *memory) store() *votingwindow.Store {
	return &votingwindow.Store{Client: m, Ballots: "ballots", Ledger: "ledger", Tallies: "tallies"}
}

// call decides about one call; the lock is held.
func (m *memory) call(ctx context.Context, operation, table, key string) (fault, error) {
	if err := ctx.Err(); err != nil {
		return before, err
	}
	m.calls[[2]string{operation, table}]++
	happens := fine
	if process, ok := ctx.Value(processKey{}).(*process); ok {
		happens = process.befall(textHash(operation+key)%2 == 0)
	}
	if happens == fine && m.faultOf != nil && ctx.Value(peaceKey{}) == nil {
		id := textHash(operation + " " + table + " " + key)
		m.times[id]++
		happens = m.faultOf(operation, table, key, m.times[id])
	}
	if happens != fine {
		return happens, fmt.Errorf("%s %s: %w", operation, table, errInfrastructure) // No key: DynamoDB names none either.
	}
	return fine, nil
}

// count is the number of calls of an operation on a table so far.
func (m *memory) count(operation, table string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[[2]string{operation, table}]
}

func keyOf(table string, put item) string {
	key := put[keys[table]].Text()
	if key == "" {
		panic("no key for " + table)
	}
	return key
}

// write does one conditional write: change gives the new item of the old, or nil to delete it.
func (m *memory) write(
	ctx context.Context, operation, table, key string, condition string, names map[string]string, values item, all bool, change func(old item) item,
) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	happens, err := m.call(ctx, operation, table, key)
	if happens == before {
		return err
	}
	old := m.tables[table].get(key)
	if condition != "" && !holds(condition, old, names, values) {
		if happens == after {
			return err
		}
		refused := &dynamodb.ConditionalCheckFailedException{Refusal: refusalOf("ConditionalCheckFailedException")}
		if all {
			refused.Item = old
		}
		return refused
	}
	m.tables[table].put(key, change(old))
	return err
}

func (m *memory) PutItem(ctx context.Context, input *dynamodb.PutItem) error {
	if input.ConditionExpression != "" {
		checkUse(input.ConditionExpression, input.ExpressionAttributeNames, input.ExpressionAttributeValues)
	}
	all := input.ReturnValuesOnConditionCheckFailure == dynamodb.AllOld
	return m.write(ctx, "put", input.TableName, keyOf(input.TableName, input.Item),
		input.ConditionExpression, input.ExpressionAttributeNames, input.ExpressionAttributeValues, all, func(item) item { return input.Item })
}

func (m *memory) DeleteItem(ctx context.Context, input *dynamodb.DeleteItem) error {
	checkUse(input.ConditionExpression, input.ExpressionAttributeNames, input.ExpressionAttributeValues)
	return m.write(ctx, "delete", input.TableName, keyOf(input.TableName, input.Key),
		input.ConditionExpression, input.ExpressionAttributeNames, input.ExpressionAttributeValues, false, func(item) item { return nil })
}

// UpdateItem knows one SET and one REMOVE.
func (m *memory) UpdateItem(ctx context.Context, input *dynamodb.UpdateItem) error {
	checkUse(input.ConditionExpression+" "+input.UpdateExpression, input.ExpressionAttributeNames, input.ExpressionAttributeValues)
	words := strings.Fields(input.UpdateExpression)
	if words[0] != "SET" || words[2] != "=" || (len(words) > 4 && (len(words) != 6 || words[4] != "REMOVE")) {
		panic("unknown update " + input.UpdateExpression)
	}
	return m.write(ctx, "update", input.TableName, keyOf(input.TableName, input.Key),
		input.ConditionExpression, input.ExpressionAttributeNames, input.ExpressionAttributeValues, false, func(old item) item {
			changed := maps.Clone(old)
			changed[input.ExpressionAttributeNames[words[1]]] = input.ExpressionAttributeValues[words[3]]
			if len(words) > 4 {
				delete(changed, input.ExpressionAttributeNames[words[5]])
			}
			return changed
		})
}

func (m *memory) TransactPut(ctx context.Context, puts []dynamodb.PutItem) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	happens, err := m.call(ctx, "transact", puts[0].TableName, keyOf(puts[0].TableName, puts[0].Item))
	if happens == before {
		return err
	}
	canceled := false
	reasons := make([]dynamodb.CancellationReason, len(puts))
	for i, put := range puts {
		checkUse(put.ConditionExpression, put.ExpressionAttributeNames, put.ExpressionAttributeValues)
		old := m.tables[put.TableName].get(keyOf(put.TableName, put.Item))
		reasons[i].Code = "None"
		if !holds(put.ConditionExpression, old, put.ExpressionAttributeNames, put.ExpressionAttributeValues) {
			reasons[i].Code, canceled = "ConditionalCheckFailed", true
		}
	}
	if !canceled {
		for _, put := range puts {
			m.tables[put.TableName].put(keyOf(put.TableName, put.Item), put.Item)
		}
	} else if happens == fine {
		err = &dynamodb.TransactionCanceledException{Refusal: refusalOf("TransactionCanceledException"), CancellationReasons: reasons}
	}
	return err
}

// refusalOf is DynamoDB's answer with an error's code.
func refusalOf(code string) *awscall.Refusal {
	return &awscall.Refusal{GenericAPIError: smithy.GenericAPIError{Code: code}, Status: http.StatusBadRequest}
}

func (m *memory) GetItem(ctx context.Context, input *dynamodb.GetItem) (dynamodb.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := keyOf(input.TableName, input.Key)
	if _, err := m.call(ctx, "get", input.TableName, key); err != nil {
		return nil, err
	}
	if !input.ConsistentRead {
		panic("an eventually consistent read decides nothing")
	}
	return m.tables[input.TableName].get(key), nil
}

// ScanInto decodes the items from JSON, as they come.
func (m *memory) ScanInto(ctx context.Context, input *dynamodb.Scan, items any) (dynamodb.Item, error) {
	return scannedInto(m.Scan, ctx, input, items)
}

func scannedInto(
	scan func(context.Context, *dynamodb.Scan) (dynamodb.Page, error), ctx context.Context, input *dynamodb.Scan, items any,
) (dynamodb.Item, error) {
	page, err := scan(ctx, input)
	if err != nil {
		return nil, err
	}
	if plain, ok := items.(*[]item); ok {
		*plain = page.Items
		return page.LastEvaluatedKey, nil
	}
	encoded, err := json.Marshal(page.Items)
	if err != nil {
		return nil, err
	}
	return page.LastEvaluatedKey, json.Unmarshal(encoded, items)
}

func (m *memory) Scan(ctx context.Context, input *dynamodb.Scan) (dynamodb.Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := input.TableName
	var output dynamodb.Page
	if _, err := m.call(ctx, "scan", name, "segment"+fmt.Sprint(input.Segment != nil && *input.Segment == 0)); err != nil {
		return output, err
	}
	from := 0
	if input.ExclusiveStartKey != nil {
		from = m.tables[name].byKey[keyOf(name, input.ExclusiveStartKey)].at + 1
	}
	if input.FilterExpression != "" {
		checkUse(input.FilterExpression, input.ExpressionAttributeNames, input.ExpressionAttributeValues)
	}
	read := 0
	for _, row := range m.tables[name].rows[from:] {
		if row.item == nil || (input.Segment != nil && int(row.hash%uint64(input.TotalSegments)) != *input.Segment) {
			continue
		}
		if read == m.page {
			break
		}
		read++
		output.LastEvaluatedKey = item{keys[name]: row.item[keys[name]]}
		if !input.ConsistentRead && m.lag != nil && m.lag(name, row.key) {
			continue
		}
		if input.FilterExpression != "" &&
			!holds(input.FilterExpression, row.item, input.ExpressionAttributeNames, input.ExpressionAttributeValues) {
			continue
		}
		output.Items = append(output.Items, projected(row.item, input))
	}
	if read < m.page {
		output.LastEvaluatedKey = nil
	}
	return output, nil
}

// projected is what a scan returns of an item.
func projected(found item, input *dynamodb.Scan) item {
	if input.ProjectionExpression == "" {
		return found
	}
	part := item{}
	for alias := range strings.SplitSeq(input.ProjectionExpression, ", ") {
		name, known := input.ExpressionAttributeNames[alias]
		if !known {
			panic("unknown name " + alias)
		}
		if value, exists := found[name]; exists {
			part[name] = value
		}
	}
	return part
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
		OpensAt: opens, ClosesAt: closes, Grace: 2 * time.Minute, Questions: []string{"vote/yes/no/maybe"},
	}
}

var (
	base      = votingwindow.Base{System: "voting_window", Name: "final"}
	admission = votingwindow.Admission{VoterPattern: `[a-z]+[0-9]*`}
)

func mustRules(w votingwindow.Window) *votingwindow.Rules { return mustAdmit(w, admission) }

func mustAdmit(w votingwindow.Window, admission votingwindow.Admission) *votingwindow.Rules {
	rules, err := votingwindow.NewRules(base, w, admission)
	if err != nil {
		panic(err)
	}
	return rules
}

// voterKey is the bytes 0x00 to 0x1f.
var voterKey = func() []byte {
	key := make([]byte, votingwindow.KeyBytes)
	for i := range key {
		key[i] = byte(i)
	}
	return key
}()

var hasher = func() *votingwindow.Hasher {
	hasher, err := votingwindow.NewHasher(base64.StdEncoding.EncodeToString(voterKey))
	if err != nil {
		panic(err)
	}
	return hasher
}()

// ballotOf is the key of a voter's first ballot on the question "vote".
func ballotOf(voter string) string {
	return votingwindow.BallotKey(hasher.Voter(voter), "vote", 0, false)
}

func judgeOf(rules *votingwindow.Rules, cfg votingwindow.RecorderConfig, allow votingwindow.AllowList) *votingwindow.Judge {
	judge, err := votingwindow.NewJudge(rules, cfg, hasher, allow)
	if err != nil {
		panic(err)
	}
	return judge
}

var (
	discard = slog.New(slog.DiscardHandler)
	quiet   = telemetry.NewMetrics(io.Discard, telemetry.Source{})
)

func recorderOf(m *memory, rules *votingwindow.Rules, clock votingwindow.Clock, worker string) *votingwindow.Recorder {
	return &votingwindow.Recorder{
		Judge:   judgeOf(rules, votingwindow.RecorderConfig{}, nil),
		InForce: &votingwindow.Clocked{Window: rules.Window, Store: m.store(), Clock: clock},
		Store:   m.store(), Clock: clock, Worker: worker, Log: discard, Metrics: quiet,
	}
}
