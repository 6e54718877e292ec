package kinds

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// ReadershipCalls is the number of API calls that reading who reads costs, where
// the readers fit into a megabyte.
const ReadershipCalls = 1

// ReadershipPermissions are what reading who reads takes. place, table and key
// must be resolved; key is the table's KMS key, empty where it has none.
func ReadershipPermissions(place blueprint.Place, table, key string) []Permission {
	out := []Permission{{
		Verbs: []Verb{Observing}, Actions: []string{"dynamodb:Scan"},
		Resources: []string{"arn:" + place.Partition + ":dynamodb:" + place.Region + ":" + place.Account + ":table/" + table},
	}}
	if key != "" {
		out = append(out, Permission{Verbs: []Verb{Observing}, Actions: []string{"kms:Decrypt"}, Resources: []string{key}, Rare: byService})
	}
	return out
}

// Readers returns the names of the readers of each key that is in use, sorted
// and joined, from the table of that name. Without the table there are none.
func (e Env) Readers(ctx context.Context, r *blueprint.Readership, table string) (map[string]string, error) {
	since := e.Clock.Now().Add(-blueprint.ReadingLasts).UnixMilli()
	readers := map[string][]string{}
	pages := dynamodb.NewScanPaginator(e.AWS.DynamoDB, &dynamodb.ScanInput{TableName: &table})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if tableMissing(err) {
			return map[string]string{}, nil
		}
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			name, ok := item[r.PartitionKey].(*types.AttributeValueMemberS)
			if !ok {
				continue
			}
			for attribute, value := range item {
				key, reads := strings.CutPrefix(attribute, blueprint.ReadPrefix)
				at, isNumber := value.(*types.AttributeValueMemberN)
				if !reads || !isNumber {
					continue
				}
				if ms, err := strconv.ParseInt(at.Value, 10, 64); err == nil && ms >= since {
					readers[key] = append(readers[key], name.Value)
				}
			}
		}
	}
	out := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(readers)) {
		slices.Sort(readers[key])
		out[key] = strings.Join(readers[key], ", ")
	}
	return out, nil
}
