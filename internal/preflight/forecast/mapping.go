package forecast

import "time"

// Mapping is an event source mapping: Lambda's own pollers take batches from a
// queue or a stream and call a function with them, which writes each message to a
// table.
type Mapping struct {
	Queue, Function string
	// Batch is the greatest number of messages of a call, Window how long to
	// gather them.
	Batch  int
	Window time.Duration
	// MaxConcurrency bounds the batches at once; 0 for no bound of its own.
	MaxConcurrency int
	// Shards are the batches of a stream that are worked on at once: its shards,
	// each as often as its parallelisation factor. 0 for a queue, whose batches
	// grow in number while messages wait.
	Shards int
	// Takes is how long a call takes, throttled writes apart, and Each what each of
	// its messages adds.
	Takes, Each time.Duration
	// Table takes one write for each message; empty for none.
	Table string
	// Retry is what the function's SDK does with throttled writes.
	Retry Retry
}

// receiveTakes is a receive's round trip, stated.
const receiveTakes = 20 * time.Millisecond

// refusedBatchWait is how long a poller waits with a batch for which there was
// no execution, stated: AWS says only that it backs off.
const refusedBatchWait = time.Second

type mapping struct {
	Mapping

	run      *run
	function *function
	queue    *queue
	writer   writer
	// busy is for how many steps messages have been left waiting.
	busy, pollers int
	gathered      messages
	gatheredN     int
	// batches were refused and are tried again in a step; waiting is how many.
	batches map[int]work
	waiting int
	trying  work
	call    ask
}

func (m Mapping) start(r *run) (stage, error) {
	at := &mapping{Mapping: m, run: r, batches: map[int]work{}, pollers: FirstBatches}
	var err error
	if at.queue, err = r.queue("mapping", m.Queue); err != nil {
		return nil, err
	}
	if at.function, err = r.function("mapping", m.Function); err != nil {
		return nil, err
	}
	at.call = ask{function: at.function}
	release := func(calls int) { r.pool.release(at.function, calls) }
	at.writer = writer{run: r, queue: at.queue, retry: m.Retry, done: release, failed: release}
	if m.Table != "" {
		if at.writer.table, err = r.table("mapping", m.Table); err != nil {
			return nil, err
		}
	}
	return at, nil
}

func (m *mapping) idle() bool { return m.gatheredN+m.waiting+m.writer.busy == 0 }

// ask gathers messages, and asks for an execution for every batch that is full
// or whose window is over.
func (m *mapping) ask(now int) {
	again := m.batches[now]
	delete(m.batches, now)
	m.waiting -= again.calls

	free := m.pollers - m.writer.busy - m.waiting - again.calls
	if free > 0 {
		room := free*m.Batch - m.gatheredN
		if m.Shards == 0 {
			room = min(room, free*PerReceive/int(receiveTakes/step))
		}
		if room > 0 && m.queue.waiting > 0 {
			got := m.queue.receive(room)
			m.gathered = append(m.gathered, got...)
			m.gatheredN += got.count()
		}
	}
	m.scale()
	calls := max(0, min(free, m.gatheredN/m.Batch))
	batch := m.gather(calls * m.Batch)
	// Pollers have gathered alike.
	for ; calls < free && m.over(now); calls++ {
		batch = append(batch, m.gather((m.gatheredN+free-calls-1)/(free-calls))...)
	}
	m.trying = work{calls: calls + again.calls, messages: append(again.messages, batch...)}
	m.run.pool.want(&m.call, m.trying.calls)
}

// gather takes n gathered messages, the oldest first.
func (m *mapping) gather(n int) messages {
	m.gatheredN -= n
	return m.gathered.take(n)
}

// over reports that the window of the oldest gathered message is over.
func (m *mapping) over(now int) bool {
	return len(m.gathered) > 0 && now >= m.gathered[0].received+steps(m.Window)
}

func (m *mapping) act(now int) {
	m.writer.act()
	w := m.trying
	if w.calls == 0 {
		return
	}
	m.trying = work{}
	takes := m.Takes + m.Each*time.Duration((w.messages.count()+w.calls-1)/w.calls)
	for _, part := range []struct{ calls, after int }{
		{m.call.warm, steps(takes)},
		{m.call.cold, steps(takes + m.function.ColdStart)},
	} {
		if part.calls > 0 {
			m.writer.begin(part.after, w.split(part.calls))
		}
	}
	if w.calls > 0 {
		m.batches[now+steps(refusedBatchWait)] = w
		m.waiting += w.calls
	}
	m.call = ask{function: m.function}
}

// split takes so many calls with their share of the messages.
func (w *work) split(calls int) work {
	out := work{calls: calls}
	if calls == w.calls {
		out.messages, w.messages = w.messages, nil
	} else {
		out.messages = w.messages.take(w.messages.count() * calls / w.calls)
	}
	w.calls -= calls
	return out
}

// scale lets the pollers grow while they leave messages waiting, and fall back at
// the same pace when they do not.
func (m *mapping) scale() {
	if m.Shards > 0 {
		m.pollers = m.Shards
		return
	}
	most := m.run.Limits.MappingBatches
	if m.MaxConcurrency > 0 {
		most = min(most, m.MaxConcurrency)
	}
	if m.queue.waiting > 0 {
		m.busy++
	} else {
		m.busy = max(0, m.busy-1)
	}
	m.pollers = Pollers(time.Duration(m.busy)*step, most)
	if m.pollers == most && m.queue.waiting > 0 {
		m.busy-- // It grows no further.
		m.run.log.hit(MappingBatches, m.Queue)
	}
}
