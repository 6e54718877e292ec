package provider_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/permission"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
	"github.com/burstline/terraform-provider-serverless/internal/systems/queue"
	"github.com/burstline/terraform-provider-serverless/internal/systems/votingwindow"
)

// deployer is the user of an account whose keys the provider gets. While
// Terraform core calls the provider he may do what the deploy policy says for
// what the call is about, and nothing else; in between, nothing at all.
type deployer struct {
	account     account
	key, secret string

	mu sync.Mutex
	// granted counts the calls under way that need a document, by its name.
	granted map[string]int
}

// deployerName is the name of every deployer.
const deployerName = "deployer"

// deployers are the deployers by account, and by access key.
var deployers sync.Map

// deployer returns the account's deployer, who is made when first asked for.
func (a account) deployer() *deployer {
	made, _ := deployers.LoadOrStore(a, sync.OnceValue(func() *deployer {
		client, name, ctx := iam.NewFromConfig(a.aws(home)), aws.String(deployerName), context.Background()
		if _, err := client.CreateUser(ctx, &iam.CreateUserInput{UserName: name}); err != nil {
			panic(fmt.Sprintf("make the deployer of account %s: %s", a, err))
		}
		out, err := client.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
		if err != nil {
			panic(fmt.Sprintf("make the deployer of account %s: %s", a, err))
		}
		d := &deployer{account: a, key: aws.ToString(out.AccessKey.AccessKeyId), secret: aws.ToString(out.AccessKey.SecretAccessKey), granted: map[string]int{}}
		deployers.Store(d.key, d)
		return d
	}))
	return made.(func() *deployer)()
}

// may grants the documents until the returned function is called.
func (d *deployer) may(documents []blueprint.Policy) (end func(), err error) {
	client, ctx := iam.NewFromConfig(d.account.aws(home)), context.Background()
	name := func(p blueprint.Policy) string { return bundle.Digest([]byte(p.JSON()))[:16] }
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range documents {
		if d.granted[name(p)]++; d.granted[name(p)] > 1 {
			continue
		}
		if _, err := client.PutUserPolicy(ctx, &iam.PutUserPolicyInput{
			UserName: aws.String(deployerName), PolicyName: aws.String(name(p)), PolicyDocument: aws.String(p.JSON()),
		}); err != nil {
			return nil, fmt.Errorf("grant the deploy policy: %w", err)
		}
	}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, p := range documents {
			if d.granted[name(p)]--; d.granted[name(p)] > 0 {
				continue
			}
			if _, err := client.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: aws.String(deployerName), PolicyName: aws.String(name(p))}); err != nil {
				panic(fmt.Sprintf("take the deploy policy away: %s", err))
			}
		}
	}, nil
}

// may grants the documents to the account's deployer for the rest of the test:
// for Terraform's command line, whose calls of the provider nobody sees.
func (a account) may(t *testing.T, documents ...blueprint.Policy) {
	t.Helper()
	end, err := a.deployer().may(documents)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
}

// deployPolicy is the deploy policy of each system's example under a name.
func (a account) deployPolicy(t *testing.T, region, name string) []blueprint.Policy {
	t.Helper()
	var described []*blueprint.Blueprint
	for _, system := range systems.All {
		b, err := system.Described(t.Context(), name, nil)
		if err != nil {
			t.Fatal(err)
		}
		described = append(described, b)
	}
	documents, err := deploy.Policies(blueprint.Place{Partition: "aws", Region: region, Account: string(a)}, deploy.ModeApply, described...)
	if err != nil {
		t.Fatal(err)
	}
	return documents
}

// joined makes one document of several.
func joined(documents []blueprint.Policy) blueprint.Policy {
	var all []blueprint.Statement
	for _, d := range documents {
		all = append(all, d.Statement...)
	}
	return blueprint.NewPolicy(all...)
}

// policed is a provider that runs as a deployer.
type policed struct {
	tfprotov6.ProviderServer

	mu     sync.Mutex
	who    *deployer // nil where the configuration names somebody else
	region string
	schema *tfprotov6.GetProviderSchemaResponse
}

func police(server tfprotov6.ProviderServer) tfprotov6.ProviderServer {
	return &policed{ProviderServer: server}
}

func (p *policed) schemas(ctx context.Context) (*tfprotov6.GetProviderSchemaResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.schema != nil {
		return p.schema, nil
	}
	var err error
	p.schema, err = p.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	return p.schema, err
}

// ConfigureProvider learns whose keys the provider has.
func (p *policed) ConfigureProvider(ctx context.Context, req *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	schemas, err := p.schemas(ctx)
	if err != nil {
		return nil, err
	}
	config, err := req.Config.Unmarshal(schemas.Provider.ValueType())
	if err != nil {
		return nil, err
	}
	given, _ := plainOf(config).(map[string]any)
	key, _ := given["access_key"].(string)
	region, _ := given["region"].(string)
	if found, ok := deployers.Load(key); ok {
		p.mu.Lock()
		p.who, p.region = found.(*deployer), region
		p.mu.Unlock()
	}
	return p.ProviderServer.ConfigureProvider(ctx, req)
}

// allow grants what a call about these values of a resource needs.
func (p *policed) allow(ctx context.Context, mode deploy.Mode, typeName string, values ...*tfprotov6.DynamicValue) (func(), error) {
	nothing := func() {}
	if p.who == nil {
		return nothing, nil
	}
	schemas, err := p.schemas(ctx)
	if err != nil {
		return nil, err
	}
	var documents []blueprint.Policy
	for _, value := range values {
		if value == nil {
			continue
		}
		raw, err := value.Unmarshal(schemas.ResourceSchemas[typeName].ValueType())
		if err != nil {
			return nil, err
		}
		own, err := p.policies(ctx, mode, typeName, argumentsOf(raw, schemas.ResourceSchemas[typeName]))
		if err != nil {
			return nil, err
		}
		documents = append(documents, own...)
	}
	return p.who.may(documents) //nolint:contextcheck // what is granted must be taken away even after a call that was cut off
}

// question is what a deploy policy is asked for; arguments are JSON.
type question struct {
	mode                                 deploy.Mode
	typeName, region, account, arguments string
}

// answers are the documents by their question: most calls of a test are about
// the same arguments.
var answers sync.Map

// policies are the documents for one system; none where its arguments are not
// valid, which the provider tells itself.
func (p *policed) policies(ctx context.Context, mode deploy.Mode, typeName string, arguments map[string]any) ([]blueprint.Policy, error) {
	for _, system := range slices.Concat(systems.All, madeUp) {
		name, _ := arguments["name"].(string)
		if typeName != "serverless_"+system.Name || name == "" {
			continue
		}
		text, err := json.Marshal(arguments)
		if err != nil {
			return nil, err
		}
		asked := question{mode, typeName, p.region, string(p.who.account), string(text)}
		if known, ok := answers.Load(asked); ok {
			return known.([]blueprint.Policy), nil
		}
		b, diags := system.Resource().Describe(ctx, name, text, nil)
		if diags.HasError() {
			return nil, nil
		}
		documents, err := deploy.Policies(blueprint.Place{Partition: "aws", Region: p.region, Account: string(p.who.account)}, mode, b)
		if err != nil {
			return nil, err
		}
		answers.Store(asked, documents)
		return documents, nil
	}
	return nil, nil
}

// PlanResourceChange implements tfprotov6.ResourceServer.
func (p *policed) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	end, err := p.allow(ctx, deploy.ModePlan, req.TypeName, req.PriorState, req.ProposedNewState)
	if err != nil {
		return nil, err
	}
	defer end()
	return p.ProviderServer.PlanResourceChange(ctx, req)
}

// ApplyResourceChange implements tfprotov6.ResourceServer.
func (p *policed) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	end, err := p.allow(ctx, deploy.ModeApply, req.TypeName, req.PriorState, req.PlannedState)
	if err != nil {
		return nil, err
	}
	defer end()
	return p.ProviderServer.ApplyResourceChange(ctx, req)
}

// ReadResource implements tfprotov6.ResourceServer.
func (p *policed) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	end, err := p.allow(ctx, deploy.ModePlan, req.TypeName, req.CurrentState)
	if err != nil {
		return nil, err
	}
	defer end()
	return p.ProviderServer.ReadResource(ctx, req)
}

// ImportResourceState implements tfprotov6.ResourceServer. Of what is imported
// only the name is known.
func (p *policed) ImportResourceState(ctx context.Context, req *tfprotov6.ImportResourceStateRequest) (*tfprotov6.ImportResourceStateResponse, error) {
	if p.who == nil {
		return p.ProviderServer.ImportResourceState(ctx, req)
	}
	name := req.ID
	if req.Identity != nil && name == "" {
		schemas, err := p.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
		if err != nil {
			return nil, err
		}
		raw, err := req.Identity.IdentityData.Unmarshal(schemas.IdentitySchemas[req.TypeName].ValueType())
		if err != nil {
			return nil, err
		}
		given, _ := plainOf(raw).(map[string]any)
		name, _ = given["name"].(string)
	}
	var documents []blueprint.Policy
	for _, system := range slices.Concat(systems.All, madeUp) {
		if req.TypeName != "serverless_"+system.Name {
			continue
		}
		arguments := map[string]any{}
		if system.Example != nil {
			arguments = system.Example()
		}
		arguments["name"] = name
		own, err := p.policies(ctx, deploy.ModePlan, req.TypeName, arguments)
		if err != nil {
			return nil, err
		}
		documents = append(documents, own...)
	}
	end, err := p.who.may(documents) //nolint:contextcheck // as in allow
	if err != nil {
		return nil, err
	}
	defer end()
	return p.ProviderServer.ImportResourceState(ctx, req)
}

// argumentsOf are a resource's arguments as plain values, without those that a
// plan does not know.
func argumentsOf(v tftypes.Value, schema *tfprotov6.Schema) map[string]any {
	out, _ := plainOf(v).(map[string]any)
	for _, a := range schema.Block.Attributes {
		if a.Computed && !a.Optional {
			delete(out, a.Name)
		}
	}
	return out
}

// plainOf renders a value as encoding/json knows it; null and unknown is nil.
func plainOf(v tftypes.Value) any {
	if v.IsNull() || !v.IsKnown() {
		return nil
	}
	var text string
	var truth bool
	var fields map[string]tftypes.Value
	var elements []tftypes.Value
	switch {
	case v.As(&text) == nil:
		return text
	case v.As(&truth) == nil:
		return truth
	case v.As(&fields) == nil:
		out := map[string]any{}
		for name, field := range fields {
			if plain := plainOf(field); plain != nil {
				out[name] = plain
			}
		}
		return out
	case v.As(&elements) == nil:
		out := []any{}
		for _, e := range elements {
			if plain := plainOf(e); plain != nil {
				out = append(out, plain)
			}
		}
		return out
	}
	var number big.Float
	if err := v.As(&number); err != nil {
		return nil
	}
	return json.Number(number.Text('g', -1))
}

// inNoStack are arguments of systems that no stack has: voters with identities of
// their own, passes for the edge.
var inNoStack = map[string]map[string]any{
	votingwindow.System.Name: {"intake": "direct", "direct": map[string]any{"credentials": "cognito"}},
	queue.System.Name:        {"token": map[string]any{"edge": true}},
}

// deployedByPolicy holds the deployers of all tests against their grants: each
// must be used by one of them, or be explained beside the permission; and
// nothing that they called may have been refused but where a test wants it.
func deployedByPolicy() error {
	explained := map[string]bool{}
	for _, system := range systems.All {
		b, err := system.Described(context.Background(), "any", map[string]any{
			"kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/8d5d0ac6-0000-4000-8000-000000000001",
			"alarms":      map[string]any{"emails": []string{"ops@example.com"}},
		})
		if err != nil {
			return err
		}
		if err := explain(explained, b); err != nil {
			return err
		}
	}
	described := stackBlueprints.all()
	for name, arguments := range inNoStack {
		system, _ := systems.Find(name)
		b, err := system.Described(context.Background(), "any", arguments)
		if err != nil {
			return err
		}
		described = append(described, b)
	}
	for _, b := range described {
		if err := explain(explained, b); err != nil {
			return err
		}
	}
	isDeployer := func(arn string) bool { return strings.HasSuffix(arn, ":user/"+deployerName) }
	unused := local.Proof().Usage().Unused(func(owner string, p permission.Pair) string {
		name := p.Action + " on " + sortOf(p.Resource)
		if !isDeployer(owner) || explained[name] {
			return ""
		}
		return name
	})
	var wrong []error
	if len(unused) > 0 {
		wrong = append(wrong, fmt.Errorf("the deploy policy grants what no test has used; leave it out, or explain it beside the permission (Rare):\n  %s", strings.Join(unused, "\n  ")))
	}
	for _, d := range local.Proof().Denials("") {
		if _, wanted := refusals.Load(d.Account); isDeployer(d.Principal) && !wanted {
			wrong = append(wrong, fmt.Errorf("a deployer was refused: %s", d.Message))
		}
	}
	return errors.Join(wrong...)
}

// explain adds what of the deploy policy of a system everyday use does not need.
func explain(explained map[string]bool, b *blueprint.Blueprint) error {
	rare, err := deploy.Explained(blueprint.Place{Partition: "aws", Region: home, Account: "123456789012"}, b)
	if err != nil {
		return err
	}
	for g := range rare {
		explained[g.Action+" on "+sortOf(g.Resource)] = true
	}
	return nil
}

// stackBlueprints are the systems of the configurations that tests deployed with
// arguments of their own.
var stackBlueprints blueprints

type blueprints struct {
	mu   sync.Mutex
	list []*blueprint.Blueprint
}

func (s *blueprints) add(more ...*blueprint.Blueprint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, more...)
}

func (s *blueprints) all() []*blueprint.Blueprint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// refusals are the accounts whose tests want their deployer to be refused.
var refusals sync.Map

// sortOf is the service and the sort of resource of an ARN.
func sortOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return arn
	}
	if parts[2] == "s3" {
		if strings.Contains(parts[5], "/") {
			return "s3 object"
		}
		return "s3 bucket"
	}
	sort, _, _ := strings.Cut(parts[5], ":")
	sort, _, _ = strings.Cut(sort, "/")
	switch parts[2] {
	case "sqs":
		sort = "queue"
	case "sns":
		sort = "topic"
	}
	if parts[2] == "lambda" && strings.Count(parts[5], ":") > 1 {
		sort += " with qualifier"
	}
	if parts[2] == "logs" && strings.HasSuffix(parts[5], ":*") {
		sort += ":*"
	}
	if parts[2] == "ssm" {
		sort += strings.TrimLeft(parts[5], "abcdefghijklmnopqrstuvwxyz0123456789-/")
		if strings.HasSuffix(parts[5], "/*") {
			sort += "/*"
		}
	}
	return parts[2] + " " + sort
}
