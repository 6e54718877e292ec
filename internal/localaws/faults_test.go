package localaws

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
)

// victim is one call per protocol and service for faults to hit.
type victim struct {
	service, operation string
	call               func(context.Context) error
	// An error of the operation by its name in the reference, its code as the SDK reports it, and its type there.
	fault, code string
	typed       func(error) bool
	throttle    string
}

func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

func victims(cfg aws.Config) []victim {
	return []victim{
		{
			"sqs", "GetQueueUrl", call(sqs.NewFromConfig(cfg).GetQueueUrl, &sqs.GetQueueUrlInput{QueueName: aws.String("q")}),
			"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", is[*sqstypes.QueueDoesNotExist], "RequestThrottled",
		},
		{
			"dynamodb", "CreateTable", call(dynamodb.NewFromConfig(cfg).CreateTable, table("t")),
			"ResourceInUseException", "ResourceInUseException", is[*dynamotypes.ResourceInUseException], "ThrottlingException",
		},
		{
			"ssm", "GetParameter", call(ssm.NewFromConfig(cfg).GetParameter, &ssm.GetParameterInput{Name: aws.String("p")}),
			"ParameterNotFound", "ParameterNotFound", is[*ssmtypes.ParameterNotFound], "ThrottlingException",
		},
		{
			"iam", "GetRole", call(iam.NewFromConfig(cfg).GetRole, &iam.GetRoleInput{RoleName: aws.String("r")}),
			"NoSuchEntityException", "NoSuchEntity", is[*iamtypes.NoSuchEntityException], "Throttling",
		},
		{
			"sns", "GetTopicAttributes", call(sns.NewFromConfig(cfg).GetTopicAttributes, &sns.GetTopicAttributesInput{TopicArn: aws.String("arn:aws:sns:eu-central-1:000000000000:t")}),
			"NotFoundException", "NotFound", is[*snstypes.NotFoundException], "Throttling",
		},
		{
			"cloudwatch", "SetAlarmState", call(cloudwatch.NewFromConfig(cfg).SetAlarmState, &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("a"), StateValue: cwtypes.StateValueOk, StateReason: aws.String("test")}),
			"ResourceNotFound", "ResourceNotFound", is[*cwtypes.ResourceNotFound], "Throttling",
		},
		{
			"lambda", "PublishVersion", call(lambda.NewFromConfig(cfg).PublishVersion, &lambda.PublishVersionInput{FunctionName: aws.String("f")}),
			"ResourceConflictException", "ResourceConflictException", is[*lambdatypes.ResourceConflictException], "TooManyRequestsException",
		},
		{
			"scheduler", "GetSchedule", call(scheduler.NewFromConfig(cfg).GetSchedule, &scheduler.GetScheduleInput{Name: aws.String("s")}),
			"ResourceNotFoundException", "ResourceNotFoundException", is[*schedulertypes.ResourceNotFoundException], "ThrottlingException",
		},
		{
			"s3", "CreateBucket", call(s3.NewFromConfig(cfg).CreateBucket, &s3.CreateBucketInput{Bucket: aws.String("bucket")}),
			"BucketAlreadyExists", "BucketAlreadyExists", is[*s3types.BucketAlreadyExists], "SlowDown",
		},
	}
}

func table(name string) *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{
		TableName: aws.String(name), BillingMode: dynamotypes.BillingModePayPerRequest,
		KeySchema:            []dynamotypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: dynamotypes.KeyTypeHash}},
		AttributeDefinitions: []dynamotypes.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: dynamotypes.ScalarAttributeTypeS}},
	}
}

// quick lets the SDK retry without its pauses.
func quick(cfg aws.Config, attempts int) aws.Config {
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = attempts, time.Millisecond })
	}
	return cfg
}

func codeOf(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

func arm(t *testing.T, fault Fault) *Armed {
	t.Helper()
	return must[*Armed](t)(local.Gate().Faults().Add(fault))
}

func TestFaultsAreTheSDKsOwnErrors(t *testing.T) {
	cfg, _ := fresh(t)
	faults := local.Gate().Faults()
	for _, v := range victims(quick(cfg, 3)) {
		t.Run(v.service, func(t *testing.T) {
			t.Cleanup(faults.Clear)
			armed := arm(t, Fault{Service: v.service, Operation: v.operation, Kind: FaultError, Code: v.fault, Message: "said so", Times: 1})
			err := v.call(t.Context())
			if codeOf(err) != v.code || !v.typed(err) || !strings.Contains(err.Error(), "said so") {
				t.Errorf("error: the SDK made %v of it, code %q; want %q", err, codeOf(err), v.code)
			}
			if hits := armed.Hits(); len(hits) != 1 || hits[0].Operation != v.operation || hits[0].Injected != "error" {
				t.Errorf("error: hits are %v, want one on %s", hits, v.operation)
			}

			faults.Clear()
			armed = arm(t, Fault{Service: v.service, Kind: FaultThrottle})
			if err := v.call(t.Context()); codeOf(err) != v.throttle {
				t.Errorf("throttle: the SDK made %v of it, code %q; want %q", err, codeOf(err), v.throttle)
			}
			if n := len(armed.Hits()); n != 3 {
				t.Errorf("throttle: %d attempts were hit; the SDK should have retried it up to 3", n)
			}

			for _, kind := range []FaultKind{FaultTimeout, FaultLostAnswer} {
				faults.Clear()
				armed = arm(t, Fault{Service: v.service, Kind: kind})
				if err := v.call(t.Context()); err == nil || codeOf(err) != "" {
					t.Errorf("%s: got %v, want an error of the connection", kind, err)
				}
				if n := len(armed.Hits()); n != 3 {
					t.Errorf("%s: %d attempts were hit; the SDK should have retried it up to 3", kind, n)
				}
			}
		})
	}
}

func TestLostAnswerTookEffect(t *testing.T) {
	cfg, mark := fresh(t)
	client := sqs.NewFromConfig(quick(cfg, 1))
	arm(t, Fault{Operation: "CreateQueue", Kind: FaultLostAnswer, Times: 1})
	if _, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("votes")}); err == nil {
		t.Fatal("the answer arrived")
	}
	if _, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("votes")}); err != nil {
		t.Errorf("the queue does not exist: %v", err)
	}
	calls := local.Gate().Meter().Calls(mark)
	if c := calls[0]; c.Operation != "CreateQueue" || c.Status != 0 || c.Injected != "lost-answer" || c.ErrorCode != "" {
		t.Errorf("the meter kept %+v", c)
	}
	// And a whole operation's worth of them: the second attempt finds what the first has made.
	tables := dynamodb.NewFromConfig(quick(cfg, 3))
	arm(t, Fault{Operation: "CreateTable", Kind: FaultLostAnswer, Times: 1})
	if _, err := tables.CreateTable(t.Context(), table("ballots")); !is[*dynamotypes.ResourceInUseException](err) {
		t.Errorf("the retried CreateTable gave %v, want ResourceInUseException", err)
	}
}

func TestKillComesBeforeOrAfterTheEffect(t *testing.T) {
	cfg, _ := fresh(t)
	client := sqs.NewFromConfig(quick(cfg, 1))
	for _, takesEffect := range []bool{false, true} {
		killed := 0
		local.Gate().Faults().Clear()
		arm(t, Fault{Operation: "CreateQueue", Kind: FaultKill, TakesEffect: takesEffect, Kill: func() { killed++ }})
		if _, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("votes")}); err == nil || killed != 1 {
			t.Errorf("the call gave %v, and %d were killed; want an error and 1", err, killed)
		}
		_, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("votes")})
		if exists := err == nil; exists != takesEffect {
			t.Errorf("the queue exists: %t, want %t", exists, takesEffect)
		}
	}
}

func TestNthAndTimesCountWhatMatches(t *testing.T) {
	cfg, _ := fresh(t)
	client := sqs.NewFromConfig(quick(cfg, 1))
	url := must[*sqs.CreateQueueOutput](t)(client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("votes")})).QueueUrl
	send := func() bool {
		_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("x")})
		return err == nil
	}
	for _, test := range []struct {
		nth, times int
		want       string // of six calls: . passed, x hit
	}{{0, 0, "xxxxxx"}, {0, 2, "xx...."}, {3, 0, "..x..."}, {3, 2, "..xx.."}, {7, 1, "......"}} {
		local.Gate().Faults().Clear()
		armed := arm(t, Fault{
			Service: "sqs", Operation: "SendMessage", Resource: "votes", Caller: t.Name(), Kind: FaultError, Code: "InternalError",
			Match: func(c Call) bool { return c.Method == http.MethodPost }, Nth: test.nth, Times: test.times,
		})
		arm(t, Fault{Resource: "other", Kind: FaultTimeout})
		got := ""
		for range 6 {
			got += map[bool]string{true: ".", false: "x"}[send()]
		}
		if got != test.want {
			t.Errorf("nth %d, times %d: %s, want %s", test.nth, test.times, got, test.want)
		}
		if hits := strings.Count(test.want, "x"); len(armed.Hits()) != hits || len(local.Gate().Faults().Hits()) != hits || armed.Seen() != 6 {
			t.Errorf("nth %d, times %d: %d hits of %d, want %d of 6", test.nth, test.times, len(armed.Hits()), armed.Seen(), hits)
		}
	}
}

func TestAFaultThatRetriesDoNotOutlast(t *testing.T) {
	cfg, _ := fresh(t)
	client := sqs.NewFromConfig(quick(cfg, 3))
	create := func() error {
		_, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("votes")})
		return err
	}
	armed := arm(t, Fault{Operation: "CreateQueue", Kind: FaultTimeout, Times: 1})
	if err := create(); err != nil || len(armed.Hits()) != 1 {
		t.Errorf("the SDK did not retry one time-out away: %v, %d hits", err, len(armed.Hits()))
	}
	local.Gate().Faults().Clear()
	armed = arm(t, Fault{Operation: "CreateQueue", Kind: FaultThrottle, Nth: 2, Retries: true})
	for i, want := range []string{"", "RequestThrottled", ""} {
		if err := create(); codeOf(err) != want {
			t.Errorf("call %d gave %v, want code %q", i+1, err, want)
		}
	}
	if len(armed.Hits()) != 3 || armed.Seen() != 3 {
		t.Errorf("%d attempts hit of %d calls, want 3 of 3", len(armed.Hits()), armed.Seen())
	}
}

func TestHoldAndDelay(t *testing.T) {
	cfg, _ := fresh(t)
	const held = 300 * time.Millisecond
	client := sqs.NewFromConfig(quick(cfg, 1))
	arm(t, Fault{Operation: "ListQueues", Kind: FaultDelay, Delay: held, Times: 1})
	start := time.Now()
	if _, err := client.ListQueues(t.Context(), &sqs.ListQueuesInput{}); err != nil || time.Since(start) < held {
		t.Errorf("the delayed call gave %v after %s", err, time.Since(start))
	}
	arm(t, Fault{Operation: "ListQueues", Kind: FaultTimeout, Hold: time.Minute, Times: 1})
	ctx, cancel := context.WithTimeout(t.Context(), held)
	defer cancel()
	start = time.Now()
	if _, err := client.ListQueues(ctx, &sqs.ListQueuesInput{}); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 10*held {
		t.Errorf("the held call gave %v after %s, want the caller's own deadline", err, time.Since(start))
	}
}

func TestAddRefusesWhatCouldDoNothing(t *testing.T) {
	for _, fault := range []Fault{{}, {Kind: "flood"}, {Kind: FaultError}, {Kind: FaultKill}, {Kind: FaultDelay}, {Kind: FaultTimeout, Nth: -1}} {
		if _, err := local.Gate().Faults().Add(fault); err == nil {
			t.Errorf("%+v was armed", fault)
		}
	}
}
