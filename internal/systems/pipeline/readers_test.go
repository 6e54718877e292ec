package pipeline

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/api"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/systems/systemtest"
)

// booked are arguments of bookings, with some more in place of those of the target
// and of the others.
func booked(target, more map[string]any) map[string]any {
	t := map[string]any{"url": "https://partner.example.com"}
	maps.Copy(t, target)
	out := map[string]any{"bookings": map[string]any{"target": t}, "api": map[string]any{"auth": "iam"}}
	maps.Copy(out, more)
	return out
}

// Readers, bookings and pages that cannot be are refused before anything is called,
// at the argument at fault.
func TestReadersRefused(t *testing.T) {
	jwt := func(more map[string]any) map[string]any {
		out := map[string]any{"issuer": "https://login.example.com", "audience": []any{"homes"}}
		maps.Copy(out, more)
		return out
	}
	key := []any{"arn:aws:kms:eu-central-1:123456789012:key/1"}
	for name, c := range map[string]struct {
		more map[string]any
		says []string
	}{
		"bookings without segments":     {booked(nil, map[string]any{"segments": nil}), []string{"bookings", "Only with segments"}},
		"bookings without API":          {booked(nil, map[string]any{"api": nil}), []string{"bookings", "Only with api"}},
		"a target of http":              {booked(map[string]any{"url": "http://partner.example.com"}, nil), []string{"bookings.target.url", "https"}},
		"a target with a password":      {booked(map[string]any{"url": "https://me:hunter2@partner.example.com"}, nil), []string{"bookings.target.url", "without a user"}},
		"a target nowhere":              {booked(map[string]any{"url": "https://%zz/"}, nil), []string{"bookings.target.url", "is no address"}},
		"another method":                {booked(map[string]any{"method": "PATCH"}, nil), []string{"bookings.target.method", "POST"}},
		"a secret as it is":             {booked(map[string]any{"secret_arn": "hunter2"}, nil), []string{"bookings.target.secret_arn", "must be the ARN"}},
		"a header without secret":       {booked(map[string]any{"header": "X-Key"}, nil), []string{"bookings.target.header", "Only with secret_arn"}},
		"a key without secret":          {booked(map[string]any{"kms_key_arns": key}, nil), []string{"bookings.target.kms_key_arns", "Only with secret_arn"}},
		"too long a try":                {booked(map[string]any{"timeout_seconds": 900}, nil), []string{"bookings.target.timeout_seconds", "840"}},
		"too short a function":          {booked(map[string]any{"timeout_seconds": 120}, map[string]any{"functions": map[string]any{"uploader": map[string]any{"timeout_seconds": 130}}}), []string{"at least 150"}},
		"another format":                {map[string]any{"bookings": map[string]any{"target": map[string]any{"url": "https://a.example"}, "format": "xml"}}, []string{"bookings.format", "jsonl"}},
		"one at a time":                 {map[string]any{"bookings": map[string]any{"target": map[string]any{"url": "https://a.example"}, "concurrency": 1}}, []string{"bookings.concurrency", "between 2"}},
		"given up after weeks":          {map[string]any{"bookings": map[string]any{"target": map[string]any{"url": "https://a.example"}, "give_up_hours": 400}}, []string{"bookings.give_up_hours", "336"}},
		"told without bookings":         {map[string]any{"notifications": map[string]any{"topic_arn": "arn:aws:sns:eu-central-1:123456789012:t"}}, []string{"notifications", "Only with bookings"}},
		"nobody told":                   {booked(nil, map[string]any{"notifications": map[string]any{}}), []string{"notifications", "Nobody to tell"}},
		"a topic's name":                {booked(nil, map[string]any{"notifications": map[string]any{"topic_arn": "partners"}}), []string{"notifications.topic_arn", "ARN of an SNS topic"}},
		"a webhook of http":             {booked(nil, map[string]any{"notifications": map[string]any{"webhook": map[string]any{"url": "http://a.example", "secret_arn": secretOf("hook")}}}), []string{"notifications.webhook.url", "https"}},
		"another way in":                {map[string]any{"api": map[string]any{"auth": "none"}}, []string{"api.auth", "api_key"}},
		"tokens of nobody":              {map[string]any{"api": map[string]any{"auth": "jwt"}}, []string{"api.jwt", "needs jwt"}},
		"no list of keys":               {map[string]any{"api": map[string]any{"auth": "api_key"}}, []string{"api.keys_arn", "needs keys_arn"}},
		"keys and tokens":               {map[string]any{"api": map[string]any{"auth": "jwt", "jwt": jwt(nil), "keys_arn": secretOf("keys")}}, []string{"api.keys_arn", "Only with auth"}},
		"tokens and IAM":                {map[string]any{"api": map[string]any{"auth": "iam", "jwt": jwt(nil)}}, []string{"api.jwt", "Only with auth"}},
		"a KMS key of no list":          {map[string]any{"api": map[string]any{"auth": "iam", "kms_key_arns": key}}, []string{"api.kms_key_arns", "Only with keys_arn"}},
		"scopes of IAM":                 {map[string]any{"api": map[string]any{"auth": "iam", "write_scope": "book"}}, []string{"api.write_scope", "IAM knows no scopes"}},
		"two scopes":                    {map[string]any{"api": map[string]any{"auth": "jwt", "jwt": jwt(nil), "write_scope": "a b"}}, []string{"api.write_scope", "one scope"}},
		"an issuer of http":             {map[string]any{"api": map[string]any{"auth": "jwt", "jwt": jwt(map[string]any{"issuer": "http://login.example.com"})}}, []string{"api.jwt.issuer", "https"}},
		"an audience of nobody":         {map[string]any{"api": map[string]any{"auth": "jwt", "jwt": jwt(map[string]any{"audience": []any{}})}}, []string{"api.jwt.audience", "at least 1"}},
		"a page without API":            {map[string]any{"site": map[string]any{}}, []string{"site", "Only with api"}},
		"a page that signs nobody in":   {map[string]any{"site": map[string]any{}, "api": map[string]any{"auth": "jwt", "jwt": jwt(nil)}}, []string{"api.jwt.client_id", "Needed by the page"}},
		"a colour's name":               {map[string]any{"site": map[string]any{"primary": "red"}, "api": map[string]any{"auth": "iam"}}, []string{"site.primary", "#0a7d4f"}},
		"a domain without distribution": {map[string]any{"site": map[string]any{"domain": map[string]any{"name": "a.example", "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}}, "api": map[string]any{"auth": "iam"}}, []string{"site.domain", "Only with cdn"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := describedBy(t, c.more)
			systemtest.Refused(t, diags, c.says)
		})
	}
}

// configured reads the configuration of a function as it does itself.
func configured[T interface{ Check() error }](t *testing.T, b *blueprint.Blueprint, key string) T {
	t.Helper()
	f, ok := b.Part(key).Spec.(blueprint.FunctionSpec)
	if !ok {
		t.Fatalf("there is no function %s", key)
	}
	cfg, err := config.Load[T](f.Environment)
	if err == nil {
		err = cfg.Check()
	}
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return cfg
}

// The functions of bookings and the API read what the provider writes.
func TestReadersFunctions(t *testing.T) {
	b := well(t, pipelines["full.json"])
	creator := configured[bookings.CreatorConfig](t, b, "creator")
	if creator.Lease != 6*time.Minute || creator.GiveUpAfter != 48*time.Hour || creator.Format != "csv" || !creator.Gzip || creator.RetentionDays != 90 {
		t.Errorf("creator is told %+v", creator)
	}
	uploader := configured[bookings.UploaderConfig](t, b, "uploader")
	if uploader.Timeout != 2*time.Minute || uploader.Method != "POST" || uploader.Secret != secretOf("partner") || uploader.Header != "X-Partner-Key" || uploader.RetentionDays != creator.RetentionDays || uploader.OutcomesQueue == "" {
		t.Errorf("uploader is told %+v", uploader)
	}
	if f, _ := b.Part("uploader").Spec.(blueprint.FunctionSpec); f.Timeout != 150 {
		t.Errorf("uploader has %d s", f.Timeout)
	}
	if q, _ := b.Part("uploads").Spec.(blueprint.QueueSpec); q.VisibilityTimeout != 900 {
		t.Errorf("a message of uploads is hidden for %d s", q.VisibilityTimeout)
	}
	if notifier := configured[bookings.NotifierConfig](t, b, "notifier"); notifier.WebhookSecret != secretOf("hook") || !strings.HasSuffix(notifier.Topic, ":partners") {
		t.Errorf("notifier is told %+v", notifier)
	}
	if door := configured[api.Config](t, b, "api"); door.Auth != api.AuthKey || door.WriteScope != "book" || !door.Introspection || door.BookingsTable != creator.BookingsTable || door.RetentionDays != creator.RetentionDays {
		t.Errorf("api is told %+v", door)
	}
	if rules, _ := b.Part("results-lifecycle").Spec.(blueprint.LifecycleSpec); rules.Unfinished != 7 || !maps.Equal(rules.Expire, map[string]int{"bookings/work/": 7, "bookings/": 9}) {
		t.Errorf("S3 removes %+v", rules)
	}
	without := well(t, pipelines["signed-in.json"])
	if uploader := configured[bookings.UploaderConfig](t, without, "uploader"); uploader.OutcomesQueue != "" || without.Part("notifier") != nil {
		t.Errorf("nobody is to be told, and uploader is told %+v", uploader)
	}
	if door := configured[api.Config](t, well(t, pipelines["machines.json"]), "api"); door.BookingsTable != "" || door.Auth != api.AuthIAM {
		t.Errorf("the API of machines is told %+v", door)
	}
}

// A pipeline that is not asked for readers has nothing for them.
func TestReadersAreOptional(t *testing.T) {
	b := well(t, nil)
	for _, key := range []string{"bookings", "uploads", "creator", "uploader", "notifier", "api", "graphql", "authorizer", "pages", "results-lifecycle"} {
		if b.Part(key) != nil {
			t.Errorf("there is %s", key)
		}
	}
	for _, output := range []string{"api_url", "page_url", "site_domain_target", "api_domain_target"} {
		if text, there := b.Outputs[output]; text != "" || !there {
			t.Errorf("%s is %q, %t", output, text, there)
		}
	}
}

// What the page knows is what its own tests give it.
func TestPageKnows(t *testing.T) {
	b := well(t, pipelines["signed-in.json"])
	object, ok := b.Part("page-about").Spec.(blueprint.ObjectSpec)
	if !ok || object.Content == nil {
		t.Fatalf("pipeline.json is %+v", object)
	}
	content, err := object.Content()
	want := `{"name":"homes","api":"https://api.example.com/graphql","auth":{"kind":"jwt","issuer":"https://login.example.com/","client_id":"homes","scope":"openid book"},"bookings":true,"languages":["en"]}`
	if err != nil || string(content) != want {
		t.Errorf("the page knows %s, %v, want %s", content, err, want)
	}
	if outputs := b.Outputs; outputs["api_url"] != "https://api.example.com/graphql" || !strings.HasSuffix(outputs["page_url"], "/index.html") {
		t.Errorf("the outputs are %v", outputs)
	}
}

// A thousand bookings and a million requests have their price.
func TestReadersCost(t *testing.T) {
	load := map[string]any{"files": 10_000, "uploads_per_month": 1}
	cost := func(more map[string]any) float64 {
		arguments := maps.Clone(pipelines["full.json"])
		arguments["expected_load"] = maps.Clone(load)
		maps.Copy(arguments["expected_load"].(map[string]any), more)
		return preflight.Cost(well(t, arguments), preflight.Builtin(), "us-east-1").Idle
	}
	plain := cost(nil)
	// An HTTP API costs $1 a million, its answers of 6 KB $0.54, the function about $0.50.
	if more := cost(map[string]any{"api_requests_per_month": 1_000_000}) - plain; more < 1.8 || more > 3.5 {
		t.Errorf("a million requests cost $%.2f, want $1.80 to $3.50", more)
	}
	if more := cost(map[string]any{"bookings_per_month": 1000}) - plain; more < 0.02 || more > 0.5 {
		t.Errorf("a thousand bookings cost $%.3f, want $0.02 to $0.50", more)
	}
}

// All that a role may do with what is not the pipeline's is what an argument names.
func TestReadersGrants(t *testing.T) {
	b := well(t, pipelines["full.json"])
	foreign := map[string][]string{}
	for _, p := range b.Parts {
		role, ok := p.Spec.(blueprint.RoleSpec)
		if !ok {
			continue
		}
		for _, s := range role.Policy.Statement {
			for _, resource := range s.Resource {
				if strings.Contains(resource, "123456789012:secret:") || strings.HasSuffix(resource, ":partners") {
					foreign[p.Key] = append(foreign[p.Key], resource)
				}
			}
		}
	}
	want := map[string][]string{
		"authorizer-role": {secretOf("keys")}, "uploader-role": {secretOf("partner")}, "notifier-role": {secretOf("hook"), "arn:aws:sns:eu-central-1:123456789012:partners"},
	}
	if !maps.EqualFunc(foreign, want, func(a, b []string) bool {
		return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
	}) {
		t.Errorf("the roles may use %v, want %v", foreign, want)
	}
}
