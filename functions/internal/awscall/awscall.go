// Package awscall calls AWS services without their SDK clients, by the protocols that Smithy names AWS JSON 1.0 and 1.1, REST JSON, REST XML
// and AWS query. An SDK client brings the schemas and endpoint rules of its whole service, which every function of a bootstrap
// builds as it starts and keeps in memory, whether it calls the service or not. Signing and the rules of retries are the SDK's.
package awscall

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	smithytime "github.com/aws/smithy-go/time"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// maxAnswer bounds what is read of an answer, in bytes. The largest are pages of scans: 1 MB as DynamoDB reckons (DynamoDB Developer Guide,
// "Paginating table query results"), some times that as JSON.
const maxAnswer = 16 << 20

// traceID is the context's key of an invocation's trace id, as aws-lambda-go names it.
const traceID = "x-amzn-trace-id"

// Client calls one service. It may be used from several goroutines.
type Client struct {
	// Config has the region, the credentials, the HTTP client, the application id, and the endpoint where it is not AWS's own.
	Config aws.Config
	// Service is its name in endpoints and signatures: "ssm".
	Service string
	// Target is what comes before an operation in X-Amz-Target: "AmazonSSM". Only for AWS JSON.
	Target string
	// JSON is the version of AWS JSON: "1.0" or "1.1".
	JSON string
	// Retryer decides about attempts. Where it is nil, the first call takes the configuration's, or the SDK's standard one where that has none either.
	Retryer aws.Retryer
	// Retryable are codes of refusals that are worth another attempt beside those that the retryer knows.
	Retryable []string
	// Traced sends the trace id of the invocation along, by which Lambda counts the steps of a function that starts itself again through another service and
	// stops a loop (Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops").
	Traced bool

	retryerOnce sync.Once
	signerOnce  sync.Once
	signer      *v4.Signer // It keeps the key that it derives for a day, region and service.
}

// Request is one call as HTTP has it.
type Request struct {
	Method string
	Host   string // Where it is not the service's own; "bucket" for S3's bucket.s3.eu-west-1.amazonaws.com.
	Path   string // Escaped.
	Query  string // Escaped.
	Header http.Header
	Body   []byte
}

// Send makes one call in as many attempts as the retryer allows. take is given each answer that is no error, and closes its body. What it
// returns is judged by the retryer too. An error of the service is a *Refusal.
func (c *Client) Send(ctx context.Context, request Request, take func(*http.Response) error) error {
	retryer := c.retryer()
	// Each attempt that succeeds pays a little into what is left for retries, and a retry gives back what it was lent, too. Without the former an
	// environment that met a busy service for a while would never try anything again in its life.
	settle, release := retryer.GetInitialToken(), func(error) error { return nil }
	for attempt := 1; ; attempt++ {
		err := c.attempt(ctx, request, take)
		if tokenErr := errors.Join(settle(err), release(err)); tokenErr != nil {
			return errors.Join(err, tokenErr)
		}
		if err == nil || attempt >= retryer.MaxAttempts() || ctx.Err() != nil || !retryer.IsErrorRetryable(err) {
			return err
		}
		token, tokenErr := retryer.GetRetryToken(ctx, err)
		if tokenErr != nil {
			return errors.Join(err, tokenErr)
		}
		release = token
		delay, delayErr := retryer.RetryDelay(attempt, err)
		if delayErr != nil {
			return errors.Join(err, delayErr)
		}
		if waitErr := smithytime.SleepWithContext(ctx, delay); waitErr != nil {
			return errors.Join(err, waitErr)
		}
	}
}

// retryer is one for all calls, since it counts the retries that are left to them together.
func (c *Client) retryer() aws.Retryer {
	c.retryerOnce.Do(func() {
		switch {
		case c.Retryer != nil:
		case c.Config.Retryer != nil:
			c.Retryer = c.Config.Retryer()
		default:
			c.Retryer = retry.NewStandard()
		}
		if len(c.Retryable) > 0 {
			c.Retryer = retry.AddWithErrorCodes(c.Retryer, c.Retryable...)
		}
	})
	return c.Retryer
}

func (c *Client) attempt(ctx context.Context, call Request, take func(*http.Response) error) error {
	endpoint, region := c.place()
	request, err := http.NewRequestWithContext(ctx, call.Method, endpoint+call.Path, bytes.NewReader(call.Body))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	request.URL.RawQuery = call.Query
	if call.Host != "" {
		request.URL.Host = call.Host + "." + request.URL.Host
		request.Host = request.URL.Host
	}
	if call.Header != nil {
		request.Header = call.Header.Clone()
	}
	agent := "serverless-functions"
	if c.Config.AppID != "" {
		agent += " app/" + c.Config.AppID
	}
	request.Header.Set("User-Agent", agent)
	if id, ok := ctx.Value(traceID).(string); ok && id != "" && c.Traced {
		request.Header.Set("X-Amzn-Trace-Id", id)
	}
	request.Header.Set("Accept-Encoding", "identity") // The transport would ask for gzip, of which the checksums would be.
	credentials, err := c.Config.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("get credentials: %w", err)
	}
	sum := sha256.Sum256(call.Body)
	digest := hex.EncodeToString(sum[:])
	if c.Service == "s3" {
		request.Header.Set("X-Amz-Content-Sha256", digest)
	}
	c.signerOnce.Do(func() {
		c.signer = v4.NewSigner(func(o *v4.SignerOptions) {
			// S3 alone does not escape a path twice, and wants the digest in a header (S3 API Reference, "Signature calculations for the Authorization header").
			o.DisableURIPathEscaping = c.Service == "s3"
		})
	})
	if err := c.signer.SignHTTP(ctx, credentials, request, digest, c.Service, region, time.Now()); err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	response, err := c.Config.HTTPClient.Do(request)
	if err != nil {
		return fmt.Errorf("send the request: %w", &smithyhttp.RequestSendError{Err: err})
	}
	if response.StatusCode < http.StatusMultipleChoices {
		return take(response)
	}
	answer, err := read(response)
	if err != nil {
		return err
	}
	return refusalOf(response, answer)
}

// read reads an answer to its end and closes it. The checksum is DynamoDB's, which alone sends one; like an answer that breaks off, one that
// does not fit its checksum is worth another attempt.
func read(response *http.Response) ([]byte, error) {
	defer response.Body.Close() //nolint:errcheck // Nothing was written.
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", &smithyhttp.RequestSendError{Err: err})
	}
	if sum, err := strconv.ParseUint(response.Header.Get("X-Amz-Crc32"), 10, 32); err == nil && uint32(sum) != crc32.ChecksumIEEE(answer) {
		return nil, fmt.Errorf("read the answer: %w", &smithyhttp.RequestSendError{Err: errors.New("it does not fit its checksum")})
	}
	return answer, nil
}

// place is the endpoint, the configured one or AWS's, and the region of its signatures. China's partition has a suffix of its own (AWS General
// Reference, "AWS service endpoints"), and IAM one endpoint in each partition ("AWS Identity and Access Management endpoints and quotas").
func (c *Client) place() (endpoint, region string) {
	region = c.Config.Region
	suffix, host := "amazonaws.com", c.Service+"."+region
	china, gov := strings.HasPrefix(region, "cn-"), strings.HasPrefix(region, "us-gov-")
	if china {
		suffix += ".cn"
	}
	if c.Service == "iam" {
		switch {
		case china:
			region, host = "cn-north-1", "iam.cn-north-1"
		case gov:
			region, host = "us-gov-west-1", "iam.us-gov"
		default:
			region, host = "us-east-1", "iam"
		}
	}
	if c.Config.BaseEndpoint != nil {
		return *c.Config.BaseEndpoint, region
	}
	return "https://" + host + "." + suffix, region
}
