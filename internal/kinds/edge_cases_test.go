package kinds

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

const (
	testDistribution = "tv-vote-cdn-use1"
	testEdgeFunction = "tv-vote-pages-use1"
	testCertificate  = "arn:aws:acm:us-east-1:000000000000:certificate/8d5d0ac6-0000-4000-8000-000000000002"
	testWebACL       = "arn:aws:wafv2:us-east-1:000000000000:global/webacl/vote/8d5d0ac6-0000-4000-8000-000000000003"
	testStore        = "tv-vote-keys-use1"
	testEdgeCode     = "function handler(event) { return event.request; }"
)

func distributionBase() blueprint.DistributionSpec {
	return blueprint.DistributionSpec{
		Origin: testBucket + ".s3.us-east-1.amazonaws.com", AccessControl: "E1", RootObject: "index.html", PriceClass: "PriceClass_100",
		CachePolicy: blueprint.CachingOptimized, HeadersPolicy: blueprint.SecurityHeaders, ViewerProtocol: "redirect-to-https",
		Methods: []string{"GET", "HEAD"}, HTTPVersion: "http2and3", Compress: true, IPv6: true, ErrorTTL: 1, Enabled: true, Deployed: true,
		System: "voting_window", Deployment: "tv",
	}
}

func accessControlBase() blueprint.AccessControlSpec {
	return blueprint.AccessControlSpec{
		OriginType: "s3", Signing: "always", Protocol: "sigv4",
		Description: blueprint.Mark(blueprint.System{Name: "voting_window"}, "tv", "part"),
	}
}

func edgeFunctionBase() blueprint.EdgeFunctionSpec {
	return blueprint.EdgeFunctionSpec{Runtime: "cloudfront-js-2.0", Code: testEdgeCode, Published: true}
}

func edgeFunctionARN(name string) string {
	return "arn:aws:cloudfront::" + testAccount + ":function/" + name
}

// originPolicy lets a distribution read the bucket.
func originPolicy(distribution string, more ...blueprint.Statement) blueprint.BucketPolicySpec {
	only := blueprint.Condition{"StringEquals": {"aws:SourceArn": {"arn:aws:cloudfront::" + testAccount + ":distribution/" + distribution}}}
	cloudFront := map[string][]string{"Service": {"cloudfront.amazonaws.com"}}
	return blueprint.BucketPolicySpec{Bucket: testBucket, Policy: blueprint.NewPolicy(append([]blueprint.Statement{
		{Sid: blueprint.SidReadByDistribution, Effect: "Allow", Principal: cloudFront, Action: []string{"s3:GetObject"}, Resource: []string{"arn:aws:s3:::" + testBucket + "/*"}, Condition: only},
	}, more...)...)}
}

// originBucket has no policy of its own.
func originBucket() blueprint.BucketSpec {
	s := bucketBase()
	s.Policy = blueprint.NewPolicy()
	return s
}

func distributionCase() kindCase {
	d := func(change func(*blueprint.DistributionSpec)) blueprint.Spec { return with(distributionBase(), change) }
	return kindCase{
		part: testDistribution, spec: distributionBase(),
		setup: func(t *testing.T) {
			made(t, testBucket, originBucket())
			made(t, testEdgeFunction, edgeFunctionBase())
		},
		changes: []blueprint.Spec{
			d(func(s *blueprint.DistributionSpec) {
				s.RootObject, s.PriceClass, s.ErrorTTL = "page.html", "PriceClass_All", 30
			}),
			d(func(s *blueprint.DistributionSpec) {
				s.Domains, s.CertificateARN, s.MinimumTLS = []string{"a.example", "b.example"}, testCertificate, "TLSv1.2_2021"
			}),
			d(func(s *blueprint.DistributionSpec) {
				s.WebACLARN, s.HeadersPolicy = testWebACL, blueprint.CORSAndSecurityHeaders
				s.ViewerRequest = edgeFunctionARN(testEdgeFunction)
			}),
			d(func(s *blueprint.DistributionSpec) {
				s.Origin, s.AccessControl = "other.s3.us-east-1.amazonaws.com", "E2"
			}),
			d(func(s *blueprint.DistributionSpec) {
				s.ViewerProtocol, s.Methods, s.HTTPVersion = "https-only", []string{"GET", "HEAD", "OPTIONS"}, "http2"
				s.Compress, s.IPv6, s.CachePolicy = false, false, "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
			}),
			d(func(s *blueprint.DistributionSpec) { s.Enabled = false }),
		},
		half: func(ctx context.Context, tags map[string]string) error {
			c := &types.DistributionConfig{CallerReference: aws.String(testDistribution)}
			distributionConfig(c, &Target{Name: testDistribution}, distributionBase())
			c.Enabled, c.Origins.Items[0].OriginAccessControlId = aws.Bool(false), aws.String("")
			_, err := env.AWS.CloudFront.CreateDistributionWithTags(ctx, &cloudfront.CreateDistributionWithTagsInput{
				DistributionConfigWithTags: &types.DistributionConfigWithTags{DistributionConfig: c, Tags: edgeTags(tags)},
			})
			return err
		},
	}
}

func accessControlCase() kindCase {
	return kindCase{
		part: testDistribution, spec: accessControlBase(),
		changes: []blueprint.Spec{
			with(accessControlBase(), func(s *blueprint.AccessControlSpec) { s.Signing = "never" }),
			with(accessControlBase(), func(s *blueprint.AccessControlSpec) {
				s.Description = blueprint.Mark(blueprint.System{Name: "voting_window"}, "tv", "other")
			}),
		},
	}
}

func edgeFunctionCase() kindCase {
	return kindCase{
		part: testEdgeFunction, spec: edgeFunctionBase(),
		changes: []blueprint.Spec{
			with(edgeFunctionBase(), func(s *blueprint.EdgeFunctionSpec) { s.Code += " // changed" }),
			with(edgeFunctionBase(), func(s *blueprint.EdgeFunctionSpec) { s.Runtime = "cloudfront-js-1.0" }),
		},
		half: func(ctx context.Context, tags map[string]string) error {
			_, err := env.AWS.CloudFront.CreateFunction(ctx, &cloudfront.CreateFunctionInput{
				Name: aws.String(testEdgeFunction), FunctionCode: []byte(testEdgeCode), Tags: edgeTags(tags),
				FunctionConfig: edgeFunctionConfig(&Target{Name: testEdgeFunction}, edgeFunctionBase()),
			})
			return err
		},
	}
}

// storeSpec has copies of a secret under those keys, of that version.
func storeSpec(version string, keys ...string) blueprint.KeyValueStoreSpec {
	s := blueprint.KeyValueStoreSpec{Values: map[string]string{}}
	for _, key := range keys {
		s.Values[key] = testSecret + " " + version
	}
	resolved, _ := s.Resolved().(blueprint.KeyValueStoreSpec)
	return resolved
}

func keyValueStoreCase() kindCase {
	return kindCase{
		part: testStore, spec: storeSpec("1", "1", "2"),
		setup:   func(t *testing.T) { made(t, testSecret, secretCase().spec) },
		changes: []blueprint.Spec{storeSpec("2", "1", "2"), storeSpec("2", "2", "3")},
		half: func(ctx context.Context, tags map[string]string) error {
			_, err := env.AWS.CloudFront.CreateKeyValueStore(ctx, &cloudfront.CreateKeyValueStoreInput{Name: aws.String(testStore), Tags: edgeTags(tags)})
			return err
		},
	}
}

func bucketPolicyCase() kindCase {
	return kindCase{
		part: testBucket, spec: originPolicy("E1"),
		setup:   func(t *testing.T) { made(t, testBucket, originBucket()) },
		changes: []blueprint.Spec{originPolicy("E2"), originPolicy("E1", bucketBase().Policy.Statement...)},
	}
}

func lifecycleCase() kindCase {
	base := blueprint.LifecycleSpec{Bucket: testBucket, Unfinished: 7, Expire: map[string]int{"work/": 7}}
	return kindCase{
		part: testBucket, spec: base,
		setup: func(t *testing.T) { made(t, testBucket, bucketBase()) },
		changes: []blueprint.Spec{
			with(base, func(s *blueprint.LifecycleSpec) { s.Expire = map[string]int{"work/": 1, "exports/": 30} }),
			with(base, func(s *blueprint.LifecycleSpec) { s.Unfinished, s.Expire = 1, map[string]int{} }),
		},
	}
}

func websiteCase() kindCase {
	base := blueprint.WebsiteSpec{Bucket: testBucket, Index: "index.html"}
	return kindCase{
		part: testBucket, spec: base,
		setup:   func(t *testing.T) { made(t, testBucket, bucketBase()) },
		changes: []blueprint.Spec{with(base, func(s *blueprint.WebsiteSpec) { s.Index, s.Error = "page.html", "error.html" })},
	}
}
