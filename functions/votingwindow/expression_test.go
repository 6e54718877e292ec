package votingwindow_test

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

func hash(parts ...any) uint64 {
	sum := fnv.New64a()
	_, _ = fmt.Fprint(sum, parts...)
	return sum.Sum64()
}

// textHash is FNV-1a, with its bits mixed, since its lowest follow the last letters too closely.
func textHash(text string) uint64 {
	sum := uint64(14695981039346656037)
	for i := range len(text) {
		sum = (sum ^ uint64(text[i])) * 1099511628211
	}
	return sum ^ sum>>32
}

func checkUse(expression string, names map[string]string, values item) {
	for name := range names {
		if !strings.Contains(expression, name) {
			panic("unused name " + name)
		}
	}
	for value := range values {
		if !strings.Contains(expression, value) {
			panic("unused value " + value)
		}
	}
}

// holds judges an expression: terms joined by AND, in parentheses or not, and those joined by OR, as Store writes them.
func holds(expression string, found item, names map[string]string, values item) bool {
	for either := range strings.SplitSeq(expression, " OR ") {
		if inner, ok := strings.CutPrefix(either, "("); ok {
			either = strings.TrimSuffix(inner, ")")
		}
		all := true
		for term := range strings.SplitSeq(either, " AND ") {
			all = all && termHolds(term, found, names, values)
		}
		if all {
			return true
		}
	}
	return false
}

func termHolds(term string, found item, names map[string]string, values item) bool {
	if name, ok := strings.CutPrefix(term, "attribute_not_exists("); ok {
		_, exists := found[names[strings.TrimSuffix(name, ")")]]
		return !exists
	}
	if name, ok := strings.CutPrefix(term, "attribute_exists("); ok {
		_, exists := found[names[strings.TrimSuffix(name, ")")]]
		return exists
	}
	if arguments, ok := strings.CutPrefix(term, "begins_with("); ok {
		name, value, _ := strings.Cut(strings.TrimSuffix(arguments, ")"), ", ")
		have, exists := found[names[name]]
		return exists && strings.HasPrefix(plain(have), plain(values[value]))
	}
	words := strings.Fields(term)
	have, exists := found[names[words[0]]]
	want, known := values[words[2]]
	if !known {
		panic("unknown value in " + term)
	}
	switch words[1] {
	case "=":
		return exists && plain(have) == plain(want)
	case "<":
		return exists && compare(have, want) < 0
	case "<=":
		return exists && compare(have, want) <= 0
	default:
		panic("unknown operator in " + term)
	}
}

func plain(value dynamodb.Value) string {
	switch {
	case value.S != nil:
		return *value.S
	case value.N != "":
		return value.N
	case len(value.B) > 0:
		return string(value.B)
	default:
		panic(fmt.Sprintf("cannot compare %+v", value))
	}
}

func compare(a, b dynamodb.Value) int {
	x, errX := strconv.ParseInt(plain(a), 10, 64)
	y, errY := strconv.ParseInt(plain(b), 10, 64)
	if err := errors.Join(errX, errY); err != nil {
		panic(err)
	}
	return cmp.Compare(x, y)
}
