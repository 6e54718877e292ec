package permission

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Policy is one policy document, and what its owner calls it.
type Policy struct {
	Name       string
	Version    string
	Statements []Statement
}

// Statement is one statement of a policy. Of each pair with and without Not, at most one is there.
type Statement struct {
	Sid                     string
	Allow                   bool
	Principals              Principals
	NotPrincipals           Principals
	Actions, NotActions     []string
	Resources, NotResources []string
	Conditions              []Condition
}

// Principals are the patterns of a statement's principals by their kind: AWS, Service, Federated. Nil where the statement
// names none, as in the policy of a user or role.
type Principals map[string][]string

// Condition is one test of a statement: an operator, a context key and the values it is compared with.
type Condition struct {
	Operator operator
	Key      string // in lower case: keys are not case-sensitive
	Values   []string
}

// ParsePolicy reads a policy document, plain or URL-encoded as IAM returns it. Only version 2012-10-17 knows policy
// variables (IAM User Guide, "IAM JSON policy elements: Version").
func ParsePolicy(name, document string) (Policy, error) {
	if !json.Valid([]byte(document)) {
		if decoded, err := url.PathUnescape(document); err == nil {
			document = decoded
		}
	}
	var raw struct {
		Version   string
		Statement oneOrMany[struct {
			Sid, Effect             string
			Principal, NotPrincipal principals
			Action, NotAction       oneOrMany[string]
			Resource, NotResource   oneOrMany[string]
			Condition               map[string]map[string]oneOrMany[scalar]
		}]
	}
	if err := json.Unmarshal([]byte(document), &raw); err != nil {
		return Policy{}, fmt.Errorf("read policy %s: %w", name, err)
	}
	policy := Policy{Name: name, Version: raw.Version}
	for _, s := range raw.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" {
			return Policy{}, fmt.Errorf("read policy %s: effect %q of statement %q is neither Allow nor Deny", name, s.Effect, s.Sid)
		}
		statement := Statement{
			Sid: s.Sid, Allow: s.Effect == "Allow",
			Principals: Principals(s.Principal), NotPrincipals: Principals(s.NotPrincipal),
			Actions: s.Action, NotActions: s.NotAction, Resources: s.Resource, NotResources: s.NotResource,
		}
		for name, keys := range s.Condition {
			op, err := operatorOf(name)
			if err != nil {
				return Policy{}, fmt.Errorf("read policy %s: %w", policy.Name, err)
			}
			for key, values := range keys {
				condition := Condition{Operator: op, Key: strings.ToLower(key)}
				for _, value := range values {
					condition.Values = append(condition.Values, string(value))
				}
				statement.Conditions = append(statement.Conditions, condition)
			}
		}
		policy.Statements = append(policy.Statements, statement)
	}
	return policy, nil
}

// oneOrMany reads a JSON value that stands alone or in a list.
type oneOrMany[T any] []T

func (o *oneOrMany[T]) UnmarshalJSON(b []byte) error {
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

// scalar reads a condition's value: a string, or a boolean or number, which IAM takes as their text.
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

// principals reads "*" as the AWS principal "*", which means the same in a resource's policy.
type principals map[string][]string

func (p *principals) UnmarshalJSON(b []byte) error {
	var everybody string
	if json.Unmarshal(b, &everybody) == nil {
		*p = principals{"AWS": {everybody}}
		return nil
	}
	var named map[string]oneOrMany[string]
	if err := json.Unmarshal(b, &named); err != nil {
		return err
	}
	*p = principals{}
	for kind, values := range named {
		(*p)[kind] = slices.Clone(values)
	}
	return nil
}
