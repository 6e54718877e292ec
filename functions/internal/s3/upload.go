package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// uploadPart is the least size of a part but the last (S3 User Guide, "Amazon S3 multipart upload limits"); 10,000 of them are 50 GB.
	uploadPart = 5 << 20
	// uploadAbort bounds the time for taking back an upload that failed.
	uploadAbort = 5 * time.Second
)

// Upload writes an object of any length as it is read, a part in memory at a time. Where reading fails there is no object, or the one that
// was there.
func (b *Bucket) Upload(ctx context.Context, key, contentType, cacheControl string, body io.Reader) error {
	part := make([]byte, uploadPart)
	n, last, err := fill(part, body)
	switch {
	case err != nil:
	case last:
		return b.PutObject(ctx, key, part[:n], contentType, cacheControl)
	default:
		err = b.uploadParts(ctx, key, contentType, cacheControl, part, body)
	}
	if err != nil {
		return fmt.Errorf("upload object %s to %s: %w", key, b.name, err)
	}
	return nil
}

// fill reads until a part is full or the object ends.
func fill(part []byte, body io.Reader) (n int, last bool, err error) {
	for n < len(part) {
		read, err := body.Read(part[n:])
		n += read
		if err == io.EOF { // An error that wraps it is a fault, after which the object is not whole.
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// uploaded is a part that S3 has.
type uploaded struct {
	PartNumber int
	ETag       string
}

// uploadParts writes an object in parts, of which the first is read.
func (b *Bucket) uploadParts(ctx context.Context, key, contentType, cacheControl string, part []byte, body io.Reader) (err error) {
	begin := b.request(http.MethodPost, key, "uploads=")
	begin.Header = described(contentType, cacheControl)
	var begun struct{ UploadId string } //nolint:revive // S3's name.
	if err := b.client.XML(ctx, begin, &begun); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	upload := "uploadId=" + url.QueryEscape(begun.UploadId)
	defer func() {
		if err == nil {
			return
		}
		aborting, cancel := context.WithTimeout(context.WithoutCancel(ctx), uploadAbort)
		defer cancel()
		if abortErr := b.client.XML(aborting, b.request(http.MethodDelete, key, upload), nil); abortErr != nil {
			err = errors.Join(err, fmt.Errorf("take it back: %w", abortErr))
		}
	}()
	var parts []uploaded
	for n, last := len(part), false; n > 0; {
		number := len(parts) + 1
		put := b.request(http.MethodPut, key, "partNumber="+strconv.Itoa(number)+"&"+upload)
		put.Body = part[:n]
		err := b.client.Send(ctx, put, func(response *http.Response) error {
			parts = append(parts, uploaded{number, response.Header.Get("ETag")})
			return response.Body.Close()
		})
		if err != nil {
			return fmt.Errorf("part %d: %w", number, err)
		}
		if last {
			break
		}
		if n, last, err = fill(part, body); err != nil {
			return err
		}
	}
	listed, err := xml.Marshal(struct {
		XMLName xml.Name   `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUpload"`
		Part    []uploaded `xml:"Part"`
	}{Part: parts})
	if err != nil {
		return fmt.Errorf("list the parts: %w", err)
	}
	complete := b.request(http.MethodPost, key, upload)
	complete.Header, complete.Body = http.Header{"Content-Type": {"application/xml"}}, listed
	if err := b.client.XML(ctx, complete, nil); err != nil {
		return fmt.Errorf("complete: %w", err)
	}
	return nil
}
