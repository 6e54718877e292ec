package kinds

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// identityPool manages Cognito identity pools. AWS names them by an id and knows
// no repeated request for one: a pool is found by its recorded id, or by its name
// and ownership tags.
type identityPool struct{ Env }

// ownPool is any pool: its id is not known beforehand.
const ownPool = "arn:{partition}:cognito-identity:{region}:{account}:identitypool/*"

func (identityPool) Facts() Facts {
	own, list := []string{ownPool}, []string{"cognito-identity:ListIdentityPools"}
	const describe = "cognito-identity:DescribeIdentityPool"
	return Facts{
		ObserveCalls: 1,
		Permissions: []Permission{
			{Verbs: []Verb{Observing, Updating}, Actions: []string{describe}, Resources: own},
			// Listing and making have no resource of their own (Service Authorization
			// Reference, Amazon Cognito Identity).
			{Verbs: []Verb{Observing}, Actions: list, Resources: []string{"*"}, Rare: "only where a pool's id was not recorded"},
			{Verbs: []Verb{Creating}, Actions: append(list, "cognito-identity:CreateIdentityPool"), Resources: []string{"*"}},
			{Verbs: []Verb{Creating}, Actions: []string{"cognito-identity:TagResource"}, Resources: own},
			{Verbs: []Verb{Creating}, Actions: []string{describe}, Resources: own, Rare: "only where there is another pool of the same name"},
			{Verbs: []Verb{Updating}, Actions: []string{"cognito-identity:UpdateIdentityPool", "cognito-identity:TagResource", "cognito-identity:UntagResource"}, Resources: own, Rare: "only where tags change, or somebody has changed the pool"},
			{Verbs: []Verb{Deleting}, Actions: list, Resources: []string{"*"}},
			{Verbs: []Verb{Deleting}, Actions: []string{describe, "cognito-identity:DeleteIdentityPool"}, Resources: own},
		},
		Transient: poolTransients,
	}
}

var poolTransients = []Transient{
	{"ConcurrentModificationException", "", "several requests for one pool at once (Cognito Identity API Reference, UpdateIdentityPool)"},
	{"ResourceConflictException", "", "another change of the pool is under way"},
}

// absentPool reports that a pool does not exist.
func absentPool(err error) bool {
	var missing *types.ResourceNotFoundException
	return errors.As(err, &missing)
}

func (k identityPool) Observe(ctx context.Context, t *Target) (*Live[blueprint.IdentityPoolSpec], error) {
	out, err := k.get(ctx, t)
	if err != nil {
		return nil, err
	}
	return &Live[blueprint.IdentityPoolSpec]{
		Spec:       blueprint.IdentityPoolSpec{Unauthenticated: out.AllowUnauthenticatedIdentities, ClassicFlow: aws.ToBool(out.AllowClassicFlow)},
		Attributes: Attributes{"id": aws.ToString(out.IdentityPoolId)}, Tags: out.IdentityPoolTags,
	}, nil
}

// get returns the pool by its recorded id, or looks it up.
func (k identityPool) get(ctx context.Context, t *Target) (*cognitoidentity.DescribeIdentityPoolOutput, error) {
	id := t.Attributes["id"]
	if id == "" {
		found, err := k.findPools(ctx, t)
		if err != nil {
			return nil, err
		}
		id = found[0]
	}
	out, err := k.AWS.Identities.DescribeIdentityPool(ctx, &cognitoidentity.DescribeIdentityPoolInput{IdentityPoolId: &id})
	if absentPool(err) {
		return nil, ErrAbsent
	}
	return out, err
}

// mostPools is the longest page of a list (Cognito Identity API Reference,
// ListIdentityPools).
const mostPools = 60

// findPools returns the ids of the pools that have the target's name and belong to
// its system, sorted, or ErrAbsent. There are several only where a list did not
// show yet what had been made.
func (e Env) findPools(ctx context.Context, t *Target) ([]string, error) {
	var named, found []string
	err := pages(func(token *string) (*string, error) {
		out, err := e.AWS.Identities.ListIdentityPools(ctx, &cognitoidentity.ListIdentityPoolsInput{MaxResults: aws.Int32(mostPools), NextToken: token})
		if err != nil {
			return nil, err
		}
		for _, p := range out.IdentityPools {
			if aws.ToString(p.IdentityPoolName) == t.Name {
				named = append(named, aws.ToString(p.IdentityPoolId))
			}
		}
		return out.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	for _, id := range named {
		out, err := e.AWS.Identities.DescribeIdentityPool(ctx, &cognitoidentity.DescribeIdentityPoolInput{IdentityPoolId: &id})
		if absentPool(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if t.ours(out.IdentityPoolTags) {
			found = append(found, id)
		}
	}
	if len(found) == 0 {
		return nil, ErrAbsent
	}
	return sorted(found), nil
}

// Create looks first: where an answer was lost, the pool is there already.
func (k identityPool) Create(ctx context.Context, t *Target, want blueprint.IdentityPoolSpec) (Attributes, error) {
	look := func(ctx context.Context) error {
		_, err := k.findPools(ctx, t)
		return err
	}
	if err := look(ctx); err == nil {
		return nil, ErrPresent
	} else if !errors.Is(err, ErrAbsent) {
		return nil, err
	}
	attributes := Attributes{}
	err := k.createOnce(ctx, func(ctx context.Context) error {
		out, err := k.AWS.Identities.CreateIdentityPool(ctx, &cognitoidentity.CreateIdentityPoolInput{
			IdentityPoolName: &t.Name, AllowUnauthenticatedIdentities: want.Unauthenticated, AllowClassicFlow: &want.ClassicFlow, IdentityPoolTags: t.Tags,
		}, func(o *cognitoidentity.Options) { o.Retryer = aws.NopRetryer{} })
		if err == nil {
			attributes["id"] = aws.ToString(out.IdentityPoolId)
		}
		return err
	}, look)
	if err != nil {
		return nil, err
	}
	return attributes, nil
}

// Update sends the whole pool: Cognito takes what is left out for taken away.
func (k identityPool) Update(ctx context.Context, t *Target, want blueprint.IdentityPoolSpec, live *Live[blueprint.IdentityPoolSpec], changed Changes) (Attributes, error) {
	if len(changed) == 0 {
		return live.Attributes, nil
	}
	id := live.Attributes["id"]
	have, err := k.AWS.Identities.DescribeIdentityPool(ctx, &cognitoidentity.DescribeIdentityPoolInput{IdentityPoolId: &id})
	if err != nil {
		return nil, err
	}
	in := &cognitoidentity.UpdateIdentityPoolInput{
		IdentityPoolId: &id, IdentityPoolName: have.IdentityPoolName, IdentityPoolTags: have.IdentityPoolTags,
		AllowUnauthenticatedIdentities: want.Unauthenticated, AllowClassicFlow: &want.ClassicFlow, CognitoIdentityProviders: have.CognitoIdentityProviders,
		OpenIdConnectProviderARNs: have.OpenIdConnectProviderARNs, SamlProviderARNs: have.SamlProviderARNs, SupportedLoginProviders: have.SupportedLoginProviders,
	}
	if aws.ToString(have.DeveloperProviderName) != "" {
		in.DeveloperProviderName = have.DeveloperProviderName
	}
	_, err = k.AWS.Identities.UpdateIdentityPool(ctx, in)
	return live.Attributes, err
}

func (k identityPool) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	pool, err := k.get(ctx, t)
	if err != nil {
		return err
	}
	account, err := k.AWS.Account(ctx)
	if err != nil {
		return err
	}
	arn := "arn:" + k.AWS.Partition() + ":cognito-identity:" + k.AWS.Region() + ":" + account + ":identitypool/" + aws.ToString(pool.IdentityPoolId)
	if len(set) > 0 {
		if _, err := k.AWS.Identities.TagResource(ctx, &cognitoidentity.TagResourceInput{ResourceArn: &arn, Tags: set}); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	_, err = k.AWS.Identities.UntagResource(ctx, &cognitoidentity.UntagResourceInput{ResourceArn: &arn, TagKeys: remove})
	return err
}

// Delete removes every pool that is the target's, with its identities.
func (k identityPool) Delete(ctx context.Context, t *Target) error {
	ids, err := k.findPools(ctx, t)
	if err != nil && !errors.Is(err, ErrAbsent) {
		return err
	}
	if id := t.Attributes["id"]; id != "" && !slices.Contains(ids, id) {
		ids = append(ids, id)
	}
	for _, id := range ids {
		if _, err := k.AWS.Identities.DeleteIdentityPool(ctx, &cognitoidentity.DeleteIdentityPoolInput{IdentityPoolId: &id}); err != nil && !absentPool(err) {
			return err
		}
	}
	return nil
}

// identityPoolRole manages which role a pool's identities get. It carries the
// pool's name, and its attribute "pool" is the pool's id.
type identityPoolRole struct{ Env }

// guestRole names the role of identities without a login (Cognito Identity API
// Reference, SetIdentityPoolRoles).
const guestRole = "unauthenticated"

func (identityPoolRole) Facts() Facts {
	own := []string{ownPool}
	const get, set = "cognito-identity:GetIdentityPoolRoles", "cognito-identity:SetIdentityPoolRoles"
	const unrecorded = "only where the pool's id was not recorded"
	find := []Verb{Observing, Deleting}
	return Facts{
		Ownership: OwnedByParent, ObserveCalls: 1,
		Permissions: []Permission{
			{Verbs: []Verb{Observing, Creating, Deleting}, Actions: []string{get}, Resources: own},
			{Verbs: []Verb{Creating, Updating, Deleting}, Actions: []string{set}, Resources: own},
			{Verbs: find, Actions: []string{"cognito-identity:ListIdentityPools"}, Resources: []string{"*"}, Rare: unrecorded},
			{Verbs: find, Actions: []string{"cognito-identity:DescribeIdentityPool"}, Resources: own, Rare: unrecorded},
		},
		Transient: poolTransients,
	}
}

// pool returns the id of the pool, or ErrAbsent.
func (k identityPoolRole) pool(ctx context.Context, t *Target) (string, error) {
	if id := t.Attributes["pool"]; id != "" {
		return id, nil
	}
	found, err := k.findPools(ctx, t)
	if err != nil {
		return "", err
	}
	return found[0], nil
}

// roles are those of the pool; ErrAbsent where it has none or is none.
func (k identityPoolRole) roles(ctx context.Context, id string) (map[string]string, error) {
	out, err := k.AWS.Identities.GetIdentityPoolRoles(ctx, &cognitoidentity.GetIdentityPoolRolesInput{IdentityPoolId: &id})
	if absentPool(err) || err == nil && len(out.Roles) == 0 {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	return out.Roles, nil
}

func (k identityPoolRole) Observe(ctx context.Context, t *Target) (*Live[blueprint.IdentityPoolRoleSpec], error) {
	id, err := k.pool(ctx, t)
	if err != nil {
		return nil, err
	}
	roles, err := k.roles(ctx, id)
	if err != nil {
		return nil, err
	}
	return &Live[blueprint.IdentityPoolRoleSpec]{
		Spec: blueprint.IdentityPoolRoleSpec{Pool: id, Unauthenticated: roles[guestRole]}, Attributes: Attributes{"pool": id},
	}, nil
}

func (k identityPoolRole) Create(ctx context.Context, _ *Target, want blueprint.IdentityPoolRoleSpec) (Attributes, error) {
	if _, err := k.roles(ctx, want.Pool); err == nil {
		return nil, ErrPresent
	} else if !errors.Is(err, ErrAbsent) {
		return nil, err
	}
	return Attributes{"pool": want.Pool}, k.set(ctx, want.Pool, map[string]string{guestRole: want.Unauthenticated})
}

func (k identityPoolRole) set(ctx context.Context, id string, roles map[string]string) error {
	_, err := k.AWS.Identities.SetIdentityPoolRoles(ctx, &cognitoidentity.SetIdentityPoolRolesInput{IdentityPoolId: &id, Roles: roles})
	return err
}

// Update leaves alone the roles of identities with a login, which are none of ours.
func (k identityPoolRole) Update(ctx context.Context, _ *Target, want blueprint.IdentityPoolRoleSpec, _ *Live[blueprint.IdentityPoolRoleSpec], _ Changes) (Attributes, error) {
	roles, err := k.roles(ctx, want.Pool)
	if err != nil && !errors.Is(err, ErrAbsent) {
		return nil, err
	}
	roles = maps.Clone(roles)
	if roles == nil {
		roles = map[string]string{}
	}
	roles[guestRole] = want.Unauthenticated
	return Attributes{"pool": want.Pool}, k.set(ctx, want.Pool, roles)
}

func (k identityPoolRole) Delete(ctx context.Context, t *Target) error {
	id, err := k.pool(ctx, t)
	if err == nil {
		_, err = k.roles(ctx, id)
	}
	if errors.Is(err, ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := k.set(ctx, id, map[string]string{}); err != nil && !absentPool(err) {
		return err
	}
	return nil
}
