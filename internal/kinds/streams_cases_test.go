package kinds

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

const (
	testItems       = "tv-vote-items-use1"
	testSales       = "tv-vote-sales-use1"
	testFiles       = "tv-vote-files-use1"
	testAside       = "tv-vote-aside-use1"
	testItemPattern = `{"dynamodb":{"Keys":{"key":{"S":[{"prefix":"sale"}]}}}}`
)

func streamTable() blueprint.TableSpec {
	return blueprint.TableSpec{PartitionKey: "key", SortKey: "at", BillingMode: blueprint.OnDemand, StreamViewType: blueprint.NewAndOldImages}
}

// streamTableCase begins with what tableCase changes to.
func streamTableCase() kindCase {
	return kindCase{
		part: testItems, spec: streamTable(),
		changes: []blueprint.Spec{
			with(streamTable(), func(s *blueprint.TableSpec) { s.StreamViewType = "" }),
			with(streamTable(), func(s *blueprint.TableSpec) { s.StreamViewType = blueprint.NewImages }),
		},
	}
}

// streamRole may read the stream and put aside what was given up.
func streamRole() blueprint.RoleSpec {
	s := roleBase()
	s.Policy = blueprint.NewPolicy(
		blueprint.Statement{Effect: "Allow", Action: []string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}, Resource: []string{"arn:aws:dynamodb:" + testRegion + ":" + testAccount + ":table/" + testItems + "/stream/*"}},
		blueprint.Statement{Effect: "Allow", Action: []string{"sqs:SendMessage"}, Resource: []string{queueARN(testAside)}},
	)
	return s
}

// needAside makes a function whose role may send to a queue, and the queue.
func needAside(t *testing.T) {
	t.Helper()
	needFunction(t)
	role := targetOf(testRole)
	live := observe(t, "role", role)
	if _, err := drivers["role"].Update(t.Context(), role, streamRole(), live, Changes{"policy": true}); err != nil {
		t.Fatal(err)
	}
	made(t, testAside, queueBase())
}

// eventInvokeConfigCase changes what Lambda puts as a whole.
func eventInvokeConfigCase() kindCase {
	base := blueprint.EventInvokeConfigSpec{Function: testFunction, Alias: blueprint.LiveAlias, MaxRetries: 2, MaxAge: 21600, OnFailure: queueARN(testAside)}
	return kindCase{
		part: testFunction + ":" + blueprint.LiveAlias, spec: base, setup: needAside,
		changes: []blueprint.Spec{
			with(base, func(s *blueprint.EventInvokeConfigSpec) { s.MaxRetries = 0 }),
			with(base, func(s *blueprint.EventInvokeConfigSpec) { s.MaxAge = 60 }),
		},
	}
}

// streamMappingCase knows the stream's ARN once setup has made the table.
func streamMappingCase() kindCase {
	base := blueprint.MappingSpec{
		Function: lambdaARN(testFunction) + ":" + blueprint.LiveAlias, BatchSize: 100, Window: 1, PartialBatch: true, Enabled: true,
		StartingPosition: blueprint.TrimHorizon, Parallelization: 1, Bisect: true, MaxRetries: 5, MaxAge: blueprint.Unbounded, OnFailure: queueARN(testAside),
	}
	return kindCase{
		part: testFunction + ":" + testItems, spec: base,
		setup: func(t *testing.T) {
			needAside(t)
			base.Source = made(t, testItems, streamTable()).Attributes["stream_arn"]
		},
		late: func() (blueprint.Spec, []blueprint.Spec) {
			return base, []blueprint.Spec{
				with(base, func(s *blueprint.MappingSpec) { s.BatchSize, s.Window, s.Parallelization = 10, 0, 4 }),
				with(base, func(s *blueprint.MappingSpec) { s.Bisect, s.MaxRetries, s.MaxAge = false, 0, 3600 }),
				with(base, func(s *blueprint.MappingSpec) { s.OnFailure, s.Filters = "", []string{testItemPattern} }),
			}
		},
	}
}

func streamARN(name string) string {
	return "arn:aws:kinesis:" + testRegion + ":" + testAccount + ":stream/" + name
}

func shardedStream() blueprint.StreamSpec {
	return blueprint.StreamSpec{Mode: blueprint.StreamProvisioned, Shards: 2, Retention: 24, KMSKey: blueprint.KinesisKey}
}

func streamCase() kindCase {
	return kindCase{
		part: testFiles, spec: shardedStream(),
		changes: []blueprint.Spec{
			with(shardedStream(), func(s *blueprint.StreamSpec) { s.Shards, s.Retention = 9, 72 }), // 2, 4, 8, 9
			with(shardedStream(), func(s *blueprint.StreamSpec) { s.Shards = 1 }),                  // 9, 5, 3, 2, 1
			with(shardedStream(), func(s *blueprint.StreamSpec) { s.Mode, s.Shards, s.KMSKey = blueprint.StreamOnDemand, 0, testKey }),
		},
		half: func(ctx context.Context, tags map[string]string) error {
			_, err := env.AWS.Kinesis.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String(testFiles), ShardCount: aws.Int32(2), Tags: tags})
			return err
		},
	}
}

// onDemandStreamCase begins with what streamCase changes to.
func onDemandStreamCase() kindCase {
	base := with(shardedStream(), func(s *blueprint.StreamSpec) { s.Mode, s.Shards, s.Retention = blueprint.StreamOnDemand, 0, 48 })
	return kindCase{part: testFiles, spec: base, changes: []blueprint.Spec{shardedStream()}}
}

// recordMappingCase takes a Kinesis stream's records.
func recordMappingCase() kindCase {
	base := blueprint.MappingSpec{
		Source: streamARN(testFiles), Function: lambdaARN(testFunction) + ":" + blueprint.LiveAlias, BatchSize: 10, Window: 1, PartialBatch: true, Enabled: true,
		StartingPosition: blueprint.TrimHorizon, Parallelization: 4, Bisect: true, MaxRetries: 5, MaxAge: 43_200, OnFailure: queueARN(testAside),
	}
	return kindCase{
		part: testFunction + ":" + testFiles, spec: base,
		setup: func(t *testing.T) {
			needFunction(t)
			role := targetOf(testRole)
			live := observe(t, "role", role)
			want := roleBase()
			want.Policy = blueprint.NewPolicy(
				blueprint.Statement{Effect: "Allow", Action: []string{"kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"}, Resource: []string{streamARN(testFiles)}},
				blueprint.Statement{Effect: "Allow", Action: []string{"sqs:SendMessage"}, Resource: []string{queueARN(testAside)}},
			)
			if _, err := drivers["role"].Update(t.Context(), role, want, live, Changes{"policy": true}); err != nil {
				t.Fatal(err)
			}
			made(t, testAside, queueBase())
			made(t, testFiles, shardedStream())
		},
		changes: []blueprint.Spec{
			with(base, func(s *blueprint.MappingSpec) {
				s.BatchSize, s.Parallelization, s.MaxAge = 100, 10, blueprint.Unbounded
			}),
			with(base, func(s *blueprint.MappingSpec) { s.OnFailure = "" }),
		},
	}
}

func itemBase() blueprint.TableItemSpec {
	return blueprint.TableItemSpec{Table: testSales, PartitionKey: "sale", Key: "final", Attributes: map[string]string{
		"title": string(blueprint.ItemText("The “final” <night>")), "windows": string(blueprint.ItemNumber("50")), "open": string(blueprint.ItemBool(true)),
	}}
}

const testItem = testSales + "/sale=final"

func needSales(t *testing.T) {
	t.Helper()
	made(t, testSales, blueprint.TableSpec{PartitionKey: "sale", BillingMode: blueprint.OnDemand})
}

func tableItemCase() kindCase {
	return kindCase{
		part: testItem, spec: itemBase(), setup: needSales,
		changes: []blueprint.Spec{
			with(itemBase(), func(s *blueprint.TableItemSpec) {
				s.Attributes = map[string]string{"title": string(blueprint.ItemText("Other")), "windows": string(blueprint.ItemNumber("0.1e-5"))}
			}),
			with(itemBase(), func(s *blueprint.TableItemSpec) {
				s.Attributes = map[string]string{"title": string(blueprint.ItemNumber("1e20")), "open": string(blueprint.ItemBool(false))}
			}),
		},
		half: func(ctx context.Context, tags map[string]string) error {
			_, err := env.AWS.DynamoDB.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(testSales), Item: map[string]types.AttributeValue{
				"sale": &types.AttributeValueMemberS{Value: "final"}, blueprint.ItemOwner: &types.AttributeValueMemberS{Value: mark(&Target{Key: "part", Tags: tags})},
			}})
			return err
		},
	}
}
