package kinds

import (
	"context"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// website manages the static website of a bucket. The part's name is the
// bucket's; its attribute "url" is the website's address.
type website struct{ Env }

func (website) Facts() Facts {
	own := []string{"arn:{partition}:s3:::{bucket}"}
	return Facts{
		Ownership: OwnedByParent, ObserveCalls: 1,
		Permissions: []Permission{
			{Verbs: []Verb{Observing, Creating}, Actions: []string{"s3:GetBucketWebsite"}, Resources: own},
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"s3:PutBucketWebsite"}, Resources: own},
			{Verbs: []Verb{Deleting}, Actions: []string{"s3:DeleteBucketWebsite"}, Resources: own},
		},
		Transient: []Transient{
			{"OperationAborted", "", "another operation on the bucket is under way (S3 API Reference, error codes)"},
			{bucketMissing, "", "a bucket just made is not yet known everywhere (S3 User Guide, Amazon S3 data consistency model)"},
		},
	}
}

func (k website) Observe(ctx context.Context, t *Target) (*Live[blueprint.WebsiteSpec], error) {
	out, err := k.AWS.S3.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: &t.Name})
	switch code(err) {
	case bucketMissing, "NoSuchWebsiteConfiguration":
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	s := blueprint.WebsiteSpec{Bucket: t.Name}
	if out.IndexDocument != nil {
		s.Index = aws.ToString(out.IndexDocument.Suffix)
	}
	if out.ErrorDocument != nil {
		s.Error = aws.ToString(out.ErrorDocument.Key)
	}
	return &Live[blueprint.WebsiteSpec]{Spec: s, Attributes: k.attributes(t)}, nil
}

func (k website) attributes(t *Target) Attributes { return Attributes{"url": k.url(t)} }

// dashed are the regions whose website endpoints are written s3-website-<region>;
// all others have s3-website.<region> (AWS General Reference, "Amazon S3 website
// endpoints").
var dashed = []string{
	"us-east-1", "us-west-1", "us-west-2", "eu-west-1", "ap-northeast-1", "ap-southeast-1", "ap-southeast-2", "sa-east-1", "us-gov-west-1",
}

// url is plain HTTP, as website endpoints have nothing else. Where an endpoint is
// set, it is one of that endpoint's subdomains.
func (k website) url(t *Target) string {
	region := k.AWS.Region()
	separator := "."
	if slices.Contains(dashed, region) {
		separator = "-"
	}
	site := t.Name + ".s3-website" + separator + region
	if endpoint, err := url.Parse(aws.ToString(k.AWS.S3.Options().BaseEndpoint)); err == nil && endpoint.Host != "" {
		return endpoint.Scheme + "://" + site + "." + localHost(endpoint)
	}
	return "http://" + site + "." + k.AWS.DNSSuffix()
}

// Create asks first: S3 would put the configuration in the place of another.
func (k website) Create(ctx context.Context, t *Target, want blueprint.WebsiteSpec) (Attributes, error) {
	_, err := k.AWS.S3.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: &t.Name})
	if err == nil {
		return nil, ErrPresent
	}
	if code(err) != "NoSuchWebsiteConfiguration" {
		return nil, err
	}
	return k.attributes(t), k.put(ctx, want)
}

func (k website) put(ctx context.Context, want blueprint.WebsiteSpec) error {
	c := &types.WebsiteConfiguration{IndexDocument: &types.IndexDocument{Suffix: &want.Index}}
	if want.Error != "" {
		c.ErrorDocument = &types.ErrorDocument{Key: &want.Error}
	}
	_, err := k.AWS.S3.PutBucketWebsite(ctx, &s3.PutBucketWebsiteInput{Bucket: &want.Bucket, WebsiteConfiguration: c})
	return err
}

func (k website) Update(ctx context.Context, _ *Target, want blueprint.WebsiteSpec, live *Live[blueprint.WebsiteSpec], changed Changes) (Attributes, error) {
	if len(changed) == 0 {
		return live.Attributes, nil
	}
	return live.Attributes, k.put(ctx, want)
}

func (k website) Delete(ctx context.Context, t *Target) error {
	_, err := k.AWS.S3.DeleteBucketWebsite(ctx, &s3.DeleteBucketWebsiteInput{Bucket: &t.Name})
	if code(err) == bucketMissing {
		return nil
	}
	return err
}
