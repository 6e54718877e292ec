package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

const (
	// roundEvery is how often the holder of the lease calls fans and publishes.
	roundEvery = time.Second
	// leaseFor is how long nobody is called after a keeper died.
	leaseFor = 10 * time.Second
	// leaseEvery is how often the lease is renewed: a third of it, so that one lost renewal loses nothing.
	leaseEvery = 3 * time.Second
	// leaseRetry is how often a waiting keeper asks for the lease.
	leaseRetry = 2 * time.Second
	// salesEvery is how often the sales are read: with a second's lag of such a read a change is in force within five seconds.
	salesEvery = 2 * time.Second
	// stopBefore its deadline a keeper hands over, so that no time-out cuts it off in a round.
	stopBefore = 10 * time.Second
	// endBefore its deadline it gives up what it is still doing.
	endBefore = 3 * time.Second
	// runWithoutDeadline is how long it works where the context has no deadline: the same as under a time-out of 125 s.
	runWithoutDeadline = 115 * time.Second
	// leadTime before fans can join keepers begin to loop: a schedule fires anywhere within its minute (EventBridge Scheduler User Guide).
	leadTime = 90 * time.Second
)

// KeeperStore is what a keeper reads and writes in the tables. Reads are strongly consistent, but for those of the sales and of the windows.
type KeeperStore interface {
	DrawStore
	SalesReader
	// EndOverrides takes away what operators changed of arguments that an apply has changed since.
	EndOverrides(ctx context.Context, sale string) error
	// TakeLease takes or renews the lease for holder where nobody else holds it at now, and says whether it did.
	TakeLease(ctx context.Context, holder string, now, until time.Time) (bool, error)
	// ReleaseLease ends the lease if holder has it.
	ReleaseLease(ctx context.Context, holder string) error
	// ReadProgress returns the keepers' progress with a sale; the zero Progress where there is none.
	ReadProgress(ctx context.Context, sale string) (Progress, error)
	// PutProgress writes progress where the one before it, of Version one less, stands, and says whether it did.
	PutProgress(ctx context.Context, sale string, progress Progress) (bool, error)
	// Counter returns the last block and the last place that were taken of a line.
	Counter(ctx context.Context, sale, line string) (block, place int64, err error)
	ReadBlocks(ctx context.Context, sale, line string, numbers []int64) (map[int64]Block, error)
	ReadFans(ctx context.Context, sale string, ids []string, consistent bool) (map[string]Fan, error)
	InsertFans(ctx context.Context, fans []Fan) ([]dynamodb.Insertion, error)
	// MoveToDrawn gives a fan who waits in the queue since another device joined, too, the place that was drawn. It says whether it did.
	MoveToDrawn(ctx context.Context, fan Fan) (bool, error)
	// ReadWindows returns the windows from 1 to a number. Those that nobody ever had are not in it.
	ReadWindows(ctx context.Context, sale string, to int) (map[int]Window, error)
	// Call gives a free window to a waiting fan, both or neither.
	Call(ctx context.Context, fan Fan, window int, now, until int64) (Calling, error)
	// CallProbe calls a probe, which takes no window.
	CallProbe(ctx context.Context, fan Fan, now, until int64) (bool, error)
	// MarkGhost ends the wait of a fan who was not seen since it was read.
	MarkGhost(ctx context.Context, fan Fan) (bool, error)
	// MarkExpired notes at a fan that its window ran out.
	MarkExpired(ctx context.Context, sale string, window Window, now int64) (bool, error)
	// MarkTold notes at a window that the ticketing service was told of its fan.
	MarkTold(ctx context.Context, sale string, window Window) (bool, error)
	// PutStatus writes a status to all its shards, unless a later one stands there.
	PutStatus(ctx context.Context, status Status, shards int) error
	// ReadStatus returns a sale's status; the zero Status where there is none.
	ReadStatus(ctx context.Context, sale string, shard int) (Status, error)
}

// Sender sends messages to a queue.
type Sender interface {
	// SendBatch sends messages, and fails unless the queue took all.
	SendBatch(ctx context.Context, bodies []string) error
}

// ObjectStore is the bucket beside the page.
type ObjectStore interface {
	// GetObject returns an object, or nil where there is none.
	GetObject(ctx context.Context, key string) ([]byte, error)
	PutObject(ctx context.Context, key string, body []byte, contentType, cacheControl string) error
}

// Board is the status table, which fans read themselves.
type Board interface {
	// WriteOf shows a text of a sale in all its shards.
	WriteOf(ctx context.Context, sale, text string) error
}

// Keeper calls fans to windows, draws, and publishes the status of all sales.
//
// One tick a minute starts a keeper that lives for almost two, so that in steady state one holds the lease and another waits for it: one that dies
// is replaced within the lease. The lease only spares work. What keeps the rules, also of two keepers at once, are the tables:
//
//  1. A call is one transaction of a window's item and a fan's record. There are as many items as windows, so never more are open; a record takes one
//     call, so nobody has two.
//  2. Before fans are called, the progress is written where the one that was read stands: with what the rate allows taken out of it, and with those who are about to
//     be called as holes, to be looked at again. A keeper that dies after it leaves tokens unused and nobody out.
type Keeper struct {
	Store         KeeperStore
	Joins         Sender // The joins queue.
	Line          Sender // The line queue, where the ticketing service assigns windows itself; nil where the keeper does.
	Objects       ObjectStore
	Board         Board // Where fans read the status beside the object; nil where they do not.
	Beacons       Beacons
	Clock         clock.Clock
	Random        func() []byte // 32 random bytes.
	Holder        string        // A random id of this execution environment, which runs one invocation at a time.
	PlacerTimeout time.Duration // The placer function's time-out.
	Retention     time.Duration // Of records; 0 for ever.
	Shards        int           // Of the status.
	Log           *slog.Logger
	Metrics       *telemetry.Metrics

	sales      []Sale
	salesRead  time.Time
	leaseUntil time.Time
	leaseTaken time.Time
	mu         sync.Mutex
	memories   map[string]*remembered // By sale.
}

// remembered is what a keeper knows of a sale from its rounds before. All of it can be read again.
type remembered struct {
	progress  *Progress
	draw      *Draw
	list      []string // The closed list, while it is being drawn.
	order     []string // The list as it was drawn.
	blocks    map[string]Block
	published *Status
	at        int64          // When it was published.
	objectAt  int64          // When it was written to its object.
	unshown   bool           // What was published last may not stand wherever it is read.
	windows   map[int]Window // As they were read, with who was called since.
	windowsTo int            // The greatest number that was read.
	windowsAt int64          // When they were read.
	probed    int64          // When the probes were last looked for.
	unsaved   bool           // The progress has calls in it that were not written down yet.
}

var errLeaseLost = errors.New("the lease is over")

// errOvertaken says that another keeper is at work.
var errOvertaken = errors.New("another keeper wrote the progress")

// Handle is one tick. The event is not looked at. A round that fails is logged, and the next tries again; the error is that of the last one.
func (k *Keeper) Handle(ctx context.Context, _ json.RawMessage) error {
	stop := k.Clock.Now().Add(runWithoutDeadline)
	if deadline, ok := ctx.Deadline(); ok {
		stop = deadline.Add(-stopBefore)
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-endBefore))
		defer cancel()
	}
	k.memories, k.salesRead = nil, time.Time{} // Another keeper was at work in between.
	err := k.readSales(ctx)
	if err == nil && !k.busy() {
		if !k.take(ctx) {
			return nil // Somebody else is at it.
		}
		defer k.release(ctx)
		return k.Round(ctx)
	}
	for k.Clock.Now().Before(stop) {
		if !k.take(ctx) {
			if !k.wait(ctx, leaseRetry) {
				return err
			}
			continue
		}
		began := k.Clock.Now()
		if err = k.Round(ctx); err != nil {
			k.Log.ErrorContext(ctx, "round", "error", err)
		}
		if !k.busy() && err == nil || !k.wait(ctx, roundEvery-k.Clock.Now().Sub(began)) {
			break
		}
	}
	k.release(ctx)
	return err
}

// busy says whether any sale is going on, or about to.
func (k *Keeper) busy() bool {
	now := ms(k.Clock.Now())
	for _, sale := range k.sales {
		switch state := sale.StateAt(Draw{}, now); state {
		case Scheduled:
			if now >= sale.JoinsFrom()-leadTime.Milliseconds() {
				return true
			}
		case Gathering, Drawing, Open, Paused:
			return true
		}
	}
	return false
}

// take takes or renews the lease. A renewal that fails for a fault keeps what is left of the lease.
func (k *Keeper) take(ctx context.Context) bool {
	now := k.Clock.Now()
	if now.Before(k.leaseUntil) && now.Sub(k.leaseTaken) < leaseEvery {
		return true
	}
	held, err := k.Store.TakeLease(ctx, k.Holder, now, now.Add(leaseFor))
	switch {
	case err != nil:
		k.Log.WarnContext(ctx, "take lease", "error", err)
		return k.leased()
	case held:
		if !now.Before(k.leaseUntil) {
			k.memories = nil // Another keeper may have been at work.
		}
		k.leaseUntil, k.leaseTaken = now.Add(leaseFor), now
	default:
		k.leaseUntil = time.Time{}
	}
	return held
}

func (k *Keeper) leased() bool { return k.Clock.Now().Before(k.leaseUntil) }

func (k *Keeper) release(ctx context.Context) {
	if k.leaseUntil.IsZero() {
		return
	}
	k.leaseUntil = time.Time{}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endBefore/2)
	defer cancel()
	if err := k.Store.ReleaseLease(ctx, k.Holder); err != nil {
		k.Log.WarnContext(ctx, "release lease", "error", err) // It runs out by itself.
	}
}

// wait returns after d, or with false as soon as the context is done.
func (k *Keeper) wait(ctx context.Context, d time.Duration) bool {
	return clock.Wait(ctx, k.Clock, d) == nil
}

func (k *Keeper) readSales(ctx context.Context) error {
	now := k.Clock.Now()
	if !k.salesRead.IsZero() && now.Sub(k.salesRead) < salesEvery {
		return nil
	}
	sales, ended, err := k.Store.ReadSales(ctx)
	if err != nil && len(sales) == 0 {
		return fmt.Errorf("read sales: %w", err)
	}
	if err != nil {
		k.Log.ErrorContext(ctx, "read sales", "error", err) // The others go on.
	}
	k.sales, k.salesRead = sales, now
	for _, sale := range ended {
		if err := k.Store.EndOverrides(ctx, sale); err != nil {
			k.Log.WarnContext(ctx, "end overrides", "sale", sale, "error", err) // They are out of force as it is.
		}
	}
	return nil
}

// round is one sale's part of a round.
type round struct {
	*Keeper
	*remembered
	sale  Sale
	state State
	now   int64
	ends  *lines // As this round read them; nil where it has not.
	open  int    // Windows that a fan has.
}

// Round does once what is due of all sales, as the holder of the lease. Faults of one sale do not hold up another.
func (k *Keeper) Round(ctx context.Context) error {
	if err := k.readSales(ctx); err != nil {
		return err
	}
	return each(len(k.sales), func(i int) error {
		sale := k.sales[i]
		r := &round{Keeper: k, remembered: k.memory(sale.ID), sale: sale, now: ms(k.Clock.Now())}
		if err := r.do(ctx); err != nil {
			k.forget(sale.ID) // Whatever was true is read again.
			return fmt.Errorf("sale %s: %w", sale.ID, err)
		}
		return nil
	})
}

func (k *Keeper) memory(sale string) *remembered {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.memories == nil {
		k.memories = map[string]*remembered{}
	}
	if k.memories[sale] == nil {
		k.memories[sale] = &remembered{blocks: map[string]Block{}}
	}
	return k.memories[sale]
}

func (k *Keeper) forget(sale string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	former := k.memories[sale] // What was closed stays closed.
	k.memories[sale] = &remembered{blocks: map[string]Block{}, list: former.list, unshown: former.unshown}
}

// do does what is due of one sale. Neither a fault of the draw nor of the calls keeps the status from being published.
func (r *round) do(ctx context.Context) error {
	if r.draw == nil {
		r.draw = &Draw{}
		if r.sale.Draws() {
			draw, err := r.Store.ReadDraw(ctx, r.sale.ID)
			if err != nil {
				r.draw = nil
				return err
			}
			*r.draw = draw
		}
	}
	if r.progress == nil {
		progress, err := r.Store.ReadProgress(ctx, r.sale.ID)
		if err != nil {
			return err
		}
		r.progress = &progress
	}
	r.state = r.sale.StateAt(*r.draw, r.now)
	var faults []error
	if r.sale.Draws() && r.state != Closed && r.draw.Stage != DrawPlaced {
		faults = append(faults, r.advance(ctx))
		r.state = r.sale.StateAt(*r.draw, r.now)
	}
	if r.state == Open || r.state == Paused {
		faults = append(faults, r.call(ctx))
	}
	if r.state == Closed && r.progress.Slots > 0 {
		faults = append(faults, r.countLast(ctx))
	}
	faults = append(faults, r.callProbes(ctx))
	if err := errors.Join(faults...); errors.Is(err, errLeaseLost) || errors.Is(err, errOvertaken) {
		return err
	}
	return errors.Join(append(faults, r.publish(ctx))...)
}

func (k *Keeper) expires(at int64) int64 { return expiresAfter(k.Retention, at) }
