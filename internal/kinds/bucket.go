package kinds

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// bucket manages S3 buckets. Its attribute "url" is the address under which a
// browser reads objects: url + "/results.json".
type bucket struct{ Env }

// bucketMissing is S3's answer for a bucket that does not exist.
const bucketMissing = "NoSuchBucket"

// bucketUnset are S3's answers for a bucket without that configuration.
var bucketUnset = map[string]bool{
	"NoSuchTagSet": true, "ServerSideEncryptionConfigurationNotFoundError": true, "NoSuchPublicAccessBlockConfiguration": true,
	"NoSuchBucketPolicy": true, "NoSuchCORSConfiguration": true,
}

func (bucket) Facts() Facts {
	own := []string{"arn:{partition}:s3:::{name}"}
	configure := []string{"s3:PutEncryptionConfiguration", "s3:PutBucketPublicAccessBlock", "s3:PutBucketPolicy", "s3:PutBucketCORS"}
	return Facts{
		ObserveCalls: 5,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{
				"s3:GetBucketTagging", "s3:GetEncryptionConfiguration", "s3:GetBucketPublicAccessBlock", "s3:GetBucketPolicy", "s3:GetBucketCORS",
			}, Resources: own},
			// HeadBucket goes by s3:ListBucket, CreateBucket with tags by
			// s3:TagResource (S3 API Reference, HeadBucket and CreateBucket).
			{Verbs: []Verb{Creating}, Actions: append([]string{"s3:ListBucket", "s3:CreateBucket", "s3:TagResource", "s3:PutBucketTagging"}, configure...), Resources: own},
			{Verbs: []Verb{Updating}, Actions: append([]string{"s3:GetBucketTagging", "s3:PutBucketTagging"}, configure...), Resources: own},
			// S3 encrypts and decrypts objects in the caller's name (S3 User Guide,
			// "Using server-side encryption with AWS KMS keys").
			{Verbs: []Verb{Observing, Creating, Updating}, Actions: []string{"kms:GenerateDataKey", "kms:Decrypt"}, Resources: []string{"{kms_key}"}, Rare: byService},
			{Verbs: []Verb{Deleting}, Actions: []string{"s3:ListBucketVersions", "s3:ListBucketMultipartUploads", "s3:DeleteBucket"}, Resources: own},
			{Verbs: []Verb{Deleting}, Actions: []string{"s3:DeleteObject", "s3:DeleteObjectVersion"}, Resources: []string{own[0] + "/*"}},
			{Verbs: []Verb{Deleting}, Actions: []string{"s3:AbortMultipartUpload"}, Resources: []string{own[0] + "/*"}, Rare: "only where somebody's upload was cut off"},
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"s3:DeleteBucketPolicy"}, Resources: own, Rare: "no system has a bucket without a policy"},
		},
		Transient: []Transient{
			{"OperationAborted", "", "another operation on the bucket, or on its name, is under way (S3 API Reference, error codes)"},
			{bucketMissing, "", "a bucket just made is not yet known everywhere (S3 User Guide, Amazon S3 data consistency model)"},
		},
	}
}

// Observe asks for everything at once: which answer says that there is no such
// bucket makes no difference.
func (k bucket) Observe(ctx context.Context, t *Target) (*Live[blueprint.BucketSpec], error) {
	live := &Live[blueprint.BucketSpec]{Attributes: Attributes{"url": k.url(t)}, Spec: blueprint.BucketSpec{Policy: blueprint.NewPolicy()}}
	spec := &live.Spec
	err := together(ctx,
		func(ctx context.Context) (err error) {
			live.Tags, err = k.tags(ctx, t)
			return err
		},
		func(ctx context.Context) error {
			out, err := k.AWS.S3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &t.Name})
			if err != nil {
				return unset(err)
			}
			spec.Encryption, spec.KMSKeyARN = bucketEncryption(out.ServerSideEncryptionConfiguration)
			return nil
		},
		func(ctx context.Context) error {
			out, err := k.AWS.S3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &t.Name})
			if err != nil {
				return unset(err)
			}
			c := out.PublicAccessBlockConfiguration
			spec.BlockPublic = c != nil && aws.ToBool(c.BlockPublicAcls) && aws.ToBool(c.IgnorePublicAcls) &&
				aws.ToBool(c.BlockPublicPolicy) && aws.ToBool(c.RestrictPublicBuckets)
			return nil
		},
		func(ctx context.Context) error {
			out, err := k.AWS.S3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &t.Name})
			if err != nil {
				return unset(err)
			}
			spec.Policy, err = blueprint.ParsePolicy(aws.ToString(out.Policy))
			return err
		},
		func(ctx context.Context) error {
			out, err := k.AWS.S3.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: &t.Name})
			if err != nil {
				return unset(err)
			}
			spec.CORSOrigins = corsOrigins(out.CORSRules)
			return nil
		})
	if code(err) == bucketMissing {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	return live, nil
}

// unset turns "none configured" into no error.
func unset(err error) error {
	if bucketUnset[code(err)] {
		return nil
	}
	return err
}

func (k bucket) tags(ctx context.Context, t *Target) (map[string]string, error) {
	tags := map[string]string{}
	out, err := k.AWS.S3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &t.Name})
	if err != nil {
		return tags, unset(err)
	}
	for _, tag := range out.TagSet {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

func bucketEncryption(c *types.ServerSideEncryptionConfiguration) (algorithm, key string) {
	if c == nil || len(c.Rules) == 0 || c.Rules[0].ApplyServerSideEncryptionByDefault == nil {
		return "", ""
	}
	d := c.Rules[0].ApplyServerSideEncryptionByDefault
	return string(d.SSEAlgorithm), aws.ToString(d.KMSMasterKeyID)
}

// corsRule lets scripts of those origins read objects, and see whether one has
// changed. Conditional requests need their headers allowed (Fetch Standard,
// "CORS-safelisted request-header").
func corsRule(origins []string) types.CORSRule {
	return types.CORSRule{
		AllowedOrigins: origins, AllowedMethods: []string{"GET", "HEAD"}, AllowedHeaders: []string{"*"},
		ExposeHeaders: []string{"ETag"}, MaxAgeSeconds: aws.Int32(3600),
	}
}

// corsOrigins lists the origins of the rules. An origin whose rule is not ours
// shows the rule's methods, so that it differs.
func corsOrigins(rules []types.CORSRule) []string {
	var out []string
	for _, r := range rules {
		ours := corsRule(nil)
		same := slices.Equal(sorted(r.AllowedMethods), ours.AllowedMethods) && slices.Equal(r.AllowedHeaders, ours.AllowedHeaders) &&
			slices.Equal(r.ExposeHeaders, ours.ExposeHeaders) && aws.ToInt32(r.MaxAgeSeconds) == *ours.MaxAgeSeconds
		for _, origin := range r.AllowedOrigins {
			if !same {
				origin += " (" + strings.Join(r.AllowedMethods, ", ") + " under another rule)"
			}
			out = append(out, origin)
		}
	}
	return out
}

// url is virtual-hosted on AWS, and below the endpoint where one is set.
func (k bucket) url(t *Target) string {
	if endpoint := aws.ToString(k.AWS.S3.Options().BaseEndpoint); endpoint != "" {
		return strings.TrimSuffix(endpoint, "/") + "/" + t.Name
	}
	return "https://" + t.Name + ".s3." + k.AWS.Region() + "." + k.AWS.DNSSuffix()
}

// Create asks first whether the name is taken: in us-east-1 CreateBucket
// answers 200 for one's own bucket (S3 API Reference, CreateBucket).
func (k bucket) Create(ctx context.Context, t *Target, want blueprint.BucketSpec) (Attributes, error) {
	if err := k.free(ctx, t); err != nil {
		return nil, err
	}
	c := &types.CreateBucketConfiguration{Tags: bucketTags(t.Tags)}
	// us-east-1 is the default, and no value of LocationConstraint.
	if region := k.AWS.Region(); region != "us-east-1" {
		c.LocationConstraint = types.BucketLocationConstraint(region)
	}
	_, err := k.AWS.S3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &t.Name, CreateBucketConfiguration: c})
	switch code(err) {
	case "BucketAlreadyOwnedByYou":
		return nil, ErrPresent
	case "BucketAlreadyExists":
		return nil, taken(t, err)
	}
	if err != nil {
		return nil, err
	}
	return Attributes{"url": k.url(t)}, k.configure(ctx, t, want, &blueprint.BucketSpec{Policy: blueprint.NewPolicy()}, nil)
}

func taken(t *Target, err error) error {
	return fmt.Errorf("the name %s is taken by another account, since all accounts share the names of buckets: %w", t.Name, err)
}

// free returns nil where there is no bucket of the name, and ErrPresent where
// this account has one.
func (k bucket) free(ctx context.Context, t *Target) error {
	account, err := k.AWS.Account(ctx)
	if err != nil {
		return err
	}
	_, err = k.AWS.S3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &t.Name, ExpectedBucketOwner: &account})
	switch code(err) {
	case "":
		if err == nil {
			return ErrPresent
		}
	case "NotFound", bucketMissing:
		return nil
	case "Forbidden", "AccessDenied":
		return fmt.Errorf("the name %s is taken by another account, or the credentials lack s3:ListBucket: %w", t.Name, err)
	}
	return err
}

// configure makes what changed; a nil changed stands for everything that want
// has. Public access is let in before a policy that needs it.
func (k bucket) configure(ctx context.Context, t *Target, want blueprint.BucketSpec, have *blueprint.BucketSpec, changed Changes) error {
	differs := func(fields ...string) bool { return changed == nil || changed.Any(fields...) }
	if differs("encryption", "kms_key") {
		if err := k.encrypt(ctx, t, want); err != nil {
			return step("set the encryption", err)
		}
	}
	if differs("block_public_access") {
		_, err := k.AWS.S3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
			Bucket: &t.Name, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
				// Access goes by policy alone, never by ACL.
				BlockPublicAcls: aws.Bool(true), IgnorePublicAcls: aws.Bool(true),
				BlockPublicPolicy: &want.BlockPublic, RestrictPublicBuckets: &want.BlockPublic,
			},
		})
		if err != nil {
			return step("set the public access block", err)
		}
	}
	if differs("policy") && len(want.Policy.Statement)+len(have.Policy.Statement) > 0 {
		if err := k.putPolicy(ctx, t, want.Policy); err != nil {
			return step("set the bucket's policy", err)
		}
	}
	if differs("cors_allowed_origins") && len(want.CORSOrigins)+len(have.CORSOrigins) > 0 {
		if err := k.putCORS(ctx, t, want.CORSOrigins); err != nil {
			return step("set the CORS rules", err)
		}
	}
	return nil
}

func (k bucket) encrypt(ctx context.Context, t *Target, want blueprint.BucketSpec) error {
	byDefault := &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryption(want.Encryption)}
	rule := types.ServerSideEncryptionRule{ApplyServerSideEncryptionByDefault: byDefault}
	if want.KMSKeyARN != "" {
		byDefault.KMSMasterKeyID = &want.KMSKeyARN
		// One call to KMS serves many objects (S3 User Guide, "Reducing the cost
		// of SSE-KMS with Amazon S3 Bucket Keys").
		rule.BucketKeyEnabled = aws.Bool(true)
	}
	_, err := k.AWS.S3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
		Bucket: &t.Name, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{rule}},
	})
	return err
}

func (k bucket) putPolicy(ctx context.Context, t *Target, p blueprint.Policy) error {
	if len(p.Statement) == 0 {
		_, err := k.AWS.S3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &t.Name})
		return err
	}
	_, err := k.AWS.S3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &t.Name, Policy: aws.String(p.JSON())})
	return err
}

func (k bucket) putCORS(ctx context.Context, t *Target, origins []string) error {
	if len(origins) == 0 {
		_, err := k.AWS.S3.DeleteBucketCors(ctx, &s3.DeleteBucketCorsInput{Bucket: &t.Name})
		return err
	}
	_, err := k.AWS.S3.PutBucketCors(ctx, &s3.PutBucketCorsInput{
		Bucket: &t.Name, CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{corsRule(origins)}},
	})
	return err
}

func (k bucket) Update(ctx context.Context, t *Target, want blueprint.BucketSpec, live *Live[blueprint.BucketSpec], changed Changes) (Attributes, error) {
	if changed == nil {
		changed = Changes{}
	}
	return live.Attributes, k.configure(ctx, t, want, &live.Spec, changed)
}

// Tag reads the tags first, since S3 only replaces them all together.
func (k bucket) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	tags, err := k.tags(ctx, t)
	if err != nil {
		return err
	}
	for name, value := range set {
		tags[name] = value
	}
	for _, name := range remove {
		delete(tags, name)
	}
	_, err = k.AWS.S3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &t.Name, Tagging: &types.Tagging{TagSet: bucketTags(tags)}})
	return err
}

func bucketTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, name := range sortedNames(tags) {
		out = append(out, types.Tag{Key: &name, Value: aws.String(tags[name])})
	}
	return out
}
