// Package s3 is S3 as far as functions use it (S3 API Reference). It is called by awscall, which says why the SDK's client is not used. The
// digest of what is written is signed, so that S3 refuses what was changed on its way.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/encoding/httpbinding"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// Bucket is one bucket. It may be used from several goroutines.
type Bucket struct {
	client awscall.Client
	name   string
}

// New returns a bucket by a configuration.
func New(cfg aws.Config, bucket string) *Bucket {
	return &Bucket{awscall.Client{Config: cfg, Service: "s3"}, bucket}
}

// maxObjectBytes bounds what GetObject and GetChanged read. Results with thousands of answers have some 100 KB, the list of a draw of a million fans 23 MB.
const maxObjectBytes = 128 << 20

// GetObject returns an object, or nil where there is none. S3 says so only to who may list the bucket; others are denied. One of more than 128 MiB is ErrTooLarge.
func (b *Bucket) GetObject(ctx context.Context, key string) ([]byte, error) {
	body, err := b.ReadObject(ctx, key, maxObjectBytes, nil)
	var refused *awscall.Refusal
	if errors.As(err, &refused) && refused.Code == "NoSuchKey" {
		return nil, nil
	}
	return body, err
}

// OpenObject returns an object to be read and closed, and its length in bytes, -1 where that is unknown.
func (b *Bucket) OpenObject(ctx context.Context, key string) (body io.ReadCloser, size int64, err error) {
	err = b.client.Send(ctx, b.request(http.MethodGet, key, ""), func(response *http.Response) error {
		body, size = response.Body, response.ContentLength
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("get object %s from %s: %w", key, b.name, err)
	}
	return body, size, nil
}

// PutObject writes an object.
func (b *Bucket) PutObject(ctx context.Context, key string, body []byte, contentType, cacheControl string) error {
	put := b.request(http.MethodPut, key, "")
	put.Header, put.Body = described(contentType, cacheControl), body
	if err := b.client.XML(ctx, put, nil); err != nil {
		return fmt.Errorf("put object %s into %s: %w", key, b.name, err)
	}
	return nil
}

// DeleteObject removes an object; one that is not there is none the less removed.
func (b *Bucket) DeleteObject(ctx context.Context, key string) error {
	if err := b.client.XML(ctx, b.request(http.MethodDelete, key, ""), nil); err != nil {
		return fmt.Errorf("delete object %s from %s: %w", key, b.name, err)
	}
	return nil
}

func described(contentType, cacheControl string) http.Header {
	return http.Header{"Content-Type": {contentType}, "Cache-Control": {cacheControl}}
}

// request is a call about an object, without header and body. The bucket is in the host name (S3 User Guide, "Virtual hosting of buckets"), and in the
// path where that does not do: an endpoint of one's own has no host name per bucket, and AWS's certificates cover no name with a dot.
func (b *Bucket) request(method, key, query string) awscall.Request {
	request := awscall.Request{Method: method, Host: b.name, Path: "/" + httpbinding.EscapePath(key, false), Query: query}
	if b.client.Config.BaseEndpoint != nil || strings.Contains(b.name, ".") {
		request.Host, request.Path = "", "/"+b.name+request.Path
	}
	return request
}
