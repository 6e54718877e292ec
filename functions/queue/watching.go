package queue

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
)

// readersFor is how long what was read of ReadersObject is handed on: it is renewed every twenty minutes, and pages whose credentials were revoked meanwhile
// read the object themselves.
const readersFor = time.Minute

// StatusStore reads statuses.
type StatusStore interface {
	// ReadStatus returns a shard of a sale's status, which may be a second old; the zero Status where there is none.
	ReadStatus(ctx context.Context, sale string, shard int) (Status, error)
}

// statuses are those of sales as they were read last.
type statuses struct {
	mu   sync.Mutex
	read map[string]statusReading
}

type statusReading struct {
	status Status
	at     time.Time
}

// of returns a sale's status, which is read at most every two seconds.
func (s *statuses) of(ctx context.Context, store StatusStore, now time.Time, sale string, shard int) (Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, known := s.read[sale]
	if known && now.Sub(last.at) < statusFor {
		return last.status, nil
	}
	status, err := store.ReadStatus(ctx, sale, shard)
	if err != nil {
		if known {
			return last.status, nil // An old status tells more than none.
		}
		return Status{}, err
	}
	if s.read == nil || len(s.read) >= maxCachedSales {
		s.read = map[string]statusReading{}
	}
	s.read[sale] = statusReading{status, now}
	return status, nil
}

// Watching is what a fan who joins needs to watch the status in its table: the credentials, and the status as it is, so that the page asks for neither. A page
// that asked for the object beside it would cost twice as much for that as join does in all.
type Watching struct {
	Objects interface {
		// GetObject returns an object, or nil where there is none.
		GetObject(ctx context.Context, key string) ([]byte, error)
	}
	Store StatusStore
	Clock clock.Clock
	Shard int // Of the status, which this environment reads.
	Log   *slog.Logger

	known   statuses
	mu      sync.Mutex
	readers json.RawMessage
	at      time.Time
}

// of returns the credentials, as they are published, and a sale's status as the table has it. Either may be missing, and is read by the page then.
func (w *Watching) of(ctx context.Context, sale string) (readers json.RawMessage, line string) {
	readers = w.published(ctx)
	status, err := w.known.of(ctx, w.Store, w.Clock.Now(), sale, w.Shard)
	switch {
	case err != nil:
		w.Log.WarnContext(ctx, "read the status for who joins", "sale", sale, "error", err)
	case status.At != 0:
		line = status.Compact()
	}
	return readers, line
}

func (w *Watching) published(ctx context.Context) json.RawMessage {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.Clock.Now()
	if !w.at.IsZero() && now.Sub(w.at) < readersFor {
		return w.readers
	}
	w.at = now // Also of what failed: pages read it themselves then.
	found, err := w.Objects.GetObject(ctx, ReadersObject)
	if err != nil {
		w.Log.WarnContext(ctx, "read the credentials for who joins", "error", err)
	}
	w.readers = nil
	if err == nil && json.Valid(found) {
		w.readers = found
	}
	return w.readers
}
