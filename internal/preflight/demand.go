package preflight

import (
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// Demand is what an event's loads ask of AWS at their greatest rates, all at
// the same time.
type Demand struct {
	// Functions, Tables, Buckets and Distributions by part key.
	Functions     map[string]*FunctionDemand
	Tables        map[string]*TableDemand
	Buckets       map[string]*BucketDemand
	Distributions map[string]*DistributionDemand
	// InFlight is, by queue, how many messages are received and not yet deleted.
	InFlight map[string]float64
	// Requests are, by HTTP API, in requests a second.
	Requests map[string]float64
	// Identities by the part key of their pool.
	Identities map[string]*IdentityDemand
}

// FunctionDemand is what one function needs.
type FunctionDemand struct {
	// PerSecond is calls a second; Concurrency how many run at once.
	PerSecond, Concurrency float64
}

// TableDemand is in units a second.
type TableDemand struct{ Writes, Reads float64 }

// BucketDemand is in requests a second.
type BucketDemand struct{ Gets, Puts float64 }

// DistributionDemand is in requests and bytes a second.
type DistributionDemand struct{ Requests, Bytes float64 }

// IdentityDemand is new identities: in a second, and in all of an event.
type IdentityDemand struct{ PerSecond, All float64 }

// DemandOf derives the demand from the blueprint's usage. A load without a rate
// asks for nothing.
func DemandOf(b *blueprint.Blueprint) Demand {
	d := Demand{
		Requests: map[string]float64{}, Identities: map[string]*IdentityDemand{},
		Functions: map[string]*FunctionDemand{}, Tables: map[string]*TableDemand{}, Buckets: map[string]*BucketDemand{},
		Distributions: map[string]*DistributionDemand{}, InFlight: map[string]float64{},
	}
	for _, u := range b.PerEvent {
		for _, o := range u.Operations {
			d.add(o, u.Greatest()*o.Count)
			if o.Action == blueprint.GetID {
				entry(d.Identities, o.Part).All += u.Count * o.Count
			}
		}
	}
	d.inFlight(b)
	return d
}

// add takes in an operation that happens rate times a second.
func (d Demand) add(o blueprint.Operation, rate float64) {
	if rate == 0 {
		return
	}
	switch o.Action {
	case blueprint.Invoke:
		f := entry(d.Functions, o.Part)
		f.PerSecond += rate
		f.Concurrency += rate * o.Duration.Seconds()
	case blueprint.PutItem, blueprint.UpdateItem:
		entry(d.Tables, o.Part).Writes += rate * writeUnits(o)
	case blueprint.GetItem, blueprint.Scan:
		entry(d.Tables, o.Part).Reads += rate * readUnits(o)
	case blueprint.Deliver:
		entry(d.Distributions, o.Part).Requests += rate
		entry(d.Distributions, o.Part).Bytes += rate * o.Bytes
	case blueprint.GetObject:
		entry(d.Buckets, o.Part).Gets += rate
	case blueprint.PutObject:
		entry(d.Buckets, o.Part).Puts += rate
	case blueprint.Request:
		d.Requests[o.Part] += rate
	case blueprint.GetID:
		entry(d.Identities, o.Part).PerSecond += rate
	}
}

// inFlight: a message is in flight while its batch gathers and is worked on.
func (d Demand) inFlight(b *blueprint.Blueprint) {
	for _, u := range b.PerEvent {
		for _, o := range u.Operations {
			if o.Action != blueprint.SendMessage {
				continue
			}
			for _, p := range b.Parts {
				m, ok := p.Spec.(blueprint.MappingSpec)
				if !ok || b.Target(m.Source) != b.Part(o.Part) {
					continue
				}
				if f := d.Functions[key(b.Target(m.Function))]; f != nil && f.PerSecond > 0 {
					held := time.Duration(m.Window)*time.Second + time.Duration(f.Concurrency/f.PerSecond*float64(time.Second))
					d.InFlight[o.Part] += u.Greatest() * o.Count * held.Seconds()
				}
			}
		}
	}
}

func key(p *blueprint.Part) string {
	if p == nil {
		return ""
	}
	return p.Key
}

func entry[V any](m map[string]*V, key string) *V {
	if m[key] == nil {
		m[key] = new(V)
	}
	return m[key]
}
