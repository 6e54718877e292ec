package votingwindow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// RevocationPolicy is the name of the voters' role's inline policy that refuses revoked sessions: the one that AWS's console gives it
// (IAM User Guide, "Revoke IAM role temporary security credentials").
const RevocationPolicy = "AWSRevokeOlderSessions"

// Role is an IAM role of the account.
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
	var begun struct {
		Credentials struct {
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
			Expiration      time.Time
		} `xml:"AssumeRoleResult>Credentials"`
	}
	err = r.client("sts").Query(ctx, "2011-06-15", "AssumeRole", map[string]string{
		"RoleArn": r.ARN, "RoleSessionName": "voters", "Policy": narrow, "DurationSeconds": strconv.Itoa(int(lasts.Seconds())),
	}, &begun)
	if err != nil {
		return Session{}, fmt.Errorf("assume role %s: %w", r.ARN, err)
	}
	session := Session{
		AccessKeyID: begun.Credentials.AccessKeyID, SecretAccessKey: begun.Credentials.SecretAccessKey,
		SessionToken: begun.Credentials.SessionToken, ExpiresAt: begun.Credentials.Expiration,
	}
	if session.SecretAccessKey == "" || session.ExpiresAt.IsZero() {
		return Session{}, errors.New("assume role " + r.ARN + ": the answer has no credentials, or none that end")
	}
	return session, nil
}

// client calls a service that speaks AWS query.
func (r *Role) client(service string) *awscall.Client {
	return &awscall.Client{Config: r.AWS, Service: service, Retryer: r.AWS.Retryer()}
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
	err = r.client("iam").Query(ctx, "2010-05-08", "PutRolePolicy", map[string]string{
		"RoleName": name, "PolicyName": RevocationPolicy, "PolicyDocument": deny,
	}, nil)
	if err != nil {
		return fmt.Errorf("put policy %s on role %s: %w", RevocationPolicy, name, err)
	}
	return nil
}
