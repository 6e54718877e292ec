package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// TestForeignObjectIsNeverRecorded: somebody's object of a part's name could not
// be looked at. Neither the next apply nor a destroy takes it for ours.
func TestForeignObjectIsNeverRecorded(t *testing.T) {
	for name, fault := range map[string]localaws.Fault{
		"refused":     {Service: "dynamodb", Operation: "DescribeTable", Kind: localaws.FaultError, Code: "AccessDeniedException"},
		"interrupted": {Service: "dynamodb", Operation: "DescribeTable", Kind: localaws.FaultKill},
	} {
		for _, live := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, system live: %t", name, live), func(t *testing.T) {
				e, account := newEngine(t, 3)
				b := small(settings(), time.Minute)
				if live {
					succeeded(t, e.Apply(t.Context(), input(b, true)))
					b.Table("more", blueprint.Table{Key: "voter"})
				}
				table := "one-tiny-ballots-euc1"
				if live {
					table = "one-tiny-more-euc1"
				}
				makeTable(t, e, table, map[string]string{"owner": "billing"})
				ctx, cancel := context.WithCancel(t.Context())
				fault.Resource, fault.Nth, fault.Kill = table, 1, cancel
				armed := arm(t, account, fault)
				if res := e.Apply(ctx, input(b, !live)); len(res.Failures) == 0 || !armed.Fired() {
					t.Fatalf("the apply did not fail (fault fired: %t): %+v", armed.Fired(), res)
				}
				if res := e.Apply(t.Context(), input(b, !live)); len(res.Failures) != 1 || !strings.Contains(res.Failures[0].Detail, `owner="billing"`) {
					t.Errorf("the next apply over somebody's table returned %+v", res.Failures)
				}
				succeeded(t, e.Destroy(t.Context(), input(b, false)))
				if left := inventory(t, account); !slices.Equal(left, []string{"table " + table}) {
					t.Errorf("destroy left %q, it should leave the foreign table alone", left)
				}
			})
		}
	}
}

// TestForeignContentIsLeftAlone: a bucket of the name of ours is somebody else's,
// and holds an object of the name of ours.
func TestForeignContentIsLeftAlone(t *testing.T) {
	e, account := newEngine(t, 3)
	bucket, key := aws.String("one-tiny-results-"+account+"-euc1"), aws.String("page.json")
	if _, err := e.AWS.S3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: testRegion}}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.AWS.S3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("theirs")}); err != nil {
		t.Fatal(err)
	}
	b := small(settings(), time.Minute)
	if res := e.Apply(t.Context(), input(b, true)); len(res.Failures) != 1 || !strings.Contains(res.Failures[0].Detail, "left as it is") {
		t.Fatalf("apply over somebody's bucket returned %+v", res.Failures)
	}
	succeeded(t, e.Destroy(t.Context(), input(b, false)))
	if _, err := e.AWS.S3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: key}); err != nil {
		t.Errorf("the object in somebody's bucket after the destroy: %v", err)
	}
}

// makeTable makes a table as somebody else would.
func makeTable(t *testing.T, e *Engine, name string, tags map[string]string) {
	t.Helper()
	key := aws.String("id")
	in := &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: key, AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: key, KeyType: types.KeyTypeHash}},
	}
	for k, v := range tags {
		in.Tags = append(in.Tags, types.Tag{Key: &k, Value: &v})
	}
	if _, err := e.AWS.DynamoDB.CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}
