package kinds

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// logGroup manages CloudWatch log groups.
type logGroup struct{ Env }

const logGroupMissing = "ResourceNotFoundException"

func (logGroup) Facts() Facts {
	// Tagging goes by the ARN without the suffix, all else by the one with it
	// (CloudWatch Logs User Guide, "Identity and access management", resource
	// ARNs).
	tagged := []string{"arn:{partition}:logs:{region}:{account}:log-group:{name}"}
	own := []string{tagged[0] + ":*"}
	return Facts{
		ObserveCalls: 1, BatchCalls: 1,
		Permissions: []Permission{
			// Listing has no resource of its own (Service Authorization Reference, Amazon CloudWatch Logs).
			{Verbs: []Verb{Observing}, Actions: []string{"logs:DescribeLogGroups"}, Resources: []string{"*"}},
			{Verbs: []Verb{Observing}, Actions: []string{"logs:ListTagsForResource"}, Resources: tagged},
			{Verbs: []Verb{Creating}, Actions: []string{"logs:CreateLogGroup", "logs:PutRetentionPolicy"}, Resources: own},
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"logs:TagResource"}, Resources: tagged},
			{Verbs: []Verb{Updating}, Actions: []string{"logs:UntagResource"}, Resources: tagged},
			{Verbs: []Verb{Updating}, Actions: []string{"logs:PutRetentionPolicy"}, Resources: own},
			{Verbs: []Verb{Updating}, Actions: []string{"logs:DeleteRetentionPolicy"}, Resources: own, Rare: "no system keeps its logs for ever"},
			{Verbs: []Verb{Updating}, Actions: []string{"logs:AssociateKmsKey", "logs:DisassociateKmsKey"}, Resources: own, Rare: "only where the key changes, be it by hand"},
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"kms:DescribeKey"}, Resources: []string{"{kms_key}"}, Rare: byService},
			{Verbs: []Verb{Deleting}, Actions: []string{"logs:DeleteLogGroup"}, Resources: own},
		},
		Transient: []Transient{
			{"OperationAbortedException", "", "another request changes the log group (CloudWatch Logs API Reference, CreateLogGroup)"},
		},
	}
}

func (k logGroup) Observe(ctx context.Context, t *Target) (*Live[blueprint.LogGroupSpec], error) {
	return one(ctx, t, k.ObserveAll)
}

// ObserveAll lists the groups that begin as all the names do, which takes one
// call where there are at most fifty.
func (k logGroup) ObserveAll(ctx context.Context, targets []*Target) ([]*Live[blueprint.LogGroupSpec], error) {
	in := &cloudwatchlogs.DescribeLogGroupsInput{}
	if prefix := commonPrefix(targets); prefix != "" {
		in.LogGroupNamePrefix = &prefix
	}
	found := map[string]types.LogGroup{}
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(k.AWS.Logs, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, g := range page.LogGroups {
			found[aws.ToString(g.LogGroupName)] = g
		}
	}
	return each(ctx, targets, func(ctx context.Context, t *Target) (*Live[blueprint.LogGroupSpec], error) {
		g, ok := found[t.Name]
		if !ok {
			return nil, nil
		}
		arn, err := k.logGroupARN(ctx, t)
		if err != nil {
			return nil, err
		}
		tags, err := k.AWS.Logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: &arn})
		if code(err) == logGroupMissing {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return &Live[blueprint.LogGroupSpec]{
			Spec:       blueprint.LogGroupSpec{RetentionDays: int(aws.ToInt32(g.RetentionInDays)), KMSKeyARN: aws.ToString(g.KmsKeyId)},
			Attributes: Attributes{}, Tags: tags.Tags,
		}, nil
	})
}

// commonPrefix returns what the names of all targets begin with.
func commonPrefix(targets []*Target) string {
	if len(targets) == 0 {
		return ""
	}
	prefix := targets[0].Name
	for _, t := range targets[1:] {
		n := 0
		for n < len(prefix) && n < len(t.Name) && prefix[n] == t.Name[n] {
			n++
		}
		prefix = prefix[:n]
	}
	return prefix
}

// logGroupARN returns the ARN as tagging takes it: without the ":*" that
// DescribeLogGroups puts at its end.
func (k logGroup) logGroupARN(ctx context.Context, t *Target) (string, error) {
	return k.arn(ctx, "logs", "log-group:"+t.Name)
}

func (k logGroup) Create(ctx context.Context, t *Target, want blueprint.LogGroupSpec) (Attributes, error) {
	in := &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &t.Name, Tags: t.Tags}
	if want.KMSKeyARN != "" {
		in.KmsKeyId = &want.KMSKeyARN
	}
	_, err := k.AWS.Logs.CreateLogGroup(ctx, in)
	if code(err) == "ResourceAlreadyExistsException" {
		return nil, ErrPresent
	}
	if err != nil {
		return nil, err
	}
	return Attributes{}, k.retain(ctx, t, want.RetentionDays)
}

// retain sets how long the group keeps its events; 0 days is for ever.
func (k logGroup) retain(ctx context.Context, t *Target, days int) error {
	if days == 0 {
		_, err := k.AWS.Logs.DeleteRetentionPolicy(ctx, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: &t.Name})
		return step("remove the retention", err)
	}
	_, err := k.AWS.Logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{
		LogGroupName: &t.Name, RetentionInDays: aws.Int32(int32(days)), //nolint:gosec // one of CloudWatch Logs' periods
	})
	return step("set the retention", err)
}

func (k logGroup) Update(ctx context.Context, t *Target, want blueprint.LogGroupSpec, live *Live[blueprint.LogGroupSpec], changed Changes) (Attributes, error) {
	if changed.Any("kms_key") {
		if err := k.encrypt(ctx, t, want.KMSKeyARN); err != nil {
			return nil, err
		}
	}
	if changed.Any("retention") {
		if err := k.retain(ctx, t, want.RetentionDays); err != nil {
			return nil, err
		}
	}
	return live.Attributes, nil
}

func (k logGroup) encrypt(ctx context.Context, t *Target, key string) error {
	if key == "" {
		_, err := k.AWS.Logs.DisassociateKmsKey(ctx, &cloudwatchlogs.DisassociateKmsKeyInput{LogGroupName: &t.Name})
		return step("remove the KMS key", err)
	}
	_, err := k.AWS.Logs.AssociateKmsKey(ctx, &cloudwatchlogs.AssociateKmsKeyInput{LogGroupName: &t.Name, KmsKeyId: &key})
	return step("set the KMS key", err)
}

func (k logGroup) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	arn, err := k.logGroupARN(ctx, t)
	if err != nil {
		return err
	}
	if len(set) > 0 {
		if _, err := k.AWS.Logs.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: &arn, Tags: set}); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	_, err = k.AWS.Logs.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: &arn, TagKeys: remove})
	return err
}

func (k logGroup) Delete(ctx context.Context, t *Target) error {
	_, err := k.AWS.Logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &t.Name})
	if code(err) == logGroupMissing {
		return nil
	}
	return err
}
