package pass

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Keys are where a verifier finds the public half of a key.
type Keys interface {
	// Key returns the key of that id, or an error that is ErrUnknownKey.
	Key(ctx context.Context, id string) (*rsa.PublicKey, error)
}

// ErrUnknownKey is a key that is not among those that are published.
var ErrUnknownKey = errors.New("its key is not among those that are published")

const (
	// keysFor is how long fetched keys are used before they are fetched again. A
	// key that was taken out of the document is trusted no longer than that.
	keysFor = 10 * time.Minute
	// keysAgain is the least time between two fetches, whatever ids are asked for.
	keysAgain = 10 * time.Second
	// keysStale is how long old keys serve while the document cannot be read. API
	// Gateway keeps keys as long (API Gateway Developer Guide, "Control access to
	// HTTP APIs with JWT authorizers").
	keysStale = 2 * time.Hour
	// fetchTimeout bounds one fetch.
	fetchTimeout = 5 * time.Second
	// maxDocument is the longest document that is read, in bytes.
	maxDocument = 64 << 10
)

// Fetched are keys that are fetched by URL and kept: at most one fetch in ten
// seconds, whatever tokens come.
type Fetched struct {
	url    string
	client *http.Client
	now    func() time.Time

	mu       sync.Mutex
	keys     map[string]*rsa.PublicKey
	at       time.Time // of the keys
	tried    time.Time
	err      error         // of the last try
	fetching chan struct{} // closed when the fetch under way is over; nil for none
}

// FetchedFrom returns the keys of an issuer. The client is nil for
// http.DefaultClient; a fetch takes five seconds at most.
func FetchedFrom(issuer string, client *http.Client) *Fetched {
	if client == nil {
		client = http.DefaultClient
	}
	return &Fetched{url: issuer + KeysPath, client: client, now: time.Now}
}

// Key implements Keys.
func (f *Fetched) Key(ctx context.Context, id string) (*rsa.PublicKey, error) {
	if id == "" {
		return nil, ErrUnknownKey
	}
	if fetched := f.begin(ctx, id); fetched != nil {
		select {
		case <-fetched:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the keys of passes: %w", context.Cause(ctx))
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keys == nil || f.now().Sub(f.at) > keysStale {
		return nil, fmt.Errorf("read the keys of passes: %w", f.err)
	}
	key, known := f.keys[id]
	if !known {
		return nil, ErrUnknownKey
	}
	return key, nil
}

// begin fetches the keys where that is due, and returns what to wait for; nil
// where what is there will do.
func (f *Fetched) begin(ctx context.Context, id string) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	_, known := f.keys[id]
	if known && now.Sub(f.at) <= keysFor {
		return nil
	}
	if f.fetching == nil && (f.tried.IsZero() || now.Sub(f.tried) >= keysAgain) {
		f.fetching, f.tried = make(chan struct{}), now
		// Others wait for it too: it does not end with the caller who began it.
		go f.renew(context.WithoutCancel(ctx), now)
	}
	if known && f.err != nil && now.Sub(f.at) <= keysStale {
		return nil // The document could not be read a moment ago: do not make everybody wait for it.
	}
	return f.fetching
}

func (f *Fetched) renew(ctx context.Context, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	keys, err := f.fetch(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err = err; err == nil {
		f.keys, f.at = keys, now
	}
	close(f.fetching)
	f.fetching = nil
}

func (f *Fetched) fetch(ctx context.Context) (keys map[string]*rsa.PublicKey, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s gives %s", f.url, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	if err != nil {
		return nil, err
	}
	var set JWKS
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("%s gives no JSON Web Key Set: %w", f.url, err)
	}
	return set.RSA()
}

// Fixed are keys that are known beforehand, by id.
type Fixed map[string]*rsa.PublicKey

// Key implements Keys.
func (f Fixed) Key(_ context.Context, id string) (*rsa.PublicKey, error) {
	if key, known := f[id]; known {
		return key, nil
	}
	return nil, ErrUnknownKey
}
