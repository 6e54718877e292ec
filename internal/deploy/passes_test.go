package deploy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass/edge"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// passing is a made-up system that issues passes: keys of a generation, the
// documents by which others know them, a shop behind an authorizer that reads
// these, and a gate at the edge.
func passing(s blueprint.Settings, generation int) *blueprint.Builder {
	b := blueprint.NewBuilder(s)
	documents := map[string]string{"jwks": strings.TrimPrefix(pass.KeysPath, "/"), "discovery": strings.TrimPrefix(pass.DiscoveryPath, "/")}
	pages := b.Bucket("pages", blueprint.Bucket{PublicRead: []string{documents["jwks"], documents["discovery"]}})
	var set pass.JWKS
	edgeKeys := map[string]blueprint.SecretHandle{}
	for _, g := range pass.Generations(generation) {
		key := b.Secret(fmt.Sprintf("pass-key-%d", g), blueprint.Secret{Form: blueprint.RSA2048, Replaceable: true})
		set.Keys = append(set.Keys, pass.PublicKey(key.KeyID(), key.Modulus()))
		edgeKeys[strconv.Itoa(g)] = b.Secret(fmt.Sprintf("edge-key-%d", g), blueprint.Secret{Form: blueprint.Random32, Replaceable: true})
	}
	b.Object("jwks", pages, documents["jwks"], blueprint.Object{ContentType: "application/json", CacheControl: "max-age=300", Content: set.JSON()})
	b.Object("discovery", pages, documents["discovery"], blueprint.Object{
		ContentType: "application/json", CacheControl: "max-age=300", Content: pass.NewDiscovery(pages.URL()).JSON(),
	})
	code, err := edge.Code(edge.Gate{Issuer: pages.URL(), Audience: "arena/"})
	if err != nil {
		panic(err) // issuer and audience are given
	}
	store := b.KeyValueStore("edge-keys", blueprint.KeyValueStore{Secrets: edgeKeys})
	gate := b.EdgeFunction("gate", blueprint.EdgeFunction{Code: code, Store: &store})
	sold := b.Queue("sold", blueprint.Queue{Visibility: time.Minute})
	shop := b.Function("shop", blueprint.Function{
		MemoryMB: 128, Timeout: 10 * time.Second, Environment: map[string]string{"QUEUE_URL": sold.URL()}, Grants: [][]blueprint.Grant{sold.Send()},
	})
	api := b.HTTPAPI("api", blueprint.HTTPAPI{
		Routes: map[string]blueprint.Route{"GET /buy": {Function: shop}}, JWT: &blueprint.JWT{Issuer: pages.URL(), Audience: []string{"arena/final"}},
	})
	for name, value := range map[string]string{"issuer": pages.URL(), "api": api.ID(), "pages": pages.Name(), "gate": gate.ARN()} {
		b.Output(name, value)
	}
	return b
}

// parameter reads what only functions read.
func parameter(t *testing.T, account, key string) string {
	t.Helper()
	name := "/serverless/secrets/one-tiny-" + key + "-euc1"
	out, err := ssm.NewFromConfig(local.Config(testRegion, account)).GetParameter(t.Context(), &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.Parameter.Value)
}

func passKey(t *testing.T, account string, generation int) *pass.RSAKey {
	t.Helper()
	key, err := pass.ParseRSAKey([]byte(parameter(t, account, fmt.Sprintf("pass-key-%d", generation))))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestPasses deploys the system as a user who has its policies only, and goes to
// the shop with passes that are good and with others. Then it changes the keys.
func TestPasses(t *testing.T) {
	_, account := newEngine(t, 3)
	s, bundle := relayed(t)
	b := passing(s, 1)
	if problems := b.Blueprint().Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	// The policies name the keys of the next generation too, which comes later.
	engine := deployer(t, account, passing(s, 2).Blueprint(), bundle)
	res := succeeded(t, engine.Apply(t.Context(), input(b, true)))
	out := res.Outputs
	mark := local.Gate().Meter().Mark()
	seen := succeeded(t, engine.Observe(t.Context(), Input{Blueprint: b.Blueprint(), Digests: res.Digests}))
	if calls := len(local.Gate().Meter().Calls(mark)); len(seen.Drift) > 0 || calls != engine.ObserveCalls(b.Blueprint()) {
		t.Errorf("observing made %d calls, declared are %d; drift %v", calls, engine.ObserveCalls(b.Blueprint()), seen.Drift)
	}

	first := passKey(t, account, 1)
	next := passKey(t, account, 2).ID()
	now := time.Now()
	claims := func(change func(*pass.Claims)) pass.Claims {
		c := pass.Claims{
			Issuer: out["issuer"], Audience: "arena/final", Fan: "fan", ID: "one", Sale: "final", Window: 1,
			IssuedAt: now.Add(-time.Minute).Unix(), NotBefore: now.Add(-time.Minute).Unix(), Expires: now.Add(time.Hour).Unix(),
		}
		if change != nil {
			change(&c)
		}
		return c
	}
	sign := func(key pass.Key, change func(*pass.Claims)) string {
		token, err := pass.NewSigner(key).Sign(t.Context(), claims(change))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := sign(first, nil)
	stranger := passKey(t, account, 2)
	for name, c := range map[string]struct {
		token string
		want  int
	}{
		"good":             {good, http.StatusOK},
		"bypass":           {sign(first, func(c *pass.Claims) { c.Window, c.VIP = 0, true }), http.StatusOK},
		"signed next":      {sign(stranger, nil), http.StatusOK},
		"over":             {sign(first, func(c *pass.Claims) { c.Expires = now.Add(-30 * time.Second).Unix() }), http.StatusUnauthorized},
		"another sale":     {sign(first, func(c *pass.Claims) { c.Audience, c.Sale = "arena/semi", "semi" }), http.StatusUnauthorized},
		"another issuer":   {sign(first, func(c *pass.Claims) { c.Issuer = "https://evil.example" }), http.StatusUnauthorized},
		"tampered with":    {tampered(t, good, sign(first, func(c *pass.Claims) { c.Expires = now.Add(48 * time.Hour).Unix() })), http.StatusUnauthorized},
		"another key's id": {sign(named{stranger, first.ID()}, nil), http.StatusUnauthorized},
		"unknown key":      {sign(named{first, "unknown"}, nil), http.StatusUnauthorized},
		"none":             {"", http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			got := call(t, http.MethodGet, "https://"+out["api"]+".execute-api."+testRegion+".amazonaws.com/buy", "", "Authorization", "Bearer "+c.token)
			if got.status != c.want {
				t.Errorf("the shop answers %d, want %d", got.status, c.want)
			}
		})
	}

	verifier := func() *pass.Verifier {
		return &pass.Verifier{Issuer: out["issuer"], Audience: "arena/final", Sale: "final", Keys: pass.FetchedFrom(out["issuer"], local.HTTPClient())}
	}
	if got, err := verifier().Verify(t.Context(), good); err != nil || got.Fan != "fan" {
		t.Errorf("by the published keys: %+v, %v", got, err)
	}
	store := map[string][]byte{"1": []byte(parameter(t, account, "edge-key-1"))}
	signer, err := pass.NewEdgeSigner("1", store["1"])
	if err != nil {
		t.Fatal(err)
	}
	atEdge, err := signer.Sign(t.Context(), claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier().VerifyEdge(atEdge, store); err != nil {
		t.Errorf("at the edge: %v", err)
	}

	// The second key signs, which was published before it did. Passes of the first
	// one are good until their key is left out.
	if !strings.Contains(published(t, account, out["pages"]), next) {
		t.Error("the next key is not published")
	}
	succeeded(t, engine.Apply(t.Context(), input(passing(s, 2), false)))
	if got := passKey(t, account, 2).ID(); got != next {
		t.Errorf("the key that signs is %s, published before was %s", got, next)
	}
	if _, err := verifier().Verify(t.Context(), good); err != nil {
		t.Errorf("a pass of the key before: %v", err)
	}
	root := engineIn(t, account, 3)
	succeeded(t, root.Apply(t.Context(), input(passing(s, 4), false)))
	if _, err := verifier().Verify(t.Context(), good); !errors.Is(err, pass.ErrUnknownKey) {
		t.Errorf("a pass of a key that was left out: %v", err)
	}
	if keys := published(t, account, out["pages"]); strings.Count(keys, `"kid"`) != 3 {
		t.Errorf("published are %s", keys)
	}
	succeeded(t, root.Destroy(t.Context(), input(passing(s, 4), false)))
	if left := inventory(t, account); len(left) != 0 {
		t.Errorf("destroy left %q", left)
	}
}

// named signs by a key and names another.
type named struct {
	*pass.RSAKey
	id string
}

func (n named) ID() string { return n.id }

// tampered has the claims of one token and the signature of another.
func tampered(t *testing.T, signature, claims string) string {
	t.Helper()
	a, b := strings.Split(signature, "."), strings.Split(claims, ".")
	if len(a) != 3 || len(b) != 3 {
		t.Fatal("these are no tokens")
	}
	return strings.Join([]string{b[0], b[1], a[2]}, ".")
}

// published reads the keys as they are in the bucket.
func published(t *testing.T, account, bucket string) string {
	t.Helper()
	cfg := local.Config(testRegion, account)
	out, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).GetObject(t.Context(), &s3.GetObjectInput{
		Bucket: &bucket, Key: aws.String(strings.TrimPrefix(pass.KeysPath, "/")),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Body.Close() }()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
