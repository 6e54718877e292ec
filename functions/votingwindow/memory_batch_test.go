package votingwindow_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

var insertInto = regexp.MustCompile(`^INSERT INTO "([a-z]+)" VALUE \{((?:'[a-z]+': \?(?:, )?)+)\}$`)

// BatchExecuteStatement knows INSERT, and no batch with two of one item. The call has a fate, "batch", and so has each statement of it,
// "insert": one that fails does not take the others along. A call whose answer is lost took effect in part.
func (m *memory) BatchExecuteStatement(ctx context.Context, statements []dynamodb.Statement) ([]*dynamodb.StatementError, error) {
	if n := len(statements); n == 0 || n > 25 {
		panic(fmt.Sprint(n, " statements"))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var output []*dynamodb.StatementError
	inserted := map[string]bool{}
	for i, statement := range statements {
		name, put := insertedItem(statement)
		key := keyOf(name, put)
		if inserted[key] {
			panic("two statements on one item")
		}
		inserted[key] = true
		if i == 0 {
			switch happens, err := m.call(ctx, "batch", name, key); happens {
			case before:
				return nil, err
			case after:
				for _, statement := range statements {
					name, put := insertedItem(statement)
					if key := keyOf(name, put); m.tables[name].get(key) == nil && textHash(key)%3 > 0 {
						m.tables[name].put(key, put)
					}
				}
				return nil, err
			}
		}
		var refused *dynamodb.StatementError
		happens, err := m.call(ctx, "insert", name, key)
		switch exists := m.tables[name].get(key) != nil; {
		case happens == before:
			refused = &dynamodb.StatementError{Code: "ThrottlingError", Message: err.Error()}
		case exists:
			refused = &dynamodb.StatementError{Code: dynamodb.DuplicateItem, Message: "Duplicate primary key exists in table"}
		default:
			m.tables[name].put(key, put)
		}
		if happens == after {
			refused = &dynamodb.StatementError{Code: "InternalServerError", Message: err.Error()}
		}
		output = append(output, refused)
	}
	return output, nil
}

// insertedItem is the table of a statement and the item that it inserts.
func insertedItem(statement dynamodb.Statement) (table string, put item) {
	parts := insertInto.FindStringSubmatch(statement.Statement)
	if parts == nil {
		panic("unknown statement " + statement.Statement)
	}
	names := strings.Split(parts[2], ", ")
	if len(names) != len(statement.Parameters) {
		panic("parameters do not fit " + statement.Statement)
	}
	put = item{}
	for i, name := range names {
		name, _, _ = strings.Cut(strings.TrimPrefix(name, "'"), "'")
		put[name] = statement.Parameters[i]
	}
	return parts[1], put
}
