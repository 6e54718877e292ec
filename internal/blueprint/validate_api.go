package blueprint

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// routeKey is a method and a path, or the route for all that no other takes (API
// Gateway Developer Guide, "Create routes for HTTP APIs in API Gateway").
var routeKey = regexp.MustCompile(`^(\$default|(ANY|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT) /\S*)$`)

var issuer = regexp.MustCompile(`^(https://.|http://(localhost|127\.0\.0\.1)[:/])`)

func (c *checker) httpAPI(s HTTPAPISpec) {
	if len(s.Routes) == 0 {
		c.add(nil, "the API has no route")
	}
	for _, key := range slices.Sorted(maps.Keys(s.Routes)) {
		if !routeKey.MatchString(key) {
			c.add(nil, "%q is no route key; give a method and a path, such as POST /votes, or $default (API Gateway Developer Guide, Create routes for HTTP APIs in API Gateway)", key)
		}
	}
	// API Gateway Developer Guide, "Quotas for configuring and running an HTTP API".
	c.atMost("API", len(s.Routes), 300, "routes", "API Gateway quotas, Routes per API")
	for _, key := range slices.Sorted(maps.Keys(s.Authorization)) {
		c.atMost("route "+key, len(strings.Fields(s.Authorization[key]))-1, 10, "scopes", "API Gateway quotas, Authorization scopes per route")
	}
	if s.JWTIssuer != "" {
		c.between("number of audiences", len(s.JWTAudience), 1, 50, "", "API Gateway quotas, Audiences per authorizer", nil)
		// API Gateway reads the issuer's keys by TLS alone; a local AWS also reads
		// them from this machine.
		if !HasToken(s.JWTIssuer) && !issuer.MatchString(s.JWTIssuer) {
			c.add(nil, "the issuer %q of tokens is no https URL (API Gateway Developer Guide, Control access to HTTP APIs with JWT authorizers)", s.JWTIssuer)
		}
	}
	c.authorizer(s)
	if (s.Rate > 0) != (s.Burst > 0) || s.Rate < 0 {
		c.add(nil, "the throttling limits are %d requests a second and %d at once; give both, or none", s.Rate, s.Burst)
	}
}

// header is a header's name that an API can look at.
var header = regexp.MustCompile(`^[a-z0-9-]+$`)

// authorizer checks who is asked about requests.
func (c *checker) authorizer(s HTTPAPISpec) {
	if s.Authorizer == "" {
		return
	}
	if s.JWTIssuer != "" {
		c.add(nil, "the API asks for tokens and a function; give one of them")
	}
	if !header.MatchString(s.AuthorizerHeader) {
		c.add(nil, "the function that says who may come in looks at the header %q, which is none", s.AuthorizerHeader)
	}
	// API Gateway V2 API Reference, CreateAuthorizer, authorizerResultTtlInSeconds.
	c.between("time for which an authorizer's answer stands", s.AuthorizerTTL, 0, 3600, "s", "API Gateway V2 API Reference, CreateAuthorizer", nil)
}

// guests checks that Cognito leaves to guests what the role grants them.
func (c *checker) guests(s IdentityPoolRoleSpec) {
	role := c.blue.Target(s.Unauthenticated)
	if role == nil {
		return
	}
	spec, isRole := role.Spec.(RoleSpec)
	if !isRole {
		return
	}
	for _, st := range spec.Policy.Statement {
		for _, action := range st.Action {
			if !slices.ContainsFunc(guestServices, func(service string) bool { return strings.HasPrefix(action, service) }) {
				c.add(nil, "role %q grants %s, which Cognito takes away from identities without a login (Cognito Developer Guide, IAM roles)", role.Key, action)
			}
		}
	}
}
