package pipeline

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/systems/systemtest"
)

// describedBy is the blueprint of a pipeline with these arguments beside the
// example's.
func describedBy(t *testing.T, more map[string]any) (*blueprint.Blueprint, diag.Diagnostics) {
	t.Helper()
	arguments := Example()
	maps.Copy(arguments, more)
	text, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	return Resource().Describe(t.Context(), "homes", text, nil)
}

// well is the blueprint of a pipeline that is possible.
func well(t *testing.T, more map[string]any) *blueprint.Blueprint {
	t.Helper()
	b, diags := describedBy(t, more)
	if diags.HasError() {
		t.Fatal(diags)
	}
	return b
}

func secretOf(name string) string {
	return "arn:aws:secretsmanager:eu-central-1:123456789012:secret:" + name + "-AbCdEf"
}

// pipelines are such as users would write.
var pipelines = map[string]map[string]any{
	"example.json": {},
	"minimal.json": {"item": map[string]any{"key": []any{"/id"}}, "segments": nil},
	"existing-bucket.json": {
		"source": map[string]any{"bucket": "agency-uploads", "prefix": "homes/", "kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/8d5d0ac6-0000-4000-8000-000000000002"},
		"stream": map[string]any{"on_demand": true, "retention_hours": 72}, "stale": "expire", "stale_days": 30,
	},
	"full.json": {
		"stream": map[string]any{"shards": 4}, "ingest": map[string]any{"parallelization_factor": 10, "batch_size": 10, "reads": 32, "max_file_bytes": 1 << 25},
		"completion": map[string]any{"by": "idle", "idle_minutes": 30}, "retention_days": 90, "failed_files_alarm": 0, "overdue_hours": 24, "dashboard": true,
		"segments":    map[string]any{"attribute": "suburb", "metrics": []any{"price", "listed_at"}, "percentiles": []any{99.9, 50}},
		"kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/8d5d0ac6-0000-4000-8000-000000000001",
		"alarms":      map[string]any{"topic": true, "emails": []any{"night@example.com"}}, "tags": map[string]any{"stage": "prod"},
		"bookings": map[string]any{
			"target": map[string]any{
				"url": "https://partner.example.com/segments/{segment}", "method": "POST", "secret_arn": secretOf("partner"), "header": "X-Partner-Key", "expect": "accepted", "timeout_seconds": 120,
				"kms_key_arns": []any{"arn:aws:kms:eu-central-1:123456789012:key/8d5d0ac6-0000-4000-8000-000000000003"},
			},
			"every_minutes": 240, "format": "csv", "gzip": true, "give_up_hours": 48, "concurrency": 4,
		},
		"notifications": map[string]any{"topic_arn": "arn:aws:sns:eu-central-1:123456789012:partners", "webhook": map[string]any{"url": "https://hooks.example.com/bookings", "secret_arn": secretOf("hook")}},
		"api":           map[string]any{"auth": "api_key", "keys_arn": secretOf("keys"), "write_scope": "book", "introspection": true},
		"site":          map[string]any{"title": "Homes by suburb", "primary": "#9a3412", "languages": []any{"en", "de"}, "links": map[string]any{"Privacy": "https://example.com/privacy"}, "cdn": true},
	},
	// Readers sign in, and nobody is told how a booking ends.
	"signed-in.json": {
		"bookings": map[string]any{"target": map[string]any{"url": "https://partner.example.com/{booking}"}},
		"api": map[string]any{
			"auth": "jwt", "write_scope": "book", "domain": map[string]any{"name": "api.example.com", "certificate_arn": "arn:aws:acm:eu-central-1:123456789012:certificate/1"},
			"jwt": map[string]any{"issuer": "https://login.example.com/", "audience": []any{"homes"}, "client_id": "homes", "scope": "openid book"},
		},
		"site": map[string]any{},
	},
	// Machines of the account ask, and nothing can be booked.
	"machines.json": {"api": map[string]any{"auth": "iam"}},
}

func TestGolden(t *testing.T) {
	for name, more := range pipelines {
		t.Run(name, func(t *testing.T) { systemtest.Golden(t, name, well(t, more).Render()) })
	}
}

// A pipeline that cannot be is refused before anything is called, at the argument
// at fault.
func TestRefused(t *testing.T) {
	item := func(attributes map[string]any) map[string]any {
		return map[string]any{"item": map[string]any{"key": []any{"/id"}, "attributes": attributes}, "segments": nil}
	}
	attribute := func(a map[string]any) map[string]any { return item(map[string]any{"price": a}) }
	segments := func(more map[string]any) map[string]any {
		out := map[string]any{"attribute": "suburb"}
		maps.Copy(out, more)
		return map[string]any{"segments": out}
	}
	for name, c := range map[string]struct {
		more map[string]any
		says []string
	}{
		"no key":                {map[string]any{"item": map[string]any{"key": []any{}}, "segments": nil}, []string{"item", "1 to 10 JSON pointers"}},
		"no pointer":            {map[string]any{"item": map[string]any{"key": []any{"id"}}, "segments": nil}, []string{"item", `"id"`}},
		"a bad pointer":         {attribute(map[string]any{"pointer": "/a~2"}), []string{"item", "price"}},
		"a bad type":            {attribute(map[string]any{"pointer": "/a", "type": "date"}), []string{"type", "timestamp"}},
		"a bad default":         {attribute(map[string]any{"pointer": "/a", "type": "number", "default": "many"}), []string{"item", "price", "the default"}},
		"a bad name":            {item(map[string]any{"a b": map[string]any{"pointer": "/a"}}), []string{"item", "a b", "a name begins with"}},
		"a name of our own":     {item(map[string]any{"run": map[string]any{"pointer": "/a"}}), []string{"item", "taken by the pipeline"}},
		"required and default":  {attribute(map[string]any{"pointer": "/a", "required": true, "default": "0"}), []string{`item.attributes["price"]`, "needs no default"}},
		"too large an item":     {map[string]any{"item": map[string]any{"key": []any{"/id"}, "max_bytes": 500_000}}, []string{"item.max_bytes", "409600"}},
		"no such segments":      {segments(map[string]any{"attribute": "city"}), []string{"segments.attribute", `no "city"`}},
		"segments of numbers":   {segments(map[string]any{"attribute": "price"}), []string{"segments.attribute", "type string"}},
		"figures of texts":      {segments(map[string]any{"metrics": []any{"suburb"}}), []string{"segments.metrics", "types number", `"suburb"`}},
		"percentiles alone":     {segments(map[string]any{"percentiles": []any{50}}), []string{"segments.percentiles", "Only with metrics"}},
		"a percentile of 100":   {segments(map[string]any{"metrics": []any{"price"}, "percentiles": []any{100}}), []string{"segments.percentiles", "99.99"}},
		"shards on demand":      {map[string]any{"stream": map[string]any{"shards": 2, "on_demand": true}}, []string{"stream.shards", "on demand"}},
		"no shards":             {map[string]any{"stream": map[string]any{"shards": 0}}, []string{"stream.shards", "between 1 and 500"}},
		"a day too short":       {map[string]any{"stream": map[string]any{"retention_hours": 12}}, []string{"stream.retention_hours", "24"}},
		"a factor of 11":        {map[string]any{"ingest": map[string]any{"parallelization_factor": 11}}, []string{"ingest.parallelization_factor", "between 1 and 10"}},
		"no reads":              {map[string]any{"ingest": map[string]any{"reads": 0}}, []string{"ingest.reads", "between 1 and 256"}},
		"a key without bucket":  {map[string]any{"source": map[string]any{"kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/1"}}, []string{"source.kms_key_arn", "Only with bucket"}},
		"a bucket's address":    {map[string]any{"source": map[string]any{"bucket": "s3://agency"}}, []string{"source.bucket", "name of a bucket"}},
		"a slash at the start":  {map[string]any{"source": map[string]any{"prefix": "/homes/"}}, []string{"source.prefix", `Give "homes/"`}},
		"an impatient end":      {map[string]any{"completion": map[string]any{"idle_minutes": 1}}, []string{"completion.idle_minutes", "between 5"}},
		"complete by luck":      {map[string]any{"completion": map[string]any{"by": "luck"}}, []string{"completion.by", "count"}},
		"stale what":            {map[string]any{"stale": "delete"}, []string{"stale", "keep"}},
		"days of what is kept":  {map[string]any{"stale_days": 3}, []string{"stale_days", `stale = "expire"`}},
		"overdue after days":    {map[string]any{"overdue_hours": 48}, []string{"overdue_hours", "between 1 and 24"}},
		"fewer than no failure": {map[string]any{"failed_files_alarm": -1}, []string{"failed_files_alarm", "at least 0"}},
		"no files expected":     {map[string]any{"expected_load": map[string]any{"files": 0}}, []string{"expected_load.files", "at least 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := describedBy(t, c.more)
			systemtest.Refused(t, diags, c.says)
		})
	}
}

// The functions read what the provider writes.
func TestFunctions(t *testing.T) {
	for name, more := range pipelines {
		b := well(t, more)
		environment := func(key string) map[string]string {
			f, _ := b.Part(key).Spec.(blueprint.FunctionSpec)
			return f.Environment
		}
		ingest, err := config.Load[pipeline.IngestConfig](environment("ingest"))
		if err == nil {
			err = ingest.Check()
		}
		if err != nil {
			t.Errorf("%s: ingest: %v", name, err)
		}
		if _, err := pipeline.ReadMapping([]byte(ingest.Mapping)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		lister, err := config.Load[pipeline.ListerConfig](environment("lister"))
		if err != nil || lister.Check() != nil || lister.SourceBucket != ingest.SourceBucket {
			t.Errorf("%s: lister: %+v, %v", name, lister, err)
		}
		sweeper, err := config.Load[pipeline.SweeperConfig](environment("sweeper"))
		if err != nil || sweeper.Check() != nil || sweeper.StepTime != segmenterTimeout || sweeper.Idle != (name == "full.json") {
			t.Errorf("%s: sweeper: %+v, %v", name, sweeper, err)
		}
		segmenter, err := config.Load[pipeline.SegmenterConfig](environment("segmenter"))
		if err != nil {
			t.Errorf("%s: segmenter: %v", name, err)
		}
		if want := map[string]string{"example.json": "50,90,99", "full.json": "50,99.9", "existing-bucket.json": "50,90,99", "signed-in.json": "50,90,99", "machines.json": "50,90,99"}[name]; strings.Join(segmenter.Percentiles, ",") != want {
			t.Errorf("%s: the percentiles are %q, want %q", name, segmenter.Percentiles, want)
		}
	}
}

// A mapping that is too long for a function's environment is an object, another one
// with each change.
func TestLongMapping(t *testing.T) {
	keys := map[string]bool{}
	for _, pointer := range []string{"/a", "/b"} {
		attributes := map[string]any{}
		for _, name := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
			attributes[strings.Repeat(name, 60)] = map[string]any{"pointer": pointer}
		}
		b := well(t, map[string]any{"item": map[string]any{"key": []any{"/id"}, "attributes": attributes}, "segments": nil})
		object, ok := b.Part("mapping").Spec.(blueprint.ObjectSpec)
		f, _ := b.Part("ingest").Spec.(blueprint.FunctionSpec)
		if !ok || f.Environment["MAPPING"] != "" || f.Environment["MAPPING_KEY"] != object.Key {
			t.Fatalf("the mapping is in %+v, ingest reads %v", object, f.Environment)
		}
		keys[object.Key] = true
	}
	if len(keys) != 2 {
		t.Errorf("two mappings are in %v", keys)
	}
}

// Nobody but the pipeline's functions may do anything with a bucket of others.
func TestExistingBucket(t *testing.T) {
	b := well(t, pipelines["existing-bucket.json"])
	if b.Part("source") != nil {
		t.Error("there is a bucket of its own, too")
	}
	for _, p := range b.Parts {
		role, ok := p.Spec.(blueprint.RoleSpec)
		if !ok {
			continue
		}
		text := blueprint.Readable(role.Policy.JSON())
		if reads := p.Key == "lister-role" || p.Key == "ingest-role"; reads != strings.Contains(text, "agency-uploads") {
			t.Errorf("%s reads the bucket: %t, want %t", p.Key, !reads, reads)
		}
		if n := strings.Count(text, "agency-uploads"); n != strings.Count(text, `"s3:prefix":["homes/*"]`)+strings.Count(text, `agency-uploads/homes/*"`) {
			t.Errorf("%s may do more than list and read what is below the prefix: %s", p.Key, text)
		}
	}
}

// There are at most 20 alarms.
func TestAlarms(t *testing.T) {
	for name, most := range map[string]int{"example.json": 10, "full.json": 20, "signed-in.json": 16, "machines.json": 12} {
		n := 0
		for _, p := range well(t, pipelines[name]).Parts {
			if _, ok := p.Spec.(blueprint.AlarmSpec); ok {
				n++
			}
		}
		if n != most {
			t.Errorf("%s has %d alarms, want %d", name, n, most)
		}
	}
}

// What a million files of a kilobyte cost, and a month in which nothing comes.
func TestCost(t *testing.T) {
	e := preflight.Cost(well(t, map[string]any{"expected_load": ExampleLoad}), preflight.Builtin(), "us-east-1")
	if e.Load.PerMillion < 1.1 || e.Load.PerMillion > 1.5 {
		t.Errorf("a million files cost $%.2f, want $1.10 to $1.50", e.Load.PerMillion)
	}
	// Two shards are $21.90 of it.
	if e.Idle < 22.5 || e.Idle > 24.5 {
		t.Errorf("an idle month costs $%.2f, want $22.50 to $24.50", e.Idle)
	}
}
