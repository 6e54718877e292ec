package eventsource

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// MemoryStream is a Kinesis stream in memory, whose records never expire. Set Clock, and add shards, before use.
type MemoryStream struct {
	Clock Clock
	// ARN is the stream's, as its records name it.
	ARN string

	mu     sync.Mutex
	put    int
	order  []string
	shards map[string]*memoryShard
}

type memoryShard struct {
	parents []string
	closed  bool
	records []Record
}

// AddShard opens a shard, and closes the parents that it follows.
func (m *MemoryStream) AddShard(id string, parents ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shards == nil {
		m.shards = map[string]*memoryShard{}
	}
	for _, parent := range parents {
		m.shards[parent].closed = true
	}
	m.order = append(m.order, id)
	m.shards[id] = &memoryShard{parents: parents}
}

// Put adds a record to a shard and returns its sequence number; they rise over all shards.
func (m *MemoryStream) Put(shard, key, data string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put++
	r := Record{Sequence: fmt.Sprintf("%010d", m.put), Key: key, Arrived: m.Clock.Now()}
	var err error
	r.Event, err = json.Marshal(map[string]any{
		"eventID": shard + ":" + r.Sequence, "eventName": "aws:kinesis:record", "eventSource": "aws:kinesis", "eventSourceARN": m.ARN,
		"eventVersion": "1.0", "kinesis": map[string]any{
			"partitionKey": key, "sequenceNumber": r.Sequence, "data": base64.StdEncoding.EncodeToString([]byte(data)),
			"approximateArrivalTimestamp": float64(r.Arrived.UnixMilli()) / 1000, "kinesisSchemaVersion": "1.0",
		},
	})
	if err != nil {
		panic(err) // strings and numbers can always be written
	}
	m.shards[shard].records = append(m.shards[shard].records, r)
	return r.Sequence
}

// Shards lists all.
func (m *MemoryStream) Shards(context.Context) ([]Shard, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Shard, len(m.order))
	for i, id := range m.order {
		all[i] = Shard{ID: id, Parents: m.shards[id].parents}
	}
	return all, nil
}

// Iterator is a shard and a place in it.
func (m *MemoryStream) Iterator(_ context.Context, shard string, from Position) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.shards[shard]
	if s == nil {
		return "", ErrGone
	}
	place := 0
	for _, r := range s.records {
		if from.Type == "LATEST" || from.Type == "AT_TIMESTAMP" && r.Arrived.Before(from.Time) ||
			from.Type == afterSequence && r.Sequence <= from.Sequence {
			place++
		}
	}
	return shard + "/" + strconv.Itoa(place), nil
}

// Read reads from an iterator.
func (m *MemoryStream) Read(ctx context.Context, iterator string, limit int) (Page, error) {
	if err := ctx.Err(); err != nil {
		return Page{}, err
	}
	shard, text, _ := strings.Cut(iterator, "/")
	place, err := strconv.Atoi(text)
	if err != nil {
		return Page{}, ErrExpired
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.shards[shard]
	end := min(len(s.records), place+limit)
	page := Page{Records: append([]Record(nil), s.records[place:end]...), Next: shard + "/" + strconv.Itoa(end)}
	if s.closed && end == len(s.records) {
		page.Next = ""
	}
	return page, nil
}
