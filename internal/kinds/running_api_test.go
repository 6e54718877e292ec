package kinds

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	apitypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// TestAPIBehindOurBack changes an API in every way that no spec says, and repairs
// it.
func TestAPIBehindOurBack(t *testing.T) {
	begin(t)
	target := made(t, testAPI, apiBase())
	client, id, stage := env.AWS.APIs, aws.String(target.Attributes["id"]), aws.String(blueprint.DefaultStage)
	route := func() apitypes.Route {
		out, err := client.GetRoutes(t.Context(), &apigatewayv2.GetRoutesInput{ApiId: id})
		if err != nil || len(out.Items) != 1 {
			t.Fatalf("the routes are %+v, %v; want one", out, err)
		}
		return out.Items[0]
	}
	integration := func() *string {
		out, err := client.GetIntegrations(t.Context(), &apigatewayv2.GetIntegrationsInput{ApiId: id})
		if err != nil || len(out.Items) != 1 {
			t.Fatalf("the integrations are %+v, %v; want one", out, err)
		}
		return out.Items[0].IntegrationId
	}
	steps := []struct {
		name string
		do   func() error
		want []string
	}{
		{"stage deleted", func() error {
			_, err := client.DeleteStage(t.Context(), &apigatewayv2.DeleteStageInput{ApiId: id, StageName: stage})
			return err
		}, []string{"throttling_rate_limit", "throttling_burst_limit", "auto_deploy"}},
		{"no automatic deployment", func() error {
			_, err := client.UpdateStage(t.Context(), &apigatewayv2.UpdateStageInput{ApiId: id, StageName: stage, AutoDeploy: aws.Bool(false)})
			return err
		}, []string{"auto_deploy"}},
		{"requests logged", func() error {
			_, err := client.UpdateStage(t.Context(), &apigatewayv2.UpdateStageInput{ApiId: id, StageName: stage, AccessLogSettings: &apitypes.AccessLogSettings{
				DestinationArn: aws.String("arn:aws:logs:us-east-1:000000000000:log-group:voters"), Format: aws.String("$context.identity.sourceIp"),
			}})
			return err
		}, []string{"access_log"}},
		{"route opened", func() error {
			_, err := client.UpdateRoute(t.Context(), &apigatewayv2.UpdateRouteInput{ApiId: id, RouteId: route().RouteId, AuthorizationType: apitypes.AuthorizationTypeNone})
			return err
		}, []string{"authorization"}},
		{"route with other scopes", func() error {
			_, err := client.UpdateRoute(t.Context(), &apigatewayv2.UpdateRouteInput{
				ApiId: id, RouteId: route().RouteId, AuthorizationType: apitypes.AuthorizationTypeJwt, AuthorizationScopes: []string{"vote"},
			})
			return err
		}, []string{"authorization"}},
		{"route added", func() error {
			_, err := client.CreateRoute(t.Context(), &apigatewayv2.CreateRouteInput{ApiId: id, RouteKey: aws.String("GET /x"), Target: aws.String("integrations/" + *integration())})
			return err
		}, []string{"routes"}},
		{"events of the old form", func() error {
			_, err := client.UpdateIntegration(t.Context(), &apigatewayv2.UpdateIntegrationInput{ApiId: id, IntegrationId: integration(), PayloadFormatVersion: aws.String("1.0")})
			return err
		}, []string{"routes"}},
		{"authorizer looks elsewhere", func() error {
			out, err := client.GetAuthorizers(t.Context(), &apigatewayv2.GetAuthorizersInput{ApiId: id})
			if err != nil {
				return err
			}
			_, err = client.UpdateAuthorizer(t.Context(), &apigatewayv2.UpdateAuthorizerInput{
				ApiId: id, AuthorizerId: out.Items[0].AuthorizerId, IdentitySource: []string{"$request.querystring.token"},
			})
			return err
		}, []string{"jwt_issuer", "jwt_audience"}},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			if err := s.do(); err != nil {
				t.Fatal(err)
			}
			if got := differences(apiBase(), observe(t, "http_api", target)); !slices.Equal(got, s.want) {
				t.Errorf("what differs is %v, want %v", got, s.want)
			}
			update(t, target, apiBase())
		})
	}
	// One integration is left, and one authorizer.
	integration()
}

// TestAuthorizerBehindOurBack changes the function that an API asks in every way
// that no spec says, and repairs it.
func TestAuthorizerBehindOurBack(t *testing.T) {
	begin(t)
	base := apiBase()
	askingAFunction(&base)
	target := made(t, testAPI, base)
	client, id := env.AWS.APIs, aws.String(target.Attributes["id"])
	for name, c := range map[string]struct {
		change apigatewayv2.UpdateAuthorizerInput
		want   []string
	}{
		"events of the old form":    {apigatewayv2.UpdateAuthorizerInput{AuthorizerPayloadFormatVersion: aws.String("1.0")}, []string{"lambda_authorizer"}},
		"answers of the old form":   {apigatewayv2.UpdateAuthorizerInput{EnableSimpleResponses: aws.Bool(false)}, []string{"lambda_authorizer"}},
		"answers that stand":        {apigatewayv2.UpdateAuthorizerInput{AuthorizerResultTtlInSeconds: aws.Int32(3600)}, []string{"lambda_authorizer_ttl"}},
		"it looks elsewhere":        {apigatewayv2.UpdateAuthorizerInput{IdentitySource: []string{"$request.querystring.key"}}, []string{"lambda_authorizer_header"}},
		"another function is asked": {apigatewayv2.UpdateAuthorizerInput{AuthorizerUri: aws.String("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/" + liveARN("other") + "/invocations")}, []string{"lambda_authorizer"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := client.GetAuthorizers(t.Context(), &apigatewayv2.GetAuthorizersInput{ApiId: id})
			if err != nil || len(out.Items) != 1 {
				t.Fatalf("the authorizers are %+v, %v; want one", out, err)
			}
			change := c.change
			change.ApiId, change.AuthorizerId = id, out.Items[0].AuthorizerId
			if _, err := client.UpdateAuthorizer(t.Context(), &change); err != nil {
				t.Fatal(err)
			}
			if got := differences(base, observe(t, "http_api", target)); !slices.Equal(got, c.want) {
				t.Errorf("what differs is %v, want %v", got, c.want)
			}
			update(t, target, base)
		})
	}
}

// TestInvokePermissionBehindOurBack puts another statement in the place of the
// one that lets an API call its function.
func TestInvokePermissionBehindOurBack(t *testing.T) {
	begin(t)
	needFunction(t)
	target := made(t, testFunction+":"+blueprint.LiveAlias+":api-invoke-intake", invokeBase())
	client, name, live, sid := env.AWS.Lambda, aws.String(testFunction), aws.String(blueprint.LiveAlias), aws.String("api-invoke-intake")
	if _, err := client.RemovePermission(t.Context(), &lambda.RemovePermissionInput{FunctionName: name, Qualifier: live, StatementId: sid}); err != nil {
		t.Fatal(err)
	}
	absent(t, "invoke_permission", target)
	// Without a source it lets every API of every account call the function.
	if _, err := client.AddPermission(t.Context(), &lambda.AddPermissionInput{
		FunctionName: name, Qualifier: live, StatementId: sid, Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("apigateway.amazonaws.com"),
	}); err != nil {
		t.Fatal(err)
	}
	if got := differences(invokeBase(), observe(t, "invoke_permission", target)); !slices.Equal(got, []string{"principal", "source"}) {
		t.Errorf("what differs is %v", got)
	}
	update(t, target, invokeBase())
}

// TestLostAnswers makes objects that AWS names by itself while an answer is lost,
// or is an error that says nothing: in the end there is one of each.
func TestLostAnswers(t *testing.T) {
	lost := localaws.Fault{Kind: localaws.FaultLostAnswer}
	failed := localaws.Fault{Kind: localaws.FaultError, Code: "InternalFailure", Status: http.StatusInternalServerError}
	pool := blueprint.IdentityPoolSpec{Unauthenticated: true}
	for _, c := range []struct {
		part, operation string
		fault           localaws.Fault
		spec            blueprint.Spec
		// want is what Create gives: nil, ErrPresent, or an error that passes.
		want error
	}{
		{testAPI, "CreateApi", lost, apiBase(), ErrPresent},
		{testAPI, "CreateApi", failed, apiBase(), nil},
		{testAPI, "CreateAuthorizer", lost, apiBase(), ErrPresent},
		{testAPI, "CreateIntegration", lost, apiBase(), ErrPresent},
		{testAPI, "CreateIntegration", failed, apiBase(), nil},
		{testAPI, "CreateRoute", lost, apiBase(), errPassing},
		{testAPI, "CreateStage", lost, apiBase(), errPassing},
		{testPool, "CreateIdentityPool", lost, pool, ErrPresent},
		{testPool, "CreateIdentityPool", failed, pool, nil},
	} {
		t.Run(c.operation+" "+string(c.fault.Kind), func(t *testing.T) {
			begin(t)
			c.fault.Operation, c.fault.Nth = c.operation, 1
			armed, err := local.Gate().Faults().Add(c.fault)
			if err != nil {
				t.Fatal(err)
			}
			driver, target := All(Env{AWS: env.AWS, Clock: hurried{}})[c.spec.Kind()], targetOf(c.part)
			_, err = driver.Create(t.Context(), target, c.spec)
			if passes := driver.Transient(err); passes != errors.Is(c.want, errPassing) || !passes && !errors.Is(err, c.want) {
				t.Errorf("Create gave %v, want %v", err, c.want)
			}
			if !armed.Fired() {
				t.Error("no call failed")
			}
			update(t, target, c.spec)
			for what, n := range counted(t) {
				if n > 1 {
					t.Errorf("there are %d %s", n, what)
				}
			}
			// A destroy may know no more than the name and whose it is.
			remove(t, c.spec.Kind(), &Target{Name: c.part, Tags: target.Tags})
			if left := counted(t); len(left) > 0 {
				t.Errorf("left are %v", left)
			}
		})
	}
}

// hurried is a clock by which every wait is over at once.
type hurried struct{ realClock }

func (hurried) After(time.Duration) <-chan time.Time { return time.After(0) }

// errPassing stands for an error that the engine waits out.
var errPassing = errors.New("an error that passes")

// counted counts what a lost answer may double.
func counted(t *testing.T) map[string]int {
	t.Helper()
	out, client := map[string]int{}, env.AWS.APIs
	apis, err := client.GetApis(t.Context(), &apigatewayv2.GetApisInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range apis.Items {
		live, err := httpAPI{env}.read(t.Context(), *a.ApiId)
		if err != nil {
			t.Fatal(err)
		}
		out["APIs"]++
		out["routes"] += len(live.routes)
		out["integrations"] += len(live.integrations)
		out["authorizers"] += len(live.authorizers)
	}
	pools, err := env.AWS.Identities.ListIdentityPools(t.Context(), &cognitoidentity.ListIdentityPoolsInput{MaxResults: aws.Int32(mostPools)})
	if err != nil {
		t.Fatal(err)
	}
	for range pools.IdentityPools {
		out["identity pools"]++
	}
	return out
}

// TestDuplicatesGo deletes every object that a lagging list let be made.
func TestDuplicatesGo(t *testing.T) {
	begin(t)
	first := made(t, testAPI, apiBase())
	second, err := env.AWS.APIs.CreateApi(t.Context(), &apigatewayv2.CreateApiInput{Name: aws.String(testAPI), ProtocolType: apitypes.ProtocolTypeHttp, Tags: first.Tags})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := env.AWS.APIs.CreateApi(t.Context(), &apigatewayv2.CreateApiInput{Name: aws.String(testAPI), ProtocolType: apitypes.ProtocolTypeHttp})
	if err != nil {
		t.Fatal(err)
	}
	remove(t, "http_api", first)
	for id, want := range map[string]bool{first.Attributes["id"]: false, *second.ApiId: false, *foreign.ApiId: true} {
		_, err := env.AWS.APIs.GetApi(t.Context(), &apigatewayv2.GetApiInput{ApiId: &id})
		if there := err == nil; there != want {
			t.Errorf("API %s is there: %t (%v), want %t", id, there, err, want)
		}
	}
}
