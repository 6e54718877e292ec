package queue

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"log/slog"
	"net/http"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/allowlist"
	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
)

// spreadOver is over how long those who came too early are told to come back after the opening, so that they do not all come at once.
const spreadOver = 5 * time.Second

// Joiner puts one message on the joins queue.
type Joiner interface {
	Send(ctx context.Context, body string) error
}

// Identities know who an organiser's token is about.
type Identities interface {
	// Subject returns who a token is about, or ErrToken.
	Subject(ctx context.Context, token string) (string, error)
}

// ErrToken says that a token is not valid here.
var ErrToken = errors.New("the token is not valid here")

// Join takes fans from a function URL to the joins queue, and gives each a ticket. It reads and writes nothing of the fan's: the id follows from who it is, so that
// somebody who joins again has the same, and one place.
type Join struct {
	Sales    *Sales
	Key      Key
	ProbeKey Key            // nil where there is no monitor.
	Codes    allowlist.List // Of those that may join; nil where no code is asked for.
	Tokens   Identities     // nil where no organiser's token is asked for.
	Queue    Joiner
	Watching *Watching // nil where fans read the status as an object.
	Clock    clock.Clock
	Log      *slog.Logger
}

// joinRequest is what a browser sends.
type joinRequest struct {
	Sale    string `json:"sale"`
	Nonce   string `json:"nonce"`
	Code    string `json:"code"`
	JWT     string `json:"jwt"`
	Attempt int    `json:"attempt"`
	Probe   string `json:"probe"`
	Watch   bool   `json:"watch"` // The page has nothing yet to read the status table with.
}

// joined is the answer to a fan who is on the queue.
type joined struct {
	Ticket string `json:"ticket"`
	Fan    string `json:"fan"`
	Sale   string `json:"sale"`
	State  State  `json:"state"`
	Draw   bool   `json:"draw,omitempty"` // The fan will be drawn.
	Ask    int64  `json:"ask"`            // In how many seconds to ask turn.
	// Readers is what ReadersObject has, and Status the status as Compact writes it, for who asked to watch.
	Readers json.RawMessage `json:"readers,omitempty"`
	Status  string          `json:"status,omitempty"`
}

// Handle answers one request. Every outcome is an HTTP status; the error is always nil.
func (j *Join) Handle(ctx context.Context, request Request) (Response, error) {
	var asked joinRequest
	if refused := request.read(&asked); refused != nil {
		return *refused, nil
	}
	if !validNonce(asked.Nonce) || asked.Attempt < 0 || asked.Attempt >= MaxAttempts || !ValidSale(asked.Sale) {
		return refuse(http.StatusBadRequest, "malformed", "A join has a sale, a nonce of 32 bytes in base64url and an attempt."), nil
	}
	probe := asked.Probe != ""
	if probe && (j.ProbeKey == nil || !equal(asked.Probe, j.ProbeKey.Probe(asked.Sale, asked.Nonce))) {
		return refuse(http.StatusBadRequest, "malformed", "This is no probe of this system."), nil
	}
	sale, err := j.Sales.InForce(ctx, asked.Sale)
	switch {
	case errors.Is(err, ErrNoSale):
		return refuse(http.StatusNotFound, "no_sale", "There is no such sale."), nil
	case err != nil:
		return j.unavailable(ctx, err), nil
	}
	now := ms(j.Clock.Now())
	// Whether all places are drawn does not matter here: who joins now can.
	state := sale.StateAt(Draw{}, now)
	if !probe {
		if response := refuseBy(sale, state, asked.Nonce, now); response != nil {
			return *response, nil
		}
	}
	who := asked.Nonce
	if !probe {
		var refused *Response
		if who, refused = j.who(ctx, asked); refused != nil {
			return *refused, nil
		}
	}
	fan := FanID(sale.ID, who)
	body, err := Message{Sale: sale.ID, Fan: fan, Attempt: asked.Attempt, Probe: probe}.encode()
	if err != nil {
		return j.unavailable(ctx, err), nil
	}
	if err := j.Queue.Send(ctx, body); err != nil {
		return j.unavailable(ctx, err), nil
	}
	answer := joined{
		Ticket: j.Key.Seal(Ticket{Sale: sale.ID, Fan: fan, Joined: now, Attempt: asked.Attempt}),
		Fan:    fan, Sale: sale.ID, State: state, Draw: state == Gathering && sale.Draws(), Ask: AskLeast,
	}
	if asked.Watch && j.Watching != nil {
		answer.Readers, answer.Status = j.Watching.of(ctx, sale.ID)
		return request.compress(respond(http.StatusAccepted, answer)), nil
	}
	return respond(http.StatusAccepted, answer), nil
}

// refuseBy refuses whom the sale's state keeps out. Those who are too early learn when to come, each at another moment after the opening.
func refuseBy(sale Sale, state State, nonce string, now int64) *Response {
	switch state {
	case Closed:
		response := refuse(http.StatusForbidden, "closed", "The sale is closed.")
		return &response
	case Scheduled:
		luck := fnv.New32a()
		_, _ = luck.Write([]byte(nonce)) // A hash writes without error.
		opens := sale.JoinsFrom()
		response := respond(http.StatusForbidden, failure{
			Error: "not_open", Message: "The sale has not opened yet.", OpensAt: opens,
			Wait: opens - now + int64(luck.Sum32())%spreadOver.Milliseconds(),
		})
		return &response
	}
	return nil
}

// who is the person behind a request, who has one place: by the join code, or by the organiser's token, or else by the browser's nonce.
func (j *Join) who(ctx context.Context, asked joinRequest) (string, *Response) {
	refused := func(response Response) (string, *Response) { return "", &response }
	switch {
	case j.Codes != nil:
		if asked.Code == "" || !j.Codes.Has(j.Key.Allowed(asked.Code)) {
			return refused(refuse(http.StatusUnprocessableEntity, "code", "This code is not valid here."))
		}
		return j.Key.Who(asked.Code), nil
	case j.Tokens != nil:
		subject, err := j.Tokens.Subject(ctx, asked.JWT)
		switch {
		case errors.Is(err, ErrToken) || err == nil && subject == "":
			return refused(refuse(http.StatusUnprocessableEntity, "jwt", "Your sign-in is not valid here, or is over."))
		case err != nil:
			return refused(j.unavailable(ctx, err))
		}
		return subject, nil
	default:
		return asked.Nonce, nil
	}
}

func (j *Join) unavailable(ctx context.Context, cause error) Response {
	j.Log.ErrorContext(ctx, "join", "error", cause)
	return unavailable(1)
}
