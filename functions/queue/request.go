package queue

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/events"
)

// Request is a request of a function URL (Lambda Developer Guide, "Invoking Lambda function URLs"). It has what handlers look at.
type Request struct {
	Headers         map[string]string `json:"headers"` // Names are in lower case.
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	RequestContext  struct {
		HTTP struct {
			Method string `json:"method"`
		} `json:"http"`
		Authorizer struct {
			IAM *struct {
				UserARN string `json:"userArn"`
			} `json:"iam"`
		} `json:"authorizer"`
	} `json:"requestContext"`
}

// Response is the answer to a request.
type Response = events.LambdaFunctionURLResponse

// failure is the answer to a request that was not granted.
type failure struct {
	Error   string `json:"error"`
	Message string `json:"message"`
	OpensAt int64  `json:"opens_at,omitempty"` // Milliseconds since 1970.
	Wait    int64  `json:"wait,omitempty"`     // Milliseconds until it is worth another try.
}

func respond(status int, answer any) Response {
	body, err := json.Marshal(answer)
	if err != nil { // Not with the types of this package.
		status, body = http.StatusInternalServerError, fmt.Appendf(nil, `{"error":"internal","message":%q}`, err.Error())
	}
	return Response{
		StatusCode: status, Headers: map[string]string{"Content-Type": contentJSON, "Cache-Control": "no-store"}, Body: string(body),
	}
}

func refuse(status int, code, message string) Response {
	return respond(status, failure{Error: code, Message: message})
}

func unavailable(after int) Response {
	response := refuse(http.StatusServiceUnavailable, "unavailable", "That did not work. Try again.")
	response.Headers["Retry-After"] = strconv.Itoa(after)
	return response
}

// compressors are kept, since each has a megabyte of tables.
var compressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// compress packs an answer's body by gzip for whom takes that: what leaves for the Internet is billed by the byte.
func (r Request) compress(response Response) Response {
	if !strings.Contains(r.Headers["accept-encoding"], "gzip") {
		return response
	}
	w, _ := compressors.Get().(*gzip.Writer)
	defer compressors.Put(w)
	var out bytes.Buffer
	w.Reset(&out)
	_, _ = w.Write([]byte(response.Body)) // A buffer takes all.
	_ = w.Close()
	response.Body, response.IsBase64Encoded = base64.StdEncoding.EncodeToString(out.Bytes()), true
	response.Headers["Content-Encoding"] = "gzip"
	return response
}

// read decodes a request's body, or returns the refusal to take it.
func (r Request) read(into any) *Response {
	refused := func(response Response) *Response { return &response }
	if r.RequestContext.HTTP.Method != http.MethodPost {
		response := refuse(http.StatusMethodNotAllowed, "method", "Use POST.")
		response.Headers["Allow"] = http.MethodPost
		return &response
	}
	body := []byte(r.Body)
	if r.IsBase64Encoded {
		// The length counts padding as bytes, of which there are at most two.
		if base64.StdEncoding.DecodedLen(len(body)) > MaxBodyBytes+2 {
			return refused(refuse(http.StatusRequestEntityTooLarge, "too_large", "The body has at most 2 KiB."))
		}
		decoded, err := base64.StdEncoding.DecodeString(r.Body)
		if err != nil {
			return refused(refuse(http.StatusBadRequest, "malformed", "The body is not the base64 that it says it is."))
		}
		body = decoded
	}
	if len(body) > MaxBodyBytes {
		return refused(refuse(http.StatusRequestEntityTooLarge, "too_large", "The body has at most 2 KiB."))
	}
	if err := decode(body, into); err != nil {
		return refused(refuse(http.StatusBadRequest, "malformed", "The body is not the JSON object that this asks for: "+err.Error()+"."))
	}
	return nil
}
