package blueprint

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
)

// Policy is an IAM policy document in one normal form, so that two documents
// that mean the same are equal: actions and resources sorted, single values as
// lists, statements in the order given.
type Policy struct {
	Version   string      `json:"Version"`
	Statement []Statement `json:"Statement"`
}

// Statement is one statement of a Policy.
type Statement struct {
	Sid       string              `json:"Sid,omitempty"`
	Effect    string              `json:"Effect"`
	Principal map[string][]string `json:"Principal,omitempty"`
	Action    []string            `json:"Action"`
	Resource  []string            `json:"Resource,omitempty"`
	Condition Condition           `json:"Condition,omitempty"`
}

// Condition says when a statement holds: operator → key → values.
type Condition = map[string]map[string][]string

// policyVersion is the current version of IAM's policy language (IAM User
// Guide, "IAM JSON policy elements: Version").
const policyVersion = "2012-10-17"

// NewPolicy makes a document of statements.
func NewPolicy(statements ...Statement) Policy {
	p := Policy{Version: policyVersion, Statement: statements}
	p.normalize()
	return p
}

func (p *Policy) normalize() {
	for i := range p.Statement {
		slices.Sort(p.Statement[i].Action)
		slices.Sort(p.Statement[i].Resource)
		for _, values := range p.Statement[i].Principal {
			slices.Sort(values)
		}
		for _, keys := range p.Statement[i].Condition {
			for _, values := range keys {
				slices.Sort(values)
			}
		}
	}
}

// JSON renders the document as AWS takes it.
func (p Policy) JSON() string { return string(canonical(p)) }

// ParsePolicy reads a document as AWS returns it, into the normal form. IAM
// encodes it as RFC 3986 says, in which a plus is a plus (IAM API Reference,
// GetRolePolicy); other services do not.
func ParsePolicy(document string) (Policy, error) {
	if decoded, err := url.PathUnescape(document); err == nil && !json.Valid([]byte(document)) {
		document = decoded
	}
	var raw struct {
		Version   string
		Statement oneOrMany[struct {
			Sid, Effect      string
			Principal        json.RawMessage
			Action, Resource oneOrMany[string]
			Condition        map[string]map[string]oneOrMany[scalar]
		}]
	}
	if err := json.Unmarshal([]byte(document), &raw); err != nil {
		return Policy{}, fmt.Errorf("read policy document: %w", err)
	}
	p := Policy{Version: raw.Version}
	for _, s := range raw.Statement {
		principal, err := parsePrincipal(s.Principal)
		if err != nil {
			return Policy{}, err
		}
		st := Statement{Sid: s.Sid, Effect: s.Effect, Principal: principal, Action: s.Action, Resource: s.Resource}
		for op, keys := range s.Condition {
			for key, values := range keys {
				if len(values) == 0 {
					continue
				}
				if st.Condition == nil {
					st.Condition = map[string]map[string][]string{}
				}
				if st.Condition[op] == nil {
					st.Condition[op] = map[string][]string{}
				}
				for _, v := range values {
					st.Condition[op][key] = append(st.Condition[op][key], string(v))
				}
			}
		}
		p.Statement = append(p.Statement, st)
	}
	p.normalize()
	return p, nil
}

// parsePrincipal reads "*" as the AWS principal "*", which IAM treats alike.
func parsePrincipal(raw json.RawMessage) (map[string][]string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var everyone string
	if json.Unmarshal(raw, &everyone) == nil {
		return map[string][]string{"AWS": {everyone}}, nil
	}
	var named map[string]oneOrMany[string]
	if err := json.Unmarshal(raw, &named); err != nil {
		return nil, fmt.Errorf("read policy principal: %w", err)
	}
	out := map[string][]string{}
	for kind, values := range named {
		out[kind] = values
	}
	return out, nil
}

// oneOrMany reads a JSON value that stands alone or in a list; null is none.
type oneOrMany[T any] []T

func (o *oneOrMany[T]) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*o = nil
		return nil
	}
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]T)(o))
	}
	var one T
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*o = []T{one}
	return nil
}

// scalar reads a condition value: a string, or a boolean or number, which IAM
// takes as their text.
type scalar string

func (s *scalar) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*s = scalar(text)
		return nil
	}
	*s = scalar(b)
	return nil
}

// Grant is a permission that one part gives to a function.
type Grant struct {
	Actions   []string
	Resources []string
	Condition map[string]map[string][]string
	// Rare explains a permission that normal operation may never use.
	Rare string
}

// Rarely are the same grants with why normal operation may never use them.
func Rarely(why string, grants []Grant) []Grant {
	out := slices.Clone(grants)
	for i := range out {
		out[i].Rare = why
	}
	return out
}

// PolicyOf is a document that allows what the grants do.
func PolicyOf(grants ...[]Grant) Policy { return NewPolicy(statements(joined(grants))...) }

// statements renders grants as policy statements: equal resources and
// conditions share one statement, in the order first given.
func statements(grants []Grant) []Statement {
	type place struct{ resources, condition string }
	index := map[place]int{}
	var out []Statement
	for _, g := range grants {
		resources := slices.Sorted(slices.Values(g.Resources))
		at := place{string(canonical(resources)), string(canonical(g.Condition))}
		i, known := index[at]
		if !known {
			i = len(out)
			index[at] = i
			out = append(out, Statement{Effect: "Allow", Resource: resources, Condition: maps.Clone(g.Condition)})
		}
		out[i].Action = append(out[i].Action, g.Actions...)
		slices.Sort(out[i].Action)
		out[i].Action = slices.Compact(out[i].Action)
	}
	return out
}
