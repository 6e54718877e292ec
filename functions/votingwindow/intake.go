package votingwindow

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
)

// Sender puts one message on the votes queue and returns its id.
type Sender interface {
	Send(ctx context.Context, body string) (id string, err error)
}

// Intake takes votes from a Lambda function URL to the queue. What it acknowledges with 202, SQS has accepted.
type Intake struct {
	Rules *Rules
	Queue Sender
	Clock Clock
	Log   *slog.Logger
}

// accepted is the answer to a vote that is on the queue.
type accepted struct {
	ID   string `json:"id"`
	Late bool   `json:"late,omitempty"`
}

// refusal is the answer to everything else.
type refusal struct {
	Error   string `json:"error"`
	Message string `json:"message"`
	OpensAt string `json:"opens_at,omitempty"`
}

// Handle answers one request. Every outcome is an HTTP status; the error is always nil, since a function's error would
// tell the voter nothing but 502.
func (i *Intake) Handle(ctx context.Context, request events.LambdaFunctionURLRequest) (events.LambdaFunctionURLResponse, error) {
	if request.RequestContext.HTTP.Method != http.MethodPost {
		response := refuse(http.StatusMethodNotAllowed, "method", "Send your vote with POST.")
		response.Headers["Allow"] = http.MethodPost
		return response, nil
	}
	body, refused := requestBody(request)
	if refused != nil {
		return *refused, nil
	}
	vote, err := DecodeVote(body)
	if err != nil {
		return refuse(http.StatusBadRequest, string(ReasonMalformed), `A vote is a JSON object of "voter" and "answer", both strings.`), nil //nolint:nilerr // told to the voter
	}
	switch i.Rules.Check(vote) {
	case ReasonVoter:
		return refuse(http.StatusUnprocessableEntity, string(ReasonVoter), "This identifier is not valid here."), nil
	case ReasonAnswer:
		return refuse(http.StatusUnprocessableEntity, string(ReasonAnswer), "This is not one of the answers."), nil
	}
	now := i.Clock.Now()
	if now.Before(i.Rules.OpensAt) {
		return respond(http.StatusForbidden, refusal{
			Error: "not_open", Message: "Voting has not opened yet.", OpensAt: clockText(i.Rules.OpensAt),
		}), nil
	}
	if !now.Before(i.Rules.graceEnds()) {
		return refuse(http.StatusForbidden, "closed", "Voting is closed."), nil
	}
	message, err := vote.encode()
	if err == nil {
		var id string
		if id, err = i.Queue.Send(ctx, message); err == nil {
			return respond(http.StatusAccepted, accepted{ID: id, Late: !now.Before(i.Rules.ClosesAt)}), nil
		}
	}
	i.Log.ErrorContext(ctx, "take a vote", "error", err)
	response := refuse(http.StatusServiceUnavailable, "unavailable", "Your vote was not taken. Send it again.")
	response.Headers["Retry-After"] = "1"
	return response, nil
}

// requestBody is the request's body in bytes, or the refusal to take it.
func requestBody(request events.LambdaFunctionURLRequest) ([]byte, *events.LambdaFunctionURLResponse) {
	tooLarge := func() *events.LambdaFunctionURLResponse {
		response := refuse(http.StatusRequestEntityTooLarge, "too_large", "A vote has at most 2 KiB.")
		return &response
	}
	body := []byte(request.Body)
	if request.IsBase64Encoded {
		if base64.StdEncoding.DecodedLen(len(body)) > MaxVoteBytes+2 { // The length counts padding as bytes, of which there are at most two.
			return nil, tooLarge()
		}
		decoded, err := base64.StdEncoding.DecodeString(request.Body)
		if err != nil {
			response := refuse(http.StatusBadRequest, string(ReasonMalformed), "The body is not the base64 that it says it is.")
			return nil, &response
		}
		body = decoded
	}
	if len(body) > MaxVoteBytes {
		return nil, tooLarge()
	}
	return body, nil
}

func refuse(status int, code, message string) events.LambdaFunctionURLResponse {
	return respond(status, refusal{Error: code, Message: message})
}

func respond(status int, answer any) events.LambdaFunctionURLResponse {
	body, err := json.Marshal(answer)
	if err != nil { // Not with these two types.
		status, body = http.StatusInternalServerError, fmt.Appendf(nil, `{"error":"internal","message":%q}`, err.Error())
	}
	return events.LambdaFunctionURLResponse{
		StatusCode: status,
		Headers:    map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"},
		Body:       string(body),
	}
}
