package kinds

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// table manages DynamoDB tables.
type table struct{ Env }

func (table) Facts() Facts {
	own := []string{"arn:{partition}:dynamodb:{region}:{account}:table/{name}"}
	return Facts{
		ObserveCalls: 3,
		Permissions: []Permission{
			{[]Verb{Observing}, []string{"dynamodb:DescribeTable", "dynamodb:DescribeContinuousBackups", "dynamodb:ListTagsOfResource"}, own},
			{[]Verb{Creating}, []string{"dynamodb:CreateTable", "dynamodb:TagResource", "dynamodb:DescribeTable", "dynamodb:UpdateContinuousBackups"}, own},
			{[]Verb{Updating}, []string{"dynamodb:UpdateTable", "dynamodb:UpdateContinuousBackups", "dynamodb:TagResource", "dynamodb:UntagResource"}, own},
			{[]Verb{Deleting}, []string{"dynamodb:DescribeTable", "dynamodb:UpdateTable", "dynamodb:DeleteTable"}, own},
		},
		Transient: []Transient{
			{"ResourceInUseException", "", "the table is being created, changed or deleted (DynamoDB API Reference, UpdateTable)"},
			{"ContinuousBackupsUnavailableException", "", "backups of a new table are being enabled (DynamoDB API Reference, UpdateContinuousBackups)"},
			{"LimitExceededException", "", "too many tables are being changed at once (DynamoDB API Reference, CreateTable)"},
		},
	}
}

// tableMissing reports that there is no such table.
func tableMissing(err error) bool {
	var missing *types.ResourceNotFoundException
	var noTable *types.TableNotFoundException
	return errors.As(err, &missing) || errors.As(err, &noTable)
}

func (k table) describe(ctx context.Context, name string) (*types.TableDescription, error) {
	out, err := k.AWS.DynamoDB.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if tableMissing(err) {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	return out.Table, nil
}

func (k table) Observe(ctx context.Context, t *Target) (*Live[blueprint.TableSpec], error) {
	d, err := k.describe(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	if d.TableStatus == types.TableStatusDeleting {
		return nil, ErrAbsent
	}
	s := blueprint.TableSpec{BillingMode: string(types.BillingModeProvisioned), DeletionProtection: aws.ToBool(d.DeletionProtectionEnabled)}
	for _, key := range d.KeySchema {
		if key.KeyType == types.KeyTypeHash {
			s.PartitionKey = aws.ToString(key.AttributeName)
		}
	}
	if d.BillingModeSummary != nil {
		s.BillingMode = string(d.BillingModeSummary.BillingMode)
	}
	if e := d.SSEDescription; e != nil && (e.Status == types.SSEStatusEnabled || e.Status == types.SSEStatusEnabling || e.Status == types.SSEStatusUpdating) {
		s.KMSKeyARN = aws.ToString(e.KMSMasterKeyArn)
	}
	backups, err := k.AWS.DynamoDB.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &t.Name})
	if tableMissing(err) {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	if c := backups.ContinuousBackupsDescription; c != nil && c.PointInTimeRecoveryDescription != nil {
		s.PointInTimeRecovery = c.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus == types.PointInTimeRecoveryStatusEnabled
	}
	tags, err := k.tags(ctx, aws.ToString(d.TableArn))
	if err != nil {
		return nil, err
	}
	return &Live[blueprint.TableSpec]{Spec: s, Attributes: Attributes{}, Tags: tags}, nil
}

func (k table) tags(ctx context.Context, arn string) (map[string]string, error) {
	tags := map[string]string{}
	in := &dynamodb.ListTagsOfResourceInput{ResourceArn: &arn}
	for {
		out, err := k.AWS.DynamoDB.ListTagsOfResource(ctx, in)
		if tableMissing(err) {
			return nil, ErrAbsent
		}
		if err != nil {
			return nil, err
		}
		for _, tag := range out.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		if out.NextToken == nil {
			return tags, nil
		}
		in.NextToken = out.NextToken
	}
}

func (k table) Create(ctx context.Context, t *Target, want blueprint.TableSpec) (Attributes, error) {
	in := &dynamodb.CreateTableInput{
		TableName: &t.Name, BillingMode: types.BillingMode(want.BillingMode), Tags: tableTags(t.Tags),
		AttributeDefinitions:      []types.AttributeDefinition{{AttributeName: &want.PartitionKey, AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:                 []types.KeySchemaElement{{AttributeName: &want.PartitionKey, KeyType: types.KeyTypeHash}},
		DeletionProtectionEnabled: &want.DeletionProtection,
	}
	if want.KMSKeyARN != "" {
		in.SSESpecification = encryption(want)
	}
	_, err := k.AWS.DynamoDB.CreateTable(ctx, in)
	var inUse *types.ResourceInUseException
	if errors.As(err, &inUse) {
		return nil, ErrPresent
	}
	if err != nil {
		return nil, err
	}
	if err := k.active(ctx, t.Name); err != nil {
		return nil, err
	}
	if want.PointInTimeRecovery {
		return Attributes{}, k.recover(ctx, t.Name, true)
	}
	return Attributes{}, nil
}

func (k table) active(ctx context.Context, name string) error {
	return k.wait(ctx, "table "+name+" is active", func(ctx context.Context) (bool, error) {
		d, err := k.describe(ctx, name)
		if err != nil {
			return false, err
		}
		return d.TableStatus == types.TableStatusActive, nil
	})
}

func (k table) recover(ctx context.Context, name string, on bool) error {
	_, err := k.AWS.DynamoDB.UpdateContinuousBackups(ctx, &dynamodb.UpdateContinuousBackupsInput{
		TableName: &name, PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: &on},
	})
	return err
}

// encryption is by the customer's key, or by DynamoDB's own where there is none.
func encryption(s blueprint.TableSpec) *types.SSESpecification {
	if s.KMSKeyARN == "" {
		return &types.SSESpecification{Enabled: aws.Bool(false)}
	}
	return &types.SSESpecification{Enabled: aws.Bool(true), SSEType: types.SSETypeKms, KMSMasterKeyId: &s.KMSKeyARN}
}

func tableTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, name := range sortedNames(tags) {
		out = append(out, types.Tag{Key: &name, Value: aws.String(tags[name])})
	}
	return out
}

// Update makes one change at a time: DynamoDB takes only one sort of change in
// an UpdateTable (DynamoDB API Reference, UpdateTable).
func (k table) Update(ctx context.Context, t *Target, want blueprint.TableSpec, live *Live[blueprint.TableSpec], changed Changes) (Attributes, error) {
	if err := k.active(ctx, t.Name); err != nil {
		return nil, err
	}
	var changes []*dynamodb.UpdateTableInput
	if changed.Any("deletion_protection") {
		changes = append(changes, &dynamodb.UpdateTableInput{DeletionProtectionEnabled: &want.DeletionProtection})
	}
	if changed.Any("billing_mode") {
		changes = append(changes, &dynamodb.UpdateTableInput{BillingMode: types.BillingMode(want.BillingMode)})
	}
	if changed.Any("kms_key") {
		changes = append(changes, &dynamodb.UpdateTableInput{SSESpecification: encryption(want)})
	}
	for _, in := range changes {
		in.TableName = &t.Name
		if _, err := k.AWS.DynamoDB.UpdateTable(ctx, in); err != nil {
			return nil, err
		}
		if err := k.active(ctx, t.Name); err != nil {
			return nil, err
		}
	}
	if changed.Any("point_in_time_recovery") {
		return live.Attributes, k.recover(ctx, t.Name, want.PointInTimeRecovery)
	}
	return live.Attributes, nil
}

func (k table) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	d, err := k.describe(ctx, t.Name)
	if err != nil {
		return err
	}
	if len(set) > 0 {
		if _, err := k.AWS.DynamoDB.TagResource(ctx, &dynamodb.TagResourceInput{ResourceArn: d.TableArn, Tags: tableTags(set)}); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	_, err = k.AWS.DynamoDB.UntagResource(ctx, &dynamodb.UntagResourceInput{ResourceArn: d.TableArn, TagKeys: remove})
	return err
}

// Delete lifts the protection only where it may.
func (k table) Delete(ctx context.Context, t *Target) error {
	d, err := k.describe(ctx, t.Name)
	if errors.Is(err, ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	if d.TableStatus != types.TableStatusDeleting {
		if t.Force && aws.ToBool(d.DeletionProtectionEnabled) {
			if _, err := k.AWS.DynamoDB.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &t.Name, DeletionProtectionEnabled: aws.Bool(false)}); err != nil {
				return err
			}
			if err := k.active(ctx, t.Name); err != nil {
				return err
			}
		}
		if _, err := k.AWS.DynamoDB.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &t.Name}); err != nil && !tableMissing(err) {
			return err
		}
	}
	return k.wait(ctx, "table "+t.Name+" is gone", func(ctx context.Context) (bool, error) {
		_, err := k.describe(ctx, t.Name)
		if errors.Is(err, ErrAbsent) {
			return true, nil
		}
		return false, err
	})
}
