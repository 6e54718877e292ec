package votingwindow_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/votecheck"
)

// TestEveryVoteOfAnEveningEndsOnce plays whole evenings, each under its own rules and hardships, through the real handlers against the modelled
// store: voters, intake, a queue that delivers in any order and more than once, recorders and publishers that die, tables that throttle and lose
// answers, operators who move the closing time, rehearse, and release from quarantine. Then every vote is asked what became of it.
func TestEveryVoteOfAnEveningEndsOnce(t *testing.T) {
	for name, p := range plans() {
		t.Run(name, func(t *testing.T) { p.play(t, textHash(name)) })
	}
}

// TestAMillionVotesEndOnce is the same with a million votes. It takes a minute of processor time and 3 GB.
func TestAMillionVotesEndOnce(t *testing.T) {
	if os.Getenv("SERVERLESS_TEST_ALL") == "" && !strings.Contains(flagRun(), "Million") {
		t.Skip("a million votes take minutes: set SERVERLESS_TEST_ALL=1, or ask for it by -run Million")
	}
	p := plans()["rejecting"]
	p.votes, p.voters = 1_000_000, 800_000
	p.play(t, 1)
}

func plans() map[string]plan {
	one := votingwindow.Window{Questions: []string{"vote/yes/no/maybe"}, Grace: 2 * time.Minute}
	two := votingwindow.Window{Questions: []string{"song/a/b/c", "dance/a/b"}, Grace: 2 * time.Minute}
	thrice, replacing := two, two
	thrice.VotesPerVoter, replacing.Revote = 3, votingwindow.RevoteReplace
	sudden := one
	sudden.Grace = 5 * time.Second
	return map[string]plan{
		"rejecting": {votes: 6000, voters: 4000, window: one, faults: 1, deaths: 5, rehearsed: true, moved: 90 * time.Second},
		"in peace":  {votes: 3000, voters: 2500, window: one},
		"thrice":    {votes: 5000, voters: 900, window: thrice, faults: 3, deaths: 10, moved: -4 * time.Minute, afterClose: true},
		"replacing": {votes: 5000, voters: 150, window: replacing, faults: 3, deaths: 10, moved: 90 * time.Second, rehearsed: true},
		"guarded": {
			votes: 4000, voters: 2500, window: two, tickets: true, listed: true, faults: 2, deaths: 5, moved: -8 * time.Minute,
			recorder: votingwindow.RecorderConfig{Direct: true, RetentionDays: 30},
		},
		"suspicious": {
			votes: 5000, voters: 1500, window: one, perAddress: 1, faults: 3, deaths: 10,
			recorder: votingwindow.RecorderConfig{QuarantinePattern: `zq\.[0-9]*99`},
		},
		"suspicious, replacing": {
			votes: 4000, voters: 1000, window: replacing, perAddress: 1, faults: 3, deaths: 10, afterClose: true,
			recorder: votingwindow.RecorderConfig{QuarantinePattern: `zq\.[0-9]*99`},
		},
		"hardship": {votes: 3000, voters: 1500, window: sudden, faults: 15, deaths: 25, moved: -time.Minute},
	}
}

// syncBuffer takes all lines that the functions write.
type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(line)
}

func source(function string) telemetry.Source {
	return telemetry.Source{System: base.System, Name: base.Name, Function: function}
}

func (b *syncBuffer) logger(function string) *slog.Logger {
	return telemetry.Logger(b, source(function))
}

func (b *syncBuffer) metrics(function string) *telemetry.Metrics {
	return telemetry.NewMetrics(b, source(function))
}

func (p plan) play(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		d := p.begin(t, seed)
		ctx, end := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for number := range workersUp {
			running.Go(func() { d.work(ctx, number) })
		}
		running.Go(func() { d.publish(ctx) })
		d.rehearse()
		running.Go(d.voting)
		running.Go(d.operate)
		for deadline := d.window.OpensAt.Add(heldUntil + time.Hour); !d.over(); {
			if time.Now().After(deadline) {
				state, err := d.store().WindowState(peaceful)
				t.Errorf("the evening does not end: %d messages are left, mapping %s, state %+v, %v", d.left, d.mappingState(), state, err)
				break
			}
			pass(time.Minute)
		}
		end()
		running.Wait()
		d.faultOf = nil
		d.checkAll()
		d.releaseSome()
		d.checkNobodyIsNamed()
	})
}

func (p plan) begin(t *testing.T, seed uint64) *drama {
	p.window.OpensAt = time.Now().Add(6 * time.Minute)
	p.window.ClosesAt = p.window.OpensAt.Add(evening)
	who := votingwindow.Admission{VoterPattern: `zq\.[0-9]+`}
	d := &drama{
		plan: p, t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 100)), pick: rand.New(rand.NewPCG(seed, 101)), log: &syncBuffer{},
		closes: p.window.ClosesAt.Add(p.moved), later: map[int64][]int32{}, swept: time.Now().Unix(),
	}
	if p.tickets {
		d.key = ed25519.NewKeyFromSeed(voterKey)
		who.TicketPublicKey = base64.StdEncoding.EncodeToString(d.key.Public().(ed25519.PublicKey))
	}
	var allow votingwindow.AllowList
	if p.listed {
		var entries [][8]byte
		for voter := range int32(p.voters) {
			if voter%10 != 3 {
				entries = append(entries, allowEntry(voterKey, d.name(voter)))
			}
		}
		object := encodeAllowList(entries)
		var err error
		if allow, err = votingwindow.ReadAllowList(bytes.NewReader(object), int64(len(object))); err != nil {
			t.Fatal(err)
		}
	}
	rules := mustAdmit(p.window, who)
	d.judge = judgeOf(rules, p.recorder, allow)
	d.world = newWorld(rules, clock.System{})
	d.intake = &votingwindow.Intake{Rules: rules, InForce: d.inForce()}
	d.page = max(500, p.votes/100) // The SDK's retries are not modelled: a scan of many pages would never end.
	d.faultOf = func(operation, table, key string, n int) fault {
		chance := textHash(fmt.Sprint(seed, operation, table, key, n))
		if chance%100 < p.faults {
			return fault(1 + chance/100%2)
		}
		return fine
	}
	d.lag = func(_, key string) bool { return textHash(key)%50 == uint64(time.Now().Unix()/3)%50 }
	d.depthNow = func() votingwindow.Depth {
		d.queue.Lock()
		defer d.queue.Unlock()
		return votingwindow.Depth{Visible: int64(d.left)}
	}
	return d
}

// publish starts a publisher each minute, as the scheduler does. Some die.
func (d *drama) publish(ctx context.Context) {
	random := rand.New(rand.NewPCG(d.seed, 102))
	var running sync.WaitGroup
	for tick := 0; ctx.Err() == nil; tick++ {
		life := &process{}
		if random.IntN(100) < d.deaths {
			life.dies = 1 + random.Int64N(400)
		}
		publisher := d.publisher(fmt.Sprint("p", tick))
		publisher.AfterClose, publisher.PerAddress = d.afterClose, d.perAddress
		publisher.Log, publisher.Metrics = d.log.logger("publisher"), d.log.metrics("publisher")
		running.Go(func() {
			within, cancel := context.WithTimeout(life.of(ctx), 125*time.Second)
			defer cancel()
			_ = publisher.Handle(within, nil)
		})
		pass(time.Minute)
	}
	running.Wait()
}

// rehearse tries the window out before it opens, and resets it.
func (d *drama) rehearse() {
	if !d.rehearsed {
		return
	}
	for range 60 {
		c := d.draw()
		if c.kind != sound {
			continue
		}
		if c.kind, c.held = rehearsalVote, false; d.random.IntN(3) == 0 {
			d.request(c)
		} else {
			d.send(c, time.Now())
		}
	}
	shown := func() bool {
		r := d.results()
		return r.Status == votingwindow.StatusRehearsal && (r.Total < 30) == d.afterClose
	}
	for !shown() && time.Until(d.window.OpensAt) > 130*time.Second {
		pass(time.Second) // Faults may send some of them round the queue again.
	}
	if !shown() {
		d.t.Errorf("the rehearsal is shown as %+v", d.results())
	}
	for d.depthNow().Visible > 0 && time.Until(d.window.OpensAt) > 30*time.Second {
		pass(time.Second) // What comes after the reset would be a rehearsal anew.
	}
	reset := &votingwindow.Reset{Rules: d.rules, Store: d.store(), Clock: d.clock}
	var removed votingwindow.Removed
	again := false // What a lost answer removed is not counted.
	for {          // The tables throttle.
		now, err := reset.Handle(context.Background(), nil)
		removed.Ballots, removed.Entries, removed.Counters = removed.Ballots+now.Ballots, removed.Entries+now.Entries, removed.Counters+now.Counters
		if err == nil {
			break
		}
		again = true
		pass(time.Second)
	}
	if removed.Ballots < 30 || removed.Counters == 0 && !again {
		d.t.Errorf("the reset removed %+v", removed)
	}
	go func() {
		pass(time.Until(d.window.OpensAt.Add(time.Minute)))
		if _, err := reset.Handle(context.Background(), nil); err == nil {
			d.t.Errorf("reset while the window is open")
		}
	}()
}

// operate moves the closing time, as late as it may be done.
func (d *drama) operate() {
	if d.moved == 0 {
		return
	}
	first := d.closes
	if d.moved > 0 {
		first = d.window.ClosesAt
	}
	pass(time.Until(first.Add(-votingwindow.ControlLead)))
	control, err := d.rules.Move(votingwindow.Control{}, d.closes, time.Now(), "arn:aws:iam::123456789012:user/eve")
	if err != nil {
		d.t.Errorf("move the closing time: %v", err)
	}
	if err := d.PutItem(peaceful, &dynamodb.PutItem{TableName: "tallies", Item: votingwindow.ControlItem(control)}); err != nil {
		d.t.Errorf("write the control: %v", err)
	}
}

type peaceKey struct{}

// peaceful is the context of calls that nothing befalls.
var peaceful = context.WithValue(context.Background(), peaceKey{}, true)

// over says whether all is done: final, and what surfaced late is recorded.
func (d *drama) over() bool {
	d.queue.Lock()
	left := d.left
	for i := range d.casts {
		if d.casts[i].held && !d.casts[i].done {
			left++
		}
	}
	d.queue.Unlock()
	if left > 0 || time.Since(d.window.OpensAt) < heldUntil+2*time.Minute {
		return false
	}
	state, err := d.store().WindowState(peaceful)
	if err != nil {
		d.t.Fatal(err)
	}
	return state.Phase == votingwindow.PhaseFinal && !state.MappingOff
}

// releaseSome releases what is in quarantine by one rule, whereupon the figures are counted and published again.
func (d *drama) releaseSome() {
	if d.perAddress == 0 {
		return
	}
	quarantine := &votingwindow.Quarantine{Store: d.store()}
	listed, err := quarantine.Handle(peaceful, votingwindow.QuarantineRequest{Action: "list"})
	if err != nil || listed.Total == 0 {
		d.t.Fatalf("the quarantine has %+v, %v", listed, err)
	}
	var most votingwindow.QuarantineGroup
	var ofAddress, ofAll int64
	for _, group := range listed.Groups {
		if ofAll += group.Count; group.Rule == votingwindow.RuleRate {
			if most.Count == 0 {
				most = group
			}
			if group.Address == most.Address {
				ofAddress += group.Count
			}
		}
	}
	before := d.ledger()
	released, err := quarantine.Handle(peaceful, votingwindow.QuarantineRequest{Action: "release", Rule: votingwindow.RuleRate, Address: most.Address})
	if err != nil || released.Total != ofAddress || !released.Recount || ofAddress == 0 || ofAll != listed.Total || before.Quarantined != listed.Total {
		d.t.Errorf("released %+v of %d, %d in all, the ledger had %+v; %v", released, ofAddress, ofAll, before, err)
	}
	publisher := d.publisher("last")
	publisher.AfterClose, publisher.PerAddress = d.afterClose, d.perAddress
	if err := publisher.Handle(peaceful, nil); err != nil {
		d.t.Error(err)
	}
	after := d.ledger()
	if after.Released != ofAddress || after.Counted != before.Counted+ofAddress || after.Quarantined != before.Quarantined-ofAddress ||
		after.Difference != before.Difference || d.results().Total != after.Counted || after.Status != votingwindow.StatusFinal {
		d.t.Errorf("the ledger went from %+v to %+v", before, after)
	}
	if recounted := d.recount(d.t); !recounted.Agrees || recounted.Released != ofAddress {
		d.t.Errorf("recounted %+v", recounted)
	}
}

// checkNobodyIsNamed looks for identifiers and addresses in all that anybody but the functions can read.
func (d *drama) checkNobodyIsNamed() {
	named := func(where, text string) {
		if strings.Contains(text, namePrefix) || strings.Contains(text, addressPrefix) {
			d.t.Errorf("%s names somebody: %s", where, text)
		}
	}
	for line := range strings.Lines(d.log.String()) {
		named("a line", line)
		if !json.Valid([]byte(line)) {
			d.t.Errorf("a line is no JSON: %s", line)
		}
	}
	for key, object := range d.objects {
		named(key, string(object))
	}
	for name, table := range d.tables {
		for _, row := range table.rows {
			for _, value := range row.item {
				named(name, value.Text())
			}
		}
	}
}

// checkAll asks every vote what became of it, and every figure where it comes from.
func (d *drama) checkAll() {
	ballots, ledger, err := votecheck.Read(context.Background(), d.memory, "ballots", "ledger")
	if err != nil {
		d.t.Fatal(err)
	}
	var accepted []string
	rehearsed := 0
	for i := range d.casts {
		if c := &d.casts[i]; c.kind == rehearsalVote && c.sent < d.window.OpensAt.UnixMilli() {
			rehearsed++ // It was reset; what came once more after that may be there again.
		} else {
			accepted = append(accepted, messageID(i))
		}
	}
	report := d.check(d.t, accepted)
	if int64(report.Unacknowledged) != report.Rehearsal.Accepted() || report.Unacknowledged > rehearsed/2 {
		d.t.Errorf("%d strangers, the rehearsal has %+v", report.Unacknowledged, report.Rehearsal)
	}
	d.checkVotes(ballots, ledger)
	d.checkRates(ballots)
	checkPublished(d, report)
	for _, line := range slices.Concat(ledgerExpiry(ledger), ballotExpiry(ballots)) {
		if want := d.window.ClosesAt.Add(30 * 24 * time.Hour); (d.recorder.RetentionDays == 0) != line.IsZero() || !line.IsZero() && !line.Equal(want) {
			d.t.Fatalf("an item expires at %s", line)
		}
	}
}

func ledgerExpiry(ledger []votingwindow.Entry) (times []time.Time) {
	for _, entry := range ledger {
		times = append(times, entry.Expires)
	}
	return times
}

func ballotExpiry(ballots []votingwindow.Ballot) (times []time.Time) {
	for _, ballot := range ballots {
		times = append(times, ballot.Expires)
	}
	return times
}
