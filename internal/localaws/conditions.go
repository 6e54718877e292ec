package localaws

import "time"

// Hardship is one thing that a real AWS makes its callers wait for, and the local AWS does not.
type Hardship string

// The hardships.
const (
	// RoleNotAssumable: Lambda does not know a role, or its trust policy, yet.
	RoleNotAssumable Hardship = "role not assumable"
	// RoleNotPermitted: Lambda does not know yet what a function's role may read.
	RoleNotPermitted Hardship = "role not permitted"
	// RoleNotTrusting: the Scheduler does not know a role yet.
	RoleNotTrusting Hardship = "role not trusting"
	// RoleUnknown: IAM itself does not find a role just made.
	RoleUnknown Hardship = "role unknown"
	// FunctionSettling: a function shows that it is being made or changed.
	FunctionSettling Hardship = "function settling"
	// FunctionBusy: such a function refuses a further change.
	FunctionBusy Hardship = "function busy"
	// MappingUnlisted: a list lacks an event source mapping just made.
	MappingUnlisted Hardship = "mapping unlisted"
	// QueueNameHeld: the name of a deleted queue is not free yet.
	QueueNameHeld Hardship = "queue name held"
	// QueueDying: a deleted queue still answers, now and then.
	QueueDying Hardship = "queue dying"
	// QueueUnknown: a queue just made cannot be used yet.
	QueueUnknown Hardship = "queue unknown"
	// QueueUnlisted: a list lacks a queue just made.
	QueueUnlisted Hardship = "queue unlisted"
	// LogGroupUnlisted: a list lacks a log group just made.
	LogGroupUnlisted Hardship = "log group unlisted"
	// LogGroupBusy: a log group just made cannot be changed yet.
	LogGroupBusy Hardship = "log group busy"
	// BucketBusy: a bucket just made, or the name of one just deleted, is under another operation.
	BucketBusy Hardship = "bucket busy"
	// TableUnknown: a table just made is not found.
	TableUnknown Hardship = "table unknown"
	// TableSettling: a table shows that it is being made or changed.
	TableSettling Hardship = "table settling"
	// TableBusy: such a table refuses a further change.
	TableBusy Hardship = "table busy"
	// BackupsUnavailable: a table just made has no backups to switch on yet.
	BackupsUnavailable Hardship = "backups unavailable"
	// TooManyTables: as many tables as may be are being made or changed.
	TooManyTables Hardship = "too many tables"
	// StreamUnknown: a Kinesis stream just made is not found.
	StreamUnknown Hardship = "stream unknown"
	// StreamSettling: a stream shows that it is being made or changed.
	StreamSettling Hardship = "stream settling"
	// StreamBusy: such a stream, or the name of one that is being deleted, refuses a further change.
	StreamBusy Hardship = "stream busy"
	// Throttled: more calls a second than the control plane takes.
	Throttled Hardship = "throttled"
	// Slow: a call that took its time.
	Slow Hardship = "slow"
)

// Conditions say where the weather is bad, and how bad. The zero value of a duration or count leaves its hardship out. AWS's
// documentation names the hardships; where it gives no figure, RealConditions says so.
type Conditions struct {
	// Whose calls meet the weather: those signed with one of the access keys, in the region. Empty is any. IAM has no region.
	AccessKeys []string
	Region     string

	// RoleSpread is how long Lambda and the Scheduler do not know a role just made, or whom it trusts now.
	RoleSpread time.Duration
	// PolicySpread is how long Lambda does not know what a role's policies just put allow.
	PolicySpread time.Duration
	// RoleLag is how long after CreateRole IAM itself does not find the role.
	RoleLag time.Duration
	// FunctionBusy is how long a function is Pending once made, and its update in progress once changed.
	FunctionBusy time.Duration
	// ListLag is how long a list lacks what was just made.
	ListLag time.Duration
	// QueueNameHeld is how long the name of a deleted queue is not free.
	QueueNameHeld time.Duration
	// QueueDying is how long a deleted queue still answers two of three calls.
	QueueDying time.Duration
	// QueueLag is how long a queue just made cannot be used.
	QueueLag time.Duration
	// LogGroupBusy is how long a log group just made cannot be changed.
	LogGroupBusy time.Duration
	// BucketBusy is how long a bucket just made cannot be configured, and the name of one just deleted not be used.
	BucketBusy time.Duration
	// TableLag is how long DescribeTable does not find a table just made; it comes before TableBusy.
	TableLag time.Duration
	// TableBusy is how long a table is CREATING once made, and UPDATING once changed.
	TableBusy time.Duration
	// BackupsLag is how long after CreateTable point-in-time recovery cannot be set.
	BackupsLag time.Duration
	// Tables is how many tables of an account and region may be made or changed at the same time.
	Tables int
	// StreamLag is how long DescribeStreamSummary does not find a stream just made; it comes before StreamBusy.
	StreamLag time.Duration
	// StreamBusy is how long a stream is CREATING once made, UPDATING once changed, and its name in use once it is deleted.
	StreamBusy time.Duration
	// Rates turns on the rates of the control plane; see rates.
	Rates bool
	// Latency is the median of what each call takes longer; one in a hundred takes ten times as long.
	Latency time.Duration
	// Seed decides which calls are slow.
	Seed uint64

	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// RealConditions are AWS's own, as far as it documents them.
func RealConditions() Conditions {
	return Conditions{
		// IAM User Guide, Troubleshooting IAM, "Changes that I make are not always immediately visible": no figure. Ten seconds are
		// what the Lambda Developer Guide lets its own tutorials wait.
		RoleSpread:   10 * time.Second,
		PolicySpread: 10 * time.Second, // as above
		RoleLag:      2 * time.Second,  // as above
		// Lambda Developer Guide, Lambda function states: seconds, no figure.
		FunctionBusy: 3 * time.Second,
		// Lambda API Reference, ListEventSourceMappings, and CloudWatch Logs': no figure. One second is what SQS says of its queues.
		ListLag: time.Second,
		// SQS API Reference, DeleteQueue.
		QueueNameHeld: 60 * time.Second,
		QueueDying:    60 * time.Second,
		// SQS API Reference, CreateQueue.
		QueueLag: time.Second,
		// CloudWatch Logs API Reference, CreateLogGroup, OperationAbortedException: no figure.
		LogGroupBusy: time.Second,
		// S3 API Reference, Error responses, OperationAborted: no figure.
		BucketBusy: 2 * time.Second,
		// Kinesis Data Streams API Reference, CreateStream, UpdateShardCount and DeleteStream: no figure.
		StreamLag: 500 * time.Millisecond, StreamBusy: 10 * time.Second,
		// DynamoDB API Reference, DescribeTable: "a few seconds".
		TableLag: 2 * time.Second,
		// DynamoDB API Reference, CreateTable and UpdateTable: no figure.
		TableBusy: 8 * time.Second,
		// DynamoDB API Reference, UpdateContinuousBackups, ContinuousBackupsUnavailableException: no figure.
		BackupsLag: 10 * time.Second,
		// DynamoDB API Reference, LimitExceededException.
		Tables: 500,
		Rates:  true,
		// A call within a region: no figure.
		Latency: 30 * time.Millisecond,
	}
}

// Faster are the same conditions with all durations divided by n. Counts and rates stay.
func (c Conditions) Faster(n int) Conditions {
	for _, d := range []*time.Duration{
		&c.RoleSpread, &c.PolicySpread, &c.RoleLag, &c.FunctionBusy, &c.ListLag, &c.QueueNameHeld, &c.QueueDying, &c.QueueLag, &c.LogGroupBusy, &c.BucketBusy,
		&c.TableLag, &c.TableBusy, &c.BackupsLag, &c.Latency,
	} {
		*d /= time.Duration(n)
	}
	return c
}
