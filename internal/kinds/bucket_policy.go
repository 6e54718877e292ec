package kinds

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// bucketPolicy manages the policy of a bucket that is the origin of a
// distribution. The part's name is the bucket's.
type bucketPolicy struct{ Env }

func (bucketPolicy) Facts() Facts {
	own := []string{"arn:{partition}:s3:::{bucket}"}
	return Facts{
		Ownership: OwnedByParent, ObserveCalls: 1,
		Permissions: []Permission{
			{Verbs: []Verb{Observing, Creating, Deleting}, Actions: []string{"s3:GetBucketPolicy"}, Resources: own},
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"s3:PutBucketPolicy"}, Resources: own},
			{Verbs: []Verb{Deleting}, Actions: []string{"s3:DeleteBucketPolicy"}, Resources: own},
		},
		Transient: []Transient{
			{"OperationAborted", "", "another operation on the bucket is under way (S3 API Reference, error codes)"},
			{bucketMissing, "", "a bucket just made is not yet known everywhere (S3 User Guide, Amazon S3 data consistency model)"},
		},
	}
}

func (k bucketPolicy) Observe(ctx context.Context, t *Target) (*Live[blueprint.BucketPolicySpec], error) {
	out, err := k.AWS.S3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &t.Name})
	switch code(err) {
	case bucketMissing, "NoSuchBucketPolicy":
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	policy, err := blueprint.ParsePolicy(aws.ToString(out.Policy))
	if err != nil {
		return nil, err
	}
	return &Live[blueprint.BucketPolicySpec]{Spec: blueprint.BucketPolicySpec{Bucket: t.Name, Policy: policy}, Attributes: Attributes{}}, nil
}

// Create asks first: S3 would put the policy in the place of another.
func (k bucketPolicy) Create(ctx context.Context, t *Target, want blueprint.BucketPolicySpec) (Attributes, error) {
	_, err := k.AWS.S3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &t.Name})
	if err == nil {
		return nil, ErrPresent
	}
	if code(err) != "NoSuchBucketPolicy" {
		return nil, err
	}
	return Attributes{}, k.put(ctx, want)
}

func (k bucketPolicy) put(ctx context.Context, want blueprint.BucketPolicySpec) error {
	_, err := k.AWS.S3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &want.Bucket, Policy: aws.String(want.Policy.JSON())})
	return err
}

func (k bucketPolicy) Update(ctx context.Context, _ *Target, want blueprint.BucketPolicySpec, live *Live[blueprint.BucketPolicySpec], changed Changes) (Attributes, error) {
	if len(changed) == 0 {
		return live.Attributes, nil
	}
	return live.Attributes, k.put(ctx, want)
}

// Delete leaves a policy alone that names no distribution: then the bucket has
// its own again.
func (k bucketPolicy) Delete(ctx context.Context, t *Target) error {
	out, err := k.AWS.S3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &t.Name})
	switch code(err) {
	case bucketMissing, "NoSuchBucketPolicy":
		return nil
	}
	if err != nil {
		return err
	}
	policy, err := blueprint.ParsePolicy(aws.ToString(out.Policy))
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(policy.Statement, func(s blueprint.Statement) bool { return s.Sid == blueprint.SidReadByDistribution }) {
		return nil
	}
	_, err = k.AWS.S3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &t.Name})
	if code(err) == bucketMissing {
		return nil
	}
	return err
}
