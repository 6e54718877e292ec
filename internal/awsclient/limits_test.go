package awsclient

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"golang.org/x/time/rate"
)

func TestLimitOf(t *testing.T) {
	for _, c := range []struct {
		service, operation, name string
		perSec                   float64
	}{
		{"Lambda", "CreateFunction", "lambda", 15},
		{"Lambda", "UpdateFunctionCode", "lambda", 15},
		{"Lambda", "GetFunction", "lambda.GetFunction", 100},
		{"Lambda", "GetPolicy", "lambda.GetPolicy", 15},
		{"Lambda", "Invoke", "", 0},
		{"CloudWatch", "PutMetricAlarm", "cloudwatch.PutMetricAlarm", 3},
		{"CloudWatch", "DeleteAlarms", "cloudwatch.DeleteAlarms", 3},
		{"CloudWatch", "DescribeAlarms", "cloudwatch.DescribeAlarms", 9},
		{"CloudWatch", "GetMetricData", "", 0},
		{"SSM", "PutParameter", "ssm.write", 3},
		{"SSM", "DeleteParameter", "ssm.write", 3},
		{"SSM", "GetParameters", "ssm.read", 40},
		{"CloudWatch Logs", "CreateLogGroup", "logs.CreateLogGroup", 10},
		{"CloudWatch Logs", "FilterLogEvents", "", 0},
		{"KMS", "CreateKey", "kms.CreateKey", 5},
		{"KMS", "UpdateAlias", "kms.aliases", 5},
		{"KMS", "DescribeKey", "", 0},
		{"Service Quotas", "GetServiceQuota", "servicequotas.read", 5},
		{"SQS", "CreateQueue", "", 0},
	} {
		l, ok := limitOf(c.service, c.operation)
		if ok != (c.name != "") || l.name != c.name || float64(l.perSec) != c.perSec {
			t.Errorf("%s %s counts against %q, %v a second; want %q, %v", c.service, c.operation, l.name, l.perSec, c.name, c.perSec)
		}
	}
}

// TestRateIsShared checks that two clients of one account and region wait for
// each other, that another region does not, and that what has no limit never
// waits: a call is refused at once where its turn comes after its deadline.
func TestRateIsShared(t *testing.T) {
	var calls atomic.Int64
	url := answers(t, &calls, identity("210987654321"), func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = w.Write([]byte(`{"QueueUrl":"https://sqs/q"}`))
	})
	first := open(t, keys(url))
	if _, err := first.Account(t.Context()); err != nil {
		t.Fatal(err)
	}
	sibling := func(region string) *Client {
		c := keys(url)
		c.Region = region
		client := open(t, c)
		client.limits.account.Store(first.limits.account.Load())
		return client
	}
	write := func(ctx context.Context, c *Client) error {
		_, err := c.SSM.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/x"), Value: aws.String("y")})
		return err
	}
	if err := write(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	entry, ok := limiters.Load(limiterKey{account: "210987654321", region: "eu-central-1", name: "ssm.write"})
	if !ok {
		t.Fatal("a write counts against no rate of its account and region")
	}
	t.Cleanup(limiters.Clear)
	// With an hour between two calls, only the burst goes out within the test.
	entry.(*rate.Limiter).SetLimit(rate.Every(time.Hour))
	for range ssmWrite.burst - 1 {
		if err := write(t.Context(), first); err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	before := calls.Load()
	for name, client := range map[string]*Client{"the first client": first, "a second one": sibling("eu-central-1")} {
		if err := write(short, client); err == nil || short.Err() != nil {
			t.Errorf("%s does not hold to the rate: %v, %v", name, err, short.Err())
		}
	}
	if n := calls.Load() - before; n != 0 {
		t.Errorf("%d calls went out beyond the rate", n)
	}
	if err := write(t.Context(), sibling("eu-west-1")); err != nil {
		t.Errorf("another region: %v", err)
	}
	if _, err := first.SQS.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q")}); err != nil {
		t.Errorf("what has no limit: %v", err)
	}
}
