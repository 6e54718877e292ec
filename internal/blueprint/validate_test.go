package blueprint

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// With what is described by a blueprint in good order, plus one thing that is
// not, there is exactly one problem, and it names limit and source.
func TestValidate(t *testing.T) {
	type problem struct {
		part, argument string
		says           []string
	}
	with := func(change func(*Settings)) func() *Builder {
		return func() *Builder {
			s := testSettings()
			change(&s)
			return testSystem(s)
		}
	}
	plus := func(add func(*Builder)) func() *Builder {
		return func() *Builder {
			b := testSystem(testSettings())
			add(b)
			return b
		}
	}
	spec := func(s Spec) func() *Builder {
		return plus(func(b *Builder) { b.add("part", "part", s) })
	}
	tags := func(m map[string]string) func() *Builder { return with(func(s *Settings) { s.Tags = m }) }
	function := func(change func(*FunctionSpec)) func() *Builder {
		f := FunctionSpec{MemoryMB: 128, Timeout: 3, ReservedConcurrency: NoReservation}
		change(&f)
		return spec(f)
	}
	wide := NewPolicy(Statement{Effect: "Allow", Action: []string{"a:B"}, Resource: []string{strings.Repeat("x", 20*1024)}})
	narrow := NewPolicy(Statement{Effect: "Allow", Action: []string{"a:B"}, Resource: []string{"x"}})
	mapping := func(change func(*MappingSpec)) func() *Builder {
		m := MappingSpec{BatchSize: 10}
		change(&m)
		return spec(m)
	}
	const mappings = "Lambda API Reference, CreateEventSourceMapping"
	for name, c := range map[string]struct {
		build func() *Builder
		want  problem
	}{
		"name":              {with(func(s *Settings) { s.Name = "TV" }), problem{"", "name", []string{`the name "TV"`, "lower-case letters"}}},
		"slug":              {with(func(s *Settings) { s.System.Slug = "voting" }), problem{"", "", []string{`"voting"`, "longer than 5 characters"}}},
		"too many tags":     {tags(manyTags(48)), problem{"", "tags", []string{"there are 48 tags; at most 47", "among the 50 that AWS takes", "Tagging AWS Resources"}}},
		"empty tag key":     {tags(map[string]string{"": "x"}), problem{"", "tags", []string{`tag ""`, "1 to 128", "Tag naming limits"}}},
		"long tag key":      {tags(map[string]string{strings.Repeat("é", 129): "x"}), problem{"", "tags", []string{"1 to 128", "Tag naming limits"}}},
		"long tag value":    {tags(map[string]string{"k": strings.Repeat("é", 257)}), problem{"", "tags", []string{`tag "k"`, "at most 256", "Tag naming limits"}}},
		"reserved tag":      {tags(map[string]string{"AWS:x": "y"}), problem{"", "tags", []string{`tag "AWS:x"`, "reserved by AWS", "Tag naming limits"}}},
		"a tag of ours":     {tags(map[string]string{TagPart: "y"}), problem{"", "tags", []string{`tag "serverless:part"`, "set by the provider itself"}}},
		"unknown function":  {with(func(s *Settings) { s.Functions = map[string]FunctionSettings{"recoder": {}} }), problem{"", "functions", []string{`no function "recoder"`, "has recorder"}}},
		"key used twice":    {plus(func(b *Builder) { b.Queue("votes", Queue{}) }), problem{"", "", []string{`the key "votes" is used twice`}}},
		"former key in use": {plus(func(b *Builder) { b.Queue("more", Queue{}).Formerly("votes") }), problem{"", "", []string{`the key "votes" is used twice`}}},
		"no such part":      {spec(LogGroupSpec{RetentionDays: 1, KMSKeyARN: Ref("key", "id")}), problem{"", "", []string{`part "part" refers to "key", which does not exist`}}},
		"circle":            {plus(func(b *Builder) { b.add("a", "a", LogGroupSpec{}, "b"); b.add("b", "b", LogGroupSpec{}, "a") }), problem{"", "", []string{"circle: a → b → a"}}},
		"visibility": {
			plus(func(b *Builder) { b.Queue("slow", Queue{Visibility: 12*time.Hour + time.Second}) }),
			problem{"slow", "", []string{"visibility timeout is 43201 s; AWS takes 0 to 43200 (SQS quotas)"}},
		},
		"receives": {
			plus(func(b *Builder) {
				dead := b.Queue("dead2", Queue{})
				b.Queue("more", Queue{DeadLetter: &dead, MaxReceives: 1001})
			}),
			problem{"more", "", []string{"maxReceiveCount is 1001", "1 to 1000 (SQS, RedrivePolicy)"}},
		},
		"memory":               {function(func(f *FunctionSpec) { f.MemoryMB = 127 }), problem{"part", "functions.part.memory_mb", []string{"memory is 127 MB; AWS takes 128 to 10240 (Lambda quotas)"}}},
		"time-out":             {function(func(f *FunctionSpec) { f.Timeout = 901 }), problem{"part", "functions.part.timeout_seconds", []string{"time-out is 901 s; AWS takes 1 to 900 (Lambda quotas)"}}},
		"reserved concurrency": {function(func(f *FunctionSpec) { f.ReservedConcurrency = -2 }), problem{"part", "functions.part.reserved_concurrency", []string{"is -2", "or -1 for no reservation"}}},
		"reserved variable":    {function(func(f *FunctionSpec) { f.Environment = map[string]string{"AWS_REGION": ""} }), problem{"part", "", []string{"AWS_REGION is reserved by Lambda (Lambda Developer Guide"}}},
		"environment":          {function(func(f *FunctionSpec) { f.Environment = map[string]string{"K": strings.Repeat("x", 4096)} }), problem{"part", "", []string{"up to 4097 bytes; AWS takes at most 4096 (Lambda quotas, Environment variables)"}}},
		"environment by reference": {
			function(func(f *FunctionSpec) {
				f.Environment = map[string]string{"K": strings.Repeat("x", 3968), "U": Ref("votes", "url")}
			}),
			problem{"part", "", []string{"up to 4098 bytes; AWS takes at most 4096"}},
		},
		"role policy":       {spec(RoleSpec{Path: "/", Policy: wide, Trust: narrow}), problem{"part", "", []string{"the policy would have", "at most 10240 (IAM quotas, Role inline policies)"}}},
		"trust policy":      {spec(RoleSpec{Path: "/", Policy: narrow, Trust: wide}), problem{"part", "", []string{"the trust policy would have", "at most 2048 (IAM quotas, Role trust policy length)"}}},
		"role description":  {spec(RoleSpec{Path: "/", Description: strings.Repeat("x", 1001)}), problem{"part", "", []string{"1001 characters; AWS takes at most 1000 (IAM API Reference, CreateRole)"}}},
		"role path, start":  {spec(RoleSpec{Path: "apps/"}), problem{"part", "role_path", []string{`"apps/"`, "begin and end with a slash", "at most 512", "IAM API Reference"}}},
		"role path, end":    {spec(RoleSpec{Path: "/apps"}), problem{"part", "role_path", []string{`"/apps"`, "begin and end with a slash"}}},
		"role path, length": {spec(RoleSpec{Path: "/" + strings.Repeat("x", 511) + "/"}), problem{"part", "role_path", []string{"at most 512 characters"}}},
		"no batch":          {mapping(func(m *MappingSpec) { m.BatchSize = 0 }), problem{"part", "", []string{"batch size is 0", "1 to 10000 (" + mappings}}},
		"batch":             {mapping(func(m *MappingSpec) { m.BatchSize, m.Window = 10001, 1 }), problem{"part", "", []string{"batch size is 10001", "1 to 10000 (" + mappings}}},
		"window":            {mapping(func(m *MappingSpec) { m.Window = 301 }), problem{"part", "", []string{"batching window is 301 s; AWS takes 0 to 300 (" + mappings}}},
		"batch, no window":  {mapping(func(m *MappingSpec) { m.BatchSize = 11 }), problem{"part", "", []string{"more than 10 messages needs a batching window of at least 1 s (" + mappings}}},
		"concurrency":       {mapping(func(m *MappingSpec) { m.MaxConcurrency = 1 }), problem{"part", "", []string{"maximum concurrency is 1", "2 to 1000 (Lambda API Reference, ScalingConfig)"}}},
		"filters":           {mapping(func(m *MappingSpec) { m.Filters = make([]string, 6) }), problem{"part", "", []string{"there are 6 filters; Lambda takes at most 5"}}},
		"no shards":         {spec(StreamSpec{Mode: StreamProvisioned, Retention: 24}), problem{"part", "", []string{"number of shards is 0", "1 to 10000 (Kinesis Data Streams API Reference"}}},
		"records for long":  {spec(StreamSpec{Mode: StreamOnDemand, Retention: 8761}), problem{"part", "", []string{"retention period is 8761 h; AWS takes 24 to 8760"}}},
		"stream, position":  {mapping(func(m *MappingSpec) { m.StartingPosition, m.Parallelization, m.MaxAge = "NOW", 1, -1 }), problem{"part", "", []string{`"NOW" is neither TRIM_HORIZON nor LATEST`, mappings}}},
		"stream, parallel":  {mapping(func(m *MappingSpec) { m.StartingPosition, m.Parallelization, m.MaxAge = Latest, 11, -1 }), problem{"part", "", []string{"parallelization factor is 11", "1 to 10 (" + mappings}}},
		"stream, age":       {mapping(func(m *MappingSpec) { m.StartingPosition, m.Parallelization, m.MaxAge = Latest, 1, 59 }), problem{"part", "", []string{"maximum record age is 59 s; AWS takes 60 to 604800 (" + mappings}}},
		"stream, retries": {mapping(func(m *MappingSpec) {
			m.StartingPosition, m.Parallelization, m.MaxAge, m.MaxRetries = Latest, 1, -1, 10001
		}), problem{"part", "", []string{"maximum of retries is 10001", "-1 to 10000"}}},
		"stream, bounded": {mapping(func(m *MappingSpec) {
			m.StartingPosition, m.Parallelization, m.MaxAge, m.MaxConcurrency = Latest, 1, -1, 5
		}), problem{"part", "", []string{"a bound of concurrent calls is for queues"}}},
		"view of a stream": {spec(TableSpec{BillingMode: OnDemand, StreamViewType: "ALL"}), problem{"part", "", []string{`the stream's view type "ALL" is none of KEYS_ONLY, NEW_IMAGE`, "StreamSpecification"}}},
		"one key for both": {spec(TableSpec{PartitionKey: "key", SortKey: "key", BillingMode: OnDemand}), problem{"part", "", []string{`"key" is both the partition key and the sort key`}}},
		"item, no key":     {spec(TableItemSpec{PartitionKey: "sale"}), problem{"part", "", []string{"an item's key is empty"}}},
		"item, long key":   {spec(TableItemSpec{PartitionKey: "sale", Key: strings.Repeat("x", 2049)}), problem{"part", "", []string{"the key would have up to 2049 bytes; AWS takes at most 2048 (Service, account, and table quotas"}}},
		"item, key twice":  {spec(TableItemSpec{PartitionKey: "sale", Key: "a", Attributes: map[string]string{"sale": `{"S":"b"}`}}), problem{"part", "", []string{`the attribute "sale" is the key's`}}},
		"item, own mark":   {spec(TableItemSpec{PartitionKey: "sale", Key: "a", Attributes: map[string]string{ItemOwner: `{"S":"b"}`}}), problem{"part", "", []string{"which is for the provider's own marks"}}},
		"item, value":      {spec(TableItemSpec{PartitionKey: "sale", Key: "a", Attributes: map[string]string{"title": "b"}}), problem{"part", "", []string{`the attribute "title" is no DynamoDB JSON`}}},
		"item, long":       {spec(TableItemSpec{PartitionKey: "sale", Key: "a", Attributes: map[string]string{"title": string(ItemText(strings.Repeat("x", 400<<10)))}}), problem{"part", "", []string{"the item would have up to", "at most 409600 (Service"}}},
		"no capacity":      {spec(TableSpec{BillingMode: Provisioned, Reads: 1}), problem{"part", "", []string{"the write capacity of a provisioned table is 0 units; give at least 1 (DynamoDB API Reference, CreateTable)"}}},
		"provisioned, bounded": {
			spec(TableSpec{BillingMode: Provisioned, Reads: 1, Writes: 1, MaxReads: 5}), problem{"part", "", []string{"a maximum of 5 read units is for tables on demand"}},
		},
		"no bound":       {spec(TableSpec{BillingMode: OnDemand, MaxWrites: -1}), problem{"part", "", []string{"a maximum of -1 write units is no bound"}}},
		"lukewarm":       {spec(TableSpec{BillingMode: OnDemand, WarmReads: 11999}), problem{"part", "", []string{"a warm throughput of 11999 read units a second is less than the 12000", "Understanding DynamoDB warm throughput"}}},
		"under capacity": {spec(TableSpec{BillingMode: Provisioned, Reads: 1, Writes: 9, WarmWrites: 8}), problem{"part", "", []string{"a warm throughput of 8 write units a second is less than the 9"}}},
		"time to live":   {spec(TableSpec{BillingMode: OnDemand, TTLAttribute: strings.Repeat("x", 256)}), problem{"part", "", []string{"more than 255 characters (DynamoDB API Reference, TimeToLiveSpecification)"}}},
		"statistic":      {spec(AlarmSpec{Statistic: "p99"}), problem{"part", "", []string{`the statistic "p99" is none of SampleCount, Average`, "PutMetricAlarm"}}},
		"rule":           {spec(AlarmSpec{Composite: true, Rule: strings.Repeat("x", 10241)}), problem{"part", "", []string{"10241 characters; AWS takes at most 10240 (CloudWatch API Reference, PutCompositeAlarm)"}}},
		"dashboard name": {plus(func(b *Builder) { b.add("part", strings.Repeat("x", 256), DashboardSpec{}) }), problem{"part", "name", []string{"up to 256 characters; a dashboard's has at most 255"}}},
		"visibility under time-out": {
			with(func(s *Settings) {
				longer := 61 * time.Second
				s.Functions = map[string]FunctionSettings{"recorder": {Timeout: &longer}}
			}),
			problem{"recording", "functions.recorder.timeout_seconds", []string{`"votes" hides a message for 60 s, less than the 61 s that function "recorder"`, "Lambda Developer Guide"}},
		},
		"bucket policy":        {spec(BucketSpec{Policy: wide}), problem{"part", "", []string{"bucket policy", "at most 20480 (S3 User Guide, Bucket policies)"}}},
		"schedule description": {spec(ScheduleSpec{Description: strings.Repeat("x", 513)}), problem{"part", "", []string{"513 characters; AWS takes at most 512 (EventBridge Scheduler API Reference)"}}},
		"retention":            {spec(LogGroupSpec{RetentionDays: 31}), problem{"part", "log_retention_days", []string{"31 days", "[1 3 5 7 14 30 60", "CloudWatch Logs API Reference, PutRetentionPolicy"}}},
		"bucket name":          {plus(func(b *Builder) { b.Bucket(strings.Repeat("k", 28), Bucket{}) }), problem{strings.Repeat("k", 28), "name", []string{"up to 64 characters; a bucket's has at most 63", "${aws.account}"}}},
		"function name":        {plus(func(b *Builder) { b.add("part", strings.Repeat("x", 65), FunctionSpec{MemoryMB: 128, Timeout: 1}) }), problem{"part", "name", []string{"up to 65 characters; a function's has at most 64"}}},
		"role name":            {plus(func(b *Builder) { b.add("part", strings.Repeat("x", 65), RoleSpec{Path: "/"}) }), problem{"part", "name", []string{"up to 65 characters; a role's has at most 64"}}},
		"queue name":           {plus(func(b *Builder) { b.add("part", strings.Repeat("x", 81), QueueSpec{}) }), problem{"part", "name", []string{"up to 81 characters; a queue's has at most 80"}}},
		"log group name":       {plus(func(b *Builder) { b.add("part", strings.Repeat("x", 513), LogGroupSpec{RetentionDays: 1}) }), problem{"part", "name", []string{"up to 513 characters; a log group's has at most 512"}}},
	} {
		t.Run(name, func(t *testing.T) {
			problems := c.build().Blueprint().Validate()
			if len(problems) != 1 {
				t.Fatalf("there are %d problems, want one: %v", len(problems), problems)
			}
			p := problems[0]
			if p.Part != c.want.part || strings.Join(p.Argument, ".") != c.want.argument {
				t.Errorf("it is put down to part %q, argument %v; want %q, %q", p.Part, p.Argument, c.want.part, c.want.argument)
			}
			for _, s := range c.want.says {
				if !strings.Contains(p.Message, s) {
					t.Errorf("%q does not say %q", p.Message, s)
				}
			}
			if Reserved(p.Message) {
				t.Errorf("%q shows tokens", p.Message)
			}
		})
	}
}

// TestValidateAtTheLimit takes every limit at its greatest.
func TestValidateAtTheLimit(t *testing.T) {
	s := testSettings()
	s.Tags = manyTags(maxTags - 1)
	s.Tags[strings.Repeat("é", 128)] = strings.Repeat("é", 256)
	s.LogRetentionDays = 3653
	b := NewBuilder(s)
	dead := b.Queue("dead", Queue{})
	slow := b.Queue("slow", Queue{Visibility: 12 * time.Hour, DeadLetter: &dead, MaxReceives: 1000})
	f := b.Function("f", Function{MemoryMB: 10240, Timeout: 15 * time.Minute})
	b.Consume("m", f, slow, Batch{Size: 10000, Window: 5 * time.Minute, MaxConcurrency: 1000})
	b.add("role", strings.Repeat("x", 64), RoleSpec{Path: "/" + strings.Repeat("x", 510) + "/", Description: strings.Repeat("x", 1000)})
	b.add("schedule", strings.Repeat("x", 64), ScheduleSpec{Description: strings.Repeat("x", 512)})
	b.add("queue", strings.Repeat("x", 80), QueueSpec{})
	b.add("env", "env", FunctionSpec{MemoryMB: 128, Timeout: 1, Environment: map[string]string{"K": strings.Repeat("x", 4095)}})
	if problems := b.Blueprint().Validate(); len(problems) != 0 {
		t.Errorf("what AWS takes is refused: %v", problems)
	}
}

func TestProblemError(t *testing.T) {
	have := []string{Problem{Message: "is wrong"}.Error(), Problem{Part: "votes", Message: "is wrong"}.Error()}
	if diff := cmp.Diff([]string{"is wrong", `part "votes": is wrong`}, have); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
}

func manyTags(n int) map[string]string {
	tags := map[string]string{}
	for i := range n {
		tags[fmt.Sprintf("tag-%02d", i)] = "x"
	}
	return tags
}
