package kinds

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// ControlCalls is the number of API calls that reading the controls of one item costs.
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

// Overrides reads what is set instead of arguments whose controls are in one item
// of the table of that name, by their arguments. Whether it holds is for the control
// to say.
func (e Env) Overrides(ctx context.Context, controls []*blueprint.Control, table string) (map[string]blueprint.Override, error) {
	at := controls[0]
	out, err := e.AWS.DynamoDB.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &table, ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{at.PartitionKey: &types.AttributeValueMemberS{Value: at.Item}},
	})
	if tableMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := map[string]blueprint.Override{}
	for _, c := range controls {
		item := out.Item
		if c.Within != "" {
			if item, err = within(out.Item[c.Within], c.Field); err != nil {
				return nil, fmt.Errorf("item %q of table %s: attribute %s: %w", c.Item, table, c.Within, err)
			}
		}
		if _, set := item[c.Field]; !set {
			continue
		}
		var o blueprint.Override
		for _, f := range []struct {
			name   string
			moment bool
			into   *string
		}{{c.Field, c.Moment, &o.Value}, {"of", c.Moment, &o.InsteadOf}, {"by", false, &o.By}, {"at", true, &o.At}} {
			if *f.into, err = controlText(item[f.name], f.moment); err != nil {
				return nil, fmt.Errorf("item %q of table %s: attribute %s: %w", c.Item, table, f.name, err)
			}
		}
		found[c.Argument] = o
	}
	return found, nil
}

// within is one override of a JSON object with many, as an item has one; nothing
// where there is none.
func within(v types.AttributeValue, field string) (map[string]types.AttributeValue, error) {
	text, ok := v.(*types.AttributeValueMemberS)
	if !ok {
		return nil, nil
	}
	var all map[string]any
	decoder := json.NewDecoder(strings.NewReader(text.Value))
	decoder.UseNumber()
	if err := decoder.Decode(&all); err != nil {
		return nil, fmt.Errorf("it is no JSON object: %w", err)
	}
	one, ok := all[field].(map[string]any)
	if !ok {
		return nil, nil
	}
	item := map[string]types.AttributeValue{}
	for name, value := range map[string]any{field: one["to"], "of": one["of"], "by": all["by"], "at": all["at"]} {
		switch value := value.(type) {
		case json.Number:
			item[name] = &types.AttributeValueMemberN{Value: value.String()}
		case string:
			item[name] = &types.AttributeValueMemberS{Value: value}
		case bool:
			item[name] = &types.AttributeValueMemberBOOL{Value: value}
		}
	}
	return item, nil
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
