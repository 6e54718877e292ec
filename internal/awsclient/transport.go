package awsclient

import (
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// readOnlyBodies hides from net/http that a request's body can write itself.
//
// smithy-go closes the body as soon as an answer begins, and the closed body's
// WriteTo then returns io.EOF (smithy-go v1.28, internal/io, safeReadCloser),
// where Read would be taken as the end. net/http, which looks after the last
// byte whether there is more, takes that for a failed request and closes the
// connection in the middle of the answer: the SDK tries again what has already
// taken effect. An endpoint near by makes that happen about once in a thousand
// calls with bodies of some kilobytes.
type readOnlyBodies struct{ next aws.HTTPClient }

// Do implements aws.HTTPClient.
func (c readOnlyBodies) Do(req *http.Request) (*http.Response, error) {
	if _, writes := req.Body.(io.WriterTo); writes {
		req.Body = struct{ io.ReadCloser }{req.Body}
	}
	return c.next.Do(req)
}
