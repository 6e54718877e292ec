package forecast

import "time"

// Table is a DynamoDB table, as its writes see it.
type Table struct {
	Name string
	// Units are the write units a second of a table with provisioned capacity; 0
	// for an on-demand table.
	Units int
	// Warm is the warm throughput of an on-demand table, in write units a second;
	// 0 for that of a new one.
	Warm int
	// OneItem is true where all writes fall on one item.
	OneItem bool
}

// table is a table at work. A write takes one unit: items of up to 1 KB.
type table struct {
	Table

	run *run
	// tokens are units of the table, with what a provisioned one has saved;
	// partitions are units of its partitions.
	tokens, partitions bucket
	// minutes are the units that were written in each minute.
	minutes []int
	// changes are provisioned units from a step on.
	changes map[int]int
}

// saved is how long a table collects units that it does not use. An on-demand
// table has none to save.
func (t Table) saved() time.Duration {
	if t.Units > 0 {
		return BurstMemory
	}
	return time.Second
}

func newTable(r *run, spec Table) *table {
	t := &table{Table: spec, run: r}
	carries := spec.Units
	if carries == 0 {
		carries = OnDemand(max(spec.Warm, r.Limits.NewTableWrites), 0, r.Limits.TableWrites)
	}
	t.tokens = newBucket(carries, carries*int(spec.saved()/time.Second))
	t.partition(carries)
	return t
}

// partition gives the table the partitions for so many units; they never become
// fewer.
func (t *table) partition(units int) {
	rate := PartitionWrites
	if !t.OneItem {
		rate *= Partitions(units)
	}
	if rate > t.partitions.rate {
		t.partitions = newBucket(rate, rate)
	}
}

// provision changes provisioned capacity from a step on, up to the quota.
func (t *table) provision(at, units int) {
	if t.changes == nil {
		t.changes = map[int]int{}
	}
	t.changes[at] = min(units, t.run.Limits.TableWrites)
}

// change does what was asked for. What was saved stays, as far as the lesser
// capacity has room for it.
func (t *table) change() {
	units, due := t.changes[t.run.now]
	if !due {
		return
	}
	delete(t.changes, t.run.now)
	t.tokens.rate, t.tokens.size = units, units*int(BurstMemory/time.Second)
	t.partition(units)
}

const stepsPerMinute = 60 * stepsPerSecond

func (t *table) refill() {
	if t.run.now%stepsPerMinute == 0 {
		t.minutes = append(t.minutes, 0)
		t.grow()
	}
	t.change()
	t.tokens.refill()
	t.partitions.refill()
}

// grow lets an on-demand table carry twice the mean of its busiest minute before
// the last half hour. Sooner than that AWS promises nothing.
func (t *table) grow() {
	old := len(t.minutes) - 1 - int(PeakMemory/time.Minute)
	if t.Units > 0 || old < 0 {
		return
	}
	if carries := OnDemand(0, t.minutes[old]/60, t.run.Limits.TableWrites); carries > t.tokens.rate {
		t.tokens.rate, t.tokens.size = carries, carries
		t.partition(carries)
	}
}

// write takes up to n units, and counts those that are throttled.
func (t *table) write(n int) int {
	done := max(0, min(n, t.tokens.there(), t.partitions.there()))
	t.tokens.take(done)
	t.partitions.take(done)
	t.minutes[len(t.minutes)-1] += done
	if done < n {
		t.run.log.throttle(TableWrites, t.Name, n-done)
	}
	return done
}
