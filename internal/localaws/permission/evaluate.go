package permission

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Kind is the kind of a caller.
type Kind string

// The kinds of caller.
const (
	Root      Kind = "Account" // the account's root user, as aws:PrincipalType has it
	User      Kind = "User"
	Role      Kind = "AssumedRole"
	Anonymous Kind = "Anonymous"
	Service   Kind = "Service"
)

// Principal is who makes a request, with the policies that bind it.
type Principal struct {
	Kind Kind
	// ARN is the user's, or the role session's (arn:aws:sts::...:assumed-role/<role>/<session>). A service has its name:
	// scheduler.amazonaws.com.
	ARN     string
	Account string
	// Owner is the ARN, without path, of the user or role whose policies these are: names are unique whatever the path.
	Owner string
	// RoleARN is the ARN, with its path, of a session's role.
	RoleARN string
	// Identity are the policies of the user with its groups, or of the role.
	Identity []Policy
	// Boundary is the permissions boundary, nil without one.
	Boundary *Policy
	// Session are the session policies; nil where the session was given none.
	Session []Policy
	// Keys are the context keys that tell of the principal: aws:username, aws:PrincipalTag/...
	Keys Context
}

// ResourcePolicy is the policy of what a request is about.
type ResourcePolicy struct {
	Policy Policy
	// Owner is the account that the resource belongs to.
	Owner string
	// Required tells that even the owner's users and roles need it to allow them, as a KMS key's and a role's trust policy.
	Required bool
}

// Request is one action on one resource.
type Request struct {
	// Action is service:Name, as policies have it.
	Action string
	// Resource is an ARN, or "*" where the action has no resource of its own.
	Resource string
	Context  Context
}

// Pair is one action on one resource, both as a policy writes them, with its wildcards.
type Pair struct{ Action, Resource string }

// Decision is what came of a request.
type Decision struct {
	Allowed bool
	// Explicit tells that a statement denies, rather than that none allows.
	Explicit bool
	// By names the policies that decided a refusal: "identity-based policy", "permissions boundary", "session policy",
	// "resource-based policy".
	By string
	// Used are the pairs of the identity's policies that allow the request.
	Used []Pair
}

// The names of the policies in AWS's messages (IAM User Guide, "Troubleshoot access denied error messages").
const (
	byIdentity = "identity-based policy"
	byBoundary = "permissions boundary"
	bySession  = "session policy"
	byResource = "resource-based policy"
)

// Message is how AWS words a refusal of the request (IAM User Guide, "Troubleshoot access denied error messages").
func (d Decision) Message(p Principal, r Request) string {
	article := "a"
	if d.By == byIdentity {
		article = "an"
	}
	reason := fmt.Sprintf("because no %s allows the %s action", d.By, r.Action)
	if d.Explicit {
		reason = fmt.Sprintf("with an explicit deny in %s %s", article, d.By)
	}
	on := ""
	if r.Resource != "*" {
		on = " on resource: " + r.Resource
	}
	who := p.ARN
	if p.Kind == Anonymous {
		who = "anonymous"
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s%s %s", who, r.Action, on, reason)
}

// Evaluate decides a request (IAM User Guide, "Policy evaluation logic"). resource is nil where the resource has no policy
// and belongs to the caller's account.
func Evaluate(p Principal, r Request, resource *ResourcePolicy) Decision {
	context := r.Context.With(p.Keys)
	if p.Kind == Root && (resource == nil || resource.Owner == p.Account) {
		return Decision{Allowed: true} // the gate's tests use the root user to look and to prepare; no policy binds it
	}
	if p.Kind == Root {
		p.Identity = []Policy{everything}
	}
	layers := []struct {
		by       string
		there    bool
		policies []Policy
	}{
		{byIdentity, true, p.Identity},
		{byBoundary, p.Boundary != nil, boundary(p)},
		{bySession, p.Session != nil, p.Session},
	}
	for _, layer := range layers {
		if some(layer.policies, false, r, context, nil) {
			return Decision{Explicit: true, By: layer.by}
		}
	}
	if resource != nil && some([]Policy{resource.Policy}, false, r, context, &p) {
		return Decision{Explicit: true, By: byResource}
	}
	d := Decision{Used: pairs(p.Identity, r, context)}
	identity := some(p.Identity, true, r, context, nil)
	missing := ""
	for _, layer := range layers[1:] {
		if layer.there && missing == "" && !some(layer.policies, true, r, context, nil) {
			missing = layer.by
		}
	}
	given := noGrant
	if resource != nil {
		given = resource.gives(p, r, context)
	}
	sameAccount := resource == nil || resource.Owner == p.Account
	switch {
	case given == grantDirect && sameAccount:
		d.Allowed = true // to the user or session itself: neither boundary nor session policy limits that
	case given == grantNamed && sameAccount && missing == "":
		d.Allowed = true
	case p.Kind == Anonymous || p.Kind == Service:
		d.Allowed = given != noGrant
		d.By = byResource
	case !identity:
		d.By = byIdentity
	case missing != "":
		d.By = missing
	case given == noGrant && (!sameAccount || resource != nil && resource.Required):
		d.By = byResource
	default:
		d.Allowed = true
	}
	if !d.Allowed {
		d.Used = nil
	}
	return d
}

var everything = Policy{Name: "root", Statements: []Statement{{Allow: true, Actions: []string{"*"}, Resources: []string{"*"}}}}

func boundary(p Principal) []Policy {
	if p.Boundary == nil {
		return nil
	}
	return []Policy{*p.Boundary}
}

// some tells whether a statement of that effect applies; with a principal, one that names it.
func some(policies []Policy, allow bool, r Request, context Context, p *Principal) bool {
	return slices.ContainsFunc(policies, func(policy Policy) bool {
		return slices.ContainsFunc(policy.Statements, func(s Statement) bool {
			return s.Allow == allow && (p == nil || s.names(*p) != noGrant) && s.applies(r, context)
		})
	})
}

// applies tells whether a statement is about the request.
func (s Statement) applies(r Request, context Context) bool {
	if !oneOf(s.Actions, s.NotActions, func(action string) bool { return likeAction(r.Action, action) }) {
		return false
	}
	if !oneOf(s.Resources, s.NotResources, func(resource string) bool {
		p, ok := expand(resource, context)
		return ok && p.matches(r.Resource)
	}) {
		return false
	}
	return !slices.ContainsFunc(s.Conditions, func(c Condition) bool { return !c.holds(context) })
}

// oneOf tells whether one of the patterns matches, or none of the excluded ones does. Where there are neither, as for the
// resource in a role's trust policy, everything matches.
func oneOf(patterns, except []string, matches func(string) bool) bool {
	if except != nil {
		return !slices.ContainsFunc(except, matches)
	}
	return patterns == nil || slices.ContainsFunc(patterns, matches)
}

// likeAction matches an action, whose case does not matter (IAM User Guide, "IAM JSON policy elements: Action").
func likeAction(action, with string) bool {
	return like(strings.ToLower(action), strings.ToLower(with))
}

// pairs are the pairs of all allowing statements that apply.
func pairs(policies []Policy, r Request, context Context) []Pair {
	var out []Pair
	for _, policy := range policies {
		for _, s := range policy.Statements {
			if !s.Allow || !s.applies(r, context) {
				continue
			}
			for _, granted := range s.pairs() {
				if granted.covers(r, context) && !slices.Contains(out, granted) {
					out = append(out, granted)
				}
			}
		}
	}
	return out
}

// not marks what a statement excludes in a Pair.
const not = "not "

// pairs are every action with every resource of the statement.
func (s Statement) pairs() []Pair {
	actions, resources := s.Actions, s.Resources
	if s.NotActions != nil {
		actions = []string{not + strings.Join(s.NotActions, ", ")}
	}
	if s.NotResources != nil {
		resources = []string{not + strings.Join(s.NotResources, ", ")}
	}
	var out []Pair
	for _, action := range actions {
		for _, resource := range resources {
			out = append(out, Pair{action, resource})
		}
	}
	return out
}

// covers tells whether the pair is the one that allows the request; the statement applies.
func (p Pair) covers(r Request, context Context) bool {
	resource, ok := expand(p.Resource, context)
	return (strings.HasPrefix(p.Action, not) || likeAction(r.Action, p.Action)) &&
		(strings.HasPrefix(p.Resource, not) || ok && resource.matches(r.Resource))
}

// grant is how a resource's policy allows a caller.
type grant int

const (
	noGrant grant = iota
	// grantAccount is to the caller's account, which leaves it to the account's policies.
	grantAccount
	// grantNamed is to everybody or to the caller's role: as good as a policy of the caller's own, and limited like one.
	grantNamed
	// grantDirect is to the user or role session itself (IAM User Guide, "Policy evaluation logic for requests within a
	// single account": not limited by an implicit deny in a permissions boundary or session policy).
	grantDirect
)

// gives is the best that the policy's allowing statements grant.
func (rp ResourcePolicy) gives(p Principal, r Request, context Context) grant {
	best := noGrant
	for _, s := range rp.Policy.Statements {
		if s.Allow && s.applies(r, context) {
			best = max(best, s.names(p))
		}
	}
	return best
}

// names tells how a statement of a resource's policy names the caller.
func (s Statement) names(p Principal) grant {
	if s.NotPrincipals != nil {
		if s.NotPrincipals.grant(p) != noGrant {
			return noGrant
		}
		return grantNamed
	}
	return s.Principals.grant(p)
}

// accountPrincipal is an account, by its number or its root's ARN (IAM User Guide, "AWS JSON policy elements: Principal").
var accountPrincipal = regexp.MustCompile(`^(?:arn:aws[a-z-]*:iam::)?(\d{12})(?::root)?$`)

func (ps Principals) grant(p Principal) grant {
	if p.Kind == Service {
		if slices.Contains(ps["Service"], p.ARN) || slices.Contains(ps["AWS"], "*") {
			return grantNamed
		}
		return noGrant
	}
	best := noGrant
	for _, principal := range ps["AWS"] {
		switch m := accountPrincipal.FindStringSubmatch(principal); {
		case principal == "*":
			best = max(best, grantNamed)
		case p.Kind == Anonymous:
		case m != nil && m[1] == p.Account:
			best = max(best, grantAccount)
		case principal == p.ARN:
			best = max(best, grantDirect)
		case p.RoleARN != "" && principal == p.RoleARN:
			best = max(best, grantNamed)
		}
	}
	return best
}

// Mentions tells whether a condition of one of the principal's policies uses a key that begins so, in lower case.
func (p Principal) Mentions(prefix string) bool {
	for _, policy := range slices.Concat(p.Identity, boundary(p), p.Session) {
		for _, s := range policy.Statements {
			if slices.ContainsFunc(s.Conditions, func(c Condition) bool { return strings.HasPrefix(c.Key, prefix) }) {
				return true
			}
			for _, resource := range slices.Concat(s.Resources, s.NotResources) {
				if strings.Contains(strings.ToLower(resource), "${"+prefix) {
					return true
				}
			}
		}
	}
	return false
}
