package provider_test

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

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
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
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

// deployed makes a system's example, and returns the session with its engine
// and its records.
func deployed(t *testing.T, a account, system systems.System) (*session, *deploy.Engine) {
	t.Helper()
	s := newSession(t, a, options{system: system.Name}, nil)
	if text := s.apply(exampleOf(system, forced)); text != "" {
		t.Fatal(text)
	}
	engine, err := a.engine(home)
	if err != nil {
		t.Fatal(err)
	}
	return s, engine
}

func records(t *testing.T, engine *deploy.Engine, system systems.System) map[string]deploy.Record {
	t.Helper()
	m, err := engine.Manifest(t.Context(), system.System, "live")
	if err != nil {
		t.Fatal(err)
	}
	if m == nil || m.Status != deploy.Ready || m.Claim != nil {
		t.Fatalf("the manifest is %+v, it should be ready and unclaimed", m)
	}
	return m.Parts
}

// repaired checks that a plan names just these parts' drift as going, and that
// an apply mends them.
func (s *session) repaired(config map[string]any, want []string) {
	s.t.Helper()
	if text := s.refresh(); text != "" {
		s.t.Fatal(text)
	}
	drift := stateTexts(s.t, s.state, "drift")
	if got := slices.Sorted(maps.Keys(drift)); !slices.Equal(got, want) {
		s.t.Errorf("drift names %q, it should name %q: %v", got, want, drift)
	}
	p := s.plan(config)
	if p.failed != "" {
		s.t.Fatal(p.failed)
	}
	if len(p.replace) > 0 {
		s.t.Errorf("the plan replaces the system because of %s", p.replace)
	}
	if planned := stateTexts(s.t, p.planned, "drift"); planned == nil || len(planned) != 0 {
		s.t.Errorf("drift is planned as %v, it should be empty", planned)
	}
	if text := s.applyPlan(p); text != "" {
		s.t.Fatal(text)
	}
	s.settled(config)
}

// TestByHand lets people at a system: everything that is changed or deleted by
// hand is named, and mended by an apply.
func TestByHand(t *testing.T) {
	t.Parallel()
	for _, system := range systems.All {
		t.Run(system.Name, func(t *testing.T) {
			a := newAccount(t)
			mark := local.Gate().Meter().Mark()
			s, engine := deployed(t, a, system)
			t.Logf("the apply of %d parts made %d calls", len(stateTexts(t, s.state, "parts")), len(a.calls(mark)))
			s.settled(exampleOf(system, forced))
			s.changedByHand(a, engine, system)
			s.manifestDeletedByHand(a, engine, system)
			s.deletedByHand(engine, system)
			s.gone(a)
		})
	}
}

// deletedByHand takes the parts of each kind away, one kind after the other; in
// the run of everything one part after the other.
func (s *session) deletedByHand(engine *deploy.Engine, system systems.System) {
	t := s.t
	t.Helper()
	for _, batch := range batches(records(t, engine, system)) {
		t.Log(batch)
		all := records(t, engine, system)
		deleted := map[string]deploy.Record{}
		for _, key := range batch {
			rec := all[key]
			if watched(all, key) {
				continue // AWS refuses: a composite alarm depends on it.
			}
			target := &kinds.Target{Key: key, Name: rec.Name, Attributes: rec.Attributes, Force: true, Tags: blueprint.Ownership(system.System, "live", key)}
			if err := engine.Kinds[rec.Kind].Delete(t.Context(), target); err != nil && engine.Kinds[rec.Kind].Transient(err) {
				t.Logf("AWS deletes no %s that is in use: %v", rec.Kind, err)
				continue
			} else if err != nil {
				t.Fatal(err)
			}
			deleted[key] = rec
		}
		if len(deleted) == 0 {
			continue
		}
		if text := s.refresh(); text != "" {
			t.Fatal(text)
		}
		drift := stateTexts(t, s.state, "drift")
		for key := range deleted {
			if !deploy.Missing(drift[key]) {
				t.Errorf("the drift of %s, which was deleted, is %q", key, drift[key])
			}
		}
		for other, line := range drift {
			within := func(rec deploy.Record) bool { return goesWith(all[other], rec) }
			if _, ok := deleted[other]; !ok && !slices.ContainsFunc(slices.Collect(maps.Values(deleted)), within) {
				t.Errorf("%s were deleted, and %s drifts: %s", slices.Sorted(maps.Keys(deleted)), other, line)
			}
		}
		s.repaired(exampleOf(system, forced), slices.Sorted(maps.Keys(drift)))
	}
}

// batches are the keys of the parts that are deleted together.
func batches(all map[string]deploy.Record) [][]string {
	together := map[string][]string{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		batch := all[key].Kind
		if os.Getenv(allVariable) != "" {
			batch = key
		}
		together[batch] = append(together[batch], key)
	}
	var out [][]string
	for _, batch := range slices.Sorted(maps.Keys(together)) {
		out = append(out, together[batch])
	}
	return out
}

// watched reports whether the part is an alarm that another one depends on.
func watched(all map[string]deploy.Record, key string) bool {
	alarm := blueprint.AlarmSpec{}.Kind()
	return all[key].Kind == alarm && slices.ContainsFunc(slices.Collect(maps.Values(all)), func(r deploy.Record) bool {
		return r.Kind == alarm && slices.Contains(r.After, key)
	})
}

// goesWith reports whether a part lives inside another, so that it is gone
// when that one is.
func goesWith(part, other deploy.Record) bool {
	return strings.HasPrefix(part.Name, other.Name+"/") || strings.HasPrefix(part.Name, other.Name+":") ||
		part.Name == other.Name && other.Kind == blueprint.BucketSpec{}.Kind()
}

// gone destroys the system, and checks that nothing is left.
func (s *session) gone(a account) {
	s.t.Helper()
	if text := s.destroy(); text != "" {
		s.t.Fatal(text)
	}
	if err := a.expectInventory(home); err != nil {
		s.t.Error(err)
	}
}

// changedByHand changes every part at once.
func (s *session) changedByHand(a account, engine *deploy.Engine, system systems.System) {
	t := s.t
	t.Helper()
	all := records(t, engine, system)
	for key, rec := range all {
		change, ok := meddle[rec.Kind]
		if !ok {
			t.Fatalf("this test does not know how to meddle with a %s", rec.Kind)
		}
		if err := change(t.Context(), a.aws(home), rec); err != nil {
			t.Fatalf("meddle with %s: %s", key, err)
		}
	}
	s.repaired(exampleOf(system, forced), slices.Sorted(maps.Keys(all)))
}

// manifestDeletedByHand: the state alone is enough to write it anew.
func (s *session) manifestDeletedByHand(a account, engine *deploy.Engine, system systems.System) {
	t := s.t
	t.Helper()
	before := records(t, engine, system)
	var names []string
	for _, line := range mustInventory(t, a) {
		name, ok := strings.CutPrefix(line, "parameter ")
		if ok && !slices.ContainsFunc(slices.Collect(maps.Values(before)), func(r deploy.Record) bool { return r.Name == name }) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if _, err := engine.AWS.SSM.DeleteParameter(t.Context(), ssmDelete(name)); err != nil {
			t.Fatal(err)
		}
	}
	s.repaired(exampleOf(system, forced), []string{deploy.ManifestPart})
	after := records(t, engine, system)
	for key, rec := range before {
		if got := after[key]; got.Name != rec.Name || got.Digest != rec.Digest || !maps.Equal(got.Attributes, rec.Attributes) {
			t.Errorf("the record of %s is %+v, it was %+v", key, got, rec)
		}
	}
}
