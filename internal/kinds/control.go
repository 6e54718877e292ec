package kinds

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// ControlCalls is the number of API calls that reading one control costs.
const ControlCalls = 1

// ControlPermissions are what reading the controls in some items of a table
// takes: these items, and nothing of the table else (DynamoDB Developer Guide,
// "Using IAM policy conditions for fine-grained access control"). place, table
// and key must be resolved; key is the table's KMS key, empty where it has none.
func ControlPermissions(place blueprint.Place, items []string, table, key string) []Permission {
	out := []Permission{{
		Verbs: []Verb{Observing}, Actions: []string{"dynamodb:GetItem"},
		Resources: []string{"arn:" + place.Partition + ":dynamodb:" + place.Region + ":" + place.Account + ":table/" + table},
		Condition: blueprint.Condition{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": items}},
	}}
	if key != "" {
		out = append(out, Permission{Verbs: []Verb{Observing}, Actions: []string{"kms:Decrypt"}, Resources: []string{key}, Rare: byService})
	}
	return out
}

// Override reads what is set instead of an argument, in the table of that name;
// nil where nothing is. Whether it holds is for the control to say.
func (e Env) Override(ctx context.Context, c *blueprint.Control, table string) (*blueprint.Override, error) {
	out, err := e.AWS.DynamoDB.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &table, ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{c.PartitionKey: &types.AttributeValueMemberS{Value: c.Item}},
	})
	if tableMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if _, set := out.Item[c.Field]; !set {
		return nil, nil
	}
	var o blueprint.Override
	for _, f := range []struct {
		name   string
		moment bool
		into   *string
	}{{c.Field, c.Moment, &o.Value}, {"of", c.Moment, &o.InsteadOf}, {"by", false, &o.By}, {"at", true, &o.At}} {
		if *f.into, err = controlText(out.Item[f.name], f.moment); err != nil {
			return nil, fmt.Errorf("item %q of table %s: attribute %s: %w", c.Item, table, f.name, err)
		}
	}
	return &o, nil
}

// controlText renders an attribute as the control has it; one that is not there
// as nothing.
func controlText(v types.AttributeValue, moment bool) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case *types.AttributeValueMemberN:
		if !moment {
			return v.Value, nil
		}
		if ms, err := strconv.ParseInt(v.Value, 10, 64); err == nil {
			return blueprint.Time(time.UnixMilli(ms)), nil
		}
	case *types.AttributeValueMemberS:
		if !moment {
			return v.Value, nil
		}
	case *types.AttributeValueMemberBOOL:
		if !moment {
			return strconv.FormatBool(v.Value), nil
		}
	}
	if moment {
		return "", fmt.Errorf("it must be a number of milliseconds since 1970; correct or remove the item")
	}
	return "", fmt.Errorf("it must be a number, a text or a boolean; correct or remove the item")
}
