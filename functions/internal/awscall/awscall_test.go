package awscall_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// answer is a status with a body, and the header with an error's code.
type answer struct {
	status     int
	code, body string
}

// service answers one after the other, and the last for ever.
func service(t *testing.T, answers ...answer) (client *awscall.Client, calls *int) {
	t.Helper()
	calls = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		authorization := r.Header.Get("Authorization")
		if !strings.Contains(authorization, "/eu-west-1/ssm/aws4_request") || r.Header.Get("X-Amz-Security-Token") != "token" {
			t.Errorf("signed by %s", authorization)
		}
		if r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" ||
			!strings.HasSuffix(r.UserAgent(), " app/recorder") || string(body) != `{"Name":"key"}` {
			t.Errorf("headers %v, body %s", r.Header, body)
		}
		a := answers[min(*calls, len(answers)-1)]
		*calls++
		if a.code != "" {
			w.Header().Set("X-Amzn-ErrorType", a.code)
		}
		w.WriteHeader(a.status)
		io.WriteString(w, a.body)
	}))
	t.Cleanup(server.Close)
	return &awscall.Client{
		Config: aws.Config{
			Region: "eu-west-1", AppID: "recorder", BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client(),
			Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "token"),
		},
		Service: "ssm", Target: "AmazonSSM", JSON: "1.1",
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.RateLimiter = 4, ratelimit.None
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	}, calls
}

func TestCall(t *testing.T) {
	good := answer{200, "", `{"Parameter":{"Value":"secret"},"More":1}`}
	for name, test := range map[string]struct {
		answers []answer
		code    string // Of the error; empty for none.
		calls   int
	}{
		"answered":             {[]answer{good}, "", 1},
		"throttled":            {[]answer{{400, "", `{"__type":"com.amazonaws.ssm#ThrottlingException","message":"slow"}`}, good}, "", 2},
		"out of order":         {[]answer{{500, "", `<html>`}, {503, "InternalServerError:http://x/", ``}, good}, "", 3},
		"refused":              {[]answer{{400, "", `{"__type":"AccessDeniedException","message":"not yours"}`}, good}, "AccessDeniedException", 1},
		"refused by a header":  {[]answer{{400, "ParameterNotFound:http://x/", `{}`}, good}, "ParameterNotFound", 1},
		"refused by a code":    {[]answer{{400, "", `{"code":"ParameterNotFound"}`}, good}, "ParameterNotFound", 1},
		"throttled for ever":   {[]answer{{400, "ThrottlingException", `{}`}}, "ThrottlingException", 4},
		"not a word of reason": {[]answer{{403, "", ``}}, "UnknownError", 1},
	} {
		t.Run(name, func(t *testing.T) {
			client, calls := service(t, test.answers...)
			var out struct{ Parameter struct{ Value string } }
			err := client.Call(t.Context(), "GetParameter", map[string]string{"Name": "key"}, &out)
			var refused smithy.APIError
			switch {
			case test.code == "" && (err != nil || out.Parameter.Value != "secret"):
				t.Errorf("got %+v, %v", out, err)
			case test.code != "" && (!errors.As(err, &refused) || refused.ErrorCode() != test.code):
				t.Errorf("got %v, want %s", err, test.code)
			}
			if *calls != test.calls {
				t.Errorf("%d calls, want %d", *calls, test.calls)
			}
		})
	}
}

// TestRefusal: an error tells the call, so that AWS's support finds it.
func TestRefusal(t *testing.T) {
	for header, want := range map[string]string{
		"X-Amzn-Requestid": "api error AccessDenied: not yours (status 403, request r-1)",
		"X-Amz-Request-Id": "api error AccessDenied: not yours (status 403, request r-1)",
		"X-Other":          "api error AccessDenied: not yours (status 403, request unknown)",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(header, "r-1")
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"__type":"AccessDenied","message":"not yours"}`)
		}))
		t.Cleanup(server.Close)
		client := &awscall.Client{Config: configured(server), Service: "ssm", Target: "AmazonSSM", JSON: "1.1", Retryer: atOnce()}
		if err := client.Call(t.Context(), "GetParameter", struct{}{}, nil); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestCallKeepsToTheQuotaOfRetries: a retryer whose tokens are used up ends the attempts.
func TestCallKeepsToTheQuotaOfRetries(t *testing.T) {
	client, calls := service(t, answer{400, "ThrottlingException", `{}`})
	client.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.RateLimiter, o.RetryCost = 9, ratelimit.NewTokenRateLimit(2), 1
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	})
	var refused smithy.APIError
	if err := client.Call(t.Context(), "GetParameter", map[string]string{"Name": "key"}, &struct{}{}); !errors.As(err, &refused) || *calls != 3 {
		t.Errorf("%v after %d calls, want 3", err, *calls)
	}
}

// TestQuotaOfRetriesComesBack: calls that succeed pay for retries to come. An environment lives for hours, and one bad minute must not leave it without any.
func TestQuotaOfRetriesComesBack(t *testing.T) {
	busy, good := answer{400, "ThrottlingException", `{}`}, answer{200, "", `{}`}
	answers := []answer{busy, busy, busy, good, good, busy, good}
	client, calls := service(t, answers...)
	client.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.RateLimiter, o.RetryCost = 9, ratelimit.NewTokenRateLimit(4), 2
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	})
	for i, want := range []struct {
		calls  int
		failed bool
	}{{3, true}, {4, false}, {5, false}, {7, false}} {
		err := client.Call(t.Context(), "GetParameter", map[string]string{"Name": "key"}, &struct{}{})
		if (err != nil) != want.failed || *calls != want.calls {
			t.Errorf("call %d: %v after %d calls in all, want %d", i, err, *calls, want.calls)
		}
	}
}

func TestREST(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/lambda/aws4_request") {
			t.Errorf("signed by %s, %v", r.Header.Get("Authorization"), err)
		}
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+string(body))
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, `{"State":"Enabled"}`)
	}))
	t.Cleanup(server.Close)
	client := &awscall.Client{
		Config: aws.Config{
			Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client(), Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		},
		Service: "lambda", Retryer: aws.NopRetryer{},
	}
	var got, put struct{ State string }
	err := errors.Join(client.Get(t.Context(), "/mappings/1", &got), client.Put(t.Context(), "/mappings/1", map[string]any{"Enabled": true}, &put))
	if err != nil || got.State != "Enabled" || put != got {
		t.Errorf("got %v and %v, %v", got, put, err)
	}
	if want := []string{"GET /mappings/1  ", `PUT /mappings/1 application/json {"Enabled":true}`}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

func TestCallThatCannotBeRead(t *testing.T) {
	client, calls := service(t, answer{200, "", `{"Parameter":`})
	var syntax *json.SyntaxError
	if err := client.Call(t.Context(), "GetParameter", map[string]string{"Name": "key"}, &struct{}{}); !errors.As(err, &syntax) || *calls != 1 {
		t.Errorf("%v after %d calls", err, *calls)
	}
}

func TestCallEndsWithItsContext(t *testing.T) {
	client, calls := service(t, answer{400, "ThrottlingException", `{}`})
	ctx, cancel := context.WithCancel(t.Context())
	client.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) {
			cancel()
			return time.Hour, nil
		})
	})
	if err := client.Call(ctx, "GetParameter", map[string]string{"Name": "key"}, &struct{}{}); !errors.Is(err, context.Canceled) || *calls != 1 {
		t.Errorf("%v after %d calls", err, *calls)
	}
}

// asked is where a request goes to, and nothing comes back.
type asked struct {
	host, authorization string
	times               int
}

func (a *asked) Do(r *http.Request) (*http.Response, error) {
	a.times++
	a.host, a.authorization = r.URL.Host, r.Header.Get("Authorization")
	return nil, errors.New("nobody there")
}

func TestCallFindsTheService(t *testing.T) {
	for _, test := range []struct{ region, service, host, signed string }{
		{"eu-west-1", "ssm", "ssm.eu-west-1.amazonaws.com", "eu-west-1"},
		{"cn-north-1", "ssm", "ssm.cn-north-1.amazonaws.com.cn", "cn-north-1"},
		{"eu-west-1", "iam", "iam.amazonaws.com", "us-east-1"},
		{"us-gov-east-1", "iam", "iam.us-gov.amazonaws.com", "us-gov-west-1"},
		{"cn-northwest-1", "iam", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"},
	} {
		to := &asked{}
		client := &awscall.Client{
			Config:  aws.Config{Region: test.region, HTTPClient: to, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")},
			Service: test.service, Target: "Target", JSON: "1.1", Retryer: aws.NopRetryer{},
		}
		err := client.Call(t.Context(), "GetParameter", struct{}{}, &struct{}{})
		if err == nil || to.host != test.host || !strings.Contains(to.authorization, "/"+test.signed+"/"+test.service+"/") {
			t.Errorf("%+v: %v, asked %s, signed by %s", test, err, to.host, to.authorization)
		}
	}
}

// TestRetryerOfTheConfiguration: a client without a retryer has one of its own for all calls, the configuration's or else the SDK's.
func TestRetryerOfTheConfiguration(t *testing.T) {
	made := 0
	for name, test := range map[string]struct {
		retryer     func() aws.Retryer
		times, made int // Of two calls.
	}{
		"the configuration's": {func() aws.Retryer { made++; return aws.NopRetryer{} }, 2, 1},
		"the SDK's":           {nil, 2 * retry.DefaultMaxAttempts, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // Whose clock does not wait between attempts.
				made = 0
				to := &asked{}
				client := &awscall.Client{
					Config:  aws.Config{Region: "eu-west-1", HTTPClient: to, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""), Retryer: test.retryer},
					Service: "ssm", Target: "AmazonSSM", JSON: "1.1",
				}
				for range 2 {
					if err := client.Call(t.Context(), "GetParameter", struct{}{}, nil); err == nil {
						t.Error("nobody was there, and the call succeeded")
					}
				}
				if to.times != test.times || made != test.made {
					t.Errorf("%d attempts with %d retryers, want %d and %d", to.times, made, test.times, test.made)
				}
			})
		})
	}
}
