package forecast

import (
	"strings"
	"testing"
	"time"
)

// An orchestrator sees what there is, and what it sets comes into force: the
// mapping's at once, the table's when the change is done.
func TestOrchestrator(t *testing.T) {
	d := votes(Direct)
	d.Functions = append(d.Functions, Function{Name: "orchestrator", Reserved: 1})
	d.Tables[0].Units = 200
	mapping := d.Stages[1].(Mapping)
	mapping.MaxConcurrency = 2
	var seen []Seen
	orchestrator := Orchestrator{
		Function: "orchestrator", Every: time.Minute, Takes: 30 * time.Millisecond, Queue: "votes", Table: "ballots", Scales: 90 * time.Second,
		Rules: func() func(Seen) Capacity {
			return func(s Seen) Capacity {
				seen = append(seen, s)
				switch {
				case s.Changing || s.At < 0:
					return Capacity{}
				case s.Have.Units == 200:
					return Capacity{Units: 3000, Batches: 20}
				case s.Have.Units == 3000 && s.At > 6*time.Minute:
					return Capacity{Units: 100}
				}
				return Capacity{}
			}
		},
	}
	d.Stages = []Stage{d.Stages[0], mapping, orchestrator, d.Stages[2]}
	r := simulate(t, Forecast{d, constant(2000, 10*time.Minute), Defaults(), 1})
	raised, lowered := -1, -1
	for i, s := range seen {
		switch {
		case s.Have == Capacity{3000, 20} && raised < 0:
			raised = i
		case s.Have == Capacity{100, 20} && lowered < 0:
			lowered = i
		}
	}
	if raised < 1 || lowered < raised {
		t.Fatalf("it saw %+v", seen)
	}
	// It is called each minute, so a change of 90 s is seen to be under way once.
	if before := seen[raised-1]; !before.Changing || (before.Have != Capacity{200, 20}) || before.Waiting < 50_000 {
		t.Errorf("before the raise it saw %+v", before)
	}
	// 200 units and 300 s of them saved, then 3,000.
	asked := seen[raised-2].At
	for second, most := range map[time.Duration]int{asked + 85*time.Second: 200, asked + 95*time.Second: 3000} {
		if got := r.Seconds[int(second/time.Second)].Recorded; got > most*11/10 || got < most*8/10 {
			t.Errorf("%s after it asked, %d are recorded in a second, want some %d", second-asked, got, most)
		}
	}
	// What is saved of the lower capacity is at most 300 s of it.
	at := int(seen[lowered].At / time.Second)
	sum := 0
	for _, s := range r.Seconds[at : at+60] {
		sum += s.Recorded
	}
	if most := 300*100 + 60*100; sum > most {
		t.Errorf("%d are recorded in a minute, at most %d can be", sum, most)
	}
}

func TestOrchestratorNeedsAMapping(t *testing.T) {
	d := votes(Direct)
	d.Stages = []Stage{Orchestrator{
		Function: "publisher", Every: time.Minute, Queue: "votes", Table: "ballots", Rules: func() func(Seen) Capacity { return nil },
	}}
	_, err := Forecast{d, constant(1, time.Minute), Defaults(), 1}.Run()
	if err == nil || !strings.Contains(err.Error(), `no mapping from queue "votes"`) {
		t.Errorf("the error is %v", err)
	}
}
