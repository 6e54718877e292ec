package localaws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/permission"
)

// rootAccount is the account of the key "test".
const rootAccount = "000000000000"

// keptDenials and keptIterators bound what the proof remembers.
const (
	keptDenials   = 10_000
	keptIterators = 10_000
)

// Denial is a call that the proof refused.
type Denial struct {
	Call Call
	// Principal is the caller's ARN; "anonymous" where nobody signed.
	Principal string
	// Account is the caller's.
	Account string
	// Action and Resource are what the caller lacked; empty where the table of actions lacks the operation.
	Action, Resource string
	Message          string
}

// Proof judges every call by the policies of its caller and of what it is about, as IAM does, and refuses those that AWS
// would refuse. An account's root user may do everything. It counts which grants were used.
type Proof struct {
	models    *Models
	directory *directory
	usage     permission.Usage

	mu        sync.Mutex
	denials   []Denial
	unknown   map[string]bool
	iterators map[string]string // a shard iterator, and the ARN of its stream
}

func newProof(models *Models, target func() *url.URL) *Proof {
	p := &Proof{models: models, unknown: map[string]bool{}, iterators: map[string]string{}}
	p.directory = newDirectory(target, func(met *permission.Principal) { p.usage.Granted(met.Owner, met.Identity...) })
	return p
}

// Usage tells which grants of users and roles were used.
func (p *Proof) Usage() *permission.Usage { return &p.usage }

// Denials are the calls that were refused, at most the first 10,000. With an account, those of its callers.
func (p *Proof) Denials(account string) []Denial {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.denials), func(d Denial) bool { return account != "" && d.Account != account })
}

// Unknown are the operations, service:operation, that anybody called and the table of actions lacks.
func (p *Proof) Unknown() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.unknown))
}

// Verdict is an error where the table of actions lacks an operation that somebody called: then nobody has shown who may.
func (p *Proof) Verdict() error {
	if p == nil || len(p.Unknown()) == 0 {
		return nil
	}
	return fmt.Errorf("nobody knows by which actions AWS judges %s: add them to the table of internal/localaws/permission", strings.Join(p.Unknown(), ", "))
}

// forget drops what was known of an AWS that is empty now. What was used and refused stays.
func (p *Proof) forget() {
	p.directory.forget()
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.iterators)
}

// Before refuses a call that AWS would refuse.
func (p *Proof) Before(ctx context.Context, c *Call, r *http.Request) *Answer {
	if c.Service == "execute-api" || c.Service == "cloudfront-edge" || c.Operation == "Preflight" || r.Method == http.MethodOptions {
		return nil // an HTTP API has its own authorizer, a distribution none; browsers' questions are answered to everybody
	}
	known := permission.Known(c.Service, c.Operation)
	if !known {
		p.lacking(c)
	}
	if c.Service != "lambda-url" && isRoot(c.AccessKey) {
		return nil
	}
	principal, err := p.caller(ctx, c)
	if err != nil {
		return p.unjudged(c, err)
	}
	if principal == nil || principal.Kind == permission.Root {
		return nil // nobody's key: the local AWS says so; and the account's own may everything
	}
	c.principal = principal
	call := p.call(ctx, c, r, principal)
	needs, err := permission.Needs(call)
	if errors.Is(err, permission.ErrUnknown) {
		return p.refuse(c, Denial{Principal: principal.ARN, Account: principal.Account, Message: err.Error()})
	}
	if err != nil {
		return p.unjudged(c, err)
	}
	if c.Service == "lambda-url" && len(needs) == 0 {
		return nil // there is no such URL
	}
	used := make([]permission.Pair, 0, len(needs))
	for _, need := range needs {
		d, request, err := p.decide(ctx, principal, need, call)
		if err != nil {
			return p.unjudged(c, err)
		}
		used = append(used, d.Used...)
		if d.Allowed && need.Action == "iam:PassRole" {
			answer, err := p.trusted(ctx, c, need)
			if err != nil {
				return p.unjudged(c, err)
			}
			if answer != nil {
				return answer
			}
		}
		if !d.Allowed && !need.Soft {
			return p.refuse(c, Denial{
				Principal: cmp.Or(principal.ARN, "anonymous"), Account: principal.Account, Action: need.Action, Resource: need.Resource,
				Message: d.Message(*principal, request),
			})
		}
	}
	p.usage.Use(principal.Owner, used...)
	return nil
}

func isRoot(key string) bool { return key == "test" || accountNumber.MatchString(key) }

// caller is who makes the call; nil for a key that nobody has, and for an unsigned call to what takes none.
func (p *Proof) caller(ctx context.Context, c *Call) (*permission.Principal, error) {
	nobody := &permission.Principal{Kind: permission.Anonymous}
	if c.Service == "lambda-url" {
		at, err := p.directory.resource(ctx, c.Resource)
		if err != nil || at.AuthType != "AWS_IAM" {
			return nobody, err // with NONE, Lambda asks nobody who they are
		}
	}
	switch {
	case c.AccessKey == "" && c.Service != "s3" && c.Service != "lambda-url":
		return nil, nil
	case c.AccessKey == "":
		return nobody, nil
	case isRoot(c.AccessKey):
		account := cmp.Or(c.Account, rootAccount)
		return &permission.Principal{Kind: permission.Root, ARN: "arn:aws:iam::" + account + ":root", Account: account}, nil
	}
	return p.directory.principal(ctx, c.AccessKey)
}

// call is the call as the table of actions reads it.
func (p *Proof) call(ctx context.Context, c *Call, r *http.Request, principal *permission.Principal) *permission.Call {
	call := &permission.Call{
		Service: c.Service, Operation: c.Operation, Region: c.Region, Account: principal.Account, Method: c.Method, Path: c.Path,
		Input: inputOf(c, r), Body: c.body, Header: r.Header,
		Look: func(arn string) (permission.Resource, error) { return p.directory.resource(ctx, arn) },
		Iterated: func(iterator string) string {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.iterators[iterator]
		},
	}
	if c.Service == "lambda-url" {
		call.Input["FunctionUrlId"] = c.Resource
	}
	return call
}

// inputOf are the members of a request, wherever they stand in it.
func inputOf(c *Call, r *http.Request) map[string]any {
	input := map[string]any{}
	query := r.URL.Query()
	for name, values := range query {
		if name != "tagKeys" {
			input[name] = values[0]
			continue
		}
		var keys []any
		for _, value := range values {
			keys = append(keys, value)
		}
		input[name] = keys
	}
	switch c.protocol {
	case protocolJSON, protocolRESTJSON:
		maps.Copy(input, decodeJSON(c.body))
	case protocolCBOR:
		maps.Copy(input, decodeCBOR(c.body))
	case protocolQuery:
		for name, values := range formOf(r, query, c.body) {
			input[name] = values[0]
		}
	}
	for name, value := range c.params {
		input[name] = value
	}
	return input
}

// decide judges one need.
func (p *Proof) decide(ctx context.Context, principal *permission.Principal, need permission.Need, call *permission.Call) (permission.Decision, permission.Request, error) {
	now := time.Now().UTC()
	context := permission.Context{
		"aws:securetransport": {"true"}, "aws:sourceip": {"127.0.0.1"}, "aws:requestedregion": {call.Region}, "aws:viaawsservice": {"false"},
		"aws:currenttime": {now.Format(time.RFC3339)}, "aws:epochtime": {strconv.FormatInt(now.Unix(), 10)}, "aws:useragent": {call.Header.Get("User-Agent")},
	}
	policy, owner, err := p.resourcePolicy(ctx, principal, need)
	if err != nil {
		return permission.Decision{}, permission.Request{}, err
	}
	if owner != "" {
		context.Set("aws:ResourceAccount", owner)
		context.Set("s3:ResourceAccount", owner)
	}
	if strings.HasPrefix(need.Resource, "arn:") && principal.Mentions("aws:resourcetag/") {
		tags, err := p.directory.tags(ctx, need.Resource)
		if err != nil {
			return permission.Decision{}, permission.Request{}, err
		}
		for key, value := range tags {
			context.Set("aws:ResourceTag/"+key, value)
		}
	}
	request := permission.Request{Action: need.Action, Resource: need.Resource, Context: context.With(need.Context)}
	return permission.Evaluate(*principal, request, policy), request, nil
}

// trusted refuses, in the service's own words, a role that does not trust the service that it is handed to. Of what the
// service tells of itself it knows the account only, aws:SourceAccount.
func (p *Proof) trusted(ctx context.Context, c *Call, need permission.Need) (*Answer, error) {
	if c.Service == "cognito-identity" {
		return nil, nil // the pool's identities take the role on, and only then it shows whether they may
	}
	role, err := p.directory.resource(ctx, need.Resource)
	if err != nil || role.Policy == "" {
		return nil, err // a role that does not exist is the service's to refuse
	}
	trust, err := permission.ParsePolicy(need.Resource, role.Policy)
	if err != nil {
		return nil, err
	}
	service := permission.Principal{Kind: permission.Service, ARN: need.Context["iam:passedtoservice"][0]}
	request := permission.Request{Action: "sts:AssumeRole", Resource: need.Resource, Context: permission.Context{"aws:sourceaccount": {role.Owner}}}
	if permission.Evaluate(service, request, &permission.ResourcePolicy{Policy: trust, Owner: role.Owner}).Allowed {
		return nil, nil
	}
	refusal := apiError{code: "ValidationException", message: "The execution role you provide must allow " + service.ARN + " to assume the role.", status: http.StatusBadRequest}
	switch c.Service {
	case "lambda":
		refusal = apiError{code: "InvalidParameterValueException", message: "The role defined for the function cannot be assumed by Lambda.", status: http.StatusBadRequest}
	case "scheduler":
		refusal.message = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
	}
	return answerError(p.models, c, refusal), nil
}

// resourcePolicy is the policy of what a need is about, and whose that is. Nil where its services have none and it is the caller's
// account's own.
func (p *Proof) resourcePolicy(ctx context.Context, principal *permission.Principal, need permission.Need) (*permission.ResourcePolicy, string, error) {
	parts := strings.SplitN(need.Resource, ":", 6)
	if len(parts) < 6 {
		return nil, principal.Account, nil
	}
	service, _, _ := strings.Cut(need.Action, ":")
	has := slices.Contains([]string{"sqs", "sns", "s3", "kms"}, service) || service == "lambda" && strings.HasPrefix(parts[5], "function:") || service == "sts"
	if !has {
		if parts[4] == "" || parts[4] == principal.Account || parts[4] == "aws" {
			return nil, principal.Account, nil
		}
		return &permission.ResourcePolicy{Owner: parts[4]}, parts[4], nil
	}
	found, err := p.directory.resource(ctx, need.Resource)
	if err != nil {
		return nil, "", err
	}
	owner := cmp.Or(found.Owner, principal.Account) // what does not exist belongs to nobody else
	if found.Policy == "" {
		if owner == principal.Account && principal.Kind != permission.Anonymous {
			return nil, owner, nil
		}
		return &permission.ResourcePolicy{Owner: owner}, owner, nil
	}
	policy, err := permission.ParsePolicy(need.Resource, found.Policy)
	return &permission.ResourcePolicy{Policy: policy, Owner: owner, Required: service == "kms" || service == "sts"}, owner, err
}

// lacking notes an operation that the table lacks.
func (p *Proof) lacking(c *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unknown[c.Service+":"+c.Operation] = true
}

// refuse answers as AWS does, and records the denial.
func (p *Proof) refuse(c *Call, d Denial) *Answer {
	d.Call = c.kept()
	p.mu.Lock()
	if len(p.denials) < keptDenials {
		p.denials = append(p.denials, d)
	}
	p.mu.Unlock()
	if c.Service == "lambda-url" {
		return forbiddenURL()
	}
	return answerError(p.models, c, denied(c, d.Message)) // no Kind: AWS itself would refuse it, nothing was injected
}

// unjudged refuses what could not be judged.
func (p *Proof) unjudged(c *Call, err error) *Answer {
	answer := answerError(p.models, c, apiError{code: "ServiceUnavailable", message: "the gate cannot judge the call: " + err.Error(), status: http.StatusServiceUnavailable})
	answer.Kind = "gate.unjudged"
	return answer
}

// denied is the error with which a service refuses a caller: its name and status in the service's protocol (each service's API
// Reference, "Common errors").
func denied(c *Call, message string) apiError {
	e := apiError{code: "AccessDeniedException", message: message, status: http.StatusBadRequest}
	switch c.Service {
	case "s3", "iam", "sts", "cloudwatch", "cloudfront":
		e.code, e.status = "AccessDenied", http.StatusForbidden
	case "sns":
		e.code, e.status = "AuthorizationError", http.StatusForbidden
	case "lambda", "scheduler", "apigatewayv2", "sqs":
		e.status = http.StatusForbidden
	}
	return e
}

// forbiddenURL is how Lambda refuses a request to a function's URL (Lambda Developer Guide, "Control access to Lambda function URLs").
func forbiddenURL() *Answer {
	header := http.Header{"Content-Type": {"application/json"}, "X-Amzn-Errortype": {"AccessDeniedException"}}
	return &Answer{
		Code: "AccessDeniedException", Status: http.StatusForbidden, Header: header,
		Body: []byte(`{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`),
	}
}
