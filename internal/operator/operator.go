// Package operator is the tool for people: what the runbook tells them to do is
// one command each.
package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/command"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// Exit codes of the commands.
const (
	exitOK = 0
	// exitFailed: the command could not do what it should.
	exitFailed = 1
	// exitUsage: the command line is wrong; nothing was called that changes
	// anything.
	exitUsage = 2
	// exitUnwell: the command did its work, and something is wrong with the
	// system.
	exitUnwell = 3
)

const about = `Started without arguments, by Terraform, this is the provider. With a command it is the operator's tool.

AWS is reached as by other AWS tools: the environment (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, ...), the shared files, the machine's role.

Exit codes: 0 all is well; 1 the command failed; 2 the command line is wrong; 3 the command did its work and something is wrong with the system.`

// coded is an error with an exit code of its own. Where err is nil, it has been
// told already.
type coded struct {
	code int
	err  error
}

func (c *coded) Error() string {
	if c.err == nil {
		return ""
	}
	return c.err.Error()
}

func (c *coded) Unwrap() error { return c.err }

// usage is a mistake in the command line.
func usage(format string, args ...any) error {
	return &coded{exitUsage, fmt.Errorf(format, args...)}
}

// unwell says by the exit code alone that something is wrong with the system.
var unwell = &coded{code: exitUnwell}

// Run executes one command and returns the process's exit code.
func Run(ctx context.Context, version string, args []string, in io.Reader, out, errs io.Writer) int {
	t := &tool{version: version, clock: systemClock{}}
	return t.run(ctx, systems.All, args, in, out, errs)
}

// run executes one command of the tool's own or of these systems.
func (t *tool) run(ctx context.Context, all []systems.System, args []string, in io.Reader, out, errs io.Writer) int {
	root := &cobra.Command{
		Use: "terraform-provider-serverless", Version: t.version, SilenceUsage: true, SilenceErrors: true,
		Short: "Operate serverless systems that Terraform has deployed",
		Long:  about,
	}
	root.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("there is no command %q; there are %s", args[0], strings.Join(commands(root), ", "))
		}
		return nil
	}
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w; see %s --help", err, cmd.CommandPath())
	})
	flags := root.PersistentFlags()
	flags.StringVar(&t.config.Region, "region", "", "AWS region")
	flags.StringVar(&t.config.Profile, "profile", "", "profile of the shared configuration files")
	flags.StringVar(&t.config.Endpoint, "endpoint", os.Getenv("AWS_ENDPOINT_URL"), "URL for all services, for instance of a local AWS")
	flags.StringVar(&t.output, "output", outputText, "how the answer is written: text or json")
	root.AddCommand(t.invoke(), t.redrive(), t.status()) //nolint:contextcheck // a command runs with the context of its execution
	root.AddCommand(t.offered(all)...)                   //nolint:contextcheck // likewise
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(errs, "Error:", text) //nolint:errcheck // there is nowhere else to tell
	}
	var c *coded
	if errors.As(err, &c) {
		return c.code
	}
	return exitFailed
}

func commands(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// arguments names what a command takes, and refuses more or less of it.
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage("%s is missing; see %s --help", names[len(args)], cmd.CommandPath())
		case len(args) > len(names):
			return usage("%q is one argument too many: %s takes %s", args[len(names)], cmd.Name(), strings.Join(names, " "))
		}
		return nil
	}
}

// The forms of output.
const (
	outputText = "text"
	outputJSON = "json"
)

type tool struct {
	version string
	config  awsclient.Config
	output  string
	clock   command.Clock
}

// deployed is a system that is there, with what the commands need to work on it.
type deployed struct {
	system   systems.System
	name     string
	account  string
	client   *awsclient.Client
	engine   *deploy.Engine
	manifest *deploy.Manifest
	// atWork is true while the holder of the manifest's claim is.
	atWork bool
}

// open finds a deployed system.
func (t *tool) open(ctx context.Context, system, name string) (*deployed, error) {
	found, ok := systems.Find(system)
	if !ok {
		return nil, usage("SYSTEM: there is no system %q; there are %v", system, systems.Names())
	}
	if err := t.check(name); err != nil {
		return nil, err
	}
	config := t.config
	config.Version, config.PathStyle = t.version, config.Endpoint != ""
	client, failure := awsclient.New(ctx, config)
	if failure != nil {
		return nil, failure
	}
	d := &deployed{system: found, name: name, client: client, engine: deploy.New(client, nil, t.version)}
	var err error
	if d.account, err = client.Account(ctx); err != nil {
		return nil, err
	}
	if d.manifest, d.atWork, err = d.engine.Look(ctx, found.System, name); err != nil {
		return nil, err
	}
	if d.manifest == nil {
		return nil, fmt.Errorf("there is no %s %q in account %s, region %s; give the right NAME, --region or --profile", system, name, d.account, client.Region())
	}
	return d, nil
}

// check refuses a command line that cannot mean anything.
func (t *tool) check(name string) error {
	if err := blueprint.CheckName(name); err != nil {
		return usage("NAME: %w", err)
	}
	if t.output != outputText && t.output != outputJSON {
		return usage("--output: there is no form %q; give %s or %s", t.output, outputText, outputJSON)
	}
	return nil
}

// blueprint describes the system as this version would deploy it.
func (d *deployed) blueprint(ctx context.Context) (*blueprint.Blueprint, error) {
	b, err := d.system.Resource().Recorded(ctx, d.manifest)
	if err != nil {
		return nil, fmt.Errorf("read the system's arguments, which provider %s wrote; use that version: %w", d.manifest.Provider, err)
	}
	return b, nil
}

// keys lists the parts of a kind.
func (d *deployed) keys(kind string) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(d.manifest.Parts)) {
		if d.manifest.Parts[key].Kind == kind {
			out = append(out, key)
		}
	}
	return out
}

// The kinds of parts that commands look at.
var (
	functionKind   = blueprint.FunctionSpec{}.Kind()
	queueKind      = blueprint.QueueSpec{}.Kind()
	alarmKind      = blueprint.AlarmSpec{}.Kind()
	bucketKind     = blueprint.BucketSpec{}.Kind()
	signingKeyKind = blueprint.SigningKeySpec{}.Kind()
)

// writeJSON writes one JSON document, indented.
func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
