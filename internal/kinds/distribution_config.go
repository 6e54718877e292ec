package kinds

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// originID names our origin among those of a distribution.
const originID = "bucket"

// missingCodes are what S3 answers for objects that are not there, or forbidden.
var missingCodes = []int32{403, 404}

// distributionConfig writes a spec into a configuration, and leaves what is not
// of the spec as it is.
func distributionConfig(c *types.DistributionConfig, t *Target, want blueprint.DistributionSpec) {
	c.Comment, c.Enabled, c.DefaultRootObject = &t.Name, &want.Enabled, &want.RootObject
	c.PriceClass, c.HttpVersion, c.IsIPV6Enabled = types.PriceClass(want.PriceClass), types.HttpVersion(want.HTTPVersion), &want.IPv6
	c.WebACLId = &want.WebACLARN
	c.Aliases = &types.Aliases{Quantity: count(len(want.Domains)), Items: want.Domains}
	c.ViewerCertificate = &types.ViewerCertificate{CloudFrontDefaultCertificate: aws.Bool(true)}
	if want.CertificateARN != "" {
		c.ViewerCertificate = &types.ViewerCertificate{
			ACMCertificateArn: &want.CertificateARN, SSLSupportMethod: types.SSLSupportMethodSniOnly,
			MinimumProtocolVersion: types.MinimumProtocolVersion(want.MinimumTLS),
		}
	}
	o := originOf(c)
	o.DomainName, o.OriginAccessControlId = &want.Origin, &want.AccessControl
	// Required, and empty beside an access control (CloudFront API Reference, S3OriginConfig).
	o.S3OriginConfig = &types.S3OriginConfig{OriginAccessIdentity: aws.String("")}
	behave(c, want)
	if c.CustomErrorResponses == nil {
		c.CustomErrorResponses = &types.CustomErrorResponses{}
	}
	errors := slices.DeleteFunc(slices.Clone(c.CustomErrorResponses.Items), func(r types.CustomErrorResponse) bool {
		return slices.Contains(missingCodes, aws.ToInt32(r.ErrorCode))
	})
	for _, status := range missingCodes {
		errors = append(errors, types.CustomErrorResponse{ErrorCode: &status, ErrorCachingMinTTL: aws.Int64(int64(want.ErrorTTL))})
	}
	c.CustomErrorResponses.Items, c.CustomErrorResponses.Quantity = errors, count(len(errors))
}

// originOf returns our origin among those of a distribution, and puts it there
// where it is missing.
func originOf(c *types.DistributionConfig) *types.Origin {
	if c.Origins == nil {
		c.Origins = &types.Origins{}
	}
	for i := range c.Origins.Items {
		if aws.ToString(c.Origins.Items[i].Id) == originID {
			return &c.Origins.Items[i]
		}
	}
	c.Origins.Items = append(c.Origins.Items, types.Origin{Id: aws.String(originID)})
	c.Origins.Quantity = count(len(c.Origins.Items))
	return &c.Origins.Items[len(c.Origins.Items)-1]
}

// behave writes the default cache behaviour.
func behave(c *types.DistributionConfig, want blueprint.DistributionSpec) {
	if c.DefaultCacheBehavior == nil {
		c.DefaultCacheBehavior = &types.DefaultCacheBehavior{}
	}
	b := c.DefaultCacheBehavior
	var methods []types.Method
	for _, m := range want.Methods {
		methods = append(methods, types.Method(m))
	}
	b.TargetOriginId, b.ViewerProtocolPolicy = aws.String(originID), types.ViewerProtocolPolicy(want.ViewerProtocol)
	b.CachePolicyId, b.ResponseHeadersPolicyId, b.Compress = &want.CachePolicy, &want.HeadersPolicy, &want.Compress
	b.AllowedMethods = &types.AllowedMethods{
		Quantity: count(len(methods)), Items: methods,
		CachedMethods: &types.CachedMethods{Quantity: aws.Int32(2), Items: []types.Method{types.MethodGet, types.MethodHead}},
	}
	if b.FunctionAssociations == nil {
		b.FunctionAssociations = &types.FunctionAssociations{}
	}
	functions := slices.DeleteFunc(slices.Clone(b.FunctionAssociations.Items), func(f types.FunctionAssociation) bool {
		return f.EventType == types.EventTypeViewerRequest
	})
	if want.ViewerRequest != "" {
		functions = append(functions, types.FunctionAssociation{EventType: types.EventTypeViewerRequest, FunctionARN: &want.ViewerRequest})
	}
	b.FunctionAssociations.Items, b.FunctionAssociations.Quantity = functions, count(len(functions))
}

func count(n int) *int32 { return aws.Int32(int32(n)) } //nolint:gosec // a handful

// distributionSpec reads what is of a spec out of a configuration.
func distributionSpec(c *types.DistributionConfig) blueprint.DistributionSpec {
	s := blueprint.DistributionSpec{
		RootObject: aws.ToString(c.DefaultRootObject), PriceClass: string(c.PriceClass), WebACLARN: aws.ToString(c.WebACLId),
		HTTPVersion: string(c.HttpVersion), IPv6: aws.ToBool(c.IsIPV6Enabled), Enabled: aws.ToBool(c.Enabled),
	}
	if c.Aliases != nil {
		s.Domains = sorted(c.Aliases.Items)
	}
	if v := c.ViewerCertificate; v != nil && v.ACMCertificateArn != nil {
		s.CertificateARN, s.MinimumTLS = *v.ACMCertificateArn, string(v.MinimumProtocolVersion)
	}
	if b := c.DefaultCacheBehavior; b != nil {
		s.ViewerProtocol, s.CachePolicy, s.HeadersPolicy = string(b.ViewerProtocolPolicy), aws.ToString(b.CachePolicyId), aws.ToString(b.ResponseHeadersPolicyId)
		s.Compress = aws.ToBool(b.Compress)
		if b.AllowedMethods != nil {
			for _, m := range b.AllowedMethods.Items {
				s.Methods = append(s.Methods, string(m))
			}
			slices.Sort(s.Methods)
		}
		if b.FunctionAssociations != nil {
			for _, f := range b.FunctionAssociations.Items {
				if f.EventType == types.EventTypeViewerRequest {
					s.ViewerRequest = aws.ToString(f.FunctionARN)
				}
			}
		}
		if c.Origins != nil {
			for _, o := range c.Origins.Items {
				if aws.ToString(o.Id) == aws.ToString(b.TargetOriginId) {
					s.Origin, s.AccessControl = aws.ToString(o.DomainName), aws.ToString(o.OriginAccessControlId)
				}
			}
		}
	}
	s.ErrorTTL = errorTTL(c.CustomErrorResponses)
	return s
}

// errorTTL is for how long, in seconds, what is missing is remembered; 0 where
// the codes differ or have a page of their own.
func errorTTL(r *types.CustomErrorResponses) int {
	ttl := map[int64]int{}
	if r != nil {
		for _, e := range r.Items {
			if slices.Contains(missingCodes, aws.ToInt32(e.ErrorCode)) && aws.ToString(e.ResponsePagePath) == "" {
				ttl[aws.ToInt64(e.ErrorCachingMinTTL)]++
			}
		}
	}
	for seconds, n := range ttl {
		if n == len(missingCodes) {
			return int(seconds)
		}
	}
	return 0
}
