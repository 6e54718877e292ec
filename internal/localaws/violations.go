package localaws

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Violation is a request that AWS would refuse whatever state it is in, or whose meaning AWS would miss.
type Violation struct {
	Call Call
	// Problems are what is wrong with the request, one line each, in AWS's own words where it has some.
	Problems []string
}

// String is one line that says who asked for what, and what is wrong with it.
func (v Violation) String() string {
	return fmt.Sprintf("%s: %s %s %s: %s", v.Call.Caller, v.Call.Service, v.Call.Operation, v.Call.Resource, strings.Join(v.Problems, "; "))
}

// violations is the record of what went wrong. The callers may have swallowed the errors that they were answered with.
type violations struct {
	mu       sync.Mutex
	found    []Violation
	expected []*Expected
}

// Expected takes the violations that a test provokes on purpose out of the record.
type Expected struct {
	record *violations
	match  func(Violation) bool
	found  []Violation
}

// Violations are those so far that nobody expected, in the order of their requests.
func (g *Gate) Violations() []Violation {
	g.violations.mu.Lock()
	defer g.violations.mu.Unlock()
	return slices.Clone(g.violations.found)
}

// Expect claims the violations that match from now on, until End. Tests that run at the same time tell theirs by the access
// key, for instance. The function is called with the record's lock held: it must not make calls.
func (g *Gate) Expect(match func(Violation) bool) *Expected {
	e := &Expected{record: &g.violations, match: match}
	g.violations.mu.Lock()
	defer g.violations.mu.Unlock()
	g.violations.expected = append(g.violations.expected, e)
	return e
}

// Found are the violations claimed so far.
func (e *Expected) Found() []Violation {
	e.record.mu.Lock()
	defer e.record.mu.Unlock()
	return slices.Clone(e.found)
}

// End claims no more, and returns what was claimed.
func (e *Expected) End() []Violation {
	e.record.mu.Lock()
	defer e.record.mu.Unlock()
	e.record.expected = slices.DeleteFunc(e.record.expected, func(o *Expected) bool { return o == e })
	return slices.Clone(e.found)
}

// add records a violation, with the first who expects it if there is one.
func (r *violations) add(v Violation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.expected {
		if e.match(v) {
			e.found = append(e.found, v)
			return
		}
	}
	r.found = append(r.found, v)
}

// Verdict is an error that lists the violations which nobody expected; nil where there are none.
func (g *Gate) Verdict() error {
	found := g.Violations()
	if len(found) == 0 {
		return nil
	}
	lines := make([]string, 0, len(found))
	for _, v := range found {
		lines = append(lines, v.String())
	}
	slices.Sort(lines)
	lines = slices.Compact(lines) // an attempt may have been repeated
	return fmt.Errorf("%d requests were wrong, and AWS would refuse or misread them; correct what sent them:\n%s", len(found), strings.Join(lines, "\n"))
}
