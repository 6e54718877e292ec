// Package demo is what the demos share: an example that is applied to the local
// AWS with Terraform, looked at, and destroyed again.
package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/tfcli"
)

// Region is where the example is applied.
const Region = "eu-central-1"

// Demo is one run of a demo.
type Demo struct {
	Root         string // Of the checkout.
	Architecture string // Of this machine, for the functions.
	Keep         bool   // Whether everything is left running.
	Local        *localaws.Local
	Work         *tfcli.Workspace

	began time.Time
	out   map[string]any
}

// Main is the main function of a demo of one of the examples. It ends with exit
// code 1 where a step fails. A demo's own flags are defined before.
func Main(example string, steps func(context.Context, *Demo) error) {
	d := &Demo{began: time.Now()}
	root := flag.String("root", ".", "root of the checkout")
	flag.StringVar(&d.Architecture, "architecture", "x86_64", "architecture of this machine, for the functions")
	flag.BoolVar(&d.Keep, "keep", false, "leave everything running and print the addresses")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	if d.Root, err = filepath.Abs(*root); err == nil {
		err = d.run(ctx, example, steps)
	}
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\nThe demo failed: %v\n", err)
		os.Exit(1)
	}
}

func (d *Demo) run(ctx context.Context, example string, steps func(context.Context, *Demo) error) (err error) {
	d.Say("starting the local AWS")
	if d.Local, err = localaws.Start(ctx, localaws.Options{Venv: filepath.Join(d.Root, "build", "venv")}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Local.Gate().Verdict(), d.Local.Close()) }()
	dir, err := os.MkdirTemp("", example+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	if err := d.copyExample(example, dir); err != nil {
		return err
	}
	d.Work, err = tfcli.New(dir, filepath.Join(d.Root, "build", "bin", "terraform-provider-serverless"),
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION="+Region)
	if err != nil {
		return err
	}
	return steps(ctx, d)
}

// copyExample copies the example's configuration to a folder of its own.
func (d *Demo) copyExample(example, dir string) error {
	files, err := filepath.Glob(filepath.Join(d.Root, "examples", example, "*.tf"))
	if err != nil {
		return err
	}
	for _, name := range files {
		b, err := os.ReadFile(name) //nolint:gosec // the example
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o600); err != nil { //nolint:gosec // a folder of the demo's own
			return err
		}
	}
	return nil
}

// Say prints a step with the time since the start.
func (d *Demo) Say(format string, args ...any) {
	fmt.Printf("[%3.0fs] %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...)) //nolint:forbidigo // a program for people
}

// Apply applies the example with variables such as name=value, on top of those
// that every example has.
func (d *Demo) Apply(ctx context.Context, variables ...string) error {
	for _, v := range append([]string{"endpoint=" + d.Local.Endpoint(), "region=" + Region, "architecture=" + d.Architecture, "force_destroy=true"}, variables...) {
		d.Work.Env = append(d.Work.Env, "TF_VAR_"+v)
	}
	d.Say("terraform init")
	if _, err := d.Work.Run(ctx, "init", "-input=false", "-no-color"); err != nil {
		return err
	}
	d.Say("terraform apply")
	mark := d.Local.Gate().Meter().Mark()
	began := time.Now()
	output, err := d.Work.Run(ctx, "apply", "-auto-approve", "-input=false", "-no-color")
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(output, "\n") {
		if strings.HasPrefix(line, "Apply complete") {
			d.Say("%s (%.1f s, %d calls to AWS)", line, time.Since(began).Seconds(), d.Local.Gate().Meter().Since(mark).Without(localaws.MappingCaller).Total())
		}
	}
	d.out, err = d.Work.Outputs(ctx)
	return err
}

// Text is an output of the example.
func (d *Demo) Text(name string) string { s, _ := d.out[name].(string); return s }

// Entry is an entry of a map among the outputs.
func (d *Demo) Entry(name, key string) string {
	m, _ := d.out[name].(map[string]any)
	s, _ := m[key].(string)
	return s
}

// Destroy destroys the example and proves that nothing is left in the account.
func (d *Demo) Destroy(ctx context.Context) error {
	d.Say("terraform destroy")
	if _, err := d.Work.Run(ctx, "destroy", "-auto-approve", "-input=false", "-no-color"); err != nil {
		return err
	}
	left, err := localaws.Inventory(ctx, d.Local.Config(Region, "test"))
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("the account is not empty: %s", strings.Join(left, ", "))
	}
	d.Say("the account is empty; done")
	return nil
}

// Wait leaves everything running until it is interrupted, and says first what
// there is to look at, a line each.
func (d *Demo) Wait(ctx context.Context, until string, lines ...string) error {
	lines = append(lines,
		fmt.Sprintf("AWS:      AWS_ENDPOINT_URL=%s AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=%s", d.Local.Endpoint(), Region),
		"state:    "+d.Work.Dir)
	d.Say("running until you press Ctrl-C%s\n       %s", until, strings.Join(lines, "\n       "))
	<-ctx.Done()
	return nil
}

// Pause waits, or ends with the context.
func Pause(ctx context.Context, t time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(t):
		return nil
	}
}
