package kinds

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	apitypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

const (
	testAPI    = "tv-vote-api-use1"
	testDomain = "vote.example.org"
	testPool   = "tv-vote-voters-use1"
	testGuests = "tv-vote-voters-role-use1"
	// otherGuests is a role that is not there.
	otherGuests = "tv-vote-others-role-use1"
	testIssuer  = "https://login.example.org"
	testCert    = "arn:aws:acm:us-east-1:000000000000:certificate/8d5d0ac6-0000-4000-8000-000000000001"
)

func liveARN(function string) string { return lambdaARN(function) + ":" + blueprint.LiveAlias }

func apiBase() blueprint.HTTPAPISpec {
	return blueprint.HTTPAPISpec{
		Routes: map[string]string{"POST /votes": liveARN(testFunction)}, Authorization: map[string]string{"POST /votes": "JWT admin vote"},
		JWTIssuer: testIssuer, JWTAudience: []string{"vote"},
		Origins: []string{"*"}, Methods: []string{"POST"}, Headers: []string{"authorization", "content-type"}, MaxAge: 86400,
		Rate: 500, Burst: 100, Endpoint: true, AutoDeploy: true,
	}
}

// askingAFunction changes an API to one that asks a function who may come in.
func askingAFunction(s *blueprint.HTTPAPISpec) {
	s.JWTIssuer, s.JWTAudience, s.Authorization = "", nil, map[string]string{"POST /votes": blueprint.CustomAuthorization}
	s.Authorizer, s.AuthorizerHeader, s.AuthorizerTTL = liveARN("asked"), "x-api-key", 300
}

func domainBase(api string) blueprint.DomainNameSpec {
	return blueprint.DomainNameSpec{CertificateARN: testCert, SecurityPolicy: "TLS_1_2", API: api, Stage: blueprint.DefaultStage}
}

// guestRoleBase is the role of a pool's guests.
func guestRoleBase(pool string) blueprint.RoleSpec {
	return blueprint.RoleSpec{
		Path: "/serverless/", Description: "What guests may do",
		Trust: blueprint.NewPolicy(blueprint.Statement{
			Effect: "Allow", Principal: map[string][]string{"Federated": {"cognito-identity.amazonaws.com"}}, Action: []string{"sts:AssumeRoleWithWebIdentity"},
			Condition: blueprint.Condition{
				"StringEquals":           {"cognito-identity.amazonaws.com:aud": {pool}},
				"ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": {"unauthenticated"}},
			},
		}),
		Policy: blueprint.NewPolicy(blueprint.Statement{Effect: "Allow", Action: []string{"sqs:SendMessage"}, Resource: []string{queueARN(testQueue)}}),
	}
}

func invokeBase() blueprint.InvokePermissionSpec {
	return blueprint.InvokePermissionSpec{
		Function: testFunction, Alias: blueprint.LiveAlias, Sid: "api-invoke-intake", Principal: "apigateway.amazonaws.com",
		SourceARN: "arn:aws:execute-api:" + testRegion + ":" + testAccount + ":abcdef0123/*/*",
	}
}

// apiCases has one for every kind of API Gateway and Cognito, and for what lets
// a service call a function.
func apiCases() []kindCase {
	var api, other, pool string
	return []kindCase{
		httpAPICase(),
		{
			part: testFunction + ":" + blueprint.LiveAlias + ":api-invoke-intake", spec: invokeBase(), setup: func(t *testing.T) { needFunction(t) },
			changes: []blueprint.Spec{
				with(invokeBase(), func(s *blueprint.InvokePermissionSpec) {
					s.SourceARN = "arn:aws:execute-api:us-east-1:000000000000:fedcba9876/*/*"
				}),
				with(invokeBase(), func(s *blueprint.InvokePermissionSpec) {
					s.Principal, s.SourceARN = "s3.amazonaws.com", "arn:aws:s3:::other"
				}),
			},
		},
		eventInvokeConfigCase(),
		{
			part: testDomain,
			setup: func(t *testing.T) {
				api = made(t, testAPI, blueprint.HTTPAPISpec{AutoDeploy: true, Endpoint: true}).Attributes["id"]
				other = made(t, "other", blueprint.HTTPAPISpec{AutoDeploy: true, Endpoint: true}).Attributes["id"]
			},
			late: func() (blueprint.Spec, []blueprint.Spec) {
				return domainBase(api), []blueprint.Spec{
					domainBase(other),
					with(domainBase(api), func(s *blueprint.DomainNameSpec) { s.CertificateARN = testCert[:len(testCert)-1] + "2" }),
					with(domainBase(api), func(s *blueprint.DomainNameSpec) { s.SecurityPolicy = "TLS_1_0" }),
				}
			},
			spec: domainBase("any"),
			half: func(ctx context.Context, tags map[string]string) error {
				_, err := env.AWS.APIs.CreateDomainName(ctx, &apigatewayv2.CreateDomainNameInput{
					DomainName: aws.String(testDomain), DomainNameConfigurations: configure(domainBase("")), Tags: tags,
				})
				return err
			},
		},
		{
			part: testPool, spec: blueprint.IdentityPoolSpec{Unauthenticated: true},
			changes: []blueprint.Spec{
				blueprint.IdentityPoolSpec{},
				blueprint.IdentityPoolSpec{Unauthenticated: true, ClassicFlow: true},
			},
		},
		{
			part: testPool, spec: blueprint.IdentityPoolRoleSpec{Pool: "any"},
			setup: func(t *testing.T) {
				pool = made(t, testPool, blueprint.IdentityPoolSpec{Unauthenticated: true}).Attributes["id"]
				made(t, testGuests, guestRoleBase(pool))
			},
			late: func() (blueprint.Spec, []blueprint.Spec) {
				role := "arn:aws:iam::" + testAccount + ":role/serverless/"
				base := blueprint.IdentityPoolRoleSpec{Pool: pool, Unauthenticated: role + testGuests}
				return base, []blueprint.Spec{with(base, func(s *blueprint.IdentityPoolRoleSpec) { s.Unauthenticated = role + otherGuests })}
			},
		},
	}
}

func httpAPICase() kindCase {
	a := func(change func(*blueprint.HTTPAPISpec)) blueprint.Spec { return with(apiBase(), change) }
	return kindCase{
		part: testAPI, spec: apiBase(),
		changes: []blueprint.Spec{
			a(func(s *blueprint.HTTPAPISpec) {
				s.Routes = map[string]string{"POST /votes": liveARN("other")}
				s.JWTIssuer, s.JWTAudience = testIssuer+"/2", []string{"a", "b"}
			}),
			a(func(s *blueprint.HTTPAPISpec) {
				s.Routes = map[string]string{"$default": liveARN("other"), "GET /health": liveARN(testFunction)}
				s.Authorization = map[string]string{"$default": "JWT"}
				s.Origins, s.Headers, s.MaxAge = []string{"https://a.example", "https://b.example"}, []string{"content-type", "x-voter"}, 60
			}),
			a(func(s *blueprint.HTTPAPISpec) {
				s.JWTIssuer, s.JWTAudience, s.Authorization = "", nil, nil
				s.Origins, s.Methods, s.Headers, s.MaxAge = nil, nil, nil, 0
			}),
			a(func(s *blueprint.HTTPAPISpec) { s.Rate, s.Burst, s.Endpoint = 1000, 200, false }),
			a(askingAFunction),
			a(func(s *blueprint.HTTPAPISpec) {
				askingAFunction(s)
				s.Authorizer, s.AuthorizerHeader, s.AuthorizerTTL = liveARN("other"), "x-token", 0
				s.Routes["GET /health"] = liveARN(testFunction)
			}),
			a(func(s *blueprint.HTTPAPISpec) {
				s.JWTIssuer, s.JWTAudience, s.Authorization = "", nil, map[string]string{"POST /votes": blueprint.IAMAuthorization}
			}),
		},
		half: func(ctx context.Context, tags map[string]string) error {
			_, err := env.AWS.APIs.CreateApi(ctx, &apigatewayv2.CreateApiInput{Name: aws.String(testAPI), ProtocolType: apitypes.ProtocolTypeHttp, Tags: tags})
			return err
		},
	}
}
