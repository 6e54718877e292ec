package forecast

import "time"

// Publisher is a function that a schedule calls and that publishes results again
// and again until its life is over. It needs an execution to begin.
type Publisher struct {
	Function string
	// Tick is the schedule's interval: a scheduler chooses the second within it.
	Tick time.Duration
	// Every is how often it publishes, Lives for how long.
	Every, Lives time.Duration
}

// frozenAfter is how many times results were not published when they are
// called frozen.
const frozenAfter = 3

type publisher struct {
	Publisher

	run      *run
	function *function
	calls    pending
	first    int
	// publishes are in a step.
	publishes map[int]bool
}

func (p Publisher) start(r *run) (stage, error) {
	at := &publisher{Publisher: p, run: r, publishes: map[int]bool{}, first: r.rng.IntN(steps(p.Tick))}
	var err error
	if at.function, err = r.function("publisher", p.Function); err != nil {
		return nil, err
	}
	at.calls = pending{run: r, function: at.function, begun: at.begin}
	r.log.publishes(steps(p.Every))
	return at, nil
}

func (p *publisher) idle() bool { return true }

func (p *publisher) ask(now int) {
	if now%steps(p.Tick) == p.first {
		p.calls.invoke(1)
	}
	p.calls.ask()
}

func (p *publisher) begin(warm, cold int) {
	now := p.run.now
	begins := 1
	if cold > 0 {
		begins = steps(p.function.ColdStart)
	}
	for at := begins; at < steps(p.Lives); at += steps(p.Every) {
		p.publishes[now+at] = true
	}
	p.function.end(now, steps(p.Lives), warm+cold)
}

func (p *publisher) act(now int) {
	p.calls.act()
	if p.publishes[now] {
		delete(p.publishes, now)
		p.run.log.published()
	}
}
