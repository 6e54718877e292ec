package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// working is a made-up system with a function: two parts refer to what only
// AWS knows of others.
func working(s blueprint.Settings) *blueprint.Blueprint {
	b := blueprint.NewBuilder(s)
	q := b.Queue("votes", blueprint.Queue{Visibility: time.Minute})
	f := b.Function("intake", blueprint.Function{MemoryMB: 256, Timeout: 5 * time.Second, Environment: map[string]string{"QUEUE": q.URL()}, Grants: [][]blueprint.Grant{q.Send()}})
	url := b.PublicURL("intake-url", f, []string{"POST"})
	b.Table("ballots", blueprint.Table{Key: "voter", Data: true})
	b.Output("url", url.URL())
	b.Output("queue", q.Name())
	return b.Blueprint()
}

func digestsOf(b *blueprint.Blueprint) map[string]string {
	out := map[string]string{}
	for _, p := range b.Parts {
		out[p.Key], _ = b.Digest(p)
	}
	return out
}

func TestPlan(t *testing.T) {
	base := working(settings())
	all := digestsOf(base)
	without := func(keys ...string) map[string]string {
		out := maps.Clone(all)
		for _, k := range keys {
			delete(out, k)
		}
		return out
	}
	with := func(key, digest string) map[string]string {
		out := maps.Clone(all)
		out[key] = digest
		return out
	}
	unknownTag, unknownKey := settings(), settings()
	unknownTag.Tags = map[string]string{"team": blueprint.Unknown("tags.team")}
	unknownKey.PermissionsBoundaryARN = blueprint.Unknown("permissions_boundary_arn")
	everything := slices.Sorted(maps.Keys(all))
	for name, c := range map[string]struct {
		blue  *blueprint.Blueprint
		prior Prior
		// made are created or replaced; open have no digest yet.
		made, open []string
		urlUnknown bool
		failures   int
	}{
		"create":             {base, Prior{}, everything, nil, true, 0},
		"nothing to do":      {base, Prior{Digests: all}, nil, nil, false, 0},
		"queue deleted":      {base, Prior{Digests: all, Drift: map[string]string{"votes": missing}}, []string{"votes"}, []string{"intake"}, false, 0},
		"queue drifted":      {base, Prior{Digests: all, Drift: map[string]string{"votes": "visibility timeout is 7 s, should be 60 s"}}, nil, nil, false, 0},
		"role deleted":       {base, Prior{Digests: all, Drift: map[string]string{"intake-role": missing}}, []string{"intake-role"}, []string{"intake"}, false, 0},
		"url new":            {base, Prior{Digests: without("intake-url")}, []string{"intake-url"}, nil, true, 0},
		"function half-made": {base, Prior{Digests: with("intake", Incomplete)}, []string{"intake"}, nil, false, 0},
		"table replaced":     {base, Prior{Digests: with("ballots", "ffff-00000000")}, []string{"ballots"}, nil, false, 1},
		"replaced by force":  {base, Prior{Digests: with("ballots", "ffff-00000000"), ForceDestroy: true}, []string{"ballots"}, nil, false, 0},
		"table changed":      {base, Prior{Digests: with("ballots", all["ballots"][:5]+"00000000")}, nil, nil, false, 0},
		"unknown tag":        {working(unknownTag), Prior{Digests: all}, nil, everything, false, 0},
		"unknown boundary":   {working(unknownKey), Prior{Digests: all}, nil, []string{"intake-role"}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := Plan(c.blue, c.prior)
			var made, open []string
			for _, key := range everything {
				if p.Made[key] {
					made = append(made, key)
				}
				if p.Digests[key] == nil {
					open = append(open, key)
				}
			}
			if !slices.Equal(made, c.made) || !slices.Equal(open, c.open) {
				t.Errorf("made %q, want %q; open %q, want %q", made, c.made, open, c.open)
			}
			if u := p.Unknown(c.blue.Outputs["url"]); u != c.urlUnknown {
				t.Errorf("the url is unknown: %t, want %t", u, c.urlUnknown)
			}
			if len(p.Failures) != c.failures {
				t.Errorf("the failures are %+v, want %d", p.Failures, c.failures)
			}
		})
	}
	if f := PlanDestroy(base, all); len(f) != 1 || !strings.Contains(f[0].Detail, `table "ballots"`) || !strings.Contains(f[0].Detail, "Nothing was deleted") {
		t.Errorf("a destroy of data is planned with %+v", f)
	}
	if f := PlanDestroy(base, map[string]string{"votes": all["votes"]}); len(f) != 0 {
		t.Errorf("a destroy without data is refused: %+v", f)
	}
}

// TestPlannedVersions: a function that changes in place has another version
// afterwards, and keeps its name.
func TestPlannedVersions(t *testing.T) {
	base := working(settings())
	all := digestsOf(base)
	version := base.OutputMaps[blueprint.VersionsOutput]["intake"]
	for name, c := range map[string]struct {
		prior Prior
		want  bool
	}{
		"nothing to do":    {Prior{Digests: all}, false},
		"queue drifted":    {Prior{Digests: all, Drift: map[string]string{"votes": "visibility timeout is 7 s, should be 60 s"}}, false},
		"function drifted": {Prior{Digests: all, Drift: map[string]string{"intake": "memory is 128 MB, should be 256 MB"}}, true},
		"role deleted":     {Prior{Digests: all, Drift: map[string]string{"intake-role": missing}}, true},
		"other code":       {Prior{Digests: changed(all, "intake")}, true},
		"create":           {Prior{}, true},
	} {
		if got := Plan(base, c.prior).Unknown(version); got != c.want {
			t.Errorf("%s: the version is unknown: %t, want %t", name, got, c.want)
		}
	}
	if planned := Plan(base, Prior{Digests: changed(all, "intake")}); planned.Unknown(base.Outputs["queue"]) || planned.Unknown(base.Outputs["url"]) {
		t.Error("a function's change makes more unknown than its version")
	}
}

// changed are the digests with that of one part as it was before a change in
// place.
func changed(digests map[string]string, key string) map[string]string {
	out := maps.Clone(digests)
	out[key] = digests[key][:5] + "00000000"
	return out
}

func api(code, message string) error {
	return &smithy.OperationError{ServiceID: "Lambda", OperationName: "PutFunctionConcurrency", Err: &smithy.GenericAPIError{Code: code, Message: message}}
}

// TestFailures: each says what failed, why, what exists and what to do.
func TestFailures(t *testing.T) {
	create := diagnosis{system: tiny, name: "one", create: true}
	update := diagnosis{system: tiny, name: "one"}
	for name, c := range map[string]struct {
		failure Failure
		summary string
		says    []string
	}{
		"access denied": {
			create.ofPart("create", "intake", "function", "one-tiny-intake-euc1", api("AccessDeniedException", "User is not authorized to perform lambda:CreateFunction")),
			`Cannot create function "intake" (one-tiny-intake-euc1) of tiny system "one"`,
			[]string{"Lambda PutFunctionConcurrency: AccessDeniedException", "lambda:CreateFunction", "lack this permission", "exist and are recorded", "terraform untaint"},
		},
		"concurrency": {
			update.ofPart("update", "intake", "function", "f", api("InvalidParameterValueException", "decreases account's UnreservedConcurrentExecution below its minimum value of [100]")),
			"Cannot update function", []string{"keeps 100 executions unreserved", "Concurrent executions", "reserved_concurrency = -1", "goes on from there"},
		},
		"time-out": {
			update.ofPart("update", "votes", "queue", "q", fmt.Errorf("waiting until it is ready: %w", context.DeadlineExceeded)),
			"Cannot update queue", []string{"The time allowed for the operation ran out", "waiting until it is ready", "repeat the command"},
		},
		"patience": {
			update.ofPart("create", "votes", "queue", "q", fmt.Errorf("still so after 2m0s: %w", fmt.Errorf("operation error SQS: %w", api("QueueDeletedRecently", "wait 60 seconds")))),
			"Cannot create queue", []string{"Still so after 2m0s.", "QueueDeletedRecently: wait 60 seconds"},
		},
		"foreign": {
			create.ofPart("create", "votes", "queue", "q", &foreignError{"q", owner(map[string]string{blueprint.TagSystem: "queue", blueprint.TagName: "presale"})}),
			"Cannot create queue", []string{`belongs to queue "presale"`, "left as it is", "Choose another name"},
		},
		"anything": {
			update.of("update", errors.New("the cable is cut")), `Cannot update tiny system "one"`, []string{"The cable is cut", "goes on from there"},
		},
	} {
		if !strings.Contains(c.failure.Summary, c.summary) {
			t.Errorf("%s: the summary is %q, it should hold %q", name, c.failure.Summary, c.summary)
		}
		for _, part := range c.says {
			if !strings.Contains(c.failure.Detail, part) {
				t.Errorf("%s: the detail does not say %q:\n%s", name, part, c.failure.Detail)
			}
		}
	}
}

func TestDrift(t *testing.T) {
	e, account := newEngine(t, 3)
	b := small(settings(), time.Minute)
	made := succeeded(t, e.Apply(t.Context(), input(b, true)))
	url := made.Outputs["votes_url"]
	if _, err := e.AWS.SQS.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{"VisibilityTimeout": "7"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.AWS.SQS.UntagQueue(t.Context(), &sqs.UntagQueueInput{QueueUrl: &url, TagKeys: []string{"team"}}); err != nil {
		t.Fatal(err)
	}
	seen := succeeded(t, e.Observe(t.Context(), input(b, false)))
	want := map[string]string{"votes": "visibility timeout is 7 s, should be 60 s; tag team is missing"}
	if !maps.Equal(seen.Drift, want) {
		t.Errorf("the drift is %q, not %q", seen.Drift, want)
	}
	// Where the blueprint has changed since, a difference is a pending change.
	if pending := succeeded(t, e.Observe(t.Context(), input(small(settings(), 3*time.Minute), false))); len(pending.Drift) != 0 {
		t.Errorf("a pending change is judged as drift: %v", pending.Drift)
	}
	repair := input(b, false)
	repair.Drift = seen.Drift
	succeeded(t, e.Apply(t.Context(), repair))
	// A lost manifest is drift, and what the state knows is enough to mend it.
	if err := storeOf(e).remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	in := input(b, false)
	in.Digests = made.Digests
	lost := succeeded(t, e.Observe(t.Context(), in))
	if !maps.Equal(lost.Drift, map[string]string{ManifestPart: missing}) {
		t.Errorf("the drift without a manifest is %v", lost.Drift)
	}
	in.Drift = lost.Drift
	again := succeeded(t, e.Apply(t.Context(), in))
	if !maps.Equal(again.Digests, made.Digests) || again.Manifest.Status != Ready {
		t.Errorf("the manifest made anew is %+v", again.Manifest)
	}
	succeededGone(t, e, account, b)
}
