package kinds

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// seldom says what to do where DynamoDB refuses a change because there were
// others: a table becomes one on demand up to four times in 24 hours (DynamoDB
// Developer Guide, "Considerations when switching capacity modes"), and its
// capacity is lowered some 27 times a day (Service, account, and table quotas in
// Amazon DynamoDB).
func seldom(err error) error {
	if code(err) != "LimitExceededException" || containsFold(err.Error(), "simultaneously") {
		return err
	}
	return fmt.Errorf("DynamoDB bounds how often a table's mode and capacity change in a day, and this table has used that up: wait, then apply again: %w", err)
}

// billing changes the mode, with the capacity that a provisioned table begins
// with.
func billing(s blueprint.TableSpec) dynamodb.UpdateTableInput {
	in := dynamodb.UpdateTableInput{BillingMode: types.BillingMode(s.BillingMode)}
	if s.BillingMode == blueprint.Provisioned {
		in.ProvisionedThroughput = capacity(s)
	}
	return in
}

func capacity(s blueprint.TableSpec) *types.ProvisionedThroughput {
	return &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(int64(s.Reads)), WriteCapacityUnits: aws.Int64(int64(s.Writes))}
}

// warm asks only for more than the table has: DynamoDB refuses less.
func warm(want, have blueprint.TableSpec) *types.WarmThroughput {
	var w types.WarmThroughput
	if want.WarmReads > have.WarmReads {
		w.ReadUnitsPerSecond = aws.Int64(int64(want.WarmReads))
	}
	if want.WarmWrites > have.WarmWrites {
		w.WriteUnitsPerSecond = aws.Int64(int64(want.WarmWrites))
	}
	return &w
}

// maximum has -1 for no bound (DynamoDB API Reference, OnDemandThroughput).
func maximum(s blueprint.TableSpec) *types.OnDemandThroughput {
	units := func(n int) *int64 {
		if n == 0 {
			n = -1
		}
		return aws.Int64(int64(n))
	}
	return &types.OnDemandThroughput{MaxReadRequestUnits: units(s.MaxReads), MaxWriteRequestUnits: units(s.MaxWrites)}
}

func (k table) change(ctx context.Context, name string, in *dynamodb.UpdateTableInput) error {
	in.TableName = &name
	if _, err := k.AWS.DynamoDB.UpdateTable(ctx, in, func(o *dynamodb.Options) { o.Retryer = limitAware{o.Retryer} }); err != nil {
		return err
	}
	return k.active(ctx, name)
}

// limitAware leaves a limit to the engine. The SDK takes it for throttling and
// would repeat for minutes what the day's changes forbid.
type limitAware struct{ aws.Retryer }

func (r limitAware) IsErrorRetryable(err error) bool {
	return code(err) != "LimitExceededException" && r.Retryer.IsErrorRetryable(err)
}
