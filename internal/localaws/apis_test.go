package localaws

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	apitypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
)

// TestHTTPAPI opens an API step by step: it answers only when all is there that AWS asks for.
func TestHTTPAPI(t *testing.T) {
	cfg, _ := fresh(t)
	queue := must[*sqs.CreateQueueOutput](t)(sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("allowed")}))
	deployRelay(t, cfg, relayBundle(t), "relay", aws.ToString(queue.QueueUrl))
	const function = "arn:aws:lambda:" + testRegion + ":000000000000:function:relay"
	client, functions := apigatewayv2.NewFromConfig(cfg), lambda.NewFromConfig(cfg)
	api := must[*apigatewayv2.CreateApiOutput](t)(client.CreateApi(t.Context(), &apigatewayv2.CreateApiInput{
		Name: aws.String("door"), ProtocolType: apitypes.ProtocolTypeHttp, CorsConfiguration: &apitypes.Cors{AllowOrigins: []string{"*"}, AllowMethods: []string{"POST"}},
	}))
	id := api.ApiId
	if want := "https://" + *id + ".execute-api." + testRegion + ".amazonaws.com"; aws.ToString(api.ApiEndpoint) != want {
		t.Errorf("the endpoint is %q, want %q", aws.ToString(api.ApiEndpoint), want)
	}
	integration := must[*apigatewayv2.CreateIntegrationOutput](t)(client.CreateIntegration(t.Context(), &apigatewayv2.CreateIntegrationInput{
		ApiId: id, IntegrationType: apitypes.IntegrationTypeAwsProxy, IntegrationUri: aws.String(function), PayloadFormatVersion: aws.String("2.0"),
	}))
	must[*apigatewayv2.CreateRouteOutput](t)(client.CreateRoute(t.Context(), &apigatewayv2.CreateRouteInput{
		ApiId: id, RouteKey: aws.String("POST /votes"), Target: aws.String("integrations/" + *integration.IntegrationId),
	}))
	answers := func(when, path string, want int) string {
		t.Helper()
		var body []byte
		for _, url := range []string{*api.ApiEndpoint, must[string](t)(local.LocalURL(*api.ApiEndpoint))} {
			request := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, url+path, strings.NewReader(`{}`)))
			resp := must[*http.Response](t)(local.HTTPClient().Do(request))
			body = must[[]byte](t)(io.ReadAll(resp.Body))
			_ = resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s: %s%s answers %s, want %d", when, url, path, resp.Status, want)
			}
		}
		return string(body)
	}
	allow := func(sid, source string) {
		t.Helper()
		must[*lambda.AddPermissionOutput](t)(functions.AddPermission(t.Context(), &lambda.AddPermissionInput{
			FunctionName: aws.String("relay"), StatementId: &sid, Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("apigateway.amazonaws.com"), SourceArn: &source,
		}))
	}
	const gateway = "arn:aws:execute-api:" + testRegion + ":000000000000:"

	answers("without a stage", "/votes", http.StatusNotFound)
	stage := must[*apigatewayv2.CreateStageOutput](t)(client.CreateStage(t.Context(), &apigatewayv2.CreateStageInput{ApiId: id, StageName: aws.String("$default"), AutoDeploy: aws.Bool(true)}))
	if d := must[*apigatewayv2.GetDeploymentOutput](t)(client.GetDeployment(t.Context(), &apigatewayv2.GetDeploymentInput{ApiId: id, DeploymentId: stage.DeploymentId})); d.DeploymentStatus != apitypes.DeploymentStatusDeployed {
		t.Errorf("the stage's deployment is %s", d.DeploymentStatus)
	}
	if body := answers("without permission", "/votes", http.StatusInternalServerError); body != `{"message":"Internal Server Error"}` {
		t.Errorf("the answer is %q", body)
	}
	allow("another", gateway+"0123456789/*/*")
	answers("with the permission of another API", "/votes", http.StatusInternalServerError)
	allow("narrow", gateway+*id+"/*/POST/votes")
	if body := answers("permitted", "/votes", http.StatusOK); !strings.Contains(body, "AWS_SDK_UA_APP_ID=relay") {
		t.Errorf("the function did not answer: %q", body)
	}
	answers("without a route", "/other", http.StatusNotFound)

	// A function that says who may come in is asked where its own policy lets the API do so.
	asked := must[*apigatewayv2.CreateAuthorizerOutput](t)(client.CreateAuthorizer(t.Context(), &apigatewayv2.CreateAuthorizerInput{
		ApiId: id, Name: aws.String("asked"), AuthorizerType: apitypes.AuthorizerTypeRequest, AuthorizerPayloadFormatVersion: aws.String("2.0"), EnableSimpleResponses: aws.Bool(true),
		AuthorizerUri: aws.String("arn:aws:apigateway:" + testRegion + ":lambda:path/2015-03-31/functions/" + function + "/invocations"), AuthorizerResultTtlInSeconds: aws.Int32(0),
		IdentitySource: []string{"$request.header.User-Agent"},
	}))
	must[*apigatewayv2.CreateRouteOutput](t)(client.CreateRoute(t.Context(), &apigatewayv2.CreateRouteInput{
		ApiId: id, RouteKey: aws.String("POST /asked"), Target: aws.String("integrations/" + *integration.IntegrationId),
		AuthorizationType: apitypes.AuthorizationTypeCustom, AuthorizerId: asked.AuthorizerId,
	}))
	allow("route", gateway+*id+"/*/POST/asked")
	answers("without permission to ask", "/asked", http.StatusInternalServerError)
	allow("other", gateway+*id+"/authorizers/other")
	answers("with permission for another authorizer", "/asked", http.StatusInternalServerError)
	allow("asked", gateway+*id+"/authorizers/*")
	answers("asked", "/asked", http.StatusOK)

	// What is deleted of the stage's settings is not the stage.
	if _, err := client.DeleteAccessLogSettings(t.Context(), &apigatewayv2.DeleteAccessLogSettingsInput{ApiId: id, StageName: aws.String("$default")}); err != nil {
		t.Fatal(err)
	}
	answers("with other settings", "/votes", http.StatusOK)
	must[*apigatewayv2.UpdateApiOutput](t)(client.UpdateApi(t.Context(), &apigatewayv2.UpdateApiInput{ApiId: id, DisableExecuteApiEndpoint: aws.Bool(true)}))
	answers("disabled", "/votes", http.StatusNotFound)

	arn := aws.String("arn:aws:apigateway:" + testRegion + "::/apis/" + *id)
	must[*apigatewayv2.TagResourceOutput](t)(client.TagResource(t.Context(), &apigatewayv2.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"team": "shows"}}))
	for _, a := range must[*apigatewayv2.GetApisOutput](t)(client.GetApis(t.Context(), &apigatewayv2.GetApisInput{})).Items {
		if a.Tags["team"] != "shows" {
			t.Errorf("the list has the tags %v", a.Tags)
		}
	}
}

// TestIdentityPool gives guests an identity only where the pool allows it, credentials only of a role that trusts the pool, and
// no more than Cognito leaves them.
func TestIdentityPool(t *testing.T) {
	cfg, _ := fresh(t)
	client, roles := cognitoidentity.NewFromConfig(cfg), iam.NewFromConfig(cfg)
	guest := cognitoidentity.NewFromConfig(aws.Config{Region: testRegion, BaseEndpoint: aws.String(local.Endpoint()), Credentials: aws.AnonymousCredentials{}, AppID: t.Name()})
	pool := must[*cognitoidentity.CreateIdentityPoolOutput](t)(client.CreateIdentityPool(t.Context(), &cognitoidentity.CreateIdentityPoolInput{IdentityPoolName: aws.String("guests")}))
	refused := func(what, code string, err error) {
		t.Helper()
		if api := (smithy.APIError)(nil); !errors.As(err, &api) || api.ErrorCode() != code {
			t.Errorf("%s gives %v, want %s", what, err, code)
		}
	}
	_, err := guest.GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: pool.IdentityPoolId})
	refused("a pool without guests", "NotAuthorizedException", err)
	must[*cognitoidentity.UpdateIdentityPoolOutput](t)(client.UpdateIdentityPool(t.Context(), &cognitoidentity.UpdateIdentityPoolInput{
		IdentityPoolId: pool.IdentityPoolId, IdentityPoolName: pool.IdentityPoolName, AllowUnauthenticatedIdentities: true,
	}))
	id := must[*cognitoidentity.GetIdOutput](t)(guest.GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: pool.IdentityPoolId})).IdentityId
	take := func() (*cognitoidentity.GetCredentialsForIdentityOutput, error) {
		return guest.GetCredentialsForIdentity(t.Context(), &cognitoidentity.GetCredentialsForIdentityInput{IdentityId: id})
	}
	_, err = take()
	refused("a pool without a role", "InvalidIdentityPoolConfigurationException", err)

	trust := func(aud, amr string) *string {
		return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity",` +
			`"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + aud + `"},"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"` + amr + `"}}}]}`)
	}
	role := must[*iam.CreateRoleOutput](t)(roles.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("guest"), AssumeRolePolicyDocument: trust("another", "unauthenticated")})).Role
	must[*iam.PutRolePolicyOutput](t)(roles.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: role.RoleName, PolicyName: aws.String("grants"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:ListQueues","ssm:DescribeParameters"],"Resource":"*"}]}`),
	}))
	must[*cognitoidentity.SetIdentityPoolRolesOutput](t)(client.SetIdentityPoolRoles(t.Context(), &cognitoidentity.SetIdentityPoolRolesInput{
		IdentityPoolId: pool.IdentityPoolId, Roles: map[string]string{"unauthenticated": *role.Arn},
	}))
	for what, policy := range map[string]*string{"a role for another pool": trust("another", "unauthenticated"), "a role for others": trust(*pool.IdentityPoolId, "authenticated")} {
		must[*iam.UpdateAssumeRolePolicyOutput](t)(roles.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: role.RoleName, PolicyDocument: policy}))
		_, err = take()
		refused(what, "InvalidIdentityPoolConfigurationException", err)
	}
	must[*iam.UpdateAssumeRolePolicyOutput](t)(roles.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{
		RoleName: role.RoleName, PolicyDocument: trust(*pool.IdentityPoolId, "unauthenticated"),
	}))
	got := must[*cognitoidentity.GetCredentialsForIdentityOutput](t)(take()).Credentials
	mine := local.ConfigWith(testRegion, credentials.NewStaticCredentialsProvider(*got.AccessKeyId, *got.SecretKey, *got.SessionToken))
	if _, err := sqs.NewFromConfig(mine).ListQueues(t.Context(), &sqs.ListQueuesInput{}); err != nil {
		t.Errorf("a guest may not what his role grants: %v", err)
	}
	_, err = ssm.NewFromConfig(mine).DescribeParameters(t.Context(), &ssm.DescribeParametersInput{})
	refused("what Cognito leaves no guest", "AccessDeniedException", err)
}
