package blueprint

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTableModes(t *testing.T) {
	for name, c := range map[string]struct {
		table   Table
		want    TableSpec
		runTime []string
	}{
		"on demand": {Table{Key: "id"}, TableSpec{PartitionKey: "id", BillingMode: OnDemand}, nil},
		"data, expiring": {
			Table{Key: "id", Data: true, TTL: "expires"},
			TableSpec{PartitionKey: "id", BillingMode: OnDemand, DeletionProtection: true, PointInTimeRecovery: true, TTLAttribute: "expires"}, nil,
		},
		"warm and bounded": {
			Table{Key: "id", Warm: Throughput{Reads: 20000, Writes: 8000}, Maximum: Throughput{Writes: 9000}},
			TableSpec{PartitionKey: "id", BillingMode: OnDemand, WarmReads: 20000, WarmWrites: 8000, MaxWrites: 9000}, nil,
		},
		"provisioned": {
			Table{Key: "id", Capacity: &Capacity{Throughput: Throughput{5, 7}}},
			TableSpec{PartitionKey: "id", BillingMode: Provisioned, Reads: 5, Writes: 7}, nil,
		},
		"scaled": {
			Table{Key: "id", Capacity: &Capacity{Throughput: Throughput{5, 7}, Scaled: true}},
			TableSpec{PartitionKey: "id", BillingMode: Provisioned, Reads: 5, Writes: 7}, []string{"read_capacity", "write_capacity"},
		},
	} {
		b := NewBuilder(testSettings())
		b.settings.KMSKeyARN = ""
		p := b.Table("t", c.table).part
		if diff := cmp.Diff(c.want, p.Spec); diff != "" {
			t.Errorf("%s: want -, have +:\n%s", name, diff)
		}
		if diff := cmp.Diff(c.runTime, p.RuntimeOwned); diff != "" {
			t.Errorf("%s: at run time want -, have +:\n%s", name, diff)
		}
		if problems := b.Blueprint().Validate(); len(problems) != 0 {
			t.Errorf("%s: it is refused: %v", name, problems)
		}
	}
}

// What runs the table scales it without a change of its digest.
func TestScaledIsNoChange(t *testing.T) {
	digest := func(writes int) string {
		b := NewBuilder(testSettings())
		h := b.Table("t", Table{Key: "id", Capacity: &Capacity{Throughput: Throughput{5, writes}, Scaled: true}})
		out, _ := b.Blueprint().Digest(h.part)
		return out
	}
	if a, b := digest(1), digest(100); a != b {
		t.Errorf("another capacity to begin with is another digest: %s, %s", a, b)
	}
	b := NewBuilder(testSettings())
	f := b.Function("f", Function{})
	m := b.Consume("m", f, b.Queue("q", Queue{}), Batch{Size: 1, MaxConcurrency: 2, Scaled: true})
	if diff := cmp.Diff([]string{"enabled", "maximum_concurrency"}, m.part.RuntimeOwned); diff != "" {
		t.Errorf("a scaled mapping, want -, have +:\n%s", diff)
	}
}

func TestTableGrants(t *testing.T) {
	b := NewBuilder(Settings{System: System{Name: "test", Slug: "test"}, Name: "one", KMSKeyARN: "key"})
	table := b.Table("t", Table{Key: "id"})
	m := b.Consume("m", b.Function("f", Function{}), b.Queue("q", Queue{}), Batch{Size: 1})
	for name, c := range map[string]struct {
		grants []Grant
		want   string
	}{
		"put":     {table.Put(), "dynamodb:PutItem kms:Decrypt"},
		"check":   {table.Check(), "dynamodb:ConditionCheckItem kms:Decrypt"},
		"query":   {table.Query(), "dynamodb:Query kms:Decrypt"},
		"delete":  {table.Delete(), "dynamodb:DeleteItem kms:Decrypt"},
		"scale":   {table.Scale(), "dynamodb:DescribeTable dynamodb:UpdateTable"},
		"batches": {m.Scale(), "lambda:GetEventSourceMapping lambda:UpdateEventSourceMapping"},
	} {
		var actions []string
		for _, g := range c.grants {
			actions = append(actions, g.Actions...)
		}
		if have := strings.Join(actions, " "); have != c.want {
			t.Errorf("%s grants %s, want %s", name, have, c.want)
		}
	}
}

func TestLowering(t *testing.T) {
	with := func(warm Throughput) *Blueprint {
		b := NewBuilder(testSettings())
		b.Table("ballots", Table{Key: "id", Warm: warm})
		return b.Blueprint()
	}
	before := with(Throughput{Reads: 20000, Writes: 8000})
	for name, c := range map[string]struct {
		after *Blueprint
		want  []string
	}{
		"the same": {with(Throughput{20000, 8000}), nil},
		"more":     {with(Throughput{40000, 9000}), nil},
		"less":     {with(Throughput{20000, 5000}), []string{`warm writes of table "ballots" is lowered from 8000 units/s to 5000 units/s`}},
		"none": {with(Throughput{}), []string{
			`warm reads of table "ballots" is lowered from 20000 units/s to 0 units/s`, `warm writes of table "ballots" is lowered from 8000 units/s to 0 units/s`,
		}},
		"no table": {NewBuilder(testSettings()).Blueprint(), nil},
	} {
		if diff := cmp.Diff(c.want, Lowering(before, c.after)); diff != "" {
			t.Errorf("%s: want -, have +:\n%s", name, diff)
		}
	}
}
