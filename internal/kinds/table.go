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
		ObserveCalls: 4,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{"dynamodb:DescribeTable", "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTimeToLive", "dynamodb:ListTagsOfResource"}, Resources: own},
			{Verbs: []Verb{Creating}, Actions: []string{"dynamodb:CreateTable", "dynamodb:TagResource", "dynamodb:DescribeTable", "dynamodb:UpdateContinuousBackups"}, Resources: own},
			{Verbs: []Verb{Updating}, Actions: []string{"dynamodb:UpdateTable", "dynamodb:DescribeTable", "dynamodb:UpdateContinuousBackups", "dynamodb:TagResource", "dynamodb:UntagResource"}, Resources: own},
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"dynamodb:UpdateTimeToLive"}, Resources: own, If: "ttl_attribute"},
			{Verbs: []Verb{Updating}, Actions: []string{"dynamodb:UpdateTimeToLive"}, Resources: own, Unless: "ttl_attribute", Rare: "only where items expired once, or somebody else has made them"},
			// What DynamoDB does with the key in the caller's name (DynamoDB
			// Developer Guide, "DynamoDB encryption at rest: usage notes").
			{Verbs: []Verb{Creating, Updating}, Actions: []string{
				"kms:DescribeKey", "kms:CreateGrant", "kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo",
				"kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
			}, Resources: []string{"{kms_key}"}, Rare: byService},
			{Verbs: []Verb{Deleting}, Actions: []string{"dynamodb:DescribeTable", "dynamodb:UpdateTable", "dynamodb:DeleteTable"}, Resources: own},
		},
		Transient: []Transient{
			{"ResourceInUseException", "", "the table is being created, changed or deleted (DynamoDB API Reference, UpdateTable)"},
			{"ResourceNotFoundException", "", "a table just made is not known everywhere yet (DynamoDB API Reference, DescribeTable)"},
			{"TableNotFoundException", "", "the same, for its backups"},
			{"ContinuousBackupsUnavailableException", "", "backups of a new table are being enabled (DynamoDB API Reference, UpdateContinuousBackups)"},
			{"LimitExceededException", "simultaneously", "too many tables are being changed at once (DynamoDB API Reference, CreateTable)"},
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

// Observe takes a table under deletion for absent. One still being made, after
// an apply that was cut off, is waited for, so that dependants can rely on it.
func (k table) Observe(ctx context.Context, t *Target) (*Live[blueprint.TableSpec], error) {
	arn, err := k.arn(ctx, "dynamodb", "table/"+t.Name)
	if err != nil {
		return nil, err
	}
	// Whether there is a table is asked first: for the tags of one that does not
	// exist the answer is AccessDeniedException.
	described, err := k.describe(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	switch described.TableStatus {
	case types.TableStatusDeleting:
		return nil, ErrAbsent
	case types.TableStatusCreating:
		if err := k.active(ctx, t.Name); err != nil {
			return nil, err
		}
		return k.Observe(ctx, t)
	}
	live := &Live[blueprint.TableSpec]{Spec: tableSpec(described), Attributes: tableAttributes(described), Tags: map[string]string{}}
	err = together(ctx,
		func(ctx context.Context) (err error) {
			live.Spec.PointInTimeRecovery, err = k.recovery(ctx, t.Name)
			return err
		},
		func(ctx context.Context) (err error) {
			live.Spec.TTLAttribute, err = k.expiry(ctx, t.Name)
			return err
		},
		func(ctx context.Context) error { return k.tags(ctx, arn, live.Tags) })
	if err != nil {
		return nil, err
	}
	return live, nil
}

// tableAttributes has the ARN of the stream, where the table has one. A stream
// that was switched off keeps its ARN for a day (DynamoDB API Reference,
// TableDescription, LatestStreamArn).
func tableAttributes(d *types.TableDescription) Attributes {
	if tableStream(d) == "" {
		return Attributes{}
	}
	return Attributes{"stream_arn": aws.ToString(d.LatestStreamArn)}
}

// tableStream is the view type of a table's stream; empty where it has none.
func tableStream(d *types.TableDescription) string {
	if d.StreamSpecification == nil || !aws.ToBool(d.StreamSpecification.StreamEnabled) {
		return ""
	}
	return string(d.StreamSpecification.StreamViewType)
}

func tableSpec(d *types.TableDescription) blueprint.TableSpec {
	s := blueprint.TableSpec{BillingMode: string(types.BillingModeProvisioned), DeletionProtection: aws.ToBool(d.DeletionProtectionEnabled), StreamViewType: tableStream(d)}
	// Without a summary the table has always been provisioned (DynamoDB API
	// Reference, BillingModeSummary).
	if d.BillingModeSummary != nil {
		s.BillingMode = string(d.BillingModeSummary.BillingMode)
	}
	if p := d.ProvisionedThroughput; p != nil && s.BillingMode == blueprint.Provisioned {
		s.Reads, s.Writes = int(aws.ToInt64(p.ReadCapacityUnits)), int(aws.ToInt64(p.WriteCapacityUnits))
	}
	if w := d.WarmThroughput; w != nil {
		s.WarmReads, s.WarmWrites = int(aws.ToInt64(w.ReadUnitsPerSecond)), int(aws.ToInt64(w.WriteUnitsPerSecond))
	}
	// No bound is -1, or no figure at all (DynamoDB API Reference,
	// OnDemandThroughput). It binds a table on demand alone.
	if m := d.OnDemandThroughput; m != nil && s.BillingMode == blueprint.OnDemand {
		s.MaxReads, s.MaxWrites = int(max(0, aws.ToInt64(m.MaxReadRequestUnits))), int(max(0, aws.ToInt64(m.MaxWriteRequestUnits)))
	}
	for _, key := range d.KeySchema {
		if key.KeyType == types.KeyTypeHash {
			s.PartitionKey = aws.ToString(key.AttributeName)
		} else {
			s.SortKey = aws.ToString(key.AttributeName)
		}
	}
	// Tables under DynamoDB's own key have no description of their encryption.
	if e := d.SSEDescription; e != nil && e.Status != types.SSEStatusDisabled && e.Status != types.SSEStatusDisabling {
		s.KMSKeyARN = aws.ToString(e.KMSMasterKeyArn)
	}
	return s
}

// recovery reports whether point-in-time recovery is on. That the table is
// missing is for describe to say.
func (k table) recovery(ctx context.Context, name string) (bool, error) {
	out, err := k.AWS.DynamoDB.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &name})
	if tableMissing(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	d := out.ContinuousBackupsDescription
	return d != nil && d.PointInTimeRecoveryDescription != nil &&
		d.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus == types.PointInTimeRecoveryStatusEnabled, nil
}

func (k table) tags(ctx context.Context, arn string, into map[string]string) error {
	in := &dynamodb.ListTagsOfResourceInput{ResourceArn: &arn}
	for {
		out, err := k.AWS.DynamoDB.ListTagsOfResource(ctx, in)
		if tableMissing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, tag := range out.Tags {
			into[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		if out.NextToken == nil {
			return nil
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
	if want.SortKey != "" {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: &want.SortKey, AttributeType: types.ScalarAttributeTypeS})
		in.KeySchema = append(in.KeySchema, types.KeySchemaElement{AttributeName: &want.SortKey, KeyType: types.KeyTypeRange})
	}
	if want.StreamViewType != "" {
		in.StreamSpecification = streaming(want.StreamViewType)
	}
	if want.KMSKeyARN != "" {
		in.SSESpecification = encryption(want)
	}
	if want.BillingMode == blueprint.Provisioned {
		in.ProvisionedThroughput = capacity(want)
	}
	if want.WarmReads+want.WarmWrites > 0 {
		in.WarmThroughput = warm(want, blueprint.TableSpec{})
	}
	if want.MaxReads+want.MaxWrites > 0 {
		in.OnDemandThroughput = maximum(want)
	}
	_, err := k.AWS.DynamoDB.CreateTable(ctx, in)
	var inUse *types.ResourceInUseException
	if errors.As(err, &inUse) {
		return nil, ErrPresent
	}
	if err != nil {
		return nil, err
	}
	if err := k.known(ctx, t.Name); err != nil {
		return nil, err
	}
	if err := k.active(ctx, t.Name); err != nil {
		return nil, err
	}
	if want.TTLAttribute != "" {
		if err := k.expire(ctx, t.Name, "", want.TTLAttribute); err != nil {
			return nil, err
		}
	}
	if want.PointInTimeRecovery {
		if err := k.recover(ctx, t.Name, true); err != nil {
			return nil, err
		}
	}
	return k.attributes(ctx, t.Name, want)
}

// attributes are those of a table just made or changed.
func (k table) attributes(ctx context.Context, name string, want blueprint.TableSpec) (Attributes, error) {
	if want.StreamViewType == "" {
		return Attributes{}, nil
	}
	d, err := k.describe(ctx, name)
	if err != nil {
		return nil, err
	}
	return tableAttributes(d), nil
}

// streaming asks for a stream with that view type, or for none.
func streaming(view string) *types.StreamSpecification {
	if view == "" {
		return &types.StreamSpecification{StreamEnabled: aws.Bool(false)}
	}
	return &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewType(view)}
}

// known waits until DescribeTable finds a table just made: it is eventually
// consistent (DynamoDB API Reference, DescribeTable).
func (k table) known(ctx context.Context, name string) error {
	return k.wait(ctx, "table "+name+" is known", func(ctx context.Context) (bool, error) {
		_, err := k.describe(ctx, name)
		if errors.Is(err, ErrAbsent) {
			return false, nil
		}
		return true, err
	})
}

func (k table) active(ctx context.Context, name string) error {
	return k.wait(ctx, "table "+name+" is active", func(ctx context.Context) (bool, error) {
		d, err := k.describe(ctx, name)
		if err != nil {
			return false, err
		}
		// Warm throughput is made ready while the table is in use (DynamoDB
		// Developer Guide, "Increase your existing DynamoDB table's warm throughput").
		warming := d.WarmThroughput != nil && d.WarmThroughput.Status == types.TableStatusUpdating
		return d.TableStatus == types.TableStatusActive && !warming, nil
	})
}

func (k table) recover(ctx context.Context, name string, on bool) error {
	_, err := k.AWS.DynamoDB.UpdateContinuousBackups(ctx, &dynamodb.UpdateContinuousBackupsInput{
		TableName: &name, PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: &on},
	})
	return step("set point-in-time recovery", err)
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
	steps := []struct {
		needed bool
		doing  string
		in     dynamodb.UpdateTableInput
	}{
		{changed.Any("deletion_protection"), "set deletion protection", dynamodb.UpdateTableInput{DeletionProtectionEnabled: &want.DeletionProtection}},
		{changed.Any("billing_mode"), "set the billing mode", billing(want)},
		{changed.Any("read_capacity", "write_capacity") && !changed.Any("billing_mode"), "set the capacity", dynamodb.UpdateTableInput{ProvisionedThroughput: capacity(want)}},
		{changed.Any("warm_reads", "warm_writes"), "raise the warm throughput", dynamodb.UpdateTableInput{WarmThroughput: warm(want, live.Spec)}},
		{changed.Any("maximum_reads", "maximum_writes") && want.BillingMode == blueprint.OnDemand, "set the maximum throughput", dynamodb.UpdateTableInput{OnDemandThroughput: maximum(want)}},
		{changed.Any("kms_key"), "set the KMS key", dynamodb.UpdateTableInput{SSESpecification: encryption(want)}},
		// A stream's view type is changed by making another stream (DynamoDB
		// Developer Guide, "Change data capture for DynamoDB Streams").
		{changed.Any("stream_view_type") && live.Spec.StreamViewType != "", "switch the stream off", dynamodb.UpdateTableInput{StreamSpecification: streaming("")}},
		{changed.Any("stream_view_type") && want.StreamViewType != "", "switch the stream on", dynamodb.UpdateTableInput{StreamSpecification: streaming(want.StreamViewType)}},
	}
	for _, s := range steps {
		if !s.needed {
			continue
		}
		if err := k.change(ctx, t.Name, &s.in); err != nil {
			return nil, step(s.doing, seldom(err))
		}
	}
	if changed.Any("ttl_attribute") {
		if err := k.expire(ctx, t.Name, live.Spec.TTLAttribute, want.TTLAttribute); err != nil {
			return nil, err
		}
	}
	if changed.Any("point_in_time_recovery") {
		if err := k.recover(ctx, t.Name, want.PointInTimeRecovery); err != nil {
			return nil, err
		}
	}
	if changed.Any("stream_view_type") {
		return k.attributes(ctx, t.Name, want)
	}
	return live.Attributes, nil
}

func (k table) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	arn, err := k.arn(ctx, "dynamodb", "table/"+t.Name)
	if err != nil {
		return err
	}
	if len(set) > 0 {
		if _, err := k.AWS.DynamoDB.TagResource(ctx, &dynamodb.TagResourceInput{ResourceArn: &arn, Tags: tableTags(set)}); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	_, err = k.AWS.DynamoDB.UntagResource(ctx, &dynamodb.UntagResourceInput{ResourceArn: &arn, TagKeys: remove})
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
			if err := k.change(ctx, t.Name, &dynamodb.UpdateTableInput{DeletionProtectionEnabled: aws.Bool(false)}); err != nil {
				return step("lift deletion protection", err)
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
