package kinds

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	values "github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore"
	valuetypes "github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// keyValueStore manages key value stores of CloudFront whose values are copied
// from secrets. CloudFront gives them their id, which is the attribute "id".
//
// To observe one means to read what describes it: who may read one value may read
// all. So the comment has the digest of what was copied, and the attribute
// "values" is the version of the values, which any change of them changes.
type keyValueStore struct{ Env }

const (
	// storeMissing is CloudFront's answer for a store that does not exist.
	storeMissing = "EntityNotFound"
	// storeReady is the status of a store that takes values and functions.
	storeReady = "READY"
)

func (keyValueStore) Facts() Facts {
	// Ids are not known beforehand, and CloudFront looks at the tags of nothing but
	// distributions (CloudFront Developer Guide, "How Amazon CloudFront works with
	// IAM").
	all := []string{"arn:{partition}:cloudfront::{account}:key-value-store/*"}
	writing := []Verb{Creating, Updating}
	return Facts{
		ObserveCalls: 3,
		Permissions: []Permission{
			{Verbs: []Verb{Observing, Creating, Updating, Deleting}, Actions: []string{"cloudfront:DescribeKeyValueStore"}, Resources: all},
			{Verbs: []Verb{Observing}, Actions: []string{"cloudfront:ListTagsForResource"}, Resources: all},
			{Verbs: []Verb{Observing, Creating, Updating}, Actions: []string{"cloudfront-keyvaluestore:DescribeKeyValueStore"}, Resources: all},
			{Verbs: []Verb{Creating}, Actions: []string{"cloudfront:CreateKeyValueStore"}, Resources: []string{"*"}},
			{Verbs: []Verb{Creating}, Actions: []string{"cloudfront:TagResource"}, Resources: all},
			{Verbs: writing, Actions: []string{"cloudfront-keyvaluestore:UpdateKeys", "cloudfront:UpdateKeyValueStore"}, Resources: all},
			// Keys that should not be there are found by a list, which has the values.
			{Verbs: []Verb{Updating}, Actions: []string{"cloudfront-keyvaluestore:ListKeys"}, Resources: all},
			{Verbs: writing, Actions: []string{"ssm:GetParameter"}, Resources: []string{"arn:{partition}:ssm:{region}:{account}:parameter{secret}"}},
			{Verbs: writing, Actions: []string{"kms:Decrypt"}, Resources: []string{"{secret_kms_key}"}, Condition: via("ssm"), If: "secret_kms_key", Rare: byService},
			{Verbs: []Verb{Updating}, Actions: []string{"cloudfront:TagResource", "cloudfront:UntagResource"}, Resources: all, Rare: "only where tags change"},
			{Verbs: []Verb{Deleting}, Actions: []string{"cloudfront:DeleteKeyValueStore"}, Resources: all},
		},
		Transient: []Transient{
			changedMeanwhile,
			{"CannotDeleteEntityWhileInUse", "", "a function that was just deleted still has it (CloudFront API Reference, DeleteKeyValueStore)"},
			{"ConflictException", "", "somebody changed its values between our look and our change (CloudFront KeyValueStore API Reference, UpdateKeys)"},
			{"ResourceNotFoundException", "", "where values are kept a store that was just made is not known yet (CloudFront KeyValueStore API Reference, DescribeKeyValueStore)"},
			{"InternalServerException", "", "CloudFront says to try again (CloudFront KeyValueStore API Reference, UpdateKeys)"},
		},
	}
}

// describe returns what CloudFront has, or ErrAbsent.
func (k keyValueStore) describe(ctx context.Context, t *Target) (*cloudfront.DescribeKeyValueStoreOutput, error) {
	out, err := k.AWS.CloudFront.DescribeKeyValueStore(ctx, &cloudfront.DescribeKeyValueStoreInput{Name: &t.Name})
	if code(err) == storeMissing {
		return nil, ErrAbsent
	}
	return out, err
}

// storeComment is a store's comment: what was copied into it. It is empty as long
// as that is not done.
func storeComment(contents string) *string { return aws.String("copied: " + contents) }

func (k keyValueStore) Observe(ctx context.Context, t *Target) (*Live[blueprint.KeyValueStoreSpec], error) {
	out, err := k.describe(ctx, t)
	if err != nil {
		return nil, err
	}
	contents, _ := strings.CutPrefix(aws.ToString(out.KeyValueStore.Comment), *storeComment(""))
	live := &Live[blueprint.KeyValueStoreSpec]{Spec: blueprint.KeyValueStoreSpec{Contents: contents}}
	err = together(ctx,
		func(ctx context.Context) (err error) {
			live.Tags, err = k.edgeTags(ctx, aws.ToString(out.KeyValueStore.ARN))
			return err
		},
		func(ctx context.Context) (err error) {
			live.Attributes, err = k.attributes(ctx, out)
			return err
		})
	if code(err) == storeMissing {
		return nil, ErrAbsent
	}
	return live, err
}

func (k keyValueStore) attributes(ctx context.Context, out *cloudfront.DescribeKeyValueStoreOutput) (Attributes, error) {
	arn := aws.ToString(out.KeyValueStore.ARN)
	id := Attributes{"id": arn[strings.LastIndex(arn, "/")+1:]}
	if aws.ToString(out.KeyValueStore.Status) != storeReady {
		return id, nil // It is still being made, and has no values.
	}
	now, err := k.AWS.Values.DescribeKeyValueStore(ctx, &values.DescribeKeyValueStoreInput{KvsARN: &arn})
	if err != nil {
		return nil, step("describe the values", err)
	}
	return merged(id, Attributes{"values": aws.ToString(now.ETag)}), nil
}

// Create needs no token: two of one name cannot exist.
func (k keyValueStore) Create(ctx context.Context, t *Target, want blueprint.KeyValueStoreSpec) (Attributes, error) {
	_, err := k.AWS.CloudFront.CreateKeyValueStore(ctx, &cloudfront.CreateKeyValueStoreInput{Name: &t.Name, Tags: edgeTags(t.Tags)})
	if code(err) == "EntityAlreadyExists" {
		return nil, ErrPresent
	}
	if err != nil {
		return nil, err
	}
	return k.fill(ctx, t, want, false)
}

// Update copies all values anew.
func (k keyValueStore) Update(ctx context.Context, t *Target, want blueprint.KeyValueStoreSpec, live *Live[blueprint.KeyValueStoreSpec], changed Changes) (Attributes, error) {
	if len(changed) == 0 && t.Attributes["values"] == live.Attributes["values"] {
		return live.Attributes, nil
	}
	return k.fill(ctx, t, want, true)
}

// fill copies the values, and notes it when that is done. sweep removes keys that
// should not be there.
func (k keyValueStore) fill(ctx context.Context, t *Target, want blueprint.KeyValueStoreSpec, sweep bool) (Attributes, error) {
	var now *cloudfront.DescribeKeyValueStoreOutput
	err := k.wait(ctx, "the key value store "+t.Name+" is ready", func(ctx context.Context) (_ bool, err error) {
		now, err = k.describe(ctx, t)
		return err == nil && aws.ToString(now.KeyValueStore.Status) == storeReady, err
	})
	if err != nil {
		return nil, err
	}
	before, err := k.attributes(ctx, now)
	if err != nil {
		return nil, err
	}
	in := &values.UpdateKeysInput{KvsARN: now.KeyValueStore.ARN, IfMatch: aws.String(before["values"])}
	for _, key := range sortedNames(want.Copies) {
		parameter, _, _ := strings.Cut(want.Copies[key], " ")
		value, err := k.AWS.SSM.GetParameter(ctx, &ssm.GetParameterInput{Name: &parameter, WithDecryption: aws.Bool(true)}, unlogged)
		if err != nil {
			return nil, step("read the value of "+key, err)
		}
		in.Puts = append(in.Puts, valuetypes.PutKeyRequestListItem{Key: &key, Value: value.Parameter.Value})
	}
	if sweep {
		if in.Deletes, err = k.strangers(ctx, in.KvsARN, want); err != nil {
			return nil, step("list the keys", err)
		}
	}
	if _, err := k.AWS.Values.UpdateKeys(ctx, in, unloggedValues); err != nil {
		return nil, step("copy the values", err)
	}
	if _, err := k.AWS.CloudFront.UpdateKeyValueStore(ctx, &cloudfront.UpdateKeyValueStoreInput{
		Name: &t.Name, IfMatch: now.ETag, Comment: storeComment(want.Contents),
	}); err != nil {
		return nil, step("note what was copied", err)
	}
	return k.attributes(ctx, now)
}

// strangers are the keys of the store that should not be there.
func (k keyValueStore) strangers(ctx context.Context, arn *string, want blueprint.KeyValueStoreSpec) ([]valuetypes.DeleteKeyRequestListItem, error) {
	var out []valuetypes.DeleteKeyRequestListItem
	for pages := values.NewListKeysPaginator(k.AWS.Values, &values.ListKeysInput{KvsARN: arn}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx, unloggedValues)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			if _, wanted := want.Copies[aws.ToString(item.Key)]; !wanted {
				out = append(out, valuetypes.DeleteKeyRequestListItem{Key: item.Key})
			}
		}
	}
	return out, nil
}

// unloggedValues keeps a call that carries values out of Terraform's log.
func unloggedValues(o *values.Options) {
	o.APIOptions = append(o.APIOptions, awsclient.Unlogged)
}

func (k keyValueStore) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	now, err := k.describe(ctx, t)
	if err != nil {
		return err
	}
	return k.setEdgeTags(ctx, aws.ToString(now.KeyValueStore.ARN), set, remove)
}

// Delete waits for a store that is still being made, and until it is gone.
func (k keyValueStore) Delete(ctx context.Context, t *Target) error {
	ctx, cancel := context.WithTimeoutCause(ctx, deletingStore, fmt.Errorf("it is still there after %s", deletingStore))
	defer cancel()
	return k.wait(ctx, "the key value store "+t.Name+" is gone", func(ctx context.Context) (bool, error) {
		now, err := k.describe(ctx, t)
		if errors.Is(err, ErrAbsent) {
			return true, nil
		}
		if err != nil || aws.ToString(now.KeyValueStore.Status) != storeReady {
			return false, err
		}
		_, err = k.AWS.CloudFront.DeleteKeyValueStore(ctx, &cloudfront.DeleteKeyValueStoreInput{Name: &t.Name, IfMatch: now.ETag})
		if code(err) == storeMissing {
			return true, nil
		}
		return err == nil, err
	})
}

// deletingStore bounds a deletion. CloudFront gives no figure for how long a store
// is being made.
const deletingStore = 5 * time.Minute
