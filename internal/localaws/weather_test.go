package localaws

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"
)

// climate is an account with weather of its own, whose clock a test moves.
type climate struct {
	*Weather
	t   *testing.T
	cfg aws.Config

	mu  sync.Mutex
	now time.Time
}

// newClimate makes weather of nothing but what the test sets.
func newClimate(t *testing.T, account string, conditions Conditions) *climate {
	t.Helper()
	_, _ = fresh(t)
	c := &climate{t: t, cfg: quick(local.Config(testRegion, account), 1), now: time.Unix(0, 0)}
	conditions.AccessKeys = []string{account}
	conditions.Now = func() time.Time {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.now
	}
	c.Weather = local.Gate().SetWeather(conditions)
	t.Cleanup(c.End)
	return c
}

func (c *climate) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// lasts checks that the call is refused so until just before d has passed since now, and that it then succeeds.
func (c *climate) lasts(h Hardship, d time.Duration, code, message string, call func(context.Context) error) {
	c.t.Helper()
	before := c.Hits()[h]
	for _, wait := range []time.Duration{0, d - time.Nanosecond} {
		c.pass(wait)
		if err := call(c.t.Context()); codeOf(err) != code || !strings.Contains(err.Error(), message) {
			c.t.Errorf("%s: %s on, the answer is %v, want %s: %s", h, wait, err, code, message)
		}
	}
	c.pass(time.Nanosecond)
	if err := call(c.t.Context()); err != nil {
		c.t.Errorf("%s: after %s the answer is %v", h, d, err)
	}
	if n := c.Hits()[h] - before; n != 2 {
		c.t.Errorf("%s: %d hits, want 2", h, n)
	}
}

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com","scheduler.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`

const grants = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:ReceiveMessage","sqs:DeleteMessage","sqs:GetQueueAttributes"],"Resource":"*"}]}`

func (c *climate) role(account string) string {
	c.t.Helper()
	client := iam.NewFromConfig(c.cfg)
	must[*iam.CreateRoleOutput](c.t)(client.CreateRole(c.t.Context(), &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String(trust)}))
	return "arn:aws:iam::" + account + ":role/r"
}

func (c *climate) permit() {
	c.t.Helper()
	must[*iam.PutRolePolicyOutput](c.t)(iam.NewFromConfig(c.cfg).PutRolePolicy(c.t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("grants"), PolicyDocument: aws.String(grants)}))
}

func TestWeatherOfRoles(t *testing.T) {
	const account, spread, policies, lag = "710000000001", 10 * time.Second, 20 * time.Second, 2 * time.Second
	c := newClimate(t, account, Conditions{RoleSpread: spread, PolicySpread: policies, RoleLag: lag})
	role := c.role(account)
	c.lasts(RoleUnknown, lag, "NoSuchEntity", "The role with name r cannot be found.",
		call(iam.NewFromConfig(c.cfg).GetRole, &iam.GetRoleInput{RoleName: aws.String("r")}))
	c.permit()
	trustAgain := func() {
		must[*iam.UpdateAssumeRolePolicyOutput](t)(iam.NewFromConfig(c.cfg).UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("r"), PolicyDocument: aws.String(trust)}))
	}
	trustAgain()
	functions := lambda.NewFromConfig(c.cfg)
	c.lasts(RoleNotAssumable, spread, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.",
		call(functions.CreateFunction, &lambda.CreateFunctionInput{
			FunctionName: aws.String("f"), Role: &role, Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
			Code: &lambdatypes.FunctionCode{ZipFile: []byte(emptyZip)},
		}))
	must[*sqs.CreateQueueOutput](t)(sqs.NewFromConfig(c.cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("votes")}))
	c.permit()
	c.lasts(RoleNotPermitted, policies, "InvalidParameterValueException", "The provided execution role does not have permissions to call ReceiveMessage on SQS",
		call(functions.CreateEventSourceMapping, &lambda.CreateEventSourceMappingInput{
			FunctionName: aws.String("f"), EventSourceArn: aws.String("arn:aws:sqs:" + testRegion + ":" + account + ":votes"),
		}))
	trustAgain()
	c.lasts(RoleNotTrusting, spread, "ValidationException", "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
		call(scheduler.NewFromConfig(c.cfg).CreateSchedule, &scheduler.CreateScheduleInput{
			Name: aws.String("s"), ScheduleExpression: aws.String("rate(1 minute)"), FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
			Target: &schedulertypes.Target{Arn: aws.String("arn:aws:lambda:" + testRegion + ":" + account + ":function:f"), RoleArn: &role},
		}))
}

func TestWeatherOfFunctions(t *testing.T) {
	const account, busy, lag = "710000000002", 3 * time.Second, time.Second
	c := newClimate(t, account, Conditions{FunctionBusy: busy, ListLag: lag})
	role := c.role(account)
	c.permit()
	trustAgain := func() {
		must[*iam.UpdateAssumeRolePolicyOutput](t)(iam.NewFromConfig(c.cfg).UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("r"), PolicyDocument: aws.String(trust)}))
	}
	trustAgain()
	functions := lambda.NewFromConfig(c.cfg)
	made := must[*lambda.CreateFunctionOutput](t)(functions.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("f"), Role: &role, Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Code: &lambdatypes.FunctionCode{ZipFile: []byte(emptyZip)},
	}))
	state := func() string {
		got := must[*lambda.GetFunctionOutput](t)(functions.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")})).Configuration
		return string(got.State) + " " + string(got.LastUpdateStatus)
	}
	if made.State != lambdatypes.StatePending || !strings.HasPrefix(state(), "Pending ") {
		t.Errorf("a function just made is %s, then %s, want Pending", made.State, state())
	}
	update := call(functions.UpdateFunctionConfiguration, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Timeout: aws.Int32(20)})
	if err := lambda.NewFunctionActiveV2Waiter(functions, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, time.Millisecond
	}).
		Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")}, time.Millisecond); err == nil {
		t.Error("a function that is Pending was waited for in no time")
	}
	c.lasts(FunctionBusy, busy, "ResourceConflictException", "The function is currently in the following state: Pending", update)
	if got := state(); !strings.HasSuffix(got, " InProgress") {
		t.Errorf("a function just changed is %s, want InProgress", got)
	}
	c.lasts(FunctionBusy, busy, "ResourceConflictException", "An update is in progress for resource: arn:aws:lambda:"+testRegion+":"+account+":function:f",
		call(functions.PublishVersion, &lambda.PublishVersionInput{FunctionName: aws.String("f")}))
	if err := lambda.NewFunctionUpdatedV2Waiter(functions).Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")}, time.Minute); err != nil {
		t.Errorf("the function does not settle: %v", err)
	}

	must[*sqs.CreateQueueOutput](t)(sqs.NewFromConfig(c.cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("votes")}))
	must[*lambda.CreateEventSourceMappingOutput](t)(functions.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String("f"), EventSourceArn: aws.String("arn:aws:sqs:" + testRegion + ":" + account + ":votes"),
	}))
	c.appears(MappingUnlisted, lag, func() int {
		return len(must[*lambda.ListEventSourceMappingsOutput](t)(functions.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: aws.String("f")})).EventSourceMappings)
	})
}

// appears checks that what was just made is listed once the lag has passed.
func (c *climate) appears(h Hardship, lag time.Duration, count func() int) {
	c.t.Helper()
	var have []int
	for _, wait := range []time.Duration{0, lag - time.Nanosecond, time.Nanosecond} {
		c.pass(wait)
		have = append(have, count())
	}
	if want := []int{0, 0, 1}; !slices.Equal(have, want) || c.Hits()[h] != 2 {
		c.t.Errorf("%s: listed %v with %d hits, want %v with 2", h, have, c.Hits()[h], want)
	}
}

func TestWeatherOfQueuesAndLogs(t *testing.T) {
	const account, held, lag, busy, listed = "710000000003", time.Minute, time.Second, 1500 * time.Millisecond, 2 * time.Second
	c := newClimate(t, account, Conditions{QueueNameHeld: held, QueueLag: lag, LogGroupBusy: busy, ListLag: listed})
	queues := sqs.NewFromConfig(c.cfg)
	create := call(queues.CreateQueue, &sqs.CreateQueueInput{QueueName: aws.String("votes")})
	if err := create(t.Context()); err != nil {
		t.Fatal(err)
	}
	url := aws.String(local.Endpoint() + "/" + account + "/votes")
	c.lasts(QueueUnknown, lag, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.",
		call(queues.GetQueueAttributes, &sqs.GetQueueAttributesInput{QueueUrl: url}))
	must[*sqs.DeleteQueueOutput](t)(queues.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: url}))
	c.lasts(QueueNameHeld, held, "AWS.SimpleQueueService.QueueDeletedRecently", "You must wait 60 seconds after deleting a queue before you can create another with the same name.", create)
	c.appears(QueueUnlisted, listed, func() int {
		return len(must[*sqs.ListQueuesOutput](t)(queues.ListQueues(t.Context(), &sqs.ListQueuesInput{})).QueueUrls)
	})

	logs := cloudwatchlogs.NewFromConfig(c.cfg)
	group := func() {
		must[*cloudwatchlogs.CreateLogGroupOutput](t)(logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("g")}))
	}
	group()
	c.lasts(LogGroupBusy, busy, "OperationAbortedException", "A conflicting operation is currently in progress against this resource. Please try again.",
		call(logs.PutRetentionPolicy, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("g"), RetentionInDays: aws.Int32(14)}))
	must[*cloudwatchlogs.DeleteLogGroupOutput](t)(logs.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("g")}))
	group()
	c.appears(LogGroupUnlisted, listed, func() int {
		return len(must[*cloudwatchlogs.DescribeLogGroupsOutput](t)(logs.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})).LogGroups)
	})
}

func TestWeatherOfTables(t *testing.T) {
	const account, lag, busy, backups = "710000000004", 2 * time.Second, 8 * time.Second, 10 * time.Second
	c := newClimate(t, account, Conditions{TableLag: lag, TableBusy: busy, BackupsLag: backups, Tables: 1})
	client := dynamodb.NewFromConfig(c.cfg)
	create := func(name string) func(context.Context) error { return call(client.CreateTable, table(name)) }
	if err := create("votes")(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.lasts(TableUnknown, lag, "ResourceNotFoundException", "Requested resource not found: Table: votes not found",
		call(client.DescribeTable, &dynamodb.DescribeTableInput{TableName: aws.String("votes")}))
	status := func() dynamotypes.TableStatus {
		return must[*dynamodb.DescribeTableOutput](t)(client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("votes")})).Table.TableStatus
	}
	if got := status(); got != dynamotypes.TableStatusCreating {
		t.Errorf("a table just made is %s, want CREATING", got)
	}
	update := call(client.UpdateTable, &dynamodb.UpdateTableInput{TableName: aws.String("votes"), DeletionProtectionEnabled: aws.Bool(false)})
	c.lasts(TableBusy, busy-lag, "ResourceInUseException", "Table is being created: votes", update)
	if got := status(); got != dynamotypes.TableStatusUpdating {
		t.Errorf("a table just changed is %s, want UPDATING", got)
	}
	c.lasts(BackupsUnavailable, backups-busy, "ContinuousBackupsUnavailableException", "Backups are being enabled for the table: votes. Please retry later",
		call(client.UpdateContinuousBackups, &dynamodb.UpdateContinuousBackupsInput{
			TableName: aws.String("votes"), PointInTimeRecoverySpecification: &dynamotypes.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)},
		}))
	c.lasts(TooManyTables, 2*busy-backups, "LimitExceededException", "Only 1 tables can be created, updated, or deleted simultaneously", create("ballots"))
}

func TestWeatherOfBuckets(t *testing.T) {
	const account, busy = "710000000005", 2 * time.Second
	c := newClimate(t, account, Conditions{BucketBusy: busy})
	client := s3.NewFromConfig(c.cfg)
	bucket := aws.String("weather-" + account)
	create := call(client.CreateBucket, &s3.CreateBucketInput{Bucket: bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: testRegion}})
	if err := create(t.Context()); err != nil {
		t.Fatal(err)
	}
	const conflict = "A conflicting conditional operation is currently in progress against this resource."
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k")}); err != nil {
		t.Errorf("an object could not be put: %v", err)
	}
	c.lasts(BucketBusy, busy, "OperationAborted", conflict, call(client.PutBucketTagging, &s3.PutBucketTaggingInput{
		Bucket: bucket, Tagging: &s3types.Tagging{TagSet: []s3types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}},
	}))
	must[*s3.DeleteObjectOutput](t)(client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("k")}))
	if _, err := client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	c.lasts(BucketBusy, busy, "OperationAborted", conflict, create)
}

func TestWeatherThrottles(t *testing.T) {
	const account = "710000000006"
	c := newClimate(t, account, Conditions{Rates: true})
	functions, parameters := lambda.NewFromConfig(c.cfg), ssm.NewFromConfig(c.cfg)
	list := call(functions.ListFunctions, &lambda.ListFunctionsInput{})
	put := call(parameters.PutParameter, &ssm.PutParameterInput{Name: aws.String("p"), Value: aws.String("v"), Type: "String", Overwrite: aws.Bool(true)})
	get := call(parameters.GetParameter, &ssm.GetParameterInput{Name: aws.String("p")})
	taken := func(n int, call func(context.Context) error) (ok int, code string) {
		for range n {
			if err := call(t.Context()); err == nil {
				ok++
			} else {
				code = codeOf(err)
			}
		}
		return ok, code
	}
	for _, step := range []struct {
		what string
		pass time.Duration
		call func(context.Context) error
		n    int
		ok   int
		code string
	}{
		{"a second's worth of Lambda at once", 0, list, 20, 15, "TooManyRequestsException"},
		{"two fifths of a second later", 2 * time.Second / 5, list, 20, 6, "TooManyRequestsException"},
		{"an hour later no more than at once", time.Hour, list, 20, 15, "TooManyRequestsException"},
		{"parameters have a rate of their own", 0, put, 5, 3, "ThrottlingException"},
		{"reading them another", 0, get, 41, 40, "ThrottlingException"},
	} {
		c.pass(step.pass)
		if ok, code := taken(step.n, step.call); ok != step.ok || code != step.code {
			t.Errorf("%s: %d of %d passed, the others got %s; want %d and %s", step.what, ok, step.n, code, step.ok, step.code)
		}
	}
	if n := c.Hits()[Throttled]; n != 5+14+5+2+1 {
		t.Errorf("%d calls were throttled, want 27", n)
	}
}

func TestWeatherIsOverWhoItIsSetOver(t *testing.T) {
	const account = "710000000007"
	c := newClimate(t, account, Conditions{Region: "eu-west-1", QueueLag: time.Hour})
	made := func(key, region, name string) string {
		client := sqs.NewFromConfig(quick(local.Config(region, key), 1))
		url := must[*sqs.CreateQueueOutput](t)(client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})).QueueUrl
		_, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url})
		return codeOf(err)
	}
	for _, test := range []struct{ key, region, want string }{
		{account, "eu-west-1", "AWS.SimpleQueueService.NonExistentQueue"},
		{account, testRegion, ""},
		{"710000000008", "eu-west-1", ""},
	} {
		if got := made(test.key, test.region, "q"); got != test.want {
			t.Errorf("key %s in %s got %q, want %q", test.key, test.region, got, test.want)
		}
	}
	c.End()
	if got := made(account, "eu-west-1", "another"); got != "" {
		t.Errorf("after its end the weather answers %s", got)
	}
}

func TestLatencyIsAsDealt(t *testing.T) {
	deal := func(seed uint64) (dealt []time.Duration) {
		w := (&Gate{}).SetWeather(Conditions{Latency: 100 * time.Millisecond, Seed: seed})
		for i := range 1000 {
			dealt = append(dealt, w.latency(&Call{Service: "sqs", Operation: "SendMessage", Resource: fmt.Sprint(i % 10)}))
		}
		return dealt
	}
	first := deal(1)
	if diff := cmp.Diff(first, deal(1)); diff != "" {
		t.Errorf("the same seed deals otherwise: %s", diff)
	}
	if slices.Equal(first, deal(2)) {
		t.Error("another seed deals the same")
	}
	slices.Sort(first)
	if median := first[500]; median < 85*time.Millisecond || median > 115*time.Millisecond || first[999] > time.Second {
		t.Errorf("the median is %s and the longest %s, want about 100 ms and at most 1 s", median, first[999])
	}
}

// A queue that is being deleted answers two of three calls as it did before.
func TestWeatherOfDyingQueues(t *testing.T) {
	const account, dying = "710000000009", time.Minute
	c := newClimate(t, account, Conditions{QueueDying: dying, QueueNameHeld: dying})
	queues := sqs.NewFromConfig(c.cfg)
	url := must[*sqs.CreateQueueOutput](t)(queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("votes"), Tags: map[string]string{"team": "shows"}})).QueueUrl
	find := func() string {
		out, err := queues.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("votes")})
		if err != nil {
			return codeOf(err)
		}
		return aws.ToString(out.QueueUrl)
	}
	tags := func() string {
		out, err := queues.ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: url})
		if err != nil {
			return codeOf(err)
		}
		return out.Tags["team"]
	}
	const gone = "AWS.SimpleQueueService.NonExistentQueue"
	if have := tags(); have != "shows" {
		t.Fatalf("the tag is %q", have)
	}
	must[*sqs.DeleteQueueOutput](t)(queues.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: url}))
	have := []string{find(), find(), find(), find(), tags(), tags(), tags()}
	if want := []string{*url, *url, gone, *url, "shows", "shows", gone}; !slices.Equal(have, want) || c.Hits()[QueueDying] != 5 {
		t.Errorf("a dying queue answers %q with %d hits, want %q with 5", have, c.Hits()[QueueDying], want)
	}
	c.pass(dying)
	if have := []string{find(), find()}; !slices.Equal(have, []string{gone, gone}) {
		t.Errorf("a minute later it answers %q", have)
	}
	must[*sqs.CreateQueueOutput](t)(queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("votes")}))
	if have := tags(); have != "" {
		t.Errorf("the queue made anew has the tag %q", have)
	}
}

func TestFasterDividesDurationsAlone(t *testing.T) {
	usual, fast := RealConditions(), RealConditions().Faster(40)
	if fast.QueueNameHeld != 1500*time.Millisecond || fast.RoleSpread != 250*time.Millisecond || fast.Tables != usual.Tables || !fast.Rates {
		t.Errorf("forty times as fast the conditions are %+v", fast)
	}
}
