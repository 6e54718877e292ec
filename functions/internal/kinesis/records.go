package kinesis

import (
	"context"
	"fmt"
	"strings"
)

// Batch are records that Lambda has given up, as its message about them says (Lambda Developer Guide, "Retain discarded batch records for a Kinesis Data
// Streams event source in Lambda"). Between the first and the last may be others, of other partition keys, which were worked on at the same time.
type Batch struct {
	ShardID   string `json:"shardId"`
	Start     string `json:"startSequenceNumber"`
	End       string `json:"endSequenceNumber"`
	StreamARN string `json:"streamArn"`
}

// Got is a record of a stream.
type Got struct {
	SequenceNumber              string
	ApproximateArrivalTimestamp float64 // Seconds since 1970.
	Data                        []byte
	PartitionKey                string
}

// Records reads the records of a batch, and all between them. A stream forgets them after its retention.
func (c *Client) Records(ctx context.Context, b Batch) ([]Got, error) {
	var at struct{ ShardIterator string }
	err := c.client.Call(ctx, "GetShardIterator", map[string]string{
		"StreamARN": b.StreamARN, "ShardId": b.ShardID, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": b.Start,
	}, &at)
	if err != nil {
		return nil, fmt.Errorf("find the records in the stream, which forgets them after its retention: %w", err)
	}
	var out []Got
	for at.ShardIterator != "" {
		var page struct {
			Records            []Got
			NextShardIterator  string
			MillisBehindLatest int64
		}
		if err := c.client.Call(ctx, "GetRecords", map[string]any{"ShardIterator": at.ShardIterator, "StreamARN": b.StreamARN}, &page); err != nil {
			return nil, fmt.Errorf("read the records from the stream: %w", err)
		}
		for _, record := range page.Records {
			if after(record.SequenceNumber, b.End) {
				return out, nil
			}
			out = append(out, record)
		}
		if len(page.Records) == 0 && page.MillisBehindLatest == 0 { // The shard has no more.
			break
		}
		at.ShardIterator = page.NextShardIterator
	}
	return out, nil
}

// after compares sequence numbers, which are decimal numbers of many digits.
func after(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return len(a) > len(b) || len(a) == len(b) && a > b
}
