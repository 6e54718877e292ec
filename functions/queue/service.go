package queue

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
)

// ErrPass says that a pass is not valid.
var ErrPass = errors.New("the pass is not valid")

// Verifier reads passes.
type Verifier interface {
	// Verify returns what a pass says, or ErrPass.
	Verify(ctx context.Context, token string) (Claims, error)
}

// ServiceStore is where service reads and writes.
type ServiceStore interface {
	ReadFan(ctx context.Context, sale, id string, consistent bool) (Fan, bool, error)
	Renew(ctx context.Context, fan Fan, now, until int64) (bool, error)
	End(ctx context.Context, fan Fan, done Done) (bool, error)
	// Redeem notes that a fan's pass was used, and says whether it was the first time.
	Redeem(ctx context.Context, fan Fan, now int64) (bool, error)
	// Assign tells a fan who was called where to go, and gives the window until a time.
	Assign(ctx context.Context, fan Fan, purchaseURL string, now, until int64) (bool, error)
	ReadBypass(ctx context.Context, sale, pass string) (BypassUse, error)
	// RedeemBypass notes that a bypass pass was used, and says whether it was the first time.
	RedeemBypass(ctx context.Context, sale, pass string, now, expires int64) (bool, error)
	EndBypass(ctx context.Context, sale, pass string, done Done) (bool, error)
}

// Service is what the ticketing service asks, by a fan's pass: that it be used once, that the window last longer, that it be freed since the fan bought. Signed by
// IAM it names the fan instead, and assigns windows where it does that itself.
type Service struct {
	Sales    *Sales
	Store    ServiceStore
	Key      Key
	Passes   Verifier
	External bool // The ticketing service assigns the windows.
	Clock    clock.Clock
	Log      *slog.Logger
}

// What the ticketing service can do, beside Renew.
const (
	Release = "release" // The fan bought: the window is free.
	Redeem  = "redeem"  // The pass is used, which it can be once.
	Assign  = "assign"  // The fan is to go to a URL.
)

type serviceRequest struct {
	Token       string `json:"token"`
	Do          string `json:"do"`
	Sale        string `json:"sale"`         // These two by IAM, without a token.
	Fan         string `json:"fan"`          //
	PurchaseURL string `json:"purchase_url"` // These two to assign.
	Until       int64  `json:"until"`        // Milliseconds since 1970; 0 for the sale's claim_ttl from now.
}

// served is the answer. Times are milliseconds since 1970.
type served struct {
	Sale  string `json:"sale"`
	Fan   string `json:"fan"`
	State string `json:"state"`
	Until int64  `json:"until,omitempty"`
}

// Handle answers one request. Every outcome is an HTTP status; the error is always nil.
func (s *Service) Handle(ctx context.Context, request Request) (Response, error) {
	var asked serviceRequest
	if refused := request.read(&asked); refused != nil {
		return *refused, nil
	}
	trusted := request.RequestContext.Authorizer.IAM != nil && request.RequestContext.Authorizer.IAM.UserARN != ""
	saleID, fanID, pass := asked.Sale, asked.Fan, Claims{}
	switch {
	case asked.Token != "":
		claims, err := s.Passes.Verify(ctx, asked.Token)
		if errors.Is(err, ErrPass) {
			return refuse(http.StatusForbidden, "token", "This pass is not valid, or not any more."), nil
		}
		if err != nil {
			return s.unavailable(ctx, err), nil
		}
		saleID, fanID, pass = claims.Sale, claims.Fan, claims
	case !trusted:
		return refuse(http.StatusForbidden, "token", "Send the fan's pass."), nil
	}
	sale, err := s.Sales.InForce(ctx, saleID)
	if errors.Is(err, ErrNoSale) {
		return refuse(http.StatusNotFound, "no_sale", "There is no such sale."), nil
	}
	if err != nil {
		return s.unavailable(ctx, err), nil
	}
	response, err := s.about(ctx, sale, fanID, pass, asked, trusted)
	if err != nil {
		return s.unavailable(ctx, err), nil
	}
	return response, nil
}

// about does what is asked about a fan, or about the bearer of a bypass pass.
func (s *Service) about(ctx context.Context, sale Sale, fanID string, pass Claims, asked serviceRequest, trusted bool) (Response, error) {
	if pass.VIP {
		return s.serveBypass(ctx, pass, asked.Do)
	}
	fan, found, err := s.Store.ReadFan(ctx, sale.ID, fanID, true)
	if err != nil {
		return Response{}, err
	}
	if !found || pass.ID != "" && !equal(pass.ID, s.Key.PassID(FanKey(fan.Sale, fan.ID), fan.Attempt)) {
		return refuse(http.StatusNotFound, "no_fan", "There is no such fan, or the pass is of a former place."), nil
	}
	return s.serve(ctx, sale, fan, asked, trusted)
}

func refuseToDo() Response {
	return refuse(http.StatusBadRequest, "malformed", "There is no such thing to do: it is redeem, renew, release or assign.")
}

// answered is the answer to what was done, or a conflict.
func answered(done bool, answer served) Response {
	if done {
		return respond(http.StatusOK, answer)
	}
	return respond(http.StatusConflict, struct {
		failure
		served
	}{failure{Error: "conflict", Message: "The fan is not where that can be done: it was done before, the window ran out, or the pass was revoked."}, answer})
}

func (s *Service) unavailable(ctx context.Context, cause error) Response {
	s.Log.ErrorContext(ctx, "service", "error", cause)
	return unavailable(1)
}

// serve does what is asked. A conflict is the answer where the fan stands elsewhere.
func (s *Service) serve(ctx context.Context, sale Sale, fan Fan, asked serviceRequest, trusted bool) (Response, error) {
	now := ms(s.Clock.Now())
	var done bool
	var err error
	switch asked.Do {
	case Release:
		if done = fan.Done == Purchased; !done && fan.Claimed != 0 {
			done, err = s.Store.End(ctx, fan, Purchased)
		}
	case Redeem:
		if fan.state(now) == fanClaimed {
			done, err = s.Store.Redeem(ctx, fan, now)
		}
	case Renew:
		if fan.state(now) == fanClaimed && fan.Renewed < sale.MaxRenewals {
			done, err = s.Store.Renew(ctx, fan, now, max(fan.Until, now+sale.WindowTTL*1000))
		}
	case Assign:
		to, urlErr := url.Parse(asked.PurchaseURL)
		switch {
		case !trusted || !s.External:
			return refuse(http.StatusForbidden, "assign", "Windows are assigned by the ticketing service only where the queue is made so, and by who is signed in to AWS."), nil
		case urlErr != nil || to.Scheme != "https" || to.Host == "" || asked.Until != 0 && asked.Until <= now:
			return refuse(http.StatusUnprocessableEntity, "assign", "An assignment has a purchase_url by https, and until is ahead."), nil //nolint:nilerr // The refusal says it.
		}
		until := asked.Until
		if until == 0 {
			until = now + sale.ClaimTTL*1000
		}
		if fan.state(now) == fanCalled {
			done, err = s.Store.Assign(ctx, fan, asked.PurchaseURL, now, until)
		}
	default:
		return refuseToDo(), nil
	}
	if err != nil {
		return Response{}, err
	}
	after, found, err := s.Store.ReadFan(ctx, sale.ID, fan.ID, true)
	if err != nil || !found {
		return Response{}, errors.Join(err, errAgain)
	}
	return answered(done, served{Sale: sale.ID, Fan: fan.ID, State: after.state(now), Until: after.Until}), nil
}
