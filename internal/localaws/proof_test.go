package localaws

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
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
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/permission"
)

// needed are actions and the resource that each is granted on.
type needed [][2]string

// userWith makes a user with these statements, and returns a configuration of its own and its ARN.
func userWith(t *testing.T, cfg aws.Config, name string, statements ...string) (own aws.Config, arn string) {
	t.Helper()
	users := iam.NewFromConfig(cfg)
	user := must[*iam.CreateUserOutput](t)(users.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name})).User
	putUserPolicy(t, cfg, name, statements...)
	key := must[*iam.CreateAccessKeyOutput](t)(users.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})).AccessKey
	own = quick(local.ConfigWith(testRegion, credentials.NewStaticCredentialsProvider(aws.ToString(key.AccessKeyId), aws.ToString(key.SecretAccessKey), "")), 1)
	return own, aws.ToString(user.Arn)
}

func putUserPolicy(t *testing.T, cfg aws.Config, name string, statements ...string) {
	t.Helper()
	must[*iam.PutUserPolicyOutput](t)(iam.NewFromConfig(cfg).PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{
		UserName: &name, PolicyName: aws.String("grants"), PolicyDocument: aws.String(documentOf(statements...)),
	}))
}

func documentOf(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func statement(effect, action, resource string) string {
	return fmt.Sprintf(`{"Effect":%q,"Action":%q,"Resource":%q}`, effect, action, resource)
}

// nothing is a statement that allows no call: IAM takes no policy without a statement.
const nothing = `{"Effect":"Allow","Action":"none:None","Resource":"*"}`

// refused tells whether a call failed since its caller may not make it.
func refused(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	return slices.Contains([]string{"AccessDenied", "AccessDeniedException", "AuthorizationError", "Forbidden"}, api.ErrorCode())
}

const (
	in       = testRegion + ":" + rootAccount + ":"
	tableARN = "arn:aws:dynamodb:" + in + "table/ballots"
	queueARN = "arn:aws:sqs:" + in + "votes"
	groupARN = "arn:aws:logs:" + in + "log-group:/aws/lambda/intake"
	alarmARN = "arn:aws:cloudwatch:" + in + "alarm:late"
	fnARN    = "arn:aws:lambda:" + in + "function:intake"
	paramARN = "arn:aws:ssm:" + in + "parameter/serverless/vote"
	roleARN  = "arn:aws:iam::" + rootAccount + ":role/votes/intake-role"
	planARN  = "arn:aws:scheduler:" + in + "schedule/default/tick"
)

// TestSpecialActions makes each call that AWS judges by more than its own name, as a user who holds just what the call
// needs, and then without each of these grants. Whether the local AWS likes an allowed call does not matter here.
func TestSpecialActions(t *testing.T) {
	cfg, _ := fresh(t)
	prepare(t, cfg)
	own, _ := userWith(t, cfg, "caller", nothing)
	url := "http://sqs/" + rootAccount + "/votes"
	const uuid = "11111111-2222-3333-4444-555555555555"
	tests := map[string]struct {
		call func(context.Context) error
		need needed
	}{
		"sqs batch":       {call(sqs.NewFromConfig(own).SendMessageBatch, &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: []sqstypes.SendMessageBatchRequestEntry{{Id: aws.String("a"), MessageBody: aws.String("b")}}}), needed{{"sqs:SendMessage", queueARN}}},
		"sqs delete":      {call(sqs.NewFromConfig(own).DeleteMessageBatch, &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: []sqstypes.DeleteMessageBatchRequestEntry{{Id: aws.String("a"), ReceiptHandle: aws.String("b")}}}), needed{{"sqs:DeleteMessage", queueARN}}},
		"sqs with tags":   {call(sqs.NewFromConfig(own).CreateQueue, &sqs.CreateQueueInput{QueueName: aws.String("votes"), Tags: map[string]string{"a": "b"}}), needed{{"sqs:CreateQueue", queueARN}, {"sqs:TagQueue", queueARN}}},
		"sqs by name":     {call(sqs.NewFromConfig(own).GetQueueUrl, &sqs.GetQueueUrlInput{QueueName: aws.String("votes")}), needed{{"sqs:GetQueueUrl", queueARN}}},
		"sqs list":        {call(sqs.NewFromConfig(own).ListQueues, &sqs.ListQueuesInput{}), needed{{"sqs:ListQueues", "*"}}},
		"table with tags": {call(dynamodb.NewFromConfig(own).CreateTable, tagged()), needed{{"dynamodb:CreateTable", tableARN + "2"}, {"dynamodb:TagResource", tableARN + "2"}}},
		"transaction": {call(dynamodb.NewFromConfig(own).TransactWriteItems, &dynamodb.TransactWriteItemsInput{TransactItems: []dynamotypes.TransactWriteItem{
			{Put: &dynamotypes.Put{TableName: aws.String("ballots"), Item: voter("a")}},
			{Delete: &dynamotypes.Delete{TableName: aws.String("ledger"), Key: voter("a")}},
			{ConditionCheck: &dynamotypes.ConditionCheck{TableName: aws.String("tallies"), Key: voter("a"), ConditionExpression: aws.String("attribute_not_exists(voter)")}},
		}}), needed{{"dynamodb:PutItem", tableARN}, {"dynamodb:DeleteItem", strings.Replace(tableARN, "ballots", "ledger", 1)}, {"dynamodb:ConditionCheckItem", strings.Replace(tableARN, "ballots", "tallies", 1)}}},
		"statements": {call(dynamodb.NewFromConfig(own).BatchExecuteStatement, &dynamodb.BatchExecuteStatementInput{Statements: []dynamotypes.BatchStatementRequest{
			{Statement: aws.String(`INSERT INTO "ballots" VALUE {'voter': 'a'}`)}, {Statement: aws.String(`INSERT INTO "ballots" VALUE {'voter': 'b'}`)},
			{Statement: aws.String(`UPDATE "ledger" SET a = 1 WHERE voter = 'a'`)},
		}}), needed{{"dynamodb:PartiQLInsert", tableARN}, {"dynamodb:PartiQLUpdate", strings.Replace(tableARN, "ballots", "ledger", 1)}}},
		"batch get": {call(dynamodb.NewFromConfig(own).BatchGetItem, &dynamodb.BatchGetItemInput{RequestItems: map[string]dynamotypes.KeysAndAttributes{
			"ballots": {Keys: []map[string]dynamotypes.AttributeValue{voter("a")}},
		}}), needed{{"dynamodb:BatchGetItem", tableARN}}},
		"batch write": {call(dynamodb.NewFromConfig(own).BatchWriteItem, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]dynamotypes.WriteRequest{
			"ballots": {{PutRequest: &dynamotypes.PutRequest{Item: voter("a")}}},
		}}), needed{{"dynamodb:BatchWriteItem", tableARN}}},
		"index":             {call(dynamodb.NewFromConfig(own).Query, &dynamodb.QueryInput{TableName: aws.String("ballots"), IndexName: aws.String("by-answer"), KeyConditionExpression: aws.String("a = b")}), needed{{"dynamodb:Query", tableARN + "/index/by-answer"}}},
		"head bucket":       {call(s3.NewFromConfig(own).HeadBucket, &s3.HeadBucketInput{Bucket: aws.String("results")}), needed{{"s3:ListBucket", "arn:aws:s3:::results"}}},
		"head object":       {call(s3.NewFromConfig(own).HeadObject, &s3.HeadObjectInput{Bucket: aws.String("results"), Key: aws.String("a.json")}), needed{{"s3:GetObject", "arn:aws:s3:::results/a.json"}}},
		"object version":    {call(s3.NewFromConfig(own).GetObject, &s3.GetObjectInput{Bucket: aws.String("results"), Key: aws.String("a.json"), VersionId: aws.String("v")}), needed{{"s3:GetObjectVersion", "arn:aws:s3:::results/a.json"}}},
		"copy":              {call(s3.NewFromConfig(own).CopyObject, &s3.CopyObjectInput{Bucket: aws.String("results"), Key: aws.String("b.json"), CopySource: aws.String("results/a.json")}), needed{{"s3:GetObject", "arn:aws:s3:::results/a.json"}, {"s3:PutObject", "arn:aws:s3:::results/b.json"}}},
		"put with tags":     {call(s3.NewFromConfig(own).PutObject, &s3.PutObjectInput{Bucket: aws.String("results"), Key: aws.String("t"), Tagging: aws.String("a=b"), Body: bytes.NewReader([]byte("t"))}), needed{{"s3:PutObject", "arn:aws:s3:::results/t"}, {"s3:PutObjectTagging", "arn:aws:s3:::results/t"}}},
		"put with ACL":      {call(s3.NewFromConfig(own).PutObject, &s3.PutObjectInput{Bucket: aws.String("results"), Key: aws.String("t"), ACL: s3types.ObjectCannedACLPublicRead, Body: bytes.NewReader([]byte("t"))}), needed{{"s3:PutObject", "arn:aws:s3:::results/t"}, {"s3:PutObjectAcl", "arn:aws:s3:::results/t"}}},
		"delete objects":    {call(s3.NewFromConfig(own).DeleteObjects, &s3.DeleteObjectsInput{Bucket: aws.String("results"), Delete: &s3types.Delete{Objects: []s3types.ObjectIdentifier{{Key: aws.String("x")}, {Key: aws.String("y"), VersionId: aws.String("v")}}}}), needed{{"s3:DeleteObject", "arn:aws:s3:::results/x"}, {"s3:DeleteObjectVersion", "arn:aws:s3:::results/y"}}},
		"encryption":        {call(s3.NewFromConfig(own).GetBucketEncryption, &s3.GetBucketEncryptionInput{Bucket: aws.String("results")}), needed{{"s3:GetEncryptionConfiguration", "arn:aws:s3:::results"}}},
		"public access":     {call(s3.NewFromConfig(own).GetPublicAccessBlock, &s3.GetPublicAccessBlockInput{Bucket: aws.String("results")}), needed{{"s3:GetBucketPublicAccessBlock", "arn:aws:s3:::results"}}},
		"cors":              {call(s3.NewFromConfig(own).DeleteBucketCors, &s3.DeleteBucketCorsInput{Bucket: aws.String("results")}), needed{{"s3:PutBucketCORS", "arn:aws:s3:::results"}}},
		"versions":          {call(s3.NewFromConfig(own).ListObjectVersions, &s3.ListObjectVersionsInput{Bucket: aws.String("results")}), needed{{"s3:ListBucketVersions", "arn:aws:s3:::results"}}},
		"uploads":           {call(s3.NewFromConfig(own).ListMultipartUploads, &s3.ListMultipartUploadsInput{Bucket: aws.String("results")}), needed{{"s3:ListBucketMultipartUploads", "arn:aws:s3:::results"}}},
		"upload":            {call(s3.NewFromConfig(own).CreateMultipartUpload, &s3.CreateMultipartUploadInput{Bucket: aws.String("results"), Key: aws.String("u")}), needed{{"s3:PutObject", "arn:aws:s3:::results/u"}}},
		"lifecycle":         {call(s3.NewFromConfig(own).GetBucketLifecycleConfiguration, &s3.GetBucketLifecycleConfigurationInput{Bucket: aws.String("results")}), needed{{"s3:GetLifecycleConfiguration", "arn:aws:s3:::results"}}},
		"list buckets":      {call(s3.NewFromConfig(own).ListBuckets, &s3.ListBucketsInput{}), needed{{"s3:ListAllMyBuckets", "*"}}},
		"bucket with tags":  {call(s3.NewFromConfig(own).CreateBucket, &s3.CreateBucketInput{Bucket: aws.String("tagged"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: testRegion, Tags: []s3types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}}), needed{{"s3:CreateBucket", "arn:aws:s3:::tagged"}, {"s3:TagResource", "arn:aws:s3:::tagged"}}},
		"invoke":            {call(lambda.NewFromConfig(own).Invoke, &lambda.InvokeInput{FunctionName: aws.String("intake"), Qualifier: aws.String("live")}), needed{{"lambda:InvokeFunction", fnARN + ":live"}}},
		"invoke by ARN":     {call(lambda.NewFromConfig(own).Invoke, &lambda.InvokeInput{FunctionName: aws.String(fnARN)}), needed{{"lambda:InvokeFunction", fnARN}}},
		"function":          {call(lambda.NewFromConfig(own).CreateFunction, functionInput()), needed{{"lambda:CreateFunction", fnARN}, {"lambda:TagResource", fnARN}, {"iam:PassRole", roleARN}, {"s3:GetObject", "arn:aws:s3:::results/functions.zip"}}},
		"function code":     {call(lambda.NewFromConfig(own).UpdateFunctionCode, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("intake"), S3Bucket: aws.String("results"), S3Key: aws.String("functions.zip")}), needed{{"lambda:UpdateFunctionCode", fnARN}, {"s3:GetObject", "arn:aws:s3:::results/functions.zip"}}},
		"function's role":   {call(lambda.NewFromConfig(own).UpdateFunctionConfiguration, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("intake"), Role: aws.String(roleARN)}), needed{{"lambda:UpdateFunctionConfiguration", fnARN}, {"iam:PassRole", roleARN}}},
		"aliases":           {call(lambda.NewFromConfig(own).ListAliases, &lambda.ListAliasesInput{FunctionName: aws.String("intake")}), needed{{"lambda:ListAliases", fnARN}}},
		"alias":             {call(lambda.NewFromConfig(own).UpdateAlias, &lambda.UpdateAliasInput{FunctionName: aws.String("intake"), Name: aws.String("live")}), needed{{"lambda:UpdateAlias", fnARN}}},
		"version":           {call(lambda.NewFromConfig(own).PublishVersion, &lambda.PublishVersionInput{FunctionName: aws.String("intake")}), needed{{"lambda:PublishVersion", fnARN}}},
		"url":               {call(lambda.NewFromConfig(own).GetFunctionUrlConfig, &lambda.GetFunctionUrlConfigInput{FunctionName: aws.String("intake"), Qualifier: aws.String("live")}), needed{{"lambda:GetFunctionUrlConfig", fnARN + ":live"}}},
		"permission":        {call(lambda.NewFromConfig(own).AddPermission, &lambda.AddPermissionInput{FunctionName: aws.String("intake"), Qualifier: aws.String("live"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("*"), StatementId: aws.String("s")}), needed{{"lambda:AddPermission", fnARN + ":live"}}},
		"function's tags":   {call(lambda.NewFromConfig(own).ListTags, &lambda.ListTagsInput{Resource: aws.String(fnARN)}), needed{{"lambda:ListTags", fnARN}}},
		"mapping":           {call(lambda.NewFromConfig(own).CreateEventSourceMapping, &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("intake"), EventSourceArn: aws.String(queueARN)}), needed{{"lambda:CreateEventSourceMapping", "*"}}},
		"mapping by id":     {call(lambda.NewFromConfig(own).GetEventSourceMapping, &lambda.GetEventSourceMappingInput{UUID: aws.String(uuid)}), needed{{"lambda:GetEventSourceMapping", "arn:aws:lambda:" + in + "event-source-mapping:" + uuid}}},
		"mappings":          {call(lambda.NewFromConfig(own).ListEventSourceMappings, &lambda.ListEventSourceMappingsInput{FunctionName: aws.String("intake")}), needed{{"lambda:ListEventSourceMappings", "*"}}},
		"alarms":            {call(cloudwatch.NewFromConfig(own).DescribeAlarms, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"late"}}), needed{{"cloudwatch:DescribeAlarms", "arn:aws:cloudwatch:" + in + "alarm:*"}}},
		"alarm with tags":   {call(cloudwatch.NewFromConfig(own).PutMetricAlarm, &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String("late"), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold, EvaluationPeriods: aws.Int32(1), Tags: []cwtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}), needed{{"cloudwatch:PutMetricAlarm", alarmARN}, {"cloudwatch:TagResource", alarmARN}}},
		"alarm's tags":      {call(cloudwatch.NewFromConfig(own).ListTagsForResource, &cloudwatch.ListTagsForResourceInput{ResourceARN: aws.String(alarmARN)}), needed{{"cloudwatch:ListTagsForResource", alarmARN}}},
		"delete alarms":     {call(cloudwatch.NewFromConfig(own).DeleteAlarms, &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"late", "early"}}), needed{{"cloudwatch:DeleteAlarms", alarmARN}, {"cloudwatch:DeleteAlarms", strings.Replace(alarmARN, "late", "early", 1)}}},
		"log groups":        {call(cloudwatchlogs.NewFromConfig(own).DescribeLogGroups, &cloudwatchlogs.DescribeLogGroupsInput{}), needed{{"logs:DescribeLogGroups", "*"}}},
		"log group":         {call(cloudwatchlogs.NewFromConfig(own).CreateLogGroup, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/aws/lambda/intake"), Tags: map[string]string{"a": "b"}}), needed{{"logs:CreateLogGroup", groupARN + ":*"}, {"logs:TagResource", groupARN}}},
		"retention":         {call(cloudwatchlogs.NewFromConfig(own).PutRetentionPolicy, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("/aws/lambda/intake"), RetentionInDays: aws.Int32(7)}), needed{{"logs:PutRetentionPolicy", groupARN + ":*"}}},
		"log group's tags":  {call(cloudwatchlogs.NewFromConfig(own).ListTagsForResource, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String(groupARN)}), needed{{"logs:ListTagsForResource", groupARN}}},
		"log events":        {call(cloudwatchlogs.NewFromConfig(own).GetLogEvents, &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("/aws/lambda/intake"), LogStreamName: aws.String("s")}), needed{{"logs:GetLogEvents", groupARN + ":log-stream:s"}}},
		"parameter":         {call(ssm.NewFromConfig(own).PutParameter, &ssm.PutParameterInput{Name: aws.String("/serverless/vote"), Value: aws.String("{}"), Type: ssmtypes.ParameterTypeString, Tags: []ssmtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}), needed{{"ssm:PutParameter", paramARN}, {"ssm:AddTagsToResource", paramARN}}},
		"parameters":        {call(ssm.NewFromConfig(own).GetParameters, &ssm.GetParametersInput{Names: []string{"/serverless/vote", "plain"}}), needed{{"ssm:GetParameters", paramARN}, {"ssm:GetParameters", "arn:aws:ssm:" + in + "parameter/plain"}}},
		"parameters' path":  {call(ssm.NewFromConfig(own).GetParametersByPath, &ssm.GetParametersByPathInput{Path: aws.String("/serverless/")}), needed{{"ssm:GetParametersByPath", "arn:aws:ssm:" + in + "parameter/serverless/"}}},
		"delete parameters": {call(ssm.NewFromConfig(own).DeleteParameters, &ssm.DeleteParametersInput{Names: []string{"/serverless/vote"}}), needed{{"ssm:DeleteParameters", paramARN}}},
		"describe":          {call(ssm.NewFromConfig(own).DescribeParameters, &ssm.DescribeParametersInput{}), needed{{"ssm:DescribeParameters", "*"}}},
		"role with path":    {call(iam.NewFromConfig(own).CreateRole, &iam.CreateRoleInput{RoleName: aws.String("new"), Path: aws.String("/votes/"), AssumeRolePolicyDocument: aws.String("{}"), Tags: []iamtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}), needed{{"iam:CreateRole", "arn:aws:iam::" + rootAccount + ":role/votes/new"}, {"iam:TagRole", "arn:aws:iam::" + rootAccount + ":role/votes/new"}}},
		"role by name":      {call(iam.NewFromConfig(own).GetRole, &iam.GetRoleInput{RoleName: aws.String("intake-role")}), needed{{"iam:GetRole", roleARN}}},
		"assume role":       {call(sts.NewFromConfig(own).AssumeRole, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + rootAccount + ":role/helper"), RoleSessionName: aws.String("night")}), needed{{"sts:AssumeRole", "arn:aws:iam::" + rootAccount + ":role/helper"}}},
		"schedule":          {call(scheduler.NewFromConfig(own).CreateSchedule, scheduleInput()), needed{{"scheduler:CreateSchedule", planARN}, {"iam:PassRole", roleARN}}},
		"schedule's group":  {call(scheduler.NewFromConfig(own).GetSchedule, &scheduler.GetScheduleInput{Name: aws.String("tick"), GroupName: aws.String("night")}), needed{{"scheduler:GetSchedule", strings.Replace(planARN, "default", "night", 1)}}},
		"encrypted queue":   {call(sqs.NewFromConfig(own).SendMessage, &sqs.SendMessageInput{QueueUrl: aws.String("http://sqs/" + rootAccount + "/sealed"), MessageBody: aws.String("b")}), needed{{"sqs:SendMessage", strings.Replace(queueARN, "votes", "sealed", 1)}, {"kms:GenerateDataKey", testKey}, {"kms:Decrypt", testKey}}},
		"encrypted bucket":  {call(s3.NewFromConfig(own).GetObject, &s3.GetObjectInput{Bucket: aws.String("sealed"), Key: aws.String("a.json")}), needed{{"s3:GetObject", "arn:aws:s3:::sealed/a.json"}, {"kms:Decrypt", testKey}}},
		"encrypted table":   {call(dynamodb.NewFromConfig(own).GetItem, &dynamodb.GetItemInput{TableName: aws.String("sealed"), Key: voter("a")}), needed{{"dynamodb:GetItem", strings.Replace(tableARN, "ballots", "sealed", 1)}, {"kms:Decrypt", testKey}}},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		c := tests[name]
		t.Run(name, func(t *testing.T) {
			every := make([]string, len(c.need))
			for i, need := range c.need {
				every[i] = statement("Allow", need[0], need[1])
			}
			putUserPolicy(t, cfg, "caller", every...)
			before := len(local.Proof().Denials(""))
			err := c.call(t.Context())
			if denials := local.Proof().Denials("")[before:]; len(denials) > 0 {
				t.Fatalf("with all that it needs: %v; denied %s on %s", err, denials[0].Action, denials[0].Resource)
			}
			for i, need := range c.need {
				others := slices.Concat(every[:i], every[i+1:])
				if len(others) == 0 {
					others = []string{nothing}
				}
				expectDenied(t, cfg, c.call, need, others...)
				expectDenied(t, cfg, c.call, need, `{"Effect":"Allow","Action":"*","Resource":"*"}`, statement("Deny", need[0], need[1]))
			}
		})
	}
}

// expectDenied makes a call with the statements, and expects it to be refused for want of one grant.
func expectDenied(t *testing.T, cfg aws.Config, call func(context.Context) error, need [2]string, statements ...string) {
	t.Helper()
	putUserPolicy(t, cfg, "caller", statements...)
	before := len(local.Proof().Denials(""))
	err := call(t.Context())
	if !refused(err) {
		t.Errorf("without %s on %s the call gave %v", need[0], need[1], err)
	}
	denials := local.Proof().Denials("")[before:]
	if len(denials) != 1 || denials[0].Action != need[0] || denials[0].Resource != need[1] {
		t.Errorf("without %s on %s the denials are %+v", need[0], need[1], denials)
	}
}

const testKey = "arn:aws:kms:" + in + "key/12345678-1234-1234-1234-123456789012"

func voter(name string) map[string]dynamotypes.AttributeValue {
	return map[string]dynamotypes.AttributeValue{"voter": &dynamotypes.AttributeValueMemberS{Value: name}}
}

func tableInput(name string) *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: dynamotypes.BillingModePayPerRequest,
		KeySchema:            []dynamotypes.KeySchemaElement{{AttributeName: aws.String("voter"), KeyType: dynamotypes.KeyTypeHash}},
		AttributeDefinitions: []dynamotypes.AttributeDefinition{{AttributeName: aws.String("voter"), AttributeType: dynamotypes.ScalarAttributeTypeS}},
	}
}

func tagged() *dynamodb.CreateTableInput {
	input := tableInput("ballots2")
	input.Tags = []dynamotypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}
	return input
}

func functionInput() *lambda.CreateFunctionInput {
	return &lambda.CreateFunctionInput{
		FunctionName: aws.String("intake"), Role: aws.String(roleARN), Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Code: &lambdatypes.FunctionCode{S3Bucket: aws.String("results"), S3Key: aws.String("functions.zip")}, Tags: map[string]string{"a": "b"},
	}
}

func scheduleInput() *scheduler.CreateScheduleInput {
	return &scheduler.CreateScheduleInput{
		Name: aws.String("tick"), ScheduleExpression: aws.String("rate(1 minute)"),
		FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
		Target:             &schedulertypes.Target{Arn: aws.String(fnARN), RoleArn: aws.String(roleARN)},
	}
}

// prepare makes what the calls of TestSpecialActions are about, where AWS must know it to judge them.
func prepare(t *testing.T, cfg aws.Config) {
	t.Helper()
	buckets := s3.NewFromConfig(cfg)
	for _, name := range []string{"results", "sealed"} {
		must[*s3.CreateBucketOutput](t)(buckets.CreateBucket(t.Context(), &s3.CreateBucketInput{
			Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: testRegion},
		}))
		must[*s3.PutObjectOutput](t)(buckets.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &name, Key: aws.String("a.json"), Body: bytes.NewReader([]byte("{}"))}))
	}
	must[*s3.PutBucketEncryptionOutput](t)(buckets.PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{
		Bucket: aws.String("sealed"), ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{Rules: []s3types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String(testKey)},
		}}},
	}))
	sealed := tableInput("sealed")
	sealed.SSESpecification = &dynamotypes.SSESpecification{Enabled: aws.Bool(true), SSEType: dynamotypes.SSETypeKms, KMSMasterKeyId: aws.String(testKey)}
	must[*dynamodb.CreateTableOutput](t)(dynamodb.NewFromConfig(cfg).CreateTable(t.Context(), sealed))
	must[*sqs.CreateQueueOutput](t)(sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: aws.String("sealed"), Attributes: map[string]string{"KmsMasterKeyId": testKey},
	}))
	for name, principal := range map[string]string{"intake-role": `{"Service":"lambda.amazonaws.com"}`, "helper": `{"AWS":"` + rootAccount + `"}`} {
		path := "/votes/"
		if name == "helper" {
			path = "/"
		}
		must[*iam.CreateRoleOutput](t)(iam.NewFromConfig(cfg).CreateRole(t.Context(), &iam.CreateRoleInput{
			RoleName: &name, Path: &path, AssumeRolePolicyDocument: aws.String(documentOf(`{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}`)),
		}))
	}
}

// TestConditionsOfCalls makes calls that a grant's condition lets pass or not.
func TestConditionsOfCalls(t *testing.T) {
	cfg, _ := fresh(t)
	prepare(t, cfg)
	own, _ := userWith(t, cfg, "caller", nothing)
	roles := iam.NewFromConfig(own)
	const limit = "arn:aws:iam::" + rootAccount + ":policy/limit"
	newRole := func(name string, boundary *string) func(context.Context) error {
		return call(roles.CreateRole, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String("{}"), PermissionsBoundary: boundary})
	}
	inline := func(name string) func(context.Context) error {
		return call(roles.PutRolePolicy, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("p"), PolicyDocument: aws.String(documentOf(nothing))})
	}
	must[*iam.CreatePolicyOutput](t)(iam.NewFromConfig(cfg).CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("limit"), PolicyDocument: aws.String(documentOf(nothing))}))
	for name, boundary := range map[string]*string{"bounded": aws.String(limit), "free": nil} {
		must[*iam.CreateRoleOutput](t)(iam.NewFromConfig(cfg).CreateRole(t.Context(), &iam.CreateRoleInput{
			RoleName: &name, AssumeRolePolicyDocument: aws.String(documentOf(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}`)), PermissionsBoundary: boundary,
		}))
	}
	passed := func(service string) string { return `"StringEquals":{"iam:PassedToService":"` + service + `"}` }
	const onlyVoter = `"ForAllValues:StringEquals":{"dynamodb:Attributes":["voter"]},"StringEquals":{"dynamodb:Select":"SPECIFIC_ATTRIBUTES"}`
	for name, c := range map[string]struct {
		condition string
		call      func(context.Context) error
		denied    string
	}{
		"a role for functions, given to one":         {passed("lambda.amazonaws.com"), call(lambda.NewFromConfig(own).CreateFunction, functionInput()), ""},
		"a role for schedules, given to a function":  {passed("scheduler.amazonaws.com"), call(lambda.NewFromConfig(own).CreateFunction, functionInput()), "iam:PassRole"},
		"a role for functions, given to a schedule":  {passed("lambda.amazonaws.com"), call(scheduler.NewFromConfig(own).CreateSchedule, scheduleInput()), "iam:PassRole"},
		"a role with the boundary":                   {`"StringEquals":{"iam:PermissionsBoundary":"` + limit + `"}`, newRole("new", aws.String(limit)), ""},
		"a role without it":                          {`"StringEquals":{"iam:PermissionsBoundary":"` + limit + `"}`, newRole("newer", nil), "iam:CreateRole"},
		"a role with another":                        {`"StringEquals":{"iam:PermissionsBoundary":"` + limit + `"}`, newRole("newest", aws.String(limit+"2")), "iam:CreateRole"},
		"a policy for a role that has the boundary":  {`"StringEquals":{"iam:PermissionsBoundary":"` + limit + `"}`, inline("bounded"), ""},
		"a policy for a role that has none":          {`"StringEquals":{"iam:PermissionsBoundary":"` + limit + `"}`, inline("free"), "iam:PutRolePolicy"},
		"a mapping of the function":                  {`"ArnLike":{"lambda:FunctionArn":"` + fnARN + `*"}`, call(lambda.NewFromConfig(own).CreateEventSourceMapping, &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("intake:live"), EventSourceArn: aws.String(queueARN)}), ""},
		"a mapping of another":                       {`"ArnLike":{"lambda:FunctionArn":"` + fnARN + `*"}`, call(lambda.NewFromConfig(own).CreateEventSourceMapping, &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("other"), EventSourceArn: aws.String(queueARN)}), "lambda:CreateEventSourceMapping"},
		"a queue with the tag":                       {`"StringEquals":{"aws:RequestTag/team":"live"}`, call(sqs.NewFromConfig(own).CreateQueue, &sqs.CreateQueueInput{QueueName: aws.String("q1"), Tags: map[string]string{"team": "live"}}), ""},
		"a queue without the tag":                    {`"StringEquals":{"aws:RequestTag/team":"live"}`, call(sqs.NewFromConfig(own).CreateQueue, &sqs.CreateQueueInput{QueueName: aws.String("q2")}), "sqs:CreateQueue"},
		"only known tags":                            {`"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}`, call(sqs.NewFromConfig(own).CreateQueue, &sqs.CreateQueueInput{QueueName: aws.String("q3"), Tags: map[string]string{"team": "live", "x": "y"}}), "sqs:CreateQueue"},
		"a list below the prefix":                    {`"StringLike":{"s3:prefix":"public/*"}`, call(s3.NewFromConfig(own).ListObjectsV2, &s3.ListObjectsV2Input{Bucket: aws.String("results"), Prefix: aws.String("public/a")}), ""},
		"a list of everything":                       {`"StringLike":{"s3:prefix":"public/*"}`, call(s3.NewFromConfig(own).ListObjectsV2, &s3.ListObjectsV2Input{Bucket: aws.String("results")}), "s3:ListBucket"},
		"an item of one's own":                       {`"ForAllValues:StringEquals":{"dynamodb:LeadingKeys":["${aws:username}"]}`, call(dynamodb.NewFromConfig(own).GetItem, &dynamodb.GetItemInput{TableName: aws.String("sealed"), Key: voter("caller")}), ""},
		"another's item":                             {`"ForAllValues:StringEquals":{"dynamodb:LeadingKeys":["${aws:username}"]}`, call(dynamodb.NewFromConfig(own).GetItem, &dynamodb.GetItemInput{TableName: aws.String("sealed"), Key: voter("anna")}), "dynamodb:GetItem"},
		"of an item what may be seen":                {onlyVoter, call(dynamodb.NewFromConfig(own).GetItem, &dynamodb.GetItemInput{TableName: aws.String("sealed"), Key: voter("anna"), ProjectionExpression: aws.String("#v"), ExpressionAttributeNames: map[string]string{"#v": "voter"}}), ""},
		"of an item more than may be seen":           {onlyVoter, call(dynamodb.NewFromConfig(own).GetItem, &dynamodb.GetItemInput{TableName: aws.String("sealed"), Key: voter("anna"), ProjectionExpression: aws.String("voter, list[0].answer")}), "dynamodb:GetItem"},
		"all of an item of which not all may be":     {onlyVoter, call(dynamodb.NewFromConfig(own).GetItem, &dynamodb.GetItemInput{TableName: aws.String("sealed"), Key: voter("anna")}), "dynamodb:GetItem"},
		"by a service that uses the key":             {`"StringEqualsIfExists":{"kms:ViaService":"dynamodb.` + testRegion + `.amazonaws.com"}`, call(dynamodb.NewFromConfig(own).GetItem, &dynamodb.GetItemInput{TableName: aws.String("sealed"), Key: voter("caller")}), ""},
		"by another service that uses the key":       {`"StringEqualsIfExists":{"kms:ViaService":"s3.` + testRegion + `.amazonaws.com"}`, call(dynamodb.NewFromConfig(own).GetItem, &dynamodb.GetItemInput{TableName: aws.String("sealed"), Key: voter("caller")}), "kms:Decrypt"},
		"over an encrypted connection, as AWS's are": {`"Bool":{"aws:SecureTransport":"true"}`, call(sqs.NewFromConfig(own).ListQueues, &sqs.ListQueuesInput{}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var conditional string
			key, _, _ := strings.Cut(c.condition[strings.Index(c.condition, "{")+2:], ":")
			switch {
			case strings.HasPrefix(key, "iam"): // the other actions of these calls know nothing of the key
				conditional = `{"Effect":"Allow","NotAction":"iam:*","Resource":"*"},{"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{` + c.condition + `}}`
			case strings.HasPrefix(key, "dynamodb"):
				conditional = `{"Effect":"Allow","NotAction":"dynamodb:*","Resource":"*"},{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{` + c.condition + `}}`
			default:
				conditional = `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{` + c.condition + `}}`
			}
			putUserPolicy(t, cfg, "caller", conditional)
			before := len(local.Proof().Denials(""))
			err := c.call(t.Context())
			var denied string
			if denials := local.Proof().Denials("")[before:]; len(denials) > 0 {
				denied = denials[0].Action
			}
			if denied != c.denied || refused(err) != (c.denied != "") {
				t.Errorf("denied %q (%v), want %q", denied, err, c.denied)
			}
		})
	}
}

// TestPoliciesOfResourcesAndSessions tries policies beside the caller's own.
func TestPoliciesOfResourcesAndSessions(t *testing.T) {
	cfg, _ := fresh(t)
	prepare(t, cfg)
	own, arn := userWith(t, cfg, "caller", nothing)
	url := aws.ToString(must[*sqs.CreateQueueOutput](t)(sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("votes")})).QueueUrl)
	send := func(cfg aws.Config) bool {
		_, err := sqs.NewFromConfig(cfg).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("b")})
		if err != nil && !refused(err) {
			t.Fatal(err)
		}
		return err == nil
	}
	expect := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: allowed is %t, want %t", what, got, want)
		}
	}
	setQueue := func(effect, principal string) {
		t.Helper()
		policy := documentOf(`{"Effect":"` + effect + `","Principal":` + principal + `,"Action":"sqs:SendMessage","Resource":"` + queueARN + `"}`)
		must[*sqs.SetQueueAttributesOutput](t)(sqs.NewFromConfig(cfg).SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{"Policy": policy}}))
	}
	expect("nothing allows", send(own), false)
	setQueue("Allow", `{"AWS":"`+arn+`"}`)
	expect("the queue's policy allows", send(own), true)
	setQueue("Allow", `{"AWS":"`+rootAccount+`"}`)
	expect("the queue's policy leaves it to the account", send(own), false)
	putUserPolicy(t, cfg, "caller", statement("Allow", "sqs:SendMessage", queueARN), statement("Allow", "sts:AssumeRole", "*"))
	expect("the user's policy allows", send(own), true)
	setQueue("Deny", `"*"`)
	expect("the queue's policy denies", send(own), false)
	setQueue("Allow", `{"AWS":"`+rootAccount+`"}`)

	roles := iam.NewFromConfig(cfg)
	must[*iam.PutRolePolicyOutput](t)(roles.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("helper"), PolicyName: aws.String("p"), PolicyDocument: aws.String(documentOf(statement("Allow", "sqs:*", "*"))),
	}))
	assumed := func(policy *string) aws.Config {
		t.Helper()
		out := must[*sts.AssumeRoleOutput](t)(sts.NewFromConfig(own).AssumeRole(t.Context(), &sts.AssumeRoleInput{
			RoleArn: aws.String("arn:aws:iam::" + rootAccount + ":role/helper"), RoleSessionName: aws.String("night"), Policy: policy,
		})).Credentials
		return quick(local.ConfigWith(testRegion, credentials.NewStaticCredentialsProvider(aws.ToString(out.AccessKeyId), aws.ToString(out.SecretAccessKey), aws.ToString(out.SessionToken))), 1)
	}
	session := assumed(nil)
	expect("the role's policy allows", send(session), true)
	expect("the session policy allows, too", send(assumed(aws.String(documentOf(statement("Allow", "sqs:SendMessage", queueARN))))), true)
	expect("the session policy does not", send(assumed(aws.String(documentOf(statement("Allow", "sqs:ReceiveMessage", queueARN))))), false)
	revoke := func(before string) {
		t.Helper()
		deny := `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"` + before + `"}}}`
		must[*iam.PutRolePolicyOutput](t)(roles.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
			RoleName: aws.String("helper"), PolicyName: aws.String("revoked"), PolicyDocument: aws.String(documentOf(deny)),
		}))
	}
	revoke("2999-01-01T00:00:00Z")
	expect("sessions of before are revoked", send(session), false)
	revoke("2000-01-01T00:00:00Z")
	expect("the session is of later", send(session), true)
	must[*iam.DeleteRolePolicyOutput](t)(roles.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: aws.String("helper"), PolicyName: aws.String("revoked")}))
	limit := must[*iam.CreatePolicyOutput](t)(roles.CreatePolicy(t.Context(), &iam.CreatePolicyInput{
		PolicyName: aws.String("limit"), PolicyDocument: aws.String(documentOf(statement("Allow", "sqs:ReceiveMessage", "*"))),
	})).Policy
	must[*iam.PutRolePermissionsBoundaryOutput](t)(roles.PutRolePermissionsBoundary(t.Context(), &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String("helper"), PermissionsBoundary: limit.Arn}))
	expect("the boundary does not, from now on", send(session), false)
	must[*iam.DeleteRolePermissionsBoundaryOutput](t)(roles.DeleteRolePermissionsBoundary(t.Context(), &iam.DeleteRolePermissionsBoundaryInput{RoleName: aws.String("helper")}))
	must[*iam.DeleteRolePolicyOutput](t)(roles.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: aws.String("helper"), PolicyName: aws.String("p")}))
	expect("the role has no policy any more", send(session), false)
	must[*iam.AttachRolePolicyOutput](t)(roles.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{
		RoleName: aws.String("helper"), PolicyArn: must[*iam.CreatePolicyOutput](t)(roles.CreatePolicy(t.Context(), &iam.CreatePolicyInput{
			PolicyName: aws.String("managed"), PolicyDocument: aws.String(documentOf(statement("Allow", "sqs:Send*", "*"))),
		})).Policy.Arn,
	}))
	expect("an attached policy allows", send(session), true)
	if n := local.Proof().Usage().Of("arn:aws:iam::" + rootAccount + ":role/helper")[permission.Pair{Action: "sqs:Send*", Resource: "*"}]; n != 1 {
		t.Errorf("the attached policy was used %d times, want once", n)
	}

	groups := iam.NewFromConfig(cfg)
	must[*iam.PutUserPolicyOutput](t)(groups.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: aws.String("caller"), PolicyName: aws.String("grants"), PolicyDocument: aws.String(documentOf(nothing))}))
	must[*iam.CreateGroupOutput](t)(groups.CreateGroup(t.Context(), &iam.CreateGroupInput{GroupName: aws.String("crew")}))
	must[*iam.PutGroupPolicyOutput](t)(groups.PutGroupPolicy(t.Context(), &iam.PutGroupPolicyInput{GroupName: aws.String("crew"), PolicyName: aws.String("p"), PolicyDocument: aws.String(documentOf(statement("Allow", "sqs:SendMessage", "*")))}))
	expect("not of the group", send(own), false)
	must[*iam.AddUserToGroupOutput](t)(groups.AddUserToGroup(t.Context(), &iam.AddUserToGroupInput{GroupName: aws.String("crew"), UserName: aws.String("caller")}))
	expect("of the group", send(own), true)
}

// TestMissingObjects reads what is not there, with and without the right to list the bucket.
func TestMissingObjects(t *testing.T) {
	cfg, _ := fresh(t)
	prepare(t, cfg)
	own, _ := userWith(t, cfg, "reader", statement("Allow", "s3:GetObject", "*"))
	codes := func() string {
		_, get := s3.NewFromConfig(own).GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("results"), Key: aws.String("none")})
		_, head := s3.NewFromConfig(own).HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("results"), Key: aws.String("none")})
		return codeOf(get) + " " + codeOf(head)
	}
	if got := codes(); got != "AccessDenied Forbidden" {
		t.Errorf("without s3:ListBucket the answers are %s", got)
	}
	putUserPolicy(t, cfg, "reader", statement("Allow", "s3:GetObject", "*"), statement("Allow", "s3:ListBucket", "arn:aws:s3:::results"))
	if got := codes(); got != "NoSuchKey NotFound" {
		t.Errorf("with s3:ListBucket the answers are %s", got)
	}
	if n := local.Proof().Usage().Of("arn:aws:iam::" + rootAccount + ":user/reader")[permission.Pair{Action: "s3:ListBucket", Resource: "arn:aws:s3:::results"}]; n != 2 {
		t.Errorf("listing was used %d times, want twice", n)
	}
	everybody := quick(local.ConfigWith(testRegion, aws.AnonymousCredentials{}), 1)
	read := func() error {
		_, err := s3.NewFromConfig(everybody).GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("results"), Key: aws.String("a.json")})
		return err
	}
	if err := read(); !refused(err) {
		t.Errorf("anybody reads a private object: %v", err)
	}
	must[*s3.DeletePublicAccessBlockOutput](t)(s3.NewFromConfig(cfg).DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: aws.String("results")}))
	must[*s3.PutBucketPolicyOutput](t)(s3.NewFromConfig(cfg).PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{
		Bucket: aws.String("results"), Policy: aws.String(documentOf(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::results/*"}`)),
	}))
	if err := read(); err != nil {
		t.Errorf("a public object cannot be read: %v", err)
	}
}

func TestAnOperationWithoutActionIsRefused(t *testing.T) {
	cfg, _ := fresh(t)
	own, _ := userWith(t, cfg, "caller", statement("Allow", "*", "*"))
	list := func(cfg aws.Config) error {
		_, err := ssm.NewFromConfig(cfg).ListDocuments(t.Context(), &ssm.ListDocumentsInput{})
		return err
	}
	if err := list(own); !refused(err) || !strings.Contains(err.Error(), "ssm:ListDocuments: no action is known for it: add it to the table") {
		t.Errorf("the call gave %v", err)
	}
	if err := list(cfg); refused(err) {
		t.Errorf("root was refused: %v", err)
	}
	if err := local.Proof().Verdict(); err == nil || !strings.Contains(err.Error(), "ssm:ListDocuments") {
		t.Errorf("the verdict is %v", err)
	}
	delete(local.proof.unknown, "ssm:ListDocuments") // it was called on purpose
}

// TestTableOfActionsFitsTheModels finds misspelt operations in the table, which nobody would ever call.
func TestTableOfActionsFitsTheModels(t *testing.T) {
	for service, operations := range permission.Operations() {
		if service == "lambda-url" {
			continue // no API
		}
		model, err := local.Gate().Models().Service(service)
		if err != nil {
			t.Errorf("the table has a service that AWS has not: %v", err)
			continue
		}
		for _, operation := range operations {
			if model.Operations[operation] == nil {
				t.Errorf("%s has no operation %s", service, operation)
			}
		}
	}
}

// TestRolesMustTrustTheirService hands out a role that only Lambda may assume.
func TestRolesMustTrustTheirService(t *testing.T) {
	cfg, _ := fresh(t)
	prepare(t, cfg)
	own, _ := userWith(t, cfg, "caller", statement("Allow", "*", "*"))
	if _, err := lambda.NewFromConfig(own).CreateFunction(t.Context(), functionInput()); err != nil && strings.Contains(err.Error(), "cannot be assumed") {
		t.Errorf("a role that trusts Lambda was refused: %v", err)
	}
	_, err := scheduler.NewFromConfig(own).CreateSchedule(t.Context(), scheduleInput())
	if codeOf(err) != "ValidationException" || !strings.Contains(err.Error(), "must allow AWS EventBridge Scheduler to assume the role") {
		t.Errorf("a role that does not trust Scheduler gave %v", err)
	}
}

// TestStreamsAreJudgedByTheirIterators reads a table's stream: GetRecords names nothing but an iterator.
func TestStreamsAreJudgedByTheirIterators(t *testing.T) {
	cfg, _ := fresh(t)
	input := tableInput("ballots")
	input.StreamSpecification = &dynamotypes.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: dynamotypes.StreamViewTypeKeysOnly}
	stream := must[*dynamodb.CreateTableOutput](t)(dynamodb.NewFromConfig(cfg).CreateTable(t.Context(), input)).TableDescription.LatestStreamArn
	own, _ := userWith(t, cfg, "caller", statement("Allow", "dynamodb:*", aws.ToString(stream)))
	status, described := streamCall(t, own, "DescribeStream", map[string]any{"StreamArn": stream})
	if status != http.StatusOK {
		t.Fatalf("DescribeStream gave %d %v", status, described)
	}
	shard := described["StreamDescription"].(map[string]any)["Shards"].([]any)[0].(map[string]any)["ShardId"]
	_, given := streamCall(t, own, "GetShardIterator", map[string]any{"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"})
	iterator := given["ShardIterator"]
	for range 2 { // the second call goes by the iterator that the first one gave
		status, records := streamCall(t, own, "GetRecords", map[string]any{"ShardIterator": iterator})
		if iterator = records["NextShardIterator"]; status != http.StatusOK || iterator == nil {
			t.Fatalf("GetRecords gave %d %v", status, records)
		}
	}
	putUserPolicy(t, cfg, "caller", statement("Allow", "dynamodb:*", aws.ToString(stream)), statement("Deny", "dynamodb:GetRecords", aws.ToString(stream)))
	if status, refusal := streamCall(t, own, "GetRecords", map[string]any{"ShardIterator": iterator}); status != http.StatusBadRequest || refusal["__type"] != "AccessDeniedException" {
		t.Errorf("a denied GetRecords gave %d %v", status, refusal)
	}
}

// streamCall makes a call to DynamoDB Streams.
func streamCall(t *testing.T, cfg aws.Config, operation string, input map[string]any) (status int, answer map[string]any) {
	t.Helper()
	body := must[[]byte](t)(json.Marshal(input))
	request := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, local.Endpoint(), bytes.NewReader(body)))
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("X-Amz-Target", "DynamoDBStreams_20120810."+operation)
	digest := sha256.Sum256(body)
	signer := must[aws.Credentials](t)(cfg.Credentials.Retrieve(t.Context()))
	if err := v4.NewSigner().SignHTTP(t.Context(), signer, request, hex.EncodeToString(digest[:]), "dynamodb", testRegion, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp := must[*http.Response](t)(http.DefaultClient.Do(request))
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}
