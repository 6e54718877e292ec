package provider_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

// many is how many votes are cast by program beside the page's one.
const many = 100

// TestAccWindowURL: votes by the page and over HTTP reach the tables through a
// function URL.
func TestAccWindowURL(t *testing.T) {
	e := newEvening(t, "byurl", nil)
	defer e.end()
	mark := local.Gate().Meter().Mark()
	e.page("--voter", "90000001", "--answer", "anna")
	id, _, _ := strings.Cut(strings.TrimPrefix(e.output("vote_url"), "https://"), ".")
	equal(t, "what the page asked of intake", e.fromPage(mark, "lambda-url", id), "POST 202")
	e.cast(0, many, overHTTP(e.output("vote_url")))
	report := e.books(many + 1)
	equal(t, "votes for anna", report.Counts.Answers["vote/anna"], many/2+1)
	e.settled(e.config)
}

// TestAccWindowAPI: an HTTP API takes votes from whoever sends them, and with JWT
// only from those whom the issuer names.
func TestAccWindowAPI(t *testing.T) {
	e := newEvening(t, "byapi", map[string]any{"intake": "api"})
	defer e.end()
	e.page("--voter", "90000001", "--answer", "anna")
	e.cast(0, many, overHTTP(e.output("vote_url")))
	e.books(many + 1)

	issuer := newIssuer(t)
	e.change(map[string]any{"jwt": map[string]any{"issuer": issuer.url, "audience": []any{"show"}, "voter_claim": "seat"}})
	e.settled(e.config)
	e.page("--token", issuer.token(t, "90000002", "show", time.Hour), "--answer", "bruno")
	byToken := func(ctx context.Context, voter, answer string) (string, error) {
		a, err := post(ctx, e.output("vote_url"), fmt.Sprintf(`{"answer":%q}`, answer), "Authorization", "Bearer "+issuer.token(t, voter, "show", time.Hour))
		if err == nil && a.status != http.StatusAccepted {
			err = fmt.Errorf("%d %s", a.status, a.Error)
		}
		return a.ID, err
	}
	e.cast(many, many, byToken)
	report := e.books(2*many + 2)
	equal(t, "votes for bruno", report.Counts.Answers["vote/bruno"], many+1)

	other := newIssuer(t)
	for what, c := range map[string]struct {
		token, body string
		status      int
	}{
		"no token":               {"", `{"answer":"anna"}`, http.StatusUnauthorized},
		"for another audience":   {issuer.token(t, "00000900", "other", time.Hour), `{"answer":"anna"}`, http.StatusUnauthorized},
		"of the past":            {issuer.token(t, "00000900", "show", -time.Hour), `{"answer":"anna"}`, http.StatusUnauthorized},
		"of another issuer":      {other.token(t, "00000900", "show", time.Hour), `{"answer":"anna"}`, http.StatusUnauthorized},
		"with a voter besides":   {issuer.token(t, "00000900", "show", time.Hour), `{"voter":"00000901","answer":"anna"}`, http.StatusBadRequest},
		"of a seat out of range": {issuer.token(t, "9", "show", time.Hour), `{"answer":"anna"}`, http.StatusUnprocessableEntity},
	} {
		var header []string
		if c.token != "" {
			header = []string{"Authorization", "Bearer " + c.token}
		}
		a, err := post(t.Context(), e.output("vote_url"), c.body, header...)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "the status for a vote "+what, a.status, c.status)
	}
	e.books(2*many + 2)
}

// issuer signs tokens, and publishes by which key.
type issuer struct {
	key *rsa.PrivateKey
	url string
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	publish := func(path string, document any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(document) })
	}
	publish("/.well-known/openid-configuration", map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/keys"})
	text := base64.RawURLEncoding.EncodeToString
	publish("/keys", map[string]any{"keys": []map[string]string{{
		"kid": "one", "kty": "RSA", "alg": "RS256", "use": "sig", "n": text(key.N.Bytes()), "e": text(big.NewInt(int64(key.E)).Bytes()),
	}}})
	return &issuer{key, server.URL}
}

// token is one for a seat, with more claims where they are given.
func (i *issuer) token(t *testing.T, seat, audience string, lasts time.Duration, more ...map[string]any) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	now := time.Now()
	claims := map[string]any{"iss": i.url, "aud": audience, "seat": seat, "iat": now.Add(-2 * time.Hour).Unix(), "exp": now.Add(lasts).Unix()}
	for _, c := range more {
		maps.Copy(claims, c)
	}
	signed := part(map[string]string{"alg": "RS256", "kid": "one", "typ": "JWT"}) + "." + part(claims)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// publishedCredentials are credentials.json.
type publishedCredentials struct {
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	SessionToken    string `json:"session_token"`
	QueueURL        string `json:"queue_url"`
	Region          string `json:"region"`
}

func (c publishedCredentials) config() aws.Config {
	return local.ConfigWith(c.Region, credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken))
}

// credentials reads what the page finds beside itself.
func (e *evening) credentials() (c publishedCredentials) {
	e.t.Helper()
	status, body := e.get("https://" + e.output("results_bucket") + ".s3." + home + ".amazonaws.com/credentials.json")
	if status != http.StatusOK {
		e.t.Fatalf("credentials.json is answered with %d %s", status, body)
	}
	if err := json.Unmarshal(body, &c); err != nil {
		e.t.Fatal(err)
	}
	return c
}

// toQueue sends votes to the queue itself.
func toQueue(client *sqs.Client, queue string) func(context.Context, string, string) (string, error) {
	return func(ctx context.Context, voter, answer string) (string, error) {
		out, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: aws.String(ballotOf(voter, answer))})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.MessageId), nil
	}
}

// TestAccWindowDirect: with what is published beside the page a browser may send
// to the one queue and do nothing else, until it is revoked.
func TestAccWindowDirect(t *testing.T) {
	e := newEvening(t, "bysqs", map[string]any{"intake": "direct"})
	defer e.end()
	e.call("credentials", "{}", nil)
	first := e.credentials()
	equal(t, "the published queue", first.QueueURL, e.output("vote_url"))
	mark := local.Gate().Meter().Mark()
	e.page("--voter", "90000001", "--answer", "anna")
	equal(t, "what the page asked of SQS", e.fromPage(mark, "sqs", path.Base(first.QueueURL)), "POST 200")
	queues := sqs.NewFromConfig(first.config())
	e.cast(0, many, toQueue(queues, first.QueueURL))
	e.books(many + 1)

	e.onlySends(first.config(), first.QueueURL)
	junk, other := first.form("junk"), first.form("other junk")
	equal(t, "the status of a form signed in its address", first.post(t, junk, junk), http.StatusOK)
	equal(t, "the status of a form signed for another body", first.post(t, junk, other), http.StatusForbidden)
	e.call("credentials", `{"revoke":true}`, nil)
	_, err := toQueue(queues, first.QueueURL)(t.Context(), "00000900", "anna")
	refused(t, "a vote with revoked credentials", err)
	second := e.credentials()
	if second.AccessKeyID == first.AccessKeyID {
		t.Error("the same credentials are published after they were revoked")
	}
	e.cast(many, 10, toQueue(sqs.NewFromConfig(second.config()), second.QueueURL))
	e.books(many + 11)
	e.settled(e.config)
}

// TestAccWindowCognito: the same with credentials that each browser asks Cognito
// for.
func TestAccWindowCognito(t *testing.T) {
	e := newEvening(t, "bycognito", map[string]any{"intake": "direct", "direct": map[string]any{"credentials": "cognito"}})
	defer e.end()
	mark := local.Gate().Meter().Mark()
	e.page("--voter", "90000001", "--answer", "anna")
	equal(t, "what the page asked of SQS", e.fromPage(mark, "sqs", path.Base(e.output("vote_url"))), "POST 200")
	var page struct {
		Intake struct {
			Cognito struct {
				IdentityPoolID string `json:"identity_pool_id"`
			} `json:"cognito"`
			QueueURL string `json:"queue_url"`
		} `json:"intake"`
	}
	_, body := e.get(e.output("window_url"))
	if err := json.Unmarshal(body, &page); err != nil {
		t.Fatal(err)
	}
	anybody := cognitoidentity.NewFromConfig(local.ConfigWith(home, aws.AnonymousCredentials{}))
	identity, err := anybody.GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &page.Intake.Cognito.IdentityPoolID})
	if err != nil {
		t.Fatal(err)
	}
	given, err := anybody.GetCredentialsForIdentity(t.Context(), &cognitoidentity.GetCredentialsForIdentityInput{IdentityId: identity.IdentityId})
	if err != nil {
		t.Fatal(err)
	}
	c := publishedCredentials{*given.Credentials.AccessKeyId, *given.Credentials.SecretKey, *given.Credentials.SessionToken, page.Intake.QueueURL, home}
	e.cast(0, many, toQueue(sqs.NewFromConfig(c.config()), c.QueueURL))
	e.books(many + 1)
	e.onlySends(c.config(), c.QueueURL)
	e.settled(e.config)
}

// form is a message as SQS's query protocol has it.
func (c publishedCredentials) form(message string) string {
	return url.Values{"Action": {"SendMessage"}, "Version": {"2012-11-05"}, "QueueUrl": {c.QueueURL}, "MessageBody": {message}}.Encode()
}

// post sends a form as pages do, signed in the address, by AWS's own code, for a
// body, and returns the answer's status.
func (c publishedCredentials) post(t *testing.T, signed, sent string) int {
	t.Helper()
	build := func(address, body string) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
	given, err := c.config().Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte(signed))
	address, _, err := v4.NewSigner().PresignHTTP(t.Context(), given, build(local.Endpoint()+"/", signed), hex.EncodeToString(hash[:]), "sqs", c.Region, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	resp, err := local.HTTPClient().Do(build(address, sent))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// onlySends checks that a voter's credentials are refused everything but to send
// to the queue of votes.
func (e *evening) onlySends(voter aws.Config, votes string) {
	e.t.Helper()
	ctx, queues, tables := e.t.Context(), sqs.NewFromConfig(voter), stateTexts(e.t, e.state, "table_names")
	buckets := s3.NewFromConfig(voter, func(o *s3.Options) { o.UsePathStyle = true })
	other := e.output("dead_letter_queue_url")
	for what, call := range map[string]func() error{
		"SendMessage to another queue": func() error {
			_, err := queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &other, MessageBody: aws.String("{}")})
			return err
		},
		"ReceiveMessage": func() error {
			_, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &votes})
			return err
		},
		"PurgeQueue": func() error {
			_, err := queues.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &votes})
			return err
		},
		"GetQueueAttributes": func() error {
			_, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &votes})
			return err
		},
		"Scan of the ballots": func() error {
			_, err := dynamodb.NewFromConfig(voter).Scan(ctx, &dynamodb.ScanInput{TableName: aws.String(tables["ballots"])})
			return err
		},
		"ListObjects": func() error {
			_, err := buckets.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(e.output("records_bucket"))})
			return err
		},
		"Invoke": func() error {
			_, err := lambda.NewFromConfig(voter).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(e.function("reset")), Payload: []byte("{}")})
			return err
		},
		"ListRoles": func() error {
			_, err := iam.NewFromConfig(voter).ListRoles(ctx, &iam.ListRolesInput{})
			return err
		},
	} {
		refused(e.t, what, call())
	}
}

// refused checks that AWS denied a call.
func refused(t *testing.T, what string, err error) {
	t.Helper()
	var fault smithy.APIError
	if !errors.As(err, &fault) {
		t.Errorf("%s is not refused: %v", what, err)
		return
	}
	switch fault.ErrorCode() {
	case "AccessDenied", "AccessDeniedException", "AWS.SimpleQueueService.AccessDenied":
	default:
		t.Errorf("%s is refused with %s, should be denied", what, fault)
	}
}
