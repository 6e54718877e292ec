package provider_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
	"github.com/burstline/terraform-provider-serverless/internal/systems/votingwindow"
)

// storm is weather in which an apply meets all that may come in its way. The
// durations are AWS's in miniature, in their order: what waits for the whole of
// one has not waited out the next.
func storm(a account) localaws.Conditions {
	return localaws.Conditions{
		AccessKeys: []string{a.deployer().key},
		RoleLag:    500 * time.Millisecond, RoleSpread: 3 * time.Second, PolicySpread: 8 * time.Second,
		FunctionBusy: 700 * time.Millisecond, ListLag: time.Second, QueueNameHeld: 12 * time.Second, QueueDying: 12 * time.Second, QueueLag: time.Second,
		LogGroupBusy: 500 * time.Millisecond, BucketBusy: time.Second,
		TableLag: 500 * time.Millisecond, TableBusy: 1500 * time.Millisecond, BackupsLag: 3 * time.Second, Tables: 1,
		StreamLag: 500 * time.Millisecond, StreamBusy: 1500 * time.Millisecond,
		Rates: true, Latency: 5 * time.Millisecond, Seed: 1,
	}
}

// lasting is how long each refusal of the storm can last for one object.
func lasting(c localaws.Conditions) map[localaws.Hardship]time.Duration {
	return map[localaws.Hardship]time.Duration{
		localaws.RoleUnknown: c.RoleLag, localaws.RoleNotAssumable: c.RoleSpread,
		localaws.RoleNotPermitted: c.PolicySpread, localaws.QueueNameHeld: c.QueueNameHeld, localaws.LogGroupBusy: c.LogGroupBusy,
		localaws.BucketBusy: c.BucketBusy, localaws.BackupsUnavailable: c.BackupsLag,
	}
}

// attempts is how many calls it takes to wait out a refusal that lasts so long,
// with the engine's pauses: a quarter of a second, and twice as long each time
// up to five seconds. The first refusal may be that the name is taken, which is
// looked at at once.
func attempts(lasts time.Duration) int {
	n := 2
	for pause, waited := 250*time.Millisecond, time.Duration(0); waited < lasts; pause = min(2*pause, 5*time.Second) {
		waited += pause
		n++
	}
	return n
}

// TestAccWeather lives through the storm: a voting window is made, changed,
// destroyed and made again under its name at once. Whatever AWS refuses for a
// while is waited out, with no more calls than that takes.
func TestAccWeather(t *testing.T) {
	a := newAccount(t)
	conditions := storm(a)
	mark := local.Gate().Meter().Mark()
	weather := local.Gate().SetWeather(conditions)
	t.Cleanup(weather.End)
	system, ok := systems.Find(votingwindow.System.Name)
	if !ok {
		t.Fatal("there are no voting windows")
	}
	s := newSession(t, a, options{system: system.Name}, nil)
	changed := exampleOf(system, map[string]any{"question": "Who wins tonight?", "log_retention_days": 30, "force_destroy": true})
	for _, config := range []map[string]any{exampleOf(system, nil), changed} {
		if text := s.apply(config); text != "" {
			t.Fatal(text)
		}
	}
	if text := s.destroy(); text != "" {
		t.Fatal(text)
	}
	if text := s.apply(changed); text != "" {
		t.Fatal(text)
	}
	s.settled(changed)
	s.gone(a)
	weather.End()

	hits := weather.Hits()
	t.Logf("%d calls; the weather hit %v", len(a.calls(mark)), hits)
	// Not among them: that the Scheduler does not know a role (the schedule comes
	// last, when its role is old), that a list lacks a mapping or queue (both are
	// asked for by id or name), and that too many tables are made at once (a busy
	// machine makes them one after the other).
	for _, h := range []localaws.Hardship{
		localaws.RoleUnknown, localaws.RoleNotAssumable, localaws.RoleNotPermitted, localaws.FunctionSettling,
		localaws.QueueNameHeld, localaws.QueueDying, localaws.QueueUnknown, localaws.LogGroupBusy, localaws.LogGroupUnlisted, localaws.BucketBusy, localaws.TableUnknown,
		localaws.TableSettling, localaws.BackupsUnavailable, localaws.Throttled, localaws.Slow,
	} {
		if hits[h] == 0 {
			t.Errorf("the storm had no %s", h)
		}
	}
	// Only who does not look, or does not wait for what it sees, meets these.
	for _, h := range []localaws.Hardship{localaws.FunctionBusy, localaws.TableBusy} {
		if hits[h] != 0 {
			t.Errorf("%d calls met a %s, where a look would have told", hits[h], h)
		}
	}
	boundedBy(t, a.calls(mark), lasting(conditions))
}

// TestAccWeatherOfStreams lives through the storm with streams: they are made,
// grow, are destroyed and made again under their names at once.
func TestAccWeatherOfStreams(t *testing.T) {
	a := newAccount(t)
	weather := local.Gate().SetWeather(storm(a))
	t.Cleanup(weather.End)
	system, ok := systems.Find("recommendation_pipeline")
	if !ok {
		t.Fatal("there are no pipelines")
	}
	s := newSession(t, a, options{system: system.Name}, nil)
	grown := exampleOf(system, map[string]any{"stream": map[string]any{"shards": 3, "retention_hours": 48}, "force_destroy": true})
	for _, config := range []map[string]any{exampleOf(system, nil), grown} {
		if text := s.apply(config); text != "" {
			t.Fatal(text)
		}
	}
	if text := s.destroy(); text != "" {
		t.Fatal(text)
	}
	if text := s.apply(grown); text != "" {
		t.Fatal(text)
	}
	s.settled(grown)
	s.gone(a)
	weather.End()
	hits := weather.Hits()
	for _, h := range []localaws.Hardship{localaws.StreamUnknown, localaws.StreamSettling} {
		if hits[h] == 0 {
			t.Errorf("the storm had no %s", h)
		}
	}
}

// boundedBy fails the test where a call was refused more often than it takes to
// wait its refusal out, once for each of the two lives of its object.
func boundedBy(t *testing.T, calls []localaws.Call, lasting map[localaws.Hardship]time.Duration) {
	t.Helper()
	refused := map[string]int{}
	bounds := map[string]int{}
	for _, c := range calls {
		hardship, ok := strings.CutPrefix(c.Injected, "weather: ")
		lasts, bounded := lasting[localaws.Hardship(hardship)]
		if !ok || !bounded {
			continue
		}
		key := fmt.Sprintf("%s of %s, %s", c.Operation, c.Resource, hardship)
		refused[key]++
		bounds[key] = 2 * attempts(lasts)
	}
	for _, key := range slices.Sorted(maps.Keys(refused)) {
		if refused[key] > bounds[key] {
			t.Errorf("%s: %d calls, where %d are enough", key, refused[key], bounds[key])
		}
	}
}
