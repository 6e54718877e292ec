package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/parallel"
)

// Insertion is what became of an item that was inserted together with others.
type Insertion int

// What can become of it.
const (
	Unknown  Insertion = iota // It may stand or not: it was not tried, was refused for now, or the answer was lost.
	Inserted                  // It stands, and was made by this call.
	Taken                     // Its key had an item before: another, or this one.
)

// insertAtOnce is how many statements a batch may have (DynamoDB API Reference, BatchExecuteStatement).
const insertAtOnce = 25

// Executor executes statements: a Client, or what stands in for one.
type Executor interface {
	BatchExecuteStatement(ctx context.Context, statements []Statement) ([]*StatementError, error)
}

// Insert makes items of different keys, each unless its key has one: an INSERT never replaces an item (DynamoDB Developer Guide, "PartiQL insert
// statements for DynamoDB"). At most callsAtOnce calls are made at the same time. It says of each item what became of it; err is why anything is
// unknown: a StatementError is among it where the table was too busy for some, which no client tries again.
func Insert(ctx context.Context, client Executor, table string, items []Item, callsAtOnce int) ([]Insertion, error) {
	done := make([]Insertion, len(items))
	err := parallel.Each((len(items)+insertAtOnce-1)/insertAtOnce, callsAtOnce, func(call int) error {
		from, to := call*insertAtOnce, min((call+1)*insertAtOnce, len(items))
		return insertBatch(ctx, client, table, items[from:to], done[from:to])
	})
	if err != nil {
		err = fmt.Errorf("insert items into %s: %w", table, err)
	}
	return done, err
}

// Patience is how what inserts waits for a table that is too busy: First, then twice as long each time up to Most, For in all, and no longer than until Rest of the
// context's time is left.
type Patience struct{ First, Most, For, Rest time.Duration }

// InsertPatiently inserts things, and again and again those for which the table is too busy for the moment: what insert, which is Insert of such things, says with a
// StatementError. It says what Insert says.
func InsertPatiently[T any](ctx context.Context, with clock.Clock, p Patience, things []T, insert func(context.Context, []T) ([]Insertion, error)) ([]Insertion, error) {
	done, err := insert(ctx, things)
	until := with.Now().Add(p.For)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-p.Rest).Before(until) {
		until = deadline.Add(-p.Rest)
	}
	var busy *StatementError
	for wait := p.First; errors.As(err, &busy) && with.Now().Add(wait).Before(until); wait = min(2*wait, p.Most) {
		if clock.Wait(ctx, with, wait) != nil {
			return done, err
		}
		var left []T
		var of []int
		for i, insertion := range done {
			if insertion == Unknown {
				left, of = append(left, things[i]), append(of, i)
			}
		}
		var again []Insertion
		again, err = insert(ctx, left)
		for i, insertion := range again {
			done[of[i]] = insertion
		}
	}
	return done, err
}

// insertBatch inserts items in one call and notes of each what became of it.
func insertBatch(ctx context.Context, client Executor, table string, items []Item, done []Insertion) error {
	statements := make([]Statement, len(items))
	texts := map[string]string{}
	for i, item := range items {
		statements[i] = insertion(table, item, texts)
	}
	refusals, err := client.BatchExecuteStatement(ctx, statements)
	if err != nil {
		return err
	}
	for i, refused := range refusals {
		switch {
		case refused == nil:
			done[i] = Inserted
		case refused.Code == DuplicateItem:
			done[i] = Taken
		case err == nil: // One for a call: they share their cause.
			err = refused
		}
	}
	return err
}

// insertion is the statement that inserts an item, with its values as parameters: a text in the statement itself could end it. Items with the
// same attributes share their text, which texts keeps.
func insertion(table string, item Item, texts map[string]string) Statement {
	names := slices.AppendSeq(make([]string, 0, len(item)), maps.Keys(item))
	slices.Sort(names)
	parameters := make([]Value, len(names))
	for i, name := range names {
		parameters[i] = item[name]
	}
	shape := strings.Join(names, "': ?, '")
	text := texts[shape]
	if text == "" {
		text = `INSERT INTO "` + table + `" VALUE {'` + shape + `': ?}`
		texts[shape] = text
	}
	return Statement{Statement: text, Parameters: parameters}
}
