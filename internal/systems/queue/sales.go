package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// saleArguments are the arguments of one sale. The resource's own are those of
// the first; the others have them where they give none.
type saleArguments struct {
	opensAt, closesAt                                 timetypes.RFC3339
	purchaseURL                                       types.String
	windows, windowTTL, claimTTL, renewals, heartbeat types.Int64
	rate                                              types.Float64
	paused                                            types.Bool
	preQueue                                          types.Object
}

func (m *Model) first() saleArguments {
	return saleArguments{
		opensAt: m.OpensAt, closesAt: m.ClosesAt, purchaseURL: m.PurchaseURL, windows: m.Windows, windowTTL: m.WindowTTL, claimTTL: m.ClaimTTL,
		renewals: m.MaxRenewals, heartbeat: m.Heartbeat, rate: m.AdmissionRate, paused: m.Paused, preQueue: m.PreQueue,
	}
}

// another is a further sale.
func (a saleArguments) another(o types.Object) saleArguments {
	return saleArguments{
		opensAt:     or(composite.Field[timetypes.RFC3339](o, "opens_at"), a.opensAt),
		closesAt:    or(composite.Field[timetypes.RFC3339](o, "closes_at"), a.closesAt),
		purchaseURL: or(composite.Field[types.String](o, "purchase_url"), a.purchaseURL),
		windows:     or(composite.Field[types.Int64](o, "windows"), a.windows),
		rate:        or(composite.Field[types.Float64](o, "admission_rate"), a.rate),
		windowTTL:   or(composite.Field[types.Int64](o, "window_ttl_seconds"), a.windowTTL),
		claimTTL:    or(composite.Field[types.Int64](o, "claim_ttl_seconds"), a.claimTTL),
		renewals:    or(composite.Field[types.Int64](o, "max_renewals"), a.renewals),
		heartbeat:   or(composite.Field[types.Int64](o, "heartbeat_seconds"), a.heartbeat),
		paused:      composite.Field[types.Bool](o, "paused"),
		preQueue:    composite.Field[types.Object](o, "pre_queue"),
	}
}

// or is the first of two values that is given.
func or[T interface{ IsNull() bool }](value, otherwise T) T {
	if value.IsNull() {
		return otherwise
	}
	return value
}

// decided reports that all of them are known.
func (a saleArguments) decided() bool {
	for _, v := range []interface{ IsUnknown() bool }{
		a.opensAt, a.closesAt, a.purchaseURL, a.windows, a.rate, a.windowTTL, a.claimTTL, a.renewals, a.heartbeat, a.paused, a.preQueue,
		objectOf(a.preQueue, "beacon"),
	} {
		if v.IsUnknown() {
			return false
		}
	}
	return true
}

// sale is what functions know of it.
func (a saleArguments) sale(id, name string) (queue.Sale, error) {
	s := queue.Sale{
		ID: id, Name: name, Windows: int(a.windows.ValueInt64()), Rate: a.rate.ValueFloat64(), WindowTTL: orInt(a.windowTTL, defaultWindowTTL),
		ClaimTTL: orInt(a.claimTTL, defaultClaimTTL), MaxRenewals: int(orInt(a.renewals, defaultRenewals)), Heartbeat: orInt(a.heartbeat, defaultHeartbeat),
		PurchaseURL: a.purchaseURL.ValueString(), Paused: a.paused.ValueBool(),
	}
	var err, closesErr, fromErr error
	s.OpensAt, err = milliseconds("opens_at", a.opensAt)
	s.ClosesAt, closesErr = milliseconds("closes_at", a.closesAt)
	if known(a.preQueue) {
		s.PreQueue = textOf(a.preQueue, "order", queue.Shuffle)
		s.DrawFrom, fromErr = milliseconds("pre_queue.from", composite.Field[timetypes.RFC3339](a.preQueue, "from"))
		if beacon := objectOf(a.preQueue, "beacon"); known(beacon) {
			s.Beacon = &queue.Beacon{
				URL: textOf(beacon, "url", drandURL), Chain: textOf(beacon, "chain", drandChain), RoundAfter: int64(intOf(beacon, "round_after_seconds", defaultRoundAfter)),
			}
		}
	}
	if err := errors.Join(err, closesErr, fromErr); err != nil {
		return s, err
	}
	return s, s.Check()
}

// drand's public network with the shortest rounds (drand documentation, "Quicknet").
const (
	drandURL   = "https://api.drand.sh"
	drandChain = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"
	// defaultRoundAfter leaves the list of the draw time to be public before the round.
	defaultRoundAfter = 60
)

func milliseconds(argument string, at timetypes.RFC3339) (int64, error) {
	if at.IsNull() {
		return 0, nil
	}
	moment, diags := at.ValueRFC3339Time()
	if diags.HasError() {
		return 0, fmt.Errorf("%s: %s", argument, diags[0].Detail())
	}
	return moment.UnixMilli(), nil
}

// sales are all sales: the one that has the system's name, then the others in the
// order of their ids.
func (m *Model) sales(name string) ([]queue.Sale, error) {
	first, err := m.first().sale(name, textOf(m.Site, "title", name))
	if err != nil {
		return nil, err
	}
	all := []queue.Sale{first}
	elements := m.Sales.Elements()
	for _, id := range slices.Sorted(maps.Keys(elements)) {
		o, _ := elements[id].(types.Object)
		sale, err := m.first().another(o).sale(id, textOf(o, "title", id))
		if err != nil {
			return nil, err
		}
		all = append(all, sale)
	}
	return all, nil
}

// sale is a sale's item, and what of it an operator may override while it runs.
func (r *room) sale(s queue.Sale) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("render sale %s: %w", s.ID, err)
	}
	r.Item("sale-"+s.ID, r.salesTable, s.ID, map[string]blueprint.ItemAttribute{queue.ConfigAttribute: blueprint.ItemText(string(text))})
	for _, c := range []struct {
		argument, field string
		configured      string
		moment          bool
	}{
		{"opens_at", "opens_at", blueprint.Time(time.UnixMilli(s.OpensAt)), true},
		{"closes_at", "closes_at", blueprint.Time(time.UnixMilli(s.ClosesAt)), true},
		{"paused", "paused", strconv.FormatBool(s.Paused), false},
		{"windows", "windows", strconv.Itoa(s.Windows), false},
		{"admission_rate", "rate", strconv.FormatFloat(s.Rate, 'f', -1, 64), false},
		{"window_ttl_seconds", "window_ttl", strconv.FormatInt(s.WindowTTL, 10), false},
		{"claim_ttl_seconds", "claim_ttl", strconv.FormatInt(s.ClaimTTL, 10), false},
	} {
		o := blueprint.ControlOptions{
			Table: r.salesTable, Item: s.ID, Within: queue.ControlAttribute, Field: c.field, Configured: c.configured, Moment: c.moment, Clear: "`unset queue " + r.base.Name + "`",
		}
		argument := c.argument
		if s.ID != r.base.Name {
			o.Clear = "`unset queue " + r.base.Name + " --sale " + s.ID + "`"
			o.Path, argument = []string{"sales", s.ID, c.argument}, fmt.Sprintf("sales[%q].%s", s.ID, c.argument)
		}
		r.Control(argument, o)
	}
	return nil
}

// folder is where a sale's page is: the first one's is the root.
func (r *room) folder(sale string) string {
	if sale == r.base.Name {
		return ""
	}
	return sale + "/"
}

// partOf makes a part's key of a sale's page.
func (r *room) partOf(what, sale string) string {
	return strings.Trim(what+"-"+strings.TrimSuffix(r.folder(sale), "/"), "-")
}
