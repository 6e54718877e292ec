package eventsource

import (
	"bytes"
	"context"
	"encoding/json"
)

// Invoker runs the mapping's function.
type Invoker interface {
	// Invoke gives the function an event and waits for its answer. An error means that the function did not get the event:
	// it is throttled, or Lambda had an error of its own.
	Invoke(ctx context.Context, event []byte) (Answer, error)
}

// Answer is what a function made of an event.
type Answer struct {
	RequestID string
	// Version is what ran: a number, or $LATEST.
	Version string
	// FunctionError is empty where the function answered, else Handled or Unhandled.
	FunctionError string
	Payload       []byte
}

// event joins records to what the function gets.
func event(records []json.RawMessage) []byte {
	all := append([]byte(`{"Records":[`), bytes.Join(asBytes(records), []byte(","))...)
	return append(all, "]}"...)
}

// emptyEvent is the length of an event without records.
const emptyEvent = len(`{"Records":[]}`)

func asBytes(records []json.RawMessage) [][]byte {
	all := make([][]byte, len(records))
	for i, record := range records {
		all[i] = record
	}
	return all
}

// failures reads a partial batch response: which of the batch's identifiers failed. It reports false where the response
// makes the whole batch a failure: it is no JSON object, or an identifier is missing, null, empty or of no record of the batch.
// Nothing, null, and a list that is missing, null or empty make it a success ("Implementing partial batch responses" and
// "Configuring partial batch response", success and failure conditions).
func failures(payload []byte, known func(id string) bool) (failed []string, ok bool) {
	if len(bytes.TrimSpace(payload)) == 0 {
		return nil, true
	}
	// Maps, because a struct's fields would take any spelling of a key.
	var response map[string]json.RawMessage
	if json.Unmarshal(payload, &response) != nil {
		return nil, false
	}
	list, ok := response["batchItemFailures"]
	if !ok {
		return nil, true
	}
	var items []map[string]json.RawMessage
	if json.Unmarshal(list, &items) != nil {
		return nil, false
	}
	for _, item := range items {
		var id string
		if json.Unmarshal(item["itemIdentifier"], &id) != nil || id == "" || !known(id) {
			return nil, false
		}
		failed = append(failed, id)
	}
	return failed, true
}
