package localaws

import "time"

// rate is what AWS's control plane takes of some operations together, in calls a second of one account and region. As its
// documentation does not give the size of its buckets, they hold one second's worth.
type rate struct {
	name      string
	perSecond float64
}

// rateOf is the rate that a call counts against. Those that a deployment cannot come near are left out: EventBridge
// Scheduler takes hundreds of requests a second (its quotas), SQS and IAM do not publish theirs.
func rateOf(service, operation string) (rate, bool) {
	switch service {
	case "lambda":
		// Lambda Developer Guide, Lambda quotas, API requests: GetFunction 100, GetPolicy 15, the rest of the control plane
		// 15 together.
		switch operation {
		case "Invoke", "InvokeAsync", "InvokeWithResponseStream":
			return rate{}, false
		case "GetFunction":
			return rate{"lambda GetFunction", 100}, true
		case "GetPolicy":
			return rate{"lambda GetPolicy", 15}, true
		}
		return rate{"lambda", 15}, true
	case "cloudwatch":
		// CloudWatch User Guide, CloudWatch service quotas, API requests.
		switch operation {
		case "PutMetricAlarm", "DeleteAlarms":
			return rate{"cloudwatch " + operation, 3}, true
		case "DescribeAlarms":
			return rate{"cloudwatch DescribeAlarms", 9}, true
		}
	case "ssm":
		// AWS General Reference, Systems Manager endpoints and quotas, Parameter Store, default throughput: 40 to get, 3 to put.
		switch operation {
		case "PutParameter":
			return rate{"ssm PutParameter", 3}, true
		case "GetParameter", "GetParameters", "GetParametersByPath":
			return rate{"ssm get", 40}, true
		}
	case "logs":
		// CloudWatch Logs User Guide, CloudWatch Logs quotas.
		switch operation {
		case "CreateLogGroup", "DeleteLogGroup", "DescribeLogGroups", "PutRetentionPolicy":
			return rate{"logs " + operation, 10}, true
		}
	}
	return rate{}, false
}

// bucketOfTokens has as many tokens as calls that may come at once.
type bucketOfTokens struct {
	tokens float64
	at     time.Time
}

// throttles takes a token for the call, and tells whether there was none.
func (w *Weather) throttles(c *Call) bool {
	limit, ok := rateOf(c.Service, c.Operation)
	if !ok || !w.conditions.Rates {
		return false
	}
	// The access key stands for the account, which is not known of every key.
	key, now := c.AccessKey+" "+c.Region+" "+limit.name, w.conditions.Now()
	bucket := w.buckets[key]
	if bucket == nil {
		bucket = &bucketOfTokens{tokens: limit.perSecond, at: now}
		w.buckets[key] = bucket
	}
	bucket.tokens = min(limit.perSecond, bucket.tokens+now.Sub(bucket.at).Seconds()*limit.perSecond)
	bucket.at = now
	if bucket.tokens < 1 {
		return true
	}
	bucket.tokens--
	return false
}
