package votingwindow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// RevocationPolicy is the name of the voters' role's inline policy that refuses revoked sessions: the one that AWS's console gives it
// (IAM User Guide, "Revoke IAM role temporary security credentials").
const RevocationPolicy = "AWSRevokeOlderSessions"

// Role is an IAM role of the account. Its clients are made when they are used: a tick needs one, a revocation another.
type Role struct {
	AWS      aws.Config
	ARN      string
	QueueARN string // The queue to which its sessions may send.
}

// statement is one of an IAM policy.
type statement struct {
	Effect    string
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

func policy(only statement) (string, error) {
	encoded, err := json.Marshal(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", []statement{only}})
	if err != nil {
		return "", fmt.Errorf("encode policy: %w", err)
	}
	return string(encoded), nil
}

// Assume begins a session, which by its session policy may send to the one queue, whatever else the role may do.
func (r *Role) Assume(ctx context.Context, lasts time.Duration) (Session, error) {
	narrow, err := policy(statement{Effect: "Allow", Action: "sqs:SendMessage", Resource: r.QueueARN})
	if err != nil {
		return Session{}, err
	}
	begun, err := sts.NewFromConfig(r.AWS).AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: &r.ARN, RoleSessionName: aws.String("voters"), Policy: &narrow, DurationSeconds: aws.Int32(int32(lasts.Seconds())),
	})
	if err != nil {
		return Session{}, fmt.Errorf("assume role %s: %w", r.ARN, err)
	}
	if begun.Credentials == nil || begun.Credentials.Expiration == nil {
		return Session{}, errors.New("assume role " + r.ARN + ": the answer has no credentials, or none that end")
	}
	return Session{
		AccessKeyID: aws.ToString(begun.Credentials.AccessKeyId), SecretAccessKey: aws.ToString(begun.Credentials.SecretAccessKey),
		SessionToken: aws.ToString(begun.Credentials.SessionToken), ExpiresAt: *begun.Credentials.Expiration,
	}, nil
}

// RevokeBefore puts an inline policy on the role that denies everything to sessions that began before a moment. It replaces that of
// an earlier revocation, which is the weaker one.
func (r *Role) RevokeBefore(ctx context.Context, moment time.Time) error {
	deny, err := policy(statement{
		Effect: "Deny", Action: "*", Resource: "*",
		Condition: map[string]map[string]string{"DateLessThan": {"aws:TokenIssueTime": moment.UTC().Format(time.RFC3339)}},
	})
	if err != nil {
		return err
	}
	name := r.ARN[strings.LastIndex(r.ARN, "/")+1:]
	_, err = iam.NewFromConfig(r.AWS).PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: &name, PolicyName: aws.String(RevocationPolicy), PolicyDocument: &deny,
	})
	if err != nil {
		return fmt.Errorf("put policy %s on role %s: %w", RevocationPolicy, name, err)
	}
	return nil
}

// DeleteObject removes an object; one that is not there is none the less removed.
func (b *Bucket) DeleteObject(ctx context.Context, key string) error {
	if _, err := b.Client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.Name, Key: &key}); err != nil {
		return fmt.Errorf("delete object %s from %s: %w", key, b.Name, err)
	}
	return nil
}
