package deploy

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// inventory is what the engine's account has, apart from the manifest.
func inventory(t *testing.T, account string) []string {
	t.Helper()
	found, err := localaws.Inventory(t.Context(), local.Config(testRegion, account))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestApplyTouchesOnlyWhatChanges(t *testing.T) {
	e, account := newEngine(t, 3)
	res := succeeded(t, e.Apply(t.Context(), input(small(settings(), time.Minute), true)))
	if len(res.Digests) != 6 || res.Outputs["ballots"] != "one-tiny-ballots-euc1" || !strings.Contains(res.Outputs["votes_url"], "one-tiny-votes-euc1") {
		t.Errorf("apply returned %+v", res)
	}
	mark := local.Gate().Meter().Mark()
	succeeded(t, e.Apply(t.Context(), input(small(settings(), 2*time.Minute), false)))
	want := map[string]int{
		"ssm GetParameter": 1, "ssm PutParameter": 2,
		"sqs GetQueueAttributes": 1, "sqs ListQueueTags": 1, "sqs SetQueueAttributes": 1,
	}
	if got := callsOf(mark, account); !maps.Equal(got, want) {
		t.Errorf("an update of one queue made the calls %v, not %v", got, want)
	}
	mark = local.Gate().Meter().Mark()
	b := small(settings(), 2*time.Minute)
	seen := succeeded(t, e.Observe(t.Context(), input(b, false)))
	if n := total(callsOf(mark, account)); n != e.ObserveCalls(b.Blueprint()) || len(seen.Drift) != 0 {
		t.Errorf("observing made %d calls, the kinds declare %d; drift %v", n, e.ObserveCalls(b.Blueprint()), seen.Drift)
	}
	succeededGone(t, e, account, b)
}

func succeededGone(t *testing.T, e *Engine, account string, b *blueprint.Builder) {
	t.Helper()
	if res := succeeded(t, e.Destroy(t.Context(), input(b, false))); res.Exists {
		t.Errorf("after destroy there is still %+v", res)
	}
	if left := inventory(t, account); len(left) != 0 {
		t.Errorf("destroy left %q", left)
	}
}

func TestForeignObjectIsLeftAlone(t *testing.T) {
	e, account := newEngine(t, 3)
	name := "one-tiny-votes-euc1"
	out, err := e.AWS.SQS.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Tags: map[string]string{"owner": "billing"}})
	if err != nil {
		t.Fatal(err)
	}
	b := small(settings(), time.Minute)
	res := e.Apply(t.Context(), input(b, true))
	if len(res.Failures) != 1 || !res.Exists {
		t.Fatalf("apply over somebody's queue returned %+v", res)
	}
	f := res.Failures[0]
	if !strings.Contains(f.Summary, `queue "votes" (`+name+`)`) || !strings.Contains(f.Detail, `owner="billing"`) || !strings.Contains(f.Detail, "left as it is") {
		t.Errorf("the failure is %+v", f)
	}
	tags, err := e.AWS.SQS.ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: out.QueueUrl})
	if err != nil || !maps.Equal(tags.Tags, map[string]string{"owner": "billing"}) {
		t.Errorf("the foreign queue's tags are now %v (%v)", tags, err)
	}
	if res := succeeded(t, e.Destroy(t.Context(), input(b, false))); res.Exists {
		t.Errorf("after destroy there is still %+v", res)
	}
	if left := inventory(t, account); !slices.Equal(left, []string{"queue " + name}) {
		t.Errorf("destroy left %q, it should leave the foreign queue alone", left)
	}
}

// protecting is a system without force_destroy.
func protecting() blueprint.Settings {
	s := settings()
	s.ForceDestroy = false
	return s
}

func TestDataIsProtected(t *testing.T) {
	e, account := newEngine(t, 3)
	succeeded(t, e.Apply(t.Context(), input(small(protecting(), time.Minute), true)))
	before := inventory(t, account)
	rekeyed := func(s blueprint.Settings) *blueprint.Builder {
		b := small(s, time.Minute)
		p := b.Blueprint().Part("ballots")
		spec, ok := p.Spec.(blueprint.TableSpec)
		if !ok {
			t.Fatal("ballots is no table")
		}
		spec.PartitionKey = "elector"
		p.Spec = spec
		return b
	}
	without := blueprint.NewBuilder(protecting())
	without.Queue("dead", blueprint.Queue{Visibility: time.Minute})
	refused := map[string]Result{
		"replace": e.Apply(t.Context(), input(rekeyed(protecting()), false)),
		"prune":   e.Apply(t.Context(), input(without, false)),
		"destroy": e.Destroy(t.Context(), input(small(protecting(), time.Minute), false)),
		// What counts is the value that was applied last.
		"replace and force at once": e.Apply(t.Context(), input(rekeyed(settings()), false)),
	}
	for what, res := range refused {
		if len(res.Failures) == 0 || !res.Exists || res.Failures[0].Argument[0] != "force_destroy" {
			t.Errorf("%s was not refused: %+v", what, res)
		}
	}
	if after := inventory(t, account); !slices.Equal(before, after) {
		t.Errorf("the refused operations changed\n%q\nto\n%q", before, after)
	}
	succeeded(t, e.Apply(t.Context(), input(small(settings(), time.Minute), false)))
	succeeded(t, e.Apply(t.Context(), input(rekeyed(settings()), false)))
	if seen := succeeded(t, e.Observe(t.Context(), input(rekeyed(settings()), false))); len(seen.Drift) != 0 {
		t.Errorf("after the replacement there is drift: %v", seen.Drift)
	}
	succeededGone(t, e, account, rekeyed(settings()))
}

// TestRefusedApplyChangesNothing: not what is written down either. By that,
// hold_functions keeps the functions that are deployed.
func TestRefusedApplyChangesNothing(t *testing.T) {
	e, _ := newEngine(t, 3)
	bundled := func(digest string) blueprint.Settings {
		s := protecting()
		s.BundleSHA256 = digest
		return s
	}
	deployed := small(bundled("deployed"), time.Minute)
	succeeded(t, e.Apply(t.Context(), input(deployed, false)))
	before := res0(t, e)
	b := blueprint.NewBuilder(bundled("never deployed"))
	b.Queue("dead", blueprint.Queue{Visibility: time.Minute})
	in := input(b, false)
	in.Arguments = []byte(`{"name":"one","refused":true}`)
	res := e.Apply(t.Context(), in)
	if len(res.Failures) == 0 || !res.Exists || res.Manifest.BundleSHA256 != "deployed" {
		t.Errorf("the apply was not refused, or takes its functions for deployed: %+v", res)
	}
	if after := res0(t, e); !reflect.DeepEqual(before, after) {
		t.Errorf("the refused apply changed the manifest from\n%+v\nto\n%+v", before, after)
	}
}

// TestFailedApplyKeepsItsFunctions: one that failed before it came to the functions
// leaves those that are deployed.
func TestFailedApplyKeepsItsFunctions(t *testing.T) {
	e, account := newEngine(t, 3)
	s, bundle := relayed(t)
	deployed := s.BundleSHA256
	e = New(e.AWS, func(context.Context, string) ([]byte, error) { return bundle, nil }, "1.2.3")
	functions := func(digest string) *blueprint.Builder {
		s.BundleSHA256 = digest
		b := blueprint.NewBuilder(s)
		b.Function("intake", blueprint.Function{MemoryMB: 128, Timeout: 10 * time.Second})
		return b
	}
	succeeded(t, e.Apply(t.Context(), input(functions(deployed), true)))
	// There is no bundle of that digest.
	res := e.Apply(t.Context(), input(functions(strings.Repeat("0", 64)), false))
	if len(res.Failures) == 0 || res.Manifest.BundleSHA256 != deployed {
		t.Errorf("after %v the functions are those of %s, deployed are those of %s", res.Failures, res.Manifest.BundleSHA256, deployed)
	}
	succeededGone(t, e, account, functions(deployed))
}

// TestDataIsProtectedWithoutManifest: somebody has deleted the manifest, so that
// nothing but the state tells what there is. A destroy without a plan of it, as
// that of a tainted resource, deletes no data.
func TestDataIsProtectedWithoutManifest(t *testing.T) {
	e, account := newEngine(t, 3)
	b := small(protecting(), time.Minute)
	state := input(b, false)
	state.Digests = succeeded(t, e.Apply(t.Context(), input(b, true))).Digests
	if err := storeOf(e).remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := inventory(t, account)
	res := e.Destroy(t.Context(), state)
	if len(res.Failures) == 0 || !res.Exists || res.Failures[0].Argument[0] != "force_destroy" {
		t.Errorf("the destroy was not refused: %+v", res)
	}
	after := slices.DeleteFunc(inventory(t, account), func(s string) bool { return strings.HasPrefix(s, "parameter ") })
	if !slices.Equal(before, after) {
		t.Errorf("the refused destroy changed\n%q\nto\n%q", before, after)
	}
	forced := small(settings(), time.Minute)
	succeeded(t, e.Apply(t.Context(), input(forced, false)))
	succeededGone(t, e, account, forced)
}

func TestRenamedAndPrunedParts(t *testing.T) {
	e, account := newEngine(t, 3)
	succeeded(t, e.Apply(t.Context(), input(small(settings(), time.Minute), true)))
	b := blueprint.NewBuilder(settings())
	b.Table("voters", blueprint.Table{Key: "voter", Data: true}).Formerly("ballots")
	mark := local.Gate().Meter().Mark()
	res := succeeded(t, e.Apply(t.Context(), input(b, false)))
	if rec := res.Manifest.Parts["voters"]; len(res.Manifest.Parts) != 1 || rec.Name != "one-tiny-ballots-euc1" {
		t.Errorf("the manifest has %+v, it should have the old table under its new key", res.Manifest.Parts)
	}
	if calls := callsOf(mark, account); calls["dynamodb CreateTable"] != 0 || calls["dynamodb DeleteTable"] != 1 {
		t.Errorf("the rename made the calls %v", calls)
	}
	if left := inventory(t, account); !slices.Equal(left, []string{"parameter " + Path(tiny, "one"), "table one-tiny-ballots-euc1"}) {
		t.Errorf("after the apply there is %q", left)
	}
	succeededGone(t, e, account, b)
}

func TestRetiredTags(t *testing.T) {
	e, account := newEngine(t, 3)
	s := settings()
	s.Tags = map[string]string{"team": "shows", "old": "1"}
	succeeded(t, e.Apply(t.Context(), input(small(s, time.Minute), true)))
	queue := res0(t, e).Parts["votes"].Attributes["url"]
	if _, err := e.AWS.SQS.TagQueue(t.Context(), &sqs.TagQueueInput{QueueUrl: &queue, Tags: map[string]string{"foreign": "kept"}}); err != nil {
		t.Fatal(err)
	}
	succeeded(t, e.Apply(t.Context(), input(small(settings(), time.Minute), false)))
	tags, err := e.AWS.SQS.ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: &queue})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"team": "shows", "foreign": "kept", blueprint.TagSystem: tiny.Name, blueprint.TagName: "one", blueprint.TagPart: "votes"}
	if !maps.Equal(tags.Tags, want) {
		t.Errorf("the queue's tags are %v, not %v", tags.Tags, want)
	}
	succeededGone(t, e, account, small(settings(), time.Minute))
}

func res0(t *testing.T, e *Engine) *Manifest {
	t.Helper()
	m, err := e.Manifest(t.Context(), tiny, "one")
	if err != nil || m == nil {
		t.Fatalf("manifest: %v", err)
	}
	return m
}

// TestNotKnownEverywhere: what was made a moment ago is seen by one look and not by
// the next, as each may ask another server (DynamoDB API Reference, DescribeTable).
func TestNotKnownEverywhere(t *testing.T) {
	for _, nth := range []int{1, 2} {
		e, account := newEngine(t, 3)
		b := small(settings(), time.Minute)
		armed := arm(t, account, localaws.Fault{
			Service: "dynamodb", Operation: "DescribeTable", Resource: "one-tiny-ballots-euc1", Nth: nth, Kind: localaws.FaultError, Code: "ResourceNotFoundException",
		})
		succeeded(t, e.Apply(t.Context(), input(b, true)))
		if !armed.Fired() {
			t.Errorf("look %d was not hit", nth)
		}
		succeededGone(t, e, account, b)
	}
}

// TestInterrupted: an apply whose context ends writes down what it made, and
// lets go of its claim.
func TestInterrupted(t *testing.T) {
	e, account := newEngine(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	arm(t, account, localaws.Fault{Service: "dynamodb", Operation: "CreateTable", Nth: 1, Kind: localaws.FaultKill, TakesEffect: true, Kill: cancel})
	b := small(settings(), time.Minute)
	res := e.Apply(ctx, input(b, true))
	if len(res.Failures) == 0 || !res.Exists {
		t.Fatalf("an interrupted apply returned %+v", res)
	}
	if m := res0(t, e); m.Status != Creating || m.Claim != nil || m.Live {
		t.Errorf("after the interrupt the manifest is %+v", m)
	}
	again := succeeded(t, e.Apply(t.Context(), input(b, true)))
	if len(again.Digests) != 6 || slices.Contains(slices.Collect(maps.Values(again.Digests)), Incomplete) {
		t.Errorf("the second apply has the digests %v", again.Digests)
	}
	succeededGone(t, e, account, b)
}

// TestObserveIsConcurrent: with every call slowed by the same delay, observing
// takes a fraction of the delays' sum.
func TestObserveIsConcurrent(t *testing.T) {
	e, account := newEngine(t, 3)
	b := small(settings(), time.Minute)
	succeeded(t, e.Apply(t.Context(), input(b, true)))
	const delay = 200 * time.Millisecond
	arm(t, account, localaws.Fault{Kind: localaws.FaultDelay, Delay: delay})
	mark := local.Gate().Meter().Mark()
	began := time.Now()
	succeeded(t, e.Observe(t.Context(), input(b, false)))
	took := time.Since(began)
	var sum time.Duration
	for _, c := range local.Gate().Meter().Calls(mark) {
		if c.AccessKey == account {
			sum += c.Duration
		}
	}
	t.Logf("%s, one after the other %s", took, sum)
	if ratio := float64(took) / float64(sum); ratio > 0.7 {
		t.Errorf("observing took %s, %.2f of the %s that its calls take one after the other", took, ratio, sum)
	}
}
