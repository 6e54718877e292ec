package awscall_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

func TestQuery(t *testing.T) {
	const good = `<AssumeRoleResponse><AssumeRoleResult><Name>voters</Name></AssumeRoleResult></AssumeRoleResponse>`
	for name, test := range map[string]struct {
		answers []answer
		code    string // Of the error; empty for none.
		calls   int
	}{
		"answered":         {[]answer{{200, "", good}}, "", 1},
		"throttled":        {[]answer{{400, "", `<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>slow</Message></Error></ErrorResponse>`}, {200, "", good}}, "", 2},
		"out of order":     {[]answer{{503, "", ``}, {200, "", good}}, "", 2},
		"refused":          {[]answer{{403, "", `<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`}}, "AccessDenied", 1},
		"refused as S3":    {[]answer{{404, "", `<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>`}}, "NoSuchKey", 1},
		"refused too late": {[]answer{{200, "", `<Error><Code>InternalError</Code><Message>again</Message></Error>`}, {200, "", good}}, "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || string(body) != "Action=AssumeRole&Name=a+b&Version=2011-06-15" {
					t.Errorf("headers %v, body %s, %v", r.Header, body, err)
				}
				a := test.answers[min(calls, len(test.answers)-1)]
				calls++
				w.WriteHeader(a.status)
				io.WriteString(w, a.body)
			}))
			t.Cleanup(server.Close)
			client := &awscall.Client{Config: configured(server), Service: "sts", Retryer: atOnce()}
			var out struct {
				Name string `xml:"AssumeRoleResult>Name"`
			}
			err := client.Query(t.Context(), "2011-06-15", "AssumeRole", map[string]string{"Name": "a b"}, &out)
			var refused *awscall.Refusal
			switch {
			case test.code == "" && (err != nil || out.Name != "voters"):
				t.Errorf("got %+v, %v", out, err)
			case test.code != "" && (!errors.As(err, &refused) || refused.ErrorCode() != test.code):
				t.Errorf("got %v, want %s", err, test.code)
			}
			if calls != test.calls {
				t.Errorf("%d calls, want %d", calls, test.calls)
			}
		})
	}
}

// TestCallWhoseAnswerIsLost: one that breaks off, that does not come, or that does not fit its checksum is asked for again.
func TestCallWhoseAnswerIsLost(t *testing.T) {
	for name, lose := range map[string]http.HandlerFunc{
		"breaks off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{"Item"`)
		},
		"does not come": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"does not fit": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Crc32", "1")
			io.WriteString(w, `{"Item":{}}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if calls++; calls == 1 {
					lose(w, r)
					return
				}
				w.Header().Set("X-Amz-Crc32", "2745614147")
				io.WriteString(w, `{}`)
			}))
			t.Cleanup(server.Close)
			client := &awscall.Client{Config: configured(server), Service: "dynamodb", Target: "DynamoDB_20120810", JSON: "1.0", Retryer: atOnce()}
			if err := client.Call(t.Context(), "PutItem", struct{}{}, nil); err != nil || calls != 2 {
				t.Errorf("%v after %d calls", err, calls)
			}
		})
	}
}

func configured(server *httptest.Server) aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, HTTPClient: server.Client(), Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	}
}

// atOnce makes up to four attempts without a pause.
func atOnce() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.RateLimiter, o.Backoff = 4, ratelimit.None, retry.NewExponentialJitterBackoff(1)
	})
}
