package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// maxObject bounds what is read of an object into memory, in bytes: results and
// configurations have some KB.
const maxObject = 4 << 20

// reached is a deployed system as a system's own commands see it.
type reached struct{ *deployed }

var _ command.Deployed = (*reached)(nil)

// Name implements command.Deployed.
func (r *reached) Name() string { return r.name }

// Account implements command.Deployed.
func (r *reached) Account() string { return r.account }

// Region implements command.Deployed.
func (r *reached) Region() string { return r.client.Region() }

// Caller implements command.Deployed.
func (r *reached) Caller(ctx context.Context) (string, error) {
	out, err := r.client.STS.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", fmt.Errorf("ask who the caller is: %w", err)
	}
	return aws.ToString(out.Arn), nil
}

// Part implements command.Deployed.
func (r *reached) Part(key string) (command.Part, bool) {
	rec, found := r.manifest.Parts[key]
	return command.Part{Kind: rec.Kind, Name: rec.Name, Attributes: maps.Clone(rec.Attributes)}, found
}

// part returns a part of a kind.
func (r *reached) part(key, kind string) (command.Part, error) {
	p, found := r.Part(key)
	if !found || p.Kind != kind {
		return p, fmt.Errorf("%s %q has no %s %q; it has %v: an apply with this version may add it", r.system.Name, r.name, kind, key, r.keys(kind))
	}
	return p, nil
}

// Invoke implements command.Deployed.
func (r *reached) Invoke(ctx context.Context, function string, event, answer any) error {
	p, err := r.part(function, functionKind)
	if err != nil {
		return err
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("render the event of %s: %w", function, err)
	}
	out, err := r.client.Lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &p.Name, Qualifier: aws.String(blueprint.LiveAlias), Payload: payload})
	if err != nil {
		return fmt.Errorf("invoke %s: %w", function, err)
	}
	if out.FunctionError != nil {
		return functionError(function, out.Payload)
	}
	if err := json.Unmarshal(out.Payload, answer); err != nil {
		return fmt.Errorf("read the answer of %s, which another version may have given: %w", function, err)
	}
	return nil
}

// functionError reads the form in which Lambda tells a function's error (Lambda
// Developer Guide, "Function errors").
func functionError(function string, payload []byte) error {
	var told struct {
		Message string `json:"errorMessage"`
	}
	if err := json.Unmarshal(payload, &told); err != nil || told.Message == "" {
		told.Message = string(payload)
	}
	return &command.FunctionError{Function: function, Message: told.Message}
}

// Object implements command.Deployed.
func (r *reached) Object(ctx context.Context, bucket, key string) ([]byte, error) {
	body, err := r.get(ctx, bucket, key)
	if err != nil {
		return nil, err
	}
	defer body.Close() //nolint:errcheck // nothing was written
	content, err := io.ReadAll(io.LimitReader(body, maxObject))
	if err != nil {
		return nil, fmt.Errorf("read %s of the bucket %s: %w", key, bucket, err)
	}
	return content, nil
}

// Download implements command.Deployed.
func (r *reached) Download(ctx context.Context, bucket, key string, to io.Writer) error {
	body, err := r.get(ctx, bucket, key)
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // nothing was written
	if _, err := io.Copy(to, body); err != nil {
		return fmt.Errorf("download %s of the bucket %s: %w", key, bucket, err)
	}
	return nil
}

func (r *reached) get(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
	p, err := r.part(bucket, bucketKind)
	if err != nil {
		return nil, err
	}
	out, err := r.client.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: &p.Name, Key: &key})
	var missing *s3types.NoSuchKey
	if errors.As(err, &missing) {
		return nil, fmt.Errorf("%s of the bucket %s: %w", key, bucket, command.ErrNoObject)
	}
	if err != nil {
		return nil, fmt.Errorf("get %s of the bucket %s: %w", key, bucket, err)
	}
	return out.Body, nil
}

// Objects implements command.Deployed.
func (r *reached) Objects(ctx context.Context, bucket, prefix string) ([]string, error) {
	p, err := r.part(bucket, bucketKind)
	if err != nil {
		return nil, err
	}
	var keys []string
	pages := s3.NewListObjectsV2Paginator(r.client.S3, &s3.ListObjectsV2Input{Bucket: &p.Name, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list %s of the bucket %s: %w", prefix, bucket, err)
		}
		for _, object := range page.Contents {
			keys = append(keys, aws.ToString(object.Key))
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// Send implements command.Deployed.
func (r *reached) Send(ctx context.Context, queue, body string) (string, error) {
	p, err := r.part(queue, queueKind)
	if err != nil {
		return "", err
	}
	out, err := r.client.SQS.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(p.Attributes["url"]), MessageBody: &body})
	if err != nil {
		return "", fmt.Errorf("send to the queue %s: %w", queue, err)
	}
	return aws.ToString(out.MessageId), nil
}

// PublicKey implements command.Deployed.
func (r *reached) PublicKey(ctx context.Context, key string) ([]byte, error) {
	p, err := r.part(key, signingKeyKind)
	if err != nil {
		return nil, err
	}
	out, err := r.client.KMS.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: aws.String(p.Attributes["id"])})
	if err != nil {
		return nil, fmt.Errorf("get the public key of %s: %w", key, err)
	}
	return out.PublicKey, nil
}
