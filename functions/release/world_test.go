package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

// world is an account with functions, alarms and the tables of a release, and faults that tests bring about.
type world struct {
	now     time.Time
	wanted  *Wanted
	state   State
	records map[int]Record
	aliases map[string]Alias
	// versions are the digests of a function's versions, by alias and version.
	versions map[string]map[string]string
	alarms   map[string]Ring
	metrics  []string
	// saves and moves count what took effect.
	saves, moves int
	// fail is asked before each call, by its name, and after each that took effect, by its name with a plus sign.
	fail func(call string) error
}

// errDead stands for a process that ends in the middle.
var errDead = errors.New("the process is dead")

const (
	join = "arn:aws:lambda:eu-central-1:123456789012:function:arena-queue-join:live"
	turn = "arn:aws:lambda:eu-central-1:123456789012:function:arena-queue-turn:live"
)

func newWorld() *world {
	w := &world{
		now: time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC), records: map[int]Record{}, alarms: map[string]Ring{"late": Quiet, "errors": NoData},
		aliases:  map[string]Alias{join: {Version: "1", Revision: "r0"}, turn: {Version: "1", Revision: "r0"}},
		versions: map[string]map[string]string{join: {}, turn: {}},
		fail:     func(string) error { return nil },
	}
	for v := 1; v <= 9; v++ {
		w.versions[join][fmt.Sprint(v)], w.versions[turn][fmt.Sprint(v)] = digestOf(v), digestOf(v)
	}
	return w
}

func digestOf(version int) string { return strings.Repeat(fmt.Sprint(version), 64) }

// want is what an apply writes: both functions at a version, by a pipeline's run.
func (w *world) want(version int, pipeline string, c *Canary) {
	w.wanted = &Wanted{
		Pipeline: pipeline, Commit: "c" + pipeline, Digests: map[string]string{"queue": digestOf(version)}, Canary: c, By: "arn:aws:iam::123456789012:user/ci",
		Targets: map[string]Target{
			"queue/join": {join, fmt.Sprint(version), digestOf(version)}, "queue/turn": {turn, fmt.Sprint(version), digestOf(version)},
		},
	}
}

func (w *world) steer() *Steer {
	return &Steer{Store: w, Versions: w, Watch: w, Metrics: w, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: func() time.Time { return w.now }}
}

func (w *world) call(name string, effect func() error) error {
	if err := w.fail(name); err != nil {
		return err
	}
	if err := effect(); err != nil {
		return err
	}
	return w.fail(name + "+")
}

func (w *world) Wanted(context.Context) (out *Wanted, err error) {
	return out, w.call("wanted", func() error {
		if w.wanted != nil {
			out = new(*w.wanted)
		}
		return nil
	})
}

func (w *world) State(context.Context) (s State, err error) {
	return s, w.call("state", func() error { s = w.state.clone(); return nil })
}

func (w *world) Save(_ context.Context, s State, ended []Record) error {
	return w.call("save", func() error {
		if s.Revision != w.state.Revision+1 {
			return errOvertaken
		}
		w.state = s.clone()
		w.saves++
		for _, r := range append(slices.Clone(ended), s.Current) {
			w.records[r.Number] = r
		}
		return nil
	})
}

func (w *world) History(_ context.Context, last int) (out []Record, err error) {
	return out, w.call("history", func() error {
		for _, n := range slices.Backward(slices.Sorted(maps.Keys(w.records))) {
			if out = append(out, w.records[n]); len(out) == last {
				break
			}
		}
		return nil
	})
}

func (w *world) Alias(_ context.Context, arn string) (a Alias, there bool, err error) {
	return a, there, w.call("alias", func() error { a, there = w.aliases[arn]; return nil })
}

func (w *world) Digest(_ context.Context, arn, version string) (digest string, there bool, err error) {
	return digest, there, w.call("digest", func() error { digest, there = w.versions[arn][version]; return nil })
}

func (w *world) Move(_ context.Context, m Move) error {
	return w.call("move", func() error {
		now, there := w.aliases[m.Alias]
		_, known := w.versions[m.Alias][m.To.Version]
		switch {
		case !there || !known:
			return &smithy.GenericAPIError{Code: missing, Message: "there is none"}
		case m.To.Revision != now.Revision:
			return &smithy.GenericAPIError{Code: "PreconditionFailedException"}
		}
		w.moves++
		to := m.To
		to.Revision = fmt.Sprintf("r%d", w.moves)
		to.Share *= 1 + 1e-9 // A number may come back otherwise than it was sent.
		w.aliases[m.Alias] = to
		return nil
	})
}

func (w *world) Rings(_ context.Context, names []string) (out map[string]Ring, err error) {
	return out, w.call("alarms", func() error {
		out = map[string]Ring{}
		for _, n := range names {
			out[n] = w.alarms[n]
		}
		return nil
	})
}

func (w *world) Emit(_ time.Time, figures ...telemetry.Metric) error {
	for _, f := range figures {
		w.metrics = append(w.metrics, f.Name)
	}
	return nil
}
