// Package session publishes temporary credentials of a role to everybody, for what browsers do with AWS themselves. An object beside a page has
// them; a tick renews them long before they end.
package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// Lasts is how long a session lasts: an hour is the most for a role that a role assumes (IAM User Guide, "Methods to assume a role", role
// chaining).
const Lasts = time.Hour

// RevocationPolicy is the name of a role's inline policy that refuses revoked sessions: the one that AWS's console gives it (IAM User
// Guide, "Revoke IAM role temporary security credentials").
const RevocationPolicy = "AWSRevokeOlderSessions"

// Session is temporary credentials.
type Session struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	ExpiresAt                                  time.Time
}

// String keeps the secret out of logs and errors.
func (s Session) String() string { return "session until " + clockText(s.ExpiresAt) }

// GoString keeps the secret out of logs and errors.
func (s Session) GoString() string { return s.String() }

// LogValue keeps the secret out of logs.
func (s Session) LogValue() slog.Value { return slog.StringValue(s.String()) }

// clockText writes a moment as all objects do: RFC 3339 in UTC.
func clockText(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

// Statement is one of an IAM policy.
type Statement struct {
	Effect    string
	Action    string
	Resource  string
	Condition map[string]map[string][]string `json:",omitempty"`
}

// Using are the statements with which a session may let a service use a customer's key for it; none where there is no key.
func Using(keyARN string, actions ...string) []Statement {
	if keyARN == "" {
		return nil
	}
	var out []Statement
	for _, action := range actions {
		out = append(out, Statement{Effect: "Allow", Action: action, Resource: keyARN})
	}
	return out
}

func policy(statements ...Statement) (string, error) {
	encoded, err := json.Marshal(struct {
		Version   string
		Statement []Statement
	}{"2012-10-17", statements})
	if err != nil {
		return "", fmt.Errorf("encode policy: %w", err)
	}
	return string(encoded), nil
}

// Role is an IAM role of the account.
type Role struct {
	AWS   aws.Config
	ARN   string
	Name  string      // Of its sessions: "voters".
	Allow []Statement // What its sessions may do, whatever else the role may.
}

// Assume begins a session.
func (r *Role) Assume(ctx context.Context, lasts time.Duration) (Session, error) {
	narrow, err := policy(r.Allow...)
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
		"RoleArn": r.ARN, "RoleSessionName": r.Name, "Policy": narrow, "DurationSeconds": strconv.Itoa(int(lasts.Seconds())),
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
	return &awscall.Client{Config: r.AWS, Service: service}
}

// RevokeBefore puts an inline policy on the role that denies everything to sessions that began before a moment. It replaces that of
// an earlier revocation, which is the weaker one.
func (r *Role) RevokeBefore(ctx context.Context, moment time.Time) error {
	deny, err := policy(Statement{
		Effect: "Deny", Action: "*", Resource: "*",
		Condition: map[string]map[string][]string{"DateLessThan": {"aws:TokenIssueTime": {moment.UTC().Format(time.RFC3339)}}},
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
