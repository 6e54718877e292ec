package kinds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// tableItem manages single items of tables of the same system. A part's name is
// "<table>/<partition key>=<key>". An item carries the mark of its owner and the
// names of the attributes that are ours; all others are left alone.
type tableItem struct{ Env }

func (tableItem) Facts() Facts {
	own := []string{"arn:{partition}:dynamodb:{region}:{account}:table/{table}"}
	return Facts{
		Ownership: OwnedByMark, BatchCalls: 1,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{"dynamodb:BatchGetItem"}, Resources: own},
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"dynamodb:UpdateItem"}, Resources: own},
			{Verbs: []Verb{Deleting}, Actions: []string{"dynamodb:DeleteItem"}, Resources: own},
			// DynamoDB reads and writes in the caller's name (DynamoDB Developer
			// Guide, "DynamoDB encryption at rest: usage notes").
			{Verbs: []Verb{Observing, Creating, Updating, Deleting}, Actions: []string{"kms:Decrypt"}, Resources: []string{"{kms_key}"}, Rare: byService},
		},
		Transient: []Transient{
			{"TransactionConflictException", "", "a transaction on the item is under way (DynamoDB API Reference, UpdateItem)"},
			{"ResourceNotFoundException", "", "a table just made is not known everywhere yet (DynamoDB API Reference, DescribeTable)"},
		},
	}
}

// itemsPerCall is the greatest number of items of one BatchGetItem (DynamoDB API
// Reference, BatchGetItem).
const itemsPerCall = 100

// place is where an item is.
type place struct{ table, attribute, key string }

func (p place) values() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{p.attribute: &types.AttributeValueMemberS{Value: p.key}}
}

func placeOf(t *Target) (place, error) {
	table, rest, hasTable := strings.Cut(t.Name, "/")
	attribute, key, hasKey := strings.Cut(rest, "=")
	if !hasTable || !hasKey {
		return place{}, fmt.Errorf("the name %q is not of the form table/attribute=key", t.Name)
	}
	return place{table, attribute, key}, nil
}

func (k tableItem) Observe(ctx context.Context, t *Target) (*Live[blueprint.TableItemSpec], error) {
	return one(ctx, t, k.ObserveAll)
}

// ObserveAll implements BatchObserver.
func (k tableItem) ObserveAll(ctx context.Context, targets []*Target) ([]*Live[blueprint.TableItemSpec], error) {
	places := make([]place, len(targets))
	for i, t := range targets {
		var err error
		if places[i], err = placeOf(t); err != nil {
			return nil, err
		}
	}
	found := map[place]map[string]types.AttributeValue{}
	for batch := range slices.Chunk(places, itemsPerCall) {
		err := k.read(ctx, batch, found)
		if tableMissing(err) {
			// Where several tables are asked, AWS does not say which one is missing.
			err = k.readEach(ctx, batch, found)
		}
		if err != nil {
			return nil, err
		}
	}
	out := make([]*Live[blueprint.TableItemSpec], len(targets))
	for i, p := range places {
		item, there := found[p]
		if !there {
			continue
		}
		var err error
		if out[i], err = liveItem(p, item); err != nil {
			return nil, fmt.Errorf("item %q of table %s: %w", p.key, p.table, err)
		}
	}
	return out, nil
}

// readEach reads table by table. A table that is not there has no items.
func (k tableItem) readEach(ctx context.Context, batch []place, found map[place]map[string]types.AttributeValue) error {
	byTable := map[string][]place{}
	for _, p := range batch {
		byTable[p.table] = append(byTable[p.table], p)
	}
	if len(byTable) == 1 {
		return nil
	}
	for _, places := range byTable {
		if err := k.read(ctx, places, found); err != nil && !tableMissing(err) {
			return err
		}
	}
	return nil
}

// read collects the items at the places, strongly consistent.
func (k tableItem) read(ctx context.Context, places []place, found map[place]map[string]types.AttributeValue) error {
	want := map[string]types.KeysAndAttributes{}
	attributes := map[string]string{}
	for _, p := range places {
		keys := want[p.table]
		keys.ConsistentRead, keys.Keys = aws.Bool(true), append(keys.Keys, p.values())
		want[p.table], attributes[p.table] = keys, p.attribute
	}
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		out, err := k.AWS.DynamoDB.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: want})
		if err != nil {
			return err
		}
		for table, items := range out.Responses {
			for _, item := range items {
				if key, ok := item[attributes[table]].(*types.AttributeValueMemberS); ok {
					found[place{table, attributes[table], key.Value}] = item
				}
			}
		}
		if want = out.UnprocessedKeys; len(want) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-k.Clock.After(pause):
		}
	}
}

// liveItem is what an item has of ours.
func liveItem(p place, item map[string]types.AttributeValue) (*Live[blueprint.TableItemSpec], error) {
	live := &Live[blueprint.TableItemSpec]{
		Spec:       blueprint.TableItemSpec{Table: p.table, PartitionKey: p.attribute, Key: p.key, Attributes: map[string]string{}},
		Attributes: Attributes{},
	}
	if owner, ok := item[blueprint.ItemOwner].(*types.AttributeValueMemberS); ok {
		live.Tags = blueprint.Marked(owner.Value)
	}
	names, _ := item[blueprint.ItemNames].(*types.AttributeValueMemberSS)
	if names == nil {
		return live, nil
	}
	for _, name := range names.Value {
		value, there := item[name]
		if !there {
			continue
		}
		text, err := attributeText(value)
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", name, err)
		}
		live.Spec.Attributes[name] = text
	}
	return live, nil
}

// attributeText renders a value as a spec has it. Of a type that no spec has it
// names the type alone: such a value is different in any case.
func attributeText(v types.AttributeValue) (string, error) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return string(blueprint.ItemText(v.Value)), nil
	case *types.AttributeValueMemberN:
		return string(blueprint.ItemNumber(v.Value)), nil
	case *types.AttributeValueMemberBOOL:
		return string(blueprint.ItemBool(v.Value)), nil
	}
	text, err := json.Marshal(fmt.Sprintf("%T", v))
	return string(text), err
}

// attributeValue reads a value of a spec.
func attributeValue(text string) (types.AttributeValue, error) {
	var v struct {
		S, N *string
		BOOL *bool
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, fmt.Errorf("read %s: %w", text, err)
	}
	switch {
	case v.S != nil:
		return &types.AttributeValueMemberS{Value: *v.S}, nil
	case v.N != nil:
		return &types.AttributeValueMemberN{Value: *v.N}, nil
	case v.BOOL != nil:
		return &types.AttributeValueMemberBOOL{Value: *v.BOOL}, nil
	}
	return nil, fmt.Errorf("%s is neither a text nor a number nor a truth value", text)
}

// Create writes the item where there is none.
func (k tableItem) Create(ctx context.Context, t *Target, want blueprint.TableItemSpec) (Attributes, error) {
	err := k.write(ctx, t, want, nil, "attribute_not_exists(#key)")
	if refusedByCondition(err) {
		return nil, ErrPresent
	}
	return Attributes{}, err
}

// Update sets what is ours and takes away what was, and what others have set
// against what it changes. Between Observe and Update
// somebody may have put an item of his own there: that is left alone.
func (k tableItem) Update(ctx context.Context, t *Target, want blueprint.TableItemSpec, live *Live[blueprint.TableItemSpec], _ Changes) (Attributes, error) {
	var gone []string
	for _, name := range sortedNames(live.Spec.Attributes) {
		if _, still := want.Attributes[name]; !still {
			gone = append(gone, name)
		}
	}
	for _, name := range want.Against {
		if live.Spec.Attributes[name] != want.Attributes[name] {
			gone = append(gone, want.Passing...)
			break
		}
	}
	err := k.write(ctx, t, want, gone, "attribute_not_exists(#owner) OR begins_with(#owner, :ours)")
	if refusedByCondition(err) {
		return nil, fmt.Errorf("the item is now somebody else's: its attribute %s says whose; take it away, then apply again", blueprint.ItemOwner)
	}
	return live.Attributes, err
}

// write sets attributes under a condition, in which #key and #owner name the
// attributes of that name and :ours begins a mark of the target's system.
func (k tableItem) write(ctx context.Context, t *Target, want blueprint.TableItemSpec, gone []string, condition string) error {
	p, err := placeOf(t)
	if err != nil {
		return err
	}
	caller, err := k.AWS.Caller(ctx)
	if err != nil {
		return err
	}
	names := sortedNames(want.Attributes)
	in := &dynamodb.UpdateItemInput{
		TableName: &p.table, Key: p.values(), ConditionExpression: &condition,
		ExpressionAttributeNames:  map[string]string{"#owner": blueprint.ItemOwner, "#by": blueprint.ItemBy},
		ExpressionAttributeValues: map[string]types.AttributeValue{":owner": &types.AttributeValueMemberS{Value: mark(t)}, ":by": &types.AttributeValueMemberS{Value: caller}},
	}
	// DynamoDB refuses a name or a value that no expression uses.
	if strings.Contains(condition, "#key") {
		in.ExpressionAttributeNames["#key"] = p.attribute
	}
	if strings.Contains(condition, ":ours") {
		in.ExpressionAttributeValues[":ours"] = ours(t)
	}
	sets, removes := []string{"#owner = :owner", "#by = :by"}, []string{}
	if len(names) > 0 {
		// A set in DynamoDB is never empty.
		in.ExpressionAttributeNames["#names"] = blueprint.ItemNames
		in.ExpressionAttributeValues[":names"] = &types.AttributeValueMemberSS{Value: names}
		sets = append(sets, "#names = :names")
	}
	for i, name := range names {
		value, err := attributeValue(want.Attributes[name])
		if err != nil {
			return fmt.Errorf("attribute %q: %w", name, err)
		}
		in.ExpressionAttributeNames[fmt.Sprintf("#a%d", i)] = name
		in.ExpressionAttributeValues[fmt.Sprintf(":a%d", i)] = value
		sets = append(sets, fmt.Sprintf("#a%d = :a%[1]d", i))
	}
	for i, name := range gone {
		in.ExpressionAttributeNames[fmt.Sprintf("#g%d", i)] = name
		removes = append(removes, fmt.Sprintf("#g%d", i))
	}
	expression := "SET " + strings.Join(sets, ", ")
	if len(removes) > 0 {
		expression += " REMOVE " + strings.Join(removes, ", ")
	}
	in.UpdateExpression = &expression
	_, err = k.AWS.DynamoDB.UpdateItem(ctx, in)
	return err
}

// mark is the owner's mark on the target's item, ours what every mark of its
// system begins with.
func mark(t *Target) string {
	return blueprint.Mark(blueprint.System{Name: t.Tags[blueprint.TagSystem]}, t.Tags[blueprint.TagName], t.Key)
}

func ours(t *Target) types.AttributeValue {
	return &types.AttributeValueMemberS{Value: blueprint.Mark(blueprint.System{Name: t.Tags[blueprint.TagSystem]}, t.Tags[blueprint.TagName], "")}
}

// refusedByCondition reports whether DynamoDB has refused a write by its
// condition.
func refusedByCondition(err error) bool {
	var refused *types.ConditionalCheckFailedException
	return errors.As(err, &refused)
}

// Delete takes the item away while it is ours; another's is left where it is.
func (k tableItem) Delete(ctx context.Context, t *Target) error {
	p, err := placeOf(t)
	if err != nil {
		return err
	}
	_, err = k.AWS.DynamoDB.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &p.table, Key: p.values(), ConditionExpression: aws.String("begins_with(#owner, :ours)"),
		ExpressionAttributeNames:  map[string]string{"#owner": blueprint.ItemOwner},
		ExpressionAttributeValues: map[string]types.AttributeValue{":ours": ours(t)},
	})
	if refusedByCondition(err) || tableMissing(err) {
		return nil
	}
	return err
}
