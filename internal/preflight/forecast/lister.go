package forecast

import "time"

// Lister is a function that lists what was uploaded once the upload is over, page
// by page, and puts it on a stream. What is left when its time is over is for a
// call that it makes itself.
type Lister struct {
	Function string
	// Page is how many files a page has, Takes how long it takes to list and send
	// one, Lives for how long a call lists.
	Page         int
	Takes, Lives time.Duration
	// Stream is the queue that stands for the stream. Rate is how many files a
	// second its shards take; 0 for no bound.
	Stream string
	Rate   int
}

type lister struct {
	Lister

	run      *run
	function *function
	stream   *queue
	calls    pending
	shards   bucket
	// uploaded files are not listed yet.
	uploaded int
	listing  bool
	// next is when a page is listed, over when the call's time is.
	next, over int
}

func (l Lister) start(r *run) (stage, error) {
	at := &lister{Lister: l, run: r, shards: newBucket(l.Rate, l.Rate)}
	var err error
	if at.stream, err = r.queue("lister", l.Stream); err != nil {
		return nil, err
	}
	if at.function, err = r.function("lister", l.Function); err != nil {
		return nil, err
	}
	at.calls = pending{run: r, function: at.function, begun: at.begin}
	return at, nil
}

func (l *lister) idle() bool { return l.uploaded == 0 && !l.listing && l.calls.n == 0 }

// ask counts what is uploaded in this step, and begins when the upload is over.
func (l *lister) ask(now int) {
	l.shards.refill()
	if now >= l.run.opens && now < l.run.closes {
		l.uploaded += l.run.arrives(now)
	}
	if now == l.run.closes && l.uploaded > 0 {
		l.calls.invoke(1)
	}
	l.calls.ask()
}

func (l *lister) begin(_, cold int) {
	from := l.run.now
	if cold > 0 {
		from += steps(l.function.ColdStart)
	}
	l.listing, l.next, l.over = true, from+steps(l.Takes), from+steps(l.Lives)
}

func (l *lister) act(now int) {
	l.calls.act()
	if !l.listing || now < l.next {
		return
	}
	n := min(l.Page, l.uploaded)
	if l.Rate > 0 {
		if there := l.shards.there(); there < n {
			// What was refused is sent again.
			l.run.log.throttle(StreamWrites, l.Stream, n-there)
			n = there
		}
		l.shards.take(n)
	}
	l.uploaded -= n
	l.stream.send(now, n)
	l.run.log.accepted(n)
	l.next = now + steps(l.Takes)
	if l.uploaded > 0 && now < l.over {
		return
	}
	l.listing = false
	l.run.pool.release(l.function, 1)
	if l.uploaded > 0 {
		l.calls.later(1, 1, 1)
	}
}
