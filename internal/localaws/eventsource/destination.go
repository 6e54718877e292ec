package eventsource

import (
	"context"
	"encoding/json"
	"time"
)

// Destination takes documents about what was discarded.
type Destination interface {
	Send(ctx context.Context, document string) error
}

// Conditions of a discarded batch.
const (
	conditionAttempts = "RetryAttemptsExhausted"
	conditionAge      = "RecordAgeExceeded"
)

// sends is how often a document is sent that the destination does not take; the figure is ours.
const sends = 3

// discarded is the document about a batch, without its records ("Retain discarded batch records for a Kinesis Data Streams event
// source in Lambda" and "Retain discarded records for a DynamoDB event source in Lambda", example invocation record).
type discarded struct {
	RequestContext struct {
		RequestID              string `json:"requestId"`
		FunctionARN            string `json:"functionArn"`
		Condition              string `json:"condition"`
		ApproximateInvokeCount int    `json:"approximateInvokeCount"`
	} `json:"requestContext"`
	// ResponseContext is null where the function never got the batch.
	ResponseContext *responseContext `json:"responseContext"`
	Version         string           `json:"version"`
	Timestamp       string           `json:"timestamp"`
	Kinesis         *batchInfo       `json:"KinesisBatchInfo,omitempty"`
	DynamoDB        *batchInfo       `json:"DDBStreamBatchInfo,omitempty"`
}

type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError,omitempty"`
}

type batchInfo struct {
	ShardID       string `json:"shardId"`
	StartSequence string `json:"startSequenceNumber"`
	EndSequence   string `json:"endSequenceNumber"`
	FirstArrival  string `json:"approximateArrivalOfFirstRecord"`
	LastArrival   string `json:"approximateArrivalOfLastRecord"`
	BatchSize     int    `json:"batchSize"`
	StreamARN     string `json:"streamArn"`
}

// discard gives records up, and tells the destination.
func (s *shard) discard(ctx context.Context, condition string, a attempt, items []*item) {
	defer s.settle(items)
	p := s.poller
	if p.Destination == nil {
		return
	}
	document := discarded{Version: "1.0", Timestamp: moment(p.Clock.Now())}
	document.RequestContext.FunctionARN = p.Mapping.FunctionArn
	document.RequestContext.Condition = condition
	document.RequestContext.ApproximateInvokeCount = a.invokes
	if a.answer != nil {
		document.RequestContext.RequestID = a.answer.RequestID
		document.ResponseContext = &responseContext{StatusCode: 200, ExecutedVersion: a.answer.Version, FunctionError: a.answer.FunctionError}
	}
	first, last := items[0], items[len(items)-1]
	info := &batchInfo{
		ShardID: s.id, StartSequence: first.Sequence, EndSequence: last.Sequence,
		FirstArrival: moment(first.Arrived), LastArrival: moment(last.Arrived),
		BatchSize: len(items), StreamARN: p.Mapping.EventSourceArn,
	}
	if p.Mapping.Service() == "dynamodb" {
		document.DynamoDB = info
	} else {
		document.Kinesis = info
	}
	text, err := json.Marshal(document)
	if err != nil {
		panic(err) // strings and numbers can always be written
	}
	var wait backoff
	for range sends {
		if err = p.Destination.Send(ctx, string(text)); err == nil {
			return
		}
		if !pause(ctx, p.Clock, wait.next()) {
			break
		}
	}
	p.reports.set(problem(err))
}

// moment writes a time as invocation records do, with milliseconds where there are any.
func moment(t time.Time) string {
	if t.Nanosecond() < int(time.Millisecond) {
		return t.UTC().Format("2006-01-02T15:04:05Z")
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
