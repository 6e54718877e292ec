package kinds

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// accessControl manages CloudFront's origin access controls. They have a name
// that is unique in the account, an id that CloudFront gives, which is the
// attribute "id", and no tags: the description says whose they are.
type accessControl struct{ Env }

// accessControlMissing is CloudFront's answer for one that does not exist.
const accessControlMissing = "NoSuchOriginAccessControl"

// changedMeanwhile is an answer of CloudFront that passes with another look.
var changedMeanwhile = Transient{"PreconditionFailed", "", "somebody changed it between our look and our change (CloudFront API Reference, common errors)"}

func (accessControl) Facts() Facts {
	own := []string{"arn:{partition}:cloudfront::{account}:origin-access-control/*"}
	return Facts{
		Ownership: OwnedByMark, ObserveCalls: 1,
		Permissions: []Permission{
			{Verbs: []Verb{Observing, Updating, Deleting}, Actions: []string{"cloudfront:GetOriginAccessControl"}, Resources: own},
			// Ids are not known beforehand, and a list cannot be narrowed.
			{Verbs: []Verb{Observing, Updating, Deleting}, Actions: []string{"cloudfront:ListOriginAccessControls"}, Resources: []string{"*"}, Rare: byList},
			{Verbs: []Verb{Creating}, Actions: []string{"cloudfront:CreateOriginAccessControl"}, Resources: []string{"*"}},
			{Verbs: []Verb{Updating}, Actions: []string{"cloudfront:UpdateOriginAccessControl"}, Resources: own, Rare: "only where somebody has changed it"},
			{Verbs: []Verb{Deleting}, Actions: []string{"cloudfront:DeleteOriginAccessControl"}, Resources: own},
		},
		Transient: []Transient{
			changedMeanwhile,
			{"OriginAccessControlInUse", "", "a distribution that was just deleted still has it (CloudFront API Reference, DeleteOriginAccessControl)"},
		},
	}
}

// find returns the id as recorded, else the one that the list has for the name;
// ErrAbsent where there is none.
func (k accessControl) find(ctx context.Context, t *Target) (string, error) {
	if id := t.Attributes["id"]; id != "" {
		return id, nil
	}
	for pages := cloudfront.NewListOriginAccessControlsPaginator(k.AWS.CloudFront, &cloudfront.ListOriginAccessControlsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", err
		}
		if page.OriginAccessControlList == nil {
			break
		}
		for _, item := range page.OriginAccessControlList.Items {
			if aws.ToString(item.Name) == t.Name {
				return aws.ToString(item.Id), nil
			}
		}
	}
	return "", ErrAbsent
}

// get returns the access control with its version.
func (k accessControl) get(ctx context.Context, t *Target) (*cloudfront.GetOriginAccessControlOutput, error) {
	id, err := k.find(ctx, t)
	if err != nil {
		return nil, err
	}
	out, err := k.AWS.CloudFront.GetOriginAccessControl(ctx, &cloudfront.GetOriginAccessControlInput{Id: &id})
	if code(err) == accessControlMissing {
		return nil, ErrAbsent
	}
	return out, err
}

func (k accessControl) Observe(ctx context.Context, t *Target) (*Live[blueprint.AccessControlSpec], error) {
	out, err := k.get(ctx, t)
	if err != nil {
		return nil, err
	}
	c := out.OriginAccessControl.OriginAccessControlConfig
	s := blueprint.AccessControlSpec{
		OriginType: string(c.OriginAccessControlOriginType), Signing: string(c.SigningBehavior), Protocol: string(c.SigningProtocol),
		Description: aws.ToString(c.Description),
	}
	return &Live[blueprint.AccessControlSpec]{
		Spec: s, Attributes: Attributes{"id": aws.ToString(out.OriginAccessControl.Id)}, Tags: blueprint.Marked(s.Description),
	}, nil
}

func accessControlConfig(t *Target, want blueprint.AccessControlSpec) *types.OriginAccessControlConfig {
	return &types.OriginAccessControlConfig{
		Name: &t.Name, Description: &want.Description, OriginAccessControlOriginType: types.OriginAccessControlOriginTypes(want.OriginType),
		SigningBehavior: types.OriginAccessControlSigningBehaviors(want.Signing), SigningProtocol: types.OriginAccessControlSigningProtocols(want.Protocol),
	}
}

// Create needs no token: two of one name cannot exist.
func (k accessControl) Create(ctx context.Context, t *Target, want blueprint.AccessControlSpec) (Attributes, error) {
	out, err := k.AWS.CloudFront.CreateOriginAccessControl(ctx, &cloudfront.CreateOriginAccessControlInput{OriginAccessControlConfig: accessControlConfig(t, want)})
	if code(err) == "OriginAccessControlAlreadyExists" {
		return nil, ErrPresent
	}
	if err != nil {
		return nil, err
	}
	return Attributes{"id": aws.ToString(out.OriginAccessControl.Id)}, nil
}

func (k accessControl) Update(ctx context.Context, t *Target, want blueprint.AccessControlSpec, live *Live[blueprint.AccessControlSpec], changed Changes) (Attributes, error) {
	if len(changed) == 0 {
		return live.Attributes, nil
	}
	out, err := k.get(ctx, t)
	if err != nil {
		return nil, step("look before the change", err)
	}
	_, err = k.AWS.CloudFront.UpdateOriginAccessControl(ctx, &cloudfront.UpdateOriginAccessControlInput{
		Id: out.OriginAccessControl.Id, IfMatch: out.ETag, OriginAccessControlConfig: accessControlConfig(t, want),
	})
	return live.Attributes, err
}

func (k accessControl) Delete(ctx context.Context, t *Target) error {
	out, err := k.get(ctx, t)
	if errors.Is(err, ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = k.AWS.CloudFront.DeleteOriginAccessControl(ctx, &cloudfront.DeleteOriginAccessControlInput{Id: out.OriginAccessControl.Id, IfMatch: out.ETag})
	if code(err) == accessControlMissing {
		return nil
	}
	return err
}
