package blueprint

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
)

// ObjectSpec is the spec of an object in a bucket of the same system.
type ObjectSpec struct {
	Bucket string `json:"bucket" fixed:"true"`
	Key    string `json:"key" fixed:"true"`
	// SHA256 is the hex digest of the content.
	SHA256       string `json:"sha256"`
	ContentType  string `json:"content_type"`
	CacheControl string `json:"cache_control"`
	// Encoding is how the content is compressed, gzip or br, and what S3 says of it to
	// everybody (S3 API Reference, PutObject, Content-Encoding); empty for not.
	Encoding string `json:"content_encoding,omitempty"`
	// Text is a content with tokens, whose digest is known when they are replaced.
	Text string `json:"text,omitempty"`
	// Frame is the hex digest of what stands around the text; Framed puts the text into
	// it. Empty and nil where the text is all.
	Frame  string                   `json:"frame,omitempty"`
	Framed func(text []byte) []byte `json:"-"`
	// Content gives the content when it is written; nil where the engine finds it
	// by its digest (a bundle of functions).
	Content func() ([]byte, error) `json:"-"`
	// File is the path that the content is read from; empty where it is no
	// file's. Unread says why it could not be read.
	File   string `json:"-"`
	Unread string `json:"-"`
}

// Kind implements Spec.
func (ObjectSpec) Kind() string { return "object" }

// Object is a small object whose content comes from the system's arguments and
// parts.
type Object struct {
	ContentType, CacheControl, Content string
	// Frame is what stands around the content, where it is not all.
	Frame *Frame
}

// Frame is a file that the provider carries, with a place for a text that is known
// only when it is written.
type Frame struct {
	Before, After []byte
}

// digest is that of what stands around the text.
func (f Frame) digest() string {
	return digest(slices.Concat([]byte(digest(f.Before)), []byte(digest(f.After))))
}

// Size is how many bytes there are, compressed, with a text in it.
func (f Frame) Size(text string) float64 { return float64(len(f.framed([]byte(text)))) }

// framed puts a text into the frame, and compresses all by Brotli, a tenth smaller than
// by gzip: S3 serves it as it is, and browsers take it by HTTPS since 2017 (MDN,
// Content-Encoding, browser compatibility). The same content gives the same bytes,
// with one version of the provider.
func (f Frame) framed(text []byte) []byte {
	var out bytes.Buffer
	w := brotli.NewWriterLevel(&out, brotli.BestCompression)
	for _, part := range [][]byte{f.Before, text, f.After} {
		_, _ = w.Write(part) // A buffer takes all.
	}
	_ = w.Close()
	return out.Bytes()
}

// Object describes an object in a bucket. The content may refer to other parts.
func (b *Builder) Object(key string, bucket BucketHandle, object string, o Object) Handle {
	spec := ObjectSpec{Key: object, Text: o.Content, ContentType: o.ContentType, CacheControl: o.CacheControl}
	if o.Frame != nil {
		spec.Frame, spec.Framed, spec.Encoding = o.Frame.digest(), o.Frame.framed, "br"
	}
	if !HasToken(o.Content) {
		spec, _ = spec.Resolved().(ObjectSpec)
	}
	return b.object(key, bucket, spec)
}

// Resolved implements Resolvable: a text without tokens is a content like any
// other.
func (s ObjectSpec) Resolved() Spec {
	if s.Text == "" {
		return s
	}
	content := []byte(s.Text)
	if s.Framed != nil {
		content = s.Framed(content)
	}
	s.SHA256, s.Text, s.Frame, s.Framed = digest(content), "", "", nil
	s.Content = func() ([]byte, error) { return content, nil }
	return s
}

// File is an object whose content is a file's: one on disk, or one that the
// provider carries.
type File struct {
	// Path of a file on disk. Only its digest is kept; it is read again when it is
	// written.
	Path string
	// Bytes are the content where Path is empty.
	Bytes []byte
	// ContentType and CacheControl are the object's. An empty type is found by the
	// extension of the object's key, else of the path.
	ContentType, CacheControl string
	// Encoding is how the content is compressed: gzip, or empty for not. S3 serves
	// it as it is, to whoever asks.
	Encoding string
}

// File describes an object with the content of a file. One that cannot be read
// is a problem that Validate tells.
func (b *Builder) File(key string, bucket BucketHandle, object string, f File) Handle {
	spec := ObjectSpec{
		Key: object, File: f.Path, CacheControl: f.CacheControl, Encoding: f.Encoding,
		ContentType: cmp.Or(f.ContentType, contentTypes[strings.ToLower(path.Ext(object))], contentTypes[strings.ToLower(path.Ext(f.Path))], "application/octet-stream"),
	}
	switch {
	case f.Path == "":
		spec.SHA256 = digest(f.Bytes)
		spec.Content = func() ([]byte, error) { return f.Bytes, nil }
	case HasToken(f.Path):
		spec.SHA256 = f.Path // as unknown as the path
	default:
		content, err := os.ReadFile(f.Path)
		if err != nil {
			spec.Unread = err.Error()
		}
		spec.SHA256 = digest(content)
		spec.Content = func() ([]byte, error) { return readAgain(f.Path, spec.SHA256) }
	}
	return b.object(key, bucket, spec)
}

// readAgain reads a file that must still be what it was.
func readAgain(name, was string) ([]byte, error) {
	content, err := os.ReadFile(name) //nolint:gosec // the user names it
	if err != nil {
		return nil, fmt.Errorf("read the file again: %w", err)
	}
	if now := digest(content); now != was {
		return nil, fmt.Errorf("the file %s has changed since it was planned (SHA-256 %.8s, was %.8s): plan and apply again", name, now, was)
	}
	return content, nil
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// contentTypes by extension. The system's own table differs from machine to
// machine, and a plan must not (IANA, "Media Types").
var contentTypes = map[string]string{
	".avif": "image/avif", ".css": "text/css; charset=utf-8", ".csv": "text/csv; charset=utf-8", ".gif": "image/gif",
	".html": "text/html; charset=utf-8", ".ico": "image/vnd.microsoft.icon", ".jpeg": "image/jpeg", ".jpg": "image/jpeg",
	".js": "text/javascript; charset=utf-8", ".json": "application/json", ".mjs": "text/javascript; charset=utf-8", ".mp3": "audio/mpeg",
	".mp4": "video/mp4", ".pdf": "application/pdf", ".png": "image/png", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
	".wasm": "application/wasm", ".webmanifest": "application/manifest+json", ".webp": "image/webp", ".woff": "font/woff", ".woff2": "font/woff2",
	".xml": "application/xml", ".zip": "application/zip",
}

func (b *Builder) object(key string, bucket BucketHandle, spec ObjectSpec) Handle {
	spec.Bucket = bucket.Name()
	// Like every part whose object lives inside another, it is named by both.
	return b.add(key, spec.Bucket+"/"+spec.Key, spec, bucket.Key())
}

// object checks what a distribution would keep for too long, and that a file
// can be read.
func (c *checker) object(s ObjectSpec) {
	if s.Unread != "" {
		c.add(nil, "its file cannot be read: %s", s.Unread)
	}
	if s.CacheControl != "" {
		return
	}
	bucket := c.blue.Target(s.Bucket)
	if slices.ContainsFunc(c.blue.Parts, func(p *Part) bool {
		d, ok := p.Spec.(DistributionSpec)
		return ok && bucket != nil && c.blue.Target(d.Origin) == bucket
	}) {
		c.add(nil, "it is served by a distribution and has no Cache-Control, so that CloudFront would keep it for a day (CloudFront Developer Guide, Use managed cache policies, CachingOptimized)")
	}
}
