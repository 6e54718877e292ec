package blueprint

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Event is one occasion of the load that a system is made for: a vote, a sale,
// the upload of a day.
type Event struct {
	// Unit names what an event is made of, in the singular: "vote"; Units is how
	// many there are in one event.
	Unit  string
	Units float64
	// PerMonth is how many events there are in a month.
	PerMonth float64
}

// Load is how often one thing happens.
type Load struct {
	// Unit names one of it: "vote", "poll", "tick".
	Unit string
	// Count is how many there are in one event, or in one month.
	Count float64
	// Over is the time in which they come; 0 for a load without a rate.
	Over time.Duration
	// Peak is the greatest rate, in units a second; 0 takes the mean.
	Peak float64
}

// Mean is the load's rate, in units a second; 0 where it has none.
func (l Load) Mean() float64 {
	if l.Over <= 0 {
		return 0
	}
	return l.Count / l.Over.Seconds()
}

// Greatest is the rate that a quota must allow, in units a second.
func (l Load) Greatest() float64 { return max(l.Peak, l.Mean()) }

// Usage is what one unit of a load makes AWS do.
type Usage struct {
	Load
	Operations []Operation
}

// Action names what AWS bills for: a call by its service, as in endpoints, and
// operation, or what no call shows.
type Action string

// The actions. Those from ReadCapacity on are billed without a call of their own.
const (
	Invoke             Action = "lambda:Invoke"
	SendMessage        Action = "sqs:SendMessage"
	ReceiveMessage     Action = "sqs:ReceiveMessage"
	DeleteMessageBatch Action = "sqs:DeleteMessageBatch"
	GetQueueAttributes Action = "sqs:GetQueueAttributes"
	PutItem            Action = "dynamodb:PutItem"
	UpdateItem         Action = "dynamodb:UpdateItem"
	GetItem            Action = "dynamodb:GetItem"
	Scan               Action = "dynamodb:Scan"
	PutObject          Action = "s3:PutObject"
	GetObject          Action = "s3:GetObject"
	Sign               Action = "kms:Sign"
	Publish            Action = "sns:Publish"
	PutRecords         Action = "kinesis:PutRecords" // Counted by its records.
	GetRecords         Action = "kinesis:GetRecords" // The same, of a stream on demand.
	Request            Action = "execute-api:Invoke"
	GetID              Action = "cognito-identity:GetId"
	GetCredentials     Action = "cognito-identity:GetCredentialsForIdentity"

	Deliver Action = "cloudfront:Deliver" // An answer of a distribution, with its bytes.

	ReadCapacity   Action = "dynamodb:ReadCapacity"     // An hour of a provisioned table's unit.
	WriteCapacity  Action = "dynamodb:WriteCapacity"    // The same.
	ShardHour      Action = "kinesis:ShardHour"         // An hour of a provisioned stream's shard.
	RetentionHour  Action = "kinesis:RetentionHour"     // The same, for records that stay longer than a day.
	StreamHour     Action = "kinesis:StreamHour"        // An hour of a stream on demand.
	CompositeAlarm Action = "cloudwatch:CompositeAlarm" // A composite alarm for a month.
	DashboardMonth Action = "cloudwatch:Dashboard"      // A dashboard for a month.
	RunAtEdge      Action = "cloudfront:RunFunction"    // A CloudFront function's run.
	Run            Action = "lambda:Run"                // A function's memory over its duration.
	KeepItem       Action = "dynamodb:KeepItem"         // An item's storage for a month.
	Schedule       Action = "scheduler:Invoke"          // A schedule's call of its target.
	Alarm          Action = "cloudwatch:Alarm"          // An alarm for a month.
	Key            Action = "kms:Key"                   // A customer's key for a month.
	Metric         Action = "cloudwatch:Metric"         // A custom metric for a month.
	WriteLogs      Action = "logs:PutLogEvents"         // What a function writes to its log.
	SendOut        Action = "internet:SendBytes"        // What leaves AWS for the Internet.
)

// Operation is what is done to one part.
type Operation struct {
	// Part is the part's key.
	Part   string
	Action Action
	// Count is how often it is done for one unit of the load.
	Count float64
	// Bytes is the size of each: of the message, item, object, log line or
	// answer, or what a scan reads.
	Bytes float64
	// Duration of each, where it is billed or occupies something.
	Duration time.Duration
	// Eventual marks a read that may be a second old, at half the price.
	Eventual bool
}

// Standing is a spec whose part costs something by being there. Standing
// returns what a month of it comes to.
type Standing interface{ Standing() []Operation }

// Month is AWS's month of 730 hours (AWS Pricing Calculator).
const Month = 730 * time.Hour

// Event says what the expected load is. Without it a system has no loads but
// those of each month.
func (b *Builder) Event(e Event) { b.blue.Event = &e }

// PerEvent says what each unit of a load costs, which comes with every event.
func (b *Builder) PerEvent(l Load, operations ...[]Operation) {
	b.blue.PerEvent = append(b.blue.PerEvent, usage(l, operations))
}

// PerMonth says what each unit of a load costs, which comes whether there are
// events or not.
func (b *Builder) PerMonth(l Load, operations ...[]Operation) {
	b.blue.PerMonth = append(b.blue.PerMonth, usage(l, operations))
}

func usage(l Load, operations [][]Operation) Usage {
	u := Usage{Load: l}
	for _, o := range operations {
		u.Operations = append(u.Operations, o...)
	}
	return u
}

func (h Handle) does(a Action, n, bytes float64) []Operation {
	return []Operation{{Part: h.Key(), Action: a, Count: n, Bytes: bytes}}
}

// Invocations are n calls of the function, each of the stated duration when
// warm.
func (f FunctionHandle) Invocations(n float64, duration time.Duration) []Operation {
	return []Operation{
		{Part: f.Key(), Action: Invoke, Count: n, Duration: duration},
		{Part: f.Key(), Action: Run, Count: n, Duration: duration},
	}
}

// Answers are n answers to the Internet of so many bytes, headers included.
func (f FunctionHandle) Answers(n, bytes float64) []Operation { return f.does(SendOut, n, bytes) }

// Logs are n lines in the function's log of so many bytes.
func (f FunctionHandle) Logs(n, bytes float64) []Operation { return f.does(WriteLogs, n, bytes) }

// Metrics are n custom metrics of the function. CloudWatch bills them by the
// hour in which they have data (CloudWatch pricing, custom metrics).
func (f FunctionHandle) Metrics(n float64, active time.Duration) []Operation {
	return f.does(Metric, n*math.Ceil(active.Hours())/Month.Hours(), 0)
}

// Sends are n messages of so many bytes, each sent by itself.
func (q QueueHandle) Sends(n, bytes float64) []Operation { return q.does(SendMessage, n, bytes) }

// Answers are n answers of the queue to the Internet of so many bytes, headers
// included.
func (q QueueHandle) Answers(n, bytes float64) []Operation { return q.does(SendOut, n, bytes) }

// Depths are n readings of how many messages there are.
func (q QueueHandle) Depths(n float64) []Operation { return q.does(GetQueueAttributes, n, 0) }

// Puts are n writes of whole items of so many bytes, conditional or not: one
// that is refused costs the same (DynamoDB Developer Guide, "Write operations").
func (t TableHandle) Puts(n, bytes float64) []Operation { return t.does(PutItem, n, bytes) }

// Updates are n changes of items of so many bytes.
func (t TableHandle) Updates(n, bytes float64) []Operation { return t.does(UpdateItem, n, bytes) }

// Gets are n strongly consistent reads of single items of so many bytes.
func (t TableHandle) Gets(n, bytes float64) []Operation { return t.does(GetItem, n, bytes) }

// Answers are n answers of so many bytes, headers included, that leave for the
// Internet: to browsers that read the table themselves.
func (t TableHandle) Answers(n, bytes float64) []Operation { return t.does(SendOut, n, bytes) }

// Scans are n strongly consistent readings of so many bytes.
func (t TableHandle) Scans(n, bytes float64) []Operation { return t.does(Scan, n, bytes) }

// Provides are units of capacity that a provisioned table has for a while, on
// top of those that it stands at.
func (t TableHandle) Provides(reads, writes float64, d time.Duration) []Operation {
	return append(t.does(ReadCapacity, reads*d.Hours(), 0), t.does(WriteCapacity, writes*d.Hours(), 0)...)
}

// Keeps are n items of so many bytes that stay for a month.
func (t TableHandle) Keeps(n, bytes float64) []Operation { return t.does(KeepItem, n, bytes) }

// Eventually makes reads eventually consistent.
func Eventually(reads []Operation) []Operation {
	for i := range reads {
		reads[i].Eventual = true
	}
	return reads
}

// Puts are n objects written.
func (k BucketHandle) Puts(n float64) []Operation { return k.does(PutObject, n, 0) }

// Gets are n objects read by functions in the same region, where the bytes are
// free (S3 pricing, data transfer).
func (k BucketHandle) Gets(n float64) []Operation { return k.does(GetObject, n, 0) }

// Serves are n objects of so many bytes, headers included, read from the
// Internet.
func (k BucketHandle) Serves(n, bytes float64) []Operation {
	return append(k.does(GetObject, n, 0), k.does(SendOut, n, bytes)...)
}

const (
	// idlePollers is how many pollers a mapping keeps on a standard queue, and
	// pollWait how long each waits for a message (Lambda Developer Guide,
	// "Using Lambda with Amazon SQS", polling and scaling).
	idlePollers = 5
	pollWait    = 20 * time.Second
	// perReceive is the greatest number of messages of one receive or one delete
	// (SQS API Reference, ReceiveMessage and DeleteMessageBatch).
	perReceive = 10
	// receiveTakes is a receive's round trip (SQS Developer Guide, "Increasing
	// throughput using horizontal scaling and action batching", its example): a
	// receive ends with the first messages that it finds, so that few come at a
	// time while the rate is low.
	receiveTakes = 20 * time.Millisecond
)

// Fill is how many messages a batch has at the load's mean rate: what each of
// the mapping's pollers gathers in the batching window, at least one, at most
// the batch size. A load without a rate fills every batch.
func (m MappingHandle) Fill(l Load) float64 {
	size := float64(m.batch.Size)
	if l.Mean() == 0 {
		return size
	}
	return min(max(1, l.Mean()*m.batch.Window.Seconds()/idlePollers), size)
}

// Takes is what it costs to hand one message of so many bytes to the function,
// a batch of which takes the stated duration.
func (m MappingHandle) Takes(l Load, bytes float64, duration time.Duration) []Operation {
	fill := m.Fill(l)
	received := m.received(l, duration)
	return append([]Operation{
		{Part: m.queue.Key(), Action: ReceiveMessage, Count: 1 / received, Bytes: received * bytes},
		{Part: m.queue.Key(), Action: DeleteMessageBatch, Count: 1 / min(fill, perReceive)},
	}, m.function.Invocations(1/fill, duration)...)
}

// received is how many messages a receive brings. A poller calls the function
// synchronously with each batch (Lambda Developer Guide, "Using Lambda with
// Amazon SQS"), and receives in the time that is left until the next is full.
func (m MappingHandle) received(l Load, duration time.Duration) float64 {
	fill, each := m.Fill(l), l.Mean()/idlePollers
	most := min(fill, perReceive)
	if each == 0 {
		return most
	}
	receiving := fill/each - duration.Seconds()
	if receiving <= 0 {
		return most
	}
	return min(max(1, fill*receiveTakes.Seconds()/receiving), most)
}

// Standing implements Standing: an alarm for a month.
func (a AlarmSpec) Standing() []Operation {
	if a.Composite {
		return []Operation{{Action: CompositeAlarm, Count: 1}}
	}
	return []Operation{{Action: Alarm, Count: 1}}
}

// Standing implements Standing: a dashboard for a month.
func (DashboardSpec) Standing() []Operation {
	return []Operation{{Action: DashboardMonth, Count: 1}}
}

// Standing implements Standing: the capacity of a provisioned table, whether it
// is used or not.
func (s TableSpec) Standing() []Operation {
	if s.BillingMode != Provisioned {
		return nil
	}
	return []Operation{
		{Action: ReadCapacity, Count: float64(s.Reads) * Month.Hours()},
		{Action: WriteCapacity, Count: float64(s.Writes) * Month.Hours()},
	}
}

// Signs are n signatures made.
func (k SigningKeyHandle) Signs(n float64) []Operation { return k.does(Sign, n, 0) }

// Standing implements Standing: a key for a month.
func (SigningKeySpec) Standing() []Operation { return []Operation{{Action: Key, Count: 1}} }

// Standing implements Standing: the receives of pollers that find nothing. To
// look at a stream costs nothing.
func (s MappingSpec) Standing() []Operation {
	if s.StartingPosition != "" {
		return nil
	}
	return []Operation{{Action: ReceiveMessage, Count: idlePollers * Month.Seconds() / pollWait.Seconds()}}
}

// Standing implements Standing: the calls of each month.
func (s ScheduleSpec) Standing() []Operation {
	return []Operation{{Action: Schedule, Count: s.PerMonth()}}
}

// PerMonth is how often the schedule fires in a month, from its rate. An
// expression without a rate counts as once a day.
func (s ScheduleSpec) PerMonth() float64 {
	var n float64
	var unit string
	if _, err := fmt.Sscanf(strings.TrimSuffix(s.Expression, ")"), "rate(%f %s", &n, &unit); err == nil && n > 0 {
		switch strings.TrimSuffix(unit, "s") {
		case "minute":
			return Month.Minutes() / n
		case "hour":
			return Month.Hours() / n
		case "day":
			return Month.Hours() / 24 / n
		}
	}
	return Month.Hours() / 24
}
