package bookings_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb/dynamodbtest"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
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
	calls, dies int // It dies at this call of its; 0 for never.
	lost, dead  bool
}

type lifeKey struct{}

func (l *life) of(ctx context.Context) context.Context { return context.WithValue(ctx, lifeKey{}, l) }

// faults decides about every call, of whatever service, and is the lock of all that is there.
type faults struct {
	mu     sync.Mutex
	calls  map[string]int
	fateOf func(call string) fate // nil is fine.
}

// begin decides about one call and takes the lock.
func (a *faults) begin(ctx context.Context, call string) (fate, error) {
	a.mu.Lock()
	a.calls[call]++
	happens := fine
	if owner, _ := ctx.Value(lifeKey{}).(*life); owner != nil {
		owner.calls++
		if owner.dead {
			return before, fmt.Errorf("%s: %w", call, errInfrastructure)
		}
		if owner.calls == owner.dies {
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
	if happens != fine {
		return happens, fmt.Errorf("%s: %w", call, errInfrastructure)
	}
	return fine, nil
}

// memory is DynamoDB with the table of bookings.
type memory struct {
	*faults
	kinds map[string]map[string]dynamodb.Item
	page  int                 // Items of a page of a query.
	past  map[string][]string // The statuses of each booking, in their order.
	put   bool                // Where an answer of a put is lost, the client asks again, and finds its condition not met.
}

func places(item dynamodb.Item) (kind, id string) {
	if kind, id = item["kind"].Text(), item["id"].Text(); kind == "" || id == "" {
		panic("no key")
	}
	return kind, id
}

func (m *memory) at(kind string) map[string]dynamodb.Item {
	if m.kinds[kind] == nil {
		m.kinds[kind] = map[string]dynamodb.Item{}
	}
	return m.kinds[kind]
}

func (m *memory) GetItem(ctx context.Context, get *dynamodb.GetItem) (dynamodb.Item, error) {
	happens, err := m.begin(ctx, "get")
	defer m.mu.Unlock()
	if happens != fine {
		return nil, err
	}
	if !get.ConsistentRead || get.TableName != "bookings" {
		panic("a read that may be old")
	}
	kind, id := places(get.Key)
	return maps.Clone(m.at(kind)[id]), nil
}

func (m *memory) meets(put *dynamodb.PutItem) bool {
	kind, id := places(put.Item)
	dynamodbtest.CheckUse(put.ConditionExpression, put.ExpressionAttributeNames, put.ExpressionAttributeValues)
	return dynamodbtest.Judge(put.ConditionExpression, m.at(kind)[id], put.ExpressionAttributeNames, put.ExpressionAttributeValues)
}

func (m *memory) set(item dynamodb.Item) {
	kind, id := places(item)
	m.at(kind)[id] = maps.Clone(item)
	if status := item["status"].Text(); status != "" {
		if past := m.past[id]; len(past) == 0 || past[len(past)-1] != status {
			m.past[id] = append(past, status)
		}
	}
}

func (m *memory) PutItem(ctx context.Context, put *dynamodb.PutItem) error {
	happens, err := m.begin(ctx, "put")
	defer m.mu.Unlock()
	switch {
	case happens == before:
		return err
	case !m.meets(put):
		if err == nil {
			err = &dynamodb.ConditionalCheckFailedException{}
		}
		return err
	}
	m.set(put.Item)
	if err != nil && m.put {
		if owner, _ := ctx.Value(lifeKey{}).(*life); owner != nil {
			owner.dead = false
		}
		return &dynamodb.ConditionalCheckFailedException{}
	}
	return err
}

func (m *memory) TransactPut(ctx context.Context, puts []dynamodb.PutItem) error {
	happens, err := m.begin(ctx, "transact")
	defer m.mu.Unlock()
	if happens == before {
		return err
	}
	for i := range puts {
		if !m.meets(&puts[i]) {
			return &dynamodb.TransactionCanceledException{Refusal: &awscall.Refusal{GenericAPIError: smithy.GenericAPIError{Code: "TransactionCanceledException"}}}
		}
	}
	for i := range puts {
		m.set(puts[i].Item)
	}
	return err
}

func (m *memory) DeleteItem(ctx context.Context, remove *dynamodb.DeleteItem) error {
	happens, err := m.begin(ctx, "delete")
	defer m.mu.Unlock()
	if happens == before {
		return err
	}
	kind, id := places(remove.Key)
	dynamodbtest.CheckUse(remove.ConditionExpression, remove.ExpressionAttributeNames, remove.ExpressionAttributeValues)
	if !dynamodbtest.Judge(remove.ConditionExpression, m.at(kind)[id], remove.ExpressionAttributeNames, remove.ExpressionAttributeValues) {
		return &dynamodb.ConditionalCheckFailedException{}
	}
	delete(m.at(kind), id)
	return err
}

func (m *memory) Query(ctx context.Context, query *dynamodb.Query) (page dynamodb.Page, err error) {
	happens, err := m.begin(ctx, "query")
	defer m.mu.Unlock()
	if happens != fine {
		return page, err
	}
	dynamodbtest.CheckUse(query.KeyConditionExpression+" "+query.FilterExpression, query.ExpressionAttributeNames, query.ExpressionAttributeValues)
	kind := m.at(query.ExpressionAttributeValues[":kind"].Text())
	ids := slices.Sorted(maps.Keys(kind))
	if query.ScanIndexForward != nil && !*query.ScanIndexForward {
		slices.Reverse(ids)
	}
	if start := query.ExclusiveStartKey; start != nil {
		_, last := places(start)
		ids = slices.DeleteFunc(ids, func(id string) bool {
			if query.ScanIndexForward != nil && !*query.ScanIndexForward {
				return id >= last
			}
			return id <= last
		})
	}
	most := m.page
	if query.Limit > 0 {
		most = min(most, query.Limit)
	}
	for i, id := range ids {
		if i == most {
			kindKey, lastKey := places(kind[ids[i-1]])
			page.LastEvaluatedKey = dynamodb.Item{"kind": dynamodb.String(kindKey), "id": dynamodb.String(lastKey)}
			break
		}
		if dynamodbtest.Judge(query.FilterExpression, kind[id], query.ExpressionAttributeNames, query.ExpressionAttributeValues) {
			page.Items = append(page.Items, maps.Clone(kind[id]))
		}
	}
	return page, nil
}

// table is DynamoDB with the table of items. Reading a page takes a while.
type table struct {
	*faults
	clock *hand
	items map[string]dynamodb.Item
	keys  []string // Sorted.
	page  int
	takes time.Duration
}

func (t *table) Scan(ctx context.Context, scan *dynamodb.Scan) (page dynamodb.Page, err error) {
	happens, err := t.begin(ctx, "scan")
	defer t.mu.Unlock()
	if happens != fine {
		return page, err
	}
	t.clock.pass(t.takes)
	dynamodbtest.CheckUse(scan.FilterExpression, scan.ExpressionAttributeNames, scan.ExpressionAttributeValues)
	seen, last, start := 0, "", scan.ExclusiveStartKey["id"].Text()
	at, _ := slices.BinarySearch(t.keys, start+"\x00")
	if start == "" {
		at = 0
	}
	for _, key := range t.keys[at:] {
		if partOf(key, scan.TotalSegments) != *scan.Segment {
			continue
		}
		if seen == t.page {
			page.LastEvaluatedKey = dynamodb.Item{"id": dynamodb.String(last)}
			break
		}
		seen++
		last = key
		if dynamodbtest.Judge(scan.FilterExpression, t.items[key], scan.ExpressionAttributeNames, scan.ExpressionAttributeValues) {
			page.Items = append(page.Items, t.items[key])
		}
	}
	return page, nil
}

func partOf(key string, parts int) int {
	sum := fnv.New32a()
	sum.Write([]byte(key))
	return int(sum.Sum32()) % parts
}

// bucket is S3 with uploads in parts.
type bucket struct {
	*faults
	objects map[string][]byte
	uploads map[string]map[int][]byte
	next    int
	broken  int // Bytes after which reading an object breaks off; 0 for never.
}

func (b *bucket) GetObject(ctx context.Context, key string) ([]byte, error) {
	happens, err := b.begin(ctx, "get object")
	defer b.mu.Unlock()
	if happens != fine {
		return nil, err
	}
	return bytes.Clone(b.objects[key]), nil
}

func (b *bucket) OpenObject(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	body, err := b.GetObject(ctx, key)
	switch {
	case err != nil:
		return nil, 0, err
	case body == nil:
		return nil, 0, &awscall.Refusal{GenericAPIError: smithy.GenericAPIError{Code: "NoSuchKey", Message: "no"}, Status: 404}
	}
	read := io.Reader(bytes.NewReader(body))
	if b.broken > 0 {
		read = io.MultiReader(io.LimitReader(read, int64(b.broken)), failing{})
	}
	return io.NopCloser(read), int64(len(body)), nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errInfrastructure }

func (b *bucket) PutObject(ctx context.Context, key string, body []byte, contentType, cacheControl string) error {
	happens, err := b.begin(ctx, "put object")
	defer b.mu.Unlock()
	if contentType == "" || cacheControl != "no-store" {
		panic(key)
	}
	if happens != before {
		b.objects[key] = bytes.Clone(body)
	}
	return err
}

func (b *bucket) DeleteObject(ctx context.Context, key string) error {
	happens, err := b.begin(ctx, "delete object")
	defer b.mu.Unlock()
	if happens != before {
		delete(b.objects, key)
	}
	return err
}

func (b *bucket) BeginParts(ctx context.Context, key, contentType, _ string) (*s3.Parts, error) {
	happens, err := b.begin(ctx, "begin parts")
	defer b.mu.Unlock()
	if happens == before || contentType == "" {
		return nil, err
	}
	b.next++
	parts := &s3.Parts{Key: key, Upload: fmt.Sprint("u", b.next)}
	b.uploads[parts.Upload] = map[int][]byte{}
	return parts, err
}

func noUpload() error {
	return &awscall.Refusal{GenericAPIError: smithy.GenericAPIError{Code: "NoSuchUpload", Message: "no"}, Status: 404}
}

func tag(body []byte) string {
	sum := fnv.New64a()
	sum.Write(body)
	return fmt.Sprint(sum.Sum64())
}

func (b *bucket) AddPart(ctx context.Context, parts *s3.Parts, body []byte) error {
	happens, err := b.begin(ctx, "part")
	defer b.mu.Unlock()
	if happens == before {
		return err
	}
	if b.uploads[parts.Upload] == nil {
		return noUpload()
	}
	number := len(parts.Parts) + 1
	b.uploads[parts.Upload][number] = bytes.Clone(body)
	if err == nil {
		parts.Parts = append(parts.Parts, s3.Part{PartNumber: number, ETag: tag(body)})
	}
	return err
}

func (b *bucket) CompleteParts(ctx context.Context, parts *s3.Parts) error {
	happens, err := b.begin(ctx, "complete")
	defer b.mu.Unlock()
	if happens == before {
		return err
	}
	if b.uploads[parts.Upload] == nil {
		return noUpload()
	}
	var whole []byte
	for i, part := range parts.Parts {
		body := b.uploads[parts.Upload][part.PartNumber]
		if part.PartNumber != i+1 || tag(body) != part.ETag || i+1 < len(parts.Parts) && len(body) < s3.PartBytes {
			return &awscall.Refusal{GenericAPIError: smithy.GenericAPIError{Code: "InvalidPart", Message: "no"}, Status: 400}
		}
		whole = append(whole, body...)
	}
	b.objects[parts.Key] = whole
	delete(b.uploads, parts.Upload)
	return err
}

func (b *bucket) AbortParts(ctx context.Context, parts *s3.Parts) error {
	happens, err := b.begin(ctx, "abort")
	defer b.mu.Unlock()
	if happens != before {
		delete(b.uploads, parts.Upload)
	}
	return err
}
