package queue_test

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

var token = regexp.MustCompile(`[#:]?\w+|<>|<=|>=|[=<>(),+]`)

var read sync.Map // Of the expressions, which are few.

func tokens(text string) []string {
	if known, ok := read.Load(text); ok {
		return known.([]string)
	}
	found := token.FindAllString(text, -1)
	read.Store(text, found)
	return found
}

// checkUse refuses what DynamoDB refuses: names and values that no expression uses, and empty maps of them.
func checkUse(expression string, names map[string]string, values dynamodb.Item) {
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
		return exists && strings.HasPrefix(plain(have), plain(want))
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

// changed is an item after an update of SET, REMOVE and ADD.
func changed(old, key dynamodb.Item, text string, names map[string]string, values dynamodb.Item) dynamodb.Item {
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

func plain(value dynamodb.Value) string {
	if value.S != nil {
		return *value.S
	}
	if value.N == "" {
		panic(fmt.Sprintf("cannot compare %+v", value))
	}
	return value.N
}

func compare(a, b dynamodb.Value) int {
	x, errX := strconv.ParseInt(plain(a), 10, 64)
	y, errY := strconv.ParseInt(plain(b), 10, 64)
	if errX != nil || errY != nil {
		return cmp.Compare(plain(a), plain(b))
	}
	return cmp.Compare(x, y)
}

// The test's own judge must not be kinder than DynamoDB.
func TestExpressions(t *testing.T) {
	item := dynamodb.Item{"a": dynamodb.Number(5), "b": dynamodb.String("x")}
	names := map[string]string{"#a": "a", "#b": "b", "#c": "c"}
	values := dynamodb.Item{":five": dynamodb.Number(5), ":six": dynamodb.Number(6), ":x": dynamodb.String("x")}
	for text, want := range map[string]bool{
		"#a = :five":            true,
		"#a <> :five":           false,
		"#c = :five":            false,
		"#c < :six":             false,
		"#a < :six AND #b = :x": true,
		"attribute_not_exists(#c) AND #a >= :six":                          false,
		"attribute_exists(#a) OR #a = :six AND #b = :x":                    true,
		"(attribute_exists(#a) OR #a = :six) AND #b <> :x":                 false,
		"attribute_exists(#c) OR #a < :six AND (#b = :x OR #a = :six)":     true,
		"attribute_exists(#c) OR #a < :six AND (#b <> :x OR #a = :six)":    false,
		"begins_with(#b, :x) AND attribute_not_exists(#c) AND #a <= :five": true,
	} {
		if got := judge(text, item, names, values); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if got := changed(item, nil, "SET #a = :six, #c = :x REMOVE #b", names, values); len(got) != 2 || got["a"].Int() != 6 || got["c"].Text() != "x" {
		t.Errorf("%v", got)
	}
	if got := changed(nil, dynamodb.Item{"id": dynamodb.String("k")}, "ADD #a :five, #c :six", names, values); len(got) != 3 || got["c"].Int() != 6 {
		t.Errorf("%v", got)
	}
}
