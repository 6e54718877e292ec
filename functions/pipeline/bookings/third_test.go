package bookings_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// weather is how the third party takes a request.
type weather int

const (
	sunny     weather        = iota
	down                     // 503.
	broken                   // 500, though it took the data.
	hangs                    // No answer, and nothing taken.
	hungUp                   // It took the data and closes the connection without an answer.
	lies                     // 200 with a page of errors, and nothing taken.
	busy                     // 429, and the time to wait.
	declines                 // 422.
	sendsOn                  // A redirection elsewhere.
	echoes                   // 400 with all that was said.
	weathers                 // How many there are.
	denies    = weathers + 1 // 401.
	hourGlass = 90 * time.Second
)

// third is the third party: a real HTTP server, which knows a request by its key.
type third struct {
	*httptest.Server
	mu      sync.Mutex
	of      func() weather
	taken   map[string][]byte // Data by key.
	asked   []*http.Request
	strange int  // Requests where it sends them on to.
	forgets bool // It minds no keys.
}

const secretValue = "Bearer s3cr3t-t0ken-of-the-third-party"

func newThird(t *testing.T) *third {
	t.Helper()
	p := &third{of: func() weather { return sunny }, taken: map[string][]byte{}}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *third) set(how weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of = func() weather { return how }
}

func (p *third) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // The sender gave up.
	}
	p.mu.Lock()
	if r.URL.Path == "/elsewhere" {
		p.strange++
	}
	p.asked = append(p.asked, r)
	how, key := p.of(), r.Header.Get("Idempotency-Key")
	first, known := p.taken[key]
	known = known && bytes.Equal(first, body) && !p.forgets
	if !known && (how == sunny || how == broken || how == hungUp) {
		p.taken[key] = body
	}
	p.mu.Unlock()
	switch how {
	case sunny:
		if known {
			w.WriteHeader(http.StatusConflict)
			return
		}
		w.WriteHeader(http.StatusCreated)
	case down:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprint(w, "back soon")
	case broken:
		w.WriteHeader(http.StatusInternalServerError)
	case hangs:
		<-r.Context().Done()
	case hungUp:
		panic(http.ErrAbortHandler)
	case lies:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, "<h1>Sign in</h1>")
	case busy:
		w.Header().Set("Retry-After", fmt.Sprint(int(hourGlass.Seconds())))
		w.WriteHeader(http.StatusTooManyRequests)
	case declines:
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = fmt.Fprint(w, "no such\x00 audience\n")
	case sendsOn:
		http.Redirect(w, r, "/elsewhere?token=t0psecret", http.StatusTemporaryRedirect)
	case denies:
		w.WriteHeader(http.StatusUnauthorized)
	case echoes:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, r.Header)
	}
}

// has is the data that it has, by key.
func (p *third) has() map[string][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.taken)
}

// headers are those of all requests.
func (p *third) headers() (all []http.Header) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, asked := range p.asked {
		all = append(all, asked.Header)
	}
	return all
}

// elsewhere is how often it was asked where it sends on to.
func (p *third) elsewhere() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.strange
}

func (p *third) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}
