package kinds

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// complete gives an API what it lacks, in the order in which one thing refers to
// another, then takes away what it should not have, and then opens its stage. It
// changes nothing that is as it should be.
func (k httpAPI) complete(ctx context.Context, a *liveAPI, want blueprint.HTTPAPISpec) error {
	authorizer, err := k.authorize(ctx, a, want)
	if err != nil {
		return fmt.Errorf("authorizer: %w", err)
	}
	integrations := map[string]string{}
	for _, function := range sorted(slices.Collect(maps.Values(want.Routes))) {
		if integrations[function] == "" {
			if integrations[function], err = k.integrate(ctx, a, function); err != nil {
				return fmt.Errorf("integration: %w", err)
			}
		}
	}
	for _, key := range sortedNames(want.Routes) {
		if err := k.route(ctx, a, key, integrations[want.Routes[key]], authorizer, want.Authorization[key]); err != nil {
			return fmt.Errorf("route %s: %w", key, err)
		}
	}
	if err := k.tidy(ctx, a, want, slices.Collect(maps.Values(integrations)), authorizer); err != nil {
		return err
	}
	if err := k.open(ctx, a, want); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	return k.deployed(ctx, aws.ToString(a.ApiId))
}

// integrate returns the id of the integration that calls a function, and makes it
// where there is none.
func (k httpAPI) integrate(ctx context.Context, a *liveAPI, function string) (string, error) {
	for _, i := range a.integrations {
		if calls(i, function) {
			return aws.ToString(i.IntegrationId), nil
		}
	}
	id := ""
	err := k.createOnce(ctx, func(ctx context.Context) error {
		out, err := k.AWS.APIs.CreateIntegration(ctx, &apigatewayv2.CreateIntegrationInput{
			ApiId: a.ApiId, IntegrationType: types.IntegrationTypeAwsProxy, IntegrationUri: &function, IntegrationMethod: aws.String("POST"),
			PayloadFormatVersion: aws.String(payload), TimeoutInMillis: aws.Int32(int32(longest / time.Millisecond)),
		}, oneAttempt)
		if err == nil {
			id = aws.ToString(out.IntegrationId)
		}
		return err
	}, k.found(a, func(now *liveAPI) bool {
		return slices.ContainsFunc(now.integrations, func(i types.Integration) bool { return calls(i, function) })
	}))
	return id, err
}

// oneAttempt leaves it to createOnce to try again.
func oneAttempt(o *apigatewayv2.Options) { o.Retryer = aws.NopRetryer{} }

// found looks whether the API has something now.
func (k httpAPI) found(a *liveAPI, has func(*liveAPI) bool) func(context.Context) error {
	return func(ctx context.Context) error {
		now, err := k.read(ctx, *a.ApiId)
		if err != nil {
			return err
		}
		if !has(now) {
			return ErrAbsent
		}
		return nil
	}
}

// route makes a route or changes it.
func (k httpAPI) route(ctx context.Context, a *liveAPI, key, integration, authorizer, authorization string) error {
	target := aws.String("integrations/" + integration)
	kind, scopes, id := types.AuthorizationTypeNone, []string{}, (*string)(nil)
	if asks := strings.Fields(authorization); len(asks) > 0 {
		kind, scopes = types.AuthorizationType(asks[0]), asks[1:]
		if kind != types.AuthorizationTypeAwsIam {
			id = &authorizer
		}
	}
	for _, r := range a.routes {
		if aws.ToString(r.RouteKey) != key {
			continue
		}
		if aws.ToString(r.Target) == *target && a.authorization(r) == authorization {
			return nil
		}
		_, err := k.AWS.APIs.UpdateRoute(ctx, &apigatewayv2.UpdateRouteInput{
			ApiId: a.ApiId, RouteId: r.RouteId, Target: target, AuthorizationType: kind, AuthorizerId: id, AuthorizationScopes: scopes,
		})
		return err
	}
	_, err := k.AWS.APIs.CreateRoute(ctx, &apigatewayv2.CreateRouteInput{
		ApiId: a.ApiId, RouteKey: &key, Target: target, AuthorizationType: kind, AuthorizerId: id, AuthorizationScopes: scopes,
	})
	return err
}

// tidy takes away routes that nobody wants, and then what no route uses.
func (k httpAPI) tidy(ctx context.Context, a *liveAPI, want blueprint.HTTPAPISpec, used []string, authorizer string) error {
	for _, r := range a.routes {
		if _, wanted := want.Routes[aws.ToString(r.RouteKey)]; wanted {
			continue
		}
		if _, err := k.AWS.APIs.DeleteRoute(ctx, &apigatewayv2.DeleteRouteInput{ApiId: a.ApiId, RouteId: r.RouteId}); err != nil && !absentAPI(err) {
			return fmt.Errorf("delete route %s: %w", aws.ToString(r.RouteKey), err)
		}
	}
	for _, i := range a.integrations {
		if slices.Contains(used, aws.ToString(i.IntegrationId)) {
			continue
		}
		if _, err := k.AWS.APIs.DeleteIntegration(ctx, &apigatewayv2.DeleteIntegrationInput{ApiId: a.ApiId, IntegrationId: i.IntegrationId}); err != nil && !absentAPI(err) {
			return fmt.Errorf("delete integration: %w", err)
		}
	}
	for _, j := range a.authorizers {
		if aws.ToString(j.AuthorizerId) == authorizer {
			continue
		}
		if _, err := k.AWS.APIs.DeleteAuthorizer(ctx, &apigatewayv2.DeleteAuthorizerInput{ApiId: a.ApiId, AuthorizerId: j.AuthorizerId}); err != nil && !absentAPI(err) {
			return fmt.Errorf("delete authorizer: %w", err)
		}
	}
	return nil
}

// open makes the stage or changes it.
func (k httpAPI) open(ctx context.Context, a *liveAPI, want blueprint.HTTPAPISpec) error {
	stage := aws.String(blueprint.DefaultStage)
	var settings *types.RouteSettings
	if want.Rate > 0 {
		settings = &types.RouteSettings{ThrottlingRateLimit: aws.Float64(float64(want.Rate)), ThrottlingBurstLimit: aws.Int32(int32(want.Burst))} //nolint:gosec // Validate wants it positive
	}
	if a.stage == nil {
		_, err := k.AWS.APIs.CreateStage(ctx, &apigatewayv2.CreateStageInput{ApiId: a.ApiId, StageName: stage, AutoDeploy: &want.AutoDeploy, DefaultRouteSettings: settings})
		return err
	}
	have := a.spec()
	if have.AccessLog != "" && want.AccessLog == "" {
		if _, err := k.AWS.APIs.DeleteAccessLogSettings(ctx, &apigatewayv2.DeleteAccessLogSettingsInput{ApiId: a.ApiId, StageName: stage}); err != nil {
			return err
		}
	}
	throttled := want.Rate > 0 && (have.Rate != want.Rate || have.Burst != want.Burst)
	if have.AutoDeploy == want.AutoDeploy && !throttled {
		return nil
	}
	_, err := k.AWS.APIs.UpdateStage(ctx, &apigatewayv2.UpdateStageInput{ApiId: a.ApiId, StageName: stage, AutoDeploy: &want.AutoDeploy, DefaultRouteSettings: settings})
	return err
}

// deployed waits until the stage shows the API as it is now.
func (k httpAPI) deployed(ctx context.Context, id string) error {
	stage := blueprint.DefaultStage
	return k.wait(ctx, "API "+id+" is deployed", func(ctx context.Context) (bool, error) {
		out, err := k.AWS.APIs.GetStage(ctx, &apigatewayv2.GetStageInput{ApiId: &id, StageName: &stage})
		if err != nil {
			return false, err
		}
		if aws.ToString(out.DeploymentId) == "" {
			return false, nil
		}
		d, err := k.AWS.APIs.GetDeployment(ctx, &apigatewayv2.GetDeploymentInput{ApiId: &id, DeploymentId: out.DeploymentId})
		if err != nil {
			return false, err
		}
		if d.DeploymentStatus == types.DeploymentStatusFailed {
			return false, fmt.Errorf("API Gateway could not deploy it: %s", aws.ToString(d.DeploymentStatusMessage))
		}
		return d.DeploymentStatus == types.DeploymentStatusDeployed, nil
	})
}
