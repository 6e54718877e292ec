package deploy

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// shelf is a made-up system with items that others read.
func shelf(force bool, unheeded []string, keys ...string) *blueprint.Builder {
	s := settings()
	s.ForceDestroy = force
	b := blueprint.NewBuilder(s)
	items := b.Table("items", blueprint.Table{Key: "key"})
	other := b.Table("other", blueprint.Table{Key: "key"})
	readers := b.Table("readers", blueprint.Table{Key: "reader"})
	b.Readers(items, readers, unheeded)
	for _, key := range keys {
		b.Item("item-"+key, items, key, map[string]blueprint.ItemAttribute{"value": blueprint.ItemText(key)})
		b.Item("other-"+key, other, key, nil)
	}
	return b
}

// TestInUse: an item that somebody has read within a day is taken away only where
// that is wanted in so many words; one that was read earlier, or is in another
// table, goes.
func TestInUse(t *testing.T) {
	for name, c := range map[string]struct {
		before, after []string
		force         bool
		unheeded      []string
		says          string
	}{
		"read":                  {before: []string{"a", "b"}, after: []string{"b"}, says: "a, read by checkout, refunds"},
		"read a day ago":        {before: []string{"a", "b"}, after: []string{"a"}},
		"unheeded":              {before: []string{"a", "b"}, after: []string{"b"}, unheeded: []string{"a"}},
		"another is unheeded":   {before: []string{"a", "b"}, after: []string{"b"}, unheeded: []string{"b"}, says: "a, read by checkout, refunds"},
		"by force_destroy":      {before: []string{"a", "b"}, after: []string{"b"}, force: true},
		"nothing is taken away": {before: []string{"a"}, after: []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			engine, _ := newEngine(t, 3)
			succeeded(t, engine.Apply(t.Context(), input(shelf(false, nil, c.before...), true)))
			now := time.Now()
			for reader, read := range map[string]types.AttributeValue{
				"checkout": &types.AttributeValueMemberN{Value: millis(now)}, "refunds": &types.AttributeValueMemberN{Value: millis(now.Add(-23 * time.Hour))},
				"careless": &types.AttributeValueMemberS{Value: "today"},
			} {
				tell(t, engine, reader, map[string]types.AttributeValue{blueprint.ReadPrefix + "a": read, blueprint.ReadPrefix + "b": &types.AttributeValueMemberN{Value: millis(now.Add(-25 * time.Hour))}})
			}
			seen := engine.Observe(t.Context(), input(shelf(false, nil, c.before...), false))
			if got := seen.OutputMaps[blueprint.ReadersOutput]; len(got) != 1 || got["a"] != "checkout, refunds" {
				t.Errorf("seen are the readers %v", got)
			}
			res := engine.Apply(t.Context(), input(shelf(c.force, c.unheeded, c.after...), false))
			var texts []string
			for _, f := range res.Failures {
				texts = append(texts, f.Detail)
			}
			if all := strings.Join(texts, "\n"); !strings.Contains(all, c.says) || c.says == "" && all != "" {
				t.Errorf("the apply says %q, want %q", all, c.says)
			}
			if _, there := res.Digests["item-a"]; c.says != "" && !there {
				t.Error("the item is gone")
			}
		})
	}
}

func tell(t *testing.T, e *Engine, reader string, item map[string]types.AttributeValue) {
	t.Helper()
	item["reader"] = &types.AttributeValueMemberS{Value: reader}
	if _, err := e.AWS.DynamoDB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("one-tiny-readers-euc1"), Item: item}); err != nil {
		t.Fatal(err)
	}
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
