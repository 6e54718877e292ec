package kinds

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// role manages IAM roles with one inline policy. Its attribute "id" is the
// role's unique id, which a role made anew under the old name does not share.
type role struct{ Env }

// inlinePolicy is the name of a role's only policy.
const inlinePolicy = "policy"

func (role) Facts() Facts {
	// IAM judges a role that does not exist by its name alone, since the request
	// does not tell the path.
	own := []string{"arn:{partition}:iam::{account}:role{path}{name}", "arn:{partition}:iam::{account}:role/{name}"}
	const boundary = "permissions_boundary"
	bounded := blueprint.Condition{"StringEquals": {"iam:PermissionsBoundary": {"{" + boundary + "}"}}}
	return Facts{
		ObserveCalls: 2,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{"iam:GetRole", "iam:GetRolePolicy"}, Resources: own},
			{Verbs: []Verb{Creating}, Actions: []string{"iam:TagRole"}, Resources: own},
			// Who may make roles can take any right by them, unless a boundary
			// bounds them (IAM User Guide, "Permissions boundaries for IAM
			// entities", delegating responsibility).
			{Verbs: []Verb{Creating}, Actions: []string{"iam:CreateRole", "iam:PutRolePolicy"}, Resources: own, Unless: boundary},
			{Verbs: []Verb{Creating}, Actions: []string{"iam:CreateRole", "iam:PutRolePolicy"}, Resources: own, If: boundary, Condition: bounded},
			// Whoever makes functions and schedules hands them the role.
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"iam:PassRole"}, Resources: own,
				Condition: blueprint.Condition{"StringEquals": {"iam:PassedToService": {"{trusted_service}"}}}},
			{Verbs: []Verb{Updating}, Actions: []string{"iam:UpdateRoleDescription", "iam:TagRole", "iam:UntagRole"}, Resources: own},
			{Verbs: []Verb{Updating}, Actions: []string{"iam:UpdateAssumeRolePolicy"}, Resources: own, Rare: "only where somebody has changed whom the role trusts"},
			{Verbs: []Verb{Updating}, Actions: []string{"iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:DeleteRolePermissionsBoundary"}, Resources: own, Unless: boundary},
			{Verbs: []Verb{Updating}, Actions: []string{"iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary"}, Resources: own, If: boundary, Condition: bounded},
			{Verbs: []Verb{Deleting}, Actions: []string{"iam:ListRolePolicies", "iam:DeleteRolePolicy", "iam:ListAttachedRolePolicies", "iam:DeleteRole"}, Resources: own},
			{Verbs: []Verb{Deleting}, Actions: []string{"iam:DetachRolePolicy"}, Resources: own, Rare: "only where somebody has attached a policy"},
		},
		Transient: []Transient{
			{"ConcurrentModification", "", "several requests for one role at once (IAM API Reference, CreateRole)"},
			{"DeleteConflict", "", "what was detached a moment ago still counts (IAM User Guide, eventual consistency)"},
			{"NoSuchEntity", "role with name", "a role made a moment ago is not known everywhere yet (IAM User Guide, eventual consistency)"},
			{"ServiceFailure", "", "IAM says to try again"},
		},
	}
}

func absentEntity(err error) bool {
	var missing *types.NoSuchEntityException
	return errors.As(err, &missing)
}

func (k role) Observe(ctx context.Context, t *Target) (*Live[blueprint.RoleSpec], error) {
	out, err := k.AWS.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &t.Name})
	if absentEntity(err) {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	r := out.Role
	s := blueprint.RoleSpec{Path: aws.ToString(r.Path), Description: aws.ToString(r.Description)}
	if b := r.PermissionsBoundary; b != nil {
		s.PermissionsBoundaryARN = aws.ToString(b.PermissionsBoundaryArn)
	}
	if s.Trust, err = blueprint.ParsePolicy(aws.ToString(r.AssumeRolePolicyDocument)); err != nil {
		return nil, fmt.Errorf("trust policy: %w", err)
	}
	policy, err := k.AWS.IAM.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &t.Name, PolicyName: aws.String(inlinePolicy)})
	switch {
	case absentEntity(err):
		// Half-made, or taken away: the difference shows in the policy.
		s.Policy = blueprint.NewPolicy()
	case err != nil:
		return nil, err
	default:
		if s.Policy, err = blueprint.ParsePolicy(aws.ToString(policy.PolicyDocument)); err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
	}
	tags := map[string]string{}
	for _, tag := range r.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return &Live[blueprint.RoleSpec]{Spec: s, Attributes: Attributes{"id": aws.ToString(r.RoleId)}, Tags: tags}, nil
}

func (k role) Create(ctx context.Context, t *Target, want blueprint.RoleSpec) (Attributes, error) {
	in := &iam.CreateRoleInput{
		RoleName: &t.Name, Path: &want.Path, Description: &want.Description,
		AssumeRolePolicyDocument: aws.String(want.Trust.JSON()), Tags: roleTags(t.Tags),
	}
	if want.PermissionsBoundaryARN != "" {
		in.PermissionsBoundary = &want.PermissionsBoundaryARN
	}
	out, err := k.AWS.IAM.CreateRole(ctx, in)
	if code(err) == "EntityAlreadyExists" {
		return nil, ErrPresent
	}
	if err != nil {
		return nil, err
	}
	attributes := Attributes{"id": aws.ToString(out.Role.RoleId)}
	if len(want.Policy.Statement) == 0 {
		return attributes, nil
	}
	return attributes, k.permit(ctx, t, want.Policy)
}

// permit gives the role its inline policy, or takes it away where there is
// nothing to allow: IAM takes no policy without statements.
func (k role) permit(ctx context.Context, t *Target, p blueprint.Policy) error {
	if len(p.Statement) > 0 {
		_, err := k.AWS.IAM.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
			RoleName: &t.Name, PolicyName: aws.String(inlinePolicy), PolicyDocument: aws.String(p.JSON()),
		})
		return step("put the role's policy", err)
	}
	_, err := k.AWS.IAM.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &t.Name, PolicyName: aws.String(inlinePolicy)})
	if absentEntity(err) {
		return nil
	}
	return step("delete the role's policy", err)
}

func roleTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, name := range sortedNames(tags) {
		out = append(out, types.Tag{Key: &name, Value: aws.String(tags[name])})
	}
	return out
}

func (k role) Update(ctx context.Context, t *Target, want blueprint.RoleSpec, live *Live[blueprint.RoleSpec], changed Changes) (Attributes, error) {
	if changed.Any("description") {
		// UpdateRole would also set the session's duration back, which is not ours.
		if _, err := k.AWS.IAM.UpdateRoleDescription(ctx, &iam.UpdateRoleDescriptionInput{RoleName: &t.Name, Description: &want.Description}); err != nil {
			return nil, err
		}
	}
	if changed.Any("trust_policy") {
		if _, err := k.AWS.IAM.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &t.Name, PolicyDocument: aws.String(want.Trust.JSON())}); err != nil {
			return nil, err
		}
	}
	if changed.Any("permissions_boundary") {
		var err error
		if want.PermissionsBoundaryARN == "" {
			_, err = k.AWS.IAM.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: &t.Name})
		} else {
			_, err = k.AWS.IAM.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: &t.Name, PermissionsBoundary: &want.PermissionsBoundaryARN})
		}
		if err != nil {
			return nil, err
		}
	}
	if changed.Any("policy") {
		return live.Attributes, k.permit(ctx, t, want.Policy)
	}
	return live.Attributes, nil
}

func (k role) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	if len(set) > 0 {
		if _, err := k.AWS.IAM.TagRole(ctx, &iam.TagRoleInput{RoleName: &t.Name, Tags: roleTags(set)}); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	_, err := k.AWS.IAM.UntagRole(ctx, &iam.UntagRoleInput{RoleName: &t.Name, TagKeys: remove})
	return err
}

// Delete takes away what others have put on the role too: IAM deletes no role
// that still has policies.
func (k role) Delete(ctx context.Context, t *Target) error {
	inline, err := k.AWS.IAM.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: &t.Name})
	if absentEntity(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range inline.PolicyNames {
		if _, err := k.AWS.IAM.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &t.Name, PolicyName: &name}); err != nil && !absentEntity(err) {
			return err
		}
	}
	attached, err := k.AWS.IAM.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &t.Name})
	if err != nil && !absentEntity(err) {
		return err
	}
	if err == nil {
		for _, p := range attached.AttachedPolicies {
			if _, err := k.AWS.IAM.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &t.Name, PolicyArn: p.PolicyArn}); err != nil && !absentEntity(err) {
				return err
			}
		}
	}
	_, err = k.AWS.IAM.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &t.Name})
	if absentEntity(err) {
		return nil
	}
	return err
}
