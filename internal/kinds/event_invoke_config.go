package kinds

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// eventInvokeConfig manages what becomes of the events that a function's alias
// fails on. The part's name is "<function>:<alias>". It goes with its function.
type eventInvokeConfig struct{ Env }

func (eventInvokeConfig) Facts() Facts {
	own := []string{"arn:{partition}:lambda:{region}:{account}:function:{function}"}
	const propagation = "a new role's policy, or a queue made a moment ago, takes seconds to be known everywhere (IAM User Guide, eventual consistency)"
	return Facts{
		Ownership: OwnedByParent, ObserveCalls: 1,
		Permissions: []Permission{
			{Verbs: []Verb{Observing, Creating}, Actions: []string{"lambda:GetFunctionEventInvokeConfig"}, Resources: own},
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"lambda:PutFunctionEventInvokeConfig"}, Resources: own},
			{Verbs: []Verb{Deleting}, Actions: []string{"lambda:DeleteFunctionEventInvokeConfig"}, Resources: own},
		},
		Transient: []Transient{
			{"InvalidParameterValueException", "does not have permissions", propagation},
			{"InvalidParameterValueException", "destination ARN", propagation},
			{"ResourceConflictException", "update is in progress", "the function is being updated (Lambda Developer Guide, function states)"},
			{functionMissing, "function not found", "a function just made, or its alias, is not yet known everywhere"},
		},
	}
}

func (k eventInvokeConfig) Observe(ctx context.Context, t *Target) (*Live[blueprint.EventInvokeConfigSpec], error) {
	function, alias, _ := strings.Cut(t.Name, ":")
	out, err := k.AWS.Lambda.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: &function, Qualifier: &alias})
	if code(err) == functionMissing {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	spec := blueprint.EventInvokeConfigSpec{
		Function: function, Alias: alias, MaxRetries: int(aws.ToInt32(out.MaximumRetryAttempts)), MaxAge: int(aws.ToInt32(out.MaximumEventAgeInSeconds)),
	}
	if d := out.DestinationConfig; d != nil && d.OnFailure != nil {
		spec.OnFailure = aws.ToString(d.OnFailure.Destination)
	}
	return &Live[blueprint.EventInvokeConfigSpec]{Spec: spec, Attributes: Attributes{}}, nil
}

// Create asks first whether there is one: putting it would change what is there.
func (k eventInvokeConfig) Create(ctx context.Context, t *Target, want blueprint.EventInvokeConfigSpec) (Attributes, error) {
	_, err := k.AWS.Lambda.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: &want.Function, Qualifier: &want.Alias})
	if err == nil {
		return nil, ErrPresent
	}
	if code(err) != functionMissing {
		return nil, err
	}
	return k.Update(ctx, t, want, nil, nil)
}

// Update puts the whole of it, as Lambda takes it.
func (k eventInvokeConfig) Update(ctx context.Context, _ *Target, want blueprint.EventInvokeConfigSpec, _ *Live[blueprint.EventInvokeConfigSpec], _ Changes) (Attributes, error) {
	_, err := k.AWS.Lambda.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: &want.Function, Qualifier: &want.Alias,
		MaximumRetryAttempts: aws.Int32(int32(want.MaxRetries)), MaximumEventAgeInSeconds: aws.Int32(int32(want.MaxAge)), //nolint:gosec // Validate bounds both
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &want.OnFailure}},
	})
	return Attributes{}, err
}

func (k eventInvokeConfig) Delete(ctx context.Context, t *Target) error {
	function, alias, _ := strings.Cut(t.Name, ":")
	_, err := k.AWS.Lambda.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: &function, Qualifier: &alias})
	if code(err) == functionMissing {
		return nil
	}
	return err
}
