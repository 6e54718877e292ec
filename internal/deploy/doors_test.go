package deploy

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// doors is a made-up system with every way in that asks who comes, or hands out
// credentials. Its functions put what they are called with on the queue "votes",
// and answer with their environment.
func doors(s blueprint.Settings, issuer string, keepEndpoint bool) *blueprint.Builder {
	b := blueprint.NewBuilder(s)
	votes := b.Queue("votes", blueprint.Queue{Visibility: time.Minute})
	other := b.Queue("other", blueprint.Queue{Visibility: time.Minute})
	environment := map[string]string{"QUEUE_URL": votes.URL()}
	voter := b.AssumableRole("voter", "credentials", votes.Send())
	intake := b.Function("intake", blueprint.Function{MemoryMB: 128, Timeout: 10 * time.Second, Environment: environment, Grants: [][]blueprint.Grant{votes.Send()}})
	b.Function("credentials", blueprint.Function{
		MemoryMB: 128, Timeout: 10 * time.Second, Environment: environment, Grants: [][]blueprint.Grant{votes.Send(), voter.Assume(), voter.RevokeSessions()},
	})
	api := b.HTTPAPI("api", blueprint.HTTPAPI{
		Routes: map[string]blueprint.Route{
			"POST /votes": {Function: intake},
			"POST /admin": {Function: intake, Scopes: []string{"admin", "owner"}},
			"$default":    {Function: intake, Open: true},
		},
		JWT: &blueprint.JWT{Issuer: issuer, Audience: []string{"vote"}}, CORS: &blueprint.CORS{Origins: []string{"https://vote.example.org"}},
		Rate: 100, Burst: 50,
		Domain: &blueprint.APIDomain{
			Name: "api.example.org", CertificateARN: "arn:aws:acm:eu-central-1:123456789012:certificate/8d5d0ac6-0000-4000-8000-000000000001", KeepEndpoint: keepEndpoint,
		},
	})
	partners := b.HTTPAPI("partners", blueprint.HTTPAPI{
		Routes: map[string]blueprint.Route{"POST /votes": {Function: intake}, "GET /open": {Function: intake, Open: true}},
		Authorizer: &blueprint.APIAuthorizer{Function: b.Function("asked", blueprint.Function{
			MemoryMB: 128, Timeout: 10 * time.Second, Environment: map[string]string{"QUEUE_URL": votes.URL(), "ADMIT": partnerKey},
		}), Header: "x-api-key", TTL: time.Minute},
	})
	staff := b.HTTPAPI("staff", blueprint.HTTPAPI{Routes: map[string]blueprint.Route{"POST /votes": {Function: intake}}, IAM: true})
	guests := b.IdentityPool("guests", votes.Send())
	for name, value := range map[string]string{
		"partners": partners.ID(), "staff": staff.ID(), "votes": votes.URL(), "other": other.URL(), "api": api.ID(), "url": api.URL(), "target": api.DomainTarget(), "zone": api.DomainZone(),
		"pool": guests.ID(), "voter": voter.ARN(), "voter_name": voter.Name(),
	} {
		b.Output(name, value)
	}
	return b
}

// partnerKey is the key that the API for partners lets in.
const partnerKey = "b3BlbnNlc2FtZS1vcGVuc2VzYW1l"

// relayed are settings whose functions are the relay, and its zip.
func relayed(t *testing.T) (blueprint.Settings, []byte) {
	t.Helper()
	bundle := relayBundle(t)
	digest := sha256.Sum256(bundle)
	s := settings()
	s.BundleSHA256, s.Architecture = hex.EncodeToString(digest[:]), "x86_64"
	if runtime.GOARCH == "arm64" {
		s.Architecture = "arm64"
	}
	return s, bundle
}

// relayBundle is the zip of the function that the tests of the local AWS deploy.
func relayBundle(t *testing.T) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "../localaws/testdata/relay")
	build.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the function: %v\n%s", err, output)
	}
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var bundle bytes.Buffer
	w := zip.NewWriter(&bundle)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	f, err := w.CreateHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bundle.Bytes()
}

// deployer is a user of the account who has the policies of the system and no
// others.
func deployer(t *testing.T, account string, b *blueprint.Blueprint, bundle []byte) *Engine {
	t.Helper()
	documents, err := Policies(blueprint.Place{Partition: "aws", Region: testRegion, Account: account}, ModeApply, b)
	if err != nil {
		t.Fatal(err)
	}
	client, name := iam.NewFromConfig(local.Config(testRegion, account)), aws.String("deployer")
	if _, err := client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: name}); err != nil {
		t.Fatal(err)
	}
	for i, d := range documents {
		if _, err := client.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{
			UserName: name, PolicyName: aws.String("part" + string(rune('a'+i))), PolicyDocument: aws.String(d.JSON()),
		}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := client.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: name})
	if err != nil {
		t.Fatal(err)
	}
	mine, failure := awsclient.New(t.Context(), awsclient.Config{
		Region: testRegion, AccessKey: *out.AccessKey.AccessKeyId, SecretKey: *out.AccessKey.SecretAccessKey, Endpoint: local.Endpoint(), PathStyle: true,
	})
	if failure != nil {
		t.Fatal(failure)
	}
	return New(mine, func(context.Context, string) ([]byte, error) { return bundle, nil }, "1.2.3")
}

// tokens issues tokens, and publishes the key by which API Gateway knows them.
type tokens struct {
	key    *rsa.PrivateKey
	issuer string
}

func newTokens(t *testing.T) *tokens {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	publish := func(path string, document any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(document) })
	}
	publish("/.well-known/openid-configuration", map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/keys"})
	publish("/keys", map[string]any{"keys": []map[string]string{{
		"kid": "one", "kty": "RSA", "alg": "RS256", "use": "sig", "n": text(key.N.Bytes()), "e": text(big.NewInt(int64(key.E)).Bytes()),
	}}})
	return &tokens{key: key, issuer: server.URL}
}

// sign returns a token with the claims, signed by a key.
func (i *tokens) sign(t *testing.T, by *rsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(map[string]string{"alg": "RS256", "kid": "one", "typ": "JWT"}) + "." + part(claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, by, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// TestDoors deploys the system as a user who has its policies only, and goes in by
// every door.
func TestDoors(t *testing.T) {
	_, account := newEngine(t, 3)
	s, bundle := relayed(t)
	issuer := newTokens(t)
	b := doors(s, issuer.issuer, true)
	if problems := b.Blueprint().Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	engine := deployer(t, account, b.Blueprint(), bundle)
	res := succeeded(t, engine.Apply(t.Context(), input(b, true)))
	out := res.Outputs

	mark := local.Gate().Meter().Mark()
	seen := engine.Observe(t.Context(), Input{Blueprint: b.Blueprint(), Digests: res.Digests})
	if succeeded(t, seen); len(seen.Drift) > 0 {
		t.Errorf("drift after apply: %v", seen.Drift)
	}
	if calls := len(local.Gate().Meter().Calls(mark)); calls != engine.ObserveCalls(b.Blueprint()) {
		t.Errorf("observing made %d calls, declared are %d", calls, engine.ObserveCalls(b.Blueprint()))
	}

	t.Run("API", func(t *testing.T) { throughTheAPI(t, issuer, out["api"]) })
	t.Run("API with keys", func(t *testing.T) { withKeys(t, out["partners"]) })
	t.Run("API with IAM", func(t *testing.T) { withIAM(t, out["staff"]) })
	t.Run("domain name", func(t *testing.T) {
		if out["url"] != "https://api.example.org" || !strings.HasSuffix(out["target"], ".amazonaws.com") || out["zone"] == "" {
			t.Errorf("the domain name is reached by %q, %q in zone %q", out["url"], out["target"], out["zone"])
		}
		endpoint := "https://" + out["api"] + ".execute-api." + testRegion + ".amazonaws.com"
		for _, url := range []string{out["url"], endpoint} {
			if got := call(t, http.MethodPost, url+"/open", "{}"); got.status != http.StatusOK {
				t.Errorf("%s answers %d", url, got.status)
			}
		}
		closed := doors(s, issuer.issuer, false)
		succeeded(t, engine.Apply(t.Context(), input(closed, false)))
		for url, want := range map[string]int{out["url"]: http.StatusOK, endpoint: http.StatusNotFound} {
			if got := call(t, http.MethodPost, url+"/open", "{}"); got.status != want {
				t.Errorf("with the endpoint closed %s answers %d, want %d", url, got.status, want)
			}
		}
	})
	t.Run("guests", func(t *testing.T) { asGuest(t, out) })
	t.Run("handed out", func(t *testing.T) { asVoter(t, account, out) })

	succeeded(t, engine.Destroy(t.Context(), input(b, false)))
	left, err := localaws.Inventory(t.Context(), local.Config(testRegion, account))
	if err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// answer is what a request gets.
type answer struct {
	status int
	header http.Header
	body   string
}

// call makes a request; header is name, value, name, value.
func call(t *testing.T, method, url, body string, header ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	resp, err := local.HTTPClient().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func throughTheAPI(t *testing.T, issuer *tokens, api string) {
	url := "https://" + api + ".execute-api." + testRegion + ".amazonaws.com"
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	claims := func(change func(map[string]any)) map[string]any {
		c := map[string]any{"iss": issuer.issuer, "aud": "vote", "sub": "12345678", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Add(-time.Minute).Unix()}
		if change != nil {
			change(c)
		}
		return c
	}
	bearer := func(by *rsa.PrivateKey, change func(map[string]any)) string {
		return "Bearer " + issuer.sign(t, by, claims(change))
	}
	for name, c := range map[string]struct {
		path, authorization string
		want                int
	}{
		"good token":     {"/votes", bearer(issuer.key, nil), http.StatusOK},
		"client id":      {"/votes", bearer(issuer.key, func(c map[string]any) { delete(c, "aud"); c["client_id"] = "vote" }), http.StatusOK},
		"no token":       {"/votes", "", http.StatusUnauthorized},
		"wrong audience": {"/votes", bearer(issuer.key, func(c map[string]any) { c["aud"] = "other" }), http.StatusUnauthorized},
		"wrong issuer":   {"/votes", bearer(issuer.key, func(c map[string]any) { c["iss"] = "https://elsewhere.example" }), http.StatusUnauthorized},
		"expired":        {"/votes", bearer(issuer.key, func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() }), http.StatusUnauthorized},
		"another's key":  {"/votes", bearer(stranger, nil), http.StatusUnauthorized},
		"no scope":       {"/admin", bearer(issuer.key, nil), http.StatusForbidden},
		"scope":          {"/admin", bearer(issuer.key, func(c map[string]any) { c["scope"] = "openid owner" }), http.StatusOK},
		"open":           {"/anything", "", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			got := call(t, http.MethodPost, url+c.path, `{"answer":"anna"}`, "Authorization", c.authorization, "Content-Type", "application/json")
			if got.status != c.want {
				t.Fatalf("%s answers %d, want %d", c.path, got.status, c.want)
			}
			if reached := strings.Contains(got.body, "AWS_SDK_UA_APP_ID=tiny_system.intake"); reached != (c.want == http.StatusOK) {
				t.Errorf("the function has answered: %t: %q", reached, got.body)
			}
		})
	}
	preflight := call(t, http.MethodOptions, url+"/votes", "",
		"Origin", "https://vote.example.org", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
	if preflight.status != http.StatusNoContent {
		t.Errorf("the preflight gets %d", preflight.status)
	}
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "https://vote.example.org", "Access-Control-Allow-Methods": "*",
		"Access-Control-Allow-Headers": "authorization,content-type", "Access-Control-Max-Age": "86400",
	} {
		if got := preflight.header.Get(name); got != want {
			t.Errorf("the preflight's %s is %q, want %q", name, got, want)
		}
	}
}

// withKeys goes in by the API that asks a function.
func withKeys(t *testing.T, api string) {
	url := "https://" + api + ".execute-api." + testRegion + ".amazonaws.com"
	for name, c := range map[string]struct {
		method, path, key string
		want              int
	}{
		"good key":    {http.MethodPost, "/votes", partnerKey, http.StatusOK},
		"another key": {http.MethodPost, "/votes", "another", http.StatusForbidden},
		"no key":      {http.MethodPost, "/votes", "", http.StatusUnauthorized},
		"open":        {http.MethodGet, "/open", "", http.StatusOK},
	} {
		var header []string
		if c.key != "" {
			header = []string{"X-API-Key", c.key}
		}
		got := call(t, c.method, url+c.path, "", header...)
		if reached := strings.Contains(got.body, "AWS_SDK_UA_APP_ID=tiny_system.intake"); got.status != c.want || reached != (c.want == http.StatusOK) {
			t.Errorf("%s: the API answers %d, want %d; the function has answered: %t", name, got.status, c.want, reached)
		}
	}
}

// withIAM goes in by the API that asks for signed requests. The local AWS does not
// check signatures.
func withIAM(t *testing.T, api string) {
	url := "https://" + api + ".execute-api." + testRegion + ".amazonaws.com/votes"
	if got := call(t, http.MethodPost, url, "{}"); got.status != http.StatusForbidden {
		t.Errorf("without a signature the API answers %d", got.status)
	}
	const signature = "AWS4-HMAC-SHA256 Credential=test/20260101/" + testRegion + "/execute-api/aws4_request, SignedHeaders=host, Signature=0"
	if got := call(t, http.MethodPost, url, "{}", "Authorization", signature); got.status != http.StatusOK {
		t.Errorf("with one it answers %d", got.status)
	}
}

// asGuest goes in by the identity pool.
func asGuest(t *testing.T, out map[string]string) {
	guest := aws.Config{Region: testRegion, BaseEndpoint: aws.String(local.Endpoint()), Credentials: aws.AnonymousCredentials{}}
	client := cognitoidentity.NewFromConfig(guest)
	id, err := client.GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: aws.String(out["pool"])})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.GetCredentialsForIdentity(t.Context(), &cognitoidentity.GetCredentialsForIdentityInput{IdentityId: id.IdentityId})
	if err != nil {
		t.Fatal(err)
	}
	sends(t, "a guest", credentials.NewStaticCredentialsProvider(*got.Credentials.AccessKeyId, *got.Credentials.SecretKey, *got.Credentials.SessionToken), out, true)
}

// sends sends to the one queue, which must work or not, and to the other, which
// must not.
func sends(t *testing.T, who string, c aws.CredentialsProvider, out map[string]string, allowed bool) {
	t.Helper()
	client := sqs.NewFromConfig(local.ConfigWith(testRegion, c))
	for queue, want := range map[string]bool{"votes": allowed, "other": false} {
		_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(out[queue]), MessageBody: aws.String("x")})
		switch {
		case want && err != nil:
			t.Errorf("%s may not send to %s: %v", who, queue, err)
		case !want && (err == nil || !strings.Contains(err.Error(), "AccessDenied")):
			t.Errorf("%s sends to %s: %v, want it refused", who, queue, err)
		}
	}
}

// asVoter goes in by credentials that the function "credentials" hands out.
func asVoter(t *testing.T, account string, out map[string]string) {
	role := func(function string) aws.Config {
		return local.ConfigWith(testRegion, functionCredentials(t, account, function))
	}
	assume := func(cfg aws.Config) (aws.CredentialsProvider, error) {
		got, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(out["voter"]), RoleSessionName: aws.String("voters")})
		if err != nil {
			return nil, err
		}
		return credentials.NewStaticCredentialsProvider(*got.Credentials.AccessKeyId, *got.Credentials.SecretAccessKey, *got.Credentials.SessionToken), nil
	}
	if _, err := assume(role("intake")); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("another function's role is taken on by: %v", err)
	}
	issuing := role("credentials")
	voter, err := assume(issuing)
	if err != nil {
		t.Fatal(err)
	}
	sends(t, "a voter", voter, out, true)

	// What was issued before the next second is refused, what is issued after works.
	now := time.Now().UTC().Add(time.Second).Truncate(time.Second)
	if _, err := iam.NewFromConfig(issuing).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String(out["voter_name"]), PolicyName: aws.String("AWSRevokeOlderSessions"),
		PolicyDocument: aws.String(blueprint.NewPolicy(blueprint.Statement{
			Effect: "Deny", Action: []string{"*"}, Resource: []string{"*"},
			Condition: blueprint.Condition{"DateLessThan": {"aws:TokenIssueTime": {now.Format(time.RFC3339)}}},
		}).JSON()),
	}); err != nil {
		t.Fatal(err)
	}
	sends(t, "a voter of before", voter, out, false)
	for deadline := now.Add(20 * time.Second); ; <-time.After(100 * time.Millisecond) {
		if voter, err = assume(issuing); err != nil {
			t.Fatal(err)
		}
		_, err = sqs.NewFromConfig(local.ConfigWith(testRegion, voter)).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(out["votes"]), MessageBody: aws.String("x")})
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("credentials of after the revocation are refused: %v", err)
		}
	}
}

// functionCredentials are those of a function's role: the function tells its
// environment.
func functionCredentials(t *testing.T, account, function string) aws.CredentialsProvider {
	t.Helper()
	out, err := lambda.NewFromConfig(local.Config(testRegion, account)).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("one-tiny-" + function + "-euc1"), Qualifier: aws.String(blueprint.LiveAlias), Payload: []byte(`{}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	var told struct{ Body string }
	if err := json.Unmarshal(out.Payload, &told); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{}
	for line := range strings.Lines(told.Body) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		environment[name] = value
	}
	return credentials.NewStaticCredentialsProvider(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], environment["AWS_SESSION_TOKEN"])
}
