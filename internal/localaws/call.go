package localaws

import (
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/permission"
)

// Call is what the gate knows of one request that passed through it.
type Call struct {
	// Time is when the request's head arrived at the gate.
	Time time.Time `json:"time"`
	// Service is the name under which botocore keeps the service's model: sqs, dynamodb, cloudwatch, logs, ... A request to a
	// function's URL has "lambda-url", one to an HTTP API "execute-api",
	// one to a distribution "cloudfront-edge".
	Service string `json:"service"`
	// Operation is the API operation, as in AWS's reference. Function URLs and HTTP APIs have "Invoke". A REST request that
	// no operation of the service's model fits has its method and path.
	Operation string `json:"operation"`
	// Caller is the application id of the user agent (AWS_SDK_UA_APP_ID), else "terraform" or the agent's first product.
	Caller string `json:"caller"`
	Region string `json:"region,omitempty"`
	// AccessKey signed the request; empty when nobody did.
	AccessKey string `json:"access_key,omitempty"`
	// Account is known where the access key is an account number, which the local AWS takes for that account's root.
	Account string `json:"account,omitempty"`
	// Resource is the best name that the request gives: a queue, table, function, role, or bucket/key.
	Resource string `json:"resource,omitempty"`
	Method   string `json:"method"`
	Path     string `json:"path"`
	// Invocation is the SDK's id of the call, the same for all its attempts; Attempt counts from 1. Empty and 0 without SDK.
	Invocation string `json:"invocation,omitempty"`
	Attempt    int    `json:"attempt,omitempty"`
	// Statements is how many writes or PartiQL statements a batch has, each of which is billed by itself; 0 for any other call.
	Statements int64 `json:"statements,omitempty"`
	// Bytes is the length of the request's body; 0 where it was streamed without a length.
	Bytes int64 `json:"bytes"`
	// AnswerBytes is the length of the answer's body; 0 where it was streamed without a length.
	AnswerBytes int64 `json:"answer_bytes"`
	// Status is the answer's; 0 when the caller got none.
	Status int `json:"status"`
	// ErrorCode is AWS's error code where the answer was an error, or starts with "gate." where the gate could not forward.
	ErrorCode string `json:"error_code,omitempty"`
	// Duration runs from the request's head to the answer's head.
	Duration time.Duration `json:"duration_ns"`
	// Injected names the kind of fault that hit the call.
	Injected string `json:"injected,omitempty"`

	// What rules need while the call is under way; dropped before a call is kept.
	protocol protocol
	body     []byte // whole, or nil if longer than maxIdentifiedBody
	params   map[string]string
	// principal is who calls, where the proof has judged the call.
	principal *permission.Principal
}

// kept is the call without what only a call under way needs.
func (c Call) kept() Call {
	c.body, c.params, c.principal = nil, nil, nil
	return c
}

// protocol is how a request is written on the wire, which decides how an error must be.
type protocol string

const (
	protocolJSON     protocol = "json"
	protocolQuery    protocol = "query"
	protocolRESTJSON protocol = "rest-json"
	protocolRESTXML  protocol = "rest-xml"
	protocolCBOR     protocol = "smithy-rpc-v2-cbor"
	protocolHTTP     protocol = "http" // no AWS API: a function's URL, an HTTP API
)
