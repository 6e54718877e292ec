// Package dynamodbtest is what tests know of DynamoDB: it judges conditions and carries out updates as DynamoDB does, as far as functions use them, and
// refuses what DynamoDB refuses.
package dynamodbtest

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

var token = regexp.MustCompile(`[#:]?\w+|<>|<=|>=|[=<>(),+]`)

var known sync.Map // Of the expressions, which are few.

func tokens(text string) []string {
	if cut, ok := known.Load(text); ok {
		return cut.([]string) //nolint:forcetypeassert // Nothing else is in it.
	}
	found := token.FindAllString(text, -1)
	known.Store(text, found)
	return found
}

// CheckUse refuses what DynamoDB refuses: names and values that no expression uses, and empty maps of them.
func CheckUse(expression string, names map[string]string, values dynamodb.Item) {
	if len(names) == 0 && len(values) == 0 && expression == "" {
		return
	}
	used := map[string]bool{}
	for _, t := range tokens(expression) {
		used[t] = true
		_, given := values[t]
		if t[0] == '#' && names[t] == "" || t[0] == ':' && !given {
			panic(t + " is not given to " + expression)
		}
	}
	for name := range names {
		if !used[name] {
			panic("unused name " + name)
		}
	}
	for value := range values {
		if !used[value] {
			panic("unused value " + value)
		}
	}
	if names != nil && len(names) == 0 || values != nil && len(values) == 0 {
		panic("an empty map")
	}
}

// Judge says whether a condition holds for an item; an empty one does.
func Judge(condition string, item dynamodb.Item, names map[string]string, values dynamodb.Item) bool {
	return condition == "" || (&reader{text: tokens(condition), names: names, values: values, item: item}).or()
}

// reader judges a condition by DynamoDB's grammar: comparisons and functions, AND before OR, parentheses.
type reader struct {
	text   []string
	names  map[string]string
	values dynamodb.Item
	item   dynamodb.Item
}

func (r *reader) next() string {
	t := r.text[0]
	r.text = r.text[1:]
	return t
}

func (r *reader) is(word string) bool {
	if len(r.text) > 0 && r.text[0] == word {
		r.text = r.text[1:]
		return true
	}
	return false
}

func (r *reader) or() bool {
	holds := r.and()
	for r.is("OR") {
		other := r.and()
		holds = holds || other
	}
	return holds
}

func (r *reader) and() bool {
	holds := r.term()
	for r.is("AND") {
		other := r.term()
		holds = holds && other
	}
	return holds
}

func (r *reader) term() bool {
	if r.is("(") {
		holds := r.or()
		r.next()
		return holds
	}
	word := r.next()
	switch word {
	case "attribute_exists", "attribute_not_exists":
		r.next()
		_, exists := r.item[r.names[r.next()]]
		r.next()
		return exists == (word == "attribute_exists")
	case "begins_with":
		r.next()
		have, exists := r.item[r.names[r.next()]]
		r.next()
		want := r.values[r.next()]
		r.next()
		return exists && strings.HasPrefix(Plain(have), Plain(want))
	}
	have, exists := r.item[r.names[word]]
	operator, want := r.next(), r.values[r.next()]
	if !exists {
		return operator == "<>"
	}
	order := compare(have, want)
	switch operator {
	case "=":
		return order == 0
	case "<>":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	panic("unknown operator " + operator)
}

// Changed is an item after an update of SET, REMOVE and ADD.
func Changed(old, key dynamodb.Item, text string, names map[string]string, values dynamodb.Item) dynamodb.Item {
	item := maps.Clone(old)
	if item == nil {
		item = maps.Clone(key)
	}
	words, verb := tokens(text), ""
	for len(words) > 0 {
		switch words[0] {
		case "SET", "REMOVE", "ADD":
			verb, words = words[0], words[1:]
			continue
		case ",":
			words = words[1:]
			continue
		}
		name := names[words[0]]
		switch verb {
		case "SET":
			item[name], words = values[words[2]], words[3:]
		case "REMOVE":
			delete(item, name)
			words = words[1:]
		case "ADD":
			item[name], words = dynamodb.Number(item[name].Int()+values[words[1]].Int()), words[2:]
		default:
			panic(text)
		}
	}
	return item
}

// Plain is a text or a number as text.
func Plain(value dynamodb.Value) string {
	if value.S != nil {
		return *value.S
	}
	if value.N == "" {
		panic(fmt.Sprintf("cannot compare %+v", value))
	}
	return value.N
}

func compare(a, b dynamodb.Value) int {
	x, errX := strconv.ParseInt(Plain(a), 10, 64)
	y, errY := strconv.ParseInt(Plain(b), 10, 64)
	if errX != nil || errY != nil {
		return cmp.Compare(Plain(a), Plain(b))
	}
	return cmp.Compare(x, y)
}
