package kinds

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// expiry returns the attribute by which items expire; empty where none do. A
// change that DynamoDB still works on counts as made.
func (k table) expiry(ctx context.Context, name string) (string, error) {
	out, err := k.AWS.DynamoDB.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if tableMissing(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	d := out.TimeToLiveDescription
	if d == nil || d.TimeToLiveStatus != types.TimeToLiveStatusEnabled && d.TimeToLiveStatus != types.TimeToLiveStatusEnabling {
		return "", nil
	}
	return aws.ToString(d.AttributeName), nil
}

// expire makes items expire by the attribute want instead of have; either may be
// empty. Another attribute takes two changes, and DynamoDB takes one an hour
// (DynamoDB API Reference, UpdateTimeToLive): the second comes with a later
// apply.
func (k table) expire(ctx context.Context, name, have, want string) error {
	if have != "" {
		if err := k.setExpiry(ctx, name, have, false); err != nil {
			return err
		}
	}
	if want == "" {
		return nil
	}
	return k.setExpiry(ctx, name, want, true)
}

func (k table) setExpiry(ctx context.Context, name, attribute string, on bool) error {
	_, err := k.AWS.DynamoDB.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName: &name, TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: &attribute, Enabled: &on},
	})
	if code(err) != "ValidationException" {
		return step("set the time to live", err)
	}
	// Where an answer was lost, the change is made already and refused as such.
	now, look := k.expiry(ctx, name)
	if look == nil && (on && now == attribute || !on && now == "") {
		return nil
	}
	return fmt.Errorf("set the time to live: DynamoDB takes one change of it an hour for each table; where that is why it refuses, wait an hour after the last change, then apply again: %w", err)
}
