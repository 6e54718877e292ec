// Package awsconfig builds a function's aws.Config from the Lambda environment alone. The SDK's own default
// loader looks into files and asks a metadata service, which a function never needs and pays for at each
// cold start.
package awsconfig

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

const (
	// idlePerHost keeps a connection for each call that a handler makes at once (the recorder's 16, two
	// parallel scans of 8); the transport's own default of 2 would close and redial the others.
	idlePerHost = 64

	dialTimeout = 2 * time.Second
	tlsTimeout  = 3 * time.Second
	// callTimeout bounds one attempt, body included. A page of a scan, at most 1 MB, takes well under a second.
	callTimeout = 5 * time.Second
)

// FromEnvironment returns the configuration that Lambda's environment variables (name → value) describe:
// AWS_REGION, the session's credentials, AWS_ENDPOINT_URL for all services where it is set, and
// AWS_SDK_UA_APP_ID as the application id in the user agent. It reads nothing else and calls nobody.
func FromEnvironment(environ map[string]string) (aws.Config, error) {
	region := environ["AWS_REGION"]
	if region == "" {
		return aws.Config{}, errors.New("read AWS configuration: AWS_REGION is not set")
	}
	if environ["AWS_ACCESS_KEY_ID"] == "" || environ["AWS_SECRET_ACCESS_KEY"] == "" {
		return aws.Config{}, errors.New("read AWS configuration: AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set")
	}
	cfg := aws.Config{
		Region: region,
		// Lambda sets the credentials once for the life of an execution environment.
		Credentials: credentials.NewStaticCredentialsProvider(
			environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], environ["AWS_SESSION_TOKEN"]),
		AppID:      environ["AWS_SDK_UA_APP_ID"],
		HTTPClient: client(),
		Retryer:    func() aws.Retryer { return retry.NewStandard() },
	}
	if endpoint := environ["AWS_ENDPOINT_URL"]; endpoint != "" {
		cfg.BaseEndpoint = aws.String(endpoint)
	}
	return cfg, nil
}

// WithCallTimeout is a configuration whose calls may take longer, or less, body included: for who streams large objects.
func WithCallTimeout(cfg aws.Config, d time.Duration) aws.Config {
	cfg = cfg.Copy()
	cfg.HTTPClient = client().WithTimeout(d)
	return cfg
}

func client() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithTimeout(callTimeout).
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout }).
		WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns = 4 * idlePerHost
			t.MaxIdleConnsPerHost = idlePerHost
			t.TLSHandshakeTimeout = tlsTimeout
		})
}
