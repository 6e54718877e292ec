// Package configitems reads the items of a serverless_config: typed values that change without a deployment, for functions in Go.
//
//	items, err := configitems.FromEnvironment(cfg)
//	...
//	rate, err := items.Number(ctx, "rate")
//
// All values come in one read and are read again after some seconds, when somebody asks. When that fails the last good ones stay. What a function
// reads it tells, so that no apply takes away what is in use.
package configitems

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/secretref"
)

// Type is the type of an item.
type Type string

// The types. A number, as its text, keeps all its digits; JSON and secrets are kept as text, the latter as a reference.
const (
	TypeString Type = "string"
	TypeNumber Type = "number"
	TypeBool   Type = "bool"
	TypeJSON   Type = "json"
	TypeSecret Type = "secret"
)

// Attributes of an item in the table. Its key is KeyAttribute.
const (
	KeyAttribute         = "key"
	TypeAttribute        = "type"
	ValueAttribute       = "value"
	DescriptionAttribute = "description"
	SchemaAttribute      = "schema"   // JSON Schema of the value.
	OperatorAttribute    = "operator" // Operators may override it.

	// What an operator has set: the value in force, the one that it was set against, who and when, in milliseconds since 1970.
	OverrideAttribute = "override"
	OfAttribute       = "of"
	ByAttribute       = "by"
	AtAttribute       = "at"
)

// SchemaKey is the key of the item that has the schema of all values together, and is no item itself.
const SchemaKey = "$schema"

// Readers' table: its key, and the time in seconds at which DynamoDB forgets a reader.
const (
	ReaderAttribute  = "reader"
	ExpiresAttribute = "expires"
)

// item is one item as the table has it.
type item struct {
	key, schema string
	kind        Type
	// configured is Terraform's value; inForce is that, or an operator's.
	configured, inForce dynamodb.Value
	operator            bool
	overridden          bool
	by                  string
	at                  int64
}

// itemOf reads an item. An operator's value is in force only against the configured one that it was set against.
func itemOf(i dynamodb.Item) (item, error) {
	out := item{
		key: i[KeyAttribute].Text(), kind: Type(i[TypeAttribute].Text()), schema: i[SchemaAttribute].Text(), configured: i[ValueAttribute],
		operator: i[OperatorAttribute].True(),
	}
	if err := out.kind.check(out.configured); err != nil {
		return item{}, fmt.Errorf("item %q: %w", out.key, err)
	}
	out.inForce = out.configured
	override, there := i[OverrideAttribute]
	if there && out.operator && out.kind.check(override) == nil && Normal(i[OfAttribute]) == Normal(out.configured) {
		out.inForce, out.overridden = override, true
		out.by, out.at = i[ByAttribute].Text(), i[AtAttribute].Int()
	}
	return out, nil
}

// check says whether a value is of the type.
func (t Type) check(v dynamodb.Value) error {
	ok := v.S != nil
	switch t {
	case TypeString, TypeJSON, TypeSecret:
	case TypeNumber:
		ok = v.N != ""
	case TypeBool:
		ok = v.BOOL != nil
	default:
		return fmt.Errorf("its type is %q, which this version does not know", t)
	}
	if !ok {
		return fmt.Errorf("its value is no %s", t)
	}
	return nil
}

// Parse reads a value of the type from a text.
func (t Type) Parse(text string) (dynamodb.Value, error) {
	switch t {
	case TypeNumber:
		if _, _, err := big.ParseFloat(text, 10, 512, big.ToNearestEven); err != nil || !json.Valid([]byte(text)) {
			return dynamodb.Value{}, fmt.Errorf("%q is no number", text)
		}
		return dynamodb.Decimal(text), nil
	case TypeBool:
		value, err := strconv.ParseBool(text)
		if err != nil || text != "true" && text != "false" {
			return dynamodb.Value{}, fmt.Errorf("%q is neither true nor false", text)
		}
		return dynamodb.Bool(value), nil
	case TypeJSON:
		if !json.Valid([]byte(text)) {
			return dynamodb.Value{}, fmt.Errorf("it is no JSON")
		}
	case TypeSecret:
		if _, err := secretref.Parse(text); err != nil {
			return dynamodb.Value{}, err
		}
	}
	return dynamodb.String(text), nil
}

// Normal is a value's text, in which equal numbers are equal.
func Normal(v dynamodb.Value) string {
	if v.N == "" {
		return v.Scalar()
	}
	f, _, err := big.ParseFloat(v.N, 10, 512, big.ToNearestEven)
	if err != nil {
		return v.N
	}
	if plain := f.Text('f', -1); len(plain) <= 40 {
		return plain
	}
	return f.Text('g', -1)
}

// Plain is a value as encoding/json knows it, for JSON Schema.
func (t Type) Plain(v dynamodb.Value) (any, error) {
	switch t {
	case TypeNumber:
		return json.Number(v.N), nil
	case TypeBool:
		return v.True(), nil
	case TypeJSON:
		decoder := json.NewDecoder(strings.NewReader(v.Text()))
		decoder.UseNumber()
		var plain any
		if err := decoder.Decode(&plain); err != nil {
			return nil, fmt.Errorf("read JSON: %w", err)
		}
		return plain, nil
	}
	return v.Text(), nil
}
