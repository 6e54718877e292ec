package session_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/burstline/terraform-provider-serverless/functions/internal/session"
)

// answering is a configuration whose calls are answered by a handler.
func answering(t *testing.T, handler http.HandlerFunc) aws.Config {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", "token"),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }, HTTPClient: server.Client(),
	}
}

// asked are the parameters of the one request, whose answer is given.
func heard(t *testing.T, status int, answer string, call func(role *session.Role)) url.Values {
	t.Helper()
	var parameters url.Values
	cfg := answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if parameters, err = url.ParseQuery(string(body)); err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, answer)
	})
	call(&session.Role{
		AWS: cfg, ARN: "arn:aws:iam::123456789012:role/night/final-voter", Name: "voters",
		Allow: append([]session.Statement{{
			Effect: "Allow", Action: "sqs:SendMessage", Resource: "arn:aws:sqs:eu-west-1:123456789012:final-votes",
			Condition: map[string]map[string][]string{"Bool": {"aws:SecureTransport": {"true"}}},
		}}, session.Using("arn:aws:kms:eu-west-1:123456789012:key/1234", "kms:Decrypt")...),
	})
	return parameters
}

func expectParameters(t *testing.T, got url.Values, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got.Get(name) != value {
			t.Errorf("%s is %s, should be %s", name, got.Get(name), value)
		}
	}
}

func TestRoleAssume(t *testing.T) {
	const answer = `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>hush</SecretAccessKey>` +
		`<SessionToken>token</SessionToken><Expiration>2030-05-04T21:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`
	parameters := heard(t, http.StatusOK, answer, func(role *session.Role) {
		got, err := role.Assume(t.Context(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		want := session.Session{AccessKeyID: "ASIA", SecretAccessKey: "hush", SessionToken: "token", ExpiresAt: evening.Add(time.Hour)}
		if got != want {
			t.Errorf("got another session, until %s", got.ExpiresAt)
		}
	})
	expectParameters(t, parameters, map[string]string{
		"Action": "AssumeRole", "RoleArn": "arn:aws:iam::123456789012:role/night/final-voter", "RoleSessionName": "voters", "DurationSeconds": "3600",
		"Policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:SendMessage",` +
			`"Resource":"arn:aws:sqs:eu-west-1:123456789012:final-votes","Condition":{"Bool":{"aws:SecureTransport":["true"]}}},` +
			`{"Effect":"Allow","Action":"kms:Decrypt","Resource":"arn:aws:kms:eu-west-1:123456789012:key/1234"}]}`,
	})
}

func TestRoleAssumeRefused(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		body   string
		says   string
	}{
		"denied":         {http.StatusForbidden, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`, "AccessDenied"},
		"no credentials": {http.StatusOK, `<AssumeRoleResponse><AssumeRoleResult></AssumeRoleResult></AssumeRoleResponse>`, "no credentials"},
		"without an end": {http.StatusOK, `<AssumeRoleResponse><AssumeRoleResult><Credentials><SecretAccessKey>hush</SecretAccessKey></Credentials></AssumeRoleResult></AssumeRoleResponse>`, "none that end"},
	} {
		heard(t, answer.status, answer.body, func(role *session.Role) {
			_, err := role.Assume(t.Context(), time.Hour)
			if err == nil || !strings.Contains(err.Error(), answer.says) || !strings.Contains(err.Error(), "final-voter") || strings.Contains(err.Error(), "hush") {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestRoleRevokeBefore(t *testing.T) {
	parameters := heard(t, http.StatusOK, `<PutRolePolicyResponse/>`, func(role *session.Role) {
		if err := role.RevokeBefore(t.Context(), evening); err != nil {
			t.Fatal(err)
		}
	})
	expectParameters(t, parameters, map[string]string{
		"Action": "PutRolePolicy", "RoleName": "final-voter", "PolicyName": "AWSRevokeOlderSessions",
		"PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*",` +
			`"Condition":{"DateLessThan":{"aws:TokenIssueTime":["2030-05-04T20:00:00Z"]}}}]}`,
	})
}
