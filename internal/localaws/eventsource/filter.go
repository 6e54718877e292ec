package eventsource

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Filters are a mapping's patterns: a record that matches none of them never reaches the function ("Control which events Lambda
// sends to your function"). Without patterns every record does.
type Filters struct {
	service  string
	patterns []map[string]any
}

// ParseFilters reads patterns for a source of the service: sqs, kinesis or dynamodb. A pattern that is no JSON object is an
// error, and so is one that asks for a stream's data other than by its JSON fields ("Using event filtering with a Kinesis event
// source", properly filtering).
func ParseFilters(service string, criteria *FilterCriteria) (Filters, error) {
	filters := Filters{service: service}
	if criteria == nil {
		return filters, nil
	}
	for _, filter := range criteria.Filters {
		decoded, ok := decode([]byte(filter.Pattern))
		pattern, isObject := decoded.(map[string]any)
		if !ok || !isObject {
			return Filters{}, fmt.Errorf("filter pattern %s must be a JSON object", filter.Pattern)
		}
		for _, key := range []string{"data", "dynamodb"} {
			if value, has := pattern[key]; has && service != "sqs" && !isJSON(value) {
				return Filters{}, fmt.Errorf("filter pattern %s must ask for fields of %s", filter.Pattern, key)
			}
		}
		filters.patterns = append(filters.patterns, pattern)
	}
	return filters, nil
}

// Match reports whether the function gets a record, given as the function would get it.
func (f Filters) Match(record json.RawMessage) bool {
	if len(f.patterns) == 0 {
		return true
	}
	decoded, _ := decode(record)
	fields, ok := decoded.(map[string]any)
	if !ok {
		return false
	}
	switch f.service {
	case "sqs":
		return slices.ContainsFunc(f.patterns, func(pattern map[string]any) bool { return matchesMessage(pattern, fields) })
	case "kinesis":
		fields = flattened(fields)
	}
	return slices.ContainsFunc(f.patterns, func(pattern map[string]any) bool { return matchesObject(pattern, fields, true) })
}

// matchesMessage holds a pattern against an SQS message, of which only the body can be filtered by. A body that is JSON where
// the pattern expects a string, or the other way round, does not match ("Using event filtering with an Amazon SQS event source",
// properly filtering).
func matchesMessage(pattern, message map[string]any) bool {
	want, has := pattern["body"]
	if !has {
		return matchesObject(pattern, message, true)
	}
	text, _ := message["body"].(string)
	body, ok := decode([]byte(text))
	if ok = ok && isJSON(body); ok != isJSON(want) {
		return false
	}
	if !ok {
		body = text
	}
	fields := map[string]any{}
	for key, value := range message {
		fields[key] = value
	}
	fields["body"] = body
	return matchesObject(pattern, fields, true)
}

// flattened is a Kinesis record as patterns name its fields: partitionKey and its like beside data, which is decoded ("Using
// event filtering with a Kinesis event source"). Data that is no JSON is left out, so that only patterns without data match.
func flattened(record map[string]any) map[string]any {
	fields := map[string]any{}
	for key, value := range record {
		fields[key] = value
	}
	inner, _ := record["kinesis"].(map[string]any)
	for key, value := range inner {
		fields[key] = value
	}
	delete(fields, "kinesis")
	delete(fields, "data")
	text, _ := inner["data"].(string)
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
		if data, ok := decode(raw); ok {
			fields["data"] = data
		}
	}
	return fields
}

// isJSON tells a pattern or a body of fields from a plain string.
func isJSON(value any) bool {
	_, ok := value.(map[string]any)
	return ok
}

// decode keeps numbers as they are written.
func decode(text []byte) (any, bool) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil || decoder.More() {
		return nil, false
	}
	return value, true
}

// matchesObject holds every field of a pattern against the record's ("Filter rule syntax"). Fields of nothing, below a field
// that the record lacks, can match only by not existing.
func matchesObject(pattern, fields map[string]any, present bool) bool {
	for key, want := range pattern {
		if key == "$or" {
			alternatives, _ := want.([]any)
			if !slices.ContainsFunc(alternatives, func(one any) bool {
				alternative, ok := one.(map[string]any)
				return ok && matchesObject(alternative, fields, present)
			}) {
				return false
			}
			continue
		}
		value, has := fields[key]
		switch want := want.(type) {
		case map[string]any:
			if !matchesBelow(want, value, has) {
				return false
			}
		case []any:
			if !slices.ContainsFunc(want, func(rule any) bool { return matchesRule(rule, value, has) }) {
				return false
			}
		default:
			return false // a rule stands in a list
		}
	}
	return true
}

// matchesBelow holds a nested pattern against an object, or against any object of a list.
func matchesBelow(want map[string]any, value any, has bool) bool {
	switch value := value.(type) {
	case map[string]any:
		return matchesObject(want, value, has)
	case []any:
		return slices.ContainsFunc(value, func(one any) bool {
			object, ok := one.(map[string]any)
			return ok && matchesObject(want, object, true)
		})
	default:
		return matchesObject(want, nil, false)
	}
}

// matchesRule holds one rule against a value; a list matches where one of its elements does.
func matchesRule(rule, value any, has bool) bool {
	operators, isOperator := rule.(map[string]any)
	if exists, ok := operators["exists"]; ok {
		_, isObject := value.(map[string]any) // exists is about leaves
		return exists == (has && !isObject)
	}
	if !has {
		return false
	}
	if list, ok := value.([]any); ok {
		return slices.ContainsFunc(list, func(one any) bool { return matchesRule(rule, one, true) })
	}
	if !isOperator {
		return rule == value // numbers are compared as they are written: 300 is not 300.0
	}
	for name, operand := range operators {
		if !matchesOperator(name, operand, value) {
			return false
		}
	}
	return len(operators) > 0
}

func matchesOperator(name string, operand, value any) bool {
	text, isText := value.(string)
	switch name {
	case "prefix":
		prefix, ok := operand.(string)
		return ok && isText && strings.HasPrefix(text, prefix)
	case "suffix":
		suffix, ok := operand.(string)
		return ok && isText && strings.HasSuffix(text, suffix)
	case "equals-ignore-case":
		other, ok := operand.(string)
		return ok && isText && strings.EqualFold(text, other)
	case "anything-but":
		switch operand := operand.(type) {
		case []any:
			return !slices.Contains(operand, value)
		case map[string]any:
			for name, operand := range operand {
				if !isText || matchesOperator(name, operand, value) {
					return false
				}
			}
			return true
		default:
			return operand != value
		}
	case "numeric":
		conditions, _ := operand.([]any)
		return matchesNumber(conditions, value)
	}
	return false
}

// matchesNumber holds pairs of a comparison and a number against a value: [">", 10, "<=", 20].
func matchesNumber(conditions []any, value any) bool {
	have, ok := number(value)
	if !ok || len(conditions) == 0 || len(conditions)%2 != 0 {
		return false
	}
	for i := 0; i < len(conditions); i += 2 {
		limit, ok := number(conditions[i+1])
		if !ok {
			return false
		}
		switch conditions[i] {
		case "=":
			ok = have == limit
		case ">":
			ok = have > limit
		case ">=":
			ok = have >= limit
		case "<":
			ok = have < limit
		case "<=":
			ok = have <= limit
		default:
			ok = false
		}
		if !ok {
			return false
		}
	}
	return true
}

func number(value any) (float64, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	return f, err == nil
}
