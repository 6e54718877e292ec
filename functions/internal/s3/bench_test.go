package s3_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
)

// prompt answers every request with the same object.
type prompt struct{ body []byte }

func (p prompt) Do(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, ContentLength: int64(len(p.body)), Body: io.NopCloser(bytes.NewReader(p.body))}, nil
}

// BenchmarkReadObject is what a call costs beside the network: most of it is the signature.
func BenchmarkReadObject(b *testing.B) {
	bucket := s3.New(aws.Config{
		Region: "eu-west-1", HTTPClient: prompt{bytes.Repeat([]byte("x"), 900)}, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", "token"),
	}, "uploads")
	into := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bucket.ReadObject(b.Context(), "up/2026/11/20/listing-00000001.json", 1<<20, into); err != nil {
			b.Fatal(err)
		}
	}
}
