package provider_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

// must fails the test where a call that only prepares it fails.
func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// TestAccChangedByHand changes one attribute of a part of every kind, and the
// tags of one: each is named in drift by a line that a person can read, and
// repaired by the next apply.
func TestAccChangedByHand(t *testing.T) {
	a := newAccount(t)
	const name = "changed"
	_, parts := described(t, a, name)
	results := parts["results"].name
	drift := map[string]string{
		"votes":          "visibility timeout is 30 s, should be 120 s",
		"ledger":         `tag serverless:name is "somebody", should be "changed"`,
		"ballots":        "point in time recovery is off, should be on",
		"results":        `cors allowed origins is empty, should be ["*"]`,
		"window":         `sha256 is not set, should be "DIGEST"; cache control is not set, should be "max-age=5"`,
		"recount":        "memory is 128 MB, should be 1024 MB; published is off, should be on",
		"recount-logs":   "retention is 3 days, should be 14 days",
		"intake-role":    "policy is a policy that allows *, should be a policy that allows dynamodb:GetItem, logs:CreateLogStream, logs:PutLogEvents, sqs:SendMessage",
		"recorder-votes": "batch size is 10, should be 100",
		"publisher-tick": `expression is "rate(5 minutes)", should be "rate(1 minute)"`,
		"intake-url":     "cors max age is 5 s, should be 86400 s",
		"votes-waiting":  "threshold is 7, should be 60",
	}
	a.run(t,
		resource.TestStep{Config: a.config(base(name))},
		resource.TestStep{
			PreConfig: func() {
				a.changeData(t, parts, results)
				a.changeFunctions(t, name, parts)
			},
			Config: a.config(base(name)),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
				expectParts(), expectDrift(drift), expectUnknownOutputs(),
			}},
			ConfigStateChecks: []statecheck.StateCheck{noDrift()},
			Check:             check(t, func(t *testing.T) { repaired(t, a, name) }),
		},
	)
}

func repaired(t *testing.T, a account, name string) {
	t.Helper()
	equal(t, "question", page(t, a, name).question(), "Who wins?")
	equal(t, "tag of the ledger", a.observe(t, name, "ledger").Tags["serverless:name"], name)
}

// changeData changes what holds data, and what watches it.
func (a account) changeData(t *testing.T, parts map[string]part, results string) {
	t.Helper()
	ctx, cfg := t.Context(), a.aws(home)
	queues, tables := sqs.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg)
	url := must[*sqs.GetQueueUrlOutput](t)(queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(parts["votes"].name)})).QueueUrl
	must[*sqs.SetQueueAttributesOutput](t)(queues.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: url, Attributes: map[string]string{"VisibilityTimeout": "30"}}))
	must[*dynamodb.UpdateContinuousBackupsOutput](t)(tables.UpdateContinuousBackups(ctx, &dynamodb.UpdateContinuousBackupsInput{
		TableName:                        aws.String(parts["ballots"].name),
		PointInTimeRecoverySpecification: &dynamotypes.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(false)},
	}))
	must[*dynamodb.TagResourceOutput](t)(tables.TagResource(ctx, &dynamodb.TagResourceInput{
		ResourceArn: aws.String("arn:aws:dynamodb:" + home + ":" + string(a) + ":table/" + parts["ledger"].name),
		Tags:        []dynamotypes.Tag{{Key: aws.String("serverless:name"), Value: aws.String("somebody")}},
	}))
	must[*s3.DeleteBucketCorsOutput](t)(a.s3().DeleteBucketCors(ctx, &s3.DeleteBucketCorsInput{Bucket: &results}))
	must[*s3.PutObjectOutput](t)(a.s3().PutObject(ctx, &s3.PutObjectInput{
		Bucket: &results, Key: aws.String("window.json"), ContentType: aws.String("application/json"), Body: strings.NewReader("{}"),
	}))
	watch := cloudwatch.NewFromConfig(cfg)
	alarm := must[*cloudwatch.DescribeAlarmsOutput](t)(watch.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{parts["votes-waiting"].name}})).MetricAlarms[0]
	must[*cloudwatch.PutMetricAlarmOutput](t)(watch.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
		AlarmName: alarm.AlarmName, AlarmDescription: alarm.AlarmDescription, Namespace: alarm.Namespace, MetricName: alarm.MetricName, Dimensions: alarm.Dimensions,
		Statistic: alarm.Statistic, ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold, Threshold: aws.Float64(7),
		Period: alarm.Period, EvaluationPeriods: alarm.EvaluationPeriods, TreatMissingData: alarm.TreatMissingData,
	}))
}

// changeFunctions changes what runs, and what lets it.
func (a account) changeFunctions(t *testing.T, name string, parts map[string]part) {
	t.Helper()
	ctx, cfg := t.Context(), a.aws(home)
	functions, schedules := lambda.NewFromConfig(cfg), scheduler.NewFromConfig(cfg)
	must[*lambda.UpdateFunctionConfigurationOutput](t)(functions.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String(parts["recount"].name), MemorySize: aws.Int32(128),
	}))
	must[*lambda.UpdateEventSourceMappingOutput](t)(functions.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{
		UUID: aws.String(a.manifest(t, name).Parts["recorder-votes"].Attributes["id"]), BatchSize: aws.Int32(10),
	}))
	must[*lambda.UpdateFunctionUrlConfigOutput](t)(functions.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{
		FunctionName: aws.String(parts["intake"].name), Qualifier: aws.String("live"), Cors: &lambdatypes.Cors{
			AllowOrigins: []string{"*"}, AllowMethods: []string{"POST"}, AllowHeaders: []string{"content-type"}, MaxAge: aws.Int32(5),
		},
	}))
	must[*cloudwatchlogs.PutRetentionPolicyOutput](t)(cloudwatchlogs.NewFromConfig(cfg).PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{
		LogGroupName: aws.String(parts["recount-logs"].name), RetentionInDays: aws.Int32(3),
	}))
	roles := iam.NewFromConfig(cfg)
	policies := must[*iam.ListRolePoliciesOutput](t)(roles.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: aws.String(parts["intake-role"].name)})).PolicyNames
	must[*iam.PutRolePolicyOutput](t)(roles.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: aws.String(parts["intake-role"].name), PolicyName: &policies[0], PolicyDocument: aws.String(anyPolicy),
	}))
	tick := must[*scheduler.GetScheduleOutput](t)(schedules.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: aws.String(parts["publisher-tick"].name)}))
	must[*scheduler.UpdateScheduleOutput](t)(schedules.UpdateSchedule(ctx, &scheduler.UpdateScheduleInput{
		Name: tick.Name, Description: tick.Description, Target: tick.Target, ScheduleExpression: aws.String("rate(5 minutes)"),
		FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
	}))
}

// TestAccDeletedByHand deletes all parts of one kind after the other: the plan
// names each in drift, the apply brings it back, and the plan after is empty.
func TestAccDeletedByHand(t *testing.T) {
	a := newAccount(t)
	const name = "deleted"
	blue, parts := described(t, a, name)
	steps := []resource.TestStep{{Config: a.config(base(name))}}
	for _, kind := range []string{
		"queue", "table", "object", "bucket", "function", "function_url", "event_source_mapping", "log_group", "role", "schedule", "alarm",
	} {
		drift := map[string]string{}
		for key, p := range parts {
			if p.kind == kind || within[p.kind] == kind {
				drift[key] = "does not exist"
			}
		}
		steps = append(steps, resource.TestStep{
			PreConfig: func() {
				// AWS keeps an alarm while a rule names it.
				for _, composite := range []bool{true, false} {
					for key, p := range parts {
						alarm, _ := blue.Part(key).Spec.(blueprint.AlarmSpec)
						if p.kind == kind && alarm.Composite == composite {
							a.delete(t, name, key)
						}
					}
				}
			},
			Config: a.config(base(name)),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate), expectDrift(drift), expectUnknownOutputs(outputsOf[kind]...),
			}},
			ConfigStateChecks: append(outputs(a, name), noDrift()),
			Check:             check(t, func(t *testing.T) { everythingExists(t, a, parts) }),
		})
	}
	a.run(t, steps...)
}

// outputsOf are the outputs that are open in a plan that makes all parts of a
// kind anew, with what is inside them.
var outputsOf = map[string][]string{
	"queue":        {"dead_letter_queue_arn", "dead_letter_queue_url", "votes_queue_arn", "votes_queue_url"},
	"table":        {"table_arns", "table_names"},
	"bucket":       {"page_url", "records_bucket", "results_bucket", "results_url", "studio_url", "window_url"},
	"function":     {"function_arns", "function_names", "vote_url"},
	"function_url": {"vote_url"},
	"role":         {"role_arns"},
	"alarm":        {"alarm_names"},
}

// within are the kinds whose objects go with those of another kind.
var within = map[string]string{"object": "bucket", "function_url": "function"}
