package localaws

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	apitypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

func TestInventoryListsEverythingAndResetEmptiesIt(t *testing.T) {
	cfg, _ := fresh(t)
	ctx := t.Context()
	if left := must[[]string](t)(Inventory(ctx, cfg)); len(left) != 0 {
		t.Fatalf("a fresh account has %q", left)
	}
	queue := must[*sqs.CreateQueueOutput](t)(sqs.NewFromConfig(cfg).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("allowed")}))
	deployRelay(t, cfg, bundleOf(t, []byte("never invoked")), "relay", aws.ToString(queue.QueueUrl))
	for _, err := range []error{
		call(iam.NewFromConfig(cfg).PutRolePolicy, &iam.PutRolePolicyInput{
			RoleName: aws.String("relay"), PolicyName: aws.String("polls"), PolicyDocument: aws.String(reader),
		})(ctx),
		call(dynamodb.NewFromConfig(cfg).CreateTable, table("ballots"))(ctx),
		call(iam.NewFromConfig(cfg).CreatePolicy, &iam.CreatePolicyInput{
			PolicyName:     aws.String("deployer"),
			PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}`),
		})(ctx),
		call(s3.NewFromConfig(cfg).CreateBucket, &s3.CreateBucketInput{
			Bucket: aws.String("results"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: testRegion},
		})(ctx),
		call(cloudwatchlogs.NewFromConfig(cfg).CreateLogGroup, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/aws/lambda/relay")})(ctx),
		call(scheduler.NewFromConfig(cfg).CreateSchedule, schedule("publish"))(ctx),
		call(cloudwatch.NewFromConfig(cfg).PutMetricAlarm, &cloudwatch.PutMetricAlarmInput{
			AlarmName: aws.String("late"), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold, EvaluationPeriods: aws.Int32(1),
			Namespace: aws.String("AWS/SQS"), MetricName: aws.String("ApproximateAgeOfOldestMessage"), Period: aws.Int32(60),
			Statistic: cwtypes.StatisticMaximum, Threshold: aws.Float64(60),
		})(ctx),
		call(ssm.NewFromConfig(cfg).PutParameter, &ssm.PutParameterInput{Name: aws.String("/serverless/vote"), Value: aws.String("{}"), Type: ssmtypes.ParameterTypeString})(ctx),
		call(apigatewayv2.NewFromConfig(cfg).CreateApi, &apigatewayv2.CreateApiInput{Name: aws.String("door"), ProtocolType: apitypes.ProtocolTypeHttp})(ctx),
		call(apigatewayv2.NewFromConfig(cfg).CreateDomainName, &apigatewayv2.CreateDomainNameInput{DomainName: aws.String("api.example.org")})(ctx),
		call(cognitoidentity.NewFromConfig(cfg).CreateIdentityPool, &cognitoidentity.CreateIdentityPoolInput{IdentityPoolName: aws.String("guests")})(ctx),
		call(sns.NewFromConfig(cfg).CreateTopic, &sns.CreateTopicInput{Name: aws.String("alerts")})(ctx),
		call(lambda.NewFromConfig(cfg).CreateEventSourceMapping, &lambda.CreateEventSourceMappingInput{
			FunctionName: aws.String("relay"), EventSourceArn: aws.String("arn:aws:sqs:" + testRegion + ":000000000000:allowed"), Enabled: aws.Bool(false),
		})(ctx),
		call(lambda.NewFromConfig(cfg).PublishVersion, &lambda.PublishVersionInput{FunctionName: aws.String("relay")})(ctx),
		call(lambda.NewFromConfig(cfg).CreateAlias, &lambda.CreateAliasInput{FunctionName: aws.String("relay"), Name: aws.String("live"), FunctionVersion: aws.String("1")})(ctx),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	found := must[[]string](t)(Inventory(ctx, cfg))
	want := []string{
		"alarm late", "alias relay live", "bucket results", "domain name api.example.org", "function relay",
		"function url relay https://", "http api door", "identity pool guests", "log group /aws/lambda/relay",
		"mapping relay ", "parameter /serverless/vote", "policy deployer", "queue allowed", "role policy relay grants", "role policy relay polls", "role relay",
		"schedule default/publish", "table ballots", "topic alerts",
	}
	if !slices.EqualFunc(found, want, strings.HasPrefix) {
		t.Errorf("found %q,\nwant  %q", found, want)
	}
	if err := local.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	if left := must[[]string](t)(Inventory(ctx, cfg)); len(left) != 0 {
		t.Errorf("after the reset there is still %q", left)
	}
}
