package votingwindow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// insertAtOnce is how many statements a batch may have (DynamoDB API Reference, BatchExecuteStatement).
const insertAtOnce = 25

// InsertBallots makes ballots of different keys, each unless its key has one: an INSERT never replaces an item (DynamoDB Developer Guide,
// "PartiQL insert statements for DynamoDB"). Its calls are made at the same time.
func (s *Store) InsertBallots(ctx context.Context, ballots []Ballot) ([]Insertion, error) {
	done := make([]Insertion, len(ballots))
	failed := make([]error, (len(ballots)+insertAtOnce-1)/insertAtOnce)
	var calls sync.WaitGroup
	for call := range failed {
		from := call * insertAtOnce
		to := min(from+insertAtOnce, len(ballots))
		calls.Go(func() {
			defer func() {
				if cause := recover(); cause != nil {
					failed[call] = fmt.Errorf("panic: %v", cause)
				}
			}()
			failed[call] = s.insertBatch(ctx, ballots[from:to], done[from:to])
		})
	}
	calls.Wait()
	return done, wrap(errors.Join(failed...), "insert items into %s", s.Ballots)
}

// insertBatch inserts ballots in one call and notes of each what became of it.
func (s *Store) insertBatch(ctx context.Context, ballots []Ballot, done []Insertion) error {
	statements := make([]dynamodb.Statement, len(ballots))
	texts := map[string]string{}
	for i := range ballots {
		statements[i] = insertion(s.Ballots, ballotItem(ballots[i]), texts)
	}
	refusals, err := s.Client.BatchExecuteStatement(ctx, statements)
	if err != nil {
		return err
	}
	for i, refused := range refusals {
		switch {
		case refused == nil:
			done[i] = Inserted
		case refused.Code == dynamodb.DuplicateItem:
			done[i] = Taken
		case err == nil: // One for a call: they share their cause.
			err = fmt.Errorf("%s: %s", refused.Code, refused.Message)
		}
	}
	return err
}

// insertion is the statement that inserts an item, with its values as parameters: a text in the statement itself could end it. Items with the
// same attributes share their text, which texts keeps.
func insertion(table string, put item, texts map[string]string) dynamodb.Statement {
	names := make([]string, 0, len(put))
	for name := range put {
		names = append(names, name)
	}
	slices.Sort(names)
	parameters := make([]dynamodb.Value, len(names))
	for i, name := range names {
		parameters[i] = put[name]
	}
	shape := strings.Join(names, "': ?, '")
	text := texts[shape]
	if text == "" {
		text = `INSERT INTO "` + table + `" VALUE {'` + shape + `': ?}`
		texts[shape] = text
	}
	return dynamodb.Statement{Statement: text, Parameters: parameters}
}
