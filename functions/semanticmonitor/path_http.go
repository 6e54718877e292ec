package semanticmonitor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/burstline/terraform-provider-serverless/functions/internal/probe"
)

// Client makes requests.
type Client interface {
	Do(r *http.Request) (*http.Response, error)
}

// Secrets read what references to secrets lead to.
type Secrets interface {
	Get(ctx context.Context, arn string) (string, error)
}

// maxBody is how much of an answer is read, in bytes.
const maxBody = 1 << 20

// Caller makes a monitor's requests, each marked with the probe's id.
type Caller struct {
	Client  Client
	Secrets Secrets
}

// call makes a request of a probe.
func (c Caller) call(ctx context.Context, h HTTP, p Probe) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, h.Method, Fill(h.URL, p), strings.NewReader(Fill(h.Body, p)))
	if err != nil {
		return answer{}, fmt.Errorf("make the request: %w", err)
	}
	for name, value := range h.Headers {
		r.Header.Set(name, Fill(value, p))
	}
	for name, arn := range h.Secrets {
		value, err := c.Secrets.Get(ctx, arn)
		if err != nil {
			return answer{}, fmt.Errorf("header %s: %w", name, err)
		}
		r.Header.Set(name, value)
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	r.Header.Set(probe.Header, p.ID)
	response, err := c.Client.Do(r)
	if err != nil {
		return answer{}, fmt.Errorf("send the request: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // Nothing was written.
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	return answer{response.StatusCode, body}, nil
}

// Exchange is the path of a request: its answer is the end.
type Exchange struct {
	HTTP
	Caller
}

// Send implements Path. Any answer but the expected one, and none, is a refusal.
func (q *Exchange) Send(ctx context.Context, p Probe) (Seen, error) {
	got, err := q.call(ctx, q.HTTP, p)
	if err != nil {
		return Seen{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if reason := q.Expect.unlike(got, p); reason != "" {
		return Seen{}, fmt.Errorf("%w: %s", ErrRefused, reason)
	}
	return Seen{Out: true}, nil
}

// Look implements Path. There is nothing to look at: whoever sent the probe has ended before there was an answer.
func (q *Exchange) Look(context.Context, Probe) (Seen, error) {
	return Seen{Reason: "the function ended before the answer came"}, nil
}

// Page is a place to look at by a request.
type Page struct {
	HTTP
	Caller
}

// Look looks whether the answer is as expected.
func (l *Page) Look(ctx context.Context, p Probe) (Seen, error) {
	got, err := l.call(ctx, l.HTTP, p)
	if err != nil {
		return Seen{Stage: p.Stage}, err
	}
	reason := l.Expect.unlike(got, p)
	return Seen{Out: reason == "", Stage: p.Stage, Reason: reason}, nil
}
