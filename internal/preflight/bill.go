package preflight

import (
	"math"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// Sizes by which AWS bills, in bytes.
const (
	queueUnit = 64 << 10 // a started 64 KB of a request to SQS (SQS pricing)
	writeUnit = 1 << 10  // DynamoDB Developer Guide, "DynamoDB on-demand capacity mode", write request units
	readUnit  = 4 << 10  // the same, read request units
	putUnit   = 25 << 10 // Kinesis Data Streams pricing, PUT payload units of 25 KB
	// recordUnit is to what the size of a record on demand is rounded up (Kinesis
	// Data Streams pricing, on-demand mode).
	recordUnit  = 1 << 10
	publishUnit = 64 << 10  // a started 64 KB of a message (SNS pricing)
	apiUnit     = 512 << 10 // API Gateway pricing, HTTP APIs: metered in increments of 512 KB
	gigabyte    = 1 << 30
	// itemOverhead is added to each stored item (DynamoDB Developer Guide,
	// "DynamoDB item sizes and formats").
	itemOverhead = 100
)

// charge is so many units of a dimension.
type charge struct {
	Dimension
	units float64
}

// bill turns operations on a part into what AWS bills for them. The spec is the
// part's; nil where only calls are known.
func bill(o blueprint.Operation, spec blueprint.Spec) []charge {
	switch o.Action {
	case blueprint.Invoke:
		return []charge{{lambdaRequests, o.Count}}
	case blueprint.Run:
		return duration(o, spec)
	case blueprint.SendMessage, blueprint.ReceiveMessage, blueprint.DeleteMessageBatch, blueprint.GetQueueAttributes:
		return []charge{{sqsRequests, o.Count * started(o.Bytes, queueUnit)}}
	case blueprint.PutItem, blueprint.UpdateItem:
		if provisioned(spec) {
			return nil
		}
		return []charge{{dynamoWrites, o.Count * writeUnits(o)}}
	case blueprint.GetItem, blueprint.Scan:
		if provisioned(spec) {
			return nil
		}
		return []charge{{dynamoReads, o.Count * readUnits(o)}}
	case blueprint.KeepItem:
		stored := o.Count * (o.Bytes + itemOverhead) / gigabyte
		charges := []charge{{dynamoStorage, stored}}
		if t, ok := spec.(blueprint.TableSpec); ok && t.PointInTimeRecovery {
			charges = append(charges, charge{dynamoPITR, stored})
		}
		return charges
	case blueprint.PutObject:
		return []charge{{s3Puts, o.Count}}
	case blueprint.GetObject:
		return []charge{{s3Gets, o.Count}}
	case blueprint.Publish:
		return []charge{{snsPublishes, o.Count * started(o.Bytes, publishUnit)}}
	case blueprint.PutRecords:
		if s, ok := spec.(blueprint.StreamSpec); ok && s.Mode == blueprint.StreamOnDemand {
			return []charge{{kinesisBytesIn, o.Count * started(o.Bytes, recordUnit) * recordUnit / gigabyte}}
		}
		return []charge{{kinesisPutUnits, o.Count * started(o.Bytes, putUnit)}}
	case blueprint.GetRecords:
		return records(o, spec)
	case blueprint.ShardHour:
		return []charge{{kinesisShards, o.Count}}
	case blueprint.RetentionHour:
		return []charge{{kinesisRetention, o.Count}}
	case blueprint.StreamHour:
		return []charge{{kinesisStreams, o.Count}}
	case blueprint.Request:
		return []charge{{apiRequests, o.Count * started(o.Bytes, apiUnit)}}
	case blueprint.Deliver:
		return []charge{{edgeRequests, o.Count}, {edgeBytes, o.Count * o.Bytes / gigabyte}}
	case blueprint.RunAtEdge:
		return []charge{{edgeFunctions, o.Count}}
	case blueprint.Schedule:
		return []charge{{schedulerCalls, o.Count}}
	case blueprint.Key:
		return []charge{{kmsKeys, o.Count}}
	case blueprint.Sign:
		if k, ok := spec.(blueprint.SigningKeySpec); ok && k.KeySpec == blueprint.RSAKey2048 {
			return []charge{{kmsRequests, o.Count}}
		}
		return []charge{{kmsECCRequests, o.Count}}
	case blueprint.Alarm:
		return []charge{{cloudwatchAlarms, o.Count}}
	case blueprint.CompositeAlarm:
		return []charge{{cloudwatchRules, o.Count}}
	case blueprint.DashboardMonth:
		return []charge{{cloudwatchBoards, o.Count}}
	case blueprint.ReadCapacity:
		return []charge{{dynamoReadHours, o.Count}}
	case blueprint.WriteCapacity:
		return []charge{{dynamoWriteHours, o.Count}}
	case blueprint.Metric:
		return []charge{{cloudwatchMetrics, o.Count}}
	case blueprint.WriteLogs:
		return []charge{{cloudwatchLogBytes, o.Count * o.Bytes / gigabyte}}
	case blueprint.SendOut:
		return []charge{{bytesOut, o.Count * o.Bytes / gigabyte}}
	}
	return nil
}

// records bills what is read of a stream on demand. Of shards that is paid for
// by the hour.
func records(o blueprint.Operation, spec blueprint.Spec) []charge {
	if s, ok := spec.(blueprint.StreamSpec); !ok || s.Mode != blueprint.StreamOnDemand {
		return nil
	}
	return []charge{{kinesisBytesOut, o.Count * o.Bytes / gigabyte}}
}

// provisioned reports whether a table is paid for by its capacity, and not by
// the request.
func provisioned(spec blueprint.Spec) bool {
	t, ok := spec.(blueprint.TableSpec)
	return ok && t.BillingMode == blueprint.Provisioned
}

// duration bills a function's memory for its duration, each started millisecond
// (Lambda pricing).
func duration(o blueprint.Operation, spec blueprint.Spec) []charge {
	f, ok := spec.(blueprint.FunctionSpec)
	if !ok {
		return nil
	}
	d := lambdaARM
	if f.Architecture == "x86_64" {
		d = lambdaX86
	}
	seconds := (time.Duration(math.Ceil(float64(o.Duration)/float64(time.Millisecond))) * time.Millisecond).Seconds()
	return []charge{{d, o.Count * seconds * float64(f.MemoryMB) / 1024}}
}

// started is how many units a size begins, at least one.
func started(size, unit float64) float64 { return max(1, math.Ceil(size/unit)) }

// writeUnits are the request units of one write.
func writeUnits(o blueprint.Operation) float64 { return started(o.Bytes, writeUnit) }

// readUnits are the request units of one read: half of them where it is
// eventually consistent.
func readUnits(o blueprint.Operation) float64 {
	units := started(o.Bytes, readUnit)
	if o.Eventual {
		return units / 2
	}
	return units
}
