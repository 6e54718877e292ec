package provider_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// The fault matrix: each AWS call of an apply, an update and a destroy fails
// once, in every way that calls fail. Then the same command, started again,
// must come to the same end as if nothing had happened, and a destroy must
// leave nothing. It knows of no system; it takes what the registry has.
//
// SERVERLESS_TEST_ALL=1 runs all of it; otherwise a sample is drawn, with the
// seed in SERVERLESS_TEST_SEED or a random one, which is logged.
const (
	allVariable  = "SERVERLESS_TEST_ALL"
	seedVariable = "SERVERLESS_TEST_SEED"
)

// Sample sizes: calls for each hardship. A run with a create takes about three
// seconds of the local AWS, an update about one.
const (
	sampleCreates, sampleUpdates, sampleDestroys = 3, 4, 1
)

// hardship is a way in which one call fails.
type hardship struct {
	name  string
	fault localaws.Fault
	// attempts of one call; a fault of a whole operation hits each of them.
	attempts int
	// ends tells what becomes of the process.
	ends end
}

type end int

const (
	survives end = iota
	// interrupted: Terraform asks the provider to stop.
	interrupted
	// killed: the process makes no call after this one, and Terraform learns
	// nothing of its work.
	killed
)

// hold is how long a call hangs that gets no answer.
const hold = 20 * time.Millisecond

var hardships = []hardship{
	{"error", localaws.Fault{Kind: localaws.FaultError, Code: "InternalFailure", Message: "an internal error", Status: 500, Retries: true}, 1, survives},
	{"access denied", localaws.Fault{Kind: localaws.FaultError, Code: "AccessDeniedException", Message: "not authorized to perform this", Status: 403, Retries: true}, 1, survives},
	{"throttle", localaws.Fault{Kind: localaws.FaultThrottle, Retries: true}, 1, survives},
	{"timeout", localaws.Fault{Kind: localaws.FaultTimeout, Hold: hold, Retries: true}, 1, survives},
	{"lost answer", localaws.Fault{Kind: localaws.FaultLostAnswer, Hold: hold, Retries: true}, 1, survives},
	{"lost answer, tried again", localaws.Fault{Kind: localaws.FaultLostAnswer}, 2, survives},
	{"interrupted", localaws.Fault{Kind: localaws.FaultKill, TakesEffect: true}, 1, interrupted},
	{"killed before", localaws.Fault{Kind: localaws.FaultKill}, 1, killed},
	{"killed after", localaws.Fault{Kind: localaws.FaultKill, TakesEffect: true}, 1, killed},
}

// trial is one hardship at one call.
type trial struct {
	hardship
	nth int
}

// under runs a command of the session while the trial's fault waits for it, and
// reports whether it hit. A killed session forgets what the command did.
func (tr trial) under(s *session, a account, command func() string) (text string, hit bool) {
	s.t.Helper()
	var over, dead atomic.Bool
	mine := func(c localaws.Call) bool { return c.AccessKey == a.deployer().key && !over.Load() }
	before := *s.memory
	fault := tr.fault
	fault.Nth = tr.nth
	fault.Match = func(c localaws.Call) bool { return mine(c) && !dead.Load() }
	switch tr.ends {
	case interrupted:
		fault.Kill = func() {
			if _, err := s.server.StopProvider(s.t.Context(), &tfprotov6.StopProviderRequest{}); err != nil {
				s.t.Error(err)
			}
		}
	case killed:
		fault.Kill = func() { dead.Store(true) }
		after := localaws.Fault{Kind: localaws.FaultTimeout, Match: func(c localaws.Call) bool { return mine(c) && dead.Load() }}
		if _, err := local.Gate().Faults().Add(after); err != nil {
			s.t.Fatal(err)
		}
	}
	armed, err := local.Gate().Faults().Add(fault)
	if err != nil {
		s.t.Fatal(err)
	}
	text = command()
	over.Store(true)
	for _, c := range armed.Hits() {
		s.t.Logf("%s hit call %d, %s %s of %s: %.200s", tr.name, tr.nth, c.Service, c.Operation, c.Resource, text)
	}
	if dead.Load() {
		*s.memory = before
	}
	return text, armed.Fired()
}

// finished is what a create says of a system that was finished by a process
// which was killed before Terraform heard of it.
const finished = "of that name already"

// again runs the command anew, as the next process would, and checks that it
// converges. With untaint a half-made system is gone on with; otherwise
// Terraform replaces it.
func (tr trial) again(t *testing.T, a account, system systems.System, m *memory, config map[string]any, untaint bool) *session {
	t.Helper()
	if untaint {
		m.tainted = false
	}
	s := newSession(t, a, options{system: system.Name, memory: m}, nil)
	if text := s.refresh(); text != "" {
		t.Fatalf("refresh afterwards: %s", text)
	}
	text := s.apply(config)
	if strings.Contains(text, finished) && tr.ends == killed {
		if text = s.importBy(config["name"].(string), nil); text == "" {
			text = s.apply(config)
		}
	}
	if text != "" {
		t.Fatalf("apply again: %s", text)
	}
	s.settled(config)
	return s
}

// matrix knows what a system costs, and draws the trials.
type matrix struct {
	system                    systems.System
	creates, updates, destroy int
	random                    *rand.Rand
}

// draw returns the calls that a hardship is tried at, of n.
func (m matrix) draw(n, sample int) []int {
	if os.Getenv(allVariable) != "" {
		sample = n
	}
	var out []int
	for _, i := range m.random.Perm(n)[:min(sample, n)] {
		out = append(out, i+1)
	}
	return out
}

// changed is an update that touches all parts that take tags.
func changed(system systems.System, step int) map[string]any {
	return exampleOf(system, map[string]any{"force_destroy": true, "log_retention_days": 30, "tags": map[string]any{"step": strconv.Itoa(step)}})
}

// measure counts the calls of a system's create, update and destroy.
func measure(t *testing.T, system systems.System, random *rand.Rand) matrix {
	t.Helper()
	a := anotherAccount()
	s := newSession(t, a, options{system: system.Name}, nil)
	count := func(command func() string) int {
		t.Helper()
		mark := local.Gate().Meter().Mark()
		if text := command(); text != "" {
			t.Fatal(text)
		}
		return len(a.calls(mark))
	}
	m := matrix{system: system, random: random}
	m.creates = count(func() string { return s.apply(exampleOf(system, forced)) })
	m.updates = count(func() string { return s.apply(changed(system, 0)) })
	m.destroy = count(s.destroy)
	return m
}

// seedOf returns the seed that draws the samples, and logs it.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv(seedVariable); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("%s: %s", seedVariable, err)
		}
	}
	t.Logf("%s=%d draws the same sample again", seedVariable, seed)
	return seed
}

func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	random := rand.New(rand.NewPCG(seed, 0))
	tried := map[string][]hardship{}
	for _, h := range hardships {
		for _, system := range triedBy(random) {
			tried[system.Name] = append(tried[system.Name], h)
		}
	}
	for _, system := range systems.All {
		if len(tried[system.Name]) == 0 {
			continue
		}
		t.Run(system.Name, func(t *testing.T) {
			t.Parallel()
			m := measure(t, system, rand.New(rand.NewPCG(seed, 1)))
			t.Logf("%d calls to create, %d to update, %d to destroy", m.creates, m.updates, m.destroy)
			for _, h := range tried[system.Name] {
				m.suffers(t, h)
			}
		})
	}
}

// suffers tries one hardship.
func (m matrix) suffers(t *testing.T, h hardship) {
	t.Helper()
	creates, updates, destroys := m.draw(m.creates, sampleCreates), m.draw(m.updates, sampleUpdates), m.draw(m.destroy, sampleDestroys)
	run := func(name string, f func(t *testing.T)) {
		t.Run(h.name+"/"+name, func(t *testing.T) {
			t.Parallel()
			f(t)
		})
	}
	for _, nth := range creates {
		untaint := m.random.IntN(2) == 0
		run(fmt.Sprintf("create/%d", nth), func(t *testing.T) { m.create(t, trial{h, nth}, untaint) })
	}
	// What was updated is what is destroyed first.
	run("update", func(t *testing.T) { m.update(t, h, updates, destroys[0]) })
	for _, nth := range destroys[1:] {
		run(fmt.Sprintf("destroy/%d", nth), func(t *testing.T) { m.destroys(t, trial{h, nth}) })
	}
}

// triedBy are the systems that one hardship is tried on: all of them in the whole
// matrix, and otherwise one, so that a sample takes as long however many systems
// there are. The engine, which the matrix is about, is the same for all.
func triedBy(random *rand.Rand) []systems.System {
	if os.Getenv(allVariable) != "" {
		return systems.All
	}
	one := random.IntN(len(systems.All))
	return systems.All[one : one+1]
}

// suffering is a session whose process is dead for those that come after it,
// as every Terraform command is a process of its own.
func (m matrix) suffering(t *testing.T, a account, h hardship, memory *memory) *session {
	t.Helper()
	holder := deadProcess(t)
	return newSession(t, a, options{system: m.system.Name, holder: &holder, memory: memory}, map[string]any{"max_retries": h.attempts})
}

func (m matrix) create(t *testing.T, tr trial, untaint bool) {
	a := anotherAccount()
	config := exampleOf(m.system, forced)
	s := m.suffering(t, a, tr.hardship, nil)
	text, hit := tr.under(s, a, func() string { return s.apply(config) })
	if !hit {
		t.Logf("the apply made fewer than %d calls", tr.nth)
	}
	s2 := tr.again(t, a, m.system, s.memory, config, untaint)
	if text := s2.destroy(); text != "" {
		t.Fatal(text)
	}
	if err := a.expectInventory(home); err != nil {
		t.Errorf("after the first apply said %q: %s", text, err)
	}
}

// update makes one system and changes it again and again, each time with a
// fault at another call. In the end it is destroyed, with one more.
func (m matrix) update(t *testing.T, h hardship, calls []int, last int) {
	a := anotherAccount()
	s := newSession(t, a, options{system: m.system.Name}, nil)
	if text := s.apply(changed(m.system, 0)); text != "" {
		t.Fatal(text)
	}
	for step, nth := range calls {
		t.Logf("call %d of an update", nth)
		config := changed(m.system, step+1)
		s = m.suffering(t, a, h, s.memory)
		trial{h, nth}.under(s, a, func() string { return s.apply(config) })
		s = trial{h, nth}.again(t, a, m.system, s.memory, config, false)
	}
	t.Logf("call %d of a destroy", last)
	m.destroyed(t, a, trial{h, last}, s.memory)
}

func (m matrix) destroys(t *testing.T, tr trial) {
	a := anotherAccount()
	s := newSession(t, a, options{system: m.system.Name}, nil)
	if text := s.apply(exampleOf(m.system, forced)); text != "" {
		t.Fatal(text)
	}
	m.destroyed(t, a, tr, s.memory)
}

// destroyed destroys under the trial what is remembered, and again without it.
func (m matrix) destroyed(t *testing.T, a account, tr trial, remembered *memory) {
	t.Helper()
	s := m.suffering(t, a, tr.hardship, remembered)
	tr.under(s, a, s.destroy)
	s = newSession(t, a, options{system: m.system.Name, memory: s.memory}, nil)
	if text := s.refresh(); text != "" {
		t.Fatalf("refresh afterwards: %s", text)
	}
	if text := s.destroy(); text != "" {
		t.Fatalf("destroy again: %s", text)
	}
	if err := a.expectInventory(home); err != nil {
		t.Error(err)
	}
}
