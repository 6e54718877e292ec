package kinds

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

// TestStreamWithConsumers: a consumer that somebody has registered does not keep
// a stream from being deleted.
func TestStreamWithConsumers(t *testing.T) {
	begin(t)
	target := made(t, testFiles, shardedStream())
	if _, err := env.AWS.Kinesis.RegisterStreamConsumer(t.Context(), &kinesis.RegisterStreamConsumerInput{ConsumerName: aws.String("other"), StreamARN: aws.String(streamARN(testFiles))}); err != nil {
		t.Fatal(err)
	}
	if _, err := env.AWS.Kinesis.DeleteStream(t.Context(), &kinesis.DeleteStreamInput{StreamName: aws.String(testFiles)}); err == nil {
		t.Error("the local AWS deletes a stream with consumers")
	}
	remove(t, "stream", target)
	absent(t, "stream", target)
}
