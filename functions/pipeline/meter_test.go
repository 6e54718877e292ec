package pipeline_test

import (
	"context"
	"encoding/json"
	"math"
	"sync"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// metered is the memory behind a meter of capacity units, by table: a write is one for each 1 KB of the item, also where its condition is not met, and two in a
// transaction; a strongly consistent read is one for each 4 KB (DynamoDB Developer Guide, "Read and write capacity mode").
type metered struct {
	*memory
	units sync.Mutex
	reads map[string]float64
	wrote map[string]float64
}

func newMetered(m *memory) *metered {
	return &metered{memory: m, reads: map[string]float64{}, wrote: map[string]float64{}}
}

// sizeOf is an item's size: names and values (DynamoDB Developer Guide, "DynamoDB item sizes and formats").
func sizeOf(item dynamodb.Item) float64 {
	size := 0
	for name, value := range item {
		size += len(name) + len(value.Scalar())
	}
	return float64(size)
}

// standing is the size of an item as it is.
func (m *metered) standing(table string, key dynamodb.Item) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return sizeOf(m.tables[table][keyOf(key)])
}

func (m *metered) writes(table string, bytes, times float64) {
	m.units.Lock()
	defer m.units.Unlock()
	m.wrote[table] += times * math.Max(1, math.Ceil(bytes/1024))
}

func (m *metered) read(table string, bytes float64) {
	m.units.Lock()
	defer m.units.Unlock()
	m.reads[table] += math.Max(1, math.Ceil(bytes/4096))
}

func (m *metered) GetItem(ctx context.Context, get *dynamodb.GetItem) (dynamodb.Item, error) {
	item, err := m.memory.GetItem(ctx, get)
	m.read(get.TableName, sizeOf(item))
	return item, err
}

func (m *metered) PutItem(ctx context.Context, put *dynamodb.PutItem) error {
	err := m.memory.PutItem(ctx, put)
	m.writes(put.TableName, sizeOf(put.Item), 1)
	return err
}

func (m *metered) UpdateItem(ctx context.Context, update *dynamodb.UpdateItem) error {
	err := m.memory.UpdateItem(ctx, update)
	m.writes(update.TableName, m.standing(update.TableName, update.Key), 1)
	return err
}

func (m *metered) TransactUpdate(ctx context.Context, updates []dynamodb.UpdateItem) error {
	err := m.memory.TransactUpdate(ctx, updates)
	for _, update := range updates {
		m.writes(update.TableName, m.standing(update.TableName, update.Key), 2)
	}
	return err
}

func (m *metered) BatchPutEncoded(ctx context.Context, table string, items []json.RawMessage) ([]json.RawMessage, error) {
	left, err := m.memory.BatchPutEncoded(ctx, table, items)
	for _, encoded := range items {
		var item dynamodb.Item
		if err := json.Unmarshal(encoded, &item); err != nil {
			return nil, err
		}
		m.writes(table, sizeOf(item), 1)
	}
	return left, err
}

// Scan pays for whole items, whatever it returns of them.
func (m *metered) Scan(ctx context.Context, scan *dynamodb.Scan) (dynamodb.Page, error) {
	page, err := m.memory.Scan(ctx, scan)
	bytes := 0.0
	for _, item := range page.Items {
		bytes += m.standing(scan.TableName, item)
	}
	m.read(scan.TableName, bytes)
	return page, err
}
