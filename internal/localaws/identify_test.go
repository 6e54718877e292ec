package localaws

import (
	"context"
	"fmt"
	"io"
	"net/http"
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
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// identified is what a test expects the gate to have known of a call.
type identified struct {
	service, operation, resource string
}

// TestIdentifiesCalls makes each call with the real SDK. Whether the local AWS likes the call does not matter here.
func TestIdentifiesCalls(t *testing.T) {
	cfg, _ := fresh(t)
	const queueURL = "http://sqs/000000000000/votes"
	fn := aws.String("intake")
	bucket, key := aws.String("results-bucket"), aws.String("a dir/results+1.json")
	tests := []struct {
		want identified
		call func(context.Context) error
	}{
		{identified{"sqs", "SendMessage", "votes"}, call(sqs.NewFromConfig(cfg).SendMessage, &sqs.SendMessageInput{QueueUrl: aws.String(queueURL), MessageBody: aws.String("x")})},
		{identified{"sqs", "CreateQueue", "votes"}, call(sqs.NewFromConfig(cfg).CreateQueue, &sqs.CreateQueueInput{QueueName: aws.String("votes")})},
		{identified{"dynamodb", "DescribeTable", "ballots"}, call(dynamodb.NewFromConfig(cfg).DescribeTable, &dynamodb.DescribeTableInput{TableName: aws.String("ballots")})},
		{identified{"dynamodb", "TagResource", "ballots"}, call(dynamodb.NewFromConfig(cfg).TagResource, &dynamodb.TagResourceInput{ResourceArn: aws.String("arn:aws:dynamodb:eu-central-1:000000000000:table/ballots"), Tags: []dynamotypes.Tag{}})},
		{identified{"dynamodb", "BatchExecuteStatement", "ballots,tallies"}, call(dynamodb.NewFromConfig(cfg).BatchExecuteStatement, &dynamodb.BatchExecuteStatementInput{
			Statements: []dynamotypes.BatchStatementRequest{
				{Statement: aws.String(`INSERT INTO "tallies" VALUE {'id': '1'}`)}, {Statement: aws.String(`delete from ballots where id = '1'`)},
			},
		})},
		{identified{"dynamodb", "TransactWriteItems", "ballots,tallies"}, call(dynamodb.NewFromConfig(cfg).TransactWriteItems, transaction("tallies", "ballots"))},
		{identified{"iam", "GetRole", "recorder"}, call(iam.NewFromConfig(cfg).GetRole, &iam.GetRoleInput{RoleName: aws.String("recorder")})},
		{identified{"iam", "PutRolePolicy", "recorder"}, call(iam.NewFromConfig(cfg).PutRolePolicy, &iam.PutRolePolicyInput{RoleName: aws.String("recorder"), PolicyName: aws.String("grants"), PolicyDocument: aws.String("{}")})},
		{identified{"sts", "GetCallerIdentity", ""}, call(sts.NewFromConfig(cfg).GetCallerIdentity, &sts.GetCallerIdentityInput{})},
		{identified{"sns", "CreateTopic", "alerts"}, call(sns.NewFromConfig(cfg).CreateTopic, &sns.CreateTopicInput{Name: aws.String("alerts")})},
		{identified{"cloudwatch", "DescribeAlarms", "late"}, call(cloudwatch.NewFromConfig(cfg).DescribeAlarms, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"late"}})},
		{identified{"cloudwatch", "PutMetricAlarm", "late"}, call(cloudwatch.NewFromConfig(cfg).PutMetricAlarm, &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String("late"), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold, EvaluationPeriods: aws.Int32(1)})},
		{identified{"logs", "PutRetentionPolicy", "/aws/lambda/intake"}, call(cloudwatchlogs.NewFromConfig(cfg).PutRetentionPolicy, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("/aws/lambda/intake"), RetentionInDays: aws.Int32(7)})},
		{identified{"logs", "ListTagsForResource", "/aws/lambda/intake"}, call(cloudwatchlogs.NewFromConfig(cfg).ListTagsForResource, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String("arn:aws:logs:eu-central-1:000000000000:log-group:/aws/lambda/intake")})},
		{identified{"ssm", "PutParameter", "/serverless/vote"}, call(ssm.NewFromConfig(cfg).PutParameter, &ssm.PutParameterInput{Name: aws.String("/serverless/vote"), Value: aws.String("{}"), Type: ssmtypes.ParameterTypeString})},
		{identified{"lambda", "CreateFunction", "intake"}, call(lambda.NewFromConfig(cfg).CreateFunction, &lambda.CreateFunctionInput{FunctionName: fn, Role: aws.String("arn:aws:iam::000000000000:role/intake"), Code: &lambdatypes.FunctionCode{ZipFile: []byte("zip")}})},
		{identified{"lambda", "GetFunction", "intake"}, call(lambda.NewFromConfig(cfg).GetFunction, &lambda.GetFunctionInput{FunctionName: fn})},
		{identified{"lambda", "GetFunction", "intake"}, call(lambda.NewFromConfig(cfg).GetFunction, &lambda.GetFunctionInput{FunctionName: aws.String("arn:aws:lambda:eu-central-1:000000000000:function:intake:live")})},
		{identified{"lambda", "ListFunctions", ""}, call(lambda.NewFromConfig(cfg).ListFunctions, &lambda.ListFunctionsInput{})},
		{identified{"lambda", "PublishVersion", "intake"}, call(lambda.NewFromConfig(cfg).PublishVersion, &lambda.PublishVersionInput{FunctionName: fn})},
		{identified{"lambda", "UpdateFunctionCode", "intake"}, call(lambda.NewFromConfig(cfg).UpdateFunctionCode, &lambda.UpdateFunctionCodeInput{FunctionName: fn, ZipFile: []byte("zip")})},
		{identified{"lambda", "PutFunctionConcurrency", "intake"}, call(lambda.NewFromConfig(cfg).PutFunctionConcurrency, &lambda.PutFunctionConcurrencyInput{FunctionName: fn, ReservedConcurrentExecutions: aws.Int32(1)})},
		{identified{"lambda", "CreateEventSourceMapping", "recorder"}, call(lambda.NewFromConfig(cfg).CreateEventSourceMapping, &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("recorder"), EventSourceArn: aws.String("arn:aws:sqs:eu-central-1:000000000000:votes")})},
		{identified{"lambda", "UpdateEventSourceMapping", "7c0b1d2e-0000-4000-8000-000000000000"}, call(lambda.NewFromConfig(cfg).UpdateEventSourceMapping, &lambda.UpdateEventSourceMappingInput{UUID: aws.String("7c0b1d2e-0000-4000-8000-000000000000")})},
		{identified{"lambda", "ListEventSourceMappings", ""}, call(lambda.NewFromConfig(cfg).ListEventSourceMappings, &lambda.ListEventSourceMappingsInput{})},
		{identified{"lambda", "CreateFunctionUrlConfig", "intake"}, call(lambda.NewFromConfig(cfg).CreateFunctionUrlConfig, &lambda.CreateFunctionUrlConfigInput{FunctionName: fn, AuthType: lambdatypes.FunctionUrlAuthTypeNone, Qualifier: aws.String("live")})},
		{identified{"lambda", "GetFunctionUrlConfig", "intake"}, call(lambda.NewFromConfig(cfg).GetFunctionUrlConfig, &lambda.GetFunctionUrlConfigInput{FunctionName: fn})},
		{identified{"lambda", "AddPermission", "intake"}, call(lambda.NewFromConfig(cfg).AddPermission, &lambda.AddPermissionInput{FunctionName: fn, StatementId: aws.String("url"), Action: aws.String("lambda:InvokeFunctionUrl"), Principal: aws.String("*")})},
		{identified{"lambda", "TagResource", "intake"}, call(lambda.NewFromConfig(cfg).TagResource, &lambda.TagResourceInput{Resource: aws.String("arn:aws:lambda:eu-central-1:000000000000:function:intake"), Tags: map[string]string{"a": "b"}})},
		{identified{"lambda", "Invoke", "intake"}, call(lambda.NewFromConfig(cfg).Invoke, &lambda.InvokeInput{FunctionName: fn})},
		{identified{"s3", "CreateBucket", "results-bucket"}, call(s3.NewFromConfig(cfg).CreateBucket, &s3.CreateBucketInput{Bucket: bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: testRegion}})},
		{identified{"s3", "PutObject", "results-bucket/a dir/results+1.json"}, call(s3.NewFromConfig(cfg).PutObject, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("{}")})},
		{identified{"s3", "GetObject", "results-bucket/a dir/results+1.json"}, call(s3.NewFromConfig(cfg).GetObject, &s3.GetObjectInput{Bucket: bucket, Key: key})},
		{identified{"s3", "HeadObject", "results-bucket/a dir/results+1.json"}, call(s3.NewFromConfig(cfg).HeadObject, &s3.HeadObjectInput{Bucket: bucket, Key: key})},
		{identified{"s3", "CopyObject", "results-bucket/copy"}, call(s3.NewFromConfig(cfg).CopyObject, &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("copy"), CopySource: aws.String("results-bucket/x")})},
		{identified{"s3", "UploadPart", "results-bucket/big"}, call(s3.NewFromConfig(cfg).UploadPart, &s3.UploadPartInput{Bucket: bucket, Key: aws.String("big"), PartNumber: aws.Int32(1), UploadId: aws.String("u"), Body: strings.NewReader("part")})},
		{identified{"s3", "HeadBucket", "results-bucket"}, call(s3.NewFromConfig(cfg).HeadBucket, &s3.HeadBucketInput{Bucket: bucket})},
		{identified{"s3", "GetBucketTagging", "results-bucket"}, call(s3.NewFromConfig(cfg).GetBucketTagging, &s3.GetBucketTaggingInput{Bucket: bucket})},
		{identified{"s3", "PutBucketPolicy", "results-bucket"}, call(s3.NewFromConfig(cfg).PutBucketPolicy, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String("{}")})},
		{identified{"s3", "PutBucketLifecycleConfiguration", "results-bucket"}, call(s3.NewFromConfig(cfg).PutBucketLifecycleConfiguration, &s3.PutBucketLifecycleConfigurationInput{Bucket: bucket})},
		{identified{"s3", "ListObjectsV2", "results-bucket"}, call(s3.NewFromConfig(cfg).ListObjectsV2, &s3.ListObjectsV2Input{Bucket: bucket})},
		{identified{"s3", "ListObjectVersions", "results-bucket"}, call(s3.NewFromConfig(cfg).ListObjectVersions, &s3.ListObjectVersionsInput{Bucket: bucket})},
		{identified{"s3", "DeleteObjects", "results-bucket"}, call(s3.NewFromConfig(cfg).DeleteObjects, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &s3types.Delete{Objects: []s3types.ObjectIdentifier{{Key: key}}}})},
		{identified{"s3", "ListBuckets", ""}, call(s3.NewFromConfig(cfg).ListBuckets, &s3.ListBucketsInput{})},
		{identified{"scheduler", "CreateSchedule", "publish"}, call(scheduler.NewFromConfig(cfg).CreateSchedule, schedule("publish"))},
		{identified{"scheduler", "GetSchedule", "publish"}, call(scheduler.NewFromConfig(cfg).GetSchedule, &scheduler.GetScheduleInput{Name: aws.String("publish")})},
		{identified{"apigatewayv2", "CreateApi", "api"}, call(apigatewayv2.NewFromConfig(cfg).CreateApi, &apigatewayv2.CreateApiInput{Name: aws.String("api"), ProtocolType: apitypes.ProtocolTypeHttp})},
		{identified{"apigatewayv2", "GetStage", "0a1b2c3d"}, call(apigatewayv2.NewFromConfig(cfg).GetStage, &apigatewayv2.GetStageInput{ApiId: aws.String("0a1b2c3d"), StageName: aws.String("$default")})},
		{identified{"apigatewayv2", "GetApiMappings", "api.example.org"}, call(apigatewayv2.NewFromConfig(cfg).GetApiMappings, &apigatewayv2.GetApiMappingsInput{DomainName: aws.String("api.example.org")})},
		{identified{"cognito-identity", "CreateIdentityPool", "guests"}, call(cognitoidentity.NewFromConfig(cfg).CreateIdentityPool, &cognitoidentity.CreateIdentityPoolInput{IdentityPoolName: aws.String("guests")})},
		{identified{"cognito-identity", "DescribeIdentityPool", "eu-central-1:0"}, call(cognitoidentity.NewFromConfig(cfg).DescribeIdentityPool, &cognitoidentity.DescribeIdentityPoolInput{IdentityPoolId: aws.String("eu-central-1:0")})},
		{identified{"scheduler", "ListSchedules", ""}, call(scheduler.NewFromConfig(cfg).ListSchedules, &scheduler.ListSchedulesInput{})},
	}
	for _, test := range tests {
		t.Run(test.want.service+"."+test.want.operation, func(t *testing.T) {
			mark := local.Gate().Meter().Mark()
			err := test.call(t.Context())
			calls := local.Gate().Meter().Calls(mark)
			if len(calls) == 0 {
				t.Fatalf("the gate saw no call: %v", err)
			}
			c := calls[0]
			if got := (identified{c.Service, c.Operation, c.Resource}); got != test.want {
				t.Errorf("the gate took %s %s for %v, want %v", c.Method, c.Path, got, test.want)
			}
			if c.Caller != "TestIdentifiesCalls" || c.Region != testRegion && c.Service != "iam" || c.AccessKey != "test" || c.Attempt != 1 || c.Invocation == "" {
				t.Errorf("caller %q, region %q, key %q, attempt %d, invocation %q", c.Caller, c.Region, c.AccessKey, c.Attempt, c.Invocation)
			}
			if (err == nil) != (c.ErrorCode == "") {
				t.Errorf("the caller got %v, the gate noted the code %q", err, c.ErrorCode)
			}
		})
	}
}

// call makes a call of one operation, without its answer.
func call[In, Out, Opts any](operation func(context.Context, In, ...func(*Opts)) (Out, error), input In) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := operation(ctx, input)
		return err
	}
}

func transaction(tables ...string) *dynamodb.TransactWriteItemsInput {
	input := &dynamodb.TransactWriteItemsInput{}
	for _, table := range tables {
		input.TransactItems = append(input.TransactItems, dynamotypes.TransactWriteItem{Put: &dynamotypes.Put{
			TableName: aws.String(table),
			Item:      map[string]dynamotypes.AttributeValue{"id": &dynamotypes.AttributeValueMemberS{Value: "1"}},
		}})
	}
	return input
}

func schedule(name string) *scheduler.CreateScheduleInput {
	return &scheduler.CreateScheduleInput{
		Name:               aws.String(name),
		ScheduleExpression: aws.String("rate(1 minute)"),
		FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
		Target: &schedulertypes.Target{
			Arn:     aws.String("arn:aws:lambda:eu-central-1:000000000000:function:publisher"),
			RoleArn: aws.String("arn:aws:iam::000000000000:role/scheduler"),
		},
	}
}

// TestIdentifiesPlainRequests covers what no SDK sends: unsigned and presigned requests, and hosts that name a bucket.
func TestIdentifiesPlainRequests(t *testing.T) {
	cfg, _ := fresh(t)
	presigned := must[*http.Request](t)(func() (*http.Request, error) {
		signed, err := s3.NewPresignClient(s3.NewFromConfig(cfg)).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b-1"), Key: aws.String("k")})
		if err != nil {
			return nil, err
		}
		return http.NewRequestWithContext(t.Context(), signed.Method, signed.URL, http.NoBody)
	}())
	request := func(method, url string) *http.Request {
		return must[*http.Request](t)(http.NewRequestWithContext(t.Context(), method, url, http.NoBody))
	}
	// What a page sends, that has no header of its own.
	form := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost,
		local.Endpoint()+"/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20270522%2Feu-central-1%2Fsqs%2Faws4_request&X-Amz-Signature=0",
		strings.NewReader("Action=SendMessage&Version=2012-11-05&QueueUrl=http%3A%2F%2Flocalhost%2F000000000000%2Fvotes&MessageBody=%7B%7D")))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	id := strings.Repeat("a", 32)
	for _, test := range []struct {
		request *http.Request
		want    identified
	}{
		{presigned, identified{"s3", "GetObject", "b-1/k"}},
		{form, identified{"sqs", "SendMessage", "votes"}},
		{request("GET", "https://results.s3.eu-central-1.amazonaws.com/results.json"), identified{"s3", "GetObject", "results/results.json"}},
		{request("GET", "http://results.localhost/results.json"), identified{"s3", "GetObject", "results/results.json"}},
		{request("GET", local.Endpoint()+"/results/results.json"), identified{"s3", "GetObject", "results/results.json"}},
		{request("GET", local.Endpoint()+"/results/"), identified{"s3", "ListObjects", "results"}},
		{request("OPTIONS", local.Endpoint()+"/results/results.json"), identified{"s3", "Preflight", ""}},
		{request("POST", "https://"+id+".lambda-url.eu-central-1.on.aws/vote"), identified{"lambda-url", "Invoke", id}},
		{request("POST", "https://0a1b2c3d4e.execute-api.eu-central-1.amazonaws.com/votes"), identified{"execute-api", "Invoke", "0a1b2c3d4e"}},
		{request("OPTIONS", "http://0a1b2c3d4e.execute-api.eu-central-1.localhost/votes"), identified{"execute-api", "Invoke", "0a1b2c3d4e"}},
		{request("POST", "https://api.example.org/votes"), identified{"execute-api", "Invoke", "api.example.org"}},
		{request("POST", local.Endpoint()+"/_aws/lambda-url/"+id+"/vote"), identified{"lambda-url", "Invoke", id}},
	} {
		t.Run(test.want.operation+" "+test.request.URL.Host, func(t *testing.T) {
			mark := local.Gate().Meter().Mark()
			resp := must[*http.Response](t)(local.HTTPClient().Do(test.request))
			defer resp.Body.Close()
			must[[]byte](t)(io.ReadAll(resp.Body))
			calls := local.Gate().Meter().Calls(mark)
			if len(calls) != 1 {
				t.Fatalf("the gate saw %d calls, want 1", len(calls))
			}
			if got := (identified{calls[0].Service, calls[0].Operation, calls[0].Resource}); got != test.want {
				t.Errorf("identified %v, want %v", got, test.want)
			}
		})
	}
}

func TestCallerOf(t *testing.T) {
	for agent, want := range map[string]string{
		"aws-sdk-go-v2/1.47.6 ua/2.1 os/linux lang/go#1.26 api/sqs#1.52.9 app/vote-intake m/E": "vote-intake",
		"APN/1.0 HashiCorp/1.0 Terraform/1.11.4 aws-sdk-go-v2/1.47.6":                          "terraform",
		"aws-sdk-go-v2/1.47.6 os/linux":                                                        "aws-sdk-go-v2",
		"Mozilla/5.0 (X11; Linux)":                                                             "browser",
		"Boto3/1.43":                                                                           "boto3",
		"":                                                                                     "unknown",
	} {
		if got := callerOf(agent); got != want {
			t.Errorf("callerOf(%q) = %q, want %q", agent, got, want)
		}
	}
}

// TestEveryRESTOperationMatchesItself asks the models for every operation of the services that systems are made of, by a
// request that has just what the model demands.
func TestEveryRESTOperationMatchesItself(t *testing.T) {
	for _, service := range []string{"lambda", "s3", "scheduler", "apigatewayv2", "cloudfront"} {
		model := must[*ServiceModel](t)(local.Gate().Models().Service(service))
		// The same request by the model alone: the API's own twins.
		twins := []string{"s3.ListDirectoryBuckets"}
		for _, r := range model.routes {
			path := "/" + strings.Join(r.segments, "/")
			for _, brace := range []string{"{", "}", "+"} {
				path = strings.ReplaceAll(path, brace, "")
			}
			query, header := map[string][]string{}, http.Header{}
			for name, values := range r.literals {
				query[name] = values
			}
			for _, name := range r.needQuery {
				query[name] = []string{"x"}
			}
			for _, name := range r.needHeader {
				header.Set(name, "x")
			}
			operation, _ := model.match(r.operation.HTTP.Method, path, query, header)
			id := fmt.Sprintf("%s.%s", service, r.operation.Name)
			if operation == nil {
				t.Errorf("%s: no operation fits %s", id, path)
			} else if operation != r.operation && !r.operation.Deprecated && !slices.Contains(twins, id) {
				t.Errorf("%s: taken for %s", id, operation.Name)
			}
		}
	}
}
