package operator

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

var update = flag.Bool("update", false, "write the golden files anew")

const statusLine = "status voting_window tv-final"

// golden compares a command's output with a file, with times, digests and the
// account made alike.
func golden(t *testing.T, name, got string, n *night) {
	t.Helper()
	got = strings.ReplaceAll(got, n.account, "ACCOUNT")
	got = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`).ReplaceAllString(got, "TIME")
	got = regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllString(got, "SHA256")
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the output is not as %s; if that is meant, run \"go test ./internal/operator -run TestStatus -update\": want -, have +:\n%s", file, diff)
	}
}

// A system in order, then with everything wrong that status judges.
func TestStatus(t *testing.T) {
	n := deployNight(t, nil)
	mark := local.Gate().Meter().Mark()
	well := run(t, statusLine+" --output json")
	if well.code != 0 || well.errs != "" {
		t.Fatalf("of a system in order it says %+v", well)
	}
	golden(t, "well.json", well.out, n)
	for _, c := range local.Gate().Meter().Calls(mark) {
		if c.AccessKey == n.account && !regexp.MustCompile(`^(Get|List|Describe|Head|Filter)`).MatchString(c.Operation) {
			t.Errorf("status calls %s:%s", c.Service, c.Operation)
		}
	}

	n.send(t, "dead-letters", "a", "b")
	if _, err := n.client.SQS.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: aws.String(n.url("votes")), Attributes: map[string]string{"VisibilityTimeout": "30"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.client.CloudWatch.SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{
		AlarmName: aws.String(n.partName("votes-waiting")), StateValue: types.StateValueAlarm, StateReason: aws.String("votes wait"),
	}); err != nil {
		t.Fatal(err)
	}
	n.log(t, "recorder", `{"level":"INFO","msg":"fine"}`, `{"level":"ERROR","msg":"record a message"}`, "2026-11-21 Task timed out after 20.00 seconds\n")
	ill := run(t, statusLine+" --output json")
	if ill.code != 3 || ill.errs != "" {
		t.Errorf("of a system with faults: exit code %d, errors %q", ill.code, ill.errs)
	}
	golden(t, "ill.json", ill.out, n)
	shown := run(t, statusLine)
	if shown.code != 3 {
		t.Errorf("exit code %d, should be 3", shown.code)
	}
	golden(t, "ill.txt", shown.out, n)
}

// log writes lines to a function's log.
func (n *night) log(t *testing.T, function string, lines ...string) {
	t.Helper()
	group, stream := aws.String("/aws/lambda/"+n.partName(function)), aws.String("test")
	if _, err := n.client.Logs.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}); err != nil {
		t.Fatal(err)
	}
	in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream}
	for _, line := range lines {
		in.LogEvents = append(in.LogEvents, logstypes.InputLogEvent{Message: &line, Timestamp: aws.Int64(time.Now().UnixMilli())})
	}
	if _, err := n.client.Logs.PutLogEvents(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// A part that is gone is told as drift and as nothing else.
func TestStatusMissingParts(t *testing.T) {
	n := deployNight(t, nil)
	if _, err := n.client.SQS.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: aws.String(n.url("dead-letters"))}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.client.Logs.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(n.partName("intake-logs"))}); err != nil {
		t.Fatal(err)
	}
	got := run(t, statusLine+" --output json")
	r := fromJSON[report](t, got)
	if diff := cmp.Diff(map[string]string{"dead-letters": "does not exist", "intake-logs": "does not exist"}, r.Drift); diff != "" || len(r.Unread) > 0 || got.code != 3 {
		t.Errorf("exit code %d, unread %q, drift: want -, have +:\n%s", got.code, r.Unread, diff)
	}
}

// Who is at work is told; when the worker has crashed, what to do is told.
func TestStatusAtWork(t *testing.T) {
	n := deployNight(t, nil)
	claim := &deploy.Claim{ID: "x", Operation: "update", Since: time.Date(2027, 5, 22, 18, 0, 0, 0, time.UTC), Holder: deploy.Holder{Who: "ci@runner-7, process 4711"}}
	m := *n.manifest
	m.Status, m.Claim = deploy.Updating, claim
	n.write(t, m)
	got := run(t, statusLine+" --output json")
	r := fromJSON[report](t, got)
	if diff := cmp.Diff(&work{Who: "ci@runner-7, process 4711", Operation: "update", Since: claim.Since, Alive: true}, r.AtWork); diff != "" || got.code != 0 {
		t.Errorf("exit code %d; at work: want -, have +:\n%s", got.code, diff)
	}

	dead := deploy.Self()
	dead.PID = 1 << 30 // No process has such an id.
	m.Claim.Holder = dead
	n.write(t, m)
	got = run(t, statusLine+" --output json")
	r = fromJSON[report](t, got)
	want := []string{"the last change stopped half-way (updating): run terraform apply, which goes on from there"}
	if diff := cmp.Diff(want, r.Wrong); diff != "" || got.code != 3 || r.AtWork == nil || r.AtWork.Alive {
		t.Errorf("exit code %d, at work %+v; wrong: want -, have +:\n%s", got.code, r.AtWork, diff)
	}
}

// write replaces the manifest.
func (n *night) write(t *testing.T, m deploy.Manifest) {
	t.Helper()
	if _, err := n.client.SSM.PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String(deploy.Path(n.system.System, n.name)), Value: aws.String(packed(t, m)), Overwrite: aws.Bool(true), Tier: "Advanced",
	}); err != nil {
		t.Fatal(err)
	}
}

// What may not be read is named, and the exit code does not claim that all is
// well.
func TestStatusUnread(t *testing.T) {
	n, _ := standing(t, nil)
	over := faultFor(t, n.account, "DescribeAlarms")
	got := run(t, statusLine+" --output json")
	over()
	r := fromJSON[report](t, got)
	if got.code != 1 || len(r.Unread) < 1 || !strings.HasPrefix(r.Unread[0], "alarms: ") || r.Healthy || len(r.Queues) != 2 {
		t.Errorf("exit code %d, unread %q, %d queues", got.code, r.Unread, len(r.Queues))
	}
}

// faultFor denies an operation to an account until the returned function is
// called.
func faultFor(t *testing.T, account, operation string) (over func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := local.Gate().Faults().Add(localaws.Fault{
		Operation: operation, Kind: localaws.FaultError, Code: "AccessDenied", Status: 403,
		Match: func(c localaws.Call) bool { return c.AccessKey == account && ctx.Err() == nil },
	}); err != nil {
		t.Fatal(err)
	}
	return cancel
}

// TestStatusReadOnly: a user who may read, and nothing else, sees the status.
func TestStatusReadOnly(t *testing.T) {
	n := deployNight(t, nil)
	actions := map[string]bool{"lambda:GetAlias": true, "logs:FilterLogEvents": true, "cloudwatch:DescribeAlarms": true, "ssm:GetParameter": true, "ssm:GetParameters": true, "dynamodb:GetItem": true, "s3:GetObject": true}
	for _, p := range n.described(t).Parts {
		for _, permission := range n.engine.Kinds[p.Spec.Kind()].Facts().Permissions {
			if slices.Contains(permission.Verbs, kinds.Observing) {
				for _, a := range permission.Actions {
					actions[a] = true
				}
			}
		}
	}
	policy := blueprint.NewPolicy(blueprint.Statement{Effect: "Allow", Action: slices.Collect(maps.Keys(actions)), Resource: []string{"*"}}).JSON()
	user := aws.String("night-shift")
	if _, err := n.client.IAM.CreateUser(t.Context(), &iam.CreateUserInput{UserName: user}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.client.IAM.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: user, PolicyName: aws.String("read"), PolicyDocument: &policy}); err != nil {
		t.Fatal(err)
	}
	key, err := n.client.IAM.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: user})
	if err != nil {
		t.Fatal(err)
	}
	use(t, *key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey)
	got := run(t, statusLine+" --output json")
	if r := fromJSON[report](t, got); got.code != 0 || !r.Healthy || r.Account != n.account {
		t.Errorf("exit code %d: %+v", got.code, r)
	}
	if denied := run(t, redriveLine); denied.code != 1 || !strings.Contains(denied.errs, "receive from dead-letters") {
		t.Errorf("a redrive without rights: %+v", denied)
	}
}

// What another version would change is named, and is nothing wrong.
func TestStatusPending(t *testing.T) {
	n := deployNight(t, nil)
	m := *n.manifest
	m.Provider, m.Parts = "1.1.0", maps.Clone(m.Parts)
	votes := m.Parts["votes"]
	votes.Digest = "0000-00000000"
	m.Parts["votes"] = votes
	m.Parts["older"] = deploy.Record{Kind: "queue", Name: "older", Digest: "0000-00000000", Attributes: kinds.Attributes{"url": n.url("votes")}}
	n.write(t, m)
	got := run(t, statusLine+" --output json")
	r := fromJSON[report](t, got)
	if !slices.Equal(r.Pending, []string{"older", "votes"}) || got.code != 0 || len(r.Drift) != 0 {
		t.Errorf("exit code %d, pending %q, drift %v", got.code, r.Pending, r.Drift)
	}
}

// A manifest with arguments that this version cannot read is told, and the rest
// is shown all the same.
func TestStatusStrangeManifest(t *testing.T) {
	n := deployNight(t, nil)
	m := *n.manifest
	m.Provider, m.Arguments = "9.0.0", json.RawMessage(`{"name":"tv-final","answers":7}`)
	n.write(t, m)
	got := run(t, statusLine+" --output json")
	r := fromJSON[report](t, got)
	if got.code != 1 || len(r.Unread) != 1 || !strings.Contains(r.Unread[0], "which provider 9.0.0 wrote; use that version") || len(r.Functions) != len(n.keys(functionKind)) {
		t.Errorf("exit code %d, unread %q, functions %v", got.code, r.Unread, r.Functions)
	}
}

func TestErrorsText(t *testing.T) {
	for _, c := range []struct {
		status functionStatus
		want   string
	}{
		{functionStatus{}, ""},
		{functionStatus{Errors: 2, LastError: "a\n\tb"}, ", 2 errors in the last 15 minutes: a b"},
		{functionStatus{Errors: 100, LastError: strings.Repeat("ü", 300)}, fmt.Sprintf(", 100 or more errors in the last 15 minutes: %s...", strings.Repeat("ü", 100))},
	} {
		if got := c.status.errorsText(); got != c.want {
			t.Errorf("%q, should be %q", got, c.want)
		}
	}
}

// What an operator has overridden is shown, with who did it.
func TestStatusShowsOverrides(t *testing.T) {
	var out strings.Builder
	r := report{Overrides: map[string]override{
		"closes_at": {Value: "2027-05-22T18:35:00Z", InsteadOf: "2027-05-22T18:25:00Z", By: "arn:aws:iam::123456789012:user/anna", At: "2027-05-22T18:20:00Z"},
		"rate":      {Value: "5"},
	}}
	if err := r.write(&out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"closes_at  2027-05-22T18:35:00Z instead of 2027-05-22T18:25:00Z, by arn:aws:iam::123456789012:user/anna at 2027-05-22T18:20:00Z",
		"rate       5 instead of -, by - at -",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("the report lacks %q:\n%s", line, out.String())
		}
	}
}
