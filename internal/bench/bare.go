package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"golang.org/x/sync/errgroup"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

var errKind = errors.New("the bare program cannot make")

// bare makes what a blueprint describes with nothing but the calls that create:
// each as soon as what it refers to is there, no look before, no wait after, no
// tags, no record, no retry. It is what an apply is measured against.
type bare struct {
	blue    *blueprint.Blueprint
	place   blueprint.Place
	content func(ctx context.Context, sha256 string) ([]byte, error)

	cloudwatch *cloudwatch.Client
	logs       *cloudwatchlogs.Client
	dynamodb   *dynamodb.Client
	iam        *iam.Client
	lambda     *lambda.Client
	s3         *s3.Client
	scheduler  *scheduler.Client
	sqs        *sqs.Client
	ssm        *ssm.Client

	mu    sync.Mutex
	known map[blueprint.Reference]string
}

func newBare(b *blueprint.Blueprint, place blueprint.Place, cfg aws.Config, content func(context.Context, string) ([]byte, error)) *bare {
	return &bare{
		blue: b, place: place, content: content, known: map[blueprint.Reference]string{},
		cloudwatch: cloudwatch.NewFromConfig(cfg), logs: cloudwatchlogs.NewFromConfig(cfg), dynamodb: dynamodb.NewFromConfig(cfg),
		iam: iam.NewFromConfig(cfg), lambda: lambda.NewFromConfig(cfg), scheduler: scheduler.NewFromConfig(cfg), sqs: sqs.NewFromConfig(cfg), ssm: ssm.NewFromConfig(cfg),
		s3: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
	}
}

// apply creates all parts, along the graph.
func (p *bare) apply(ctx context.Context) error {
	done := map[string]chan struct{}{}
	for _, part := range p.blue.Parts {
		done[part.Key] = make(chan struct{})
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range p.blue.Parts {
		group.Go(func() error {
			for _, key := range p.blue.Dependencies(part) {
				select {
				case <-done[key]:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			name, err := p.text(part.Name)
			if err != nil {
				return err
			}
			spec, err := blueprint.ResolveSpec(part.Spec, p.text)
			if err != nil {
				return err
			}
			if err := p.create(ctx, part.Key, name, spec); err != nil {
				return fmt.Errorf("%s: %w", part.Key, err)
			}
			close(done[part.Key])
			return nil
		})
	}
	return group.Wait()
}

func (p *bare) text(s string) (string, error) {
	return blueprint.Resolve(s, p.place, func(ref blueprint.Reference) (string, bool) {
		if ref.Attribute == blueprint.NameAttribute {
			name, err := p.text(p.blue.Part(ref.Part).Name)
			return name, err == nil
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		v, ok := p.known[ref]
		return v, ok
	})
}

func (p *bare) learn(part, attribute, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known[blueprint.Reference{Part: part, Attribute: attribute}] = value
}

func (p *bare) create(ctx context.Context, key, name string, spec blueprint.Spec) error {
	switch s := spec.(type) {
	case blueprint.RoleSpec:
		out, err := p.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, Path: &s.Path, AssumeRolePolicyDocument: aws.String(s.Trust.JSON())})
		if err != nil {
			return err
		}
		p.learn(key, "id", aws.ToString(out.Role.RoleId))
		_, err = p.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("policy"), PolicyDocument: aws.String(s.Policy.JSON())})
		return err
	case blueprint.LogGroupSpec:
		if _, err := p.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name}); err != nil {
			return err
		}
		_, err := p.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &name, RetentionInDays: aws.Int32(int32(s.RetentionDays))}) //nolint:gosec // days
		return err
	case blueprint.QueueSpec:
		return p.queue(ctx, key, name, s)
	case blueprint.TableSpec:
		in := &dynamodb.CreateTableInput{
			TableName: &name, BillingMode: dynamodbtypes.BillingMode(s.BillingMode),
			AttributeDefinitions: []dynamodbtypes.AttributeDefinition{{AttributeName: &s.PartitionKey, AttributeType: dynamodbtypes.ScalarAttributeTypeS}},
			KeySchema:            []dynamodbtypes.KeySchemaElement{{AttributeName: &s.PartitionKey, KeyType: dynamodbtypes.KeyTypeHash}},
		}
		if s.BillingMode == blueprint.Provisioned {
			in.ProvisionedThroughput = &dynamodbtypes.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(int64(s.Reads)), WriteCapacityUnits: aws.Int64(int64(s.Writes))}
		}
		if _, err := p.dynamodb.CreateTable(ctx, in); err != nil {
			return err
		}
		if s.TTLAttribute != "" {
			if _, err := p.dynamodb.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
				TableName: &name, TimeToLiveSpecification: &dynamodbtypes.TimeToLiveSpecification{AttributeName: &s.TTLAttribute, Enabled: aws.Bool(true)},
			}); err != nil {
				return err
			}
		}
		if !s.PointInTimeRecovery {
			return nil
		}
		_, err := p.dynamodb.UpdateContinuousBackups(ctx, &dynamodb.UpdateContinuousBackupsInput{
			TableName: &name, PointInTimeRecoverySpecification: &dynamodbtypes.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)},
		})
		return err
	case blueprint.BucketSpec:
		p.learn(key, "url", "https://"+name)
		return p.bucket(ctx, name, s)
	case blueprint.ObjectSpec:
		read := s.Content
		if read == nil {
			read = func() ([]byte, error) { return p.content(ctx, s.SHA256) }
		}
		content, err := read()
		if err != nil {
			return err
		}
		_, err = p.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.Bucket, Key: &s.Key, Body: bytes.NewReader(content), ContentType: &s.ContentType})
		return err
	case blueprint.FunctionSpec:
		return p.function(ctx, name, s)
	case blueprint.URLSpec:
		return p.url(ctx, key, s)
	case blueprint.MappingSpec:
		out, err := p.lambda.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{
			EventSourceArn: &s.Source, FunctionName: &s.Function, BatchSize: aws.Int32(int32(s.BatchSize)), MaximumBatchingWindowInSeconds: aws.Int32(int32(s.Window)), //nolint:gosec // small
			FunctionResponseTypes: []lambdatypes.FunctionResponseType{lambdatypes.FunctionResponseTypeReportBatchItemFailures},
		})
		if err == nil {
			p.learn(key, "id", aws.ToString(out.UUID))
		}
		return err
	case blueprint.ScheduleSpec:
		_, err := p.scheduler.CreateSchedule(ctx, &scheduler.CreateScheduleInput{
			Name: &name, ScheduleExpression: &s.Expression, FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
			Target: &schedulertypes.Target{Arn: &s.TargetARN, RoleArn: &s.RoleARN, Input: &s.Input},
		})
		return err
	case blueprint.SecretSpec:
		out, err := p.ssm.PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Type: ssmtypes.ParameterTypeSecureString, Value: aws.String(rand.Text())})
		if err == nil {
			p.learn(key, "version", strconv.FormatInt(out.Version, 10))
		}
		return err
	case blueprint.DashboardSpec:
		p.learn(key, "url", "https://console.aws.amazon.com/cloudwatch")
		_, err := p.cloudwatch.PutDashboard(ctx, &cloudwatch.PutDashboardInput{DashboardName: &name, DashboardBody: aws.String(string(s.Body))})
		return err
	case blueprint.AlarmSpec:
		if s.Composite {
			_, err := p.cloudwatch.PutCompositeAlarm(ctx, &cloudwatch.PutCompositeAlarmInput{AlarmName: &name, AlarmRule: &s.Rule})
			return err
		}
		in := &cloudwatch.PutMetricAlarmInput{
			AlarmName: &name, Namespace: &s.Namespace, MetricName: &s.Metric, Statistic: cloudwatchtypes.Statistic(s.Statistic),
			ComparisonOperator: cloudwatchtypes.ComparisonOperator(s.Comparison), Threshold: &s.Threshold,
			Period: aws.Int32(int32(s.Period)), EvaluationPeriods: aws.Int32(int32(s.Periods)), TreatMissingData: &s.MissingData, //nolint:gosec // small
		}
		for k, v := range s.Dimensions {
			in.Dimensions = append(in.Dimensions, cloudwatchtypes.Dimension{Name: &k, Value: &v})
		}
		_, err := p.cloudwatch.PutMetricAlarm(ctx, in)
		return err
	}
	return fmt.Errorf("%w a %s", errKind, spec.Kind())
}

func (p *bare) queue(ctx context.Context, key, name string, s blueprint.QueueSpec) error {
	attributes := map[string]string{
		"VisibilityTimeout": strconv.Itoa(s.VisibilityTimeout), "MessageRetentionPeriod": strconv.Itoa(s.MessageRetention),
		"SqsManagedSseEnabled": strconv.FormatBool(s.ManagedEncryption),
	}
	if s.DeadLetterARN != "" {
		policy, err := json.Marshal(map[string]any{"deadLetterTargetArn": s.DeadLetterARN, "maxReceiveCount": s.MaxReceives})
		if err != nil {
			return err
		}
		attributes["RedrivePolicy"] = string(policy)
	}
	out, err := p.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		return err
	}
	p.learn(key, "url", aws.ToString(out.QueueUrl))
	return nil
}

func (p *bare) bucket(ctx context.Context, name string, s blueprint.BucketSpec) error {
	if _, err := p.s3.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(p.place.Region)},
	}); err != nil {
		return err
	}
	if _, err := p.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: &name, ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{
		Rules: []s3types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryption(s.Encryption)}}},
	}}); err != nil {
		return err
	}
	if _, err := p.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: &name, PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), BlockPublicPolicy: &s.BlockPublic, RestrictPublicBuckets: &s.BlockPublic,
	}}); err != nil {
		return err
	}
	if _, err := p.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &name, Policy: aws.String(s.Policy.JSON())}); err != nil {
		return err
	}
	if len(s.CORSOrigins) == 0 {
		return nil
	}
	_, err := p.s3.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: &name, CORSConfiguration: &s3types.CORSConfiguration{
		CORSRules: []s3types.CORSRule{{AllowedMethods: []string{"GET"}, AllowedOrigins: s.CORSOrigins}},
	}})
	return err
}

func (p *bare) function(ctx context.Context, name string, s blueprint.FunctionSpec) error {
	out, err := p.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: &name, Role: &s.RoleARN, Code: &lambdatypes.FunctionCode{S3Bucket: &s.Bucket, S3Key: &s.Object},
		Handler: &s.Handler, Runtime: lambdatypes.Runtime(s.Runtime), Architectures: []lambdatypes.Architecture{lambdatypes.Architecture(s.Architecture)},
		MemorySize: aws.Int32(int32(s.MemoryMB)), Timeout: aws.Int32(int32(s.Timeout)), //nolint:gosec // small
		Environment: &lambdatypes.Environment{Variables: s.Environment}, Publish: true,
	})
	if err != nil {
		return err
	}
	if s.ReservedConcurrency != blueprint.NoReservation {
		if _, err := p.lambda.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: &name, ReservedConcurrentExecutions: aws.Int32(int32(s.ReservedConcurrency))}); err != nil { //nolint:gosec // small
			return err
		}
	}
	_, err = p.lambda.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: &name, Name: &s.Alias, FunctionVersion: out.Version})
	return err
}

func (p *bare) url(ctx context.Context, key string, s blueprint.URLSpec) error {
	out, err := p.lambda.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
		FunctionName: &s.Function, Qualifier: &s.Alias, AuthType: lambdatypes.FunctionUrlAuthTypeNone,
		Cors: &lambdatypes.Cors{AllowOrigins: s.Origins, AllowMethods: s.Methods, AllowHeaders: s.Headers, MaxAge: aws.Int32(int32(s.MaxAge))}, //nolint:gosec // a day
	})
	if err != nil {
		return err
	}
	p.learn(key, "url", aws.ToString(out.FunctionUrl))
	for _, in := range []*lambda.AddPermissionInput{
		{StatementId: aws.String("url"), Action: aws.String("lambda:InvokeFunctionUrl"), FunctionUrlAuthType: lambdatypes.FunctionUrlAuthTypeNone},
		{StatementId: aws.String("invoke"), Action: aws.String("lambda:InvokeFunction"), InvokedViaFunctionUrl: aws.Bool(true)},
	} {
		in.FunctionName, in.Qualifier, in.Principal = &s.Function, &s.Alias, aws.String("*")
		if _, err := p.lambda.AddPermission(ctx, in); err != nil {
			return err
		}
	}
	return nil
}
