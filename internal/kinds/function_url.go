package kinds

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// functionURL manages the URL of a function's alias, with the two permissions
// that a public URL needs: to call the URL, and to invoke the
// function through it (Lambda Developer Guide, "Control access to Lambda
// function URLs"; both since October 2025).
type functionURL struct{ Env }

// Statement ids of the two permissions.
const (
	sidURL      = "PublicFunctionUrl"
	sidFunction = "PublicFunctionUrlInvoke"
)

func (functionURL) Facts() Facts {
	own := []string{"arn:{partition}:lambda:{region}:{account}:function:{name}"}
	function := []string{"arn:{partition}:lambda:{region}:{account}:function:{function}"}
	return Facts{
		Ownership: OwnedByParent, ObserveCalls: 2,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{"lambda:GetFunctionUrlConfig"}, Resources: own},
			{Verbs: []Verb{Observing}, Actions: []string{"lambda:GetPolicy"}, Resources: function},
			{Verbs: []Verb{Observing}, Actions: []string{"lambda:GetFunctionUrlConfig"}, Resources: function, Rare: eitherARN},
			{Verbs: []Verb{Observing}, Actions: []string{"lambda:GetPolicy"}, Resources: own, Rare: eitherARN},
			{Verbs: []Verb{Creating, Updating, Deleting}, Actions: []string{
				"lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig", "lambda:DeleteFunctionUrlConfig", "lambda:AddPermission", "lambda:RemovePermission",
			}, Resources: function, Rare: eitherARN},
			{Verbs: []Verb{Creating}, Actions: []string{"lambda:CreateFunctionUrlConfig", "lambda:AddPermission"}, Resources: own},
			{Verbs: []Verb{Updating}, Actions: []string{"lambda:UpdateFunctionUrlConfig", "lambda:AddPermission", "lambda:RemovePermission"}, Resources: own},
			{Verbs: []Verb{Deleting}, Actions: []string{"lambda:DeleteFunctionUrlConfig", "lambda:RemovePermission"}, Resources: own},
		},
		Transient: []Transient{
			{"ResourceConflictException", "update is in progress", "the function is being updated (Lambda Developer Guide, function states)"},
		},
	}
}

// absentFunction reports that a function, alias, URL or policy does not exist.
func absentFunction(err error) bool { return code(err) == "ResourceNotFoundException" }

func split(name string) (function, alias string, err error) {
	function, alias, ok := strings.Cut(name, ":")
	if !ok {
		return "", "", fmt.Errorf("the name %q is not of the form function:alias", name)
	}
	return function, alias, nil
}

func (k functionURL) Observe(ctx context.Context, t *Target) (*Live[blueprint.URLSpec], error) {
	function, alias, err := split(t.Name)
	if err != nil {
		return nil, err
	}
	out, err := k.AWS.Lambda.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: &function, Qualifier: &alias})
	if absentFunction(err) {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	allowed, err := k.allowed(ctx, function, alias)
	if err != nil {
		return nil, err
	}
	s := blueprint.URLSpec{Function: function, Alias: alias, Public: out.AuthType == types.FunctionUrlAuthTypeNone && len(allowed) == 2, Signed: out.AuthType == types.FunctionUrlAuthTypeAwsIam}
	if c := out.Cors; c != nil {
		s.Origins, s.Methods, s.Headers, s.MaxAge = sorted(c.AllowOrigins), sorted(c.AllowMethods), sorted(c.AllowHeaders), int(aws.ToInt32(c.MaxAge))
		s.Exposed = sorted(c.ExposeHeaders)
	}
	return &Live[blueprint.URLSpec]{Spec: s, Attributes: Attributes{"url": strings.TrimSuffix(aws.ToString(out.FunctionUrl), "/")}}, nil
}

func sorted(values []string) []string { return slices.Sorted(slices.Values(values)) }

// allowed returns which of the two statements are there and grant what they
// should.
func (k functionURL) allowed(ctx context.Context, function, alias string) ([]string, error) {
	statements, err := k.policyOf(ctx, function, alias)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, s := range statements {
		want, ours := urlStatements[s.Sid]
		s.Resource = nil
		if ours && reflect.DeepEqual(s, want) {
			found = append(found, s.Sid)
		}
	}
	return found, nil
}

// policyOf reads the statements that say who may call an alias; none where it
// has no policy, or is not there.
func (e Env) policyOf(ctx context.Context, function, alias string) ([]blueprint.Statement, error) {
	out, err := e.AWS.Lambda.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: &function, Qualifier: &alias})
	if absentFunction(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	policy, err := blueprint.ParsePolicy(aws.ToString(out.Policy))
	return policy.Statement, err
}

// urlStatements are the two statements as Lambda writes them, without the
// resource, which is the alias that they were read from.
var urlStatements = map[string]blueprint.Statement{
	sidURL: {
		Sid: sidURL, Effect: "Allow", Principal: map[string][]string{"AWS": {"*"}}, Action: []string{"lambda:InvokeFunctionUrl"},
		Condition: map[string]map[string][]string{"StringEquals": {"lambda:FunctionUrlAuthType": {"NONE"}}},
	},
	sidFunction: {
		Sid: sidFunction, Effect: "Allow", Principal: map[string][]string{"AWS": {"*"}}, Action: []string{"lambda:InvokeFunction"},
		Condition: map[string]map[string][]string{"Bool": {"lambda:InvokedViaFunctionUrl": {"true"}}},
	},
}

func authType(s blueprint.URLSpec) types.FunctionUrlAuthType {
	if s.Signed {
		return types.FunctionUrlAuthTypeAwsIam
	}
	return types.FunctionUrlAuthTypeNone
}

// cors says which pages may call; none where callers sign.
func cors(s blueprint.URLSpec) *types.Cors {
	if s.Signed {
		return &types.Cors{}
	}
	return &types.Cors{AllowOrigins: s.Origins, AllowMethods: s.Methods, AllowHeaders: s.Headers, ExposeHeaders: s.Exposed, MaxAge: aws.Int32(int32(s.MaxAge))} //nolint:gosec // at most a day
}

func (k functionURL) Create(ctx context.Context, _ *Target, want blueprint.URLSpec) (Attributes, error) {
	out, err := k.AWS.Lambda.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
		FunctionName: &want.Function, Qualifier: &want.Alias, AuthType: authType(want), Cors: cors(want),
	})
	var conflict *types.ResourceConflictException
	if errors.As(err, &conflict) && !containsFold(conflict.ErrorMessage(), "update is in progress") {
		return nil, ErrPresent
	}
	if err != nil {
		return nil, err
	}
	return Attributes{"url": strings.TrimSuffix(aws.ToString(out.FunctionUrl), "/")}, k.allow(ctx, want, nil)
}

// allow adds the statements that are not there yet, or takes them away where
// callers sign.
func (k functionURL) allow(ctx context.Context, want blueprint.URLSpec, there []string) error {
	if want.Signed {
		for _, sid := range there {
			if err := k.disallow(ctx, want.Function, want.Alias, sid); err != nil {
				return err
			}
		}
		return nil
	}
	statements := []*lambda.AddPermissionInput{
		{StatementId: aws.String(sidURL), Action: aws.String("lambda:InvokeFunctionUrl"), FunctionUrlAuthType: types.FunctionUrlAuthTypeNone},
		{StatementId: aws.String(sidFunction), Action: aws.String("lambda:InvokeFunction"), InvokedViaFunctionUrl: aws.Bool(true)},
	}
	for _, in := range statements {
		if slices.Contains(there, *in.StatementId) {
			continue
		}
		in.FunctionName, in.Qualifier, in.Principal = &want.Function, &want.Alias, aws.String("*")
		_, err := k.AWS.Lambda.AddPermission(ctx, in)
		var conflict *types.ResourceConflictException
		if errors.As(err, &conflict) && containsFold(conflict.ErrorMessage(), "already exists") {
			// A statement of that id that grants something else: put ours in its place.
			if err := k.disallow(ctx, want.Function, want.Alias, *in.StatementId); err != nil {
				return err
			}
			_, err = k.AWS.Lambda.AddPermission(ctx, in)
		}
		if err != nil {
			return fmt.Errorf("allow %s: %w", *in.Action, err)
		}
	}
	return nil
}

func (k functionURL) disallow(ctx context.Context, function, alias, sid string) error {
	_, err := k.AWS.Lambda.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: &function, Qualifier: &alias, StatementId: &sid})
	if absentFunction(err) {
		return nil
	}
	return err
}

func (k functionURL) Update(ctx context.Context, _ *Target, want blueprint.URLSpec, live *Live[blueprint.URLSpec], changed Changes) (Attributes, error) {
	if len(changed) == 0 {
		return live.Attributes, nil
	}
	_, err := k.AWS.Lambda.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{
		FunctionName: &want.Function, Qualifier: &want.Alias, AuthType: authType(want), Cors: cors(want),
	})
	if err != nil {
		return nil, err
	}
	if !changed.Any("public_access", "signed_by_iam") {
		return live.Attributes, nil
	}
	there, err := k.allowed(ctx, want.Function, want.Alias)
	if err != nil {
		return nil, err
	}
	return live.Attributes, k.allow(ctx, want, there)
}

func (k functionURL) Delete(ctx context.Context, t *Target) error {
	function, alias, err := split(t.Name)
	if err != nil {
		return err
	}
	_, err = k.AWS.Lambda.DeleteFunctionUrlConfig(ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: &function, Qualifier: &alias})
	if err != nil && !absentFunction(err) {
		return err
	}
	for _, sid := range []string{sidURL, sidFunction} {
		if err := k.disallow(ctx, function, alias, sid); err != nil {
			return err
		}
	}
	return nil
}
