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
	// PartBytes is the least size of a part but the last (S3 User Guide, "Amazon S3 multipart upload limits").
	PartBytes = 5 << 20
	// MaxParts is how many parts an object may have at most (ibidem): of the least size, 50 GB.
	MaxParts = 10_000
	// uploadAbort bounds the time for taking back an upload that failed.
	uploadAbort = 5 * time.Second
)

// Upload writes an object of any length as it is read, a part in memory at a time. Where reading fails there is no object, or the one that
// was there.
func (b *Bucket) Upload(ctx context.Context, key, contentType, cacheControl string, body io.Reader) error {
	part := make([]byte, PartBytes)
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

// Part is one that S3 has.
type Part struct {
	PartNumber int
	ETag       string
}

// Parts are an object that is being written in parts. It may be kept, and gone on with by another.
type Parts struct {
	Key    string
	Upload string // Its id.
	Parts  []Part
}

// BeginParts begins to write an object in parts. Until CompleteParts there is no object, and until AbortParts one pays for the parts.
func (b *Bucket) BeginParts(ctx context.Context, key, contentType, cacheControl string) (*Parts, error) {
	begin := b.request(http.MethodPost, key, "uploads=")
	begin.Header = described(contentType, cacheControl)
	var begun struct{ UploadId string } //nolint:revive // S3's name.
	if err := b.client.XML(ctx, begin, &begun); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	return &Parts{Key: key, Upload: begun.UploadId}, nil
}

// AddPart writes the next part, of at least PartBytes where it is not the last. The same part again takes the place of the one before.
func (b *Bucket) AddPart(ctx context.Context, parts *Parts, body []byte) error {
	number := len(parts.Parts) + 1
	put := b.request(http.MethodPut, parts.Key, "partNumber="+strconv.Itoa(number)+"&"+parts.query())
	put.Body = body
	var tag string
	err := b.client.Send(ctx, put, func(response *http.Response) error {
		tag = response.Header.Get("ETag")
		return response.Body.Close()
	})
	if err != nil {
		return fmt.Errorf("part %d: %w", number, err)
	}
	parts.Parts = append(parts.Parts, Part{number, tag})
	return nil
}

// CompleteParts makes an object of the parts.
func (b *Bucket) CompleteParts(ctx context.Context, parts *Parts) error {
	listed, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUpload"`
		Part    []Part   `xml:"Part"`
	}{Part: parts.Parts})
	if err != nil {
		return fmt.Errorf("list the parts: %w", err)
	}
	complete := b.request(http.MethodPost, parts.Key, parts.query())
	complete.Header, complete.Body = http.Header{"Content-Type": {"application/xml"}}, listed
	if err := b.client.XML(ctx, complete, nil); err != nil {
		return fmt.Errorf("complete: %w", err)
	}
	return nil
}

// AbortParts takes the parts back.
func (b *Bucket) AbortParts(ctx context.Context, parts *Parts) error {
	if err := b.client.XML(ctx, b.request(http.MethodDelete, parts.Key, parts.query()), nil); err != nil {
		return fmt.Errorf("take it back: %w", err)
	}
	return nil
}

func (p *Parts) query() string { return "uploadId=" + url.QueryEscape(p.Upload) }

// uploadParts writes an object in parts, of which the first is read.
func (b *Bucket) uploadParts(ctx context.Context, key, contentType, cacheControl string, part []byte, body io.Reader) (err error) {
	parts, err := b.BeginParts(ctx, key, contentType, cacheControl)
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		aborting, cancel := context.WithTimeout(context.WithoutCancel(ctx), uploadAbort)
		defer cancel()
		err = errors.Join(err, b.AbortParts(aborting, parts))
	}()
	for n, last := len(part), false; n > 0; {
		if err := b.AddPart(ctx, parts, part[:n]); err != nil {
			return err
		}
		if last {
			break
		}
		if n, last, err = fill(part, body); err != nil {
			return err
		}
	}
	return b.CompleteParts(ctx, parts)
}
