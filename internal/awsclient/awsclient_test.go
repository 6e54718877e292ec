package awsclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// alone takes away what this machine knows of AWS.
func alone(t *testing.T) {
	t.Helper()
	for _, line := range os.Environ() {
		if name, _, _ := strings.Cut(line, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, none)
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// keys is a configuration with credentials that reaches for endpoint.
func keys(endpoint string) Config {
	return Config{Region: "eu-central-1", AccessKey: "AKIAEXAMPLE", SecretKey: "secret", Endpoint: endpoint}
}

func TestConfigFails(t *testing.T) {
	files := t.TempDir()
	shared := filepath.Join(files, "config")
	if err := os.WriteFile(shared, []byte("[profile there]\nregion = eu-west-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	credentials := filepath.Join(files, "credentials")
	if err := os.WriteFile(credentials, []byte("[there]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(change func(*Config)) Config {
		c := keys("")
		change(&c)
		return c
	}
	for name, c := range map[string]struct {
		config             Config
		attribute, summary string
		detail             []string
	}{
		"unknown region": {
			with(func(c *Config) { c.Region = "eu-centra-1" }),
			"region", "Unknown AWS region", []string{`"eu-centra-1"`, "for instance us-east-1", "skip_region_validation = true"},
		},
		"no region": {
			with(func(c *Config) { c.Region = "" }),
			"region", "No AWS region", []string{"region in the provider block", "AWS_REGION"},
		},
		"endpoint without scheme": {
			with(func(c *Config) { c.Endpoint = "127.0.0.1:4566" }),
			"endpoint", "Endpoint is no URL", []string{"127.0.0.1:4566: give a URL with scheme and host, for instance http://127.0.0.1:4566"},
		},
		"endpoint of another scheme": {with(func(c *Config) { c.Endpoint = "ftp://host" }), "endpoint", "Endpoint is no URL", []string{"ftp://host"}},
		"endpoint without host":      {with(func(c *Config) { c.Endpoint = "http://" }), "endpoint", "Endpoint is no URL", []string{"http://"}},
		"endpoint of a service": {
			with(func(c *Config) { c.Endpoints = map[string]string{"s3": "http://fine", "sqs": "localhost"} }),
			"endpoints", "Endpoint is no URL", []string{"sqs = localhost"},
		},
		"retry mode": {
			with(func(c *Config) { c.RetryMode = "eager" }),
			"retry_mode", "Unknown retry mode", []string{`"eager" is no retry mode`, "standard or adaptive"},
		},
		"unknown profile": {
			Config{Region: "eu-central-1", Profile: "elsewhere", SharedConfigFiles: []string{shared}},
			"profile", "AWS profile not found", []string{`no profile "elsewhere"`, "AWS_PROFILE", "shared_config_files"},
		},
		"unknown profile in a credentials file": {
			Config{Region: "eu-central-1", Profile: "elsewhere", SharedCredentialsFiles: []string{credentials}},
			"profile", "AWS profile not found", []string{`no profile "elsewhere"`},
		},
		"no credentials": {
			Config{Region: "eu-central-1"},
			"", "No AWS credentials", []string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "profile in the provider block"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t)
			client, failure := New(t.Context(), c.config)
			if failure == nil {
				t.Fatalf("there are clients for %s", client.Region())
			}
			if failure.Attribute != c.attribute || failure.Summary != c.summary {
				t.Errorf("it is %q at %q, want %q at %q", failure.Summary, failure.Attribute, c.summary, c.attribute)
			}
			for _, s := range c.detail {
				if !strings.Contains(failure.Detail, s) {
					t.Errorf("%q does not say %q", failure.Detail, s)
				}
			}
		})
	}
}

func TestRegionNewerThanTheProvider(t *testing.T) {
	alone(t)
	c := keys("")
	c.Region, c.SkipRegionValidation = "eu-north-9", true
	client, failure := New(t.Context(), c)
	if failure != nil {
		t.Fatal(failure)
	}
	if client.Region() != "eu-north-9" || client.Partition() != "aws" {
		t.Errorf("the region is %s in %s; want eu-north-9 in aws", client.Region(), client.Partition())
	}
}

func TestPartition(t *testing.T) {
	alone(t)
	for region, want := range map[string][2]string{
		"eu-central-1":  {"aws", "amazonaws.com"},
		"cn-north-1":    {"aws-cn", "amazonaws.com.cn"},
		"us-gov-west-1": {"aws-us-gov", "amazonaws.com"},
	} {
		c := keys("")
		c.Region = region
		client, failure := New(t.Context(), c)
		if failure != nil {
			t.Fatal(failure)
		}
		if have := [2]string{client.Partition(), client.DNSSuffix()}; have != want {
			t.Errorf("%s is in %v, want %v", region, have, want)
		}
	}
}

// answers serves STS: each request gets the next of the answers, the last one
// for ever.
func answers(t *testing.T, calls *atomic.Int64, answers ...func(http.ResponseWriter)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := int(calls.Add(1))
		answers[min(n, len(answers))-1](w)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// refusal is an error as STS tells it.
func refusal(status int, code, message string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>1</RequestId></ErrorResponse>`, code, message)
	}
}

// identity is the answer of STS about who the caller is.
func identity(account string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::%[1]s:user/ci</Arn><UserId>AIDA</UserId><Account>%[1]s</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, account)
	}
}

func open(t *testing.T, c Config) *Client {
	t.Helper()
	alone(t)
	client, failure := New(t.Context(), c)
	if failure != nil {
		t.Fatal(failure)
	}
	return client
}

func TestCheckRefused(t *testing.T) {
	for name, c := range map[string]struct {
		status        int
		code, message string
		summary       string
		detail        []string
	}{
		"wrong secret": {
			403, "SignatureDoesNotMatch", "The request signature we calculated does not match",
			"AWS refuses the credentials", []string{"the secret does not belong to it", "eu-central-1", "SignatureDoesNotMatch: The request signature"},
		},
		"unknown key": {
			403, "InvalidClientTokenId", "The security token included in the request is invalid.",
			"AWS refuses the credentials", []string{"access key is unknown", "Check the profile", "InvalidClientTokenId"},
		},
		"expired": {
			403, "ExpiredToken", "The security token included in the request is expired",
			"AWS credentials have expired", []string{"Log in again", "aws sso login", "is expired"},
		},
		"anything else": {
			400, "RegionDisabledException", "not here",
			"AWS does not say who the caller is", []string{"sts:GetCallerIdentity failed", "RegionDisabledException: not here"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			client := open(t, keys(answers(t, &calls, refusal(c.status, c.code, c.message))))
			failure := client.Check(t.Context())
			if failure == nil {
				t.Fatal("the credentials are taken")
			}
			if failure.Attribute != "" || failure.Summary != c.summary {
				t.Errorf("it is %q at %q, want %q at none", failure.Summary, failure.Attribute, c.summary)
			}
			for _, s := range c.detail {
				if !strings.Contains(failure.Detail, s) {
					t.Errorf("%q does not say %q", failure.Detail, s)
				}
			}
			if strings.Contains(failure.Detail, "AKIAEXAMPLE") {
				t.Errorf("%q shows the access key", failure.Detail)
			}
			if n := calls.Load(); n != 1 {
				t.Errorf("a refusal is asked for %d times, want once", n)
			}
		})
	}
}

func TestAccount(t *testing.T) {
	var calls atomic.Int64
	client := open(t, keys(answers(t, &calls, refusal(403, "ExpiredToken", "expired"), identity("123456789012"))))
	var failure *Failure
	if _, err := client.Account(t.Context()); !errors.As(err, &failure) {
		t.Fatalf("the error is %v, want a failure", err)
	}
	// A failure is asked about again, an answer is kept.
	for range 3 {
		account, err := client.Account(t.Context())
		if err != nil || account != "123456789012" {
			t.Fatalf("the account is %q, %v; want 123456789012", account, err)
		}
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("STS is called %d times, want 2", n)
	}
}

func TestAllowedAccounts(t *testing.T) {
	for name, c := range map[string]struct {
		allowed []string
		want    *Failure
	}{
		"any":        {nil, nil},
		"listed":     {[]string{"111111111111", "123456789012"}, nil},
		"not listed": {[]string{"111111111111", "222222222222"}, &Failure{"allowed_account_ids", "AWS account not allowed", "The credentials belong to account 123456789012 (arn:aws:iam::123456789012:user/ci), and allowed_account_ids lists 111111111111, 222222222222. Use other credentials, or allow this account."}},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			config := keys(answers(t, &calls, identity("123456789012")))
			config.AllowedAccountIDs = c.allowed
			if diff := cmp.Diff(c.want, open(t, config).Check(t.Context())); diff != "" {
				t.Errorf("want -, have +:\n%s", diff)
			}
		})
	}
}

func TestServiceEndpointComesFirst(t *testing.T) {
	var general, own atomic.Int64
	config := keys(answers(t, &general, refusal(500, "Wrong", "wrong door")))
	config.Endpoints = map[string]string{"sts": answers(t, &own, identity("123456789012"))}
	if failure := open(t, config).Check(t.Context()); failure != nil {
		t.Fatal(failure)
	}
	if general.Load() != 0 || own.Load() != 1 {
		t.Errorf("%d calls to endpoint, %d to that of sts; want 0 and 1", general.Load(), own.Load())
	}
}

// TestUnreachable checks that an address at which nobody listens is told at
// once rather than after all attempts of an apply.
func TestUnreachable(t *testing.T) {
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	failure := open(t, keys("http://"+address)).Check(ctx)
	if ctx.Err() != nil {
		t.Fatalf("it is not told within 20 s: %v", failure)
	}
	if failure == nil || failure.Attribute != "endpoint" || failure.Summary != "AWS cannot be reached" ||
		!strings.Contains(failure.Detail, "Check the network, the proxy, endpoint") || !strings.Contains(failure.Detail, address) {
		t.Errorf("it is told as %+v", failure)
	}
}

func TestIdentityFailure(t *testing.T) {
	api := func(code string) error {
		return fmt.Errorf("operation error STS: %w", &smithy.GenericAPIError{Code: code, Message: "no"})
	}
	const expired, refused, mute, unreachable = "AWS credentials have expired", "AWS refuses the credentials", "AWS does not say who the caller is", "AWS cannot be reached"
	for name, c := range map[string]struct {
		err                error
		attribute, summary string
	}{
		"expired token":      {api("ExpiredToken"), "", expired},
		"expired, JSON":      {api("ExpiredTokenException"), "", expired},
		"expired request":    {api("RequestExpired"), "", expired},
		"invalid token":      {api("InvalidClientTokenId"), "", refused},
		"unrecognized":       {api("UnrecognizedClientException"), "", refused},
		"wrong signature":    {api("SignatureDoesNotMatch"), "", refused},
		"invalid access key": {api("InvalidAccessKeyId"), "", refused},
		"access denied":      {api("AccessDenied"), "", mute},
		"DNS":                {fmt.Errorf("send: %w", &net.DNSError{Err: "no such host", Name: "sts.nowhere"}), "endpoint", unreachable},
		"refused":            {fmt.Errorf("send: %w", &net.OpError{Op: "dial", Err: errors.New("connection refused")}), "endpoint", unreachable},
		"anything else":      {errors.New("the moon is full"), "", mute},
	} {
		t.Run(name, func(t *testing.T) {
			failure := identityFailure(c.err, "eu-central-1")
			if failure.Attribute != c.attribute || failure.Summary != c.summary || failure.Detail == "" {
				t.Errorf("it is %q at %q, want %q at %q: %s", failure.Summary, failure.Attribute, c.summary, c.attribute, failure.Detail)
			}
		})
	}
}

func TestProfileOfTheEnvironment(t *testing.T) {
	alone(t)
	t.Setenv("AWS_PROFILE", "elsewhere")
	_, failure := New(t.Context(), Config{Region: "eu-central-1"})
	if failure == nil || failure.Attribute != "profile" || !strings.HasPrefix(failure.Detail, `There is no profile "elsewhere"`) {
		t.Errorf("it is told as %+v", failure)
	}
}
