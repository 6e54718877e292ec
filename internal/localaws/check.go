package localaws

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Check is the rule that holds each request against AWS's own model of its operation. What AWS would refuse is refused as AWS
// does it, in the call's protocol, and recorded as a violation. So is what AWS would silently pass over: a member that the operation does not
// have is a misspelt one.
type Check struct {
	models *Models
	record *violations
}

// Before refuses a request that does not fit its model.
func (k *Check) Before(_ context.Context, c *Call, r *http.Request) *Answer {
	e, problems := k.judge(c, r)
	if len(problems) == 0 {
		return nil
	}
	k.record.add(Violation{Call: c.kept(), Problems: problems})
	if e.message == "" {
		plural := map[bool]string{true: "errors", false: "error"}[len(problems) > 1]
		e.message = fmt.Sprintf("%d validation %s detected: %s", len(problems), plural, strings.Join(problems, "; "))
	}
	answer := answerError(k.models, c, e)
	answer.Kind = "violation"
	return answer
}

// After has nothing to do: a request is judged when it comes.
func (k *Check) After(*Call, *http.Response) {}

// judge finds what is wrong with a request, and AWS's error for it.
func (k *Check) judge(c *Call, r *http.Request) (apiError, []string) {
	if k.models.dir == "" || c.protocol == protocolHTTP || c.Operation == "Preflight" || strings.HasPrefix(c.Path, "/_aws/") {
		return apiError{}, nil
	}
	model, err := k.models.Service(c.Service)
	if err != nil {
		return apiError{code: "UnknownOperationException"}, []string{"there is no service " + strconv.Quote(c.Service)}
	}
	operation := model.Operations[c.Operation]
	if operation == nil {
		if c.AccessKey == "" {
			return apiError{}, nil // anybody may ask a bucket for anything
		}
		return apiError{code: "UnknownOperationException"}, []string{"there is no operation " + strconv.Quote(c.Operation)}
	}
	if c.body == nil && c.protocol != protocolRESTJSON && c.protocol != protocolRESTXML {
		return apiError{}, nil // too long to be kept
	}
	tree, err := input(model, operation, c, r)
	if err != nil {
		return apiError{code: unreadable(c)}, []string{err.Error()}
	}
	if operation.Input != nil {
		v := validation{model: model, operation: operation.Name}
		v.structure("", model.Shapes[operation.Input.Shape], tree)
		if v.mistyped {
			return apiError{code: unreadable(c)}, v.problems
		}
		if len(v.problems) > 0 {
			return apiError{code: invalid(c)}, v.problems
		}
	}
	for _, refuse := range beyond[c.Service+" "+c.Operation] {
		if e, wrong := refuse(tree); wrong {
			return e, []string{e.code + ": " + e.message}
		}
	}
	return apiError{}, nil
}

// invalid is the code with which a service refuses a value (each service's API reference, Common Errors and the operations' own).
func invalid(c *Call) string {
	switch c.Service {
	case "s3", "cloudfront":
		return "InvalidArgument"
	case "sns":
		return "InvalidParameter"
	case "sqs", "cloudwatch":
		return "InvalidParameterValue"
	case "logs":
		return "InvalidParameterException"
	case "apigatewayv2":
		return "BadRequestException"
	}
	if c.protocol == protocolQuery {
		return "ValidationError"
	}
	return "ValidationException"
}

// unreadable is the code with which a service refuses a body that it cannot make sense of.
func unreadable(c *Call) string {
	switch c.protocol {
	case protocolRESTXML:
		return "MalformedXML"
	case protocolQuery:
		return "MalformedInput"
	default:
		return "SerializationException"
	}
}
