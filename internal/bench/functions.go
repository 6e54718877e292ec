package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/systems/votingwindow"
)

// starts is how often each cold start is taken.
const starts = 21

// bootstraps are built programs: the product's functions, a tutorial's, and a
// handler that does nothing.
type bootstraps struct{ functions, tutorial, noop string }

// bootstraps builds them in a temporary folder, which done removes; functions are
// those of a system.
func (b *bench) bootstraps(ctx context.Context, system blueprint.System) (built bootstraps, done func(), err error) {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return built, nil, err
	}
	done = func() { os.RemoveAll(dir) } //nolint:errcheck,gosec // a temporary folder
	defer func() {
		if err != nil {
			done()
		}
	}()
	program, err := bundle.Build(ctx, b.root, system.Name, architecture())
	if err != nil {
		return built, nil, err
	}
	built = bootstraps{filepath.Join(dir, "bootstrap"), filepath.Join(dir, "tutorial"), filepath.Join(dir, "noop")}
	if err := os.WriteFile(built.functions, program, 0o755); err != nil { //nolint:gosec // an executable
		return built, nil, err
	}
	for _, out := range []string{built.tutorial, built.noop} {
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags=lambda.norpc", "-ldflags=-s -w", "-o", out, "./internal/bench/"+filepath.Base(out)) //nolint:gosec // our own program
		build.Dir, build.Env = b.root, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
		if text, err := build.CombinedOutput(); err != nil {
			return built, nil, fmt.Errorf("build %s: %w\n%s", filepath.Base(out), err, text)
		}
		if err := rewrite(out); err != nil {
			return built, nil, err
		}
	}
	return built, done, nil
}

// rewrite writes a program anew, as that of the functions is written. How a file was
// written decides how the system maps it: of the same bytes, what the linker left
// behind took a fifth longer to start than a copy.
func rewrite(name string) error {
	program, err := os.ReadFile(name) //nolint:gosec // our own output
	if err != nil {
		return err
	}
	if err := os.Remove(name); err != nil {
		return err
	}
	return os.WriteFile(name, program, 0o755) //nolint:gosec // an executable
}

// exampleEnvironment is the environment of a function of the example.
func exampleEnvironment(key string) []string {
	return environmentOf(example(strings.Repeat("0", 64), 14), key)
}

func environmentOf(b *blueprint.Blueprint, key string) []string {
	var env []string
	for _, p := range b.Parts {
		if spec, ok := p.Spec.(blueprint.FunctionSpec); ok && p.Key == key {
			env = append(env, "_HANDLER="+spec.Handler)
			for k, v := range spec.Environment {
				env = append(env, k+"="+blueprint.Readable(v))
			}
		}
	}
	return env
}

// coldStarts measures from exec to the first request for work, for each
// function and for a handler that does nothing, in turns within one run.
func (b *bench) coldStarts(ctx context.Context) error {
	built, done, err := b.bootstraps(ctx, votingwindow.System)
	if err != nil {
		return err
	}
	defer done()
	type candidate struct {
		name, binary string
		env          []string
		took         []float64
	}
	candidates := []*candidate{{name: "noop", binary: built.noop}}
	for _, p := range example(strings.Repeat("0", 64), 14).Parts {
		if _, ok := p.Spec.(blueprint.FunctionSpec); ok {
			candidates = append(candidates, &candidate{name: p.Key, binary: built.functions, env: exampleEnvironment(p.Key)})
		}
	}
	for range starts {
		for _, c := range candidates {
			took, err := coldStart(ctx, c.binary, c.env)
			if err != nil {
				return fmt.Errorf("start %s: %w", c.name, err)
			}
			c.took = append(c.took, took)
		}
	}
	base := median(candidates[0].took)
	b.add("function.coldstart_noop_ms", base*1000, "ms")
	var greatest float64
	for _, c := range candidates[1:] {
		ratio := median(c.took) / base
		greatest = max(greatest, ratio)
		b.add("function.coldstart_"+c.name+"_ratio", ratio, "ratio to a do-nothing handler")
	}
	b.atMost("vote.coldstart_ratio", greatest, "greatest, to a do-nothing handler", coldStartBar)
	return nil
}

// coldStart starts a bootstrap and returns the seconds until it asks for work.
func coldStart(ctx context.Context, binary string, env []string) (float64, error) {
	s, err := play(ctx, binary, env)
	if err != nil {
		return 0, err
	}
	defer s.end()
	return s.ready()
}

// recorder runs the recorder's benchmark.
func (b *bench) recorder(ctx context.Context) error {
	return b.benchmark(ctx, "./functions/votingwindow", "Recorder", "vote.recorder ", "")
}

// benchmark runs a benchmark of a package on one core, and notes its figures whose
// units end like that, but for its time.
func (b *bench) benchmark(ctx context.Context, room, name, prefix, units string) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^Benchmark"+name+"$", "-benchmem", "-cpu", "1", room) //nolint:gosec // our own package
	cmd.Dir = b.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("benchmark %s: %w\n%s", name, err, out)
	}
	m := regexp.MustCompile("Benchmark" + name + `\S*\s+\d+\s+(.*)`).FindStringSubmatch(string(out))
	if m == nil {
		return fmt.Errorf("benchmark %s: no result in\n%s", name, out)
	}
	fields := strings.Fields(m[1])
	for i := 0; i+1 < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return fmt.Errorf("benchmark %s: %w", name, err)
		}
		if unit := fields[i+1]; unit != "ns/op" && strings.HasSuffix(unit, units) {
			b.add(prefix+unit, value, "one core, store in memory")
		}
	}
	return nil
}

// lines counts the lines of Go by room, tests apart.
func (b *bench) lines(context.Context) error {
	code, tests := map[string]int{}, map[string]int{}
	var rooms []string
	err := filepath.WalkDir(b.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "build" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		relative, err := filepath.Rel(b.root, path)
		if err != nil {
			return err
		}
		room := strings.Join(strings.SplitN(filepath.ToSlash(filepath.Dir(relative)), "/", 3)[:min(2, strings.Count(filepath.ToSlash(filepath.Dir(relative)), "/")+1)], "/")
		text, err := os.ReadFile(path) //nolint:gosec // the checkout
		if err != nil {
			return err
		}
		if code[room]+tests[room] == 0 {
			rooms = append(rooms, room)
		}
		if n := bytes.Count(text, []byte{'\n'}); strings.HasSuffix(path, "_test.go") {
			tests[room] += n
		} else {
			code[room] += n
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count lines: %w", err)
	}
	for _, room := range rooms {
		b.add("lines "+room, float64(code[room]), fmt.Sprintf("lines, and %d of tests", tests[room]))
	}
	return nil
}
