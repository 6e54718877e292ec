package kinds

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

type item = map[string]types.AttributeValue

// putItem writes an item past the kind.
func putItem(t *testing.T, i item) {
	t.Helper()
	if _, err := env.AWS.DynamoDB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(testSales), Item: i}); err != nil {
		t.Fatal(err)
	}
}

// theItem reads the item of itemBase past the kind; nil where there is none.
func theItem(t *testing.T) item {
	t.Helper()
	out, err := env.AWS.DynamoDB.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(testSales), Key: item{"sale": word("final")}, ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	return out.Item
}

// TestItemAtRunTime: what functions write beside ours is no difference, outlives
// changes, and goes with the item alone.
func TestItemAtRunTime(t *testing.T) {
	begin(t)
	needSales(t)
	target := made(t, testItem, itemBase())
	if _, err := env.AWS.DynamoDB.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String(testSales), Key: item{"sale": word("final")}, UpdateExpression: aws.String("SET control = :c"),
		ExpressionAttributeValues: item{":c": word("paused")},
	}); err != nil {
		t.Fatal(err)
	}
	same(t, itemBase(), observe(t, "table_item", target))
	update(t, target, with(itemBase(), func(s *blueprint.TableItemSpec) {
		s.Attributes = map[string]string{"windows": string(blueprint.ItemNumber("60"))}
	}))
	if got := slices.Sorted(maps.Keys(theItem(t))); !slices.Equal(got, []string{"control", "sale", blueprint.ItemNames, blueprint.ItemBy, blueprint.ItemOwner, "windows"}) {
		t.Errorf("the item has %v", got)
	}
	remove(t, "table_item", target)
	absent(t, "table_item", target)
}

// TestItemAgainst: what others have set against an attribute of ours goes when that changes, so that it is not in force again when it changes back,
// and stays when another does.
func TestItemAgainst(t *testing.T) {
	begin(t)
	needSales(t)
	windows := func(n, title string) blueprint.Spec {
		return with(itemBase(), func(s *blueprint.TableItemSpec) {
			s.Attributes = map[string]string{"windows": string(blueprint.ItemNumber(n)), "title": string(blueprint.ItemText(title))}
			s.Against, s.Passing = []string{"windows"}, []string{"override", "of"}
		})
	}
	target := made(t, testItem, windows("50", "Final"))
	overridden := theItem(t)
	overridden["override"], overridden["of"], overridden["control"] = word("80"), word("50"), word("paused")
	putItem(t, overridden)
	update(t, target, windows("50.0", "The final"))
	if got := theItem(t); got["override"] == nil || got["of"] == nil {
		t.Errorf("another attribute has changed, and the item is %v", got)
	}
	update(t, target, windows("60", "The final"))
	if got := theItem(t); got["override"] != nil || got["of"] != nil || got["control"] == nil {
		t.Errorf("the attribute has changed, and the item is %v", got)
	}
	remove(t, "table_item", target)
}

// TestItemDrift names each attribute that is otherwise.
func TestItemDrift(t *testing.T) {
	begin(t)
	needSales(t)
	target := made(t, testItem, itemBase())
	changed := theItem(t)
	delete(changed, "title")
	changed["windows"], changed["open"] = &types.AttributeValueMemberN{Value: "7"}, &types.AttributeValueMemberNULL{Value: true}
	putItem(t, changed)
	var lines []string
	for _, d := range blueprint.Compare(itemBase(), observe(t, "table_item", target).Spec, nil) {
		lines = append(lines, d.Text)
	}
	got := strings.Join(lines, "; ")
	for _, want := range []string{"attributes title is missing", `attributes windows is "{\"N\":\"7\"}", should be "{\"N\":\"50\"}"`, `attributes open is "\"*types.AttributeValueMemberNULL\""`} {
		if !strings.Contains(got, want) {
			t.Errorf("the difference %q does not say %q", got, want)
		}
	}
	update(t, target, itemBase())
}

// TestForeignItem: somebody else's item is neither overwritten nor taken away,
// whether it was there before or came while we looked away.
func TestForeignItem(t *testing.T) {
	for what, owner := range map[string]types.AttributeValue{
		"another system's": word("serverless:voting_window/radio/part"),
		"another sort's":   word("serverless:config/tv/part"),
		"a longer name's":  word("serverless:voting_window/tv-final/part"),
		"nobody's":         nil,
	} {
		t.Run(what, func(t *testing.T) {
			begin(t)
			needSales(t)
			foreign := item{"sale": word("final"), "title": word("theirs")}
			if owner != nil {
				foreign[blueprint.ItemOwner] = owner
			}
			putItem(t, foreign)
			driver, target := drivers["table_item"], targetOf(testItem)
			if _, err := driver.Create(t.Context(), target, itemBase()); err != ErrPresent { //nolint:errorlint // the very error
				t.Errorf("Create gave %v", err)
			}
			live := observe(t, "table_item", target)
			if live.Tags[blueprint.TagName] == "tv" && live.Tags[blueprint.TagSystem] == "voting_window" {
				t.Errorf("it counts as ours: %v", live.Tags)
			}
			if owner != nil {
				if _, err := driver.Update(t.Context(), target, itemBase(), live, Changes{"attributes": true}); err == nil || !strings.Contains(err.Error(), "somebody else's") {
					t.Errorf("Update gave %v", err)
				}
			}
			remove(t, "table_item", target)
			if got := theItem(t)["title"]; got == nil || got.(*types.AttributeValueMemberS).Value != "theirs" {
				t.Errorf("the item is now %v", theItem(t))
			}
		})
	}
}

// TestManyItems observes a hundred and twenty in two calls, and those of a table
// that is not there as absent.
func TestManyItems(t *testing.T) {
	begin(t)
	needSales(t)
	var targets []*Target
	for i := range 120 {
		target := targetOf(fmt.Sprintf("%s/sale=s%d", testSales, i))
		if i%2 == 0 {
			spec := itemBase()
			spec.Key = fmt.Sprintf("s%d", i)
			made(t, target.Name, spec)
		}
		targets = append(targets, target)
	}
	meter := local.Gate().Meter()
	mark := meter.Mark()
	seen, err := drivers["table_item"].ObserveAll(t.Context(), targets)
	if err != nil {
		t.Fatal(err)
	}
	if n := int(meter.Since(mark).Total()); n != 2 {
		t.Errorf("%d items took %d calls, want 2", len(targets), n)
	}
	for i, o := range seen {
		if there := o != nil; there != (i%2 == 0) {
			t.Errorf("item %d is there: %t", i, there)
		}
	}
	seen, err = drivers["table_item"].ObserveAll(t.Context(), []*Target{targets[0], targetOf("tv-vote-none-use1/id=a")})
	if err != nil || seen[0] == nil || seen[1] != nil {
		t.Errorf("beside a table that is not there: %v, %v", seen, err)
	}
	absent(t, "table_item", targetOf("tv-vote-none-use1/id=a"))
	remove(t, "table_item", targetOf("tv-vote-none-use1/id=a"))
}
