package preflight

import (
	"cmp"
	"maps"
	"slices"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// How a figure is known.
const (
	// Metered is what a count of the calls to AWS shows too.
	Metered = "metered"
	// Modelled is what no call shows, computed from stated sizes, durations and
	// times.
	Modelled = "modelled"
)

// Periods that a line is for.
const (
	Month = "month"
	Event = "event"
)

// Line is one line of an estimate.
type Line struct {
	Dimension
	// Period is Month for what comes in every month, Event for what comes with
	// each event.
	Period string
	// Part is the key of the part it is for.
	Part string
	// Why says what it comes from: "1 sqs:SendMessage for each vote".
	Why string
	// Quantity is in units of the dimension, named by Unit; UnitPrice is the
	// price of one, Amount their product, in the list's currency.
	Quantity, UnitPrice, Amount float64
	Unit                        string
	// Basis is Metered or Modelled.
	Basis string
	// FreePerMonth is what the account has free, in units; it is not deducted.
	FreePerMonth float64
}

// Estimate is what a system costs, in the price list's currency.
type Estimate struct {
	Date, Currency string
	// Region is the one whose prices were used.
	Region string
	// Idle is what a month without any event costs.
	Idle float64
	// Load is what the events cost; nil where no load is given.
	Load *LoadCost
	// Lines are in the order of period, service, dimension and part.
	Lines []Line
}

// LoadCost is what the expected load costs.
type LoadCost struct {
	// Unit names what an event is made of, in the singular.
	Unit string
	// PerEvent is the cost of one event, PerMillion of one million units at the
	// event's own mix, PerMonth of a month with its events, idle included.
	PerEvent, PerMillion, PerMonth float64
	// EventsPerMonth is how many events PerMonth has.
	EventsPerMonth float64
}

// Cost computes what a blueprint costs with the load that it was given. It is
// pure.
func Cost(b *blueprint.Blueprint, prices *Prices, region string) Estimate {
	e := &estimator{blue: b, prices: prices, region: region, lines: map[lineKey]*Line{}}
	for _, p := range b.Parts {
		if s, ok := p.Spec.(blueprint.Standing); ok {
			for _, o := range s.Standing() {
				o.Part = p.Key
				e.add(Month, blueprint.Load{Count: 1}, o)
			}
		}
	}
	for _, u := range b.PerMonth {
		e.use(Month, u)
	}
	if b.Event != nil {
		for _, u := range b.PerEvent {
			e.use(Event, u)
		}
	}
	return e.estimate()
}

// ByService sums a month up by service: with its events where a load is given,
// idle otherwise.
func (e Estimate) ByService() map[string]float64 {
	out := map[string]float64{}
	for _, l := range e.Lines {
		times := 1.0
		if l.Period == Event {
			times = e.Load.EventsPerMonth
		}
		out[l.Service] += times * l.Amount
	}
	return out
}

type lineKey struct {
	period, part, why string
	Dimension
}

type estimator struct {
	blue   *blueprint.Blueprint
	prices *Prices
	region string
	lines  map[lineKey]*Line
}

func (e *estimator) use(period string, u blueprint.Usage) {
	for _, o := range u.Operations {
		e.add(period, u.Load, o)
	}
}

func (e *estimator) add(period string, l blueprint.Load, o blueprint.Operation) {
	var spec blueprint.Spec
	if p := e.blue.Part(o.Part); p != nil {
		spec = p.Spec
	}
	why := string(o.Action)
	if l.Unit != "" {
		why += " for each " + l.Unit
	}
	for _, c := range bill(o, spec) {
		if l.Count*c.units == 0 {
			continue
		}
		key := lineKey{period, o.Part, why, c.Dimension}
		line := e.lines[key]
		if line == nil {
			price := e.prices.of(e.region, c.Dimension)
			line = &Line{
				Dimension: c.Dimension, Period: period, Part: o.Part, Why: why,
				UnitPrice: price.each(), Unit: price.Unit, FreePerMonth: price.FreePerMonth, Basis: Modelled,
			}
			if metered[c.Dimension] {
				line.Basis = Metered
			}
			e.lines[key] = line
		}
		line.Quantity += l.Count * c.units
		line.Amount = line.Quantity * line.UnitPrice
	}
}

func (e *estimator) estimate() Estimate {
	out := Estimate{Date: e.prices.Date, Currency: e.prices.Currency, Region: e.prices.in(e.region)}
	keys := slices.SortedFunc(maps.Keys(e.lines), func(a, b lineKey) int {
		// The events after the months.
		return cmp.Or(cmp.Compare(b.period, a.period), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Name, b.Name), cmp.Compare(a.part, b.part), cmp.Compare(a.why, b.why))
	})
	event := 0.0
	for _, key := range keys {
		line := *e.lines[key]
		out.Lines = append(out.Lines, line)
		if line.Period == Month {
			out.Idle += line.Amount
		} else {
			event += line.Amount
		}
	}
	if ev := e.blue.Event; ev != nil {
		out.Load = &LoadCost{Unit: ev.Unit, PerEvent: event, PerMonth: out.Idle + ev.PerMonth*event, EventsPerMonth: ev.PerMonth}
		if ev.Units > 0 {
			out.Load.PerMillion = event / ev.Units * 1e6
		}
	}
	return out
}
