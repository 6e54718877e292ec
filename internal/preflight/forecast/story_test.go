package forecast

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func story(v values) Design {
	return Design{
		Functions: []Function{
			{Name: "intake", ColdStart: v.cold}, {Name: "orchestrator", ColdStart: v.cold}, {Name: "worker", ColdStart: v.cold}, {Name: "publisher", ColdStart: v.cold},
		},
		Queues: []Queue{{Name: "votes", Visibility: 30 * time.Second}},
		Tables: []Table{{Name: "votes", Units: 5}},
		Stages: []Stage{
			Door{Kind: API, Function: "intake", Takes: v.intake, Queue: "votes"},
			Orchestrator{
				Function: "orchestrator", Every: time.Minute, Queue: "votes", Table: "votes",
				Clear: v.clear, LeastUnits: 5, Scales: v.scales,
				Workers: Workers{Function: "worker", Per: v.per, Round: v.round, Lives: v.lives, Retry: Retry{Attempts: v.attempts, Base: 50 * time.Millisecond, Most: 30 * time.Second}},
			},
			Publisher{Function: "publisher", Tick: time.Minute, Every: 5 * time.Second, Lives: time.Minute},
		},
		Grace: 2 * time.Minute,
	}
}

type values struct {
	intake, cold, clear, scales, round, lives time.Duration
	per, attempts                             int
}

func TestExplore(t *testing.T) {
	for _, wait := range []int{1} {
		for _, clear := range []int{120, 180, 240} {
			for _, per := range []int{100, 150, 200} {
				for _, intake := range []int{600, 700} {
					for _, round := range []int{1000, 2000} {
						v := values{intake: time.Duration(intake) * time.Millisecond, cold: time.Second, clear: time.Duration(clear) * time.Second, scales: 30 * time.Second, round: time.Duration(round) * time.Millisecond, lives: 300 * time.Second, per: per, attempts: 11}
						out := ""
						for _, rate := range []float64{833.4, 416.7} {
							var froze []int
							never := 0
							for seed := uint64(0); seed < 9; seed++ {
								d := story(v)
								d.AsyncRetry = time.Duration(wait) * time.Second
								curve := Curve{{0, rate}, {600 * time.Second, rate}}
								r, err := Forecast{d, curve, Defaults(), seed}.Run()
								if err != nil {
									t.Fatal(err)
								}
								if r.FrozenAt < 0 {
									never++
								} else {
									froze = append(froze, int(r.FrozenAt.Seconds()))
								}
								if seed == 8 {
									out += fmt.Sprintf(" ref %d drain %v w %d", r.Refused, r.Drains, r.PeakByFunction["worker"])
								}
							}
							slices.Sort(froze)
							out += fmt.Sprint(" never ", never, froze)
						}
						t.Logf("wait %d clear %d per %d intake %d round %d: %s", wait, clear, per, intake, round, out)
					}
				}
			}
		}
	}
}
