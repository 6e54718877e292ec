package blueprint

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// doors has every way in that asks who comes, or hands out credentials.
func doors(change func(*HTTPAPI)) *Blueprint {
	b := NewBuilder(Settings{System: System{Name: "voting_window", Slug: "vote"}, Name: "tv", LogRetentionDays: 14, Architecture: "arm64"})
	votes := b.Queue("votes", Queue{})
	voter := b.AssumableRole("voter", "credentials", votes.Send())
	intake := b.Function("intake", Function{MemoryMB: 256, Timeout: 10e9, Grants: [][]Grant{votes.Send()}})
	b.Function("credentials", Function{MemoryMB: 128, Timeout: 10e9, Grants: [][]Grant{voter.Assume(), voter.RevokeSessions()}})
	a := HTTPAPI{
		Routes: map[string]Route{
			"POST /votes": {Function: intake, Scopes: []string{"vote", "admin"}},
			"GET /health": {Function: intake, Open: true},
		},
		JWT:    &JWT{Issuer: "https://login.example.org", Audience: []string{"vote", "app"}},
		CORS:   &CORS{Origins: []string{"https://vote.example.org"}, Headers: []string{"X-Voter"}},
		Domain: &APIDomain{Name: "api.example.org", CertificateARN: "arn:aws:acm:eu-central-1:123456789012:certificate/one"},
	}
	if change != nil {
		change(&a)
	}
	api := b.HTTPAPI("api", a)
	guests := b.IdentityPool("guests", votes.Send())
	for name, value := range map[string]string{
		"url": api.URL(), "arn": api.ARN(), "target": api.DomainTarget(), "zone": api.DomainZone(), "pool": guests.ID(), "pool_arn": guests.ARN(), "voter": voter.ARN(),
	} {
		b.Output(name, value)
	}
	return b.Blueprint()
}

func TestGoldenDoors(t *testing.T) {
	for name, have := range map[string]string{"doors.json": string(doors(nil).Render()), "doors.mmd": doors(nil).Diagram()} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, []byte(have), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), have); diff != "" {
			t.Errorf("%s: want -, have +:\n%s", name, diff)
		}
	}
}

func TestDoorsAreValid(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*HTTPAPI)
		want   string
	}{
		"as they are":                  {nil, ""},
		"a local issuer":               {func(a *HTTPAPI) { a.JWT.Issuer = "http://127.0.0.1:8080" }, ""},
		"an issuer in plain":           {func(a *HTTPAPI) { a.JWT.Issuer = "http://login.example.org" }, `the issuer "http://login.example.org" of tokens is no https URL`},
		"no audience":                  {func(a *HTTPAPI) { a.JWT.Audience = nil }, "number of audiences is 0"},
		"no route":                     {func(a *HTTPAPI) { a.Routes = nil }, "the API has no route"},
		"a route of no form":           {func(a *HTTPAPI) { a.Routes = map[string]Route{"/votes": a.Routes["POST /votes"]} }, `"/votes" is no route key`},
		"half a limit":                 {func(a *HTTPAPI) { a.Rate = 100 }, "the throttling limits are 100 requests a second and 0 at once"},
		"a limit":                      {func(a *HTTPAPI) { a.Rate, a.Burst = 100, 50 }, ""},
		"a function":                   {func(a *HTTPAPI) { a.JWT, a.Authorizer = nil, asking("X-API-Key", 300) }, ""},
		"a function and tokens":        {func(a *HTTPAPI) { a.Authorizer = asking("x-api-key", 300) }, "tokens and a function; give one of them"},
		"a function that sees nothing": {func(a *HTTPAPI) { a.JWT, a.Authorizer = nil, asking("", 300) }, `looks at the header "", which is none`},
		"an answer for two hours":      {func(a *HTTPAPI) { a.JWT, a.Authorizer = nil, asking("x-api-key", 7200) }, "for which an authorizer's answer stands is 7200"},
		"IAM":                          {func(a *HTTPAPI) { a.JWT, a.IAM = nil, true }, ""},
		"more scopes than go": {func(a *HTTPAPI) {
			r := a.Routes["POST /votes"]
			r.Scopes = strings.Split("abcdefghijk", "")
			a.Routes["POST /votes"] = r
		}, "11 scopes"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := doors(c.change).Validate()
			if c.want == "" && len(problems) > 0 || c.want != "" && (len(problems) != 1 || !strings.Contains(problems[0].Message, c.want)) {
				t.Errorf("problems are %v, want %q", problems, c.want)
			}
		})
	}
}

// asking is a function that says who may come in.
func asking(header string, seconds int) *APIAuthorizer {
	b := NewBuilder(Settings{System: System{Name: "voting_window", Slug: "vote"}, Name: "tv", LogRetentionDays: 14, Architecture: "arm64"})
	return &APIAuthorizer{Function: b.Function("intake", Function{}), Header: header, TTL: time.Duration(seconds) * time.Second}
}

// An API asks for what it is told to, on all routes that are not open, and pages may
// send what it is known by. The function that is asked may be called for that alone.
func TestWhoIsLetIn(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*HTTPAPI)
		asks    string
		headers []string
		drawn   string
	}{
		"tokens":     {func(*HTTPAPI) {}, "JWT admin vote", []string{"authorization", "content-type", "x-voter"}, "POST /votes with a token"},
		"a function": {func(a *HTTPAPI) { a.JWT, a.Authorizer = nil, asking("X-API-Key", 60) }, "CUSTOM", []string{"content-type", "x-api-key", "x-voter"}, "POST /votes with x-api-key"},
		"IAM": {
			func(a *HTTPAPI) { a.JWT, a.IAM = nil, true }, "AWS_IAM",
			[]string{"authorization", "content-type", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-voter"}, "POST /votes signed",
		},
		"nobody": {func(a *HTTPAPI) { a.JWT = nil }, "", []string{"content-type", "x-voter"}, "POST /votes over HTTPS"},
	} {
		b := doors(c.change)
		if picture := b.Diagram(); !strings.Contains(picture, c.drawn) || strings.Contains(picture, "is asked who comes") != (name == "a function") {
			t.Errorf("%s: the picture is\n%s", name, picture)
		}
		spec := b.Part("api").Spec.(HTTPAPISpec)
		if spec.Authorization["POST /votes"] != c.asks || spec.Authorization["GET /health"] != "" || !slices.Equal(spec.Headers, c.headers) {
			t.Errorf("%s: routes ask for %v, and pages may send %v", name, spec.Authorization, spec.Headers)
		}
		asked := b.Part("api-authorize-intake")
		if (asked != nil) != (name == "a function") {
			t.Fatalf("%s: the function's permission is %+v", name, asked)
		}
		if asked == nil {
			continue
		}
		if source := Readable(asked.Spec.(InvokePermissionSpec).SourceARN); !strings.HasSuffix(source, "/authorizers/*") {
			t.Errorf("it is called for %s", source)
		}
		if spec.AuthorizerHeader != "x-api-key" || spec.AuthorizerTTL != 60 || !strings.HasSuffix(Readable(spec.Authorizer), ":live") {
			t.Errorf("%+v", spec)
		}
	}
}

// Cognito takes from guests what it does not name.
func TestGuestsMayNot(t *testing.T) {
	b := NewBuilder(Settings{System: System{Name: "test", Slug: "test"}, Name: "one", LogRetentionDays: 14})
	b.IdentityPool("guests", []Grant{{Actions: []string{"ssm:GetParameter"}, Resources: []string{"*"}}})
	problems := b.Blueprint().Validate()
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "ssm:GetParameter, which Cognito takes away") {
		t.Errorf("problems are %v", problems)
	}
}

// Without limits of its own an API's throttling is nobody's business.
func TestThrottlingIsLeftAlone(t *testing.T) {
	for rate, want := range map[int][]string{0: {"throttling_rate_limit", "throttling_burst_limit"}, 100: nil} {
		if got := doors(func(a *HTTPAPI) { a.Rate, a.Burst = rate, rate }).Part("api").RuntimeOwned; !slices.Equal(got, want) {
			t.Errorf("at %d requests a second, what is not compared is %v, want %v", rate, got, want)
		}
	}
}

// The address is the domain name's, and only with one there is something for DNS
// to point to.
func TestAPIAddress(t *testing.T) {
	b := doors(func(a *HTTPAPI) { a.Domain = nil })
	for name, want := range map[string]string{"url": Ref("api", "url"), "target": "", "zone": ""} {
		if got := b.Outputs[name]; got != want {
			t.Errorf("%s is %q, want %q", name, Readable(got), Readable(want))
		}
	}
	if slices.ContainsFunc(b.Parts, func(p *Part) bool { return p.Spec.Kind() == DomainNameSpec{}.Kind() }) || !b.Part("api").Spec.(HTTPAPISpec).Endpoint {
		t.Error("without a domain name there is a part for it, or the API has no address")
	}
	with := doors(nil)
	if got := with.Outputs["url"]; got != "https://api.example.org" {
		t.Errorf("url is %q", got)
	}
	if with.Part("api").Spec.(HTTPAPISpec).Endpoint {
		t.Error("the API's own address is open beside the domain name")
	}
}

func TestDoorsUsage(t *testing.T) {
	b := NewBuilder(Settings{System: System{Name: "test", Slug: "test"}, Name: "one"})
	api := b.HTTPAPI("api", HTTPAPI{Routes: map[string]Route{"$default": {Function: b.Function("intake", Function{})}}})
	guests := b.IdentityPool("guests")
	have := append(api.Requests(2, 700), guests.Identities(3)...)
	want := []Operation{
		{Part: "api", Action: Request, Count: 2, Bytes: 700}, {Part: "guests", Action: GetID, Count: 3}, {Part: "guests", Action: GetCredentials, Count: 3},
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
}
