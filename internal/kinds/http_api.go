package kinds

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// httpAPI manages HTTP APIs of API Gateway with their stage $default, routes,
// integrations and authorizer. AWS names APIs by an id and knows no repeated
// request for one: it is found by its recorded id, or by its name and ownership
// tags.
//
// It is made of single calls rather than imported from an OpenAPI document.
// ImportApi would save two calls or three of a first apply, but no stage; and
// ReimportApi replaces all routes of an API that is in use, where single calls
// leave alone what has not changed. Each of the single calls can be repeated
// after a look at what is there.
type httpAPI struct{ Env }

func (httpAPI) Facts() Facts {
	// Calls are judged by their method on a path (Service Authorization Reference,
	// Amazon API Gateway Management V2). An API's id is not known beforehand, and
	// the paths below it carry no tags.
	const (
		all  = "arn:{partition}:apigateway:{region}::/apis"
		own  = "arn:{partition}:apigateway:{region}::/apis/*"
		tags = "arn:{partition}:apigateway:{region}::/tags/*"
	)
	return Facts{
		ObserveCalls: 5,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{"apigateway:GET"}, Resources: []string{own}},
			{Verbs: []Verb{Observing}, Actions: []string{"apigateway:GET"}, Resources: []string{all}, Rare: "only where an API's id was not recorded"},
			{Verbs: []Verb{Creating}, Actions: []string{"apigateway:GET", "apigateway:POST"}, Resources: []string{all}},
			{Verbs: []Verb{Creating}, Actions: []string{"apigateway:POST"}, Resources: []string{tags}, Rare: "AWS does not say whether tags given at creation are judged by it"},
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"apigateway:GET", "apigateway:POST"}, Resources: []string{own}},
			{Verbs: []Verb{Updating}, Actions: []string{"apigateway:PATCH", "apigateway:DELETE"}, Resources: []string{own}},
			{Verbs: []Verb{Updating}, Actions: []string{"apigateway:POST", "apigateway:DELETE"}, Resources: []string{tags}},
			{Verbs: []Verb{Deleting}, Actions: []string{"apigateway:GET"}, Resources: []string{all}},
			{Verbs: []Verb{Deleting}, Actions: []string{"apigateway:GET", "apigateway:DELETE"}, Resources: []string{own}},
		},
		Transient: []Transient{
			{"ConflictException", "", "another change of the API is under way, a mapping of it that was deleted still counts, or a route or the stage is there already since an answer was lost (API Gateway V2 API Reference, CreateRoute and DeleteApi)"},
		},
	}
}

// absentAPI reports that an API, or what belongs to one, does not exist.
func absentAPI(err error) bool {
	var missing *types.NotFoundException
	return errors.As(err, &missing)
}

// liveAPI is all that API Gateway has of an API.
type liveAPI struct {
	*apigatewayv2.GetApiOutput
	routes       []types.Route
	integrations []types.Integration
	authorizers  []types.Authorizer
	stage        *apigatewayv2.GetStageOutput // nil where there is none
}

func (k httpAPI) Observe(ctx context.Context, t *Target) (*Live[blueprint.HTTPAPISpec], error) {
	id := t.Attributes["id"]
	if id == "" {
		found, err := k.find(ctx, t)
		if err != nil {
			return nil, err
		}
		id = found[0]
	}
	a, err := k.read(ctx, id)
	if absentAPI(err) {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	return &Live[blueprint.HTTPAPISpec]{Spec: a.spec(), Attributes: a.attributes(), Tags: a.Tags}, nil
}

// find returns the ids of the target's APIs, the oldest first, or ErrAbsent. There
// are several only where a list did not show yet what had been made.
func (k httpAPI) find(ctx context.Context, t *Target) ([]string, error) {
	var found []types.Api
	err := pages(func(token *string) (*string, error) {
		out, err := k.AWS.APIs.GetApis(ctx, &apigatewayv2.GetApisInput{NextToken: token})
		if err != nil {
			return nil, err
		}
		for _, a := range out.Items {
			if aws.ToString(a.Name) == t.Name && t.ours(a.Tags) {
				found = append(found, a)
			}
		}
		return out.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, ErrAbsent
	}
	slices.SortFunc(found, func(a, b types.Api) int {
		return cmp.Or(aws.ToTime(a.CreatedDate).Compare(aws.ToTime(b.CreatedDate)), cmp.Compare(*a.ApiId, *b.ApiId))
	})
	var ids []string
	for _, a := range found {
		ids = append(ids, *a.ApiId)
	}
	return ids, nil
}

// pages asks for page after page.
func pages(page func(token *string) (next *string, err error)) error {
	for token := (*string)(nil); ; {
		next, err := page(token)
		if err != nil || aws.ToString(next) == "" {
			return err
		}
		token = next
	}
}

// read asks for everything.
func (k httpAPI) read(ctx context.Context, id string) (a *liveAPI, err error) {
	client := k.AWS.APIs
	a = &liveAPI{}
	if a.GetApiOutput, err = client.GetApi(ctx, &apigatewayv2.GetApiInput{ApiId: &id}); err != nil {
		return nil, err
	}
	err = pages(func(token *string) (*string, error) {
		out, err := client.GetRoutes(ctx, &apigatewayv2.GetRoutesInput{ApiId: &id, NextToken: token})
		if err != nil {
			return nil, err
		}
		a.routes = append(a.routes, out.Items...)
		return out.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	err = pages(func(token *string) (*string, error) {
		out, err := client.GetIntegrations(ctx, &apigatewayv2.GetIntegrationsInput{ApiId: &id, NextToken: token})
		if err != nil {
			return nil, err
		}
		a.integrations = append(a.integrations, out.Items...)
		return out.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	err = pages(func(token *string) (*string, error) {
		out, err := client.GetAuthorizers(ctx, &apigatewayv2.GetAuthorizersInput{ApiId: &id, NextToken: token})
		if err != nil {
			return nil, err
		}
		a.authorizers = append(a.authorizers, out.Items...)
		return out.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	a.stage, err = client.GetStage(ctx, &apigatewayv2.GetStageInput{ApiId: &id, StageName: aws.String(blueprint.DefaultStage)})
	if absentAPI(err) {
		a.stage, err = nil, nil
	}
	return a, err
}

func (a *liveAPI) attributes() Attributes {
	return Attributes{"id": aws.ToString(a.ApiId), "url": strings.TrimSuffix(aws.ToString(a.ApiEndpoint), "/")}
}

func (a *liveAPI) spec() blueprint.HTTPAPISpec {
	s := blueprint.HTTPAPISpec{
		Routes: map[string]string{}, Authorization: map[string]string{}, Endpoint: !aws.ToBool(a.DisableExecuteApiEndpoint),
	}
	for _, r := range a.routes {
		s.Routes[aws.ToString(r.RouteKey)] = a.target(r)
		if auth := a.authorization(r); auth != "" {
			s.Authorization[aws.ToString(r.RouteKey)] = auth
		}
	}
	if j := a.authorizer(types.AuthorizerTypeJwt); j != nil && slices.Equal(j.IdentitySource, identitySource) && j.JwtConfiguration != nil {
		s.JWTIssuer, s.JWTAudience = aws.ToString(j.JwtConfiguration.Issuer), sorted(j.JwtConfiguration.Audience)
	}
	if j := a.authorizer(types.AuthorizerTypeRequest); j != nil {
		s.Authorizer, s.AuthorizerHeader, s.AuthorizerTTL = asked(*j), lookedAt(*j), int(aws.ToInt32(j.AuthorizerResultTtlInSeconds))
	}
	if c := a.CorsConfiguration; c != nil {
		s.Origins, s.Methods, s.Headers, s.MaxAge = sorted(c.AllowOrigins), sorted(c.AllowMethods), lowered(c.AllowHeaders), int(aws.ToInt32(c.MaxAge))
	}
	if a.stage == nil {
		return s
	}
	s.AutoDeploy = aws.ToBool(a.stage.AutoDeploy)
	if r := a.stage.DefaultRouteSettings; r != nil {
		s.Rate, s.Burst = int(aws.ToFloat64(r.ThrottlingRateLimit)), int(aws.ToInt32(r.ThrottlingBurstLimit))
	}
	if l := a.stage.AccessLogSettings; l != nil {
		s.AccessLog = aws.ToString(l.DestinationArn)
	}
	return s
}

// identitySource is where a token is looked for.
var identitySource = []string{"$request.header.Authorization"}

// lowered sorts headers' names, whose case means nothing.
func lowered(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, strings.ToLower(v))
	}
	return sorted(out)
}

// target is the function that a route calls, or a text for what it does else.
func (a *liveAPI) target(r types.Route) string {
	id, ok := strings.CutPrefix(aws.ToString(r.Target), "integrations/")
	for _, i := range a.integrations {
		if !ok || aws.ToString(i.IntegrationId) != id {
			continue
		}
		if uri := aws.ToString(i.IntegrationUri); calls(i, uri) {
			return uri
		}
		return fmt.Sprintf("%s, %s, payload %s", aws.ToString(i.IntegrationUri), i.IntegrationType, aws.ToString(i.PayloadFormatVersion))
	}
	return "nothing"
}

const (
	// payload is the version of the events that functions get (API Gateway
	// Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs").
	payload = "2.0"
	// longest is how long API Gateway waits for a function, at most and unless
	// told otherwise (API Gateway quotas, "Integration timeout").
	longest = 30 * time.Second
)

// calls reports whether an integration does nothing but call the function.
func calls(i types.Integration, function string) bool {
	return i.IntegrationType == types.IntegrationTypeAwsProxy && aws.ToString(i.IntegrationUri) == function &&
		aws.ToString(i.PayloadFormatVersion) == payload && aws.ToInt32(i.TimeoutInMillis) == int32(longest/time.Millisecond) &&
		len(i.RequestParameters)+len(i.ResponseParameters) == 0 && aws.ToString(i.CredentialsArn) == ""
}

// authorization is what a route asks for, as a spec has it.
func (a *liveAPI) authorization(r types.Route) string {
	switch r.AuthorizationType {
	case types.AuthorizationTypeNone, "":
		return ""
	case types.AuthorizationTypeJwt:
		if !a.own(r, types.AuthorizerTypeJwt) {
			return "JWT of another authorizer"
		}
		return blueprint.JWTAuthorization(r.AuthorizationScopes)
	case types.AuthorizationTypeCustom:
		if !a.own(r, types.AuthorizerTypeRequest) {
			return "CUSTOM of another authorizer"
		}
	}
	return string(r.AuthorizationType)
}

// Create looks first: where an answer was lost, the API is there already.
func (k httpAPI) Create(ctx context.Context, t *Target, want blueprint.HTTPAPISpec) (Attributes, error) {
	look := func(ctx context.Context) error {
		_, err := k.find(ctx, t)
		return err
	}
	if err := look(ctx); err == nil {
		return nil, ErrPresent
	} else if !errors.Is(err, ErrAbsent) {
		return nil, err
	}
	a := &liveAPI{GetApiOutput: &apigatewayv2.GetApiOutput{}}
	err := k.createOnce(ctx, func(ctx context.Context) error {
		out, err := k.AWS.APIs.CreateApi(ctx, &apigatewayv2.CreateApiInput{
			Name: &t.Name, ProtocolType: types.ProtocolTypeHttp, Tags: t.Tags, CorsConfiguration: apiCORS(want), DisableExecuteApiEndpoint: aws.Bool(!want.Endpoint),
		}, oneAttempt)
		if err == nil {
			a.ApiId, a.ApiEndpoint = out.ApiId, out.ApiEndpoint
		}
		return err
	}, look)
	if err != nil {
		return nil, err
	}
	return a.attributes(), k.complete(ctx, a, want)
}

func apiCORS(s blueprint.HTTPAPISpec) *types.Cors {
	if len(s.Origins) == 0 {
		return nil
	}
	return &types.Cors{AllowOrigins: s.Origins, AllowMethods: s.Methods, AllowHeaders: s.Headers, MaxAge: aws.Int32(int32(s.MaxAge))} //nolint:gosec // at most a day
}

func (k httpAPI) Update(ctx context.Context, _ *Target, want blueprint.HTTPAPISpec, live *Live[blueprint.HTTPAPISpec], changed Changes) (Attributes, error) {
	if len(changed) == 0 {
		return live.Attributes, nil
	}
	a, err := k.read(ctx, live.Attributes["id"])
	if err != nil {
		return nil, err
	}
	cors := changed.Any("cors_allowed_origins", "cors_allowed_methods", "cors_allowed_headers", "cors_max_age")
	if cors && len(want.Origins) == 0 {
		// UpdateApi replaces it, and cannot take it away.
		if _, err := k.AWS.APIs.DeleteCorsConfiguration(ctx, &apigatewayv2.DeleteCorsConfigurationInput{ApiId: a.ApiId}); err != nil {
			return nil, err
		}
	}
	if cors && len(want.Origins) > 0 || changed.Any("execute_api_endpoint") {
		if _, err := k.AWS.APIs.UpdateApi(ctx, &apigatewayv2.UpdateApiInput{
			ApiId: a.ApiId, CorsConfiguration: apiCORS(want), DisableExecuteApiEndpoint: aws.Bool(!want.Endpoint),
		}); err != nil {
			return nil, err
		}
	}
	return live.Attributes, k.complete(ctx, a, want)
}

func (k httpAPI) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	id := t.Attributes["id"]
	if id == "" {
		found, err := k.find(ctx, t)
		if err != nil {
			return err
		}
		id = found[0]
	}
	return k.tagAPI(ctx, "/apis/"+id, set, remove)
}

// tagAPI sets and removes tags of what API Gateway has at a path.
func (e Env) tagAPI(ctx context.Context, path string, set map[string]string, remove []string) error {
	arn := "arn:" + e.AWS.Partition() + ":apigateway:" + e.AWS.Region() + "::" + path
	if len(set) > 0 {
		if _, err := e.AWS.APIs.TagResource(ctx, &apigatewayv2.TagResourceInput{ResourceArn: &arn, Tags: set}); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	_, err := e.AWS.APIs.UntagResource(ctx, &apigatewayv2.UntagResourceInput{ResourceArn: &arn, TagKeys: remove})
	return err
}

// Delete removes every API that is the target's, and all that belongs to it.
func (k httpAPI) Delete(ctx context.Context, t *Target) error {
	ids, err := k.find(ctx, t)
	if err != nil && !errors.Is(err, ErrAbsent) {
		return err
	}
	if id := t.Attributes["id"]; id != "" && !slices.Contains(ids, id) {
		ids = append(ids, id)
	}
	for _, id := range ids {
		if _, err := k.AWS.APIs.DeleteApi(ctx, &apigatewayv2.DeleteApiInput{ApiId: &id}); err != nil && !absentAPI(err) {
			return err
		}
	}
	return nil
}
