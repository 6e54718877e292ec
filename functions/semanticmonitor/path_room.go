package semanticmonitor

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/probe"
)

// Waiting is the path through a waiting room. A probe joins with its mark, gets a place in a line of its own, is called, and takes no window.
type Waiting struct {
	Room
	Caller
	Within time.Duration // How old a published status may be while the sale goes on.
	Clock  clock.Clock
}

// Stages of a fan.
const (
	stageJoined = "joined"
	stagePlaced = "placed"
	stageCalled = "called"
)

// Send implements Path: it joins. An answer that a fan would try again after is no refusal.
func (w *Waiting) Send(ctx context.Context, p Probe) (Seen, error) {
	nonce := sha256.Sum256([]byte(p.ID)) // The id is secret enough, and whoever joins again with it is the same fan.
	who := base64.RawURLEncoding.EncodeToString(nonce[:])
	text, err := w.Secrets.Get(ctx, w.ProbeKey)
	if err != nil {
		return Seen{}, fmt.Errorf("read the key of probes: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return Seen{}, fmt.Errorf("read the key of probes: %w", err)
	}
	var joined struct{ Ticket, Error string }
	status, err := w.ask(ctx, w.Join, p, map[string]string{"sale": w.Sale, "nonce": who, "probe": probe.Code(key, w.Sale, who)}, &joined)
	switch {
	case err != nil:
		return Seen{}, fmt.Errorf("join: %w", err)
	case status == http.StatusAccepted && joined.Ticket != "":
		return Seen{Stage: stageJoined, Ticket: joined.Ticket}, nil
	case status >= http.StatusInternalServerError || status == http.StatusTooManyRequests:
		return Seen{}, fmt.Errorf("join: the status is %d", status)
	default:
		return Seen{}, fmt.Errorf("%w: join: the status is %d %s", ErrRefused, status, joined.Error)
	}
}

// Look implements Path: it asks whether the fan was called. A fan whom nobody knows joins again, as the page does.
func (w *Waiting) Look(ctx context.Context, p Probe) (Seen, error) {
	if p.Ticket == "" {
		return w.Send(ctx, p)
	}
	seen := Seen{Stage: p.Stage, Ticket: p.Ticket}
	var turned struct {
		State string
		Place int64
	}
	status, err := w.ask(ctx, w.Turn, p, map[string]string{"ticket": p.Ticket, "do": "look"}, &turned)
	if err != nil {
		return seen, fmt.Errorf("turn: %w", err)
	}
	if status != http.StatusOK {
		seen.Reason = fmt.Sprintf("turn: the status is %d", status)
		return seen, nil
	}
	switch turned.State {
	case "called", "expired": // Of a probe that was looked at late: it was called.
		seen.Stage = stageCalled
	case "unknown":
		seen.Stage, seen.Ticket, seen.Reason = "", "", "the waiting room does not know the probe"
		return seen, nil
	case "waiting":
		if turned.Place > 0 {
			seen.Stage = stagePlaced
		}
		seen.Reason = "the probe waits"
		return seen, nil
	default:
		seen.Reason = "turn: the state is " + turned.State
		return seen, nil
	}
	seen.Reason, err = w.statusLacks(ctx, p)
	seen.Out = err == nil && seen.Reason == ""
	return seen, err
}

// statusLacks says what is wrong with the published status; empty for nothing.
func (w *Waiting) statusLacks(ctx context.Context, p Probe) (string, error) {
	if w.Status == "" {
		return "", nil
	}
	got, err := w.call(ctx, HTTP{Method: http.MethodGet, URL: w.Status}, p)
	if err != nil {
		return "", fmt.Errorf("status: %w", err)
	}
	var published struct {
		Sale, State string
		At          int64
	}
	if got.status != http.StatusOK {
		return fmt.Sprintf("status: the status is %d", got.status), nil
	}
	if err := json.Unmarshal(got.body, &published); err != nil {
		return "", fmt.Errorf("status: %w", err)
	}
	switch {
	case published.Sale != w.Sale:
		return "status: it is none of the sale " + w.Sale, nil
	case published.State == "scheduled" || published.State == "closed": // It is published only where it changes.
		return "", nil
	case w.Clock.Now().Sub(time.UnixMilli(published.At)) > w.Within:
		return "status: it is older than a probe may take", nil
	}
	return "", nil
}

// ask posts to a door, which takes JSON as text so that browsers need no preflight.
func (w *Waiting) ask(ctx context.Context, url string, p Probe, request, into any) (status int, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return 0, err
	}
	got, err := w.call(ctx, HTTP{Method: http.MethodPost, URL: url, Body: string(body), Headers: map[string]string{"Content-Type": "text/plain"}}, p)
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(got.body, into); err != nil && got.status < http.StatusMultipleChoices {
		return got.status, fmt.Errorf("read the answer: %w", err)
	}
	return got.status, nil
}
