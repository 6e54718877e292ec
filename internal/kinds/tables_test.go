package kinds

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

const testTable = "tv-vote-ballots-use1"

func plainTable() blueprint.TableSpec {
	return blueprint.TableSpec{PartitionKey: "voter", BillingMode: blueprint.OnDemand}
}

// fault hits one operation once, until the test ends.
func fault(t *testing.T, f localaws.Fault) {
	t.Helper()
	f.Nth, f.Retries = 1, f.Kind == localaws.FaultError
	if _, err := local.Gate().Faults().Add(f); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(local.Gate().Faults().Clear)
}

// TestTablesTakeTurns: a table that cannot be made because others are is one to try
// again, and is made when they are done.
func TestTablesTakeTurns(t *testing.T) {
	begin(t)
	clock := &handClock{now: time.Now()}
	driver := All(Env{AWS: env.AWS, Clock: clock, Content: env.Content})["table"]
	weather := local.Gate().SetWeather(localaws.Conditions{TableBusy: time.Minute, Tables: 1, Now: clock.Now})
	t.Cleanup(weather.End)
	if _, err := env.AWS.DynamoDB.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("other"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := driver.Create(t.Context(), targetOf(testTable), plainTable()); code(err) != "LimitExceededException" || !driver.Transient(err) {
		t.Fatalf("Create gave %v, want a refusal that passes", err)
	}
	clock.pass(time.Minute)
	weather.End()
	same(t, plainTable(), observe(t, "table", made(t, testTable, plainTable())))
}

// TestForeignExpiry switches off a time to live that somebody else has set: it
// would delete what nobody wants deleted.
func TestForeignExpiry(t *testing.T) {
	begin(t)
	target := made(t, testTable, plainTable())
	if _, err := env.AWS.DynamoDB.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName: aws.String(testTable), TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("sent"), Enabled: aws.Bool(true)},
	}); err != nil {
		t.Fatal(err)
	}
	if got := differences(plainTable(), observe(t, "table", target)); !slices.Equal(got, []string{"ttl_attribute"}) {
		t.Errorf("what differs is %v", got)
	}
	update(t, target, plainTable())
	update(t, target, with(plainTable(), func(s *blueprint.TableSpec) { s.TTLAttribute = "expires" }))
	update(t, target, with(plainTable(), func(s *blueprint.TableSpec) { s.TTLAttribute = "until" }))
}

// TestExpiryIsSeldom: a second change within an hour is refused, and the error
// says what to do; a change whose answer was lost is none.
func TestExpiryIsSeldom(t *testing.T) {
	begin(t)
	target := made(t, testTable, plainTable())
	want := with(plainTable(), func(s *blueprint.TableSpec) { s.TTLAttribute = "expires" })
	live := observe(t, "table", target)
	fault(t, localaws.Fault{Service: "dynamodb", Operation: "UpdateTimeToLive", Kind: localaws.FaultError, Code: "ValidationException", Message: "Time to live has been modified multiple times within a fixed interval"})
	_, err := drivers["table"].Update(t.Context(), target, want, live, Changes{"ttl_attribute": true})
	if err == nil || !strings.Contains(err.Error(), "one change of it an hour") || !strings.Contains(err.Error(), "then apply again") || drivers["table"].Transient(err) {
		t.Errorf("a second change gave %v", err)
	}
	local.Gate().Faults().Clear()
	fault(t, localaws.Fault{Service: "dynamodb", Operation: "UpdateTimeToLive", Kind: localaws.FaultLostAnswer})
	update(t, target, want)
}

// TestModeIsSeldom: a table has become one on demand too often today.
func TestModeIsSeldom(t *testing.T) {
	begin(t)
	provisioned := with(plainTable(), func(s *blueprint.TableSpec) { s.BillingMode, s.Reads, s.Writes = blueprint.Provisioned, 1, 1 })
	target := made(t, testTable, provisioned)
	live := observe(t, "table", target)
	fault(t, localaws.Fault{Service: "dynamodb", Operation: "UpdateTable", Kind: localaws.FaultError, Code: "LimitExceededException", Message: "Subscriber limit exceeded: Update to PayPerRequest mode are limited"})
	_, err := drivers["table"].Update(t.Context(), target, plainTable(), live, Changes{"billing_mode": true})
	if err == nil || !strings.Contains(err.Error(), "in a day") || !strings.Contains(err.Error(), "wait, then apply again") || drivers["table"].Transient(err) {
		t.Errorf("one change too many gave %v", err)
	}
	update(t, target, plainTable())
}

// TestScaledTable changes a table whose capacity a function has scaled, and then
// its mode: the capacity is left alone, and set where a mode needs one.
func TestScaledTable(t *testing.T) {
	begin(t)
	base := blueprint.TableSpec{PartitionKey: "voter", BillingMode: blueprint.Provisioned, Reads: 5, Writes: 5}
	owned := []string{"read_capacity", "write_capacity"}
	target := made(t, testTable, base)
	if _, err := env.AWS.DynamoDB.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{
		TableName: aws.String(testTable), ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(50), WriteCapacityUnits: aws.Int64(70)},
	}); err != nil {
		t.Fatal(err)
	}
	reconcile := func(want blueprint.Spec) blueprint.TableSpec {
		live := observe(t, "table", target)
		changed := Changes{}
		for _, d := range blueprint.Compare(want, live.Spec, owned) {
			changed[d.Field.Name] = true
		}
		if _, err := drivers["table"].Update(t.Context(), target, want, live, changed); err != nil {
			t.Fatal(err)
		}
		live = observe(t, "table", target)
		if d := blueprint.Compare(want, live.Spec, owned); len(d) != 0 {
			t.Errorf("%+v remains", d)
		}
		s, _ := live.Spec.(blueprint.TableSpec)
		return s
	}
	if s := reconcile(with(base, func(s *blueprint.TableSpec) { s.DeletionProtection = true })); s.Reads != 50 || s.Writes != 70 {
		t.Errorf("an update set the capacity to %d and %d", s.Reads, s.Writes)
	}
	if s := reconcile(with(plainTable(), func(s *blueprint.TableSpec) { s.DeletionProtection = true })); s.Reads != 0 || s.Writes != 0 {
		t.Errorf("a table on demand has a capacity of %d and %d", s.Reads, s.Writes)
	}
	if s := reconcile(base); s.Reads != 5 || s.Writes != 5 {
		t.Errorf("a table made provisioned begins with %d and %d, want 5 and 5", s.Reads, s.Writes)
	}
}

// TestWarmth: what AWS has more of is no difference, and is never asked to be
// less.
func TestWarmth(t *testing.T) {
	begin(t)
	warm := func(reads, writes int) blueprint.Spec {
		return with(plainTable(), func(s *blueprint.TableSpec) { s.WarmReads, s.WarmWrites = reads, writes })
	}
	target := made(t, testTable, warm(20000, 8000))
	if s, _ := observe(t, "table", target).Spec.(blueprint.TableSpec); s.WarmReads != 20000 || s.WarmWrites != 8000 {
		t.Errorf("the table is warm for %d and %d", s.WarmReads, s.WarmWrites)
	}
	for _, less := range []blueprint.Spec{plainTable(), warm(12000, 4000), warm(0, 8000)} {
		if got := differences(less, observe(t, "table", target)); len(got) != 0 {
			t.Errorf("from less differs %v", got)
		}
	}
	// One more and one less: only what rises is asked for.
	update(t, target, warm(12000, 9000))
	if s, _ := observe(t, "table", target).Spec.(blueprint.TableSpec); s.WarmReads != 20000 || s.WarmWrites != 9000 {
		t.Errorf("the table is warm for %d and %d, want 20000 and 9000", s.WarmReads, s.WarmWrites)
	}
}

// TestScaledMapping changes a mapping whose bound a function has set.
func TestScaledMapping(t *testing.T) {
	begin(t)
	needFunction(t)
	made(t, testQueue, queueBase())
	target := made(t, testFunction+":"+testQueue, mappingBase())
	id := target.Attributes["id"]
	if _, err := env.AWS.Lambda.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: &id, ScalingConfig: &lambdatypes.ScalingConfig{MaximumConcurrency: aws.Int32(300)}}); err != nil {
		t.Fatal(err)
	}
	want := mappingBase()
	want.BatchSize = 50
	live := observe(t, "event_source_mapping", target)
	if _, err := drivers["event_source_mapping"].Update(t.Context(), target, want, live, Changes{"batch_size": true}); err != nil {
		t.Fatal(err)
	}
	want.MaxConcurrency = 300
	same(t, want, observe(t, "event_source_mapping", target))
}
