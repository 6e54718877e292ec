package blueprint

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// HTTPAPI says what an HTTP API of API Gateway should be.
type HTTPAPI struct {
	// Routes by their route key: "POST /votes", "$default".
	Routes map[string]Route
	// JWT is who signs the tokens that routes ask for; nil for none. An API has one
	// of JWT, Authorizer and IAM, or none.
	JWT *JWT
	// Authorizer is the function that says who may come in; nil for none.
	Authorizer *APIAuthorizer
	// IAM lets in whose signed requests IAM allows: execute-api:Invoke.
	IAM bool
	// CORS lets browsers' scripts call the API; nil answers no preflight.
	CORS *CORS
	// Rate and Burst throttle each route: requests a second, and requests at
	// once. 0 of both leaves them to the account's own limits.
	Rate, Burst int
	// Domain is the user's own domain name; nil for none.
	Domain *APIDomain
}

// Route is what answers the requests of one route.
type Route struct {
	Function FunctionHandle
	// Open lets everybody's requests through, where the API asks who comes.
	Open bool
	// Scopes are those of which a token needs one; none asks for no scope.
	Scopes []string
}

// JWT is an issuer of tokens, which are signed with RSA (API Gateway Developer
// Guide, "Control access to HTTP APIs with JWT authorizers").
type JWT struct {
	// Issuer is the URL below which the issuer's configuration is published.
	Issuer string
	// Audience lists what a token's aud, or else its client_id, may be.
	Audience []string
}

// APIAuthorizer is a function that is asked about requests, with events of version
// 2.0, and gives simple answers (API Gateway Developer Guide, "Control access to
// HTTP APIs with AWS Lambda authorizers").
type APIAuthorizer struct {
	Function FunctionHandle
	// Header is what tells callers apart: "x-api-key". A request without it is
	// refused unasked.
	Header string
	// TTL is for how long an answer stands for the same header; 0 asks each time.
	TTL time.Duration
}

// CORS says which pages may call an API.
type CORS struct {
	// Origins of pages: "https://vote.example.org", or "*".
	Origins []string
	// Headers that pages may send beside content-type, and those by which the API
	// knows who comes.
	Headers []string
}

// APIDomain is a domain name of the user's.
type APIDomain struct {
	Name, CertificateARN string
	// KeepEndpoint leaves the API's own address open. Otherwise the domain name is
	// the only way in.
	KeepEndpoint bool
}

// HTTPAPISpec is the spec of an HTTP API with its stage $default, its routes to
// functions and its authorizer.
type HTTPAPISpec struct {
	// Routes are the ARNs of functions by route key.
	Routes map[string]string `json:"routes"`
	// Authorization is, by route key, "JWT" and the scopes, "CUSTOM" or "AWS_IAM";
	// routes that are open have none.
	Authorization map[string]string `json:"authorization"`
	JWTIssuer     string            `json:"jwt_issuer"`
	JWTAudience   []string          `json:"jwt_audience"`
	// Authorizer is the ARN of the function that is asked, by what this header has.
	Authorizer       string   `json:"lambda_authorizer"`
	AuthorizerHeader string   `json:"lambda_authorizer_header"`
	AuthorizerTTL    int      `json:"lambda_authorizer_ttl" unit:"s"`
	Origins          []string `json:"cors_allowed_origins"`
	Methods          []string `json:"cors_allowed_methods"`
	Headers          []string `json:"cors_allowed_headers"`
	MaxAge           int      `json:"cors_max_age" unit:"s"`
	// Rate and Burst belong to AWS where both are 0.
	Rate  int `json:"throttling_rate_limit" unit:"requests a second"`
	Burst int `json:"throttling_burst_limit" unit:"requests"`
	// Endpoint is whether the API's own address answers.
	Endpoint bool `json:"execute_api_endpoint"`
	// AutoDeploy is true: a change of the API is in force at once.
	AutoDeploy bool `json:"auto_deploy"`
	// AccessLog is empty: a log of requests would hold the callers' addresses.
	AccessLog string `json:"access_log"`
}

// Kind implements Spec.
func (HTTPAPISpec) Kind() string { return "http_api" }

// DefaultStage is the stage of an API that is reached without its name.
const DefaultStage = "$default"

// HTTPAPIHandle refers to an HTTP API.
type HTTPAPIHandle struct {
	Handle
	domain *APIDomain
	// domainPart is zero without a domain.
	domainPart Handle
}

// HTTPAPI describes an HTTP API, with what lets it call its functions and, where
// there is one, its domain name.
func (b *Builder) HTTPAPI(key string, a HTTPAPI) HTTPAPIHandle {
	spec := HTTPAPISpec{
		Routes: map[string]string{}, Authorization: map[string]string{}, Rate: a.Rate, Burst: a.Burst,
		Endpoint: a.Domain == nil || a.Domain.KeepEndpoint, AutoDeploy: true,
	}
	functions := map[string]FunctionHandle{}
	for routeKey, r := range a.Routes {
		spec.Routes[routeKey] = r.Function.LiveARN()
		functions[r.Function.Key()] = r.Function
		if auth := a.authorization(r); auth != "" {
			spec.Authorization[routeKey] = auth
		}
	}
	if a.JWT != nil {
		spec.JWTIssuer, spec.JWTAudience = a.JWT.Issuer, slices.Sorted(slices.Values(a.JWT.Audience))
	}
	keys := slices.Sorted(maps.Keys(functions))
	needs := slices.Clone(keys)
	if a.Authorizer != nil {
		spec.Authorizer, spec.AuthorizerHeader, spec.AuthorizerTTL = a.Authorizer.Function.LiveARN(), strings.ToLower(a.Authorizer.Header), int(a.Authorizer.TTL/time.Second)
		needs = append(needs, a.Authorizer.Function.Key())
	}
	if a.CORS != nil {
		spec.cors(*a.CORS, a.IAM)
	}
	h := HTTPAPIHandle{Handle: b.add(key, b.name(key), spec, needs...), domain: a.Domain}
	if a.Rate == 0 && a.Burst == 0 {
		h.part.RuntimeOwned = []string{"throttling_rate_limit", "throttling_burst_limit"}
	}
	for _, f := range keys {
		b.invokePermission(key+"-invoke-"+f, functions[f], "apigateway.amazonaws.com", arn("execute-api", h.ID()+"/*/*"))
	}
	if a.Authorizer != nil {
		f := a.Authorizer.Function
		b.invokePermission(key+"-authorize-"+f.Key(), f, "apigateway.amazonaws.com", arn("execute-api", h.ID()+"/authorizers/*"))
	}
	if a.Domain != nil {
		// Another name is another part: it is made before the one that it follows is
		// taken away. A name is no key, so that the key is made of a digest of it.
		h.domainPart = b.add(key+"-domain-"+digest([]byte(a.Domain.Name))[:8], a.Domain.Name, DomainNameSpec{
			CertificateARN: a.Domain.CertificateARN, SecurityPolicy: "TLS_1_2", API: h.ID(), Stage: DefaultStage,
		}, key)
	}
	return h
}

// What routes ask for in a spec, beside tokens (API Gateway V2 API Reference,
// CreateRoute, authorizationType).
const (
	CustomAuthorization = "CUSTOM"
	IAMAuthorization    = "AWS_IAM"
)

// authorization is what a route asks for in a spec; empty for nothing.
func (a HTTPAPI) authorization(r Route) string {
	switch {
	case r.Open:
		return ""
	case a.JWT != nil:
		return JWTAuthorization(r.Scopes)
	case a.Authorizer != nil:
		return CustomAuthorization
	case a.IAM:
		return IAMAuthorization
	}
	return ""
}

// JWTAuthorization is how a route that asks for a token is written in a spec.
func JWTAuthorization(scopes []string) string {
	return strings.Join(append([]string{"JWT"}, slices.Sorted(slices.Values(scopes))...), " ")
}

// signed are the headers of a signed request that pages send (IAM User Guide,
// "Elements of an AWS API request signature").
var signed = []string{"authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}

// cors allows the methods of the routes. API Gateway does not keep the case of
// headers' names.
func (s *HTTPAPISpec) cors(c CORS, iam bool) {
	s.Origins, s.MaxAge = slices.Sorted(slices.Values(c.Origins)), int(corsMaxAge/time.Second)
	headers := append([]string{"content-type"}, c.Headers...)
	if s.JWTIssuer != "" {
		headers = append(headers, "authorization")
	}
	if s.AuthorizerHeader != "" {
		headers = append(headers, s.AuthorizerHeader)
	}
	if iam {
		headers = append(headers, signed...)
	}
	for i := range headers {
		headers[i] = strings.ToLower(headers[i])
	}
	slices.Sort(headers)
	s.Headers = slices.Compact(headers)
	methods := map[string]bool{}
	for routeKey := range s.Routes {
		method, _, hasPath := strings.Cut(routeKey, " ")
		if !hasPath || method == "ANY" {
			method = "*"
		}
		methods[method] = true
	}
	s.Methods = slices.Sorted(maps.Keys(methods))
	if methods["*"] {
		s.Methods = []string{"*"}
	}
}

// URL returns the address of the API, without a slash at its end: the domain
// name's, where there is one.
func (a HTTPAPIHandle) URL() string {
	if a.domain != nil {
		return "https://" + a.domain.Name
	}
	return Ref(a.Key(), "url")
}

// ID returns a reference to the API's id.
func (a HTTPAPIHandle) ID() string { return Ref(a.Key(), "id") }

// ARN returns the API's ARN, which carries no account.
func (a HTTPAPIHandle) ARN() string {
	return "arn:" + Partition() + ":apigateway:" + Region() + "::/apis/" + a.ID()
}

// DomainTarget returns the name to which the user's DNS must point the domain
// name; empty without one.
func (a HTTPAPIHandle) DomainTarget() string { return a.domainAttribute("target") }

// DomainZone returns the id of the hosted zone of that name, which an alias
// record in Route 53 asks for; empty without a domain name.
func (a HTTPAPIHandle) DomainZone() string { return a.domainAttribute("zone") }

func (a HTTPAPIHandle) domainAttribute(name string) string {
	if a.domain == nil {
		return ""
	}
	return Ref(a.domainPart.Key(), name)
}

// Requests are n requests to the API of so many bytes, body and headers. What
// the functions do and answer is theirs.
func (a HTTPAPIHandle) Requests(n, bytes float64) []Operation { return a.does(Request, n, bytes) }

// InvokePermissionSpec is the spec of a statement in the policy of a function's
// alias that lets a service call it.
type InvokePermissionSpec struct {
	Function string `json:"function" fixed:"true"`
	Alias    string `json:"alias" fixed:"true"`
	// Sid is the statement's id.
	Sid       string `json:"statement_id" fixed:"true"`
	Principal string `json:"principal"`
	// SourceARN is, with wildcards, what the service calls it for.
	SourceARN string `json:"source"`
}

// Kind implements Spec.
func (InvokePermissionSpec) Kind() string { return "invoke_permission" }

// invokePermission lets a service call a function's live alias.
func (b *Builder) invokePermission(key string, f FunctionHandle, service, source string) Handle {
	return b.add(key, f.Name()+":"+LiveAlias+":"+key, InvokePermissionSpec{
		Function: f.Name(), Alias: LiveAlias, Sid: key, Principal: service, SourceARN: source,
	}, f.Key())
}

// DomainNameSpec is the spec of a domain name of API Gateway, with the mapping of
// the whole of it to one API.
type DomainNameSpec struct {
	CertificateARN string `json:"certificate"`
	SecurityPolicy string `json:"security_policy"`
	// API is the API's id, Stage its stage.
	API   string `json:"api"`
	Stage string `json:"stage"`
}

// Kind implements Spec.
func (DomainNameSpec) Kind() string { return "domain_name" }
