package awscall

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/aws/smithy-go"
)

// Refusal is an answer that is an error. It is a smithy.APIError; a retryer looks at its status and its code.
type Refusal struct {
	smithy.GenericAPIError
	Status    int
	RequestID string // By which AWS's support knows the call; empty where the answer has none.
	Body      []byte // All that was said, as the protocol has it.
}

// Error names the code, what was said to it, and the call.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%s (status %d, request %s)", r.GenericAPIError.Error(), r.Status, cmp.Or(r.RequestID, "unknown"))
}

// HTTPStatusCode is the answer's.
func (r *Refusal) HTTPStatusCode() int { return r.Status }

// refusalOf reads an error of any protocol.
func refusalOf(response *http.Response, answer []byte) *Refusal {
	if said := xmlRefusal(response, answer); said != nil {
		return said
	}
	return jsonRefusal(response, answer)
}

// newRefusal takes the request's id from the header (DynamoDB Developer Guide, "DynamoDB low-level API", response format; S3 has another, S3 User
// Guide, "Getting Amazon S3 request IDs for AWS Support").
func newRefusal(response *http.Response, answer []byte, code, message string) *Refusal {
	return &Refusal{
		GenericAPIError: smithy.GenericAPIError{Code: code, Message: message}, Status: response.StatusCode,
		RequestID: cmp.Or(response.Header.Get("X-Amzn-Requestid"), response.Header.Get("X-Amz-Request-Id")), Body: answer,
	}
}
