package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Limits of a sale.
const (
	// MaxSaleBytes bounds a sale's id, in bytes.
	MaxSaleBytes = 31
	// MaxWindows bounds the windows of a sale. Each call is a transaction, and the keeper reads all windows in each round.
	MaxWindows = 10_000
	// MinTTL and MaxTTL bound how long a window is held, unclaimed or claimed, in seconds.
	MinTTL, MaxTTL = 10, 24 * 60 * 60
	// MinHeartbeat is the shortest heartbeat, in seconds: a fan near the front is asked for one at least twice within it.
	MinHeartbeat = 20
)

// The values of Sale.PreQueue: what becomes of fans who join between draw_from and opens_at.
const (
	Shuffle = "shuffle" // They are drawn. Also the meaning of "".
	FIFO    = "fifo"    // They are served in the order in which they came.
)

// State is where a sale is on its way.
type State string

// The states, in their order. A sale goes back and forth between Open and Paused.
const (
	Scheduled State = "scheduled" // Nobody can join yet.
	Gathering State = "gathering" // Fans join before the opening.
	Drawing   State = "drawing"   // It is open to join, and the places of those who gathered are being drawn: nobody is called.
	Open      State = "open"
	Paused    State = "paused" // Fans join, claim and renew as always, and nobody is called.
	Closed    State = "closed" // Nobody joins and nobody is called. Windows that are open run to their end.
)

// Sale is what fans wait for, as the provider configures it. All times are milliseconds since 1970, by the servers' clocks.
type Sale struct {
	ID       string `json:"-"`
	Name     string `json:"name,omitempty"`
	OpensAt  int64  `json:"opens_at"`
	ClosesAt int64  `json:"closes_at,omitempty"` // 0 for never.
	DrawFrom int64  `json:"draw_from,omitempty"` // When the pre-queue opens; 0 where there is none.
	PreQueue string `json:"pre_queue,omitempty"` // Shuffle or FIFO.
	Windows  int    `json:"windows"`
	// Rate is how many fans are called a second at most, with bursts of one second's worth and one; 0 for as many as there are windows free.
	Rate        float64 `json:"rate,omitempty"`
	WindowTTL   int64   `json:"window_ttl"`          // Seconds from the claim until the window is free again.
	ClaimTTL    int64   `json:"claim_ttl"`           // Seconds from the call within which it must be claimed.
	Heartbeat   int64   `json:"heartbeat,omitempty"` // Seconds within which a fan near the front must have been seen; 0 where nobody is asked.
	PurchaseURL string  `json:"purchase_url"`        // `{token}` in it is replaced, or `token` added as a query parameter.
	Beacon      *Beacon `json:"beacon,omitempty"`    // The public source of randomness for the draw; nil for none.
	MaxRenewals int     `json:"max_renewals,omitempty"`
	Paused      bool    `json:"paused,omitempty"`
	State       State   `json:"state,omitempty"` // Open or Closed whatever the times say; empty to go by them.
}

// Beacon names a chain of drand (drand documentation, "HTTP API").
type Beacon struct {
	URL        string `json:"url"`                   // `https://api.drand.sh`.
	Chain      string `json:"chain"`                 // The chain's hash, in hex.
	RoundAfter int64  `json:"round_after,omitempty"` // The round is the first at least so many seconds after the opening.
}

// Override is a value that an operator set while a sale runs. It holds only while the configured value is the one that it was set
// against: an apply that changes the argument wins, one that does not never reverts the operator.
type Override[T comparable] struct {
	To T `json:"to"`
	Of T `json:"of"`
}

// holds says whether an override is in force against what is configured.
func (o *Override[T]) holds(configured T) bool { return o != nil && o.Of == configured }

func (o *Override[T]) over(configured *T) {
	if o.holds(*configured) {
		*configured = o.To
	}
}

// Control is what operators changed while a sale runs.
type Control struct {
	Paused    *Override[bool]    `json:"paused,omitempty"`
	Rate      *Override[float64] `json:"rate,omitempty"`
	Windows   *Override[int]     `json:"windows,omitempty"`
	WindowTTL *Override[int64]   `json:"window_ttl,omitempty"`
	ClaimTTL  *Override[int64]   `json:"claim_ttl,omitempty"`
	OpensAt   *Override[int64]   `json:"opens_at,omitempty"`
	ClosesAt  *Override[int64]   `json:"closes_at,omitempty"`
	By        string             `json:"by,omitempty"` // Who changed it last: an ARN.
	At        int64              `json:"at,omitempty"` // When.
}

// Effective is the sale with what operators changed. Where an apply has moved the opening or the closing since, so that an operator's would fall behind the other, the
// opening is left as configured, or else the closing; all else that operators changed holds.
func (s Sale) Effective(control Control) Sale {
	first, last, neither := control, control, control
	first.ClosesAt, last.OpensAt = nil, nil
	neither.OpensAt, neither.ClosesAt = nil, nil
	for _, possible := range []Control{control, last, first, neither} {
		changed := s
		possible.apply(&changed)
		if changed.Check() == nil {
			return changed
		}
	}
	return s
}

func (c Control) apply(s *Sale) {
	c.Paused.over(&s.Paused)
	c.Rate.over(&s.Rate)
	c.Windows.over(&s.Windows)
	c.WindowTTL.over(&s.WindowTTL)
	c.ClaimTTL.over(&s.ClaimTTL)
	c.OpensAt.over(&s.OpensAt)
	c.ClosesAt.over(&s.ClosesAt)
}

// StateAt is the sale's state at a time in milliseconds since 1970, given how far its draw is.
func (s Sale) StateAt(draw Draw, now int64) State {
	early := now < s.OpensAt && s.State != Open
	switch {
	case s.State == Closed || s.ClosesAt != 0 && now >= s.ClosesAt && s.State != Open:
		return Closed
	case early && s.DrawFrom != 0 && now >= s.DrawFrom:
		return Gathering
	case early:
		return Scheduled
	case s.Draws() && draw.Stage != DrawPlaced:
		return Drawing
	case s.Paused:
		return Paused
	default:
		return Open
	}
}

// Draws says whether the sale's pre-queue is drawn.
func (s Sale) Draws() bool { return s.DrawFrom != 0 && s.PreQueue != FIFO }

// JoinsFrom is the first moment at which fans can join.
func (s Sale) JoinsFrom() int64 {
	if s.DrawFrom != 0 {
		return min(s.DrawFrom, s.OpensAt)
	}
	return s.OpensAt
}

// Check says all that is wrong with a sale's configuration.
func (s Sale) Check() error {
	var faults []error
	fault := func(wrong bool, format string, values ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, values...))
		}
	}
	fault(!ValidSale(s.ID), "the id %q is not 1 to %d lower-case letters, digits and dashes that begin with a letter or digit", s.ID, MaxSaleBytes)
	fault(s.ClosesAt != 0 && s.ClosesAt <= s.OpensAt, "it closes at %s, not after it opens at %s", clockText(s.ClosesAt), clockText(s.OpensAt))
	fault(s.DrawFrom != 0 && s.DrawFrom >= s.OpensAt, "its pre-queue opens at %s, not before the sale, at %s", clockText(s.DrawFrom), clockText(s.OpensAt))
	fault(s.PreQueue != "" && s.PreQueue != Shuffle && s.PreQueue != FIFO, "pre_queue is %q; it is %s or %s", s.PreQueue, Shuffle, FIFO)
	fault(s.Windows < 0 || s.Windows > MaxWindows, "windows are %d; they are 0 to %d", s.Windows, MaxWindows)
	fault(!(s.Rate >= 0 && s.Rate <= MaxWindows), "rate is %g; it is 0 to %d a second", s.Rate, MaxWindows)
	fault(s.WindowTTL < MinTTL || s.WindowTTL > MaxTTL, "window_ttl is %d s; it is %d to %d", s.WindowTTL, MinTTL, MaxTTL)
	fault(s.ClaimTTL < MinTTL || s.ClaimTTL > MaxTTL, "claim_ttl is %d s; it is %d to %d", s.ClaimTTL, MinTTL, MaxTTL)
	fault(s.Heartbeat != 0 && (s.Heartbeat < MinHeartbeat || s.Heartbeat > MaxTTL), "heartbeat is %d s; it is 0 or %d to %d", s.Heartbeat, MinHeartbeat, MaxTTL)
	fault(s.MaxRenewals < 0, "max_renewals is %d; it is at least 0", s.MaxRenewals)
	fault(s.State != "" && s.State != Open && s.State != Closed, "state is %q; it is %s or %s", s.State, Open, Closed)
	purchase, err := url.Parse(s.PurchaseURL)
	fault(err != nil || purchase.Scheme != "https" || purchase.Host == "", "purchase_url %q is no https URL", s.PurchaseURL)
	if s.Beacon != nil {
		beacon, err := url.Parse(s.Beacon.URL)
		fault(err != nil || beacon.Host == "" || s.Beacon.Chain == "" || s.Beacon.RoundAfter < 0, "the beacon needs the URL of its API, the hash of its chain, and a round_after of at least 0 s")
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("sale %s: %w", s.ID, err)
	}
	return nil
}

// ValidSale says whether a text is a sale's id.
func ValidSale(id string) bool {
	return id != "" && len(id) <= MaxSaleBytes && id[0] != '-' && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// ReadSale reads a sale's item: its configuration, and what operators changed, which is passed over where it cannot be read.
func ReadSale(id, config, control string) (Sale, Control, error) {
	sale := Sale{ID: id}
	if err := json.Unmarshal([]byte(config), &sale); err != nil {
		return Sale{}, Control{}, fmt.Errorf("read the configuration of sale %s: %w", id, err)
	}
	if err := sale.Check(); err != nil {
		return Sale{}, Control{}, err
	}
	var changed Control
	if control != "" && json.Unmarshal([]byte(control), &changed) != nil {
		changed = Control{}
	}
	return sale, changed, nil
}

// clockText writes milliseconds since 1970 as RFC 3339 in UTC.
func clockText(at int64) string { return time.UnixMilli(at).UTC().Format(time.RFC3339Nano) }
