package deploy

import (
	"slices"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// cutOff applies and dies before anything of it is written down.
func cutOff(t *testing.T, account string, in Input) {
	t.Helper()
	e := engineIn(t, account, 1)
	clock := newClock()
	e.Clock = heartless{clock}
	e.Holder = Holder{}
	// The first write is the claim.
	armed := arm(t, account, localaws.Fault{Service: "ssm", Operation: "PutParameter", Nth: 2, Times: 1, Kind: localaws.FaultTimeout})
	if res := e.Apply(t.Context(), in); len(res.Failures) == 0 || !armed.Fired() {
		t.Fatalf("the apply was not cut off: %+v", res)
	}
}

// TestCutOffThenOtherwise: after an apply that was killed the arguments are others,
// or the system is destroyed by what the state knows. What was made is not left
// behind.
func TestCutOffThenOtherwise(t *testing.T) {
	more := func() *blueprint.Builder {
		b := small(settings(), time.Minute)
		queue := b.Queue("extra", blueprint.Queue{Visibility: time.Minute})
		bucket := b.Bucket("archive", blueprint.Bucket{})
		b.Object("note", bucket, "note.txt", blueprint.Object{ContentType: "text/plain", Content: "note"})
		b.Output("extra", queue.URL())
		return b
	}
	for name, killed := range map[string]bool{"first apply": true, "later apply": false} {
		for what, destroys := range map[string]bool{"apply": false, "destroy": true} {
			t.Run(name+", then "+what, func(t *testing.T) {
				e, account := newEngine(t, 3)
				e.Clock = heartless{newClock()}
				b := small(settings(), time.Minute)
				if !killed {
					succeeded(t, e.Apply(t.Context(), input(b, true)))
				}
				cutOff(t, account, input(more(), killed))
				if destroys {
					succeededGone(t, e, account, b)
					return
				}
				before := inventory(t, account)
				succeeded(t, e.Apply(t.Context(), input(b, killed)))
				for _, key := range []string{"queue one-tiny-extra-euc1", "bucket one-tiny-archive-" + account + "-euc1"} {
					if !slices.Contains(before, key) || slices.Contains(inventory(t, account), key) {
						t.Errorf("there was %q, there is %q", before, inventory(t, account))
					}
				}
				succeededGone(t, e, account, b)
			})
		}
	}
}

// TestCutOffWithData: what an apply made and could not write down may bear data by
// the time that it is wanted no longer.
func TestCutOffWithData(t *testing.T) {
	e, account := newEngine(t, 3)
	e.Clock = heartless{newClock()}
	b := small(protecting(), time.Minute)
	made := succeeded(t, e.Apply(t.Context(), input(b, true)))
	more := small(protecting(), time.Minute)
	more.Table("extra", blueprint.Table{Key: "voter", Data: true})
	cutOff(t, account, input(more, false))
	for what, res := range map[string]Result{"apply": e.Apply(t.Context(), input(b, false)), "destroy": e.Destroy(t.Context(), input(b, false))} {
		if len(res.Failures) == 0 || len(res.Failures[0].Argument) == 0 || res.Failures[0].Argument[0] != "force_destroy" {
			t.Errorf("%s was not refused: %+v", what, res)
		}
	}
	if !slices.Contains(inventory(t, account), "table one-tiny-extra-euc1") {
		t.Error("the table with data is gone")
	}
	// The same where the manifest was lost before.
	if err := storeOf(e).remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	lost := input(more, false)
	lost.Digests = made.Digests
	cutOff(t, account, lost)
	if res := e.Destroy(t.Context(), lost); len(res.Failures) == 0 || !slices.Contains(inventory(t, account), "table one-tiny-ballots-euc1") {
		t.Errorf("destroy without the first manifest was not refused: %+v", res)
	}
	forced := small(settings(), time.Minute)
	forced.Table("extra", blueprint.Table{Key: "voter", Data: true})
	succeeded(t, e.Apply(t.Context(), input(forced, false)))
	succeededGone(t, e, account, forced)
}
