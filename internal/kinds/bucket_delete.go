package kinds

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// emptyings is how often a bucket is emptied before it is given up: a write
// that was under way may land after the first time.
const emptyings = 3

// Delete empties the bucket only with Force; without it AWS refuses to delete
// a bucket that holds anything.
func (k bucket) Delete(ctx context.Context, t *Target) error {
	var err error
	for range emptyings {
		if t.Force {
			if err = k.empty(ctx, t); code(err) == bucketMissing {
				return nil
			} else if err != nil {
				return err
			}
		}
		_, err = k.AWS.S3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &t.Name})
		if code(err) == bucketMissing {
			return nil
		}
		if code(err) != "BucketNotEmpty" || !t.Force {
			return err
		}
	}
	return err
}

// empty deletes all versions, delete markers and unfinished uploads, a page of
// up to 1,000 at a time (S3 API Reference, DeleteObjects).
func (k bucket) empty(ctx context.Context, t *Target) error {
	versions := s3.NewListObjectVersionsPaginator(k.AWS.S3, &s3.ListObjectVersionsInput{Bucket: &t.Name})
	for versions.HasMorePages() {
		page, err := versions.NextPage(ctx)
		if err != nil {
			return err
		}
		var batch []types.ObjectIdentifier
		for _, v := range page.Versions {
			batch = append(batch, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			batch = append(batch, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		if err := k.deleteObjects(ctx, t, batch); err != nil {
			return err
		}
	}
	uploads := s3.NewListMultipartUploadsPaginator(k.AWS.S3, &s3.ListMultipartUploadsInput{Bucket: &t.Name})
	for uploads.HasMorePages() {
		page, err := uploads.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, u := range page.Uploads {
			_, err := k.AWS.S3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &t.Name, Key: u.Key, UploadId: u.UploadId})
			if err != nil && code(err) != "NoSuchUpload" {
				return step("abort the upload of "+aws.ToString(u.Key), err)
			}
		}
	}
	return nil
}

// deletions is how often a batch of objects is sent, and busy are the codes for a
// single object of it that pass (S3 API Reference, DeleteObjects and "List of error
// codes").
const deletions = 10

var busy = map[string]bool{"SlowDown": true, "InternalError": true, "ServiceUnavailable": true, "OperationAborted": true}

// deleteObjects deletes a batch. Of one, S3 may refuse single objects for the
// moment: those alone are sent again.
func (k bucket) deleteObjects(ctx context.Context, t *Target, batch []types.ObjectIdentifier) error {
	for n, pause := 1, 250*time.Millisecond; len(batch) > 0; n, pause = n+1, min(2*pause, 5*time.Second) {
		out, err := k.AWS.S3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &t.Name, Delete: &types.Delete{Objects: batch, Quiet: aws.Bool(true)}})
		if err != nil {
			return err
		}
		batch = nil
		var failed *types.Error
		for i, e := range out.Errors {
			batch = append(batch, types.ObjectIdentifier{Key: e.Key, VersionId: e.VersionId})
			if failed == nil && (!busy[aws.ToString(e.Code)] || n == deletions) {
				failed = &out.Errors[i]
			}
		}
		if failed != nil {
			return &smithy.GenericAPIError{Code: aws.ToString(failed.Code), Message: fmt.Sprintf("%s (object %s; %d of a batch were not deleted)", aws.ToString(failed.Message), aws.ToString(failed.Key), len(batch))}
		}
		if len(batch) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("deleting %d objects again: %w", len(batch), context.Cause(ctx))
		case <-k.Clock.After(pause):
		}
	}
	return nil
}
