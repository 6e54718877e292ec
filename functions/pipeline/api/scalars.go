package api

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

// Time is the schema's: milliseconds since 1970.
type Time int64

// ImplementsGraphQLType says which of the schema's types it is.
func (Time) ImplementsGraphQLType(name string) bool { return name == "Time" }

// UnmarshalGraphQL reads RFC 3339.
func (t *Time) UnmarshalGraphQL(input any) error {
	text, isText := input.(string)
	at, err := time.Parse(time.RFC3339, text)
	if !isText || err != nil {
		return errors.New("a time is written as RFC 3339 has it: 2030-01-31T18:00:00Z")
	}
	*t = Time(at.UnixMilli())
	return nil
}

// MarshalJSON writes RFC 3339 in UTC.
func (t Time) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.UnixMilli(int64(t)).UTC().Format("2006-01-02T15:04:05.999Z07:00"))
}

// timeOf is null for 0, not yet.
func timeOf(ms int64) *Time {
	if ms == 0 {
		return nil
	}
	at := Time(ms)
	return &at
}

// Int64 is the schema's.
type Int64 int64

// ImplementsGraphQLType says which of the schema's types it is.
func (Int64) ImplementsGraphQLType(name string) bool { return name == "Int64" }

// UnmarshalGraphQL refuses: no argument is of this type.
func (*Int64) UnmarshalGraphQL(any) error { return errors.New("no argument takes it") }

// MarshalJSON writes a number.
func (n Int64) MarshalJSON() ([]byte, error) { return strconv.AppendInt(nil, int64(n), 10), nil }

// textOf is null where there is none.
func textOf(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
