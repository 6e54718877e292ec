package votingwindow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	// CredentialsObject is the public object beside the page with which voters send their votes to the queue themselves.
	CredentialsObject = "credentials.json"

	// credentialsFor is how long a session lasts: an hour is the most for a role that a role assumes (IAM User Guide, "Methods to assume a
	// role", role chaining).
	credentialsFor = time.Hour
	// credentialsLead before the opening sessions begin. With a tick every 20 minutes one or two of them fall into it, and one that fails is
	// tried again by Lambda after one and after two minutes (Lambda Developer Guide, "How Lambda handles errors and retries with
	// asynchronous invocation"), so that the page has credentials in hand when it opens.
	credentialsLead = 30 * time.Minute
	// cacheCredentials lets a CDN answer everybody; after a revocation pages are without credentials for so long at most.
	cacheCredentials = "max-age=60"
	// revokeSettle after a revocation the first new session begins: the clocks of Lambda and STS may differ, and a session that was being
	// published before must not land after the new one.
	revokeSettle = 10 * time.Second
	// revokeTries bounds how often a session is asked for that STS dates after the revocation.
	revokeTries = 3
)

// CredentialsConfig is the configuration of credentials.
type CredentialsConfig struct {
	Base
	Window
	TalliesTable  string `env:"TALLIES_TABLE,required,notEmpty"` // For the closing time in force.
	VoterRoleARN  string `env:"VOTER_ROLE_ARN,required,notEmpty"`
	QueueURL      string `env:"QUEUE_URL,required,notEmpty"`
	QueueARN      string `env:"QUEUE_ARN,required,notEmpty"`
	ResultsBucket string `env:"RESULTS_BUCKET,required,notEmpty"` // Where the page is.
}

// Session is temporary credentials of the voters' role.
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

// VoterRole is the role that voters act by.
type VoterRole interface {
	// Assume begins a session that lasts so long and may send messages to the one queue.
	Assume(ctx context.Context, lasts time.Duration) (Session, error)
	// RevokeBefore denies everything to all sessions that began before a moment, to the second.
	RevokeBefore(ctx context.Context, moment time.Time) error
}

// PageBucket is the bucket of the page.
type PageBucket interface {
	ObjectStore
	DeleteObject(ctx context.Context, key string) error
}

// PublishedCredentials is credentials.json. Times are RFC 3339 in UTC.
type PublishedCredentials struct {
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	SessionToken    string `json:"session_token"`
	IssuedAt        string `json:"issued_at"`
	ExpiresAt       string `json:"expires_at"`
	QueueURL        string `json:"queue_url"`
	Region          string `json:"region"`
	Endpoint        string `json:"endpoint,omitempty"` // Of SQS, where it is not AWS's own.
}

// Credentials publishes short-lived credentials beside the page, with which voters put messages on the one queue and can do nothing
// else. A tick comes every 20 minutes and each session lasts 60, so that one that fails leaves 20 minutes.
// From credentialsLead before the opening to the end of the grace there is an object; at all other times there is none.
type Credentials struct {
	InForce  *Clocked
	Role     VoterRole
	Bucket   PageBucket
	QueueURL string
	Region   string
	Endpoint string // Of SQS; empty for AWS's own.
	Clock    Clock
	Log      *slog.Logger
}

// What credentials did.
const (
	CredentialsIssued  = "issued"
	CredentialsRemoved = "removed"
	CredentialsIdle    = "idle" // There was nothing to do.
)

// CredentialsAnswer is the function's answer. It holds no secret.
type CredentialsAnswer struct {
	Did           string `json:"did"`
	ExpiresAt     string `json:"expires_at,omitempty"`
	RevokedBefore string `json:"revoked_before,omitempty"` // Sessions that began before this moment are refused.
}

// Handle is one tick. With the event `{"revoke":true}` it first refuses all credentials that were issued before, which takes it some ten
// seconds; AWS says of such a change that it can take a few minutes to be in effect everywhere (IAM User Guide, "Disabling permissions for
// temporary security credentials").
func (c *Credentials) Handle(ctx context.Context, event json.RawMessage) (CredentialsAnswer, error) {
	var order struct {
		Revoke bool `json:"revoke"`
	}
	if len(event) > 0 {
		if err := json.Unmarshal(event, &order); err != nil {
			return CredentialsAnswer{}, fmt.Errorf(`read event: %w; it is {} or {"revoke":true}`, err)
		}
	}
	var after time.Time
	if order.Revoke {
		var err error
		if after, err = c.revoke(ctx); err != nil {
			return CredentialsAnswer{}, err
		}
	}
	answer, err := c.tick(ctx, after)
	if !after.IsZero() {
		answer.RevokedBefore = clockText(after)
	}
	return answer, err
}

// revoke refuses all sessions that began until now, and waits until new ones can be told from them. It returns the first moment
// of sessions that are not refused.
func (c *Credentials) revoke(ctx context.Context) (time.Time, error) {
	// A session's time of issue is known to the second: those of this one are refused, too.
	after := c.Clock.Now().UTC().Truncate(time.Second).Add(time.Second)
	if err := c.Role.RevokeBefore(ctx, after); err != nil {
		return time.Time{}, fmt.Errorf("revoke credentials: %w", err)
	}
	c.Log.WarnContext(ctx, "credentials revoked", "issued_before", clockText(after))
	return after, c.settle(ctx)
}

func (c *Credentials) settle(ctx context.Context) error {
	select {
	case <-c.Clock.After(revokeSettle):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a revocation to settle: %w; invoke the function again with {}", ctx.Err())
	}
}

// tick issues credentials, or removes them outside of their time. Those that it issues began at after or later.
func (c *Credentials) tick(ctx context.Context, after time.Time) (CredentialsAnswer, error) {
	due, err := c.due(ctx)
	if err != nil {
		return CredentialsAnswer{}, err
	}
	if !due {
		return c.remove(ctx)
	}
	session, err := c.assume(ctx, after)
	if err != nil {
		return CredentialsAnswer{}, err
	}
	body, err := encodeObject(PublishedCredentials{
		AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey, SessionToken: session.SessionToken,
		IssuedAt: clockText(session.ExpiresAt.Add(-credentialsFor)), ExpiresAt: clockText(session.ExpiresAt),
		QueueURL: c.QueueURL, Region: c.Region, Endpoint: c.Endpoint,
	})
	if err != nil {
		return CredentialsAnswer{}, err
	}
	if err := c.Bucket.PutObject(ctx, CredentialsObject, body, contentJSON, cacheCredentials); err != nil {
		return CredentialsAnswer{}, fmt.Errorf("publish credentials: %w", err)
	}
	c.Log.InfoContext(ctx, "credentials", "did", CredentialsIssued, "expires_at", clockText(session.ExpiresAt))
	return CredentialsAnswer{Did: CredentialsIssued, ExpiresAt: clockText(session.ExpiresAt)}, nil
}

// due says whether there should be credentials now. Before their time the closing time in force does not matter, and is not read.
func (c *Credentials) due(ctx context.Context) (bool, error) {
	now := c.Clock.Now()
	if now.Before(c.InForce.Window.OpensAt.Add(-credentialsLead)) {
		return false, nil
	}
	window, err := c.InForce.InForce(ctx)
	return err == nil && now.Before(window.graceEnds()), err
}

// assume begins a session. By STS's own clock, which tells when it ends, it began at after or later.
func (c *Credentials) assume(ctx context.Context, after time.Time) (Session, error) {
	for range revokeTries {
		session, err := c.Role.Assume(ctx, credentialsFor)
		if err != nil {
			return Session{}, fmt.Errorf("issue credentials: %w", err)
		}
		if !session.ExpiresAt.Add(-credentialsFor).Before(after) {
			return session, nil
		}
		if err := c.settle(ctx); err != nil {
			return Session{}, err
		}
	}
	return Session{}, errors.New("issue credentials: STS dates new sessions before the revocation; invoke the function again with {}")
}

// remove takes the object away, if there is one: a look costs less than deleting what is not there, which a bucket with versions
// would note each time.
func (c *Credentials) remove(ctx context.Context) (CredentialsAnswer, error) {
	found, err := c.Bucket.GetObject(ctx, CredentialsObject)
	if err != nil || found == nil {
		return CredentialsAnswer{Did: CredentialsIdle}, err
	}
	if err := c.Bucket.DeleteObject(ctx, CredentialsObject); err != nil {
		return CredentialsAnswer{}, fmt.Errorf("remove credentials: %w", err)
	}
	c.Log.InfoContext(ctx, "credentials", "did", CredentialsRemoved)
	return CredentialsAnswer{Did: CredentialsRemoved}, nil
}
