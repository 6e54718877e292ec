package kinds

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// edgeFunction manages CloudFront functions and what is published of them.
type edgeFunction struct{ Env }

// edgeFunctionMissing is CloudFront's answer for a function, or a stage of it,
// that does not exist.
const edgeFunctionMissing = "NoSuchFunctionExists"

func (edgeFunction) Facts() Facts {
	own := []string{"arn:{partition}:cloudfront::{account}:function/{name}"}
	return Facts{
		ObserveCalls: 3,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{"cloudfront:GetFunction", "cloudfront:ListTagsForResource"}, Resources: own},
			{Verbs: []Verb{Observing, Updating, Deleting}, Actions: []string{"cloudfront:DescribeFunction"}, Resources: own},
			// AWS lists CreateFunction without a resource that it could be narrowed to
			// (Service Authorization Reference, Amazon CloudFront).
			{Verbs: []Verb{Creating}, Actions: []string{"cloudfront:CreateFunction"}, Resources: []string{"*"}},
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"cloudfront:PublishFunction", "cloudfront:TagResource"}, Resources: own},
			{Verbs: []Verb{Updating}, Actions: []string{"cloudfront:UpdateFunction"}, Resources: own},
			{Verbs: []Verb{Updating}, Actions: []string{"cloudfront:UntagResource"}, Resources: own, Rare: "only where tags change"},
			{Verbs: []Verb{Deleting}, Actions: []string{"cloudfront:DeleteFunction"}, Resources: own},
		},
		Transient: []Transient{
			changedMeanwhile,
			{"FunctionInUse", "", "a distribution that was just changed or deleted still has it (CloudFront API Reference, DeleteFunction)"},
		},
	}
}

// Observe reads what is live. A function of which nothing was published is
// there and not published.
func (k edgeFunction) Observe(ctx context.Context, t *Target) (*Live[blueprint.EdgeFunctionSpec], error) {
	arn := k.edgeFunctionARN(ctx, t)
	live := &Live[blueprint.EdgeFunctionSpec]{Attributes: Attributes{}, Spec: blueprint.EdgeFunctionSpec{Published: true}}
	err := together(ctx,
		func(ctx context.Context) error {
			out, err := k.AWS.CloudFront.GetFunction(ctx, &cloudfront.GetFunctionInput{Name: &t.Name, Stage: types.FunctionStageLive})
			if err != nil {
				return err
			}
			live.Spec.Code = string(out.FunctionCode)
			return nil
		},
		func(ctx context.Context) error {
			out, err := k.describe(ctx, t, types.FunctionStageLive)
			if err != nil {
				return err
			}
			config := out.FunctionSummary.FunctionConfig
			live.Spec.Runtime = string(config.Runtime)
			if stores := config.KeyValueStoreAssociations; stores != nil && len(stores.Items) > 0 {
				live.Spec.KeyValueStore = aws.ToString(stores.Items[0].KeyValueStoreARN)
			}
			return nil
		},
		func(ctx context.Context) (err error) {
			a, err := arn()
			if err != nil {
				return err
			}
			live.Tags, err = k.edgeTags(ctx, a)
			return err
		})
	if code(err) != edgeFunctionMissing {
		return live, err
	}
	if _, err := k.describe(ctx, t, types.FunctionStageDevelopment); code(err) == edgeFunctionMissing {
		return nil, ErrAbsent
	} else if err != nil {
		return nil, err
	}
	live.Spec = blueprint.EdgeFunctionSpec{}
	return live, nil
}

func (k edgeFunction) edgeFunctionARN(ctx context.Context, t *Target) func() (string, error) {
	return func() (string, error) {
		account, err := k.AWS.Account(ctx)
		return "arn:" + k.AWS.Partition() + ":cloudfront::" + account + ":function/" + t.Name, err
	}
}

func (k edgeFunction) describe(ctx context.Context, t *Target, stage types.FunctionStage) (*cloudfront.DescribeFunctionOutput, error) {
	return k.AWS.CloudFront.DescribeFunction(ctx, &cloudfront.DescribeFunctionInput{Name: &t.Name, Stage: stage})
}

func edgeFunctionConfig(t *Target, want blueprint.EdgeFunctionSpec) *types.FunctionConfig {
	config := &types.FunctionConfig{
		Comment: &t.Name, Runtime: types.FunctionRuntime(want.Runtime), KeyValueStoreAssociations: &types.KeyValueStoreAssociations{Quantity: aws.Int32(0)},
	}
	if want.KeyValueStore != "" {
		config.KeyValueStoreAssociations = &types.KeyValueStoreAssociations{
			Quantity: aws.Int32(1), Items: []types.KeyValueStoreAssociation{{KeyValueStoreARN: &want.KeyValueStore}},
		}
	}
	return config
}

func (k edgeFunction) Create(ctx context.Context, t *Target, want blueprint.EdgeFunctionSpec) (Attributes, error) {
	out, err := k.AWS.CloudFront.CreateFunction(ctx, &cloudfront.CreateFunctionInput{
		Name: &t.Name, FunctionCode: []byte(want.Code), FunctionConfig: edgeFunctionConfig(t, want), Tags: edgeTags(t.Tags),
	})
	if code(err) == "FunctionAlreadyExists" {
		return nil, ErrPresent
	}
	if err != nil {
		return nil, err
	}
	return Attributes{}, k.publish(ctx, t, out.ETag)
}

func (k edgeFunction) publish(ctx context.Context, t *Target, version *string) error {
	_, err := k.AWS.CloudFront.PublishFunction(ctx, &cloudfront.PublishFunctionInput{Name: &t.Name, IfMatch: version})
	return step("publish", err)
}

// Update looks for the version before each of its two changes: the model's name
// for the header in which UpdateFunction gives it is misspelt.
func (k edgeFunction) Update(ctx context.Context, t *Target, want blueprint.EdgeFunctionSpec, live *Live[blueprint.EdgeFunctionSpec], changed Changes) (Attributes, error) {
	if len(changed) == 0 {
		return live.Attributes, nil
	}
	now, err := k.describe(ctx, t, types.FunctionStageDevelopment)
	if err != nil {
		return nil, step("look before the change", err)
	}
	if _, err = k.AWS.CloudFront.UpdateFunction(ctx, &cloudfront.UpdateFunctionInput{
		Name: &t.Name, IfMatch: now.ETag, FunctionCode: []byte(want.Code), FunctionConfig: edgeFunctionConfig(t, want),
	}); err != nil {
		return nil, err
	}
	if now, err = k.describe(ctx, t, types.FunctionStageDevelopment); err != nil {
		return nil, step("look before it is published", err)
	}
	return live.Attributes, k.publish(ctx, t, now.ETag)
}

func (k edgeFunction) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	arn, err := k.edgeFunctionARN(ctx, t)()
	if err != nil {
		return err
	}
	return k.setEdgeTags(ctx, arn, set, remove)
}

func (k edgeFunction) Delete(ctx context.Context, t *Target) error {
	now, err := k.describe(ctx, t, types.FunctionStageDevelopment)
	if err == nil {
		_, err = k.AWS.CloudFront.DeleteFunction(ctx, &cloudfront.DeleteFunctionInput{Name: &t.Name, IfMatch: now.ETag})
	}
	if code(err) == edgeFunctionMissing {
		return nil
	}
	return err
}
