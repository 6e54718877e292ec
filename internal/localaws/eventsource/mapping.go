package eventsource

import (
	"slices"
	"strings"
	"time"
)

// Mapping is the configuration of an event source mapping, with the names and units of the Lambda API Reference,
// EventSourceMappingConfiguration, and with AWS's defaults filled in.
type Mapping struct {
	UUID           string
	EventSourceArn string
	// FunctionArn has the alias or version behind it, where the mapping names one.
	FunctionArn                    string
	State                          string
	BatchSize                      int
	MaximumBatchingWindowInSeconds int
	FunctionResponseTypes          []string
	FilterCriteria                 *FilterCriteria
	// ScalingConfig is for queues only.
	ScalingConfig *ScalingConfig

	// The rest is for streams only. Starting positions are TRIM_HORIZON, LATEST and AT_TIMESTAMP, whose time is in seconds.
	StartingPosition           string
	StartingPositionTimestamp  float64
	ParallelizationFactor      int
	BisectBatchOnFunctionError bool
	// MaximumRetryAttempts and MaximumRecordAgeInSeconds are -1 for "no limit".
	MaximumRetryAttempts      int
	MaximumRecordAgeInSeconds int
	DestinationConfig         *DestinationConfig
}

// ScalingConfig bounds the concurrent invocations of a queue's mapping: 2 to 1,000.
type ScalingConfig struct{ MaximumConcurrency int }

// FilterCriteria holds the patterns of which a record must match one.
type FilterCriteria struct{ Filters []Filter }

// Filter is one pattern, as JSON.
type Filter struct{ Pattern string }

// DestinationConfig names where a stream's discarded batches are reported.
type DestinationConfig struct{ OnFailure OnFailure }

// OnFailure is the ARN of a queue or topic.
type OnFailure struct{ Destination string }

// reportBatchItemFailures is the response type that turns partial batch responses on.
const reportBatchItemFailures = "ReportBatchItemFailures"

func (m Mapping) partialBatches() bool {
	return slices.Contains(m.FunctionResponseTypes, reportBatchItemFailures)
}

func (m Mapping) window() time.Duration {
	return time.Duration(m.MaximumBatchingWindowInSeconds) * time.Second
}

// Service is the source's: sqs, kinesis or dynamodb.
func (m Mapping) Service() string { return arnPart(m.EventSourceArn, 2) }

// Region is the source's, which is the function's.
func (m Mapping) Region() string { return arnPart(m.EventSourceArn, 3) }

// arnPart is the nth part of an ARN, from zero; empty where there is none.
func arnPart(arn string, n int) string {
	parts := strings.SplitN(arn, ":", 6)
	if n >= len(parts) {
		return ""
	}
	return parts[n]
}

// maxPayload bounds an event in bytes (Lambda quotas, "Invocation payload", synchronous).
const maxPayload = 6 << 20

// What a poller reports, as LastProcessingResult has it (Lambda API Reference, EventSourceMappingConfiguration).
const (
	resultOK     = "OK"
	resultFailed = "PROBLEM: Function call failed"
)

// problem is the result that names an error.
func problem(err error) string { return "PROBLEM: " + err.Error() }
