package kinds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// invokePermission manages one statement of the policy of a function's alias, by
// which a service may call it. It is named "<function>:<alias>:<statement id>".
type invokePermission struct{ Env }

func (invokePermission) Facts() Facts {
	function := []string{"arn:{partition}:lambda:{region}:{account}:function:{function_name}"}
	alias := []string{"arn:{partition}:lambda:{region}:{account}:function:{function_name}:{alias}"}
	change := []string{"lambda:AddPermission", "lambda:RemovePermission"}
	return Facts{
		Ownership: OwnedByParent, ObserveCalls: 1,
		Permissions: []Permission{
			{Verbs: []Verb{Observing, Creating, Updating}, Actions: []string{"lambda:GetPolicy"}, Resources: function},
			{Verbs: []Verb{Observing, Creating, Updating}, Actions: []string{"lambda:GetPolicy"}, Resources: alias, Rare: eitherARN},
			{Verbs: []Verb{Creating}, Actions: []string{"lambda:AddPermission"}, Resources: alias},
			{Verbs: []Verb{Updating}, Actions: change, Resources: alias},
			{Verbs: []Verb{Deleting}, Actions: []string{"lambda:RemovePermission"}, Resources: alias},
			{Verbs: []Verb{Creating, Updating, Deleting}, Actions: change, Resources: function, Rare: eitherARN},
		},
		Transient: []Transient{
			{"ResourceConflictException", "update is in progress", "the function is being updated (Lambda Developer Guide, function states)"},
			{"PreconditionFailedException", "", "the policy was changed at the same time (Lambda API Reference, AddPermission)"},
		},
	}
}

// statement returns the function, the alias and the statement's id of a name.
func statement(name string) (function, alias, sid string, err error) {
	parts := strings.Split(name, ":")
	if len(parts) != 3 {
		return "", "", "", fmt.Errorf("the name %q is not of the form function:alias:statement", name)
	}
	return parts[0], parts[1], parts[2], nil
}

func (k invokePermission) Observe(ctx context.Context, t *Target) (*Live[blueprint.InvokePermissionSpec], error) {
	function, alias, sid, err := statement(t.Name)
	if err != nil {
		return nil, err
	}
	statements, err := k.policyOf(ctx, function, alias)
	if err != nil {
		return nil, err
	}
	for _, s := range statements {
		if s.Sid == sid {
			return &Live[blueprint.InvokePermissionSpec]{Spec: invoker(s, function, alias), Attributes: Attributes{}}, nil
		}
	}
	return nil, ErrAbsent
}

// invoker reads a statement. One that allows anything else than a service's calls
// for a source has neither.
func invoker(s blueprint.Statement, function, alias string) blueprint.InvokePermissionSpec {
	spec := blueprint.InvokePermissionSpec{Function: function, Alias: alias, Sid: s.Sid}
	if s.Effect != "Allow" || !slices.Equal(s.Action, []string{"lambda:InvokeFunction"}) || len(s.Principal["Service"]) != 1 || len(s.Condition) != 1 {
		return spec
	}
	spec.Principal = s.Principal["Service"][0]
	for key, values := range s.Condition["ArnLike"] {
		if strings.EqualFold(key, "aws:SourceArn") && len(values) == 1 {
			spec.SourceARN = values[0]
		}
	}
	return spec
}

func (k invokePermission) Create(ctx context.Context, _ *Target, want blueprint.InvokePermissionSpec) (Attributes, error) {
	_, err := k.AWS.Lambda.AddPermission(ctx, &lambda.AddPermissionInput{
		FunctionName: &want.Function, Qualifier: &want.Alias, StatementId: &want.Sid,
		Action: aws.String("lambda:InvokeFunction"), Principal: &want.Principal, SourceArn: &want.SourceARN,
	})
	var conflict *types.ResourceConflictException
	if errors.As(err, &conflict) && containsFold(conflict.ErrorMessage(), "already exists") {
		return nil, ErrPresent
	}
	return Attributes{}, err
}

// Update puts the statement anew: Lambda changes none.
func (k invokePermission) Update(ctx context.Context, t *Target, want blueprint.InvokePermissionSpec, live *Live[blueprint.InvokePermissionSpec], changed Changes) (Attributes, error) {
	if len(changed) == 0 {
		return live.Attributes, nil
	}
	if err := k.Delete(ctx, t); err != nil {
		return nil, err
	}
	return k.Create(ctx, t, want)
}

func (k invokePermission) Delete(ctx context.Context, t *Target) error {
	function, alias, sid, err := statement(t.Name)
	if err != nil {
		return err
	}
	return functionURL(k).disallow(ctx, function, alias, sid)
}
