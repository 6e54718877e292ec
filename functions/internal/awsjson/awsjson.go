// Package awsjson calls AWS services whose protocol is AWS JSON 1.1 or REST JSON (Smithy, "AWS JSON 1.1 protocol", "AWS restJson1
// protocol") without their SDK clients. Each of these
// brings the schemas of all operations of its service, which every function of a bootstrap builds as it starts, whether it calls
// them or not: those of SSM alone took half of a start, for one call.
package awsjson

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	smithytime "github.com/aws/smithy-go/time"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// Client calls one service.
type Client struct {
	// Config has the region, the credentials, the HTTP client, the application id, and the endpoint where it is not AWS's own.
	Config aws.Config
	// Service is its name in endpoints and signatures: "ssm".
	Service string
	// Target is what comes before an operation in X-Amz-Target: "AmazonSSM". Empty where the protocol is REST JSON.
	Target string
	// Retryer decides about attempts.
	Retryer aws.Retryer
}

// failure is an answer that is an error. A retryer looks at its status and its code.
type failure struct {
	smithy.GenericAPIError
	status int
}

// HTTPStatusCode is the answer's.
func (f *failure) HTTPStatusCode() int { return f.status }

// Call makes one call of AWS JSON 1.1, in as many attempts as the retryer allows. It encodes in and decodes the answer into out. An error of
// the service is a smithy.APIError.
func (c *Client) Call(ctx context.Context, operation string, in, out any) error {
	return c.send(ctx, http.MethodPost, "/", http.Header{
		"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {c.Target + "." + operation},
	}, in, out)
}

// Get makes one call of REST JSON that has all it says in its path.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.send(ctx, http.MethodGet, path, http.Header{}, nil, out)
}

// Put makes one call of REST JSON, as Call does.
func (c *Client) Put(ctx context.Context, path string, in, out any) error {
	return c.send(ctx, http.MethodPut, path, http.Header{"Content-Type": {"application/json"}}, in, out)
}

func (c *Client) send(ctx context.Context, method, path string, header http.Header, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("encode the call: %w", err)
		}
	}
	release := func(error) error { return nil } // Gives back what a retry was lent, where it succeeds.
	for attempt := 1; ; attempt++ {
		err := c.attempt(ctx, method, path, header, body, out)
		if releaseErr := release(err); releaseErr != nil {
			return errors.Join(err, releaseErr)
		}
		if err == nil || attempt >= c.Retryer.MaxAttempts() || ctx.Err() != nil || !c.Retryer.IsErrorRetryable(err) {
			return err
		}
		token, tokenErr := c.Retryer.GetRetryToken(ctx, err)
		if tokenErr != nil {
			return errors.Join(err, tokenErr)
		}
		release = token
		delay, delayErr := c.Retryer.RetryDelay(attempt, err)
		if delayErr != nil {
			return errors.Join(err, delayErr)
		}
		if waitErr := smithytime.SleepWithContext(ctx, delay); waitErr != nil {
			return errors.Join(err, waitErr)
		}
	}
}

func (c *Client) attempt(ctx context.Context, method, path string, header http.Header, body []byte, out any) error {
	request, err := http.NewRequestWithContext(ctx, method, c.endpoint()+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	request.Header = header.Clone()
	agent := "serverless-functions"
	if c.Config.AppID != "" {
		agent += " app/" + c.Config.AppID
	}
	request.Header.Set("User-Agent", agent)
	credentials, err := c.Config.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("get credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), c.Service, c.Config.Region, time.Now()); err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	response, err := c.Config.HTTPClient.Do(request)
	if err != nil {
		return fmt.Errorf("send the request: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // Nothing was written.
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return refused(response, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	return nil
}

// endpoint is the configured one, or AWS's: China's partition has a suffix of its own (AWS General Reference, "AWS service endpoints").
func (c *Client) endpoint() string {
	if c.Config.BaseEndpoint != nil {
		return *c.Config.BaseEndpoint
	}
	suffix := "amazonaws.com"
	if strings.HasPrefix(c.Config.Region, "cn-") {
		suffix += ".cn"
	}
	return "https://" + c.Service + "." + c.Config.Region + "." + suffix
}

// refused reads an error: its code is in a header or in the body, between a namespace and an address where these are (Smithy, "AWS JSON
// 1.1 protocol", operation error serialization).
func refused(response *http.Response, answer []byte) error {
	var said struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(answer, &said); err != nil { // By something in between, which the status must tell.
		said.Message = response.Status
	}
	code := response.Header.Get("X-Amzn-ErrorType")
	for _, other := range []string{said.Type, said.Code, "UnknownError"} {
		if code == "" {
			code = other
		}
	}
	code, _, _ = strings.Cut(code, ":")
	code = code[strings.LastIndex(code, "#")+1:]
	return &failure{smithy.GenericAPIError{Code: code, Message: said.Message}, response.StatusCode}
}
