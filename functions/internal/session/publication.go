package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
)

const (
	// renewAfter is the age at which a session is renewed. With a tick a minute, one that cannot be renewed leaves 40 minutes of attempts.
	renewAfter = 20 * time.Minute
	// cache lets a CDN answer everybody; after a revocation pages are without credentials for so long at most.
	cache = "max-age=60"
	// settle after a revocation the first new session begins: the clocks of Lambda and STS may differ, and a session that was being
	// published before must not land after the new one.
	settle = 10 * time.Second
	// revokeTries bounds how often a session is asked for that STS dates after the revocation.
	revokeTries = 3
)

// Issuer is the role by which everybody acts.
type Issuer interface {
	// Assume begins a session that lasts so long.
	Assume(ctx context.Context, lasts time.Duration) (Session, error)
	// RevokeBefore denies everything to all sessions that began before a moment, to the second.
	RevokeBefore(ctx context.Context, moment time.Time) error
}

// Objects is the bucket of the page.
type Objects interface {
	// GetObject returns an object, or nil where there is none.
	GetObject(ctx context.Context, key string) ([]byte, error)
	PutObject(ctx context.Context, key string, body []byte, contentType, cacheControl string) error
	DeleteObject(ctx context.Context, key string) error
}

// Published is a session as the public object has it. Times are RFC 3339 in UTC.
type Published struct {
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	SessionToken    string `json:"session_token"`
	IssuedAt        string `json:"issued_at"`
	ExpiresAt       string `json:"expires_at"`
}

// String keeps the secret out of logs and errors.
func (p Published) String() string { return "session until " + p.ExpiresAt }

// GoString keeps the secret out of logs and errors.
func (p Published) GoString() string { return p.String() }

// LogValue keeps the secret out of logs.
func (p Published) LogValue() slog.Value { return slog.StringValue(p.String()) }

// Publication keeps one object with a session, as long as it is due. One goroutine uses it at a time.
type Publication struct {
	Object  string // Its key.
	Issuer  Issuer
	Objects Objects
	// Describe is the object's whole content: the session, and what it is good for.
	Describe func(Published) any
	Clock    clock.Clock
	Log      *slog.Logger

	issued bool // By this one; see fresh.
}

// What a tick did.
const (
	Issued  = "issued"
	Kept    = "kept" // What is published is young enough.
	Removed = "removed"
	Idle    = "idle" // There is none, and there should be none.
)

// Answer says what was done. It holds no secret.
type Answer struct {
	Did           string `json:"did"`
	ExpiresAt     string `json:"expires_at,omitempty"`
	RevokedBefore string `json:"revoked_before,omitempty"` // Sessions that began before this moment are refused.
}

// Handle is one tick. With the event `{"revoke":true}` it first refuses all sessions that were issued before, which takes it some ten
// seconds; AWS says of such a change that it can take a few minutes to be in effect everywhere (IAM User Guide, "Disabling permissions for
// temporary security credentials"). due says whether there should be a session now.
func (p *Publication) Handle(ctx context.Context, event json.RawMessage, due func(context.Context) (bool, error)) (Answer, error) {
	var order struct {
		Revoke bool `json:"revoke"`
	}
	if len(event) > 0 {
		if err := json.Unmarshal(event, &order); err != nil {
			return Answer{}, fmt.Errorf(`read event: %w; it is {} or {"revoke":true}`, err)
		}
	}
	var after time.Time
	if order.Revoke {
		var err error
		if after, err = p.revoke(ctx); err != nil {
			return Answer{}, err
		}
	}
	answer, err := p.tick(ctx, after, due)
	if !after.IsZero() {
		answer.RevokedBefore = clockText(after)
	}
	return answer, err
}

// revoke refuses all sessions that began until now, takes the object away, so that whatever fails from here on the next tick issues anew, and
// waits until new sessions can be told from the former. It returns the first moment of sessions that are not refused.
func (p *Publication) revoke(ctx context.Context) (time.Time, error) {
	// A session's time of issue is known to the second: those of this one are refused, too.
	after := p.Clock.Now().UTC().Truncate(time.Second).Add(time.Second)
	if err := p.Issuer.RevokeBefore(ctx, after); err != nil {
		return time.Time{}, fmt.Errorf("revoke credentials: %w", err)
	}
	p.Log.WarnContext(ctx, "credentials revoked", "issued_before", clockText(after))
	p.issued = false
	if err := p.Objects.DeleteObject(ctx, p.Object); err != nil {
		p.Log.WarnContext(ctx, "remove revoked credentials", "error", err) // New ones replace them.
	}
	return after, p.settle(ctx)
}

func (p *Publication) settle(ctx context.Context) error {
	if err := clock.Wait(ctx, p.Clock, settle); err != nil {
		return fmt.Errorf("wait for a revocation to settle: %w; invoke the function again with {}", err)
	}
	return nil
}

// tick issues a session where none is fresh, or removes it outside of its time. Those that it issues began at after or later.
func (p *Publication) tick(ctx context.Context, after time.Time, due func(context.Context) (bool, error)) (Answer, error) {
	is, err := due(ctx)
	if err != nil {
		return Answer{}, err
	}
	if !is {
		return p.remove(ctx)
	}
	if expires, fresh := p.fresh(ctx); fresh {
		return Answer{Did: Kept, ExpiresAt: expires}, nil
	}
	begun, err := p.assume(ctx, after)
	if err != nil {
		return Answer{}, err
	}
	expires := clockText(begun.ExpiresAt)
	body, err := json.Marshal(p.Describe(Published{
		AccessKeyID: begun.AccessKeyID, SecretAccessKey: begun.SecretAccessKey, SessionToken: begun.SessionToken,
		IssuedAt: clockText(begun.ExpiresAt.Add(-Lasts)), ExpiresAt: expires,
	}))
	if err != nil {
		return Answer{}, fmt.Errorf("encode credentials: %w", err)
	}
	if err := p.Objects.PutObject(ctx, p.Object, body, "application/json", cache); err != nil {
		return Answer{}, fmt.Errorf("publish credentials: %w", err)
	}
	p.issued = true
	p.Log.InfoContext(ctx, "credentials", "did", Issued, "expires_at", expires)
	return Answer{Did: Issued, ExpiresAt: expires}, nil
}

// fresh says whether the published session is young enough and says what it should, and until when it is good. An execution environment
// that has issued none yet trusts none: the session may be of a role that was since made anew.
func (p *Publication) fresh(ctx context.Context) (expires string, fresh bool) {
	if !p.issued {
		return "", false
	}
	object, err := p.Objects.GetObject(ctx, p.Object)
	if err != nil {
		p.Log.WarnContext(ctx, "read published credentials", "error", err) // As good as none.
		return "", false
	}
	var found Published
	if json.Unmarshal(object, &found) != nil {
		return "", false
	}
	now, err := json.Marshal(p.Describe(found))
	if err != nil || !bytes.Equal(now, object) {
		return "", false
	}
	issued, err := time.Parse(time.RFC3339Nano, found.IssuedAt)
	return found.ExpiresAt, err == nil && p.Clock.Now().Sub(issued) < renewAfter
}

// assume begins a session. By STS's own clock, which tells when it ends, it began at after or later.
func (p *Publication) assume(ctx context.Context, after time.Time) (Session, error) {
	for range revokeTries {
		begun, err := p.Issuer.Assume(ctx, Lasts)
		if err != nil {
			return Session{}, fmt.Errorf("issue credentials: %w", err)
		}
		if !begun.ExpiresAt.Add(-Lasts).Before(after) {
			return begun, nil
		}
		if err := p.settle(ctx); err != nil {
			return Session{}, err
		}
	}
	return Session{}, errors.New("issue credentials: STS dates new sessions before the revocation; invoke the function again with {}")
}

// remove takes the object away, if there is one: a look costs less than deleting what is not there, which a bucket with versions
// would note each time.
func (p *Publication) remove(ctx context.Context) (Answer, error) {
	found, err := p.Objects.GetObject(ctx, p.Object)
	if err != nil || found == nil {
		return Answer{Did: Idle}, err
	}
	if err := p.Objects.DeleteObject(ctx, p.Object); err != nil {
		return Answer{}, fmt.Errorf("remove credentials: %w", err)
	}
	p.issued = false
	p.Log.InfoContext(ctx, "credentials", "did", Removed)
	return Answer{Did: Removed}, nil
}
