package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/systems/votingwindow"
)

// starts is how often each cold start is taken.
const starts = 21

// coldStarts measures from exec to the first request for work, for each
// function and for a handler that does nothing, in turns within one run.
func (b *bench) coldStarts(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	bootstrap, err := bundle.Build(ctx, b.root, votingwindow.System.Name, architecture())
	if err != nil {
		return err
	}
	built := filepath.Join(dir, "bootstrap")
	if err := os.WriteFile(built, bootstrap, 0o755); err != nil { //nolint:gosec // an executable
		return err
	}
	noop := filepath.Join(dir, "noop")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags=lambda.norpc", "-ldflags=-s -w", "-o", noop, "./internal/bench/noop") //nolint:gosec // our own program
	build.Dir, build.Env = b.root, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the handler that does nothing: %w\n%s", err, out)
	}
	type candidate struct {
		name, binary string
		env          []string
		took         []float64
	}
	candidates := []*candidate{{name: "noop", binary: noop}}
	for _, p := range example(strings.Repeat("0", 64), 14).Parts {
		spec, ok := p.Spec.(blueprint.FunctionSpec)
		if !ok {
			continue
		}
		c := &candidate{name: p.Key, binary: built, env: []string{"_HANDLER=" + spec.Handler}}
		for k, v := range spec.Environment {
			c.env = append(c.env, k+"="+blueprint.Readable(v))
		}
		candidates = append(candidates, c)
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
	for _, c := range candidates[1:] {
		b.add("function.coldstart_"+c.name+"_ratio", median(c.took)/base, "ratio to a do-nothing handler")
	}
	return nil
}

// coldStart starts a bootstrap and returns the seconds until it asks for work.
func coldStart(ctx context.Context, binary string, env []string) (float64, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	asked := make(chan time.Time, 1)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") == "AmazonSSM.GetParameter" { // What a function reads as it starts; AWS takes some milliseconds more.
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			io.WriteString(w, `{"Parameter":{"Value":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}}`) //nolint:errcheck,gosec // who starts sees what is missing
			return
		}
		select {
		case asked <- time.Now():
		default:
		}
		<-r.Context().Done()
	})}
	go server.Serve(listener) //nolint:errcheck // it ends with Close
	defer server.Close()      //nolint:errcheck // nothing is served any more
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(), "AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_ENDPOINT_URL=http://" + listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=bench", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
	}, env...)
	cmd.Stdout, cmd.Stderr = &output, &output
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		cmd.Process.Kill() //nolint:errcheck,gosec // it may be gone already
		cmd.Wait()         //nolint:errcheck,gosec // killed
	}()
	select {
	case at := <-asked:
		return at.Sub(began).Seconds(), nil
	case <-time.After(10 * time.Second):
		return 0, errors.New("it never asked for work: " + output.String())
	}
}

var benchLine = regexp.MustCompile(`BenchmarkRecorder\S*\s+\d+\s+(.*)`)

// recorder runs the recorder's benchmark on one core.
func (b *bench) recorder(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkRecorder$", "-benchmem", "-cpu", "1", "./functions/votingwindow")
	cmd.Dir = b.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("benchmark the recorder: %w\n%s", err, out)
	}
	m := benchLine.FindStringSubmatch(string(out))
	if m == nil {
		return fmt.Errorf("benchmark the recorder: no result in\n%s", out)
	}
	fields := strings.Fields(m[1])
	for i := 0; i+1 < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return fmt.Errorf("benchmark the recorder: %w", err)
		}
		if fields[i+1] != "ns/op" {
			b.add("vote.recorder "+fields[i+1], value, "one core, store in memory")
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
