package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
)

// RevokeRequest is the event: `{"sale":"gig","fan":"2hX0…","by":"arn…"}`, or `pass` instead of `fan`.
type RevokeRequest struct {
	Sale string `json:"sale"`
	Fan  string `json:"fan,omitempty"`  // The fan's id: the subject of a pass.
	Pass string `json:"pass,omitempty"` // The id of a bypass pass.
	By   string `json:"by"`             // Who asks for it: an ARN.
}

// Revocation is the answer.
type Revocation struct {
	Sale string `json:"sale"`
	Fan  string `json:"fan,omitempty"`
	Pass string `json:"pass,omitempty"`
	// Was is where the fan stood; of a bypass pass, claimed where it was good.
	Was string `json:"was"`
	// Revoked is false where there was nothing to take back: the fan had left, was passed over, or the window had run out.
	Revoked bool `json:"revoked"`
	// Until is until when, RFC 3339, the fan's passes are good where the service is not asked; empty where there are none. That of a bypass pass nobody keeps.
	Until string `json:"until,omitempty"`
}

// revokeTries bounds how often a fan is read anew who moved on at the same moment.
const revokeTries = 3

// ids are those of fans and of passes: 16 bytes in base64url.
var ids = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)

// RevokerStore is where revoke reads and writes.
type RevokerStore interface {
	ReadFan(ctx context.Context, sale, id string, consistent bool) (Fan, bool, error)
	End(ctx context.Context, fan Fan, done Done) (bool, error)
	ReadBypass(ctx context.Context, sale, pass string) (BypassUse, error)
	EndBypass(ctx context.Context, sale, pass string, done Done) (bool, error)
}

// Revoker takes back a fan's place, window and passes, or a bypass pass: the window is free, and service refuses the passes. Who checks passes by their signature alone
// takes them until they are over.
type Revoker struct {
	Sales *Sales
	Store RevokerStore
	Clock clock.Clock
	Log   *slog.Logger
}

// Handle takes back what a request names.
func (r *Revoker) Handle(ctx context.Context, request RevokeRequest) (Revocation, error) {
	if request.By == "" || len(request.By) > maxByBytes {
		return Revocation{}, fmt.Errorf("by must be the ARN of who asks for it, of at most %d bytes", maxByBytes)
	}
	if id := request.Fan + request.Pass; (request.Fan == "") == (request.Pass == "") || !ids.MatchString(id) {
		return Revocation{}, errors.New("name a fan or a bypass pass by its id of 22 letters, digits, dashes and underscores: the claim sub of the fan's pass, or jti of the bypass pass")
	}
	sale, err := r.Sales.InForce(ctx, request.Sale)
	if err != nil {
		return Revocation{}, fmt.Errorf("sale %q: %w", request.Sale, err)
	}
	answer := Revocation{Sale: sale.ID, Fan: request.Fan, Pass: request.Pass}
	revoke := r.fan
	if request.Pass != "" {
		revoke = r.bypass
	}
	if err := revoke(ctx, &answer); err != nil {
		return Revocation{}, err
	}
	r.Log.InfoContext(ctx, "revoke", "sale", sale.ID, "fan", answer.Fan, "pass", answer.Pass, "was", answer.Was, "revoked", answer.Revoked, "by", request.By)
	return answer, nil
}

func (r *Revoker) fan(ctx context.Context, answer *Revocation) error {
	for range revokeTries {
		fan, found, err := r.Store.ReadFan(ctx, answer.Sale, answer.Fan, true)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("sale %q has no fan %s", answer.Sale, answer.Fan)
		}
		now := ms(r.Clock.Now())
		if fan.Claimed != 0 && fan.Until > now {
			answer.Until = clockText(fan.Until)
		}
		switch answer.Was = fan.state(now); answer.Was {
		case string(Purchased):
			return fmt.Errorf("fan %s has bought: that is for the ticketing service to take back", answer.Fan)
		case fanWaiting, fanCalled, fanClaimed:
		default:
			return nil
		}
		if answer.Revoked, err = r.Store.End(ctx, fan, Revoked); err != nil || answer.Revoked {
			return err
		}
	}
	return fmt.Errorf("fan %s moves on at the same moment: try again", answer.Fan)
}

func (r *Revoker) bypass(ctx context.Context, answer *Revocation) (err error) {
	if answer.Revoked, err = r.Store.EndBypass(ctx, answer.Sale, answer.Pass, Revoked); err != nil {
		return err
	}
	if answer.Was = fanClaimed; answer.Revoked {
		return nil
	}
	use, err := r.Store.ReadBypass(ctx, answer.Sale, answer.Pass)
	if err != nil {
		return err
	}
	if use.Done == Purchased {
		return fmt.Errorf("the bearer of bypass pass %s has bought: that is for the ticketing service to take back", answer.Pass)
	}
	answer.Was = use.state()
	return nil
}
