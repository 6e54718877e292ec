package awsclient

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// closeEarly is a server so near that its answer is there before the client has
// looked for the end of its own body.
type closeEarly struct {
	t    *testing.T
	body *string
}

func (c closeEarly) Do(req *http.Request) (*http.Response, error) {
	var sent bytes.Buffer
	if _, err := io.CopyN(&sent, req.Body, req.ContentLength); err != nil {
		c.t.Fatal(err)
	}
	*c.body = sent.String()
	if err := req.Body.Close(); err != nil {
		c.t.Fatal(err)
	}
	// What net/http does after the last byte; see transferWriter.writeBody.
	if n, err := io.Copy(io.Discard, req.Body); n != 0 || err != nil {
		c.t.Errorf("looking for more after the close gave %d bytes and %v: net/http would close the connection", n, err)
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

func TestBodyEndsQuietly(t *testing.T) {
	smithy := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	smithy, err := smithy.SetStream(strings.NewReader("a vote"))
	if err != nil {
		t.Fatal(err)
	}
	smithy.ContentLength = int64(len("a vote"))
	var body string
	resp, err := readOnlyBodies{closeEarly{t, &body}}.Do(smithy.Build(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if body != "a vote" {
		t.Errorf("the body arrived as %q", body)
	}
}
