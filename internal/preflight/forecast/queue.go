package forecast

// cohort is some messages that came in the same step and were last received in
// the same step.
type cohort struct {
	sent, received, receives, n int
}

// messages are cohorts, the oldest first.
type messages []cohort

func (m messages) count() int {
	n := 0
	for _, c := range m {
		n += c.n
	}
	return n
}

// take removes the first n messages, or all where there are fewer.
func (m *messages) take(n int) messages {
	var out messages
	for n > 0 && len(*m) > 0 {
		first := &(*m)[0]
		k := min(n, first.n)
		out = append(out, cohort{first.sent, first.received, first.receives, k})
		first.n -= k
		n -= k
		if first.n == 0 {
			*m = (*m)[1:]
		}
	}
	return out
}

// queue is a queue at work.
type queue struct {
	Queue

	run *run
	// ready messages can be received, hidden ones come back in a step.
	ready   messages
	waiting int
	hidden  map[int]messages
	// inFlight messages are received and not yet deleted, hidden ones included.
	inFlight int
}

// depth is how many messages are not done.
func (q *queue) depth() int { return q.waiting + q.inFlight }

func (q *queue) send(now, n int) {
	if n > 0 {
		q.ready = append(q.ready, cohort{sent: now, n: n})
		q.waiting += n
	}
}

// receive hands out up to n messages, as far as the queue may have them in
// flight.
func (q *queue) receive(n int) messages {
	want := min(n, q.waiting)
	allowed := want
	if !q.Stream {
		allowed = max(0, min(want, q.run.Limits.InFlight-q.inFlight))
	}
	if allowed < want {
		q.run.log.hit(QueueInFlight, q.Name)
	}
	got := q.ready.take(allowed)
	for i := range got {
		got[i].receives++
		got[i].received = q.run.now
	}
	q.waiting -= allowed
	q.inFlight += allowed
	return got
}

// remove deletes messages that are done.
func (q *queue) remove(m messages) {
	q.inFlight -= m.count()
	for _, c := range m {
		q.run.log.recorded(c)
	}
}

// fail leaves messages hidden until their visibility time-out is over.
func (q *queue) fail(m messages) {
	if len(m) == 0 {
		return
	}
	if q.hidden == nil {
		q.hidden = map[int]messages{}
	}
	at := q.run.now + steps(q.Visibility)
	q.hidden[at] = append(q.hidden[at], m...)
}

// reappear makes the messages of this step visible again, or dead.
func (q *queue) reappear() {
	back := q.hidden[q.run.now]
	delete(q.hidden, q.run.now)
	for _, c := range back {
		q.inFlight -= c.n
		if q.MaxReceives > 0 && c.receives >= q.MaxReceives {
			q.run.log.died(c.n)
			continue
		}
		q.ready = append(q.ready, c)
		q.waiting += c.n
	}
}
