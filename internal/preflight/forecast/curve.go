package forecast

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Curve is how many arrive: rates between which it goes in straight lines. The
// first point is the opening, the last the end.
type Curve []Point

// Point is a rate, in arrivals a second, at a time after the opening.
type Point struct {
	At   time.Duration
	Rate float64
}

// Burst is a curve with an opening spike that falls to a plateau, and a tail in
// which the plateau falls to nothing. Rates are in arrivals a second; length is
// from the opening to the end, spike and tail are parts of it and may be 0.
func Burst(opening, plateau float64, length, spike, tail time.Duration) Curve {
	c := Curve{{0, plateau}}
	if spike > 0 {
		c = Curve{{0, opening}, {spike, plateau}}
	}
	c = append(c, Point{length - tail, plateau})
	if tail > 0 {
		c = append(c, Point{length, 0})
	}
	return c
}

// Length is from the opening to the last arrival.
func (c Curve) Length() time.Duration { return c[len(c)-1].At }

// Total is how many arrive, chance apart.
func (c Curve) Total() float64 {
	sum := 0.0
	for i := 1; i < len(c); i++ {
		sum += (c[i].Rate + c[i-1].Rate) / 2 * (c[i].At - c[i-1].At).Seconds()
	}
	return sum
}

// Peak is the greatest rate.
func (c Curve) Peak() float64 {
	peak := 0.0
	for _, p := range c {
		peak = max(peak, p.Rate)
	}
	return peak
}

// Greatest figures that a run takes on: a day, and a hundred million arrivals.
const (
	mostLength = 24 * time.Hour
	mostTotal  = 1e8
)

// Check refuses a curve that cannot be simulated.
func (c Curve) Check() error {
	if len(c) < 2 || c[0].At != 0 {
		return errors.New("arrivals: give at least two points, the first at 0")
	}
	for i, p := range c {
		if math.IsNaN(p.Rate) || math.IsInf(p.Rate, 0) || p.Rate < 0 {
			return fmt.Errorf("arrivals: the rate at %s is %v; give 0 or more", p.At, p.Rate)
		}
		if i > 0 && p.At < c[i-1].At {
			return fmt.Errorf("arrivals: %s comes after %s; give the points in the order of time", p.At, c[i-1].At)
		}
	}
	switch {
	case c.Length() < time.Second || c.Length() > mostLength:
		return fmt.Errorf("arrivals: they last %s; give 1 s to %s", c.Length(), mostLength)
	case c.Total() > mostTotal:
		return fmt.Errorf("arrivals: they come to %.0f; give at most %.0f", c.Total(), mostTotal)
	}
	return nil
}

// rate is the rate at a time after the opening.
func (c Curve) rate(at time.Duration) float64 {
	for i := 1; i < len(c); i++ {
		if at < c[i].At {
			from, to := c[i-1], c[i]
			share := float64(at-from.At) / float64(to.At-from.At)
			return from.Rate + float64((to.Rate-from.Rate)*share)
		}
	}
	return 0
}

// poisson draws how many come where mean come on the mean, by counting how many
// uniform factors it takes to fall below e to the minus mean (Knuth, The Art of
// Computer Programming, 3.4.1), in parts small enough for that power.
func poisson(rng *rand.Rand, mean float64) int {
	const part = 16.0
	n := 0
	for mean > 0 {
		m := min(mean, part)
		mean -= m
		floor := math.Exp(-m)
		for p := rng.Float64(); p > floor; p *= rng.Float64() {
			n++
		}
	}
	return n
}
