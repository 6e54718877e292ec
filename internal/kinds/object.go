package kinds

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// object manages one object in a bucket of the same system. The part's name is
// "<bucket>/<key>".
type object struct{ Env }

// digestMetadata is the user metadata that holds the hex SHA-256 of the
// content; HeadObject brings it along, where the ETag of an encrypted object
// says nothing about its content.
const digestMetadata = "sha256"

// objectMissing are S3's answers for an object, or bucket, that does not exist.
// HeadObject has no body, so its code is made of the status.
var objectMissing = map[string]bool{"NotFound": true, "NoSuchKey": true, "NoSuchBucket": true}

func (object) Facts() Facts {
	const own = "arn:{partition}:s3:::{name}"
	return Facts{
		Ownership: OwnedByParent, ObserveCalls: 1,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{"s3:GetObject"}, Resources: []string{own}},
			// Tells an object that is missing from one that is forbidden (S3 API
			// Reference, HeadObject).
			{Verbs: []Verb{Observing}, Actions: []string{"s3:ListBucket"}, Resources: []string{"arn:{partition}:s3:::{bucket}"}},
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"s3:PutObject"}, Resources: []string{own}},
			{Verbs: []Verb{Deleting}, Actions: []string{"s3:DeleteObject"}, Resources: []string{own}},
		},
		Transient: []Transient{
			{"ConditionalRequestConflict", "", "another write of the object is under way (S3 User Guide, conditional writes)"},
			{"OperationAborted", "", "another operation on the bucket is under way (S3 API Reference, error codes)"},
		},
	}
}

func (k object) Observe(ctx context.Context, t *Target) (*Live[blueprint.ObjectSpec], error) {
	bucket, key, out, err := k.head(ctx, t)
	if err != nil {
		return nil, err
	}
	return &Live[blueprint.ObjectSpec]{Attributes: Attributes{}, Spec: blueprint.ObjectSpec{
		Bucket: bucket, Key: key, SHA256: out.Metadata[digestMetadata],
		ContentType: aws.ToString(out.ContentType), CacheControl: aws.ToString(out.CacheControl), Encoding: aws.ToString(out.ContentEncoding),
	}}, nil
}

// head reads an object's headers, or returns ErrAbsent.
func (e Env) head(ctx context.Context, t *Target) (bucket, key string, out *s3.HeadObjectOutput, err error) {
	if bucket, key, err = objectName(t); err != nil {
		return "", "", nil, err
	}
	out, err = e.AWS.S3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if objectMissing[code(err)] {
		err = ErrAbsent
	}
	return bucket, key, out, err
}

func objectName(t *Target) (bucket, key string, err error) {
	bucket, key, ok := strings.Cut(t.Name, "/")
	if !ok {
		return "", "", fmt.Errorf("the name %q is not of the form bucket/key", t.Name)
	}
	return bucket, key, nil
}

func (k object) Create(ctx context.Context, _ *Target, want blueprint.ObjectSpec) (Attributes, error) {
	err := k.put(ctx, want, aws.String("*"))
	if code(err) == "PreconditionFailed" {
		return nil, ErrPresent
	}
	return Attributes{}, err
}

// put writes the object; absent, "*" or nil, makes S3 refuse where there is one.
func (k object) put(ctx context.Context, want blueprint.ObjectSpec, absent *string) error {
	read := want.Content
	if read == nil {
		read = func() ([]byte, error) { return k.Content(ctx, want.SHA256) }
	}
	content, err := read()
	if err != nil {
		return step("find the content with SHA-256 "+want.SHA256, err)
	}
	digest := sha256.Sum256(content)
	if found := hex.EncodeToString(digest[:]); found != want.SHA256 {
		return fmt.Errorf("the content has SHA-256 %s, should have %s", found, want.SHA256)
	}
	in := &s3.PutObjectInput{
		Bucket: &want.Bucket, Key: &want.Key, Body: bytes.NewReader(content), IfNoneMatch: absent,
		Metadata: map[string]string{digestMetadata: want.SHA256},
		// S3 refuses content that came otherwise than it was sent.
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(digest[:])),
	}
	if want.ContentType != "" {
		in.ContentType = &want.ContentType
	}
	if want.CacheControl != "" {
		in.CacheControl = &want.CacheControl
	}
	if want.Encoding != "" {
		in.ContentEncoding = &want.Encoding
	}
	_, err = k.AWS.S3.PutObject(ctx, in)
	return err
}

// Update writes the object anew: S3 changes neither content nor headers in
// place.
func (k object) Update(ctx context.Context, _ *Target, want blueprint.ObjectSpec, live *Live[blueprint.ObjectSpec], _ Changes) (Attributes, error) {
	return live.Attributes, k.put(ctx, want, nil)
}

func (k object) Delete(ctx context.Context, t *Target) error {
	bucket, key, err := objectName(t)
	if err != nil {
		return err
	}
	_, err = k.AWS.S3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	if objectMissing[code(err)] {
		return nil
	}
	return err
}
