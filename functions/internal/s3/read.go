package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// ErrTooLarge is an object of more bytes than the reader takes.
var ErrTooLarge = errors.New("the object is too large")

// ReadObject returns an object of at most so many bytes, in the memory of into where it fits. A larger one is ErrTooLarge, of which at most one byte more was
// read. An answer that breaks off is asked for again.
func (b *Bucket) ReadObject(ctx context.Context, key string, most int64, into []byte) (body []byte, err error) {
	err = b.client.Send(ctx, b.request(http.MethodGet, key, ""), func(response *http.Response) (err error) {
		body, err = readBody(response, most, into)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("get object %s from %s: %w", key, b.name, err)
	}
	return body, nil
}

// readBody reads an answer to its end and closes it.
func readBody(response *http.Response, most int64, into []byte) ([]byte, error) {
	defer response.Body.Close() //nolint:errcheck // Nothing was written.
	if response.ContentLength > most {
		return nil, ErrTooLarge
	}
	body := bytes.NewBuffer(slices.Grow(into[:0], int(max(0, response.ContentLength))+bytes.MinRead))
	if _, err := body.ReadFrom(io.LimitReader(response.Body, most+1)); err != nil {
		return nil, fmt.Errorf("read the answer: %w", &smithyhttp.RequestSendError{Err: err})
	}
	if int64(body.Len()) > most {
		return nil, ErrTooLarge
	}
	return body.Bytes(), nil
}

// GetChanged returns an object and its entity tag, unless it still is the one of a tag: then changed is false. etag is empty for an object as it is. Where there is
// none, it is changed and nil.
func (b *Bucket) GetChanged(ctx context.Context, key, etag string) (body []byte, now string, changed bool, err error) {
	get := b.request(http.MethodGet, key, "")
	if etag != "" {
		get.Header = http.Header{"If-None-Match": {etag}}
	}
	err = b.client.Send(ctx, get, func(response *http.Response) (err error) {
		now = response.Header.Get("ETag")
		body, err = readBody(response, maxObjectBytes, nil)
		return err
	})
	var refused *awscall.Refusal
	switch {
	case err == nil:
		return body, now, true, nil
	case errors.As(err, &refused) && refused.Status == http.StatusNotModified:
		return nil, etag, false, nil
	case errors.As(err, &refused) && refused.Code == "NoSuchKey":
		return nil, "", true, nil
	}
	return nil, "", false, fmt.Errorf("get object %s from %s: %w", key, b.name, err)
}
