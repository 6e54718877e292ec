package preflight

import (
	"maps"
	"slices"
)

// Dimension is one thing that AWS bills by the unit: a service and what of it,
// as in the price file.
type Dimension struct{ Service, Name string }

func (d Dimension) String() string { return d.Service + "." + d.Name }

// The dimensions that blueprints come to.
var (
	lambdaRequests     = Dimension{"lambda", "requests"}
	lambdaARM          = Dimension{"lambda", "gb_seconds_arm64"}
	lambdaX86          = Dimension{"lambda", "gb_seconds_x86_64"}
	sqsRequests        = Dimension{"sqs", "requests"}
	dynamoWrites       = Dimension{"dynamodb", "write_units"}
	dynamoReads        = Dimension{"dynamodb", "read_units"}
	dynamoReadHours    = Dimension{"dynamodb", "read_capacity_hours"}
	dynamoWriteHours   = Dimension{"dynamodb", "write_capacity_hours"}
	dynamoStorage      = Dimension{"dynamodb", "storage"}
	dynamoPITR         = Dimension{"dynamodb", "point_in_time_recovery"}
	s3Puts             = Dimension{"s3", "put_requests"}
	s3Gets             = Dimension{"s3", "get_requests"}
	snsPublishes       = Dimension{"sns", "publishes"}
	kinesisPutUnits    = Dimension{"kinesis", "put_units"}
	kinesisShards      = Dimension{"kinesis", "shard_hours"}
	kinesisRetention   = Dimension{"kinesis", "retention_shard_hours"}
	kinesisStreams     = Dimension{"kinesis", "on_demand_hours"}
	kinesisBytesIn     = Dimension{"kinesis", "on_demand_bytes_in"}
	kinesisBytesOut    = Dimension{"kinesis", "on_demand_bytes_out"}
	apiRequests        = Dimension{"http_api", "requests"}
	schedulerCalls     = Dimension{"eventbridge_scheduler", "invocations"}
	kmsKeys            = Dimension{"kms", "keys"}
	kmsRequests        = Dimension{"kms", "requests"}
	kmsECCRequests     = Dimension{"kms", "ecc_requests"}
	cloudwatchAlarms   = Dimension{"cloudwatch", "alarms"}
	cloudwatchRules    = Dimension{"cloudwatch", "composite_alarms"}
	cloudwatchBoards   = Dimension{"cloudwatch", "dashboards"}
	cloudwatchMetrics  = Dimension{"cloudwatch", "metrics"}
	cloudwatchLogBytes = Dimension{"cloudwatch", "log_bytes"}
	edgeRequests       = Dimension{"cloudfront", "requests"}
	edgeBytes          = Dimension{"cloudfront", "bytes_out"}
	edgeFunctions      = Dimension{"cloudfront", "functions"}
	bytesOut           = Dimension{"data_transfer", "bytes_out"}
)

// metered are the dimensions that a count of the calls shows. Everything else
// is modelled from stated durations and sizes.
var metered = map[Dimension]bool{
	lambdaRequests: true, sqsRequests: true, dynamoWrites: true, dynamoReads: true, s3Puts: true, s3Gets: true,
	kmsRequests: true, kmsECCRequests: true, apiRequests: true, edgeRequests: true, snsPublishes: true,
}

// dimensions lists all dimensions by service. The embedded price file has a
// price for each, and only for these.
func dimensions() map[string][]string {
	out := map[string][]string{}
	for service, prices := range builtin().Regions[builtin().DefaultRegion] {
		out[service] = slices.Sorted(maps.Keys(prices))
	}
	return out
}
