package kinds

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// function manages Lambda functions, each with its published version and the
// alias through which it is called. Its attribute "version" is the version
// that was published last, to which the alias points too unless a release
// moves it.
//
// AWS does not tell where a function's code came from, which role of the name
// it was given, nor who moves its alias: the function's description does, see
// describeFunction. A role made anew therefore changes the configuration, and
// with it makes PublishVersion publish.
type function struct{ Env }

const functionMissing = "ResourceNotFoundException"

func (function) Facts() Facts {
	own := []string{"arn:{partition}:lambda:{region}:{account}:function:{name}"}
	const propagation = "a new role, or its policy, takes seconds to be known everywhere (IAM User Guide, eventual consistency)"
	const busy = "a function takes one change at a time (Lambda Developer Guide, function states)"
	publish := []string{
		"lambda:GetFunction", "lambda:PublishVersion", "lambda:CreateAlias", "lambda:UpdateAlias",
		"lambda:PutFunctionConcurrency",
	}
	return Facts{
		// And one more while a release has the alias elsewhere.
		ObserveCalls: 2,
		Permissions: []Permission{
			// GetFunction leaves the tags out without lambda:ListTags (Lambda API
			// Reference, GetFunction).
			{Verbs: []Verb{Observing}, Actions: []string{"lambda:GetFunction", "lambda:ListTags"}, Resources: own},
			{Verbs: []Verb{Observing, Creating, Updating}, Actions: []string{"lambda:GetFunction"}, Resources: []string{own[0] + ":*"}, Rare: eitherARN},
			{Verbs: []Verb{Creating}, Actions: append([]string{"lambda:CreateFunction", "lambda:TagResource"}, publish...), Resources: own},
			{Verbs: []Verb{Updating}, Actions: append([]string{
				"lambda:UpdateFunctionConfiguration", "lambda:UpdateFunctionCode", "lambda:DeleteFunctionConcurrency", "lambda:TagResource", "lambda:UntagResource",
			}, publish...), Resources: own},
			// Lambda fetches the code in the caller's name (Lambda API Reference, FunctionCode).
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"s3:GetObject"}, Resources: []string{"arn:{partition}:s3:::{code_bucket}/{code_key}"}},
			// Lambda encrypts and shows the environment in the caller's name
			// (Lambda Developer Guide, "Securing Lambda environment variables").
			{Verbs: []Verb{Observing, Creating, Updating}, Actions: []string{"kms:Decrypt", "kms:Encrypt", "kms:CreateGrant"}, Resources: []string{"{kms_key}"}, Rare: byService},
			// Lambda looks at subnets and security groups in the caller's name; EC2
			// gives these actions no narrower resource (Lambda Developer Guide,
			// "Giving Lambda functions access to resources in an Amazon VPC").
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"}, Resources: []string{"*"}, If: "vpc"},
			{Verbs: []Verb{Deleting}, Actions: []string{"lambda:DeleteFunction", "lambda:GetFunction"}, Resources: own},
		},
		Transient: []Transient{
			{"InvalidParameterValueException", "cannot be assumed by Lambda", propagation},
			{"InvalidParameterValueException", "execution role does not have permissions", propagation},
			{"InvalidParameterValueException", "KMS key is invalid for CreateGrant", propagation},
			{"ResourceConflictException", "update is in progress", busy},
			{"ResourceConflictException", "is currently in the following state", busy},
			{"ResourceConflictException", "concurrent update operation", busy},
			{"ResourceConflictException", "operation cannot be performed at this time", busy},
			{functionMissing, "function not found", "a function just made, or its alias, is not yet known everywhere"},
		},
	}
}

// get reads a version or alias; the function itself with an empty qualifier.
// GetFunction, unlike GetFunctionConfiguration, has a rate of its own, 100 a
// second (Lambda quotas).
func (k function) get(ctx context.Context, t *Target, qualifier string) (*lambda.GetFunctionOutput, error) {
	in := &lambda.GetFunctionInput{FunctionName: &t.Name}
	if qualifier != "" {
		in.Qualifier = &qualifier
	}
	return k.AWS.Lambda.GetFunction(ctx, in)
}

// functionSpec reads all but the concurrency and whether it is published.
func functionSpec(c *types.FunctionConfiguration) (blueprint.FunctionSpec, error) {
	s := blueprint.FunctionSpec{
		RoleARN: aws.ToString(c.Role), Handler: aws.ToString(c.Handler), Runtime: string(c.Runtime),
		Architecture: string(types.ArchitectureX8664), MemoryMB: int(aws.ToInt32(c.MemorySize)), Timeout: int(aws.ToInt32(c.Timeout)),
		KMSKeyARN: aws.ToString(c.KMSKeyArn), Alias: blueprint.LiveAlias,
	}
	s.RoleID, s.Bucket, s.Object, s.Released = functionOrigin(aws.ToString(c.Description))
	digest, err := base64.StdEncoding.DecodeString(aws.ToString(c.CodeSha256))
	if err != nil {
		return s, fmt.Errorf("read CodeSha256 %q: %w", aws.ToString(c.CodeSha256), err)
	}
	s.CodeSHA256 = hex.EncodeToString(digest)
	if len(c.Architectures) > 0 {
		s.Architecture = string(c.Architectures[0])
	}
	if e := c.Environment; e != nil {
		// Without the key, AWS shows no variables and says why.
		if e.Error != nil {
			return s, fmt.Errorf("read the environment: %s: %s", aws.ToString(e.Error.ErrorCode), aws.ToString(e.Error.Message))
		}
		s.Environment = e.Variables
	}
	if c.LoggingConfig != nil {
		s.LogGroup = aws.ToString(c.LoggingConfig.LogGroup)
	}
	if v := c.VpcConfig; v != nil {
		s.VPC = blueprint.VPC{SubnetIDs: sorted(v.SubnetIds), SecurityGroupIDs: sorted(v.SecurityGroupIds)}
	}
	return s, nil
}

// logging leaves the START, END and REPORT lines out, which would cost more
// than the function (Lambda Developer Guide, "Configuring
// advanced logging controls").
func logging(s blueprint.FunctionSpec) *types.LoggingConfig {
	return &types.LoggingConfig{
		LogFormat: types.LogFormatJson, LogGroup: &s.LogGroup,
		ApplicationLogLevel: types.ApplicationLogLevelInfo, SystemLogLevel: types.SystemLogLevelWarn,
	}
}

func (k function) Create(ctx context.Context, t *Target, want blueprint.FunctionSpec) (Attributes, error) {
	in := &lambda.CreateFunctionInput{
		FunctionName: &t.Name, Role: &want.RoleARN, Description: aws.String(describeFunction(want)),
		Code:    &types.FunctionCode{S3Bucket: &want.Bucket, S3Key: &want.Object},
		Handler: &want.Handler, Runtime: types.Runtime(want.Runtime), Architectures: []types.Architecture{types.Architecture(want.Architecture)},
		MemorySize: aws.Int32(int32(want.MemoryMB)), Timeout: aws.Int32(int32(want.Timeout)), //nolint:gosec // Validate bounds both
		Environment: &types.Environment{Variables: want.Environment}, LoggingConfig: logging(want), Tags: t.Tags,
		Publish: true,
	}
	if want.KMSKeyARN != "" {
		in.KMSKeyArn = &want.KMSKeyARN
	}
	if len(want.VPC.SubnetIDs) > 0 {
		in.VpcConfig = network(want.VPC)
	}
	out, err := k.AWS.Lambda.CreateFunction(ctx, in)
	if code(err) == "ResourceConflictException" && containsFold(err.Error(), "already exist") {
		return nil, ErrPresent
	}
	if err != nil {
		return nil, err
	}
	if err := k.updated(ctx, t); err != nil {
		return nil, err
	}
	if want.ReservedConcurrency != blueprint.NoReservation {
		if err := k.reserve(ctx, t, want.ReservedConcurrency); err != nil {
			return nil, err
		}
	}
	version := aws.ToString(out.Version)
	return Attributes{blueprint.VersionAttribute: version}, k.alias(ctx, t, want, "", version)
}

func network(v blueprint.VPC) *types.VpcConfig {
	// Empty lists, unlike none at all, detach the function.
	return &types.VpcConfig{SubnetIds: append([]string{}, v.SubnetIDs...), SecurityGroupIds: append([]string{}, v.SecurityGroupIDs...)}
}

// reserve sets the reserved concurrency; NoReservation removes it.
func (k function) reserve(ctx context.Context, t *Target, n int) error {
	if n == blueprint.NoReservation {
		_, err := k.AWS.Lambda.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: &t.Name})
		return step("remove the reserved concurrency", err)
	}
	_, err := k.AWS.Lambda.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{
		FunctionName: &t.Name, ReservedConcurrentExecutions: aws.Int32(int32(n)), //nolint:gosec // a count of executions
	})
	return step("set the reserved concurrency", err)
}

// settled waits until no change of the function is under way. It returns the
// configuration, after a change that may have failed.
func (k function) settled(ctx context.Context, t *Target) (c *types.FunctionConfiguration, err error) {
	err = k.wait(ctx, "function "+t.Name+" is ready", func(ctx context.Context) (bool, error) {
		out, err := k.get(ctx, t, "")
		if err != nil {
			return false, err
		}
		c = out.Configuration
		return c.State != types.StatePending && c.LastUpdateStatus != types.LastUpdateStatusInProgress, nil
	})
	return c, err
}

// failure tells why the last change failed, or nil where it did not.
func failure(c *types.FunctionConfiguration) error {
	switch {
	case c.State == types.StateFailed:
		return fmt.Errorf("the function is not usable: %s: %s", c.StateReasonCode, aws.ToString(c.StateReason))
	case c.LastUpdateStatus == types.LastUpdateStatusFailed:
		return fmt.Errorf("the update failed: %s: %s", c.LastUpdateStatusReasonCode, aws.ToString(c.LastUpdateStatusReason))
	}
	return nil
}

// updated waits until a change is done, and tells if it failed.
func (k function) updated(ctx context.Context, t *Target) error {
	c, err := k.settled(ctx, t)
	if err != nil {
		return err
	}
	return failure(c)
}

// configured are the fields that UpdateFunctionConfiguration changes, coded
// those of UpdateFunctionCode.
var (
	configured = []string{
		"role", "role_id", "code_bucket", "code_key", "handler", "runtime", "memory", "timeout", "environment", "kms_key", "log_group", "vpc", "released",
	}
	coded = []string{"code_sha256", "architecture"}
)

// Update makes one change at a time and waits in between. After a change that
// failed all is sent again: what AWS shows is then not what runs.
func (k function) Update(ctx context.Context, t *Target, want blueprint.FunctionSpec, live *Live[blueprint.FunctionSpec], changed Changes) (Attributes, error) {
	last, err := k.settled(ctx, t)
	if err != nil {
		return nil, err
	}
	failed := failure(last) != nil
	if failed || changed.Any(configured...) {
		if err := k.configure(ctx, t, want); err != nil {
			return nil, step("update the configuration", err)
		}
	}
	if failed || changed.Any(coded...) {
		_, err := k.AWS.Lambda.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{
			FunctionName: &t.Name, S3Bucket: &want.Bucket, S3Key: &want.Object, Architectures: []types.Architecture{types.Architecture(want.Architecture)},
		})
		if err == nil {
			err = k.updated(ctx, t)
		}
		if err != nil {
			return nil, step("update the code", err)
		}
	}
	if changed.Any("reserved_concurrency") {
		if err := k.reserve(ctx, t, want.ReservedConcurrency); err != nil {
			return nil, err
		}
	}
	moved := t.Attributes[blueprint.VersionAttribute] != live.Attributes[blueprint.VersionAttribute]
	if !failed && !moved && !changed.Any(configured...) && !changed.Any(coded...) && !changed.Any("published") {
		return live.Attributes, nil
	}
	return k.publish(ctx, t, want, live.Attributes[blueprint.VersionAttribute])
}

func (k function) configure(ctx context.Context, t *Target, want blueprint.FunctionSpec) error {
	environment := want.Environment
	if environment == nil {
		environment = map[string]string{}
	}
	_, err := k.AWS.Lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &t.Name, Role: &want.RoleARN, Description: aws.String(describeFunction(want)),
		Handler: &want.Handler, Runtime: types.Runtime(want.Runtime),
		MemorySize: aws.Int32(int32(want.MemoryMB)), Timeout: aws.Int32(int32(want.Timeout)), //nolint:gosec // Validate bounds both
		Environment: &types.Environment{Variables: environment}, KMSKeyArn: &want.KMSKeyARN,
		LoggingConfig: logging(want), VpcConfig: network(want.VPC),
	})
	if err != nil {
		return err
	}
	return k.updated(ctx, t)
}

func (k function) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	arn, err := k.arn(ctx, "lambda", "function:"+t.Name)
	if err != nil {
		return err
	}
	return tagLambda(ctx, k.AWS.Lambda, arn, set, remove)
}

// Delete takes versions and aliases along.
func (k function) Delete(ctx context.Context, t *Target) error {
	_, err := k.AWS.Lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &t.Name})
	if code(err) == functionMissing {
		return nil
	}
	if err != nil {
		return err
	}
	return k.wait(ctx, "function "+t.Name+" is gone", func(ctx context.Context) (bool, error) {
		_, err := k.get(ctx, t, "")
		if code(err) == functionMissing {
			return true, nil
		}
		return false, err
	})
}
