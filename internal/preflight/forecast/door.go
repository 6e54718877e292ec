package forecast

import "time"

// Kind is what takes the requests of a Door.
type Kind string

// The kinds of doors.
const (
	// API is an API of API Gateway with a function behind it, one call for each
	// request.
	API Kind = "api"
	// URL is a function URL.
	URL Kind = "url"
	// Direct is the queue itself: nothing stands before it. A standard queue
	// takes a nearly unlimited number of calls (SQS Developer Guide, "Amazon SQS
	// standard queues").
	Direct Kind = "direct"
)

// Door takes what arrives and puts it on a queue.
type Door struct {
	Kind Kind
	// Function takes the requests, each for so long; neither with Direct.
	Function string
	Takes    time.Duration
	Queue    string
	// Retry is what clients do when they are refused. One attempt gives up at
	// once.
	Retry Retry
}

type door struct {
	Door

	run      *run
	function *function
	queue    *queue
	api      bucket
	request  ask
	// again are clients that try again in a step, by how often they tried.
	again map[int][]int
	// tries are those of this step, by how often they tried before.
	tries []int
	// sends are messages that reach the queue in a step.
	sends map[int]int
	// refusedByAPI are of this step.
	refusedByAPI    int
	waiting, inside int
}

func (d Door) start(r *run) (stage, error) {
	at := &door{Door: d, run: r, again: map[int][]int{}, sends: map[int]int{}, api: newBucket(r.Limits.APIRate, r.Limits.APIBurst)}
	at.Retry.Attempts = max(1, d.Retry.Attempts)
	at.tries = make([]int, at.Retry.Attempts)
	var err error
	if at.queue, err = r.queue("door", d.Queue); err != nil || d.Kind == Direct {
		return at, err
	}
	at.function, err = r.function("door", d.Function)
	at.request = ask{function: at.function, request: true}
	return at, err
}

func (d *door) idle() bool { return d.waiting+d.inside == 0 }

// ask counts who comes in this step, new or again, and asks for executions.
func (d *door) ask(now int) {
	d.api.refill()
	clear(d.tries)
	for tried, n := range d.again[now] {
		d.tries[tried] = n
		d.waiting -= n
	}
	delete(d.again, now)
	if now >= d.run.opens && now < d.run.closes {
		d.tries[0] = d.run.arrives(now)
	}
	n := 0
	for _, k := range d.tries {
		n += k
	}
	d.refusedByAPI = 0
	switch d.Kind {
	case Direct:
		d.send(now, n)
		clear(d.tries)
		return
	case API:
		passed := min(n, d.api.there())
		d.api.take(passed)
		d.refusedByAPI = n - passed
		d.run.log.throttle(APIRate, "", d.refusedByAPI)
		n = passed
	case URL:
	}
	d.run.pool.want(&d.request, n)
}

func (d *door) act(now int) {
	if n := d.sends[now]; n > 0 {
		delete(d.sends, now)
		d.inside -= n
		d.send(now, n)
	}
	if d.Kind == Direct {
		return
	}
	takes, cold := steps(d.Takes), steps(d.Takes+d.function.ColdStart)
	d.enter(now+takes, d.request.warm)
	d.enter(now+cold, d.request.cold)
	d.function.end(now, takes, d.request.warm)
	d.function.end(now, cold, d.request.cold)
	d.refuse(now, d.request.refused()+d.refusedByAPI)
	d.request = ask{function: d.function, request: true}
}

// enter lets n requests in, whose messages reach the queue at that time.
func (d *door) enter(at, n int) {
	if n > 0 {
		d.sends[at] += n
		d.inside += n
	}
}

func (d *door) send(now, n int) {
	d.queue.send(now, n)
	d.run.log.accepted(n)
}

// refuse sends n clients away. Which of them had tried before is a matter of
// chance.
func (d *door) refuse(now, n int) {
	for tried, k := range share(d.run.rng, d.tries, n) {
		if tried+1 >= d.Retry.Attempts {
			d.run.log.refused(k)
			continue
		}
		longest := steps(d.Retry.longest(tried + 1))
		for range k {
			at := now + 1 + d.run.rng.IntN(longest)
			if d.again[at] == nil {
				d.again[at] = make([]int, d.Retry.Attempts)
			}
			d.again[at][tried+1]++
			d.waiting++
		}
	}
}
