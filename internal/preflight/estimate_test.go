package preflight

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

func near(t *testing.T, what string, have, want float64) {
	t.Helper()
	if math.Abs(have-want) > 1e-9*max(1, math.Abs(want)) {
		t.Errorf("%s is %.12g, want %.12g", what, have, want)
	}
}

func builder() *blueprint.Builder {
	return blueprint.NewBuilder(blueprint.Settings{
		System: blueprint.System{Name: "test", Slug: "test"}, Name: "one", Architecture: "arm64", Alarms: true, LogRetentionDays: 14,
	})
}

func TestBill(t *testing.T) {
	const ms = time.Millisecond
	function := func(architecture string) blueprint.Spec {
		return blueprint.FunctionSpec{Architecture: architecture, MemoryMB: 512}
	}
	kept := func(bytes float64) float64 { return 2 * (bytes + 100) / (1 << 30) }
	for name, c := range map[string]struct {
		operation blueprint.Operation
		spec      blueprint.Spec
		want      []charge
	}{
		"a call":                   {blueprint.Operation{Action: blueprint.Invoke, Count: 3}, function("arm64"), []charge{{lambdaRequests, 3}}},
		"its run":                  {blueprint.Operation{Action: blueprint.Run, Count: 3, Duration: 100 * ms}, function("arm64"), []charge{{lambdaARM, 0.15}}},
		"a run on x86":             {blueprint.Operation{Action: blueprint.Run, Count: 1, Duration: 100 * ms}, function("x86_64"), []charge{{lambdaX86, 0.05}}},
		"a started millisecond":    {blueprint.Operation{Action: blueprint.Run, Count: 1, Duration: ms + 1}, function("arm64"), []charge{{lambdaARM, 0.001}}},
		"a run of no function":     {blueprint.Operation{Action: blueprint.Run, Count: 1, Duration: ms}, nil, nil},
		"an empty message":         {blueprint.Operation{Action: blueprint.SendMessage, Count: 2}, nil, []charge{{sqsRequests, 2}}},
		"64 KB":                    {blueprint.Operation{Action: blueprint.SendMessage, Count: 2, Bytes: 64 << 10}, nil, []charge{{sqsRequests, 2}}},
		"a byte more":              {blueprint.Operation{Action: blueprint.SendMessage, Count: 2, Bytes: 64<<10 + 1}, nil, []charge{{sqsRequests, 4}}},
		"a batch received":         {blueprint.Operation{Action: blueprint.ReceiveMessage, Count: 0.1, Bytes: 200 << 10}, nil, []charge{{sqsRequests, 0.4}}},
		"an item of 1 KB":          {blueprint.Operation{Action: blueprint.PutItem, Count: 1, Bytes: 1024}, nil, []charge{{dynamoWrites, 1}}},
		"an item of 1.5 KB":        {blueprint.Operation{Action: blueprint.UpdateItem, Count: 10, Bytes: 1536}, nil, []charge{{dynamoWrites, 20}}},
		"a consistent read":        {blueprint.Operation{Action: blueprint.GetItem, Count: 10, Bytes: 4097}, nil, []charge{{dynamoReads, 20}}},
		"an eventual read":         {blueprint.Operation{Action: blueprint.GetItem, Count: 10, Bytes: 100, Eventual: true}, nil, []charge{{dynamoReads, 5}}},
		"an eventual scan of 1 MB": {blueprint.Operation{Action: blueprint.Scan, Count: 1, Bytes: 1 << 20, Eventual: true}, nil, []charge{{dynamoReads, 128}}},
		"items kept":               {blueprint.Operation{Action: blueprint.KeepItem, Count: 2, Bytes: 80}, blueprint.TableSpec{}, []charge{{dynamoStorage, kept(80)}}},
		"items kept with recovery": {blueprint.Operation{Action: blueprint.KeepItem, Count: 2, Bytes: 80}, blueprint.TableSpec{PointInTimeRecovery: true}, []charge{{dynamoStorage, kept(80)}, {dynamoPITR, kept(80)}}},
		"requests to an API":       {blueprint.Operation{Action: blueprint.Request, Count: 3, Bytes: 512 << 10}, nil, []charge{{apiRequests, 3}}},
		"longer requests":          {blueprint.Operation{Action: blueprint.Request, Count: 3, Bytes: 512<<10 + 1}, nil, []charge{{apiRequests, 6}}},
		"identities":               {blueprint.Operation{Action: blueprint.GetID, Count: 3}, nil, nil},
		"objects written":          {blueprint.Operation{Action: blueprint.PutObject, Count: 2}, nil, []charge{{s3Puts, 2}}},
		"objects read":             {blueprint.Operation{Action: blueprint.GetObject, Count: 2}, nil, []charge{{s3Gets, 2}}},
		"a GB from the edge":       {blueprint.Operation{Action: blueprint.Deliver, Count: 1024, Bytes: 1 << 20}, nil, []charge{{edgeRequests, 1024}, {edgeBytes, 1}}},
		"a function at the edge":   {blueprint.Operation{Action: blueprint.RunAtEdge, Count: 2}, nil, []charge{{edgeFunctions, 2}}},
		"a GB sent":                {blueprint.Operation{Action: blueprint.SendOut, Count: 1024, Bytes: 1 << 20}, nil, []charge{{bytesOut, 1}}},
		"half a GB logged":         {blueprint.Operation{Action: blueprint.WriteLogs, Count: 512, Bytes: 1 << 20}, nil, []charge{{cloudwatchLogBytes, 0.5}}},
		"an alarm":                 {blueprint.Operation{Action: blueprint.Alarm, Count: 1}, nil, []charge{{cloudwatchAlarms, 1}}},
		"a key":                    {blueprint.Operation{Action: blueprint.Key, Count: 1}, nil, []charge{{kmsKeys, 1}}},
		"a signature":              {blueprint.Operation{Action: blueprint.Sign, Count: 2}, blueprint.SigningKeySpec{KeySpec: blueprint.ECCP256}, []charge{{kmsECCRequests, 2}}},
		"an RSA signature":         {blueprint.Operation{Action: blueprint.Sign, Count: 2}, blueprint.SigningKeySpec{KeySpec: blueprint.RSAKey2048}, []charge{{kmsRequests, 2}}},
		"a composite alarm":        {blueprint.Operation{Action: blueprint.CompositeAlarm, Count: 1}, nil, []charge{{cloudwatchRules, 1}}},
		"a dashboard":              {blueprint.Operation{Action: blueprint.DashboardMonth, Count: 1}, nil, []charge{{cloudwatchBoards, 1}}},
		"hours of reading":         {blueprint.Operation{Action: blueprint.ReadCapacity, Count: 7300}, nil, []charge{{dynamoReadHours, 7300}}},
		"hours of writing":         {blueprint.Operation{Action: blueprint.WriteCapacity, Count: 7300}, nil, []charge{{dynamoWriteHours, 7300}}},
		"a write, provisioned":     {blueprint.Operation{Action: blueprint.PutItem, Count: 2, Bytes: 80}, blueprint.TableSpec{BillingMode: blueprint.Provisioned}, nil},
		"a read, provisioned":      {blueprint.Operation{Action: blueprint.GetItem, Count: 2, Bytes: 80}, blueprint.TableSpec{BillingMode: blueprint.Provisioned}, nil},
		"records put":              {blueprint.Operation{Action: blueprint.PutRecords, Count: 2, Bytes: 25<<10 + 1}, blueprint.StreamSpec{Mode: blueprint.StreamProvisioned}, []charge{{kinesisPutUnits, 4}}},
		"a GB put on demand":       {blueprint.Operation{Action: blueprint.PutRecords, Count: 1024, Bytes: 1<<20 - 1}, blueprint.StreamSpec{Mode: blueprint.StreamOnDemand}, []charge{{kinesisBytesIn, 1}}},
		"a GB read on demand":      {blueprint.Operation{Action: blueprint.GetRecords, Count: 1024, Bytes: 1 << 20}, blueprint.StreamSpec{Mode: blueprint.StreamOnDemand}, []charge{{kinesisBytesOut, 1}}},
		"records read of shards":   {blueprint.Operation{Action: blueprint.GetRecords, Count: 1, Bytes: 1}, blueprint.StreamSpec{Mode: blueprint.StreamProvisioned}, nil},
		"shards":                   {blueprint.Operation{Action: blueprint.ShardHour, Count: 730}, nil, []charge{{kinesisShards, 730}}},
		"shards that keep longer":  {blueprint.Operation{Action: blueprint.RetentionHour, Count: 730}, nil, []charge{{kinesisRetention, 730}}},
		"a stream on demand":       {blueprint.Operation{Action: blueprint.StreamHour, Count: 730}, nil, []charge{{kinesisStreams, 730}}},
		"a message of 65 KB":       {blueprint.Operation{Action: blueprint.Publish, Count: 3, Bytes: 65 << 10}, nil, []charge{{snsPublishes, 6}}},
		"a metric":                 {blueprint.Operation{Action: blueprint.Metric, Count: 1}, nil, []charge{{cloudwatchMetrics, 1}}},
		"a schedule's call":        {blueprint.Operation{Action: blueprint.Schedule, Count: 1}, nil, []charge{{schedulerCalls, 1}}},
		"what nobody bills":        {blueprint.Operation{Action: "iam:GetRole", Count: 1}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			have := bill(c.operation, c.spec)
			if len(have) != len(c.want) {
				t.Fatalf("it is billed as %v, want %v", have, c.want)
			}
			for i, w := range c.want {
				if have[i].Dimension != w.Dimension {
					t.Errorf("it is billed as %s, want %s", have[i].Dimension, w.Dimension)
				}
				near(t, "units", have[i].units, w.units)
			}
		})
	}
}

// system has one of most things: an alarm, a mapping, a schedule's function.
func system(load bool) *blueprint.Blueprint {
	b := builder()
	queue := b.Queue("votes", blueprint.Queue{})
	f := b.Function("recorder", blueprint.Function{MemoryMB: 1024})
	m := b.Consume("recorder-votes", f, queue, blueprint.Batch{Size: 10, Window: time.Second})
	b.AlarmNotEmpty("waiting", queue, "Something waits.")
	b.PerMonth(blueprint.Load{Unit: "tick", Count: 1000}, f.Invocations(1, 100*time.Millisecond))
	if load {
		b.Event(blueprint.Event{Unit: "vote", Units: 2e6, PerMonth: 3})
		votes := blueprint.Load{Unit: "vote", Count: 2e6, Over: 10 * time.Second}
		b.PerEvent(votes, queue.Sends(1, 100), m.Takes(votes, 100, 50*time.Millisecond))
		b.PerEvent(blueprint.Load{Unit: "event", Count: 1}, f.Answers(1, 1<<30))
	}
	return b.Blueprint()
}

func TestCost(t *testing.T) {
	// The alarm; a thousand ticks; the mapping's empty receives.
	const ticks = 1000*0.20/1e6 + 1000*0.1*0.0000133334
	const idle = 0.10 + ticks + 657_000*0.40/1e6
	// Two million sends, a tenth each of receives, deletes and calls of 50 ms; a GB.
	const event = 2e6*0.40/1e6 + 2*2e5*0.40/1e6 + 2e5*0.20/1e6 + 2e5*0.05*0.0000133334 + 0.09

	idling := Cost(system(false), Builtin(), "us-east-1")
	near(t, "idle", idling.Idle, idle)
	if idling.Load != nil {
		t.Errorf("without a load there is a cost of one: %v", idling.Load)
	}
	near(t, "idle SQS", idling.ByService()["sqs"], 657_000*0.40/1e6)

	busy := Cost(system(true), Builtin(), "eu-west-3")
	if have := [3]string{busy.Date, busy.Currency, busy.Region}; have != [3]string{Builtin().Date, "USD", "us-east-1"} {
		t.Errorf("date, currency and region are %v", have)
	}
	near(t, "idle with a load", busy.Idle, idle)
	near(t, "an event", busy.Load.PerEvent, event)
	near(t, "a month", busy.Load.PerMonth, idle+3*event)
	near(t, "a million", busy.Load.PerMillion, event/2)
	if busy.Load.Unit != "vote" || busy.Load.EventsPerMonth != 3 {
		t.Errorf("the load's unit is %q, its events a month %g", busy.Load.Unit, busy.Load.EventsPerMonth)
	}
	sum := 0.0
	for _, amount := range busy.ByService() {
		sum += amount
	}
	near(t, "the month by service", sum, idle+3*event)

	want := Line{
		Dimension: sqsRequests, Period: Event, Part: "votes", Why: "sqs:ReceiveMessage for each vote",
		Quantity: 2e5, UnitPrice: 4e-7, Amount: 0.08, Unit: "requests of 64 KB", Basis: Metered,
	}
	found := false
	order := ""
	for _, l := range busy.Lines {
		if l.Why == want.Why {
			found = true
			if diff := cmp.Diff(want, l, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })); diff != "" {
				t.Errorf("want -, have +:\n%s", diff)
			}
		}
		if l.Dimension == bytesOut && (l.Basis != Modelled || l.FreePerMonth != 100) {
			t.Errorf("the line of what leaves AWS is %+v", l)
		}
		order += l.Period[:1]
	}
	if !found {
		t.Errorf("no line says %q", want.Why)
	}
	if order != "mmmmeeeeee" {
		t.Errorf("the lines' periods are in the order %s", order)
	}
}

func TestPriceCalls(t *testing.T) {
	lines := PriceCalls(Builtin(), "us-east-1", []Calls{
		{Service: "lambda-url", Operation: "Invoke", Count: 1_000_000},
		{Service: "lambda", Operation: "Invoke", Count: 1_000_000},
		{Service: "execute-api", Operation: "Invoke", Count: 1_000_000, Bytes: 300_000_000},
		{Service: "sqs", Operation: "SendMessage", Count: 1_000_000, Bytes: 200_000_000},
		{Service: "sqs", Operation: "ReceiveMessage", Count: 1_000_000, Bytes: 1_000_000, AnswerBytes: 70_000 * 1_000_000},
		{Service: "dynamodb", Operation: "PutItem", Count: 1_000_000, Bytes: 400_000_000},
		{Service: "dynamodb", Operation: "BatchExecuteStatement", Count: 40_000, Statements: 1_000_000, Bytes: 400_000_000},
		{Service: "dynamodb", Operation: "Query", Count: 1_000_000, AnswerBytes: 5_000 * 1_000_000},
		{Service: "s3", Operation: "PutObject", Count: 1000, Bytes: 1},
		{Service: "s3", Operation: "HeadObject", Count: 1000},
		{Service: "cloudfront-edge", Operation: "Invoke", Count: 1_000_000, AnswerBytes: 1 << 30},
		{Service: "iam", Operation: "GetRole", Count: 1000},
		{Service: "sqs", Operation: "DeleteMessage"},
	})
	want := []struct {
		why    string
		amount float64
	}{
		{"lambda-url:Invoke", 0.20}, {"lambda:Invoke", 0.20}, {"execute-api:Invoke", 1}, {"execute-api:Invoke", 0.20}, {"sqs:SendMessage", 0.40}, {"sqs:ReceiveMessage", 0.80},
		{"dynamodb:PutItem", 0.625}, {"dynamodb:BatchExecuteStatement", 0.625}, {"dynamodb:Query", 0.25}, {"s3:PutObject", 0.005}, {"s3:HeadObject", 0.0004},
		{"cloudfront-edge:Invoke", 1}, {"cloudfront-edge:Invoke", 0.085},
	}
	if len(lines) != len(want) {
		t.Fatalf("there are %d lines, want %d: %v", len(lines), len(want), lines)
	}
	for i, w := range want {
		if lines[i].Why != w.why || lines[i].Basis != Metered {
			t.Errorf("line %d is %s, %s, want %s, metered", i, lines[i].Why, lines[i].Basis, w.why)
		}
		near(t, w.why, lines[i].Amount, w.amount)
	}
}
