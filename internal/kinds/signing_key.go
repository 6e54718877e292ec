package kinds

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// signingKey manages asymmetric KMS keys for signing, each with one alias, which
// is the part's name. Its attribute "id" is the key's id; RSA keys have "modulus"
// and "key_id" of their public half.
//
// A key whose deletion is scheduled and whose alias is gone was destroyed: it
// counts as absent, and a new key takes the alias. While the alias still leads
// to it, somebody else has scheduled the deletion, and an apply takes it back.
type signingKey struct{ Env }

const (
	// keyMissing is KMS's answer for a key or an alias that does not exist.
	keyMissing = "NotFoundException"
	// invalidState is KMS's answer where a key that waits for its deletion does not
	// do what it is asked for.
	invalidState = "KMSInvalidStateException"
	// deletionDays is the shortest time after which KMS deletes a key (KMS API
	// Reference, ScheduleKeyDeletion).
	deletionDays = 7
	// spreading is how long a key just made may be unknown to a part of KMS (KMS
	// Developer Guide, "AWS KMS eventual consistency").
	spreading = time.Minute
)

func (signingKey) Facts() Facts {
	const anyKey = "arn:{partition}:kms:{region}:{account}:key/*"
	alias := "arn:{partition}:kms:{region}:{account}:{name}"
	// Keys have random ids: a deployer is held to those that carry the system's
	// tags (KMS Developer Guide, "ABAC for AWS KMS").
	tagged := func(by string) blueprint.Condition {
		return blueprint.Condition{"StringEquals": {
			by + blueprint.TagSystem: {"{system}"}, by + blueprint.TagName: {"{system_name}"},
		}}
	}
	born, own := tagged("aws:RequestTag/"), tagged("aws:ResourceTag/")
	const lost = "only where an apply was cut off between a key and its alias"
	return Facts{
		ObserveCalls: 3,
		Lost:         "the apply makes another key, with another public key; what the old one has signed verifies with its own public key only",
		Lingers:      fmt.Sprintf("KMS deletes it %d days from now, which is the soonest, and bills nothing for it until then; it bars no new key of that name", deletionDays),
		Permissions: []Permission{
			{Verbs: []Verb{Observing, Creating, Deleting}, Actions: []string{"kms:DescribeKey"}, Resources: []string{anyKey, alias}},
			{Verbs: []Verb{Observing}, Actions: []string{"kms:GetKeyPolicy", "kms:ListResourceTags"}, Resources: []string{anyKey}},
			{Verbs: []Verb{Observing, Deleting}, Actions: []string{"kms:ListKeys", "kms:ListAliases"}, Resources: []string{"*"}, Rare: lost},
			{Verbs: []Verb{Creating}, Actions: []string{"kms:ListKeys", "kms:ListAliases"}, Resources: []string{"*"}},
			{Verbs: []Verb{Creating}, Actions: []string{"kms:ListResourceTags"}, Resources: []string{anyKey}, Rare: lost},
			{Verbs: []Verb{Creating}, Actions: []string{"kms:GetPublicKey"}, Resources: []string{anyKey}, Condition: own, If: "rsa"},
			{Verbs: []Verb{Observing}, Actions: []string{"kms:GetPublicKey"}, Resources: []string{anyKey}, Condition: own, If: "rsa",
				Rare: "only where an apply was cut off before it could note the public half"},
			{Verbs: []Verb{Creating}, Actions: []string{"kms:CreateKey"}, Resources: []string{"*"}, Condition: born},
			// Tags at creation need a permission that no key narrows (KMS Developer
			// Guide, "Controlling access to tags").
			{Verbs: []Verb{Creating}, Actions: []string{"kms:TagResource"}, Resources: []string{anyKey}, Condition: born},
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"kms:CreateAlias"}, Resources: []string{alias}},
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"kms:CreateAlias"}, Resources: []string{anyKey}, Condition: own},
			{Verbs: []Verb{Updating}, Actions: []string{
				"kms:PutKeyPolicy", "kms:UpdateKeyDescription", "kms:TagResource", "kms:UntagResource",
			}, Resources: []string{anyKey}, Condition: own, Rare: "only where tags change, or somebody has changed the key"},
			{Verbs: []Verb{Updating}, Actions: []string{"kms:EnableKey", "kms:CancelKeyDeletion"}, Resources: []string{anyKey}, Condition: own,
				Rare: "only where somebody has disabled the key, or scheduled its deletion"},
			{Verbs: []Verb{Deleting}, Actions: []string{"kms:ScheduleKeyDeletion"}, Resources: []string{anyKey}, Condition: own},
			{Verbs: []Verb{Deleting}, Actions: []string{"kms:DeleteAlias"}, Resources: []string{alias}},
			{Verbs: []Verb{Deleting}, Actions: []string{"kms:DeleteAlias"}, Resources: []string{anyKey}, Condition: own},
		},
		Transient: []Transient{
			{"DependencyTimeoutException", "", "KMS says to try again (KMS API Reference, CreateKey)"},
			{"KMSInternalException", "", "KMS says to try again (KMS API Reference, CreateKey)"},
		},
	}
}

func (k signingKey) Observe(ctx context.Context, t *Target) (*Live[blueprint.SigningKeySpec], error) {
	key, aliased, err := k.find(ctx, t)
	if err != nil {
		return nil, err
	}
	id := aws.ToString(key.KeyId)
	live := &Live[blueprint.SigningKeySpec]{Spec: blueprint.SigningKeySpec{
		KeySpec: blueprint.KeySpec(key.KeySpec), Description: aws.ToString(key.Description), Enabled: key.KeyState == types.KeyStateEnabled,
	}}
	if aliased {
		live.Spec.Alias = t.Name
	}
	err = together(ctx,
		func(ctx context.Context) error {
			out, err := k.AWS.KMS.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: &id})
			if err != nil {
				return err
			}
			live.Spec.Policy, err = blueprint.ParsePolicy(aws.ToString(out.Policy))
			return err
		},
		func(ctx context.Context) (err error) {
			live.Tags, err = k.tags(ctx, id)
			return err
		},
		func(ctx context.Context) (err error) {
			live.Attributes, err = k.attributes(ctx, t, key)
			return err
		})
	if code(err) == keyMissing {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	return live, nil
}

// find returns the part's key and whether the alias leads to it: the recorded
// key, else that of the alias, else one that was made and got no alias.
func (k signingKey) find(ctx context.Context, t *Target) (key *types.KeyMetadata, aliased bool, err error) {
	byAlias, err := k.describe(ctx, t.Name)
	if err != nil {
		return nil, false, err
	}
	recorded := t.Attributes["id"]
	switch {
	case byAlias != nil && (recorded == "" || aws.ToString(byAlias.KeyId) == recorded):
		return byAlias, true, nil
	case recorded != "":
		key, err = k.describe(ctx, recorded)
	default:
		key, err = k.unnamed(ctx, t)
	}
	if err != nil {
		return nil, false, err
	}
	if key != nil && key.KeyState != types.KeyStatePendingDeletion {
		return key, false, nil
	}
	if byAlias != nil {
		return nil, false, fmt.Errorf("%s leads to the key %s, which was not made here, and the key that was made here is gone; delete that alias", t.Name, aws.ToString(byAlias.KeyId))
	}
	return nil, false, ErrAbsent
}

// describe returns the key with that id or alias, or nil.
func (k signingKey) describe(ctx context.Context, id string) (*types.KeyMetadata, error) {
	out, err := k.AWS.KMS.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
	if code(err) == keyMissing {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return out.KeyMetadata, nil
}

func (k signingKey) tags(ctx context.Context, id string) (map[string]string, error) {
	tags := map[string]string{}
	pages := kms.NewListResourceTagsPaginator(k.AWS.KMS, &kms.ListResourceTagsInput{KeyId: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, tag := range page.Tags {
			tags[aws.ToString(tag.TagKey)] = aws.ToString(tag.TagValue)
		}
	}
	return tags, nil
}

// unnamed looks for a key of ours that has no alias: CreateKey has no token by
// which a call that is repeated would find what the first one made.
func (k signingKey) unnamed(ctx context.Context, t *Target) (*types.KeyMetadata, error) {
	named := map[string]bool{}
	aliases := kms.NewListAliasesPaginator(k.AWS.KMS, &kms.ListAliasesInput{})
	for aliases.HasMorePages() {
		page, err := aliases.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, a := range page.Aliases {
			named[aws.ToString(a.TargetKeyId)] = true
		}
	}
	keys := kms.NewListKeysPaginator(k.AWS.KMS, &kms.ListKeysInput{})
	for keys.HasMorePages() {
		page, err := keys.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, entry := range page.Keys {
			id := aws.ToString(entry.KeyId)
			if named[id] {
				continue
			}
			tags, err := k.tags(ctx, id)
			if err != nil && code(err) != keyMissing && code(err) != "AccessDeniedException" {
				return nil, err // a key whose own policy shuts us out is none of ours
			}
			if !owns(t.Tags, tags) {
				continue
			}
			key, err := k.describe(ctx, id)
			if err != nil {
				return nil, err
			}
			if key != nil && key.KeyState != types.KeyStatePendingDeletion {
				return key, nil
			}
		}
	}
	return nil, nil
}

// owns reports whether tags are the marks of ownership of a part.
func owns(part, tags map[string]string) bool {
	for _, mark := range []string{blueprint.TagSystem, blueprint.TagName, blueprint.TagPart} {
		if part[mark] == "" || part[mark] != tags[mark] {
			return false
		}
	}
	return true
}

// Create makes a key and then its alias. The SDK must not repeat CreateKey by
// itself: each time it would make another key.
func (k signingKey) Create(ctx context.Context, t *Target, want blueprint.SigningKeySpec) (Attributes, error) {
	// One of an earlier attempt may be there without its alias: keys have no names
	// that would keep a second one out.
	switch _, _, err := k.find(ctx, t); {
	case err == nil:
		return nil, ErrPresent
	case !errors.Is(err, ErrAbsent):
		return nil, err
	}
	in := &kms.CreateKeyInput{
		KeySpec: types.KeySpec(want.KeySpec), KeyUsage: types.KeyUsageTypeSignVerify,
		Description: &want.Description, Policy: aws.String(want.Policy.JSON()), Tags: keyTags(t.Tags),
	}
	out, err := k.AWS.KMS.CreateKey(ctx, in, func(o *kms.Options) { o.RetryMaxAttempts = 1 })
	if err != nil {
		return nil, err
	}
	// Known from here on, should the rest fail and be tried again.
	t.Attributes = Attributes{"id": aws.ToString(out.KeyMetadata.KeyId)}
	if err := k.name(ctx, t, t.Attributes["id"]); err != nil {
		return nil, err
	}
	return k.attributes(ctx, t, out.KeyMetadata)
}

// name lets the alias lead to the key, which a part of KMS may not know yet.
func (k signingKey) name(ctx context.Context, t *Target, id string) error {
	ctx, cancel := context.WithTimeout(ctx, spreading)
	defer cancel()
	return k.wait(ctx, t.Name+" leads to the key "+id, func(ctx context.Context) (bool, error) {
		_, err := k.AWS.KMS.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: &t.Name, TargetKeyId: &id})
		switch code(err) {
		case keyMissing:
			return false, nil
		case "AlreadyExistsException":
			key, err := k.describe(ctx, t.Name)
			if err == nil && key != nil && aws.ToString(key.KeyId) != id {
				err = fmt.Errorf("%s leads to the key %s, which was not made here; delete that alias", t.Name, aws.ToString(key.KeyId))
			}
			return err == nil && key != nil, err
		}
		return err == nil, step("create the alias", err)
	})
}

func keyTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, name := range sortedNames(tags) {
		out = append(out, types.Tag{TagKey: &name, TagValue: aws.String(tags[name])})
	}
	return out
}

// Update first brings the key back to life: a key that waits for its deletion
// takes no other change.
func (k signingKey) Update(ctx context.Context, t *Target, want blueprint.SigningKeySpec, live *Live[blueprint.SigningKeySpec], changed Changes) (Attributes, error) {
	id := live.Attributes["id"]
	if changed.Any("enabled") {
		if err := k.enable(ctx, id); err != nil {
			return nil, err
		}
	}
	if changed.Any("alias") {
		if err := k.name(ctx, t, id); err != nil {
			return nil, err
		}
	}
	if changed.Any("description") {
		if _, err := k.AWS.KMS.UpdateKeyDescription(ctx, &kms.UpdateKeyDescriptionInput{KeyId: &id, Description: &want.Description}); err != nil {
			return nil, err
		}
	}
	if changed.Any("policy") {
		if _, err := k.AWS.KMS.PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: &id, Policy: aws.String(want.Policy.JSON())}); err != nil {
			return nil, err
		}
	}
	if want.KeySpec != blueprint.RSAKey2048 || live.Attributes["modulus"] != "" {
		return live.Attributes, nil
	}
	key, err := k.describe(ctx, id)
	if err != nil || key == nil {
		return live.Attributes, err
	}
	return k.attributes(ctx, t, key)
}

// enable takes a scheduled deletion back, which leaves the key disabled (KMS API
// Reference, CancelKeyDeletion), and enables the key.
func (k signingKey) enable(ctx context.Context, id string) error {
	key, err := k.describe(ctx, id)
	if err != nil {
		return err
	}
	if key != nil && key.KeyState == types.KeyStatePendingDeletion {
		if _, err := k.AWS.KMS.CancelKeyDeletion(ctx, &kms.CancelKeyDeletionInput{KeyId: &id}); err != nil {
			return err
		}
	}
	_, err = k.AWS.KMS.EnableKey(ctx, &kms.EnableKeyInput{KeyId: &id})
	return err
}

func (k signingKey) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	key, _, err := k.find(ctx, t)
	if err != nil {
		return err
	}
	if len(set) > 0 {
		if _, err := k.AWS.KMS.TagResource(ctx, &kms.TagResourceInput{KeyId: key.KeyId, Tags: keyTags(set)}); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	_, err = k.AWS.KMS.UntagResource(ctx, &kms.UntagResourceInput{KeyId: key.KeyId, TagKeys: remove})
	return err
}

// Delete schedules the deletion and takes the alias away, in this order: what
// was cut off between the two is found by the alias.
func (k signingKey) Delete(ctx context.Context, t *Target) error {
	key, aliased, err := k.find(ctx, t)
	if err == ErrAbsent { //nolint:errorlint // returned as it is
		return nil
	}
	if err != nil {
		return err
	}
	if t.Attributes["id"] == "" {
		// Nothing but its tags tells whether the key is ours.
		tags, err := k.tags(ctx, aws.ToString(key.KeyId))
		if err != nil || !owns(t.Tags, tags) {
			return err
		}
	}
	if key.KeyState != types.KeyStatePendingDeletion {
		_, err := k.AWS.KMS.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: key.KeyId, PendingWindowInDays: aws.Int32(deletionDays)})
		// Another call, or the first attempt of this one, was quicker.
		if err != nil && code(err) != invalidState && code(err) != keyMissing {
			return err
		}
	}
	if !aliased {
		return nil
	}
	_, err = k.AWS.KMS.DeleteAlias(ctx, &kms.DeleteAliasInput{AliasName: &t.Name})
	if code(err) == keyMissing {
		return nil
	}
	return err
}
