package kinds

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// domainName manages regional domain names of API Gateway, each with the mapping
// of all its paths to one API. Its attributes "target" and "zone" are what the
// user's DNS must point to.
type domainName struct{ Env }

func (domainName) Facts() Facts {
	const (
		all  = "arn:{partition}:apigateway:{region}::/domainnames"
		own  = "arn:{partition}:apigateway:{region}::/domainnames/{name}"
		maps = "arn:{partition}:apigateway:{region}::/domainnames/{name}/apimappings"
		tags = "arn:{partition}:apigateway:{region}::/tags/*"
	)
	return Facts{
		ObserveCalls: 2,
		Permissions: []Permission{
			{Verbs: []Verb{Observing, Creating, Updating, Deleting}, Actions: []string{"apigateway:GET"}, Resources: []string{own, maps}},
			{Verbs: []Verb{Creating}, Actions: []string{"apigateway:POST"}, Resources: []string{all, maps}},
			{Verbs: []Verb{Creating}, Actions: []string{"apigateway:POST"}, Resources: []string{tags}, Rare: "AWS does not say whether tags given at creation are judged by it"},
			{Verbs: []Verb{Updating}, Actions: []string{"apigateway:PATCH"}, Resources: []string{own, maps + "/*"}},
			{Verbs: []Verb{Updating}, Actions: []string{"apigateway:POST"}, Resources: []string{maps}},
			{Verbs: []Verb{Updating}, Actions: []string{"apigateway:POST", "apigateway:DELETE"}, Resources: []string{tags}},
			{Verbs: []Verb{Deleting}, Actions: []string{"apigateway:DELETE"}, Resources: []string{own, maps + "/*"}},
		},
		Transient: []Transient{
			{"ConflictException", "", "another change of the domain name is under way (API Gateway V2 API Reference, UpdateDomainName)"},
		},
	}
}

func (k domainName) Observe(ctx context.Context, t *Target) (*Live[blueprint.DomainNameSpec], error) {
	out, err := k.AWS.APIs.GetDomainName(ctx, &apigatewayv2.GetDomainNameInput{DomainName: &t.Name})
	if absentAPI(err) {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	m, err := k.mapping(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	s := blueprint.DomainNameSpec{API: aws.ToString(m.ApiId), Stage: aws.ToString(m.Stage)}
	if c := configuration(out.DomainNameConfigurations); c.EndpointType == types.EndpointTypeRegional {
		s.CertificateARN, s.SecurityPolicy = aws.ToString(c.CertificateArn), string(c.SecurityPolicy)
	}
	return &Live[blueprint.DomainNameSpec]{Spec: s, Attributes: addresses(out.DomainNameConfigurations), Tags: out.Tags}, nil
}

// configuration is a domain name's only one.
func configuration(all []types.DomainNameConfiguration) types.DomainNameConfiguration {
	if len(all) == 0 {
		return types.DomainNameConfiguration{}
	}
	return all[0]
}

func addresses(all []types.DomainNameConfiguration) Attributes {
	c := configuration(all)
	return Attributes{"target": aws.ToString(c.ApiGatewayDomainName), "zone": aws.ToString(c.HostedZoneId)}
}

// mapping is that of all paths that no other mapping takes; zero without one.
func (k domainName) mapping(ctx context.Context, name string) (types.ApiMapping, error) {
	var found types.ApiMapping
	err := k.mappings(ctx, name, func(m types.ApiMapping) {
		if aws.ToString(m.ApiMappingKey) == "" {
			found = m
		}
	})
	return found, err
}

// mappings visits all mappings of a domain name; none where it does not exist.
func (k domainName) mappings(ctx context.Context, name string, visit func(types.ApiMapping)) error {
	err := pages(func(token *string) (*string, error) {
		out, err := k.AWS.APIs.GetApiMappings(ctx, &apigatewayv2.GetApiMappingsInput{DomainName: &name, NextToken: token})
		if err != nil {
			return nil, err
		}
		for _, m := range out.Items {
			visit(m)
		}
		return out.NextToken, nil
	})
	if absentAPI(err) {
		return nil
	}
	return err
}

func configure(s blueprint.DomainNameSpec) []types.DomainNameConfiguration {
	return []types.DomainNameConfiguration{{
		CertificateArn: &s.CertificateARN, EndpointType: types.EndpointTypeRegional, SecurityPolicy: types.SecurityPolicy(s.SecurityPolicy),
	}}
}

func (k domainName) Create(ctx context.Context, t *Target, want blueprint.DomainNameSpec) (Attributes, error) {
	out, err := k.AWS.APIs.CreateDomainName(ctx, &apigatewayv2.CreateDomainNameInput{
		DomainName: &t.Name, DomainNameConfigurations: configure(want), Tags: t.Tags,
	})
	var taken *types.ConflictException
	if errors.As(err, &taken) {
		if _, err := k.AWS.APIs.GetDomainName(ctx, &apigatewayv2.GetDomainNameInput{DomainName: &t.Name}); err == nil {
			return nil, ErrPresent
		}
		// Waiting would not help: it is no error of ours that passes.
		return nil, fmt.Errorf("the domain name %s is taken in another account or region (%s); free it there, or give another", t.Name, taken.ErrorMessage())
	}
	if err != nil {
		return nil, err
	}
	if err := k.available(ctx, t.Name); err != nil {
		return nil, err
	}
	return addresses(out.DomainNameConfigurations), k.lead(ctx, t.Name, want)
}

// available waits until the domain name can be used and changed.
func (k domainName) available(ctx context.Context, name string) error {
	return k.wait(ctx, "domain name "+name+" is available", func(ctx context.Context) (bool, error) {
		out, err := k.AWS.APIs.GetDomainName(ctx, &apigatewayv2.GetDomainNameInput{DomainName: &name})
		if err != nil {
			return false, err
		}
		c := configuration(out.DomainNameConfigurations)
		switch c.DomainNameStatus {
		case types.DomainNameStatusPendingCertificateReimport, types.DomainNameStatusPendingOwnershipVerification:
			return false, fmt.Errorf("API Gateway waits for the domain name's certificate: %s", aws.ToString(c.DomainNameStatusMessage))
		}
		return c.DomainNameStatus == types.DomainNameStatusAvailable, nil
	})
}

// lead maps all paths to the API.
func (k domainName) lead(ctx context.Context, name string, want blueprint.DomainNameSpec) error {
	m, err := k.mapping(ctx, name)
	switch {
	case err != nil:
		return err
	case aws.ToString(m.ApiMappingId) == "":
		_, err = k.AWS.APIs.CreateApiMapping(ctx, &apigatewayv2.CreateApiMappingInput{DomainName: &name, ApiId: &want.API, Stage: &want.Stage})
	case aws.ToString(m.ApiId) != want.API || aws.ToString(m.Stage) != want.Stage:
		_, err = k.AWS.APIs.UpdateApiMapping(ctx, &apigatewayv2.UpdateApiMappingInput{DomainName: &name, ApiMappingId: m.ApiMappingId, ApiId: &want.API, Stage: &want.Stage})
	}
	return step("map the domain name to the API", err)
}

func (k domainName) Update(ctx context.Context, t *Target, want blueprint.DomainNameSpec, live *Live[blueprint.DomainNameSpec], changed Changes) (Attributes, error) {
	attributes := live.Attributes
	if changed.Any("certificate", "security_policy") {
		out, err := k.AWS.APIs.UpdateDomainName(ctx, &apigatewayv2.UpdateDomainNameInput{DomainName: &t.Name, DomainNameConfigurations: configure(want)})
		if err != nil {
			return nil, err
		}
		attributes = addresses(out.DomainNameConfigurations)
		if err := k.available(ctx, t.Name); err != nil {
			return nil, err
		}
	}
	if changed.Any("api", "stage") {
		return attributes, k.lead(ctx, t.Name, want)
	}
	return attributes, nil
}

func (k domainName) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	return k.tagAPI(ctx, "/domainnames/"+t.Name, set, remove)
}

// Delete removes the mappings first, without which the APIs could not go.
func (k domainName) Delete(ctx context.Context, t *Target) error {
	var ids []string
	if err := k.mappings(ctx, t.Name, func(m types.ApiMapping) { ids = append(ids, aws.ToString(m.ApiMappingId)) }); err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := k.AWS.APIs.DeleteApiMapping(ctx, &apigatewayv2.DeleteApiMappingInput{DomainName: &t.Name, ApiMappingId: &id}); err != nil && !absentAPI(err) {
			return err
		}
	}
	if _, err := k.AWS.APIs.DeleteDomainName(ctx, &apigatewayv2.DeleteDomainNameInput{DomainName: &t.Name}); err != nil && !absentAPI(err) {
		return err
	}
	return nil
}
