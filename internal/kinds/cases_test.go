package kinds

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// kindCase is one kind's object in TestKinds.
type kindCase struct {
	part string
	spec blueprint.Spec
	// setup makes what the object needs.
	setup func(*testing.T)
	// changes are specs that each differ from the one before.
	changes []blueprint.Spec
	// late gives spec and changes that depend on what setup has made.
	late func() (blueprint.Spec, []blueprint.Spec)
	// half makes an object as a Create that was cut off leaves it; nil where
	// Create is one call.
	half func(context.Context, map[string]string) error
}

const (
	testQueue    = "tv-vote-votes-use1"
	testRole     = "tv-vote-intake-role-use1"
	testTickRole = "tv-vote-tick-role-use1"
	testBucket   = "tv-vote-bundles-000000000000-use1"
	testFunction = "tv-vote-intake-use1"
	testAlarm    = "tv-vote-dead-use1"
	testKey      = "arn:aws:kms:us-east-1:000000000000:key/8d5d0ac6-0000-4000-8000-000000000001"
)

func queueARN(name string) string {
	return "arn:aws:sqs:" + testRegion + ":" + testAccount + ":" + name
}
func lambdaARN(name string) string {
	return "arn:aws:lambda:" + testRegion + ":" + testAccount + ":function:" + name
}

func queueBase() blueprint.QueueSpec {
	return blueprint.QueueSpec{VisibilityTimeout: 60, MessageRetention: 1209600, ManagedEncryption: true}
}

func roleBase() blueprint.RoleSpec {
	return blueprint.RoleSpec{
		Path: "/serverless/", Description: "Execution role of function intake",
		Trust: blueprint.NewPolicy(blueprint.Statement{
			Effect: "Allow", Principal: map[string][]string{"Service": {"lambda.amazonaws.com"}}, Action: []string{"sts:AssumeRole"},
		}),
		Policy: blueprint.NewPolicy(blueprint.Statement{
			Effect: "Allow", Action: []string{"sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:DeleteMessage"}, Resource: []string{queueARN(testQueue)},
		}),
	}
}

// tickRoleBase is the role of a schedule.
func tickRoleBase() blueprint.RoleSpec {
	return blueprint.RoleSpec{
		Path: "/serverless/", Description: "Lets the schedule call its function",
		Trust: blueprint.NewPolicy(blueprint.Statement{
			Effect: "Allow", Principal: map[string][]string{"Service": {"scheduler.amazonaws.com"}}, Action: []string{"sts:AssumeRole"},
		}),
		Policy: blueprint.NewPolicy(blueprint.Statement{
			Effect: "Allow", Action: []string{"lambda:InvokeFunction"}, Resource: []string{lambdaARN(testFunction) + ":" + blueprint.LiveAlias},
		}),
	}
}

func bucketBase() blueprint.BucketSpec {
	return blueprint.BucketSpec{
		Encryption: "AES256", BlockPublic: true,
		Policy: blueprint.NewPolicy(blueprint.Statement{
			Sid: "EncryptedTransport", Effect: "Deny", Principal: map[string][]string{"AWS": {"*"}}, Action: []string{"s3:*"},
			Resource:  []string{"arn:aws:s3:::" + testBucket, "arn:aws:s3:::" + testBucket + "/*"},
			Condition: map[string]map[string][]string{"Bool": {"aws:SecureTransport": {"false"}}},
		}),
	}
}

// publicBucket is read by anybody. The local AWS speaks plain HTTP, so its
// policy does not refuse that.
func publicBucket() blueprint.BucketSpec {
	s := bucketBase()
	s.BlockPublic, s.CORSOrigins = false, []string{"https://a.example", "https://b.example"}
	s.Policy = blueprint.NewPolicy(blueprint.Statement{
		Sid: "PublicRead", Effect: "Allow", Principal: map[string][]string{"AWS": {"*"}}, Action: []string{"s3:GetObject"},
		Resource: []string{"arn:aws:s3:::" + testBucket + "/results.json"},
	})
	return s
}

func objectBase() blueprint.ObjectSpec {
	return blueprint.ObjectSpec{Bucket: testBucket, Key: "functions.zip", SHA256: digestOf("first"), ContentType: "application/zip"}
}

func functionBase() blueprint.FunctionSpec {
	return blueprint.FunctionSpec{
		RoleARN: "arn:aws:iam::" + testAccount + ":role/serverless/" + testRole, RoleID: "AROAFIRST",
		Bucket: testBucket, Object: "functions.zip", CodeSHA256: digestOf("first"),
		Handler: "intake", Runtime: "provided.al2023", Architecture: "x86_64", MemoryMB: 256, Timeout: 10,
		ReservedConcurrency: blueprint.NoReservation, Environment: map[string]string{"QUEUE": "votes"},
		LogGroup: "/aws/lambda/" + testFunction, Alias: blueprint.LiveAlias, Published: true,
	}
}

func urlBase() blueprint.URLSpec {
	return blueprint.URLSpec{
		Function: testFunction, Alias: blueprint.LiveAlias, Origins: []string{"*"}, Methods: []string{"GET", "POST"},
		Headers: []string{"content-type"}, MaxAge: 86400, Public: true,
	}
}

func mappingBase() blueprint.MappingSpec {
	return blueprint.MappingSpec{
		Source: queueARN(testQueue), Function: lambdaARN(testFunction) + ":" + blueprint.LiveAlias,
		BatchSize: 100, Window: 1, MaxConcurrency: 20, PartialBatch: true, Enabled: true,
	}
}

func scheduleBase() blueprint.ScheduleSpec {
	return blueprint.ScheduleSpec{
		Expression: "rate(1 minute)", TargetARN: lambdaARN(testFunction) + ":" + blueprint.LiveAlias,
		RoleARN: "arn:aws:iam::" + testAccount + ":role/serverless/" + testTickRole, Input: `{"tick":true}`, Retries: 0, MaxAge: 60,
		Description: blueprint.Mark(blueprint.System{Name: "voting_window"}, "tv", "part"),
	}
}

func alarmBase() blueprint.AlarmSpec {
	return blueprint.AlarmSpec{
		Description: "Votes could not be counted", Namespace: "AWS/SQS", Metric: "ApproximateNumberOfMessagesVisible",
		Dimensions: map[string]string{"QueueName": testQueue}, Statistic: "Maximum", Comparison: "GreaterThanThreshold",
		Threshold: 0, Period: 60, Periods: 1, MissingData: "notBreaching",
		Actions: []string{"arn:aws:sns:us-east-1:000000000000:pager"}, OKActions: []string{"arn:aws:sns:us-east-1:000000000000:pager"},
	}
}

// with returns a copy of a spec with something changed.
func with[S blueprint.Spec](s S, change func(*S)) blueprint.Spec {
	change(&s)
	return s
}

func needRole(t *testing.T) { t.Helper(); made(t, testRole, roleBase()) }

func needCode(t *testing.T) {
	t.Helper()
	needRole(t)
	made(t, testBucket, bucketBase())
	made(t, testBucket+"/functions.zip", objectBase())
}

func needFunction(t *testing.T) *Target {
	t.Helper()
	needCode(t)
	return made(t, testFunction, functionBase())
}

// cases has one for every kind.
func cases() []kindCase {
	return append(apiCases(), []kindCase{
		queueCase(), roleCase(), secretCase(), rsaSecretCase(), signingKeyCase(signerBase()), signingKeyCase(rsaSigner()), hashedListCase(), topicCase(), subscriptionCase(), handCase(),
		{
			part: "/aws/lambda/" + testFunction, spec: blueprint.LogGroupSpec{RetentionDays: 30},
			changes: []blueprint.Spec{blueprint.LogGroupSpec{RetentionDays: 90}, blueprint.LogGroupSpec{}},
			half: func(ctx context.Context, tags map[string]string) error {
				_, err := env.AWS.Logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/aws/lambda/" + testFunction), Tags: tags})
				return err
			},
		},
		tableCase(), provisionedTableCase(), streamTableCase(), tableItemCase(), bucketCase(), streamMappingCase(), streamCase(), onDemandStreamCase(), recordMappingCase(),
		{
			part: testBucket + "/functions.zip", spec: objectBase(),
			setup: func(t *testing.T) { made(t, testBucket, bucketBase()) },
			changes: []blueprint.Spec{
				with(objectBase(), func(s *blueprint.ObjectSpec) { s.SHA256 = digestOf("second") }),
				with(objectBase(), func(s *blueprint.ObjectSpec) { s.CacheControl = "max-age=60" }),
				with(objectBase(), func(s *blueprint.ObjectSpec) { s.Encoding = "gzip" }),
			},
		},
		functionCase(), distributionCase(), accessControlCase(), edgeFunctionCase(), keyValueStoreCase(), bucketPolicyCase(), lifecycleCase(), websiteCase(),
		{
			part: testFunction + ":" + blueprint.LiveAlias, spec: urlBase(), setup: func(t *testing.T) { needFunction(t) },
			changes: []blueprint.Spec{
				with(urlBase(), func(s *blueprint.URLSpec) {
					s.Methods, s.MaxAge, s.Exposed = []string{"GET"}, 60, []string{"Date", "Retry-After"}
				}),
				with(urlBase(), func(s *blueprint.URLSpec) {
					s.Origins, s.Headers = []string{"https://a.example"}, []string{"content-type", "x-voter"}
				}),
			},
			half: func(ctx context.Context, _ map[string]string) error {
				_, err := env.AWS.Lambda.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
					FunctionName: aws.String(testFunction), Qualifier: aws.String(blueprint.LiveAlias), AuthType: lambdatypes.FunctionUrlAuthTypeNone,
				})
				return err
			},
		},
		{
			part: testFunction + ":" + testQueue, spec: mappingBase(),
			setup: func(t *testing.T) {
				needFunction(t)
				made(t, testQueue, queueBase())
			},
			changes: []blueprint.Spec{
				with(mappingBase(), func(s *blueprint.MappingSpec) { s.BatchSize, s.Window = 10, 0 }),
				with(mappingBase(), func(s *blueprint.MappingSpec) { s.MaxConcurrency = 50 }),
				with(mappingBase(), func(s *blueprint.MappingSpec) { s.MaxConcurrency, s.PartialBatch = 0, false }),
			},
		},
		{
			part: "tv-vote-tick-use1", spec: scheduleBase(),
			setup: func(t *testing.T) {
				needFunction(t)
				made(t, testTickRole, tickRoleBase())
			},
			changes: []blueprint.Spec{
				with(scheduleBase(), func(s *blueprint.ScheduleSpec) { s.Expression, s.Input = "rate(5 minutes)", `{"tick":1}` }),
				with(scheduleBase(), func(s *blueprint.ScheduleSpec) { s.Retries, s.MaxAge = 3, 600 }),
			},
		},
		{
			part: testAlarm, spec: alarmBase(),
			changes: []blueprint.Spec{
				with(alarmBase(), func(s *blueprint.AlarmSpec) { s.Threshold, s.Periods, s.Period = 10, 2, 300 }),
				with(alarmBase(), func(s *blueprint.AlarmSpec) { s.Datapoints, s.Periods = 2, 3 }),
				with(alarmBase(), func(s *blueprint.AlarmSpec) { s.Actions, s.OKActions, s.Description = nil, nil, "other" }),
				with(alarmBase(), func(s *blueprint.AlarmSpec) {
					s.Namespace, s.Metric, s.Statistic, s.Dimensions = "AWS/Lambda", "Errors", "Sum", map[string]string{"FunctionName": testFunction}
					s.Comparison, s.MissingData = "GreaterThanOrEqualToThreshold", "breaching"
				}),
			},
		},
		compositeCase(), dashboardCase(),
	}...)
}

// compositeBase rings while the alarm of alarmBase does, and another does not.
func compositeBase() blueprint.AlarmSpec {
	return blueprint.AlarmSpec{
		Description: "Something is wrong", Composite: true, Rule: `ALARM("` + testAlarm + `") OR (NOT ALARM("` + testAlarm + `2"))`,
		Actions: []string{"arn:aws:sns:us-east-1:000000000000:pager"}, OKActions: []string{"arn:aws:sns:us-east-1:000000000000:pager"},
	}
}

func compositeCase() kindCase {
	return kindCase{
		part: "tv-vote-unwell-use1", spec: compositeBase(),
		setup: func(t *testing.T) {
			made(t, testAlarm, alarmBase())
			made(t, testAlarm+"2", alarmBase())
		},
		changes: []blueprint.Spec{
			with(compositeBase(), func(s *blueprint.AlarmSpec) { s.Rule = `ALARM("` + testAlarm + `")` }),
			with(compositeBase(), func(s *blueprint.AlarmSpec) { s.Actions, s.OKActions, s.Description = nil, nil, "other" }),
		},
	}
}

// dashboardBase is a dashboard with one widget under its heading.
func dashboardBase(title string) blueprint.Spec {
	b := blueprint.NewBuilder(blueprint.Settings{System: blueprint.System{Name: "voting_window", Slug: "vote"}, Name: "tv"})
	q := b.Queue("votes", blueprint.Queue{})
	b.Dashboard("part", blueprint.Graph(title, q.Metric("NumberOfMessagesSent", "Sum")))
	spec, err := blueprint.ResolveSpec(b.Blueprint().Part("part").Spec, func(s string) (string, error) {
		return blueprint.Resolve(s, blueprint.Place{Partition: "aws", Region: testRegion, Account: testAccount}, func(blueprint.Reference) (string, bool) { return testQueue, true })
	})
	if err != nil {
		panic(err) // it refers to nothing but the queue
	}
	return spec
}

func dashboardCase() kindCase {
	return kindCase{part: "tv-vote-dashboard-use1", spec: dashboardBase("Votes"), changes: []blueprint.Spec{dashboardBase("Votes a minute")}}
}

func queueCase() kindCase {
	return kindCase{
		part: testQueue, spec: queueBase(),
		setup: func(t *testing.T) { made(t, "tv-vote-dead-use1", queueBase()) },
		changes: []blueprint.Spec{
			with(queueBase(), func(s *blueprint.QueueSpec) { s.VisibilityTimeout, s.MessageRetention = 90, 345600 }),
			with(queueBase(), func(s *blueprint.QueueSpec) { s.DeadLetterARN, s.MaxReceives = queueARN("tv-vote-dead-use1"), 5 }),
			with(queueBase(), func(s *blueprint.QueueSpec) { s.KMSKeyARN, s.ManagedEncryption = testKey, false }),
		},
		half: func(ctx context.Context, tags map[string]string) error {
			_, err := env.AWS.SQS.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(testQueue), Tags: tags})
			return err
		},
	}
}

func roleCase() kindCase {
	const boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
	return kindCase{
		part: testRole, spec: roleBase(),
		changes: []blueprint.Spec{
			with(roleBase(), func(s *blueprint.RoleSpec) { s.Description, s.PermissionsBoundaryARN = "other", boundary }),
			with(roleBase(), func(s *blueprint.RoleSpec) {
				s.Trust = blueprint.NewPolicy(blueprint.Statement{
					Effect: "Allow", Principal: map[string][]string{"Service": {"scheduler.amazonaws.com"}}, Action: []string{"sts:AssumeRole"},
					Condition: map[string]map[string][]string{"StringEquals": {"aws:SourceAccount": {testAccount}}},
				})
			}),
			with(roleBase(), func(s *blueprint.RoleSpec) { s.Policy = blueprint.NewPolicy() }),
		},
		half: func(ctx context.Context, tags map[string]string) error {
			s := roleBase()
			_, err := env.AWS.IAM.CreateRole(ctx, &iam.CreateRoleInput{
				RoleName: aws.String(testRole), Path: &s.Path, AssumeRolePolicyDocument: aws.String(s.Trust.JSON()), Tags: roleTags(tags),
			})
			return err
		},
	}
}

func tableCase() kindCase {
	const name = "tv-vote-ballots-use1"
	base := blueprint.TableSpec{PartitionKey: "voter", BillingMode: "PAY_PER_REQUEST", DeletionProtection: true, PointInTimeRecovery: true}
	return kindCase{
		part: name, spec: base,
		changes: []blueprint.Spec{
			with(base, func(s *blueprint.TableSpec) { s.DeletionProtection, s.PointInTimeRecovery = false, false }),
			with(base, func(s *blueprint.TableSpec) { s.KMSKeyARN = testKey }),
			with(base, func(s *blueprint.TableSpec) { s.TTLAttribute = "expires" }),
			with(base, func(s *blueprint.TableSpec) { s.BillingMode, s.Reads, s.Writes = blueprint.Provisioned, 5, 7 }),
			with(base, func(s *blueprint.TableSpec) { s.MaxReads, s.MaxWrites = 1000, 500 }),
			with(base, func(s *blueprint.TableSpec) { s.MaxWrites, s.WarmReads, s.WarmWrites = 800, 20000, 8000 }),
			with(base, func(s *blueprint.TableSpec) { s.StreamViewType = blueprint.KeysOnly }),
			with(base, func(s *blueprint.TableSpec) { s.StreamViewType = blueprint.NewAndOldImages }),
		},
		half: func(ctx context.Context, tags map[string]string) error {
			_, err := env.AWS.DynamoDB.CreateTable(ctx, &dynamodb.CreateTableInput{
				TableName: aws.String(name), Tags: tableTags(tags),
				BillingMode:           dynamodbtypes.BillingModeProvisioned,
				ProvisionedThroughput: &dynamodbtypes.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(1), WriteCapacityUnits: aws.Int64(1)},
				AttributeDefinitions:  []dynamodbtypes.AttributeDefinition{{AttributeName: aws.String("voter"), AttributeType: dynamodbtypes.ScalarAttributeTypeS}},
				KeySchema:             []dynamodbtypes.KeySchemaElement{{AttributeName: aws.String("voter"), KeyType: dynamodbtypes.KeyTypeHash}},
			})
			return err
		},
	}
}

// provisionedTableCase begins with what tableCase changes to.
func provisionedTableCase() kindCase {
	base := blueprint.TableSpec{PartitionKey: "id", BillingMode: blueprint.Provisioned, Reads: 5, Writes: 7, TTLAttribute: "expires", WarmReads: 50, WarmWrites: 60}
	return kindCase{
		part: "tv-vote-tallies-use1", spec: base,
		changes: []blueprint.Spec{
			with(base, func(s *blueprint.TableSpec) { s.Reads, s.Writes = 10, 3 }),
			with(base, func(s *blueprint.TableSpec) { s.WarmWrites = 100 }),
			with(base, func(s *blueprint.TableSpec) { s.TTLAttribute = "" }),
			with(base, func(s *blueprint.TableSpec) {
				s.BillingMode, s.Reads, s.Writes, s.MaxReads = blueprint.OnDemand, 0, 0, 100
			}),
		},
	}
}

func bucketCase() kindCase {
	return kindCase{
		part: testBucket, spec: bucketBase(),
		changes: []blueprint.Spec{
			publicBucket(),
			with(publicBucket(), func(s *blueprint.BucketSpec) { s.CORSOrigins = []string{"*"} }),
			with(bucketBase(), func(s *blueprint.BucketSpec) { s.Encryption, s.KMSKeyARN = "aws:kms", testKey }),
			with(bucketBase(), func(s *blueprint.BucketSpec) { s.Policy = blueprint.NewPolicy() }),
		},
		half: func(ctx context.Context, tags map[string]string) error {
			_, err := env.AWS.S3.CreateBucket(ctx, &s3.CreateBucketInput{
				Bucket: aws.String(testBucket), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{Tags: bucketTags(tags)},
			})
			return err
		},
	}
}

func functionCase() kindCase {
	f := func(change func(*blueprint.FunctionSpec)) blueprint.Spec { return with(functionBase(), change) }
	return kindCase{
		part: testFunction, spec: functionBase(), setup: needCode,
		changes: []blueprint.Spec{
			f(func(s *blueprint.FunctionSpec) { s.MemoryMB, s.Timeout, s.Handler = 512, 20, "recorder" }),
			f(func(s *blueprint.FunctionSpec) { s.Environment = map[string]string{"QUEUE": "other", "MORE": "1"} }),
			f(func(s *blueprint.FunctionSpec) { s.ReservedConcurrency = 5 }),
			f(func(s *blueprint.FunctionSpec) { s.ReservedConcurrency, s.Environment = 0, nil }),
			f(func(s *blueprint.FunctionSpec) { s.RoleID = "AROASECOND" }),
			f(func(s *blueprint.FunctionSpec) { s.Architecture = "arm64" }),
			f(func(s *blueprint.FunctionSpec) { s.KMSKeyARN, s.LogGroup = testKey, "/aws/lambda/other" }),
			f(func(s *blueprint.FunctionSpec) { s.Released = true }),
			f(func(s *blueprint.FunctionSpec) { s.Released, s.MemoryMB = true, 512 }),
			f(func(s *blueprint.FunctionSpec) {}),
		},
		half: func(ctx context.Context, tags map[string]string) error {
			s := functionBase()
			_, err := env.AWS.Lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
				FunctionName: aws.String(testFunction), Role: &s.RoleARN, Handler: &s.Handler, Runtime: lambdatypes.Runtime(s.Runtime),
				Code: &lambdatypes.FunctionCode{S3Bucket: &s.Bucket, S3Key: &s.Object}, Tags: tags,
				Environment: &lambdatypes.Environment{Variables: s.Environment}, Description: aws.String(describeFunction(s)),
				MemorySize: aws.Int32(256), Timeout: aws.Int32(10), LoggingConfig: logging(s),
			})
			return err
		},
	}
}
