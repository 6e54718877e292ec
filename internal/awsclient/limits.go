package awsclient

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	smithy "github.com/aws/smithy-go/middleware"
	"golang.org/x/time/rate"
)

// limit is a control-plane rate of one account and region, shared by the
// operations that name it. burst is how many calls may go out at once before
// the rate holds: AWS's own buckets take some, their size is not published.
type limit struct {
	name   string
	perSec rate.Limit
	burst  int
}

var (
	// Lambda quotas: "Rest of the control plane API", 15 a second together;
	// GetFunction 100 a second; GetPolicy 15 a second.
	lambdaControl = limit{"lambda", 15, 30}
	lambdaGet     = limit{"lambda.GetFunction", 100, 100}
	lambdaPolicy  = limit{"lambda.GetPolicy", 15, 15}
	// CloudWatch service quotas: 3 a second to put and to delete alarms, 9 to
	// describe them.
	putAlarm       = limit{"cloudwatch.PutMetricAlarm", 3, 12}
	deleteAlarms   = limit{"cloudwatch.DeleteAlarms", 3, 12}
	describeAlarms = limit{"cloudwatch.DescribeAlarms", 9, 9}
	// Systems Manager quotas: default throughput 40 a second to read
	// parameters, 3 a second to write them.
	ssmRead  = limit{"ssm.read", 40, 40}
	ssmWrite = limit{"ssm.write", 3, 10}
	// CloudWatch Logs quotas: 10 a second each.
	logsCreate   = limit{"logs.CreateLogGroup", 10, 20}
	logsDelete   = limit{"logs.DeleteLogGroup", 10, 20}
	logsDescribe = limit{"logs.DescribeLogGroups", 10, 20}
	logsPolicy   = limit{"logs.PutRetentionPolicy", 10, 20}
	// KMS Developer Guide, "Request quotas": 5 a second each.
	kmsKeys    = limit{"kms.CreateKey", 5, 5}
	kmsAliases = limit{"kms.aliases", 5, 5}
	// API Gateway quotas, "Quotas for creating, deploying and managing an API":
	// all operations together 10 a second, 40 in a burst.
	apiControl = limit{"apigateway", 10, 40}
	// Service Quotas User Guide, "Service quotas for Service Quotas": 5 a second
	// and as many in a burst.
	quotasRead = limit{"servicequotas.read", 5, 5}
)

// limitOf returns the rate that an operation counts against; ok is false for
// those whose own quota no single apply comes near.
func limitOf(service, operation string) (l limit, ok bool) {
	switch service {
	case "Lambda":
		switch operation {
		case "Invoke":
			return limit{}, false
		case "GetFunction":
			return lambdaGet, true
		case "GetPolicy":
			return lambdaPolicy, true
		}
		return lambdaControl, true
	case "CloudWatch":
		switch operation {
		case "PutMetricAlarm":
			return putAlarm, true
		case "DeleteAlarms":
			return deleteAlarms, true
		case "DescribeAlarms":
			return describeAlarms, true
		}
	case "SSM":
		switch operation {
		case "PutParameter", "DeleteParameter", "DeleteParameters":
			return ssmWrite, true
		}
		return ssmRead, true
	case "CloudWatch Logs":
		switch operation {
		case "CreateLogGroup":
			return logsCreate, true
		case "DeleteLogGroup":
			return logsDelete, true
		case "DescribeLogGroups":
			return logsDescribe, true
		case "PutRetentionPolicy":
			return logsPolicy, true
		}
	case "KMS":
		switch operation {
		case "CreateKey":
			return kmsKeys, true
		case "CreateAlias", "UpdateAlias":
			return kmsAliases, true
		}
	case "ApiGatewayV2":
		return apiControl, true
	case "Service Quotas":
		return quotasRead, true
	}
	return limit{}, false
}

// limiters are shared by the whole process: every resource and every alias of
// the provider that works in the same account and region counts together.
var limiters sync.Map // of limiterKey to *rate.Limiter

type limiterKey struct{ account, region, name string }

// limiter holds the calls of one client to AWS's control-plane rates.
type limiter struct {
	region  string
	account atomic.Pointer[string]
}

func (l *limiter) wait(ctx context.Context, service, operation string) error {
	lim, ok := limitOf(service, operation)
	if !ok {
		return nil
	}
	key := limiterKey{region: l.region, name: lim.name}
	if account := l.account.Load(); account != nil {
		key.account = *account
	}
	shared, _ := limiters.LoadOrStore(key, rate.NewLimiter(lim.perSec, lim.burst))
	return shared.(*rate.Limiter).Wait(ctx) //nolint:forcetypeassert // the map holds nothing else
}

// install puts the limiter behind the SDK's retries, so that each attempt
// counts.
func (l *limiter) install(stack *smithy.Stack) error {
	return stack.Finalize.Insert(smithy.FinalizeMiddlewareFunc("ControlPlaneRate",
		func(ctx context.Context, in smithy.FinalizeInput, next smithy.FinalizeHandler) (smithy.FinalizeOutput, smithy.Metadata, error) {
			if err := l.wait(ctx, middleware.GetServiceID(ctx), middleware.GetOperationName(ctx)); err != nil {
				return smithy.FinalizeOutput{}, smithy.Metadata{}, err
			}
			return next.HandleFinalize(ctx, in)
		}), "Retry", smithy.After)
}
