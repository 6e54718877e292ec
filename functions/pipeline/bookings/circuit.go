package bookings

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// Circuit keeps a third party that is down from being tried by every booking. It opens after some failures one after another; while it is open nothing is sent.
// When it has been open for long enough it is half open: one booking tries, and closes it or leaves it open for longer. Times are in milliseconds since 1970.
type Circuit struct {
	Failures int64 // One after another.
	Opened   int64 // How often it opened one after another; 0 while it is closed.
	Until    int64 // When it is half open; while one tries, when that one is taken for dead.
	Tried    bool  // One tries.
	version  int64
}

const (
	// openAfter is how many failures one after another open it.
	openAfter = 5
	openFirst = time.Minute
	openMost  = 30 * time.Minute
)

// Open says whether nothing is sent.
func (c Circuit) Open(now time.Time) bool { return c.Opened > 0 && now.UnixMilli() < c.Until }

// Probing is the circuit while one tries, for at most so long.
func (c Circuit) Probing(now time.Time, atMost time.Duration) Circuit {
	c.Until, c.Tried = now.Add(atMost).UnixMilli(), true
	return c
}

// Failed is the circuit after a failure. probe says whether it was the one that tried while it was half open; of others that began before it opened it only
// counts. wait is for how long the third party asks.
func (c Circuit) Failed(now time.Time, probe bool, wait time.Duration, jitter float64) Circuit {
	c.Failures++
	if c.Failures >= openAfter && c.Opened == 0 || probe {
		c.Opened++
		c.Tried = false
		most := min(openFirst<<min(c.Opened-1, 16), openMost)
		c.Until = now.Add(max(wait, most/2+time.Duration(jitter*float64(most/2)))).UnixMilli()
	}
	return c
}

// Succeeded is the circuit after a success, or a refusal: both say that the third party works.
func (c Circuit) Succeeded() Circuit { return Circuit{version: c.version} }

// circuitID is the id of the only circuit.
const circuitID = "target"

// Circuit reads the circuit, strongly consistent; a closed one where there is none.
func (s *Store) Circuit(ctx context.Context) (Circuit, error) {
	item, err := s.get(ctx, kindCircuit, circuitID)
	return Circuit{item["failures"].Int(), item["opened"].Int(), item["until"].Int(), item["tried"].True(), item["version"].Int()}, err
}

// saveCircuit writes the circuit where nobody did since it was read, and says whether it wrote.
func (s *Store) saveCircuit(ctx context.Context, c Circuit) (bool, error) {
	where := "#version = :version"
	put := dynamodb.PutItem{TableName: s.Table, Item: keyOf(kindCircuit, circuitID)}
	if c.version == 0 {
		where = "attribute_not_exists(#version)"
	} else {
		put.ExpressionAttributeValues = dynamodb.Item{":version": dynamodb.Number(c.version)}
	}
	put.ConditionExpression, put.ExpressionAttributeNames = where, dynamodb.Names(where)
	for name, n := range map[string]int64{"failures": c.Failures, "opened": c.Opened, "until": c.Until, "version": c.version + 1} {
		put.Item[name] = dynamodb.Number(n)
	}
	put.Item["tried"] = dynamodb.Bool(c.Tried)
	err := s.Client.PutItem(ctx, &put)
	var refused *dynamodb.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("put item into %s: %w", s.Table, err)
	}
	return true, nil
}

// circuitTries bounds how often a change is tried that others stood in the way of. One that is left out is one failure that does not count.
const circuitTries = 5

// changeCircuit changes the circuit as it is then, and returns what it has become.
func (s *Store) changeCircuit(ctx context.Context, change func(Circuit) Circuit) (Circuit, error) {
	for try := 0; ; try++ {
		c, err := s.Circuit(ctx)
		if err != nil {
			return c, err
		}
		changed := change(c)
		if changed == c {
			return c, nil
		}
		written, err := s.saveCircuit(ctx, changed)
		if err != nil || written || try+1 == circuitTries {
			return changed, err
		}
	}
}
