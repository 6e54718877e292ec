package localaws

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"golang.org/x/sync/errgroup"
)

// inventory collects what exists.
type inventory struct {
	mu    sync.Mutex
	found []string
}

func (i *inventory) add(kind, name string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.found = append(i.found, kind+" "+name)
}

// Inventory lists everything that exists in the configuration's account and region, sorted, one line each ("queue votes",
// "mapping intake <uuid>"), of the kinds that systems are made of: roles and their inline policies, managed policies,
// queues, streams, tables, buckets, functions with their aliases, URLs and mappings, log groups, schedules, alarms, parameters, topics with their
// subscriptions, and KMS keys with their aliases; a key whose deletion is scheduled is as good as gone.
// Tests assert with it that an account is empty. IAM is global: its objects are listed whatever the region.
func Inventory(ctx context.Context, cfg aws.Config) ([]string, error) {
	all := &inventory{}
	group, ctx := errgroup.WithContext(ctx)
	for what, list := range map[string]func(context.Context, aws.Config) error{
		"roles": all.roles, "policies": all.policies, "queues": all.queues, "tables": all.tables, "buckets": all.buckets,
		"functions": all.functions, "mappings": all.mappings, "log groups": all.logGroups, "schedules": all.schedules,
		"alarms": all.alarms, "streams": all.streams, "parameters": all.parameters, "APIs": all.apis, "domain names": all.domainNames, "identity pools": all.identityPools, "distributions": all.distributions, "access controls": all.accessControls, "edge functions": all.edgeFunctions, "key value stores": all.keyValueStores, "dashboards": all.dashboards, "topics": all.topics, "subscriptions": all.subscriptions,
		"keys": all.keys, "key aliases": all.keyAliases,
	} {
		group.Go(func() error {
			if err := list(ctx, cfg); err != nil {
				return fmt.Errorf("take the inventory: list %s: %w", what, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.Sort(all.found)
	return all.found, nil
}

func (i *inventory) roles(ctx context.Context, cfg aws.Config) error {
	client := iam.NewFromConfig(cfg)
	for pages := iam.NewListRolesPaginator(client, &iam.ListRolesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, role := range page.Roles {
			i.add("role", aws.ToString(role.RoleName))
			// An inline policy cannot outlive its role, but a role that should be bare shows here.
			inline, err := client.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: role.RoleName})
			if err != nil {
				return err
			}
			for _, policy := range inline.PolicyNames {
				i.add("role policy", aws.ToString(role.RoleName)+" "+policy)
			}
		}
	}
	return nil
}

func (i *inventory) policies(ctx context.Context, cfg aws.Config) error {
	input := &iam.ListPoliciesInput{Scope: iamtypes.PolicyScopeTypeLocal}
	for pages := iam.NewListPoliciesPaginator(iam.NewFromConfig(cfg), input); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, policy := range page.Policies {
			i.add("policy", aws.ToString(policy.PolicyName))
		}
	}
	return nil
}

func (i *inventory) queues(ctx context.Context, cfg aws.Config) error {
	for pages := sqs.NewListQueuesPaginator(sqs.NewFromConfig(cfg), &sqs.ListQueuesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, url := range page.QueueUrls {
			i.add("queue", shortName(url))
		}
	}
	return nil
}

func (i *inventory) streams(ctx context.Context, cfg aws.Config) error {
	for pages := kinesis.NewListStreamsPaginator(kinesis.NewFromConfig(cfg), &kinesis.ListStreamsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, stream := range page.StreamNames {
			i.add("stream", stream)
		}
	}
	return nil
}

func (i *inventory) tables(ctx context.Context, cfg aws.Config) error {
	for pages := dynamodb.NewListTablesPaginator(dynamodb.NewFromConfig(cfg), &dynamodb.ListTablesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, table := range page.TableNames {
			i.add("table", table)
		}
	}
	return nil
}

func (i *inventory) buckets(ctx context.Context, cfg aws.Config) error {
	for pages := s3.NewListBucketsPaginator(s3.NewFromConfig(cfg), &s3.ListBucketsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, bucket := range page.Buckets {
			i.add("bucket", aws.ToString(bucket.Name))
		}
	}
	return nil
}

func (i *inventory) functions(ctx context.Context, cfg aws.Config) error {
	client := lambda.NewFromConfig(cfg)
	for pages := lambda.NewListFunctionsPaginator(client, &lambda.ListFunctionsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, function := range page.Functions {
			name := aws.ToString(function.FunctionName)
			i.add("function", name)
			aliases, err := client.ListAliases(ctx, &lambda.ListAliasesInput{FunctionName: &name})
			if err != nil {
				return err
			}
			for _, alias := range aliases.Aliases {
				i.add("alias", name+" "+aws.ToString(alias.Name))
			}
			urls, err := client.ListFunctionUrlConfigs(ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: &name})
			if err != nil {
				return err
			}
			for _, url := range urls.FunctionUrlConfigs {
				i.add("function url", name+" "+aws.ToString(url.FunctionUrl))
			}
		}
	}
	return nil
}

// mappings lists them by themselves: a mapping can outlive its function.
func (i *inventory) mappings(ctx context.Context, cfg aws.Config) error {
	input := &lambda.ListEventSourceMappingsInput{}
	for pages := lambda.NewListEventSourceMappingsPaginator(lambda.NewFromConfig(cfg), input); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, mapping := range page.EventSourceMappings {
			i.add("mapping", shortName(aws.ToString(mapping.FunctionArn))+" "+aws.ToString(mapping.UUID))
		}
	}
	return nil
}

func (i *inventory) logGroups(ctx context.Context, cfg aws.Config) error {
	input := &cloudwatchlogs.DescribeLogGroupsInput{}
	for pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(cloudwatchlogs.NewFromConfig(cfg), input); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, group := range page.LogGroups {
			i.add("log group", aws.ToString(group.LogGroupName))
		}
	}
	return nil
}

func (i *inventory) schedules(ctx context.Context, cfg aws.Config) error {
	for pages := scheduler.NewListSchedulesPaginator(scheduler.NewFromConfig(cfg), &scheduler.ListSchedulesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, schedule := range page.Schedules {
			i.add("schedule", aws.ToString(schedule.GroupName)+"/"+aws.ToString(schedule.Name))
		}
	}
	return nil
}

func (i *inventory) alarms(ctx context.Context, cfg aws.Config) error {
	// Without types AWS lists metric alarms only.
	input := &cloudwatch.DescribeAlarmsInput{AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm, cwtypes.AlarmTypeCompositeAlarm}}
	for pages := cloudwatch.NewDescribeAlarmsPaginator(cloudwatch.NewFromConfig(cfg), input); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, alarm := range page.MetricAlarms {
			i.add("alarm", aws.ToString(alarm.AlarmName))
		}
		for _, alarm := range page.CompositeAlarms {
			i.add("alarm", aws.ToString(alarm.AlarmName))
		}
	}
	return nil
}

func (i *inventory) parameters(ctx context.Context, cfg aws.Config) error {
	for pages := ssm.NewDescribeParametersPaginator(ssm.NewFromConfig(cfg), &ssm.DescribeParametersInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, parameter := range page.Parameters {
			i.add("parameter", aws.ToString(parameter.Name))
		}
	}
	return nil
}

func (i *inventory) topics(ctx context.Context, cfg aws.Config) error {
	for pages := sns.NewListTopicsPaginator(sns.NewFromConfig(cfg), &sns.ListTopicsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, topic := range page.Topics {
			i.add("topic", shortName(aws.ToString(topic.TopicArn)))
		}
	}
	return nil
}

func (i *inventory) subscriptions(ctx context.Context, cfg aws.Config) error {
	for pages := sns.NewListSubscriptionsPaginator(sns.NewFromConfig(cfg), &sns.ListSubscriptionsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, s := range page.Subscriptions {
			i.add("subscription", shortName(aws.ToString(s.TopicArn))+" "+aws.ToString(s.Endpoint))
		}
	}
	return nil
}

func (i *inventory) keys(ctx context.Context, cfg aws.Config) error {
	client := kms.NewFromConfig(cfg)
	for pages := kms.NewListKeysPaginator(client, &kms.ListKeysInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, key := range page.Keys {
			out, err := client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: key.KeyId})
			if err != nil {
				return err
			}
			if out.KeyMetadata.KeyState != kmstypes.KeyStatePendingDeletion {
				i.add("key", aws.ToString(key.KeyId))
			}
		}
	}
	return nil
}

func (i *inventory) keyAliases(ctx context.Context, cfg aws.Config) error {
	for pages := kms.NewListAliasesPaginator(kms.NewFromConfig(cfg), &kms.ListAliasesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, alias := range page.Aliases {
			i.add("key alias", aws.ToString(alias.AliasName))
		}
	}
	return nil
}

func (i *inventory) dashboards(ctx context.Context, cfg aws.Config) error {
	for pages := cloudwatch.NewListDashboardsPaginator(cloudwatch.NewFromConfig(cfg), &cloudwatch.ListDashboardsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, dashboard := range page.DashboardEntries {
			i.add("dashboard", aws.ToString(dashboard.DashboardName))
		}
	}
	return nil
}
