package queue

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
)

const (
	// placedWithin is how long after joining a fan without a record is believed to be on the way to a place. After it the fan is told to join again: by
	// the same nonce that is the same fan, who has one place whatever became of the first message.
	placedWithin = 2 * time.Minute
	// statusFor is how long a reading of the status is gone by.
	statusFor = 2 * time.Second
)

// Claims are what a pass says. Times are seconds since 1970. Issuer and audience are the signer's to fill in where they are empty.
type Claims struct {
	Issuer    string
	Audience  string
	Fan       string
	ID        string
	IssuedAt  int64
	NotBefore int64
	Expires   int64
	Sale      string
	Window    int
	VIP       bool
}

// Signer makes passes.
type Signer interface {
	Sign(ctx context.Context, claims Claims) (string, error)
}

// TurnStore is where turn reads and writes. Each change is conditional on where the fan stands, and says whether it was made.
type TurnStore interface {
	// ReadFan returns a fan's record, and whether there is one.
	ReadFan(ctx context.Context, sale, id string, consistent bool) (Fan, bool, error)
	// ReadDraw returns a sale's draw, strongly consistent; the zero Draw where there is none.
	ReadDraw(ctx context.Context, sale string) (Draw, error)
	StatusStore
	// MarkSeen notes that a waiting fan was there.
	MarkSeen(ctx context.Context, fan Fan, now int64) (bool, error)
	// Claim takes the window that the fan was called to.
	Claim(ctx context.Context, fan Fan, now, until int64) (bool, error)
	// Renew keeps a claimed window for longer.
	Renew(ctx context.Context, fan Fan, now, until int64) (bool, error)
	// End ends a fan's wait, or frees the window.
	End(ctx context.Context, fan Fan, done Done) (bool, error)
}

// Turn is what a fan asks: where am I, is it my turn, I take it, keep it, I leave.
type Turn struct {
	Sales  *Sales
	Store  TurnStore
	Key    Key
	Passes Signer
	Edge   Signer // Of the edge's passes; nil for none.
	Clock  clock.Clock
	Shard  int // Of the status, which this environment reads.
	// Assigned says that the ticketing service assigns the windows: a fan is called when it has.
	Assigned bool
	Log      *slog.Logger

	known statuses
}

// What a fan can do.
const (
	Look  = "look"
	Claim = "claim"
	Renew = "renew"
	Leave = "leave"
)

type turnRequest struct {
	Ticket string `json:"ticket"`
	Do     string `json:"do"`
}

// The states of a fan, beside those of Done.
const (
	fanWaiting = "waiting" // Without a place where none was given yet.
	fanCalled  = "called"
	fanClaimed = "claimed"
	fanUnknown = "unknown" // Join again.
)

// turned is the answer. Times are milliseconds since 1970.
type turned struct {
	State        string `json:"state"`
	Line         string `json:"line,omitempty"`
	Place        int64  `json:"place,omitempty"`
	Attempt      int    `json:"attempt,omitempty"`
	Ahead        *int64 `json:"ahead,omitempty"`
	Until        int64  `json:"until,omitempty"`
	PurchaseURL  string `json:"purchase_url,omitempty"`
	Token        string `json:"token,omitempty"`
	RenewalsLeft *int   `json:"renewals_left,omitempty"`
	Ask          int64  `json:"ask"` // In how many seconds to ask again.
}

// Handle answers one request. Every outcome is an HTTP status; the error is always nil.
func (t *Turn) Handle(ctx context.Context, request Request) (Response, error) {
	var asked turnRequest
	if refused := request.read(&asked); refused != nil {
		return *refused, nil
	}
	ticket, err := t.Key.OpenTicket(asked.Ticket)
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, "ticket", "This ticket is not valid here."), nil //nolint:nilerr // The refusal says it.
	}
	sale, err := t.Sales.InForce(ctx, ticket.Sale)
	if err != nil {
		return t.unavailable(ctx, err), nil
	}
	switch asked.Do {
	case Look, Claim, Renew, Leave:
	default:
		return refuse(http.StatusBadRequest, "malformed", "There is no such thing to do: it is look, claim, renew or leave."), nil
	}
	answer, err := t.turn(ctx, sale, ticket, asked.Do)
	if err != nil {
		return t.unavailable(ctx, err), nil
	}
	return respond(http.StatusOK, answer), nil
}

func (t *Turn) unavailable(ctx context.Context, cause error) Response {
	t.Log.ErrorContext(ctx, "turn", "error", cause)
	return unavailable(2)
}

// turn does what is asked where the fan stands as it must, and answers by where the fan stands then.
func (t *Turn) turn(ctx context.Context, sale Sale, ticket Ticket, do string) (turned, error) {
	fan, found, err := t.Store.ReadFan(ctx, sale.ID, ticket.Fan, do != Look)
	if err != nil {
		return turned{}, err
	}
	now := ms(t.Clock.Now())
	if !found || fan.Attempt < ticket.Attempt {
		return t.onTheWay(ctx, sale, ticket, now)
	}
	changed, tried := false, false
	switch state := t.state(fan, now); {
	case do == Claim && state == fanCalled:
		tried = true
		changed, err = t.Store.Claim(ctx, fan, now, now+sale.WindowTTL*1000)
	case do == Renew && state == fanClaimed && fan.Renewed < sale.MaxRenewals:
		tried = true
		changed, err = t.Store.Renew(ctx, fan, now, max(fan.Until, now+sale.WindowTTL*1000))
	case do == Leave && (state == fanWaiting || state == fanCalled || state == fanClaimed):
		tried = true
		changed, err = t.Store.End(ctx, fan, Left)
	}
	if err != nil {
		return turned{}, err
	}
	if tried { // Whether or not: somebody else may have been faster.
		if fan, found, err = t.Store.ReadFan(ctx, sale.ID, ticket.Fan, true); err != nil || !found {
			return turned{}, err
		}
		t.Log.DebugContext(ctx, "turn", "do", do, "changed", changed)
	}
	return t.answer(ctx, sale, fan, now)
}

// onTheWay is the answer to a fan who has no record of this attempt.
func (t *Turn) onTheWay(ctx context.Context, sale Sale, ticket Ticket, now int64) (turned, error) {
	waits := turned{State: fanWaiting, Attempt: ticket.Attempt, Ask: AskLeast}
	if now < ticket.Joined+placedWithin.Milliseconds() {
		return waits, nil
	}
	if sale.Draws() && ticket.Joined < sale.OpensAt {
		draw, err := t.Store.ReadDraw(ctx, sale.ID)
		if err != nil {
			return turned{}, err
		}
		if draw.Stage != DrawPlaced || now < sale.OpensAt+placedWithin.Milliseconds() {
			waits.Ask = askUnknown
			return waits, nil
		}
	}
	return turned{State: fanUnknown, Attempt: ticket.Attempt, Ask: AskLeast}, nil
}

// state is where a fan stands.
func (f Fan) state(now int64) string {
	switch {
	case f.Done != "":
		return string(f.Done)
	case f.Called == 0:
		return fanWaiting
	case f.Until < now:
		return string(Expired)
	case f.Claimed == 0:
		return fanCalled
	default:
		return fanClaimed
	}
}

// state is where a fan stands. Who was called waits on where the ticketing service has not said yet where to go. A fan whose place was taken back is told no more
// than one who left.
func (t *Turn) state(fan Fan, now int64) string {
	state := fan.state(now)
	if state == string(Revoked) {
		return string(Left)
	}
	if t.Assigned && state == fanCalled && fan.PurchaseURL == "" {
		return fanWaiting
	}
	return state
}

// answer says where a fan stands. It notes that a fan near the front was there, at most once in half a heartbeat.
func (t *Turn) answer(ctx context.Context, sale Sale, fan Fan, now int64) (turned, error) {
	state := t.state(fan, now)
	answer := turned{State: state, Line: fan.Line, Place: fan.Place, Attempt: fan.Attempt, Ask: AskLeast}
	switch state {
	case fanWaiting:
		status, err := t.known.of(ctx, t.Store, t.Clock.Now(), sale.ID, t.Shard)
		if err != nil {
			return turned{}, err
		}
		at := Place{fan.Line, fan.Place}
		if fan.Line != ProbeLine {
			ahead := status.Ahead(at)
			answer.Ahead, answer.Ask = &ahead, status.AskAt(at)
		}
		if fan.waiting() && sale.Heartbeat > 0 && status.isNear(at) && now-fan.Seen >= sale.Heartbeat*1000/2 {
			if _, err := t.Store.MarkSeen(ctx, fan, now); err != nil {
				return turned{}, err
			}
		}
	case fanCalled:
		answer.Until = fan.Until
	case fanClaimed:
		left := max(0, sale.MaxRenewals-fan.Renewed)
		answer.Until, answer.RenewalsLeft, answer.Ask = fan.Until, &left, askUnknown
		passes, err := signBoth(ctx, t.Passes, t.Edge, Claims{
			Fan: fan.ID, ID: t.Key.PassID(FanKey(fan.Sale, fan.ID), fan.Attempt), Sale: sale.ID, Window: fan.Window,
			IssuedAt: now / 1000, NotBefore: fan.Claimed / 1000, Expires: fan.Until / 1000,
		})
		if err != nil {
			return turned{}, err
		}
		answer.Token = passes.token
		answer.PurchaseURL = passes.purchaseURL(sale, fan)
	default:
		answer.Ask = AskMost
	}
	return answer, nil
}
