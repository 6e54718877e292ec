package provider_test

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
)

// meddle changes an object of each kind behind Terraform's back.
var meddle = map[string]func(context.Context, aws.Config, deploy.Record) error{
	blueprint.AlarmSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		client := cloudwatch.NewFromConfig(cfg)
		out, err := client.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{r.Name}, AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm, cwtypes.AlarmTypeCompositeAlarm}})
		if err != nil {
			return err
		}
		for _, a := range out.CompositeAlarms {
			_, err := client.PutCompositeAlarm(ctx, &cloudwatch.PutCompositeAlarmInput{AlarmName: a.AlarmName, AlarmRule: aws.String("FALSE")})
			return err
		}
		a := out.MetricAlarms[0]
		_, err = client.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
			AlarmName: a.AlarmName, AlarmDescription: a.AlarmDescription, Namespace: a.Namespace, MetricName: a.MetricName, Dimensions: a.Dimensions,
			Statistic: a.Statistic, ComparisonOperator: a.ComparisonOperator, Threshold: aws.Float64(4711), Period: a.Period,
			EvaluationPeriods: a.EvaluationPeriods, TreatMissingData: a.TreatMissingData,
		})
		return err
	},
	blueprint.BucketSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := s3Client(cfg).PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: &r.Name, CORSConfiguration: &s3types.CORSConfiguration{
			CORSRules: []s3types.CORSRule{{AllowedMethods: []string{"PUT"}, AllowedOrigins: []string{"https://meddler.example"}}},
		}})
		return err
	},
	blueprint.BucketPolicySpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := s3Client(cfg).PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &r.Name, Policy: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:PutObjectTagging","Resource":"arn:aws:s3:::` + r.Name + `/*"}]}`)})
		return err
	},
	blueprint.LifecycleSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := s3Client(cfg).PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: &r.Name, LifecycleConfiguration: &s3types.BucketLifecycleConfiguration{
			Rules: []s3types.LifecycleRule{{
				ID: aws.String("meddled"), Status: s3types.ExpirationStatusEnabled, Filter: &s3types.LifecycleRuleFilter{Prefix: aws.String("")}, Expiration: &s3types.LifecycleExpiration{Days: aws.Int32(4711)},
			}},
		}})
		return err
	},
	blueprint.WebsiteSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := s3Client(cfg).PutBucketWebsite(ctx, &s3.PutBucketWebsiteInput{Bucket: &r.Name, WebsiteConfiguration: &s3types.WebsiteConfiguration{
			IndexDocument: &s3types.IndexDocument{Suffix: aws.String("meddled.html")},
		}})
		return err
	},
	blueprint.AccessControlSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		client, id := cloudfront.NewFromConfig(cfg), aws.String(r.Attributes["id"])
		out, err := client.GetOriginAccessControl(ctx, &cloudfront.GetOriginAccessControlInput{Id: id})
		if err != nil {
			return err
		}
		c := out.OriginAccessControl.OriginAccessControlConfig
		c.SigningBehavior = cftypes.OriginAccessControlSigningBehaviorsNever
		_, err = client.UpdateOriginAccessControl(ctx, &cloudfront.UpdateOriginAccessControlInput{Id: id, IfMatch: out.ETag, OriginAccessControlConfig: c})
		return err
	},
	blueprint.DistributionSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		client, id := cloudfront.NewFromConfig(cfg), aws.String(r.Attributes["id"])
		out, err := client.GetDistribution(ctx, &cloudfront.GetDistributionInput{Id: id})
		if err != nil {
			return err
		}
		c := out.Distribution.DistributionConfig
		c.DefaultRootObject = aws.String("meddled.html")
		_, err = client.UpdateDistribution(ctx, &cloudfront.UpdateDistributionInput{Id: id, IfMatch: out.ETag, DistributionConfig: c})
		return err
	},
	blueprint.KeyValueStoreSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		client := cloudfront.NewFromConfig(cfg)
		out, err := client.DescribeKeyValueStore(ctx, &cloudfront.DescribeKeyValueStoreInput{Name: &r.Name})
		if err != nil {
			return err
		}
		_, err = client.UpdateKeyValueStore(ctx, &cloudfront.UpdateKeyValueStoreInput{Name: &r.Name, IfMatch: out.ETag, Comment: aws.String("meddled with")})
		return err
	},
	blueprint.EdgeFunctionSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		client := cloudfront.NewFromConfig(cfg)
		stage := cloudfront.DescribeFunctionInput{Name: &r.Name, Stage: cftypes.FunctionStageDevelopment}
		out, err := client.DescribeFunction(ctx, &stage)
		if err != nil {
			return err
		}
		if _, err := client.UpdateFunction(ctx, &cloudfront.UpdateFunctionInput{
			Name: &r.Name, IfMatch: out.ETag, FunctionConfig: out.FunctionSummary.FunctionConfig, FunctionCode: []byte("// meddled with"),
		}); err != nil {
			return err
		}
		if out, err = client.DescribeFunction(ctx, &stage); err != nil {
			return err
		}
		_, err = client.PublishFunction(ctx, &cloudfront.PublishFunctionInput{Name: &r.Name, IfMatch: out.ETag})
		return err
	},
	blueprint.DomainNameSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		client := apigatewayv2.NewFromConfig(cfg)
		out, err := client.GetApiMappings(ctx, &apigatewayv2.GetApiMappingsInput{DomainName: &r.Name})
		if err != nil {
			return err
		}
		_, err = client.DeleteApiMapping(ctx, &apigatewayv2.DeleteApiMappingInput{DomainName: &r.Name, ApiMappingId: out.Items[0].ApiMappingId})
		return err
	},
	blueprint.DashboardSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := cloudwatch.NewFromConfig(cfg).PutDashboard(ctx, &cloudwatch.PutDashboardInput{DashboardName: &r.Name, DashboardBody: aws.String(`{"widgets":[]}`)})
		return err
	},
	blueprint.FunctionSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := lambda.NewFromConfig(cfg).UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: &r.Name, MemorySize: aws.Int32(333)})
		return err
	},
	blueprint.HashedListSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		bucket, key, _ := strings.Cut(r.Name, "/")
		_, err := s3Client(cfg).PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("meddled with")})
		return err
	},
	blueprint.HTTPAPISpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := apigatewayv2.NewFromConfig(cfg).UpdateStage(ctx, &apigatewayv2.UpdateStageInput{
			ApiId: aws.String(r.Attributes["id"]), StageName: aws.String(blueprint.DefaultStage), AutoDeploy: aws.Bool(false),
		})
		return err
	},
	blueprint.IdentityPoolSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := cognitoidentity.NewFromConfig(cfg).UpdateIdentityPool(ctx, &cognitoidentity.UpdateIdentityPoolInput{
			IdentityPoolId: aws.String(r.Attributes["id"]), IdentityPoolName: &r.Name, AllowUnauthenticatedIdentities: false,
		})
		return err
	},
	blueprint.IdentityPoolRoleSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := cognitoidentity.NewFromConfig(cfg).SetIdentityPoolRoles(ctx, &cognitoidentity.SetIdentityPoolRolesInput{
			IdentityPoolId: aws.String(r.Attributes["pool"]), Roles: map[string]string{"unauthenticated": "arn:aws:iam::000000000000:role/meddled-with"},
		})
		return err
	},
	blueprint.InvokePermissionSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		name := strings.Split(r.Name, ":")
		client := lambda.NewFromConfig(cfg)
		if _, err := client.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: &name[0], Qualifier: &name[1], StatementId: &name[2]}); err != nil {
			return err
		}
		_, err := client.AddPermission(ctx, &lambda.AddPermissionInput{
			FunctionName: &name[0], Qualifier: &name[1], StatementId: &name[2], Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("sns.amazonaws.com"),
		})
		return err
	},
	blueprint.EventInvokeConfigSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		function, alias, _ := strings.Cut(r.Name, ":")
		_, err := lambda.NewFromConfig(cfg).PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: &function, Qualifier: &alias, MaximumRetryAttempts: aws.Int32(0)})
		return err
	},
	blueprint.LogGroupSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := cloudwatchlogs.NewFromConfig(cfg).PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &r.Name, RetentionInDays: aws.Int32(3)})
		return err
	},
	blueprint.MappingSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := lambda.NewFromConfig(cfg).UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: aws.String(r.Attributes["id"]), BatchSize: aws.Int32(7)})
		return err
	},
	blueprint.ObjectSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		bucket, key, _ := strings.Cut(r.Name, "/")
		_, err := s3Client(cfg).PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("meddled with")})
		return err
	},
	blueprint.QueueSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := sqs.NewFromConfig(cfg).SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{
			QueueUrl: aws.String(r.Attributes["url"]), Attributes: map[string]string{"VisibilityTimeout": "7"},
		})
		return err
	},
	blueprint.RoleSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := iam.NewFromConfig(cfg).UpdateRoleDescription(ctx, &iam.UpdateRoleDescriptionInput{RoleName: &r.Name, Description: aws.String("meddled with")})
		return err
	},
	blueprint.ScheduleSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		client := scheduler.NewFromConfig(cfg)
		s, err := client.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: &r.Name})
		if err != nil {
			return err
		}
		_, err = client.UpdateSchedule(ctx, &scheduler.UpdateScheduleInput{
			Name: s.Name, Description: s.Description, FlexibleTimeWindow: s.FlexibleTimeWindow, Target: s.Target, ScheduleExpression: aws.String("rate(7 minutes)"),
		})
		return err
	},
	blueprint.SecretSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := ssm.NewFromConfig(cfg).RemoveTagsFromResource(ctx, &ssm.RemoveTagsFromResourceInput{
			ResourceType: ssmtypes.ResourceTypeForTaggingParameter, ResourceId: &r.Name, TagKeys: []string{blueprint.TagPart},
		})
		return err
	},
	blueprint.SigningKeySpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := kms.NewFromConfig(cfg).DisableKey(ctx, &kms.DisableKeyInput{KeyId: aws.String(r.Attributes["id"])})
		return err
	},
	blueprint.StreamSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := kinesis.NewFromConfig(cfg).IncreaseStreamRetentionPeriod(ctx, &kinesis.IncreaseStreamRetentionPeriodInput{StreamName: &r.Name, RetentionPeriodHours: aws.Int32(77)})
		return err
	},
	blueprint.SubscriptionSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		topic, endpoint, _ := strings.Cut(r.Name, ":")
		client := sns.NewFromConfig(cfg)
		all, err := client.ListSubscriptions(ctx, &sns.ListSubscriptionsInput{})
		if err != nil {
			return err
		}
		for _, s := range all.Subscriptions {
			if aws.ToString(s.Endpoint) == endpoint && strings.HasSuffix(aws.ToString(s.TopicArn), ":"+topic) {
				_, err = client.Unsubscribe(ctx, &sns.UnsubscribeInput{SubscriptionArn: s.SubscriptionArn})
			}
		}
		return err
	},
	blueprint.TopicSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		client := sns.NewFromConfig(cfg)
		topic, err := client.CreateTopic(ctx, &sns.CreateTopicInput{Name: &r.Name}) // tells the ARN of the one that is there
		if err != nil {
			return err
		}
		_, err = client.SetTopicAttributes(ctx, &sns.SetTopicAttributesInput{TopicArn: topic.TopicArn, AttributeName: aws.String("DisplayName"), AttributeValue: aws.String("meddled with")})
		return err
	},
	blueprint.TableItemSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		table, rest, _ := strings.Cut(r.Name, "/")
		attribute, key, _ := strings.Cut(rest, "=")
		id := map[string]dynamodbtypes.AttributeValue{attribute: &dynamodbtypes.AttributeValueMemberS{Value: key}}
		_, err := dynamodb.NewFromConfig(cfg).UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &table, Key: id, UpdateExpression: aws.String("REMOVE #names"), ExpressionAttributeNames: map[string]string{"#names": blueprint.ItemNames},
		})
		return err
	},
	blueprint.TableSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		_, err := dynamodb.NewFromConfig(cfg).UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &r.Name, DeletionProtectionEnabled: aws.Bool(true)})
		return err
	},
	blueprint.URLSpec{}.Kind(): func(ctx context.Context, cfg aws.Config, r deploy.Record) error {
		name, alias, _ := strings.Cut(r.Name, ":")
		client := lambda.NewFromConfig(cfg)
		u, err := client.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: &name, Qualifier: &alias})
		if err != nil {
			return err
		}
		u.Cors.MaxAge = aws.Int32(7)
		_, err = client.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: &name, Qualifier: &alias, Cors: u.Cors})
		return err
	},
}

func s3Client(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}
