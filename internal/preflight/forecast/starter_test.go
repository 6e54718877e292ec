package forecast

import "time"

// starter is the stage of the published vote that no system here has: a
// function that a schedule calls. It reads how many messages wait, sets a
// table's capacity in proportion, and starts workers in proportion, which take
// messages from the queue until there are none or their time is over.
type starter struct {
	Function string
	// Every is the schedule's interval.
	Every        time.Duration
	Queue, Table string
	// Clear is in how long the capacity it sets would write what waits; LeastUnits
	// is the least it sets. It never sets less than there is, since DynamoDB
	// allows few decreases a day (DynamoDB Developer Guide, "Quotas in Amazon
	// DynamoDB", provisioned throughput decreases).
	Clear      time.Duration
	LeastUnits int
	// Scales is how long a change of the capacity takes; it waits for it.
	Scales  time.Duration
	Workers starterWorkers
}

// starterWorkers are the functions that it starts.
type starterWorkers struct {
	Function string
	// Per is how many waiting messages one worker is started for.
	Per int
	// Round is how long it takes a worker to receive, write and delete up to ten
	// messages, throttled writes apart; Lives is how long it goes on.
	Round, Lives time.Duration
	// Retry is what its SDK does with throttled writes. A worker whose writes
	// fail ends, its messages come back, and Lambda runs it again, twice.
	Retry Retry
}

type starting struct {
	starter

	run      *run
	function *function
	queue    *queue
	table    *table
	first    int
	// greatest is the greatest capacity that it has set.
	greatest int
	calls    pending
	// scaled are the workers to start in a step.
	scaled map[int]int

	worker  *function
	workers pending
	writer  writer
	// free workers are about to receive; begins are those that begin to in a step.
	free   int
	begins map[int]int
	// lives are the workers by when their time is over, the oldest first; expired
	// are those whose time is over and who end at their next round.
	lives   []life
	expired int
}

type life struct{ until, n int }

// failedAsyncRetry is after how long an asynchronous call that failed is run
// again (Lambda Developer Guide, "How Lambda handles errors and retries with
// asynchronous invocation").
const failedAsyncRetry = time.Minute

func (o starter) start(r *run) (stage, error) {
	at := &starting{starter: o, run: r, scaled: map[int]int{}, begins: map[int]int{}, first: r.rng.IntN(steps(o.Every))}
	var err error
	if at.function, err = r.function("orchestrator", o.Function); err != nil {
		return nil, err
	}
	if at.worker, err = r.function("orchestrator", o.Workers.Function); err != nil {
		return nil, err
	}
	if at.queue, err = r.queue("orchestrator", o.Queue); err != nil {
		return nil, err
	}
	if at.table, err = r.table("orchestrator", o.Table); err != nil {
		return nil, err
	}
	at.calls = pending{run: r, function: at.function, begun: at.orchestrate}
	at.workers = pending{run: r, function: at.worker, begun: at.begin}
	at.writer = writer{run: r, table: at.table, queue: at.queue, retry: o.Workers.Retry, done: at.written, failed: at.failed}
	return at, nil
}

func (o *starting) idle() bool { return o.writer.busy == 0 }

func (o *starting) ask(now int) {
	if now%steps(o.Every) == o.first {
		o.calls.invoke(1)
	}
	if n := o.scaled[now]; n > 0 {
		delete(o.scaled, now)
		o.workers.invoke(n)
	}
	o.calls.ask()
	o.workers.ask()
}

// orchestrate reads the depth, asks for capacity and, when it is there, for
// workers.
func (o *starting) orchestrate(warm, cold int) {
	waits := o.queue.waiting
	takes := steps(o.Scales)
	if cold > 0 {
		takes += steps(o.function.ColdStart)
	}
	o.function.end(o.run.now, takes, warm+cold)
	o.greatest = max(o.greatest, o.table.Units, o.LeastUnits, int(int64(waits)*int64(time.Second)/int64(o.Clear)))
	o.table.provision(o.run.now+takes, o.greatest)
	if n := waits / o.Workers.Per; n > 0 {
		o.scaled[o.run.now+takes] += n
	}
}

// begin starts workers.
func (o *starting) begin(warm, cold int) {
	o.begins[o.run.now+1] += warm
	o.begins[o.run.now+steps(o.worker.ColdStart)] += cold
	o.lives = append(o.lives, life{o.run.now + steps(o.Workers.Lives), warm + cold})
}

// written frees workers for their next round.
func (o *starting) written(n int) { o.free += n }

// failed ends workers whose writes failed. Lambda runs a failed call again after
// a minute, and once more after two; this counts each as new, and so overstates
// those that fail for the third time.
func (o *starting) failed(n int) {
	o.leave(n)
	o.workers.later(n, 1, steps(failedAsyncRetry))
}

// leave ends workers before their time, the oldest first, since nothing tells
// them apart.
func (o *starting) leave(n int) {
	o.stop(n)
	over := min(n, o.expired)
	o.expired -= over
	for n -= over; n > 0; {
		first := &o.lives[0]
		k := min(n, first.n)
		first.n -= k
		n -= k
		if first.n == 0 {
			o.lives = o.lives[1:]
		}
	}
}

func (o *starting) stop(n int) { o.run.pool.release(o.worker, n) }

func (o *starting) act(now int) {
	o.calls.act()
	o.workers.act()
	o.writer.act()
	o.free += o.begins[now]
	delete(o.begins, now)
	for len(o.lives) > 0 && o.lives[0].until <= now {
		o.expired += o.lives[0].n
		o.lives = o.lives[1:]
	}
	over := min(o.free, o.expired)
	o.expired -= over
	o.free -= over
	o.stop(over)

	// Workers that find nothing end, which is why the last to be free get none.
	if o.free == 0 {
		return
	}
	got := o.queue.receive(o.free * PerReceive)
	n := got.count()
	useful := min(o.free, (n+PerReceive-1)/PerReceive)
	o.leave(o.free - useful)
	o.free = 0
	if useful > 0 {
		o.writer.begin(steps(o.Workers.Round), work{calls: useful, messages: got})
	}
}
