package queue_test

import (
	"context"
	"math"
	"sync"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// meter counts what AWS bills, by part and unit: "fans write units".
type meter struct {
	mu     sync.Mutex
	counts map[string]float64
}

func newMeter() *meter { return &meter{counts: map[string]float64{}} }

func (m *meter) add(what string, n float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts[what] += n
}

// metered is the memory behind a meter of capacity units: a write is one for each 1 KB of the item, also where its condition is not met, and two in a
// transaction; a read is one for each 4 KB, half of it where it is eventually consistent (DynamoDB Developer Guide, "Read and write capacity mode").
type metered struct {
	*memory
	meter *meter
}

func (m *metered) store() *queue.Store { return &queue.Store{Client: m, Tables: tableNames} }

// sizeOf is an item's size: names and values, and a byte for each of a list (DynamoDB Developer Guide, "DynamoDB item sizes and formats").
func sizeOf(item dynamodb.Item) float64 {
	size := 0
	for name, value := range item {
		size += len(name) + len(value.Scalar())
		for _, text := range value.Texts() {
			size += len(text) + 1
		}
	}
	return float64(size)
}

func (m *metered) wrote(table string, item dynamodb.Item, times float64) {
	m.meter.add(table+" write units", times*math.Max(1, math.Ceil(sizeOf(item)/1024)))
}

func (m *metered) read(table string, bytes float64, consistent bool) {
	units := math.Max(1, math.Ceil(bytes/4096))
	if !consistent {
		units /= 2
	}
	m.meter.add(table+" read units", units)
}

// standing is an item as it is.
func (m *metered) standing(table string, key dynamodb.Item) dynamodb.Item {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tables[table][keyOf(table, key)]
}

func (m *metered) PutItem(ctx context.Context, put *dynamodb.PutItem) error {
	m.wrote(put.TableName, put.Item, 1)
	return m.memory.PutItem(ctx, put)
}

func (m *metered) GetItem(ctx context.Context, get *dynamodb.GetItem) (dynamodb.Item, error) {
	item, err := m.memory.GetItem(ctx, get)
	m.read(get.TableName, sizeOf(item), get.ConsistentRead)
	return item, err
}

func (m *metered) UpdateItem(ctx context.Context, update *dynamodb.UpdateItem) error {
	_, err := m.UpdateReturning(ctx, update)
	return err
}

func (m *metered) UpdateReturning(ctx context.Context, update *dynamodb.UpdateItem) (dynamodb.Item, error) {
	item, err := m.memory.UpdateReturning(ctx, update)
	m.wrote(update.TableName, m.standing(update.TableName, update.Key), 1)
	return item, err
}

func (m *metered) BatchGetItem(ctx context.Context, table string, keys []dynamodb.Item, consistent bool) (items, left []dynamodb.Item, err error) {
	for _, key := range keys {
		m.read(table, sizeOf(m.standing(table, key)), consistent)
	}
	return m.memory.BatchGetItem(ctx, table, keys, consistent)
}

func (m *metered) BatchExecuteStatement(ctx context.Context, statements []dynamodb.Statement) ([]*dynamodb.StatementError, error) {
	m.meter.add("fans write units", float64(len(statements))) // Records have less than 1 KB.
	return m.memory.BatchExecuteStatement(ctx, statements)
}

func (m *metered) TransactUpdate(ctx context.Context, updates []dynamodb.UpdateItem) error {
	err := m.memory.TransactUpdate(ctx, updates)
	for _, update := range updates {
		m.wrote(update.TableName, m.standing(update.TableName, update.Key), 2)
	}
	return err
}

func (m *metered) Scan(ctx context.Context, scan *dynamodb.Scan) (dynamodb.Page, error) {
	page, err := m.memory.Scan(ctx, scan)
	bytes := 0.0
	for _, item := range page.Items {
		bytes += sizeOf(item)
	}
	m.read(scan.TableName, bytes, scan.ConsistentRead)
	return page, err
}
