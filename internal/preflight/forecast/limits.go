package forecast

import "time"

// AWS's limits that no quota moves, or that no service tells.
const (
	// KeptUnreserved executions stay unreserved in every account (Lambda
	// Developer Guide, "Configuring reserved concurrency").
	KeptUnreserved = 100
	// PerExecution is how many synchronous requests a second Lambda takes for
	// each concurrent execution, a function URL's among them (Lambda Developer
	// Guide, "Understanding Lambda function scaling", requests per second).
	PerExecution = 10
	// A function grows by GrowthEnvironments every GrowthPeriod; unused growth
	// does not add up (Lambda Developer Guide, "Lambda scaling behavior",
	// concurrency scaling rate).
	GrowthEnvironments = 1000
	GrowthPeriod       = 10 * time.Second
	// A mapping from a standard queue begins with FirstBatches at once, and takes
	// MoreBatches more each minute up to MostBatches (Lambda Developer Guide,
	// "Configuring scaling behavior for SQS event source mappings"; an older
	// announcement has 1,250 as the greatest number).
	FirstBatches, MoreBatches, MostBatches = 5, 300, 1000
	// PerReceive is the greatest number of messages of one receive (SQS API
	// Reference, ReceiveMessage).
	PerReceive = 10
	// MostInFlight messages of a standard queue are received and not yet deleted
	// (SQS Developer Guide, "Amazon SQS message quotas").
	MostInFlight = 120_000
	// ShardBytes a second is what a shard takes, and OnDemandShards are those that a
	// new stream on demand has (Kinesis Data Streams Developer Guide, "Quotas and
	// limits", and "Choose the right mode for your stream").
	ShardBytes, OnDemandShards = 1 << 20, 4
	// A new on-demand table carries these units a second (DynamoDB Developer
	// Guide, "DynamoDB on-demand capacity mode", initial throughput).
	NewTableWrites, NewTableReads = 4000, 12_000
	// PeakMemory is within which traffic above twice the previous peak may be
	// throttled (the same, scaling properties).
	PeakMemory = 30 * time.Minute
	// One partition, and so one item, carries these units a second (DynamoDB
	// Developer Guide, "Best practices for designing and using partition keys").
	PartitionWrites, PartitionReads = 1000, 3000
	// BurstMemory is how long a table of provisioned capacity remembers what it
	// did not use (DynamoDB Developer Guide, "Burst capacity").
	BurstMemory = 300 * time.Second
	// An asynchronous call that finds no execution is tried again after one
	// second, then ever later up to five minutes, for six hours (Lambda Developer
	// Guide, "How Lambda handles errors and retries with asynchronous
	// invocation").
	FirstAsyncRetry, lastAsyncRetry = time.Second, 5 * time.Minute
)

// Limits are the quotas of an account and the limits that can be moved.
type Limits struct {
	// Concurrency is the account's concurrent executions (Lambda quotas).
	Concurrency int
	// APIRate and APIBurst are requests a second of all APIs of an account
	// (API Gateway quotas, "Throttle quota per account, per Region").
	APIRate, APIBurst int
	// TableWrites are write units a second of one table (DynamoDB quotas,
	// throughput default quotas).
	TableWrites int
	// NewTableWrites are write units a second that an on-demand table without
	// warm throughput carries at the beginning.
	NewTableWrites int
	// MappingBatches are batches of one mapping at once.
	MappingBatches int
	// InFlight are messages of one queue.
	InFlight int
}

// Defaults are what an account has that never asked for more.
func Defaults() Limits {
	return Limits{
		Concurrency: 1000, APIRate: 10_000, APIBurst: 5000,
		TableWrites: 40_000, NewTableWrites: NewTableWrites,
		MappingBatches: MostBatches, InFlight: MostInFlight,
	}
}

// Pollers is how many batches a mapping takes at once after its queue has been
// busy for so long.
func Pollers(busy time.Duration, most int) int {
	return min(most, FirstBatches+int(busy*MoreBatches/time.Minute))
}

// OnDemand is how many units a second an on-demand table carries that began with
// so many and had its greatest traffic so long ago as PeakMemory or longer.
func OnDemand(initial, formerPeak, quota int) int {
	return min(quota, max(initial, 2*formerPeak))
}

// Partitions is how many partitions carry so many units a second.
func Partitions(units int) int {
	return max(1, (units+PartitionWrites-1)/PartitionWrites)
}

// AsyncRetry is how long after its nth refusal, from 1 on, an asynchronous call
// is tried again at the latest, where the first wait is so long.
func AsyncRetry(n int, first time.Duration) time.Duration {
	wait := first
	for i := 1; i < n && wait < lastAsyncRetry; i++ {
		wait *= 2
	}
	return min(wait, lastAsyncRetry)
}

// bucket is a token bucket: rate tokens come each second, and at most size are
// there. It counts in hundredths, so that a step brings a whole number.
type bucket struct {
	rate, size, level int
}

func newBucket(rate, size int) bucket {
	return bucket{rate: rate, size: size, level: size * stepsPerSecond}
}

func (b *bucket) refill() { b.level = min(b.level+b.rate, b.size*stepsPerSecond) }

// there is how many whole tokens there are.
func (b *bucket) there() int { return b.level / stepsPerSecond }

func (b *bucket) take(n int) { b.level -= n * stepsPerSecond }
