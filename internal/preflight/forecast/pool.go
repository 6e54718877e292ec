package forecast

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// ErrReservations says that the account's concurrency does not carry the
// functions' reservations.
var ErrReservations = errors.New("the apply would fail")

// pool is the account's concurrent executions, and the functions that run in
// them.
type pool struct {
	run       *run
	functions []*function
	// unreserved are the executions that functions without a reservation share,
	// busy those in use, and requests the rate at which they take requests.
	unreserved, busy int
	requests         bucket
	asks             []*ask
}

// function is a function at work.
type function struct {
	Function

	// busy executions are running, in one of environments that exist.
	busy, environments int
	// growth is how many environments it may yet make.
	growth bucket
	// requests is the rate at which a function with a reservation takes requests.
	requests bucket
	// ends are the executions that end in a step.
	ends map[int]int
	peak int
}

// ask is a wish for n executions in one step, and what came of it.
type ask struct {
	function *function
	// request is true for requests, whose rate Lambda limits beside their number.
	request bool
	n       int
	// warm executions begin at once, cold ones in a new environment.
	warm, cold int
}

func (a *ask) given() int   { return a.warm + a.cold }
func (a *ask) refused() int { return a.n - a.warm - a.cold }

func newPool(r *run) (*pool, error) {
	p := &pool{run: r, unreserved: r.Limits.Concurrency}
	for _, f := range r.Design.Functions {
		p.unreserved -= f.Reserved
		p.functions = append(p.functions, &function{
			Function: f, ends: map[int]int{},
			growth:   newBucket(GrowthEnvironments/int(GrowthPeriod/time.Second), GrowthEnvironments),
			requests: newBucket(PerExecution*f.Reserved, PerExecution*f.Reserved),
		})
	}
	if reserved := r.Limits.Concurrency - p.unreserved; reserved > 0 && p.unreserved < KeptUnreserved {
		return nil, fmt.Errorf("%w: the functions reserve %d of %d concurrent executions, and AWS keeps %d unreserved; reserve less or ask for a higher quota", ErrReservations, reserved, r.Limits.Concurrency, KeptUnreserved)
	}
	p.requests = newBucket(PerExecution*p.unreserved, PerExecution*p.unreserved)
	return p, nil
}

// refill ends the executions of this step and brings what time brings.
func (p *pool) refill() {
	p.requests.refill()
	for _, f := range p.functions {
		f.growth.refill()
		f.requests.refill()
		if n := f.ends[p.run.now]; n > 0 {
			delete(f.ends, p.run.now)
			p.release(f, n)
		}
	}
}

// want asks for n executions in this step.
func (p *pool) want(a *ask, n int) {
	a.n, a.warm, a.cold = n, 0, 0
	if n > 0 {
		p.asks = append(p.asks, a)
	}
}

// release gives back n executions; their environments stay warm.
func (p *pool) release(f *function, n int) {
	f.busy -= n
	if f.Reserved == 0 {
		p.busy -= n
	}
}

// end releases n executions after so many steps.
func (f *function) end(now, after, n int) {
	if n > 0 {
		f.ends[now+after] += n
	}
}

// grant hands out the executions of this step. Functions without a reservation
// share what is free in the order of chance, since Lambda prefers none.
func (p *pool) grant() {
	var shared []*ask
	for _, a := range p.asks {
		if f := a.function; f.Reserved > 0 {
			p.give(a, p.admit(a, min(a.n, f.Reserved-f.busy), &f.requests))
			continue
		}
		shared = append(shared, a)
	}
	p.asks = p.asks[:0]
	if len(shared) == 0 {
		return
	}
	wants := make([]int, len(shared))
	for i, a := range shared {
		wants[i] = p.admit(a, a.n, &p.requests)
	}
	for i, n := range share(p.run.rng, wants, p.unreserved-p.busy) {
		if n < wants[i] {
			p.run.log.throttle(LambdaConcurrency, shared[i].function.Name, wants[i]-n)
		}
		p.give(shared[i], n)
	}
}

// admit applies the limit on the rate of requests, and for a reservation the
// number of executions, which is already in n.
func (p *pool) admit(a *ask, n int, requests *bucket) int {
	if n < a.n {
		p.run.log.throttle(LambdaConcurrency, a.function.Name, a.n-n)
	}
	if !a.request {
		return n
	}
	admitted := min(n, requests.there())
	requests.take(admitted)
	if admitted < n {
		p.run.log.throttle(LambdaRequests, a.function.Name, n-admitted)
	}
	return admitted
}

// give begins n executions, as far as the function may grow.
func (p *pool) give(a *ask, n int) {
	f := a.function
	a.warm = min(n, f.environments-f.busy)
	a.cold = min(n-a.warm, f.growth.there())
	if missing := n - a.warm - a.cold; missing > 0 {
		p.run.log.throttle(LambdaGrowth, f.Name, missing)
	}
	f.growth.take(a.cold)
	f.environments += a.cold
	f.busy += a.given()
	if f.Reserved == 0 {
		p.busy += a.given()
	}
	f.peak = max(f.peak, f.busy)
}

// concurrency is how many executions run.
func (p *pool) concurrency() int {
	n := p.busy
	for _, f := range p.functions {
		if f.Reserved > 0 {
			n += f.busy
		}
	}
	return n
}

// share divides what is free among wishes as if each single one came in the
// order of chance.
func share(rng *rand.Rand, wants []int, free int) []int {
	left, got := 0, make([]int, len(wants))
	for _, w := range wants {
		left += w
	}
	if left <= free {
		copy(got, wants)
		return got
	}
	for range max(0, free) {
		at := rng.IntN(left)
		left--
		for i, w := range wants {
			if at -= w - got[i]; at < 0 {
				got[i]++
				break
			}
		}
	}
	return got
}
