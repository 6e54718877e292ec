package kinds

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// TestFunctionBehindOurBack changes a function in every way that its alias
// must show, and repairs it.
func TestFunctionBehindOurBack(t *testing.T) {
	begin(t)
	target := needFunction(t)
	client, name, live := env.AWS.Lambda, aws.String(testFunction), aws.String(blueprint.LiveAlias)
	if got := target.Attributes["version"]; got != "1" {
		t.Errorf("a new function's version is %q, want 1", got)
	}
	steps := []struct {
		name string
		do   func() error
		want []string
	}{
		{"alias deleted", func() error {
			_, err := client.DeleteAlias(t.Context(), &lambda.DeleteAliasInput{FunctionName: name, Name: live})
			return err
		}, []string{"published"}},
		{"changed and not published", func() error {
			_, err := client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: name, MemorySize: aws.Int32(1024)})
			return err
		}, []string{"memory", "published"}},
		{"alias on an older version", func() error {
			_, err := client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: name, Timeout: aws.Int32(3)})
			if err != nil {
				return err
			}
			out, err := client.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: name})
			if err != nil {
				return err
			}
			_, err = client.UpdateAlias(t.Context(), &lambda.UpdateAliasInput{FunctionName: name, Name: live, FunctionVersion: out.Version})
			return err
		}, []string{"timeout"}},
		{"description changed", func() error {
			_, err := client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: name, Description: aws.String("mine")})
			return err
		}, []string{"role_id", "code_bucket", "code_key", "published"}},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			if err := s.do(); err != nil {
				t.Fatal(err)
			}
			if got := differences(functionBase(), observe(t, "function", target)); !slices.Equal(got, s.want) {
				t.Errorf("what differs is %v, want %v", got, s.want)
			}
			update(t, target, functionBase())
		})
	}
}

// TestFunctionUpdates checks which calls a change makes: no more than needed,
// and none that only tries.
func TestFunctionUpdates(t *testing.T) {
	begin(t)
	target := needFunction(t)
	for _, c := range []struct {
		name string
		want blueprint.Spec
		ops  []string
	}{
		{"concurrency alone", with(functionBase(), func(s *blueprint.FunctionSpec) { s.ReservedConcurrency = 7 }),
			[]string{"PutFunctionConcurrency"}},
		{"configuration", with(functionBase(), func(s *blueprint.FunctionSpec) { s.ReservedConcurrency, s.MemoryMB = 7, 512 }),
			[]string{"PublishVersion", "UpdateAlias", "UpdateFunctionConfiguration"}},
	} {
		mark := local.Gate().Meter().Mark()
		update(t, target, c.want)
		var ops []string
		for _, call := range local.Gate().Meter().Calls(mark) {
			if call.Operation != "GetFunction" {
				ops = append(ops, call.Operation)
			}
		}
		slices.Sort(ops)
		if !slices.Equal(ops, c.ops) {
			t.Errorf("%s: made %v, want %v", c.name, ops, c.ops)
		}
	}
	// New code under the same key, as an upgrade of the provider brings it.
	update(t, &Target{Name: testBucket + "/functions.zip"}, with(objectBase(), func(s *blueprint.ObjectSpec) { s.SHA256 = digestOf("second") }))
	before := target.Attributes["version"]
	want := with(functionBase(), func(s *blueprint.FunctionSpec) { s.CodeSHA256 = digestOf("second") })
	update(t, target, want)
	if target.Attributes["version"] == before {
		t.Errorf("new code left the alias at version %s", before)
	}
}

// TestURLPermissions takes each of the two permissions away, and puts a wrong
// one in its place.
func TestURLPermissions(t *testing.T) {
	begin(t)
	needFunction(t)
	target := made(t, testFunction+":"+blueprint.LiveAlias, urlBase())
	client, name, live := env.AWS.Lambda, aws.String(testFunction), aws.String(blueprint.LiveAlias)
	for _, sid := range []string{sidURL, sidFunction} {
		if _, err := client.RemovePermission(t.Context(), &lambda.RemovePermissionInput{FunctionName: name, Qualifier: live, StatementId: &sid}); err != nil {
			t.Fatal(err)
		}
		if got := differences(urlBase(), observe(t, "function_url", target)); !slices.Equal(got, []string{"public_access"}) {
			t.Errorf("without %s what differs is %v", sid, got)
		}
		// Without its condition it lets anybody invoke the function directly.
		if _, err := client.AddPermission(t.Context(), &lambda.AddPermissionInput{
			FunctionName: name, Qualifier: live, StatementId: &sid, Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("*"),
		}); err != nil {
			t.Fatal(err)
		}
		if got := differences(urlBase(), observe(t, "function_url", target)); !slices.Equal(got, []string{"public_access"}) {
			t.Errorf("with a wrong %s what differs is %v", sid, got)
		}
		update(t, target, urlBase())
	}
	if _, err := client.UpdateFunctionUrlConfig(t.Context(), &lambda.UpdateFunctionUrlConfigInput{
		FunctionName: name, Qualifier: live, AuthType: lambdatypes.FunctionUrlAuthTypeAwsIam,
	}); err != nil {
		t.Fatal(err)
	}
	update(t, target, urlBase())
}

// TestMappingKeepsItsSwitch changes a mapping that a function has turned off.
func TestMappingKeepsItsSwitch(t *testing.T) {
	begin(t)
	needFunction(t)
	made(t, testQueue, queueBase())
	target := made(t, testFunction+":"+testQueue, mappingBase())
	id := target.Attributes["id"]
	if _, err := env.AWS.Lambda.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: &id, Enabled: aws.Bool(false)}); err != nil {
		t.Fatal(err)
	}
	want := mappingBase()
	want.BatchSize, want.Enabled = 50, false
	update(t, target, want)
	wanted := want
	wanted.BatchSize, wanted.Enabled = 60, true
	live := observe(t, "event_source_mapping", target)
	if _, err := drivers["event_source_mapping"].Update(t.Context(), target, wanted, live, Changes{"batch_size": true}); err != nil {
		t.Fatal(err)
	}
	if got := differences(wanted, observe(t, "event_source_mapping", target)); !slices.Equal(got, []string{"enabled"}) {
		t.Errorf("what differs is %v, want the switch alone", got)
	}
}

// TestOperatorsSilence changes an alarm and a schedule that an operator has
// switched off: they stay off.
func TestOperatorsSilence(t *testing.T) {
	begin(t)
	needFunction(t)
	bell := made(t, testAlarm, alarmBase())
	tick := made(t, "tv-vote-tick-use1", scheduleBase())
	if _, err := env.AWS.CloudWatch.DisableAlarmActions(t.Context(), &cloudwatch.DisableAlarmActionsInput{AlarmNames: []string{testAlarm}}); err != nil {
		t.Fatal(err)
	}
	s := scheduleBase()
	if _, err := env.AWS.Scheduler.UpdateSchedule(t.Context(), &scheduler.UpdateScheduleInput{
		Name: &tick.Name, ScheduleExpression: &s.Expression, Description: &s.Description, Target: scheduleTarget(s),
		FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff}, State: schedulertypes.ScheduleStateDisabled,
	}); err != nil {
		t.Fatal(err)
	}
	update(t, bell, with(alarmBase(), func(a *blueprint.AlarmSpec) { a.Threshold = 5 }))
	update(t, tick, with(scheduleBase(), func(s *blueprint.ScheduleSpec) { s.MaxAge = 120 }))
	alarms, err := env.AWS.CloudWatch.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{testAlarm}})
	if err != nil || len(alarms.MetricAlarms) != 1 || aws.ToBool(alarms.MetricAlarms[0].ActionsEnabled) {
		t.Errorf("the alarm rings again: %+v, %v", alarms, err)
	}
	out, err := env.AWS.Scheduler.GetSchedule(t.Context(), &scheduler.GetScheduleInput{Name: &tick.Name})
	if err != nil || out.State != schedulertypes.ScheduleStateDisabled {
		t.Errorf("the schedule runs again: %+v, %v", out, err)
	}
}

// TestBatches reads several objects with one call for all and one for each,
// and tells which are missing.
func TestBatches(t *testing.T) {
	begin(t)
	const n = 60 // more than one page of DescribeLogGroups
	var groups []*Target
	for i := range n {
		name := fmt.Sprintf("/aws/lambda/tv-vote-f%02d-use1", i)
		groups = append(groups, targetOf(name))
		if i < 3 || i == n-1 {
			made(t, name, blueprint.LogGroupSpec{RetentionDays: 30})
		}
	}
	alarms := []*Target{made(t, testAlarm, alarmBase()), targetOf("tv-vote-none-use1"), made(t, testAlarm+"2", alarmBase())}
	for _, c := range []struct {
		kind    string
		targets []*Target
		there   []int
	}{
		{"log_group", groups, []int{0, 1, 2, n - 1}}, {"alarm", alarms, []int{0, 2}},
	} {
		mark := local.Gate().Meter().Mark()
		seen, err := drivers[c.kind].ObserveAll(t.Context(), c.targets)
		if err != nil {
			t.Fatal(err)
		}
		var there []int
		for i, o := range seen {
			if o != nil {
				there = append(there, i)
				if !maps.Equal(o.Tags, c.targets[i].Tags) {
					t.Errorf("%s %d has tags %v", c.kind, i, o.Tags)
				}
			}
		}
		if !slices.Equal(there, c.there) {
			t.Errorf("%s: found %v, want %v", c.kind, there, c.there)
		}
		facts := drivers[c.kind].Facts()
		if got, want := int(local.Gate().Meter().Since(mark).Total()), facts.BatchCalls+facts.ObserveCalls*len(c.there); got != want {
			t.Errorf("%s: made %d calls, want %d", c.kind, got, want)
		}
	}
}

// TestTransient tells errors that pass from those that look alike.
func TestTransient(t *testing.T) {
	api := func(code, message string) error {
		return fmt.Errorf("create: %w", &smithy.GenericAPIError{Code: code, Message: message})
	}
	for _, c := range []struct {
		kind string
		err  error
		want bool
	}{
		{"function", api("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."), true},
		{"function", api("InvalidParameterValueException", "Unzipped size must be smaller than 262144000 bytes"), false},
		{"function", api("ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for resource: arn"), true},
		{"function", api("ResourceConflictException", "Function already exist: tv-vote-intake-use1"), false},
		{"function", api("TooManyRequestsException", "Rate exceeded"), true},
		{"event_source_mapping", api("InvalidParameterValueException", "The function execution role does not have permissions to call ReceiveMessage on SQS"), true},
		{"event_source_mapping", api("InvalidParameterValueException", "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"), false},
		{"event_source_mapping", api("InvalidParameterValueException", "Cannot access stream arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/s. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, ListStreams Actions on your stream in IAM."), true},
		{"table_item", api("TransactionConflictException", "Transaction is ongoing for the item"), true},
		{"table_item", api("ConditionalCheckFailedException", "The conditional request failed"), false},
		{"schedule", api("ValidationException", "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."), true},
		{"schedule", api("ValidationException", "Invalid Schedule Expression rate(1 minutes)."), false},
		{"role", api("NoSuchEntity", "The role with name tv-vote-intake-role-use1 cannot be found."), true},
		{"role", api("NoSuchEntity", "Scope ARN: arn:aws:iam::000000000000:policy/none does not exist or is not attachable."), false},
		{"queue", api("AWS.SimpleQueueService.QueueDeletedRecently", "You must wait 60 seconds"), true},
		{"table", api("LimitExceededException", "Subscriber limit exceeded: Only 500 tables can be created, updated, or deleted simultaneously"), true},
		{"table", api("LimitExceededException", "Subscriber limit exceeded: 2500 tables"), false},
		{"bucket", api("BucketNotEmpty", "The bucket you tried to delete is not empty"), false},
		{"bucket", errors.New("connection refused"), false},
	} {
		if got := drivers[c.kind].Transient(c.err); got != c.want {
			t.Errorf("%s: %v is transient: %t, want %t", c.kind, c.err, got, c.want)
		}
	}
}

// TestPermissions fills in what every kind needs: no placeholder is left, and
// every verb is covered.
func TestPermissions(t *testing.T) {
	place := blueprint.Place{Partition: "aws", Region: testRegion, Account: testAccount}
	for _, c := range cases() {
		kind := c.spec.Kind()
		covered := map[Verb]bool{}
		for _, p := range drivers[kind].Facts().Permissions {
			own, ok := p.Of(place, c.part, c.spec)
			if !ok && p.If == "" && p.Unless == "" && !slices.Contains(p.Resources, "{kms_key}") {
				t.Errorf("%s: nothing is left of %v", kind, p)
			}
			for _, r := range own.Resources {
				if r != "*" && (len(r) < 4 || r[:4] != "arn:") || slices.Contains([]byte(r), '{') {
					t.Errorf("%s: resource %s", kind, r)
				}
			}
			for _, v := range own.Verbs {
				covered[v] = true
			}
		}
		if len(covered) != 4 {
			t.Errorf("%s covers %v", kind, covered)
		}
	}
	own, ok := (Permission{Actions: []string{"iam:GetRole"}, Resources: []string{"arn:{partition}:iam::{account}:role{path}{name}"}}).Of(place, testRole, roleBase())
	if want := "arn:aws:iam::" + testAccount + ":role/serverless/" + testRole; !ok || own.Resources[0] != want {
		t.Errorf("a role's resource is %v, want %s", own.Resources, want)
	}
}

// TestPermissionsByNeed: what a spec does not ask for is not granted.
func TestPermissionsByNeed(t *testing.T) {
	place := blueprint.Place{Partition: "aws", Region: testRegion, Account: testAccount}
	bounded := roleBase()
	bounded.PermissionsBoundaryARN = "arn:aws:iam::" + testAccount + ":policy/bounds"
	attached := functionBase()
	attached.VPC = blueprint.VPC{SubnetIDs: []string{"subnet-1"}, SecurityGroupIDs: []string{"sg-1"}}
	for _, c := range []struct {
		spec   blueprint.Spec
		part   string
		action string
		want   bool
	}{
		{roleBase(), testRole, "iam:DeleteRolePermissionsBoundary", true},
		{roleBase(), testRole, "iam:PutRolePermissionsBoundary", false},
		{bounded, testRole, "iam:DeleteRolePermissionsBoundary", false},
		{bounded, testRole, "iam:PutRolePermissionsBoundary", true},
		{functionBase(), testFunction, "ec2:DescribeSubnets", false},
		{attached, testFunction, "ec2:DescribeSubnets", true},
	} {
		got := false
		for _, p := range drivers[c.spec.Kind()].Facts().Permissions {
			if own, ok := p.Of(place, c.part, c.spec); ok && slices.Contains(own.Actions, c.action) {
				got = true
			}
		}
		if got != c.want {
			t.Errorf("%s of %s is granted: %t, want %t", c.action, c.part, got, c.want)
		}
	}
}
