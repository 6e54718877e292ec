package permission

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Context are the values of a request's context keys, by the keys in lower case.
type Context map[string][]string

// Set sets a key.
func (c Context) Set(key string, values ...string) { c[strings.ToLower(key)] = values }

// With returns a copy of the context with others' keys in it; theirs win.
func (c Context) With(others ...Context) Context {
	all := make(Context, len(c))
	for _, one := range append([]Context{c}, others...) {
		for key, values := range one {
			all[key] = values
		}
	}
	return all
}

// operator is a condition operator (IAM User Guide, "IAM JSON policy elements: Condition operators").
type operator struct {
	name string
	// compare tells whether a value of the request agrees with one of the policy; nil for Null.
	compare func(have string, want pattern, text string) bool
	// not inverts the comparison: StringNotEquals.
	not bool
	// ifExists makes the condition true where the request lacks the key.
	ifExists bool
	// set is "", "ForAllValues" or "ForAnyValue" (IAM User Guide, "Set operators for multivalued context keys").
	set string
}

func literally(compare func(have, want string) bool) func(string, pattern, string) bool {
	return func(have string, _ pattern, want string) bool { return compare(have, want) }
}

// comparisons are the operators without their inversions.
var comparisons = map[string]func(string, pattern, string) bool{
	"StringEquals":             literally(func(have, want string) bool { return have == want }),
	"StringEqualsIgnoreCase":   literally(strings.EqualFold),
	"StringLike":               func(have string, want pattern, _ string) bool { return want.matches(have) },
	"ArnEquals":                func(have string, want pattern, _ string) bool { return likeARN(have, want) },
	"ArnLike":                  func(have string, want pattern, _ string) bool { return likeARN(have, want) },
	"Bool":                     literally(strings.EqualFold),
	"BinaryEquals":             literally(func(have, want string) bool { return have == want }),
	"IpAddress":                literally(inside),
	"NumericEquals":            literally(numeric(func(order int) bool { return order == 0 })),
	"NumericLessThan":          literally(numeric(func(order int) bool { return order < 0 })),
	"NumericLessThanEquals":    literally(numeric(func(order int) bool { return order <= 0 })),
	"NumericGreaterThan":       literally(numeric(func(order int) bool { return order > 0 })),
	"NumericGreaterThanEquals": literally(numeric(func(order int) bool { return order >= 0 })),
	"DateEquals":               literally(dated(func(order int) bool { return order == 0 })),
	"DateLessThan":             literally(dated(func(order int) bool { return order < 0 })),
	"DateLessThanEquals":       literally(dated(func(order int) bool { return order <= 0 })),
	"DateGreaterThan":          literally(dated(func(order int) bool { return order > 0 })),
	"DateGreaterThanEquals":    literally(dated(func(order int) bool { return order >= 0 })),
}

// inversions name the comparison that each inverts.
var inversions = map[string]string{
	"StringNotEquals": "StringEquals", "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase", "StringNotLike": "StringLike",
	"ArnNotEquals": "ArnEquals", "ArnNotLike": "ArnLike", "NotIpAddress": "IpAddress",
	"NumericNotEquals": "NumericEquals", "DateNotEquals": "DateEquals",
}

func operatorOf(name string) (operator, error) {
	op := operator{name: name}
	base := name
	if set, rest, found := strings.Cut(name, ":"); found {
		op.set, base = set, rest
		if set != "ForAllValues" && set != "ForAnyValue" {
			return op, fmt.Errorf("no condition operator is called %q", name)
		}
	}
	base, op.ifExists = strings.CutSuffix(base, "IfExists")
	if base == "Null" && !op.ifExists && op.set == "" {
		return op, nil
	}
	if inverted, ok := inversions[base]; ok {
		base, op.not = inverted, true
	}
	op.compare = comparisons[base]
	if op.compare == nil {
		return op, fmt.Errorf("no condition operator is called %q", name)
	}
	return op, nil
}

// holds tells whether the condition is true of the request.
func (c Condition) holds(context Context) bool {
	have, present := context[c.Key]
	present = present && len(have) > 0
	if c.Operator.compare == nil { // Null: "true" asks that the key be absent
		return slices.ContainsFunc(c.Values, func(v string) bool { return strings.EqualFold(v, strconv.FormatBool(!present)) })
	}
	if !present {
		// A key that is missing agrees with nothing: an inverted operator is true then, any other false.
		return c.Operator.ifExists || c.Operator.set == "ForAllValues" || c.Operator.not && c.Operator.set == ""
	}
	type wanted struct {
		pattern pattern
		text    string
	}
	var want []wanted
	for _, value := range c.Values {
		p, ok := expand(value, context)
		if !ok {
			continue
		}
		want = append(want, wanted{p, p.text()})
	}
	agrees := func(value string) bool {
		found := slices.ContainsFunc(want, func(w wanted) bool { return c.Operator.compare(value, w.pattern, w.text) })
		return found != c.Operator.not
	}
	if c.Operator.set == "ForAllValues" || c.Operator.set == "" && c.Operator.not {
		return !slices.ContainsFunc(have, func(value string) bool { return !agrees(value) })
	}
	return slices.ContainsFunc(have, agrees)
}

// text is what the pattern was compiled from, with its variables filled in.
func (p pattern) text() string {
	var out strings.Builder
	for _, r := range p {
		switch r {
		case anyText:
			r = '*'
		case anyRune:
			r = '?'
		}
		out.WriteRune(r)
	}
	return out.String()
}

func numeric(holds func(order int) bool) func(have, want string) bool {
	return func(have, want string) bool {
		a, errA := strconv.ParseFloat(have, 64)
		b, errB := strconv.ParseFloat(want, 64)
		if errA != nil || errB != nil {
			return false
		}
		switch {
		case a < b:
			return holds(-1)
		case a > b:
			return holds(1)
		}
		return holds(0)
	}
}

func dated(holds func(order int) bool) func(have, want string) bool {
	return func(have, want string) bool {
		a, okA := date(have)
		b, okB := date(want)
		return okA && okB && holds(a.Compare(b))
	}
}

// date reads a date of ISO 8601 or the seconds since 1970.
func date(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(seconds, 0), err == nil
}

// inside tells whether an address is in a range, or is the one given.
func inside(have, want string) bool {
	address, err := netip.ParseAddr(have)
	if err != nil {
		return false
	}
	if prefix, err := netip.ParsePrefix(want); err == nil {
		return prefix.Contains(address)
	}
	other, err := netip.ParseAddr(want)
	return err == nil && other == address
}
