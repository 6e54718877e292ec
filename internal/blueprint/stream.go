package blueprint

import "time"

// Stream says what a Kinesis data stream should be.
type Stream struct {
	// Shards are the shards of a provisioned stream; 0 for one on demand.
	Shards int
	// Retention is how long records stay, in whole hours, from a day to a year; 0
	// for a day.
	Retention time.Duration
}

// The capacity modes of a stream (Kinesis Data Streams API Reference,
// StreamModeDetails).
const (
	StreamProvisioned = "PROVISIONED"
	StreamOnDemand    = "ON_DEMAND"
)

// KinesisKey is the key of AWS's own that encrypts a stream without a customer's
// (Kinesis Data Streams API Reference, StartStreamEncryption, KeyId).
const KinesisKey = "alias/aws/kinesis"

// A stream keeps records from a day to a year (Kinesis Data Streams API
// Reference, IncreaseStreamRetentionPeriod).
const (
	leastRetention = 24
	mostRetention  = 8760
)

// maxShards is what UpdateShardCount scales up to (Kinesis Data Streams API
// Reference, UpdateShardCount).
const maxShards = 10_000

// StreamSpec is the spec of a Kinesis data stream.
type StreamSpec struct {
	Mode string `json:"stream_mode"`
	// Shards are those that are open; 0 on demand, where AWS decides.
	Shards    int `json:"shards,omitempty"`
	Retention int `json:"retention_period" unit:"h"`
	// KMSKey is a customer's key, or KinesisKey.
	KMSKey string `json:"kms_key"`
}

// Kind implements Spec.
func (StreamSpec) Kind() string { return "stream" }

// StreamHandle refers to a Kinesis data stream.
type StreamHandle struct {
	Handle
	kms      string
	onDemand bool
}

// Stream describes a Kinesis data stream, encrypted at rest.
func (b *Builder) Stream(key string, s Stream) StreamHandle {
	spec := StreamSpec{Mode: StreamProvisioned, Shards: s.Shards, Retention: max(leastRetention, int(s.Retention/time.Hour)), KMSKey: KinesisKey}
	if s.Shards == 0 {
		spec.Mode = StreamOnDemand
	}
	if b.settings.KMSKeyARN != "" {
		spec.KMSKey = b.settings.KMSKeyARN
	}
	return StreamHandle{Handle: b.add(key, b.name(key), spec), kms: b.settings.KMSKeyARN, onDemand: s.Shards == 0}
}

// ARN returns the stream's ARN.
func (s StreamHandle) ARN() string { return arn("kinesis", "stream/"+s.Name()) }

// recordsARN implements RecordSource.
func (s StreamHandle) recordsARN() string { return s.ARN() }

// Put grants putting records (Kinesis Data Streams Developer Guide, "Permissions
// to use user-generated KMS keys", of producers).
func (s StreamHandle) Put() []Grant {
	return append([]Grant{{Actions: []string{"kinesis:PutRecords"}, Resources: []string{s.ARN()}}}, useKey(s.kms, "kms:GenerateDataKey")...)
}

// Read grants what a Lambda event source mapping needs of its function's role
// (Lambda Developer Guide, "Process Amazon Kinesis Data Streams records with
// Lambda", permissions), and what its function needs to read records again.
func (s StreamHandle) Read() []Grant {
	const service = "used by the Lambda service itself to find the stream's shards"
	return append([]Grant{
		{Actions: []string{"kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"}, Resources: []string{s.ARN()}},
		{Actions: []string{"kinesis:DescribeStream", "kinesis:DescribeStreamSummary"}, Resources: []string{s.ARN()}, Rare: service},
		// Listing has no resource of its own (Service Authorization Reference, Amazon Kinesis Data Streams).
		{Actions: []string{"kinesis:ListStreams"}, Resources: []string{"*"}, Rare: service},
	}, useKey(s.kms, "kms:Decrypt")...)
}

// Metric is one that Kinesis sends of the stream (Kinesis Data Streams Developer
// Guide, "Monitor the Amazon Kinesis Data Streams service with Amazon
// CloudWatch").
func (s StreamHandle) Metric(name, statistic string) Series {
	return Series{Namespace: "AWS/Kinesis", Name: name, Dimensions: map[string]string{"StreamName": s.Name()}, Statistic: statistic}
}

// Puts are n records of so many bytes that are put, and read once.
func (s StreamHandle) Puts(n, bytes float64) []Operation {
	out := s.does(PutRecords, n, bytes)
	if s.onDemand {
		out = append(out, s.does(GetRecords, n, bytes)...)
	}
	return out
}

// Standing implements Standing: the hours of shards, or of a stream on demand.
// Beyond a day each shard costs more by the hour; what a stream on demand keeps
// longer is paid for by its size, which no blueprint knows.
func (s StreamSpec) Standing() []Operation {
	if s.Mode == StreamOnDemand {
		return []Operation{{Action: StreamHour, Count: Month.Hours()}}
	}
	out := []Operation{{Action: ShardHour, Count: float64(s.Shards) * Month.Hours()}}
	if s.Retention > leastRetention {
		out = append(out, Operation{Action: RetentionHour, Count: float64(s.Shards) * Month.Hours()})
	}
	return out
}

// stream checks what Kinesis would refuse.
func (c *checker) stream(s StreamSpec) {
	if s.Mode == StreamProvisioned {
		c.between("number of shards", s.Shards, 1, maxShards, "", "Kinesis Data Streams API Reference, UpdateShardCount", nil)
	}
	c.between("retention period", s.Retention, leastRetention, mostRetention, "h", "Kinesis Data Streams API Reference, IncreaseStreamRetentionPeriod", nil)
}
