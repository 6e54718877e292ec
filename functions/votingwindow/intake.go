package votingwindow

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
)

// Sender puts one message on the votes queue and returns its id.
type Sender interface {
	Send(ctx context.Context, body string) (id string, err error)
}

// Intake takes votes from a Lambda function URL or an HTTP API to the queue. What it acknowledges with 202, SQS has accepted. It does not know
// the allow list: whoever guesses identifiers learns nothing from it.
type Intake struct {
	Rules *Rules
	// InForce is asked only when a vote is about to be refused as closed, or told to be late.
	InForce    *Clocked
	VoterClaim string // The claim of the JWT that names the voter; empty where the body does.
	Queue      Sender
	Clock      clock.Clock
	Log        *slog.Logger
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

// IntakeRequest is a request of a function URL or an HTTP API, which share its form (API Gateway Developer Guide, "Create AWS Lambda proxy
// integrations for HTTP APIs", payload format version 2.0). It has what intake looks at.
type IntakeRequest struct {
	Body            string `json:"body"`
	IsBase64Encoded bool   `json:"isBase64Encoded"`
	RequestContext  struct {
		HTTP struct {
			Method   string `json:"method"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
		Authorizer struct {
			JWT struct {
				Claims map[string]any `json:"claims"`
			} `json:"jwt"`
		} `json:"authorizer"`
	} `json:"requestContext"`
}

// Handle answers one request. Every outcome is an HTTP status; the error is always nil, since a function's error would
// tell the voter nothing but 502.
func (i *Intake) Handle(ctx context.Context, request IntakeRequest) (events.LambdaFunctionURLResponse, error) {
	if request.RequestContext.HTTP.Method != http.MethodPost {
		response := refuse(http.StatusMethodNotAllowed, "method", "Send your vote with POST.")
		response.Headers["Allow"] = http.MethodPost
		return response, nil
	}
	body, refused := requestBody(request)
	if refused != nil {
		return *refused, nil
	}
	vote, refused := i.vote(request, body)
	if refused != nil {
		return *refused, nil
	}
	now := i.Clock.Now()
	switch early := now.Before(i.Rules.OpensAt); {
	case early && !vote.Rehearsal:
		return respond(http.StatusForbidden, refusal{
			Error: "not_open", Message: "Voting has not opened yet.", OpensAt: clockText(i.Rules.OpensAt),
		}), nil
	case !early && vote.Rehearsal:
		return refuse(http.StatusForbidden, "closed", "The rehearsal is over."), nil
	}
	window := i.Rules.Window
	if !now.Before(window.ClosesAt) {
		var err error
		if window, err = i.InForce.InForce(ctx); err != nil {
			return i.unavailable(ctx, err), nil
		}
	}
	if !now.Before(window.graceEnds()) {
		return refuse(http.StatusForbidden, "closed", "Voting is closed."), nil
	}
	message, err := vote.encode()
	if err != nil {
		return i.unavailable(ctx, err), nil
	}
	id, err := i.Queue.Send(ctx, message)
	if err != nil {
		return i.unavailable(ctx, err), nil
	}
	return respond(http.StatusAccepted, accepted{ID: id, Late: !now.Before(window.ClosesAt)}), nil
}

// vote is the message that a request asks for, or the refusal to send it.
func (i *Intake) vote(request IntakeRequest, body []byte) (Vote, *events.LambdaFunctionURLResponse) {
	source, form := FromVoter, `A vote is a JSON object of "voter" and "answer", both strings.`
	if i.VoterClaim != "" {
		source, form = FromToken, `A vote is a JSON object with "answer", a string, and no "voter": your token says who you are.`
	}
	vote, err := DecodeVote(body, source)
	if err != nil {
		response := refuse(http.StatusBadRequest, string(ReasonMalformed), form)
		return vote, &response
	}
	if i.VoterClaim != "" {
		// The authorizer has checked the token. A claim that is no text is no identifier.
		vote.Voter, _ = request.RequestContext.Authorizer.JWT.Claims[i.VoterClaim].(string)
	}
	// Named in the message, so that it does not depend on the questions that the window has when it is recorded.
	vote = i.Rules.resolve(vote)
	if reason := i.Rules.Check(vote); reason != "" {
		response := refuse(http.StatusUnprocessableEntity, string(reason), map[Reason]string{
			ReasonVoter:    "This identifier is not valid here.",
			ReasonQuestion: "This is not one of the questions.",
			ReasonAnswer:   "This is not one of the answers.",
			ReasonTicket:   "The ticket is missing or does not belong to this identifier.",
		}[reason])
		return vote, &response
	}
	vote.Address = request.RequestContext.HTTP.SourceIP
	return vote, nil
}

func (i *Intake) unavailable(ctx context.Context, cause error) events.LambdaFunctionURLResponse {
	i.Log.ErrorContext(ctx, "take a vote", "error", cause)
	response := refuse(http.StatusServiceUnavailable, "unavailable", "Your vote was not taken. Send it again.")
	response.Headers["Retry-After"] = "1"
	return response
}

// requestBody is the request's body in bytes, or the refusal to take it.
func requestBody(request IntakeRequest) ([]byte, *events.LambdaFunctionURLResponse) {
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
