// Package preflight tells before anything is made what a system will cost and
// whether the account's quotas carry it. Everything is derived from the
// blueprint and a load; only the quotas are asked of AWS, and their defaults
// serve where AWS does not answer.
package preflight

import (
	"bytes"
	_ "embed" // the price file
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed prices.json
var embedded []byte

// Prices is a price list of one date.
type Prices struct {
	// Date of the list, "2025-01-31".
	Date string `json:"date"`
	// Currency of all prices: "USD".
	Currency string `json:"currency"`
	// Sources are where the prices were read.
	Sources []string `json:"sources"`
	// DefaultRegion has the prices for regions that the list does not have.
	DefaultRegion string `json:"default_region"`
	// Regions holds prices by region, service and dimension.
	Regions map[string]map[string]map[string]Price `json:"regions"`
}

// Price is what one dimension costs, before free tiers: these belong to the
// account, so that no system can count on them.
type Price struct {
	// Price of Per units, in the list's currency.
	Price float64 `json:"price"`
	Per   float64 `json:"per"`
	// Unit names the units: "requests of 64 KB".
	Unit string `json:"unit"`
	// FreePerMonth is what the account has free in each month, in units.
	FreePerMonth float64 `json:"free_per_month,omitempty"`
	// FromMemory marks a price that was not read from AWS's own page.
	FromMemory bool `json:"from_memory,omitempty"`
}

// each is the price of one unit.
func (p Price) each() float64 { return p.Price / p.Per }

var builtin = sync.OnceValue(func() *Prices {
	p, err := decode(embedded)
	if err != nil {
		panic("preflight: the embedded price file: " + err.Error())
	}
	return p
})

// Builtin returns the prices that the provider carries.
func Builtin() *Prices { return builtin() }

// ReadPrices reads a price file of the same form as the provider's own, with a
// price for every dimension. The error names the field at fault.
func ReadPrices(file string) (*Prices, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the user names it
	if err != nil {
		return nil, fmt.Errorf("read the price file: %w", err)
	}
	p, err := decode(text)
	if err == nil {
		err = p.check()
	}
	if err != nil {
		return nil, fmt.Errorf("price file %s: %w", file, err)
	}
	return p, nil
}

// decode reads a price file in two steps, since encoding/json does not name the
// keys of maps in its errors.
func decode(text []byte) (*Prices, error) {
	var p struct {
		Prices
		Regions map[string]map[string]map[string]json.RawMessage `json:"regions"`
	}
	if err := decodeInto(&p, text); err != nil {
		return nil, err
	}
	p.Prices.Regions = map[string]map[string]map[string]Price{}
	for _, region := range slices.Sorted(maps.Keys(p.Regions)) {
		p.Prices.Regions[region] = map[string]map[string]Price{}
		for _, service := range slices.Sorted(maps.Keys(p.Regions[region])) {
			p.Prices.Regions[region][service] = map[string]Price{}
			for _, name := range slices.Sorted(maps.Keys(p.Regions[region][service])) {
				var price Price
				if err := decodeInto(&price, p.Regions[region][service][name]); err != nil {
					return nil, fmt.Errorf("regions.%s.%s.%s: %w", region, service, name, err)
				}
				p.Prices.Regions[region][service][name] = price
			}
		}
	}
	return &p.Prices, nil
}

func decodeInto(target any, text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(target)
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d is no JSON: %w", line(text, syntax.Offset), err)
	case errors.As(err, &wrong):
		return fmt.Errorf("%s must be a %s, not a %s", wrong.Field, wrong.Type.Kind(), wrong.Value)
	}
	return err
}

func line(text []byte, offset int64) int { return 1 + bytes.Count(text[:offset], []byte{'\n'}) }

// check tells the first field, in order, that is wrong or missing.
func (p *Prices) check() error {
	if _, err := time.Parse(time.DateOnly, p.Date); err != nil {
		return fmt.Errorf("date is %q; give the day of the prices as 2025-01-31", p.Date)
	}
	if p.Currency == "" {
		return errors.New(`currency is missing; give the currency of the prices, for instance "USD"`)
	}
	if _, ok := p.Regions[p.DefaultRegion]; !ok {
		return fmt.Errorf("default_region is %q; give one of regions: %s", p.DefaultRegion, strings.Join(slices.Sorted(maps.Keys(p.Regions)), ", "))
	}
	known := dimensions()
	for _, region := range slices.Sorted(maps.Keys(p.Regions)) {
		services := p.Regions[region]
		for _, service := range slices.Sorted(maps.Keys(services)) {
			names, ok := known[service]
			if !ok {
				return fmt.Errorf("regions.%s.%s is no service; there are %s", region, service, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			}
			for _, name := range slices.Sorted(maps.Keys(services[service])) {
				if !slices.Contains(names, name) {
					return fmt.Errorf("regions.%s.%s.%s is no dimension; %s has %s", region, service, name, service, strings.Join(names, ", "))
				}
			}
		}
		for _, service := range slices.Sorted(maps.Keys(known)) {
			for _, name := range known[service] {
				field := "regions." + region + "." + service + "." + name
				price, ok := services[service][name]
				switch {
				case !ok:
					return fmt.Errorf("%s is missing; give its price", field)
				case price.Price < 0:
					return fmt.Errorf("%s.price is %g; a price is not negative", field, price.Price)
				case price.Per <= 0:
					return fmt.Errorf("%s.per is %g; give how many units the price is for", field, price.Per)
				case price.FreePerMonth < 0:
					return fmt.Errorf("%s.free_per_month is %g; give 0 or more units", field, price.FreePerMonth)
				}
			}
		}
	}
	return nil
}

// in returns the region whose prices serve for a region.
func (p *Prices) in(region string) string {
	if _, ok := p.Regions[region]; ok {
		return region
	}
	return p.DefaultRegion
}

// Million returns what a million units of a dimension of the price file cost in the
// default region.
func (p *Prices) Million(d Dimension) float64 {
	price := p.of(p.DefaultRegion, d)
	return 1e6 / price.Per * price.Price
}

// of returns the price of a dimension. Every dimension has one.
func (p *Prices) of(region string, d Dimension) Price {
	return p.Regions[p.in(region)][d.Service][d.Name]
}
