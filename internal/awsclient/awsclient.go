// Package awsclient holds the AWS configuration that users know from other
// tools, and the clients of all services that the provider calls.
package awsclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	awsbase "github.com/hashicorp/aws-sdk-go-base/v2"
	"github.com/hashicorp/aws-sdk-go-base/v2/endpoints"
)

// Services are the names under which endpoints can be set one by one.
var Services = []string{"apigatewayv2", "cloudfront", "cloudfrontkeyvaluestore", "cloudwatch", "cognitoidentity", "dynamodb", "iam", "kinesis", "kms", "lambda", "logs", "s3", "scheduler", "servicequotas", "sns", "sqs", "ssm", "sts"}

// AssumeRole is one role to take on before any call.
type AssumeRole struct {
	RoleARN, SessionName, ExternalID string
	// Duration of the session; 0 for AWS's default of one hour.
	Duration time.Duration
}

// Config says which account and region to work in, and as whom. Zero values
// leave the choice to the environment and the shared files.
type Config struct {
	Region, Profile                           string
	AccessKey, SecretKey, Token               string
	SharedConfigFiles, SharedCredentialsFiles []string
	AssumeRole                                []AssumeRole
	AllowedAccountIDs                         []string
	Endpoint                                  string
	Endpoints                                 map[string]string
	PathStyle                                 bool
	MaxRetries                                int
	RetryMode                                 string
	HTTPProxy, HTTPSProxy, NoProxy, CABundle  string
	Insecure, SkipRegionValidation            bool
	// Version of the provider, for the user agent.
	Version string
}

// Failure is a configuration that cannot work, told in one message.
type Failure struct {
	// Attribute of the provider's configuration at fault; empty for none.
	Attribute       string
	Summary, Detail string
}

// Error implements error.
func (f *Failure) Error() string { return f.Summary + ": " + f.Detail }

// Client holds the clients of one account and region.
type Client struct {
	SQS        *sqs.Client
	DynamoDB   *dynamodb.Client
	S3         *s3.Client
	Lambda     *lambda.Client
	IAM        *iam.Client
	CloudWatch *cloudwatch.Client
	CloudFront *cloudfront.Client
	Values     *cloudfrontkeyvaluestore.Client
	Logs       *cloudwatchlogs.Client
	SSM        *ssm.Client
	KMS        *kms.Client
	Kinesis    *kinesis.Client
	SNS        *sns.Client
	Scheduler  *scheduler.Client
	STS        *sts.Client
	Quotas     *servicequotas.Client
	APIs       *apigatewayv2.Client
	Identities *cognitoidentity.Client

	region, partition, dnsSuffix string
	allowed                      []string
	limits                       *limiter

	mu      sync.Mutex
	account string
	caller  string
}

// defaultRetries is the number of attempts of one call: with the SDK's back-off
// of at most 20 s they span about two minutes.
const defaultRetries = 10

// New builds the clients. It calls AWS only as far as credentials demand
// (assumed roles, SSO). A failure tells what to change.
func New(ctx context.Context, c Config) (*Client, *Failure) {
	base := &awsbase.Config{
		Region: c.Region, Profile: c.Profile,
		AccessKey: c.AccessKey, SecretKey: c.SecretKey, Token: c.Token,
		SharedConfigFiles: c.SharedConfigFiles, SharedCredentialsFiles: c.SharedCredentialsFiles,
		CallerName: "Serverless provider", CallerDocumentationURL: "the provider's documentation, section Authentication",
		MaxRetries: c.MaxRetries, NoProxy: c.NoProxy, CustomCABundle: c.CABundle, Insecure: c.Insecure,
		// Who the caller is, is asked for once and in our own words; see Account.
		SkipCredsValidation: true, SkipRequestingAccountId: true,
		StsEndpoint: first(c.Endpoints["sts"], c.Endpoint), IamEndpoint: first(c.Endpoints["iam"], c.Endpoint),
		UserAgent: awsbase.UserAgentProducts{{Name: "terraform-provider-serverless", Version: c.Version}},
	}
	if base.MaxRetries == 0 {
		base.MaxRetries = defaultRetries
	}
	if c.RetryMode != "" {
		mode, err := aws.ParseRetryMode(c.RetryMode)
		if err != nil {
			return nil, &Failure{"retry_mode", "Unknown retry mode", fmt.Sprintf("%q is no retry mode. Give standard or adaptive.", c.RetryMode)}
		}
		base.RetryMode = mode
	}
	if c.HTTPProxy != "" {
		base.HTTPProxy = &c.HTTPProxy
	}
	if c.HTTPSProxy != "" {
		base.HTTPSProxy = &c.HTTPSProxy
	}
	for _, r := range c.AssumeRole {
		base.AssumeRole = append(base.AssumeRole, awsbase.AssumeRole{RoleARN: r.RoleARN, SessionName: r.SessionName, ExternalID: r.ExternalID, Duration: r.Duration})
	}
	if f := checkEndpoints(c); f != nil {
		return nil, f
	}
	if c.Region != "" && !c.SkipRegionValidation {
		if f := checkRegion(c.Region); f != nil {
			return nil, f
		}
	}
	_, cfg, diags := awsbase.GetAwsConfig(ctx, base)
	for _, d := range diags {
		if d.Severity().String() == "Error" {
			return nil, credentialsFailure(d.Summary(), d.Detail(), c)
		}
	}
	if cfg.Region == "" {
		return nil, &Failure{"region", "No AWS region", "Set region in the provider block, AWS_REGION in the environment, or region in the profile of the shared configuration file."}
	}
	if !c.SkipRegionValidation {
		if f := checkRegion(cfg.Region); f != nil {
			return nil, f
		}
	}
	return build(cfg, c), nil
}

func build(cfg aws.Config, c Config) *Client {
	if c.Endpoint != "" {
		cfg.BaseEndpoint = aws.String(c.Endpoint)
	}
	at := func(service string, target **string) {
		if e := c.Endpoints[service]; e != "" {
			*target = aws.String(e)
		}
	}
	cl := &Client{region: cfg.Region, partition: "aws", dnsSuffix: "amazonaws.com", allowed: c.AllowedAccountIDs, limits: &limiter{region: cfg.Region}}
	if p, ok := endpoints.PartitionForRegion(endpoints.DefaultPartitions(), cfg.Region); ok {
		cl.partition, cl.dnsSuffix = p.ID(), p.DNSSuffix()
	}
	cfg.APIOptions = append(cfg.APIOptions, cl.limits.install)
	cfg.HTTPClient = readOnlyBodies{cfg.HTTPClient}
	cl.SQS = sqs.NewFromConfig(cfg, func(o *sqs.Options) { at("sqs", &o.BaseEndpoint) })
	cl.DynamoDB = dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { at("dynamodb", &o.BaseEndpoint) })
	cl.S3 = s3.NewFromConfig(cfg, func(o *s3.Options) {
		at("s3", &o.BaseEndpoint)
		o.UsePathStyle = c.PathStyle
	})
	cl.Lambda = lambda.NewFromConfig(cfg, func(o *lambda.Options) { at("lambda", &o.BaseEndpoint) })
	cl.IAM = iam.NewFromConfig(cfg, func(o *iam.Options) { at("iam", &o.BaseEndpoint) })
	cl.CloudWatch = cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) { at("cloudwatch", &o.BaseEndpoint) })
	cl.CloudFront = cloudfront.NewFromConfig(cfg, func(o *cloudfront.Options) {
		at("cloudfront", &o.BaseEndpoint)
		if cl.partition == "aws" {
			// CloudFront is one for all regions, and its calls are signed for this one
			// (AWS General Reference, "Amazon CloudFront endpoints and quotas").
			o.Region = "us-east-1"
		}
	})
	cl.Values = cloudfrontkeyvaluestore.NewFromConfig(cfg, func(o *cloudfrontkeyvaluestore.Options) {
		at("cloudfrontkeyvaluestore", &o.BaseEndpoint)
		o.EndpointResolverV2 = plainHosts{o.EndpointResolverV2}
	})
	cl.Logs = cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) { at("logs", &o.BaseEndpoint) })
	cl.SSM = ssm.NewFromConfig(cfg, func(o *ssm.Options) { at("ssm", &o.BaseEndpoint) })
	cl.KMS = kms.NewFromConfig(cfg, func(o *kms.Options) { at("kms", &o.BaseEndpoint) })
	cl.Kinesis = kinesis.NewFromConfig(cfg, func(o *kinesis.Options) { at("kinesis", &o.BaseEndpoint) })
	cl.SNS = sns.NewFromConfig(cfg, func(o *sns.Options) { at("sns", &o.BaseEndpoint) })
	cl.Scheduler = scheduler.NewFromConfig(cfg, func(o *scheduler.Options) { at("scheduler", &o.BaseEndpoint) })
	cl.Quotas = servicequotas.NewFromConfig(cfg, func(o *servicequotas.Options) { at("servicequotas", &o.BaseEndpoint) })
	cl.APIs = apigatewayv2.NewFromConfig(cfg, func(o *apigatewayv2.Options) { at("apigatewayv2", &o.BaseEndpoint) })
	cl.Identities = cognitoidentity.NewFromConfig(cfg, func(o *cognitoidentity.Options) { at("cognitoidentity", &o.BaseEndpoint) })
	cl.STS = sts.NewFromConfig(cfg, func(o *sts.Options) {
		at("sts", &o.BaseEndpoint)
		// An unreachable endpoint or a wrong key is told at once rather than
		// after two minutes of attempts.
		o.RetryMaxAttempts = 3
	})
	return cl
}

// Region returns the region, "eu-central-1".
func (c *Client) Region() string { return c.region }

// Partition returns the partition of the region, "aws".
func (c *Client) Partition() string { return c.partition }

// DNSSuffix returns the domain of the partition's services, "amazonaws.com".
func (c *Client) DNSSuffix() string { return c.dnsSuffix }

// Account returns the account's id. AWS is asked once; a failure is told as
// one that a user can act on, and asked again next time.
func (c *Client) Account(ctx context.Context) (string, error) {
	account, failure := c.identify(ctx)
	if failure != nil {
		return "", failure
	}
	return account, nil
}

// Caller returns the ARN of the credentials' owner.
func (c *Client) Caller(ctx context.Context) (string, error) {
	if _, failure := c.identify(ctx); failure != nil {
		return "", failure
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.caller, nil
}

// Check finds out whether the credentials work, and for the right account.
func (c *Client) Check(ctx context.Context) *Failure {
	_, failure := c.identify(ctx)
	return failure
}

func (c *Client) identify(ctx context.Context) (string, *Failure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.account != "" {
		return c.account, nil
	}
	out, err := c.STS.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", identityFailure(err, c.region)
	}
	account := aws.ToString(out.Account)
	if len(c.allowed) > 0 && !slices.Contains(c.allowed, account) {
		return "", &Failure{"allowed_account_ids", "AWS account not allowed",
			fmt.Sprintf("The credentials belong to account %s (%s), and allowed_account_ids lists %s. Use other credentials, or allow this account.", account, aws.ToString(out.Arn), strings.Join(c.allowed, ", "))}
	}
	c.account, c.caller = account, aws.ToString(out.Arn)
	c.limits.account.Store(&account)
	return account, nil
}

func checkRegion(region string) *Failure {
	for _, p := range endpoints.DefaultPartitions() {
		if _, ok := p.Regions()[region]; ok {
			return nil
		}
	}
	return &Failure{"region", "Unknown AWS region", fmt.Sprintf("%q is no AWS region that this version of the provider knows. Correct region (for instance us-east-1 or eu-central-1), or set skip_region_validation = true for a region newer than the provider.", region)}
}

func checkEndpoints(c Config) *Failure {
	for _, service := range Services {
		if e := c.Endpoints[service]; e != "" {
			if f := checkEndpoint("endpoints", service+" = "+e, e); f != nil {
				return f
			}
		}
	}
	if c.Endpoint == "" {
		return nil
	}
	return checkEndpoint("endpoint", c.Endpoint, c.Endpoint)
}

func checkEndpoint(attribute, shown, endpoint string) *Failure {
	u, err := url.Parse(endpoint)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return &Failure{attribute, "Endpoint is no URL", fmt.Sprintf("%s: give a URL with scheme and host, for instance http://127.0.0.1:4566.", shown)}
	}
	return nil
}

func credentialsFailure(summary, detail string, c Config) *Failure {
	f := &Failure{Summary: "No AWS credentials", Detail: detail}
	switch {
	case strings.Contains(summary+detail, "failed to get shared config profile"):
		f.Attribute, f.Summary = "profile", "AWS profile not found"
		f.Detail = fmt.Sprintf("There is no profile %q in the shared configuration or credentials files. Correct profile (or AWS_PROFILE), or name the right files in shared_config_files.", first(c.Profile, os.Getenv("AWS_PROFILE")))
	case len(c.AssumeRole) > 0 && strings.Contains(summary, "assume"):
		f.Attribute, f.Summary = "assume_role", "Cannot assume the role"
	case strings.Contains(summary, "No valid credential sources"):
		f.Detail = "There are none in the provider block, the environment, the shared files, nor from the machine's role. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or profile in the provider block.\n\n" + detail
	default:
		f.Summary = summary
	}
	return f
}

// identityFailure tells why AWS did not say who the caller is.
func identityFailure(err error, region string) *Failure {
	var api smithy.APIError
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &api):
		switch api.ErrorCode() {
		case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
			return &Failure{"", "AWS credentials have expired", fmt.Sprintf("Log in again (for instance aws sso login), then repeat the command.\n\nAWS says: %s", api.ErrorMessage())}
		case "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "SignatureDoesNotMatch", "InvalidAccessKeyId", "IncompleteSignature":
			return &Failure{"", "AWS refuses the credentials", fmt.Sprintf("The access key is unknown, or the secret does not belong to it, or the region %s is not enabled in the account. Check the profile, the environment variables and the clock of this machine.\n\nAWS says: %s: %s", region, api.ErrorCode(), api.ErrorMessage())}
		}
		return &Failure{"", "AWS does not say who the caller is", fmt.Sprintf("sts:GetCallerIdentity failed. AWS says: %s: %s", api.ErrorCode(), api.ErrorMessage())}
	case errors.As(err, &dns), errors.As(err, &op):
		return &Failure{"endpoint", "AWS cannot be reached", fmt.Sprintf("Check the network, the proxy, endpoint and endpoints in the provider block, and that region %s exists.\n\n%s", region, err)}
	}
	return &Failure{"", "AWS does not say who the caller is", err.Error()}
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
