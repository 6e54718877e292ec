package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/localtest"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// local is the one local AWS of this package's tests; each test has an account
// of its own in it.
var local *localaws.Local

func TestMain(m *testing.M) {
	os.Exit(localtest.Main(m, localaws.Options{}, func(l *localaws.Local) error {
		local = l
		return nil
	}))
}

var accounts atomic.Int64

const testRegion = "eu-central-1"

// night is a voting window tv-final in an account of its own, as Terraform
// would have deployed it.
type night struct {
	*deployed
	arguments map[string]any
}

// deployNight deploys a voting window with the example's arguments and others,
// and points the environment at its account.
func deployNight(t *testing.T, more map[string]any) *night {
	t.Helper()
	key := fmt.Sprintf("7%011d", accounts.Add(1))
	use(t, key, "test")
	client, failure := awsclient.New(t.Context(), awsclient.Config{Region: testRegion, AccessKey: key, SecretKey: "test", Endpoint: local.Endpoint(), PathStyle: true})
	if failure != nil {
		t.Fatal(failure)
	}
	system, ok := systems.Find("voting_window")
	if !ok {
		t.Fatal("there is no voting window")
	}
	n := &night{arguments: system.Example(), deployed: &deployed{
		system: system, name: "tv-final", account: key, client: client,
		engine: deploy.New(client, bundle.Prebuilt{}.Content, "1.2.3"),
	}}
	n.arguments["name"], n.arguments["architecture"] = n.name, hostArchitecture()
	maps.Copy(n.arguments, more)
	n.apply(t, true)
	return n
}

var (
	sharedNight   *night
	sharedStandIn *standIn
)

// shared is one voting window that many tests look at and leave as it was, and
// what can stand in for its functions.
func shared(t *testing.T) (*night, *standIn) {
	t.Helper()
	if sharedNight == nil {
		n := deployNight(t, nil)
		sharedNight, sharedStandIn = n, &standIn{account: n.account}
		local.Gate().Use(sharedStandIn)
	}
	use(t, sharedNight.account, "test")
	return sharedNight, sharedStandIn
}

// use points the environment at an account of the local AWS.
func use(t *testing.T, key, secret string) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_REGION": testRegion,
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_ENDPOINT_URL": local.Endpoint(),
	} {
		t.Setenv(name, value)
	}
}

func hostArchitecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// apply makes AWS have what the arguments say.
func (n *night) apply(t *testing.T, create bool) {
	t.Helper()
	arguments, err := json.Marshal(n.arguments)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := bundle.Prebuilt{}.SHA256(t.Context(), n.system.Name, hostArchitecture())
	if err != nil {
		t.Fatal(err)
	}
	n.manifest = &deploy.Manifest{Arguments: arguments, Tags: map[string]string{"team": "shows"}, BundleSHA256: digest}
	res := n.engine.Apply(t.Context(), deploy.Input{Blueprint: n.described(t), Arguments: arguments, Create: create})
	for _, f := range res.Failures {
		t.Fatalf("%s: %s", f.Summary, f.Detail)
	}
	n.manifest = res.Manifest
}

func (n *night) described(t *testing.T) *blueprint.Blueprint {
	t.Helper()
	b, err := n.blueprint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (n *night) partName(key string) string { return n.manifest.Parts[key].Name }

func (n *night) url(key string) string { return n.manifest.Parts[key].Attributes["url"] }

// ran is what a command did.
type ran struct {
	code      int
	out, errs string
}

// run runs a command line as a person does.
func run(t *testing.T, line string) ran {
	t.Helper()
	return commandIn(t.Context(), line)
}

func commandIn(ctx context.Context, line string) ran {
	var out, errs bytes.Buffer
	code := Run(ctx, "1.2.3", strings.Fields(line), strings.NewReader(""), &out, &errs)
	return ran{code, out.String(), errs.String()}
}

// fromJSON reads a command's JSON.
func fromJSON[T any](t *testing.T, r ran) T {
	t.Helper()
	var v T
	decoder := json.NewDecoder(strings.NewReader(r.out))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("the output is not its JSON: %v\n%s%s", err, r.out, r.errs)
	}
	return v
}
