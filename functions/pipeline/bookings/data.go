package bookings

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
)

// Objects is the bucket of the pipeline's own objects.
type Objects interface {
	// GetObject returns an object, or nil where there is none.
	GetObject(ctx context.Context, key string) ([]byte, error)
	PutObject(ctx context.Context, key string, body []byte, contentType, cacheControl string) error
	DeleteObject(ctx context.Context, key string) error
	BeginParts(ctx context.Context, key, contentType, cacheControl string) (*s3.Parts, error)
	AddPart(ctx context.Context, parts *s3.Parts, body []byte) error
	CompleteParts(ctx context.Context, parts *s3.Parts) error
	AbortParts(ctx context.Context, parts *s3.Parts) error
}

const (
	// cachePrivate is for objects that only functions read.
	cachePrivate  = "no-store"
	contentJSON   = "application/json"
	contentBinary = "application/octet-stream"
)

var (
	errEmpty    = errors.New("the segment has no items")
	errTooLarge = errors.New("the segment has more data than an object of 10,000 parts of 5 MB")
)

// data is a booking's on its way into its object: at most a part of it is in memory. It may be used from several goroutines.
type data struct {
	mu      sync.Mutex
	booking Booking
	rows    Rows
	objects Objects
	object  string // Its key.
	parts   *s3.Parts
	sum     hash.Hash // Of all that is in parts and in pending.
	pending bytes.Buffer
	zip     *gzip.Writer // nil where nothing is packed, and before the first row of an invocation.
	items   int64
	bytes   int64 // In parts.
	err     error // Why it cannot go on.
}

func newData(b Booking, rows Rows, objects Objects) *data {
	return &data{booking: b, rows: rows, objects: objects, object: fmt.Sprintf("bookings/%s/%s-%d%s", b.ID, b.holder, b.generations, rows.suffix()), sum: sha256.New()}
}

// Write takes bytes of the object.
func (d *data) Write(body []byte) (int, error) {
	_, _ = d.sum.Write(body) // A hash and a buffer write without error.
	return d.pending.Write(body)
}

// add adds rows of some items. What goes wrong is this booking's alone.
func (d *data) add(ctx context.Context, rows [][]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, row := range rows {
		if d.err != nil {
			return
		}
		if d.items == 0 {
			if head, err := d.rows.head(); err != nil {
				d.err = err
			} else {
				d.put(ctx, head)
			}
		}
		d.items++
		d.put(ctx, row)
	}
}

func (d *data) put(ctx context.Context, row []byte) {
	if d.err != nil || len(row) == 0 {
		return
	}
	if !d.rows.Gzip {
		_, _ = d.Write(row)
	} else {
		if d.zip == nil {
			d.zip = gzip.NewWriter(d)
		}
		if _, d.err = d.zip.Write(row); d.err != nil {
			return
		}
	}
	if d.pending.Len() >= s3.PartBytes {
		d.err = d.addPart(ctx)
	}
}

func (d *data) addPart(ctx context.Context) error {
	if d.parts == nil {
		var err error
		if d.parts, err = d.objects.BeginParts(ctx, d.object, d.rows.ContentType(), cachePrivate); err != nil {
			return fmt.Errorf("upload object %s: %w", d.object, err)
		}
	}
	if len(d.parts.Parts) == s3.MaxParts {
		return errTooLarge
	}
	if err := d.objects.AddPart(ctx, d.parts, d.pending.Bytes()); err != nil {
		return fmt.Errorf("upload object %s: %w", d.object, err)
	}
	d.bytes += int64(d.pending.Len())
	d.pending.Reset()
	return nil
}

// pack ends what gzip packs. What follows is another member of the file, which is one to who unpacks it (RFC 1952, section 2.2).
func (d *data) pack() error {
	if d.zip == nil {
		return nil
	}
	err := d.zip.Close()
	d.zip = nil
	return err
}

// end makes the object, and writes of it what the booking says.
func (d *data) end(ctx context.Context) (Booking, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.booking
	switch {
	case d.err != nil:
		return b, d.err
	case d.items == 0:
		return b, errEmpty
	}
	if err := d.pack(); err != nil {
		return b, err
	}
	b.Bytes = d.bytes + int64(d.pending.Len())
	if d.parts == nil {
		if err := d.objects.PutObject(ctx, d.object, d.pending.Bytes(), d.rows.ContentType(), cachePrivate); err != nil {
			return b, err
		}
	} else {
		if d.pending.Len() > 0 {
			if err := d.addPart(ctx); err != nil {
				return b, err
			}
		}
		if err := d.objects.CompleteParts(ctx, d.parts); err != nil {
			return b, fmt.Errorf("upload object %s: %w", d.object, err)
		}
	}
	b.Object, b.SHA256, b.Items = d.object, hex.EncodeToString(d.sum.Sum(nil)), d.items
	b.Key = b.ID + "-" + b.SHA256
	return b, nil
}

// drop takes back what was written. Where that fails, the bucket's rule for uploads that nobody completes does.
func (d *data) drop(ctx context.Context) error {
	if d.parts == nil {
		return nil
	}
	return d.objects.AbortParts(ctx, d.parts)
}

// savedData is what of a booking's data is kept between invocations.
type savedData struct {
	Booking string    `json:"booking"`
	Object  string    `json:"object"`
	Parts   *s3.Parts `json:"parts,omitempty"`
	Sum     []byte    `json:"sum"` // The state of the hash.
	Items   int64     `json:"items"`
	Bytes   int64     `json:"bytes"`
	Pending string    `json:"pending,omitempty"` // The key of an object with what is in no part yet; empty where nothing is.
}

// save keeps the data under a key.
func (d *data) save(ctx context.Context, key string) (savedData, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	saved := savedData{Booking: d.booking.ID, Object: d.object, Parts: d.parts, Items: d.items, Bytes: d.bytes}
	if err := d.pack(); err != nil {
		return saved, err
	}
	state, err := d.sum.(encoding.BinaryMarshaler).MarshalBinary() //nolint:forcetypeassert // All hashes of the library are (crypto/sha256, New).
	if err != nil {
		return saved, fmt.Errorf("keep the sum of %s: %w", d.object, err)
	}
	saved.Sum = state
	if d.pending.Len() > 0 {
		saved.Pending = key
		return saved, d.objects.PutObject(ctx, key, d.pending.Bytes(), contentBinary, cachePrivate)
	}
	return saved, nil
}

var errResumes = errors.New("making the data ended before its end, again and again")

// restore is the data as it was kept, of a booking as it is now.
func restore(ctx context.Context, saved savedData, b Booking, rows Rows, objects Objects) *data {
	d := newData(b, rows, objects)
	d.object, d.parts, d.items, d.bytes = saved.Object, saved.Parts, saved.Items, saved.Bytes
	d.err = d.sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(saved.Sum) //nolint:forcetypeassert // As in save.
	switch {
	case d.err != nil:
	case b.tries > maxResumes:
		d.err = errResumes
	case saved.Pending != "":
		var pending []byte
		if pending, d.err = objects.GetObject(ctx, saved.Pending); d.err == nil && pending == nil {
			d.err = fmt.Errorf("the object %s is gone", saved.Pending)
		}
		d.pending.Write(pending)
	}
	return d
}
