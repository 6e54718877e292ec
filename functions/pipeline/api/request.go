package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// Request is a request of an HTTP API (API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs", payload format version 2.0). It has what
// the handler looks at.
type Request struct {
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	Headers         map[string]string `json:"headers"` // With names in small letters.
	RequestContext  struct {
		HTTP struct {
			Method string `json:"method"`
		} `json:"http"`
		Authorizer Authorizer `json:"authorizer"`
	} `json:"requestContext"`
}

// Response is the answer to a request.
type Response = events.APIGatewayV2HTTPResponse

// body is what a request asks for (GraphQL over HTTP, "Request parameters"). Other members mean nothing, as there.
type body struct {
	Query         string         `json:"query"`
	OperationName string         `json:"operationName"`
	Variables     map[string]any `json:"variables"`
}

// refusal is why a request is not one for GraphQL, with its HTTP status.
type refusal struct {
	*Error
	status int
}

func refuse(status int, code Code, message string) *refusal {
	return &refusal{&Error{code, message}, status}
}

// read decodes a request.
func (r Request) read() (body, *refusal) {
	if r.RequestContext.HTTP.Method != http.MethodPost {
		return body{}, refuse(http.StatusMethodNotAllowed, BadInput, "Send queries with POST.")
	}
	if kind, _, err := mime.ParseMediaType(r.Headers["content-type"]); err != nil || kind != "application/json" {
		return body{}, refuse(http.StatusUnsupportedMediaType, BadInput, "Send the query as JSON, with the header Content-Type: application/json.")
	}
	raw := []byte(r.Body)
	if r.IsBase64Encoded {
		// The length counts padding as bytes, of which there are at most two.
		if base64.StdEncoding.DecodedLen(len(raw)) > MaxBodyBytes+2 {
			return body{}, errTooLarge()
		}
		decoded, err := base64.StdEncoding.DecodeString(r.Body)
		if err != nil {
			return body{}, refuse(http.StatusBadRequest, BadInput, "The body is not the base64 that it says it is.")
		}
		raw = decoded
	}
	if len(raw) > MaxBodyBytes {
		return body{}, errTooLarge()
	}
	return readBody(raw)
}

func errTooLarge() *refusal {
	return refuse(http.StatusRequestEntityTooLarge, Limit, "The body has at most 32 KiB. Ask for less at once.")
}

func readBody(raw []byte) (asked body, refused *refusal) {
	if trimmed := bytes.TrimLeft(raw, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		return body{}, refuse(http.StatusBadRequest, Limit, "The body is a list. Send one operation at a time.")
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	err := decoder.Decode(&asked)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err != nil || strings.TrimSpace(asked.Query) == "" {
		return body{}, refuse(http.StatusBadRequest, BadInput, `The body is a JSON object with "query", a text, and where the query needs them "variables", an object, and "operationName".`)
	}
	return asked, nil
}
