package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/systems/votingwindow"
)

const region = "eu-central-1"

// rounds is how often each time is taken; the median counts.
const rounds = 5

func architecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// engine measures the deploying engine on the local AWS: an apply against the
// bare program, a refresh against reading one by one, a single change. Functions
// are usable at once: the bare program does not wait for them, where on AWS it
// would have to.
func (b *bench) engine(ctx context.Context, local *localaws.Local) error {
	digest, err := bundle.Prebuilt{}.SHA256(ctx, votingwindow.System.Name, architecture())
	if err != nil {
		return err
	}
	e := engineBench{bench: b, local: local, digest: digest}
	var applies, bares []float64
	for round := range rounds {
		// A process of its own would have rates of its own; here every round gets
		// an account of its own.
		engine, err := e.open(ctx, fmt.Sprintf("11111111%04d", round))
		if err != nil {
			return err
		}
		took, err := e.apply(ctx, engine, round == rounds-1)
		if err != nil {
			return err
		}
		applies = append(applies, took)
		if took, err = e.bare(ctx, fmt.Sprintf("22222222%04d", round)); err != nil {
			return err
		}
		bares = append(bares, took)
	}
	b.add("engine.apply_s", median(applies), "s")
	b.add("engine.bare_s", median(bares), "s, calls that create alone")
	b.atMost("engine.apply_ratio", median(applies)/median(bares), "to the bare program", 1.5)
	return nil
}

// engineBench is the engine's bench on one local AWS.
type engineBench struct {
	*bench

	local  *localaws.Local
	digest string
}

func (e engineBench) open(ctx context.Context, account string) (*deploy.Engine, error) {
	client, failure := awsclient.New(ctx, awsclient.Config{
		Region: region, Endpoint: e.local.Endpoint(), PathStyle: true, AccessKey: account, SecretKey: "test",
	})
	if failure != nil {
		return nil, failure
	}
	// Who the caller is, is asked when the provider is configured.
	_, err := client.Account(ctx)
	return deploy.New(client, bundle.Prebuilt{}.Content, "bench"), err
}

// apply returns the seconds of an apply. With report it goes on to a refresh
// and a change.
func (e engineBench) apply(ctx context.Context, engine *deploy.Engine, report bool) (float64, error) {
	meter := e.local.Gate().Meter()
	in := deploy.Input{Blueprint: example(e.digest, 14), Create: true}
	mark, began := meter.Mark(), time.Now()
	res := engine.Apply(ctx, in)
	if len(res.Failures) > 0 {
		return 0, fmt.Errorf("apply: %s: %s", res.Failures[0].Summary, res.Failures[0].Detail)
	}
	took := time.Since(began).Seconds()
	if !report {
		return took, nil
	}
	e.add("engine.parts", float64(len(in.Blueprint.Parts)), "parts")
	e.add("engine.apply_calls", float64(meter.Since(mark).Without(localaws.MappingCaller).Total()), "calls")
	if err := e.refresh(ctx, engine, in); err != nil {
		return 0, err
	}
	return took, e.change(ctx, engine, in, res.Digests)
}

// latency is what a call to AWS takes from far away.
const latency = 50 * time.Millisecond

// refresh counts the calls of a plan that finds nothing to do, and compares its
// time with reading part by part, each call taking 50 ms.
func (e engineBench) refresh(ctx context.Context, engine *deploy.Engine, in deploy.Input) error {
	meter := e.local.Gate().Meter()
	mark := meter.Mark()
	res := engine.Observe(ctx, in)
	if len(res.Failures) > 0 || len(res.Drift) > 0 {
		return fmt.Errorf("refresh: %v %v", res.Failures, res.Drift)
	}
	calls := float64(meter.Since(mark).Without(localaws.MappingCaller).Total())
	e.add("engine.plan_calls", calls, "calls")
	e.atMost("engine.plan_calls_ratio", calls/float64(engine.ObserveCalls(in.Blueprint)), "metered / declared", 1)

	if _, err := e.local.Gate().Faults().Add(localaws.Fault{Kind: localaws.FaultDelay, Delay: latency}); err != nil {
		return err
	}
	defer e.local.Gate().Faults().Clear()
	began := time.Now()
	if res := engine.Observe(ctx, in); len(res.Failures) > 0 {
		return fmt.Errorf("refresh from afar: %s: %s", res.Failures[0].Summary, res.Failures[0].Detail)
	}
	wide := time.Since(began).Seconds()
	began = time.Now()
	for _, p := range in.Blueprint.Parts {
		rec := res.Manifest.Parts[p.Key]
		target := &kinds.Target{Key: p.Key, Name: rec.Name, Attributes: rec.Attributes}
		if _, err := engine.Kinds[p.Spec.Kind()].Observe(ctx, target); err != nil {
			return fmt.Errorf("read %s: %w", p.Key, err)
		}
	}
	one := time.Since(began).Seconds()
	e.add("engine.plan_50ms_s", wide, "s, at 50 ms a call")
	e.atMost("engine.plan_concurrency_ratio", wide/one, "to part by part", 0.1)
	return nil
}

// change counts the calls of an update of one attribute, beyond those that
// reading and changing its parts take.
func (e engineBench) change(ctx context.Context, engine *deploy.Engine, in deploy.Input, digests map[string]string) error {
	meter := e.local.Gate().Meter()
	changed := deploy.Input{Blueprint: example(e.digest, 30), Digests: digests}
	needed := 0
	for _, p := range changed.Blueprint.Parts {
		before, _ := in.Blueprint.Digest(in.Blueprint.Part(p.Key))
		if after, _ := changed.Blueprint.Digest(p); after != before {
			facts := engine.Kinds[p.Spec.Kind()].Facts()
			needed += facts.ObserveCalls + facts.BatchCalls + 1
		}
	}
	mark := meter.Mark()
	if res := engine.Apply(ctx, changed); len(res.Failures) > 0 {
		return fmt.Errorf("change: %s: %s", res.Failures[0].Summary, res.Failures[0].Detail)
	}
	calls := int(meter.Since(mark).Without(localaws.MappingCaller).Total())
	e.add("engine.change_calls", float64(calls), "calls, retention of four logs")
	e.atMost("engine.change_extra_calls", float64(calls-needed), "beyond the parts' own", 3)
	return nil
}

// bare returns the seconds that the bare program takes.
func (e engineBench) bare(ctx context.Context, account string) (float64, error) {
	place := blueprint.Place{Partition: "aws", Region: region, Account: account}
	program := newBare(example(e.digest, 14), place, e.local.Config(region, account), bundle.Prebuilt{}.Content)
	began := time.Now()
	if err := program.apply(ctx); err != nil {
		return 0, fmt.Errorf("the bare program: %w", err)
	}
	return time.Since(began).Seconds(), nil
}

// example is the blueprint of examples/live-vote; retention is its one
// attribute that changes.
func example(digest string, retention int) *blueprint.Blueprint {
	return votingwindow.ExampleBlueprint(blueprint.Settings{
		System: votingwindow.System, Name: "bench", Tags: map[string]string{"show": "bench"}, LogRetentionDays: retention, RolePath: "/",
		Architecture: architecture(), BundleSHA256: digest, Alarms: true, ForceDestroy: true,
	})
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
