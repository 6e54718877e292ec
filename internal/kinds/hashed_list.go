package kinds

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// hashedList manages an object with the hashes of identifiers, in a bucket of
// the same system. The part's name is "<bucket>/<key>". Its attributes "entries"
// and "duplicates" count different identifiers and lines that repeat one.
type hashedList struct{ Env }

// Metadata of the object: what it was made of, by which a later plan tells
// whether it is still so. None of it tells an identifier.
const (
	metaSecret        = "secret"
	metaSecretVersion = "secret-version"
	metaSHA256        = "source-sha256"
	metaBucket        = "source-bucket"
	metaKey           = "source-key"
	metaVersionID     = "source-version-id"
	metaETag          = "source-etag"
	metaEntries       = "entries"
	metaDuplicates    = "duplicates"
)

func (hashedList) Facts() Facts {
	const own = "arn:{partition}:s3:::{name}"
	const source = "arn:{partition}:s3:::{source_bucket}/{source_key}"
	writing := []Verb{Creating, Updating}
	return Facts{
		Ownership: OwnedByParent, ObserveCalls: 1,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{"s3:GetObject"}, Resources: []string{own}},
			// Tells an object that is missing from one that is forbidden (S3 API
			// Reference, HeadObject).
			{Verbs: []Verb{Observing}, Actions: []string{"s3:ListBucket"}, Resources: []string{"arn:{partition}:s3:::{bucket}"}},
			{Verbs: writing, Actions: []string{"s3:PutObject"}, Resources: []string{own}},
			// The deployer hashes the list, under the same secret as the functions.
			{Verbs: writing, Actions: []string{"ssm:GetParameter"}, Resources: []string{"arn:{partition}:ssm:{region}:{account}:parameter{secret}"}},
			{Verbs: writing, Actions: []string{"kms:Decrypt"}, Resources: []string{"{secret_kms_key}"}, Condition: via("ssm"), If: "secret_kms_key", Rare: byService},
			{Verbs: writing, Actions: []string{"s3:GetObject"}, Resources: []string{source}, If: "source_bucket", Unless: "source_version_id"},
			{Verbs: writing, Actions: []string{"s3:GetObjectVersion"}, Resources: []string{source}, If: "source_version_id"},
			{Verbs: []Verb{Deleting}, Actions: []string{"s3:DeleteObject"}, Resources: []string{own}},
		},
		Transient: object{}.Facts().Transient,
	}
}

func (k hashedList) Observe(ctx context.Context, t *Target) (*Live[blueprint.HashedListSpec], error) {
	bucket, key, out, err := k.head(ctx, t)
	if err != nil {
		return nil, err
	}
	m := out.Metadata
	return &Live[blueprint.HashedListSpec]{
		Attributes: Attributes{"entries": m[metaEntries], "duplicates": m[metaDuplicates]},
		Spec: blueprint.HashedListSpec{
			Bucket: bucket, Key: key, Secret: m[metaSecret], SecretVersion: m[metaSecretVersion], SHA256: m[metaSHA256],
			SourceBucket: m[metaBucket], SourceKey: decoded(m[metaKey]), VersionID: m[metaVersionID], ETag: m[metaETag],
		},
	}, nil
}

// encoded writes a text as metadata takes it: in ASCII (S3 User Guide, "Working
// with object metadata").
func encoded(text string) string { return strconv.QuoteToASCII(text) }

// decoded reads it back; other text stays as it is.
func decoded(text string) string {
	if plain, err := strconv.Unquote(text); err == nil {
		return plain
	}
	return text
}

func (k hashedList) Create(ctx context.Context, _ *Target, want blueprint.HashedListSpec) (Attributes, error) {
	attributes, err := k.put(ctx, want, aws.String("*"))
	if code(err) == "PreconditionFailed" {
		return nil, ErrPresent
	}
	return attributes, err
}

// Update hashes the list anew.
func (k hashedList) Update(ctx context.Context, _ *Target, want blueprint.HashedListSpec, live *Live[blueprint.HashedListSpec], changed Changes) (Attributes, error) {
	if len(changed) == 0 {
		return live.Attributes, nil
	}
	return k.put(ctx, want, nil)
}

// put writes the object; absent, "*" or nil, makes S3 refuse where there is one.
func (k hashedList) put(ctx context.Context, want blueprint.HashedListSpec, absent *string) (Attributes, error) {
	secret, err := k.secret(ctx, want.Secret)
	if err != nil {
		return nil, err
	}
	source, err := k.open(ctx, want)
	if err != nil {
		return nil, err
	}
	list, err := k.hash(want, source, secret)
	if err = errors.Join(err, source.Close()); err != nil {
		return nil, err
	}
	attributes := Attributes{"entries": strconv.Itoa(list.Len() / entrySize), "duplicates": strconv.Itoa(list.duplicates)}
	digest, err := list.sum()
	if err != nil {
		return nil, step("sum the hashes", err)
	}
	in := &s3.PutObjectInput{
		Bucket: &want.Bucket, Key: &want.Key, Body: list, IfNoneMatch: absent, ContentType: aws.String("application/octet-stream"),
		ContentLength: aws.Int64(int64(list.Len())),
		// S3 refuses content that came otherwise than it was sent.
		ChecksumSHA256: aws.String(digest),
		Metadata:       map[string]string{metaEntries: attributes["entries"], metaDuplicates: attributes["duplicates"]},
	}
	for name, value := range map[string]string{
		metaSecret: want.Secret, metaSecretVersion: want.SecretVersion, metaSHA256: want.SHA256, metaBucket: want.SourceBucket,
		metaVersionID: want.VersionID, metaETag: want.ETag,
	} {
		if value != "" {
			in.Metadata[name] = value
		}
	}
	if want.SourceKey != "" {
		in.Metadata[metaKey] = encoded(want.SourceKey)
	}
	_, err = k.AWS.S3.PutObject(ctx, in)
	return attributes, err
}

// secret reads the key of the hashes: 32 bytes in base64.
func (k hashedList) secret(ctx context.Context, name string) ([]byte, error) {
	out, err := k.AWS.SSM.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)}, unlogged)
	if err != nil {
		return nil, step("read the key of the hashes", err)
	}
	key, err := base64.StdEncoding.DecodeString(aws.ToString(out.Parameter.Value))
	if err != nil || len(key) != sha256.Size {
		// What the decoder says would show a part of the value.
		return nil, fmt.Errorf("the parameter %s does not hold 32 bytes in base64; it was overwritten: put back an earlier version, or delete it and apply", name)
	}
	return key, nil
}

// open opens the source. S3 is asked for just the version that the spec names.
func (k hashedList) open(ctx context.Context, want blueprint.HashedListSpec) (io.ReadCloser, error) {
	if want.SourceBucket == "" {
		file, err := os.Open(want.File)
		return file, step("open the list", err)
	}
	in := &s3.GetObjectInput{Bucket: &want.SourceBucket, Key: &want.SourceKey}
	if want.VersionID != "" {
		in.VersionId = &want.VersionID
	}
	if want.ETag != "" {
		in.IfMatch = aws.String(`"` + want.ETag + `"`)
	}
	out, err := k.AWS.S3.GetObject(ctx, in)
	if code(err) == "PreconditionFailed" {
		// Not S3's own code: Create would take it for an object of ours that exists.
		return nil, fmt.Errorf("%s has another ETag than %s: it has changed since; plan again", want.Source(), want.ETag)
	}
	if err != nil {
		return nil, step("read the list "+want.Source(), err)
	}
	return out.Body, nil
}

// hash reads the source and checks that it is the one that was planned.
func (k hashedList) hash(want blueprint.HashedListSpec, source io.Reader, secret []byte) (*hashes, error) {
	digest := sha256.New()
	list, err := hashLines(io.TeeReader(source, digest), secret)
	// A file that changed is the reason of whatever is wrong with it, where it
	// was read to its end.
	if found := hex.EncodeToString(digest.Sum(nil)); err == nil && want.SHA256 != "" && found != want.SHA256 {
		return nil, fmt.Errorf("the list %s has SHA-256 %s, planned was %s: it has changed since; plan again", want.Source(), found, want.SHA256)
	}
	var line *lineError
	if errors.As(err, &line) {
		return nil, fmt.Errorf("the list %s, line %d: %s", want.Source(), line.number, line.fault)
	}
	if err != nil {
		return nil, step("the list "+want.Source(), err)
	}
	return list, nil
}

func (k hashedList) Delete(ctx context.Context, t *Target) error { return object(k).Delete(ctx, t) }

// hashes are the sorted hashes of a list, rendered as they are read.
type hashes struct {
	*io.SectionReader
	duplicates int
}

func newHashes(entries []uint64, duplicates int) *hashes {
	return &hashes{io.NewSectionReader(entryBytes(entries), 0, int64(len(entries))*entrySize), duplicates}
}

// Len is the number of bytes.
func (h *hashes) Len() int { return int(h.Size()) }

// sum returns the SHA-256 of the bytes in base64, and goes back to the start.
func (h *hashes) sum() (string, error) {
	digest := sha256.New()
	if _, err := io.Copy(digest, h); err != nil {
		return "", err
	}
	_, err := h.Seek(0, io.SeekStart)
	return base64.StdEncoding.EncodeToString(digest.Sum(nil)), err
}
