package configitems

import (
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// Present is an item for people. Values are texts; times RFC 3339 in UTC.
type Present struct {
	Key  string `json:"key"`
	Type Type   `json:"type"`
	// Value is in force, Configured what Terraform says.
	Value      string `json:"value"`
	Configured string `json:"configured"`
	Operator   bool   `json:"operator"`
	Overridden bool   `json:"overridden"`
	// By and At are of the override.
	By string `json:"by,omitempty"`
	At string `json:"at,omitempty"`
	// Readers have read it within a day.
	Readers []string `json:"readers,omitempty"`
	// Fault is why functions cannot read it; empty where they can. Of such an item only the key is told.
	Fault string `json:"fault,omitempty"`
}

// PresentOf reads an item of the table for people.
func PresentOf(i dynamodb.Item) (Present, error) {
	read, err := itemOf(i)
	if err != nil {
		return Present{}, err
	}
	out := Present{Key: read.key, Type: read.kind, Value: Normal(read.inForce), Configured: Normal(read.configured), Operator: read.operator, Overridden: read.overridden, By: read.by}
	if read.at != 0 {
		out.At = time.UnixMilli(read.at).UTC().Format(time.RFC3339)
	}
	return out, nil
}

// PlainOf reads the value in force of an item of the table, as encoding/json knows it.
func PlainOf(i dynamodb.Item) (key string, plain any, err error) {
	read, err := itemOf(i)
	if err != nil {
		return "", nil, err
	}
	plain, err = read.kind.Plain(read.inForce)
	return read.key, plain, err
}
