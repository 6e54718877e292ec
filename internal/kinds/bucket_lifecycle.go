package kinds

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// bucketLifecycle manages the lifecycle configuration of a bucket. The part's name
// is the bucket's.
type bucketLifecycle struct{ Env }

// lifecycleUnset is S3's answer for a bucket without a configuration.
const lifecycleUnset = "NoSuchLifecycleConfiguration"

func (bucketLifecycle) Facts() Facts {
	own := []string{"arn:{partition}:s3:::{bucket}"}
	return Facts{
		Ownership: OwnedByParent, ObserveCalls: 1,
		Permissions: []Permission{
			{Verbs: []Verb{Observing, Creating}, Actions: []string{"s3:GetLifecycleConfiguration"}, Resources: own},
			// To delete it goes by the same action (S3 API Reference, DeleteBucketLifecycle).
			{Verbs: []Verb{Creating, Updating, Deleting}, Actions: []string{"s3:PutLifecycleConfiguration"}, Resources: own},
		},
		Transient: []Transient{
			{"OperationAborted", "", "another operation on the bucket is under way (S3 API Reference, error codes)"},
			{bucketMissing, "", "a bucket just made is not yet known everywhere (S3 User Guide, Amazon S3 data consistency model)"},
		},
	}
}

func (k bucketLifecycle) Observe(ctx context.Context, t *Target) (*Live[blueprint.LifecycleSpec], error) {
	out, err := k.AWS.S3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &t.Name})
	switch code(err) {
	case bucketMissing, lifecycleUnset:
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	s := blueprint.LifecycleSpec{Bucket: t.Name, Expire: map[string]int{}}
	for _, rule := range out.Rules {
		readRule(rule, &s)
	}
	return &Live[blueprint.LifecycleSpec]{Spec: s, Attributes: Attributes{}}, nil
}

// readRule reads one rule. One that is not as ours shows its id, so that it
// differs.
func readRule(rule types.LifecycleRule, s *blueprint.LifecycleSpec) {
	var prefix string
	if rule.Filter != nil {
		prefix = aws.ToString(rule.Filter.Prefix)
	}
	expires, aborts := 0, 0
	if rule.Expiration != nil {
		expires = int(aws.ToInt32(rule.Expiration.Days))
	}
	if rule.AbortIncompleteMultipartUpload != nil {
		aborts = int(aws.ToInt32(rule.AbortIncompleteMultipartUpload.DaysAfterInitiation))
	}
	plain := rule.Status == types.ExpirationStatusEnabled && len(rule.Transitions) == 0 && rule.NoncurrentVersionExpiration == nil && len(rule.NoncurrentVersionTransitions) == 0
	switch {
	case plain && aborts > 0 && expires == 0 && prefix == "":
		s.Unfinished = aborts
	case plain && aborts == 0 && expires > 0:
		s.Expire[prefix] = expires
	default:
		s.Expire[fmt.Sprintf("%s (by the rule %s)", prefix, aws.ToString(rule.ID))] = expires
	}
}

// Create asks first: S3 would put the configuration in the place of another.
func (k bucketLifecycle) Create(ctx context.Context, t *Target, want blueprint.LifecycleSpec) (Attributes, error) {
	_, err := k.AWS.S3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &t.Name})
	if err == nil {
		return nil, ErrPresent
	}
	if code(err) != lifecycleUnset {
		return nil, err
	}
	return Attributes{}, k.put(ctx, want)
}

func (k bucketLifecycle) put(ctx context.Context, want blueprint.LifecycleSpec) error {
	rules := []types.LifecycleRule{{
		ID: aws.String("unfinished uploads"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
		AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(int32(want.Unfinished))}, //nolint:gosec // days
	}}
	for _, prefix := range sortedNames(want.Expire) {
		rules = append(rules, types.LifecycleRule{
			ID: aws.String("expire " + prefix), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: &prefix},
			Expiration: &types.LifecycleExpiration{Days: aws.Int32(int32(want.Expire[prefix]))}, //nolint:gosec // days
		})
	}
	_, err := k.AWS.S3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
		Bucket: &want.Bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules},
	})
	return err
}

func (k bucketLifecycle) Update(ctx context.Context, _ *Target, want blueprint.LifecycleSpec, live *Live[blueprint.LifecycleSpec], changed Changes) (Attributes, error) {
	if len(changed) == 0 {
		return live.Attributes, nil
	}
	return live.Attributes, k.put(ctx, want)
}

func (k bucketLifecycle) Delete(ctx context.Context, t *Target) error {
	_, err := k.AWS.S3.DeleteBucketLifecycle(ctx, &s3.DeleteBucketLifecycleInput{Bucket: &t.Name})
	if code(err) == bucketMissing {
		return nil
	}
	return err
}
