package kinds

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

const (
	// functionsPath and invocations are before and after a function's ARN in the URI
	// by which an authorizer asks it (API Gateway V2 API Reference, CreateAuthorizer,
	// authorizerUri).
	functionsPath = ":lambda:path/2015-03-31/functions/"
	invocations   = "/invocations"
	// headerSource is before a header's name in an identity source.
	headerSource = "$request.header."
)

// The names of an API's only authorizer, by what it is.
const (
	jwtAuthorizer    = "jwt"
	lambdaAuthorizer = "lambda"
)

// authorizer is the API's own of a type; nil where it has none.
func (a *liveAPI) authorizer(of types.AuthorizerType) *types.Authorizer {
	name := map[types.AuthorizerType]string{types.AuthorizerTypeJwt: jwtAuthorizer, types.AuthorizerTypeRequest: lambdaAuthorizer}[of]
	for i, j := range a.authorizers {
		if aws.ToString(j.Name) == name && j.AuthorizerType == of {
			return &a.authorizers[i]
		}
	}
	return nil
}

// own reports whether a route asks the API's own authorizer of a type.
func (a *liveAPI) own(r types.Route, of types.AuthorizerType) bool {
	own := a.authorizer(of)
	return own != nil && aws.ToString(own.AuthorizerId) == aws.ToString(r.AuthorizerId)
}

// asked is the function that an authorizer asks, or a text for what it does else.
func asked(j types.Authorizer) string {
	uri := aws.ToString(j.AuthorizerUri)
	_, function, _ := strings.Cut(strings.TrimSuffix(uri, invocations), functionsPath)
	if aws.ToString(j.AuthorizerPayloadFormatVersion) != payload || !aws.ToBool(j.EnableSimpleResponses) {
		return uri + " in another form"
	}
	return function
}

// lookedAt is the header by which an authorizer tells callers apart, or what else.
func lookedAt(j types.Authorizer) string {
	source := strings.Join(j.IdentitySource, ", ")
	if name, isHeader := strings.CutPrefix(source, headerSource); isHeader {
		return strings.ToLower(name)
	}
	return source
}

// authorize makes or changes the authorizer, and returns its id; empty where the API
// has none.
func (k httpAPI) authorize(ctx context.Context, a *liveAPI, want blueprint.HTTPAPISpec) (string, error) {
	have := a.spec()
	switch {
	case want.JWTIssuer != "":
		same := have.JWTIssuer == want.JWTIssuer && slices.Equal(have.JWTAudience, sorted(want.JWTAudience))
		return k.authorizer(ctx, a, same, apigatewayv2.CreateAuthorizerInput{
			Name: aws.String(jwtAuthorizer), AuthorizerType: types.AuthorizerTypeJwt, IdentitySource: identitySource,
			JwtConfiguration: &types.JWTConfiguration{Issuer: &want.JWTIssuer, Audience: want.JWTAudience},
		})
	case want.Authorizer != "":
		same := have.Authorizer == want.Authorizer && have.AuthorizerHeader == want.AuthorizerHeader && have.AuthorizerTTL == want.AuthorizerTTL
		return k.authorizer(ctx, a, same, apigatewayv2.CreateAuthorizerInput{
			Name: aws.String(lambdaAuthorizer), AuthorizerType: types.AuthorizerTypeRequest, IdentitySource: []string{headerSource + want.AuthorizerHeader},
			AuthorizerUri:                  aws.String("arn:" + k.AWS.Partition() + ":apigateway:" + k.AWS.Region() + functionsPath + want.Authorizer + invocations),
			AuthorizerPayloadFormatVersion: aws.String(payload), EnableSimpleResponses: aws.Bool(true),
			AuthorizerResultTtlInSeconds: aws.Int32(int32(want.AuthorizerTTL)), //nolint:gosec // at most an hour
		})
	}
	return "", nil
}

// authorizer makes the authorizer, or changes it unless it is the same.
func (k httpAPI) authorizer(ctx context.Context, a *liveAPI, same bool, want apigatewayv2.CreateAuthorizerInput) (string, error) {
	want.ApiId = a.ApiId
	j := a.authorizer(want.AuthorizerType)
	if j == nil {
		id := ""
		err := k.createOnce(ctx, func(ctx context.Context) error {
			out, err := k.AWS.APIs.CreateAuthorizer(ctx, &want, oneAttempt)
			if err == nil {
				id = aws.ToString(out.AuthorizerId)
			}
			return err
		}, k.found(a, func(now *liveAPI) bool { return now.authorizer(want.AuthorizerType) != nil }))
		return id, err
	}
	if !same {
		if _, err := k.AWS.APIs.UpdateAuthorizer(ctx, &apigatewayv2.UpdateAuthorizerInput{
			ApiId: a.ApiId, AuthorizerId: j.AuthorizerId, IdentitySource: want.IdentitySource, JwtConfiguration: want.JwtConfiguration, AuthorizerUri: want.AuthorizerUri,
			AuthorizerPayloadFormatVersion: want.AuthorizerPayloadFormatVersion, EnableSimpleResponses: want.EnableSimpleResponses,
			AuthorizerResultTtlInSeconds: want.AuthorizerResultTtlInSeconds,
		}); err != nil {
			return "", err
		}
	}
	return aws.ToString(j.AuthorizerId), nil
}
