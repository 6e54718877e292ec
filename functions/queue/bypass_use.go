package queue

import (
	"context"
	"net/http"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// BypassUse is what became of a bypass pass. There is a record of it only once it was used or revoked.
type BypassUse struct {
	Redeemed int64 // When it was used, milliseconds since 1970; 0 where it was not.
	Done     Done  // Purchased or Revoked; else empty.
}

// state is as a fan's.
func (u BypassUse) state() string {
	if u.Done != "" {
		return string(u.Done)
	}
	return fanClaimed
}

// bypassKey is the key of a bypass pass in the fans table. No fan has it: their ids have no slash.
func bypassKey(sale, pass string) string { return FanKey(sale, "pass/"+pass) }

// ReadBypass returns what became of a bypass pass, strongly consistent.
func (s *Store) ReadBypass(ctx context.Context, sale, pass string) (BypassUse, error) {
	item, err := s.get(ctx, s.Tables.Fans, FansKey, bypassKey(sale, pass), true)
	return BypassUse{Redeemed: item["redeemed"].Int(), Done: Done(item["done"].Text())}, err
}

// RedeemBypass notes that a bypass pass was used, and says whether it was the first time. The record may go once the pass is over, at expires, in seconds since 1970.
func (s *Store) RedeemBypass(ctx context.Context, sale, pass string, now, expires int64) (bool, error) {
	return s.update(ctx, s.Tables.Fans, FansKey, bypassKey(sale, pass), "SET #redeemed = :now, #expires = :expires",
		condition{"attribute_not_exists(#redeemed) AND attribute_not_exists(#done)", with(with(dynamodb.Item{}, ":now", now), ":expires", expires)})
}

// EndBypass notes that the bearer of a bypass pass bought, or that it was revoked, and says whether neither was before.
func (s *Store) EndBypass(ctx context.Context, sale, pass string, done Done) (bool, error) {
	return s.update(ctx, s.Tables.Fans, FansKey, bypassKey(sale, pass), "SET #done = :done",
		condition{"attribute_not_exists(#done)", dynamodb.Item{":done": dynamodb.String(string(done))}})
}

// serveBypass does what is asked by a bypass pass. It has no window: that its bearer bought frees none, and it cannot be renewed.
func (s *Service) serveBypass(ctx context.Context, pass Claims, do string) (Response, error) {
	var done bool
	var err error
	switch do {
	case Redeem:
		done, err = s.Store.RedeemBypass(ctx, pass.Sale, pass.ID, ms(s.Clock.Now()), pass.Expires)
	case Release:
		done, err = s.Store.EndBypass(ctx, pass.Sale, pass.ID, Purchased)
	case Renew, Assign:
		return refuse(http.StatusUnprocessableEntity, "bypass", "A bypass pass has no window: it can be redeemed and released."), nil
	default:
		return refuseToDo(), nil
	}
	if err != nil {
		return Response{}, err
	}
	use, err := s.Store.ReadBypass(ctx, pass.Sale, pass.ID)
	if err != nil {
		return Response{}, err
	}
	done = done || do == Release && use.Done == Purchased
	return answered(done, served{Sale: pass.Sale, Fan: pass.Fan, State: use.state(), Until: pass.Expires * 1000}), nil
}
