package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/tfcli"
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

// engine measures an apply as wide as the graph against the same calls one
// after another, a refresh, and one changed attribute.
func (b *bench) engine(ctx context.Context) (err error) {
	local, err := localaws.Start(ctx, localaws.Options{Venv: filepath.Join(b.root, "build", "venv")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, local.Gate().Verdict(), local.Close()) }()
	digest, err := bundle.Prebuilt{}.SHA256(ctx, votingwindow.System.Name, architecture())
	if err != nil {
		return err
	}
	meter := local.Gate().Meter()
	var wide, narrow, refresh []float64
	var applyCalls, refreshCalls, declared, changeCalls, parts int
	for round := range rounds {
		for _, width := range []int{0, 1} {
			// A process of its own would have limits of its own; here every
			// round gets an account of its own.
			client, failure := awsclient.New(ctx, awsclient.Config{
				Region: region, Endpoint: local.Endpoint(), PathStyle: true, AccessKey: fmt.Sprintf("1111111%d%04d", width, round), SecretKey: "test",
			})
			if failure != nil {
				return failure
			}
			engine := deploy.New(client, bundle.Prebuilt{}.Content, "bench")
			if width > 0 {
				engine.Width = width
			}
			// Who the caller is, is asked when the provider is configured.
			if _, err := client.Account(ctx); err != nil {
				return err
			}
			in := deploy.Input{Blueprint: example(digest, 14), Create: true}
			mark, began := meter.Mark(), time.Now()
			if res := engine.Apply(ctx, in); len(res.Failures) > 0 {
				return fmt.Errorf("apply: %s: %s", res.Failures[0].Summary, res.Failures[0].Detail)
			}
			took := time.Since(began).Seconds()
			if width == 1 {
				narrow = append(narrow, took)
				continue
			}
			wide = append(wide, took)
			applyCalls, parts = int(meter.Since(mark).Total()), len(in.Blueprint.Parts)
			mark, began = meter.Mark(), time.Now()
			res := engine.Observe(ctx, in)
			if len(res.Failures) > 0 || len(res.Drift) > 0 {
				return fmt.Errorf("refresh: %v %v", res.Failures, res.Drift)
			}
			refresh = append(refresh, time.Since(began).Seconds())
			refreshCalls, declared = int(meter.Since(mark).Total()), engine.ObserveCalls(in.Blueprint)
			mark = meter.Mark()
			changed := deploy.Input{Blueprint: example(digest, 30), Digests: res.Digests}
			if res := engine.Apply(ctx, changed); len(res.Failures) > 0 {
				return fmt.Errorf("change: %s: %s", res.Failures[0].Summary, res.Failures[0].Detail)
			}
			changeCalls = int(meter.Since(mark).Total())
		}
	}
	b.add("engine.parts", float64(parts), "parts")
	b.add("engine.apply_calls", float64(applyCalls), "calls")
	b.add("engine.apply_s", median(wide), "s")
	b.add("engine.apply_vs_one_by_one", median(wide)/median(narrow), "ratio")
	b.add("engine.plan_calls", float64(refreshCalls), "calls")
	b.atMost("engine.plan_calls_ratio", float64(refreshCalls)/float64(declared), "metered / declared", 1)
	b.add("engine.plan_s", median(refresh), "s")
	b.add("engine.change_calls", float64(changeCalls), "calls, retention of four logs")
	return nil
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

// provider measures the built provider as Terraform runs it: its size, its
// memory, and the commands in seconds for orientation.
func (b *bench) provider(ctx context.Context) (err error) {
	binary := filepath.Join(b.root, "build", "bin", "terraform-provider-serverless")
	info, err := os.Stat(binary)
	if err != nil {
		return fmt.Errorf("run \"make build\" first: %w", err)
	}
	b.add("provider.size_mb", float64(info.Size())/1e6, "MB")
	local, err := localaws.Start(ctx, localaws.Options{Venv: filepath.Join(b.root, "build", "venv")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, local.Gate().Verdict(), local.Close()) }()
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(b.root, "examples", "live-vote"))); err != nil {
		return err
	}
	now := time.Now().UTC()
	work, err := tfcli.New(dir, binary, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "TF_VAR_endpoint="+local.Endpoint(),
		"TF_VAR_region="+region, "TF_VAR_architecture="+architecture(), "TF_VAR_force_destroy=true",
		"TF_VAR_opens_at="+now.Format(time.RFC3339), "TF_VAR_closes_at="+now.Add(time.Hour).Format(time.RFC3339))
	if err != nil {
		return err
	}
	if _, err := work.Run(ctx, "init", "-input=false", "-no-color"); err != nil {
		return err
	}
	watch := watchMemory(ctx, binary)
	for _, command := range []struct {
		name string
		args []string
	}{
		{"command.apply_s", []string{"apply", "-auto-approve", "-input=false", "-no-color"}},
		{"command.plan_s", []string{"plan", "-input=false", "-no-color", "-detailed-exitcode"}},
		{"command.destroy_s", []string{"destroy", "-auto-approve", "-input=false", "-no-color"}},
	} {
		began := time.Now()
		if _, err := work.Run(ctx, command.args...); err != nil {
			return err
		}
		b.add(command.name, time.Since(began).Seconds(), "s, for orientation")
	}
	peak := watch()
	if peak == 0 {
		return errors.New("the provider's memory could not be read")
	}
	b.add("provider.rss_anon_mb", peak, "MB, peak")
	left, err := localaws.Inventory(ctx, local.Config(region, "test"))
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("the account is not empty: %v", left)
	}
	return err
}

// watchMemory samples the anonymous memory of every process of a binary, in MB;
// the returned function stops and gives the peak.
func watchMemory(ctx context.Context, binary string) func() float64 {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var peak float64
	wg.Go(func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			peak = max(peak, rssAnon(binary))
		}
	})
	return func() float64 {
		cancel()
		wg.Wait()
		return peak
	}
}

func rssAnon(binary string) float64 {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return 0
	}
	total := 0.0
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != binary {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(link), "status"))
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(status), "\n") {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "RssAnon:" {
				if kb, err := strconv.Atoi(fields[1]); err == nil {
					total += float64(kb) / 1024
				}
			}
		}
	}
	return total
}
