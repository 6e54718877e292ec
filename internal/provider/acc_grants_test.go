package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	tfstate "github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/permission"
)

// TestAccVoteUsesItsGrants takes a vote from its first ballot to its final figures and a recount. By then every function has used
// all that its role grants, but for what the blueprint explains; and nothing was refused.
func TestAccVoteUsesItsGrants(t *testing.T) {
	a := newAccount(t)
	if local.Proof() == nil {
		t.Skip("the endpoint judges by itself")
	}
	const name = "lean"
	args := base(name).with("voter_pattern", quote("[0-9]{8}"), "functions", "{ recorder = { timeout_seconds = 2 } }", "grace_seconds", "5", "quarantine", `{ voter_pattern = "9{8}" }`)
	window := func(opens, closes time.Duration) string {
		at := func(d time.Duration) string { return quote(time.Now().Add(d).UTC().Format(time.RFC3339)) }
		return a.config(args.with("opens_at", at(opens), "closes_at", at(closes)))
	}
	a.runCarrying(t,
		resource.TestStep{Config: window(time.Hour, 2*time.Hour), Check: func(s *tfstate.State) error {
			// A rehearsal, a second vote in it, and its end.
			for range 2 {
				request{"a rehearsal", http.MethodPost, `{"voter": "12345670", "answer": "anna", "rehearsal": true}`, http.StatusAccepted, ""}.
					send(t, s.RootModule().Resources[address].Primary.Attributes["vote_url"])
			}
			parts := a.manifest(t, name).Parts
			ballots, ledger := parts["ballots"].Name, parts["ledger"].Name
			a.await(t, "the rehearsal is recorded", func(ctx context.Context) bool { return a.items(ctx, t, ballots) == 1 && a.items(ctx, t, ledger) == 1 })
			var removed map[string]any
			a.invoke(t, name, "reset", struct{}{}, &removed)
			equal(t, "ballots after the reset", a.items(t.Context(), t, ballots), 0)
			equal(t, "ledger after the reset", a.items(t.Context(), t, ledger), 0)
			return nil
		}},
		resource.TestStep{Config: window(-time.Hour, time.Hour), Check: func(s *tfstate.State) error {
			var accepted []string
			for _, r := range requests {
				if id := r.send(t, s.RootModule().Resources[address].Primary.Attributes["vote_url"]); id != "" {
					accepted = append(accepted, id)
				}
			}
			expectEnds(t, a, name, accepted)
			a.deliver(t, name, `{"voter": "12345677", "answer": "anna"}`, time.Now(), 2)
			a.recount(t, name)
			a.deliver(t, name, `{"voter": "99999999", "answer": "anna"}`, time.Now(), 3) // into quarantine
			var control map[string]any
			a.invoke(t, name, "control", map[string]any{"action": "extend", "by_seconds": 60, "by": "arn:aws:iam::123456789012:user/night"}, &control)
			return nil
		}},
		// The window has been closed for so long that nothing more is waited for but the last recorder.
		resource.TestStep{Config: window(-2*time.Hour, -time.Hour), Check: func(s *tfstate.State) error {
			// Before intake refuses a vote as closed, it looks whether an operator moved the closing time.
			request{"a vote after closing", http.MethodPost, `{"voter": "12345675", "answer": "anna"}`, http.StatusForbidden, "closed"}.
				send(t, s.RootModule().Resources[address].Primary.Attributes["vote_url"])
			a.fireSchedule(t, name+"-vote-publisher-tick-"+code)
			a.expectFinal(t, name)
			a.deliver(t, name, `{"voter": "12345676", "answer": "anna"}`, time.Now().Add(-90*time.Minute), 1)
			a.recount(t, name)
			a.fireSchedule(t, name+"-vote-export-tick-"+code)
			records := a.manifest(t, name).Parts["records"].Name
			a.await(t, "the export is there", func(ctx context.Context) bool { return a.exported(ctx, t, records) })
			var released map[string]any
			a.invoke(t, name, "quarantine", map[string]any{"action": "list"}, &released)
			a.invoke(t, name, "quarantine", map[string]any{"action": "release", "rule": "pattern"}, &released)
			return nil
		}},
	)
	for _, d := range local.Proof().Denials(string(a)) {
		t.Errorf("%s was refused %s on %s: %s", d.Principal, d.Action, d.Resource, d.Message)
	}
	if unused := a.unusedGrants(t, name); len(unused) > 0 {
		t.Errorf("granted, never used and not explained:\n%s", strings.Join(unused, "\n"))
	}
}

// items is how many items a table has.
func (a account) items(ctx context.Context, t *testing.T, table string) int {
	t.Helper()
	out := must[*dynamodb.ScanOutput](t)(dynamodb.NewFromConfig(a.aws(home)).Scan(ctx, &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)}))
	return len(out.Items)
}

// exported reports whether the last object of an export is in a bucket.
func (a account) exported(ctx context.Context, t *testing.T, bucket string) bool {
	t.Helper()
	out := must[*s3.ListObjectsV2Output](t)(a.s3().ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket}))
	return slices.ContainsFunc(out.Contents, func(o s3types.Object) bool { return strings.HasSuffix(aws.ToString(o.Key), "/manifest.json") })
}

// fireSchedule fires a schedule at once, by one of the same target and role whose time is past. The local AWS looks for such every
// ten seconds.
func (a account) fireSchedule(t *testing.T, name string) {
	t.Helper()
	client := scheduler.NewFromConfig(a.aws(home))
	like, err := client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CreateSchedule(t.Context(), &scheduler.CreateScheduleInput{
		Name: aws.String(name + "-now"), ScheduleExpression: aws.String("at(2020-01-01T00:00:00)"), Target: like.Target,
		FlexibleTimeWindow:    &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
		ActionAfterCompletion: schedulertypes.ActionAfterCompletionDelete,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// expectFinal waits until the results are final and their publisher has ended: it releases its lease last.
func (a account) expectFinal(t *testing.T, name string) {
	t.Helper()
	parts := a.manifest(t, name).Parts
	bucket, tallies := parts["results"].Name, parts["tallies"].Name
	a.await(t, "the results are final", func(ctx context.Context) bool {
		object, err := s3.NewFromConfig(a.aws(home)).GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String(votingwindow.ResultsObject)})
		if err != nil {
			return false
		}
		var results votingwindow.Results
		return json.NewDecoder(object.Body).Decode(&results) == nil && results.Status == votingwindow.StatusFinal
	})
	a.await(t, "the publisher has ended", func(ctx context.Context) bool {
		found, err := dynamodb.NewFromConfig(a.aws(home)).GetItem(ctx, &dynamodb.GetItemInput{
			TableName: &tallies, Key: map[string]types.AttributeValue{votingwindow.TalliesKey: &types.AttributeValueMemberS{Value: "lease"}},
		})
		if err != nil {
			return false
		}
		until, ok := found.Item["until"].(*types.AttributeValueMemberN)
		if !ok {
			return false
		}
		at, err := strconv.ParseInt(until.Value, 10, 64)
		return err == nil && !time.Now().Before(time.UnixMilli(at))
	})
}

// await polls until something is so.
func (a account) await(t *testing.T, what string, so func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !so(ctx) {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

// deliver hands a vote to the recorder as SQS would after so many receives: one that waited, or came again.
func (a account) deliver(t *testing.T, name, vote string, sent time.Time, receives int) {
	t.Helper()
	var response events.SQSEventResponse
	a.invoke(t, name, "recorder", events.SQSEvent{Records: []events.SQSMessage{{
		MessageId: fmt.Sprintf("delivered-%d", receives), Body: vote, EventSource: "aws:sqs",
		Attributes: map[string]string{"SentTimestamp": strconv.FormatInt(sent.UnixMilli(), 10), "ApproximateReceiveCount": strconv.Itoa(receives)},
	}}}, &response)
	if len(response.BatchItemFailures) > 0 {
		t.Errorf("the recorder failed on %s", vote)
	}
}

// recount recounts, as the operator does.
func (a account) recount(t *testing.T, name string) {
	t.Helper()
	var recounted votingwindow.Recounted
	a.invoke(t, name, "recount", struct{}{}, &recounted)
	if !recounted.Agrees {
		t.Errorf("the recount gave %+v, should agree", recounted)
	}
}

// invoke calls a function of a deployed voting window, as the account's root.
func (a account) invoke(t *testing.T, name, key string, event, answer any) {
	t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	out, err := lambda.NewFromConfig(a.aws(home)).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(a.manifest(t, name).Parts[key].Name), Qualifier: aws.String(blueprint.LiveAlias), Payload: payload,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Payload, answer); err != nil || out.FunctionError != nil {
		t.Fatalf("%s answered %s (%v)", key, out.Payload, err)
	}
}

// unusedGrants lists what the roles of a voting window grant and nobody used, but for what its blueprint explains.
func (a account) unusedGrants(t *testing.T, name string) []string {
	t.Helper()
	described, parts := described(t, a, name)
	roles := map[string]string{}
	for key, p := range parts {
		if _, ok := described.Part(key).Spec.(blueprint.RoleSpec); ok {
			roles["arn:aws:iam::"+string(a)+":role/"+p.name] = key
		}
	}
	return unused(t, described, roles)
}

// unused lists what roles, parts by their ARNs, grant and nobody used, but for what the blueprint explains.
func unused(t *testing.T, b *blueprint.Blueprint, roles map[string]string) []string {
	t.Helper()
	explained := map[string]bool{}
	for _, key := range roles {
		if role, ok := b.Part(key).Spec.(blueprint.RoleSpec); ok {
			for action := range role.Rare {
				explained[key+" "+action] = true
			}
		}
	}
	known := map[string]bool{}
	for _, owner := range local.Proof().Usage().Owners() {
		known[roles[owner]] = true
	}
	for _, key := range roles {
		if !known[key] {
			t.Errorf("the grants of %s are not known", key)
		}
	}
	return local.Proof().Usage().Unused(func(owner string, p permission.Pair) string {
		key, ours := roles[owner]
		if !ours || explained[key+" "+p.Action] {
			return ""
		}
		return fmt.Sprintf("%s %s %s", key, p.Action, p.Resource)
	})
}
