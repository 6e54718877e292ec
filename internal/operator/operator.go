// Package operator is the tool for people: what the runbook tells them to do is
// one command each.
package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/spf13/cobra"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// Exit codes of the commands.
const (
	exitOK     = 0
	exitFailed = 1
)

// Run executes one command and returns the process's exit code.
func Run(ctx context.Context, version string, args []string, in io.Reader, out, errs io.Writer) int {
	t := &tool{version: version}
	root := &cobra.Command{
		Use: "terraform-provider-serverless", Version: version, SilenceUsage: true, SilenceErrors: true,
		Short: "Operate serverless systems that Terraform has deployed",
		Long:  "Started without arguments, by Terraform, this is the provider. With a command it is the operator's tool. AWS is reached as the AWS tools do: AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL.",
	}
	root.PersistentFlags().StringVar(&t.config.Region, "region", "", "AWS region")
	root.PersistentFlags().StringVar(&t.config.Profile, "profile", "", "profile of the shared configuration files")
	root.PersistentFlags().StringVar(&t.config.Endpoint, "endpoint", os.Getenv("AWS_ENDPOINT_URL"), "URL for all services, for instance of a local AWS")
	root.AddCommand(t.invoke()) //nolint:contextcheck // a command runs with the context of its execution
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(errs, "Error:", err) //nolint:errcheck // there is nowhere else to tell
		return exitFailed
	}
	return exitOK
}

type tool struct {
	version string
	config  awsclient.Config
}

// open returns the clients and the manifest of a deployed system.
func (t *tool) open(ctx context.Context, system, name string) (*awsclient.Client, *deploy.Manifest, error) {
	found, ok := systems.Find(system)
	if !ok {
		return nil, nil, fmt.Errorf("there is no system %q; there are %v", system, systems.Names())
	}
	if err := blueprint.CheckName(name); err != nil {
		return nil, nil, err
	}
	config := t.config
	config.Version, config.PathStyle = t.version, config.Endpoint != ""
	client, failure := awsclient.New(ctx, config)
	if failure == nil {
		failure = client.Check(ctx)
	}
	if failure != nil {
		return nil, nil, failure
	}
	m, err := deploy.New(client, nil, t.version).Manifest(ctx, found.System, name)
	if err != nil {
		return nil, nil, err
	}
	if m == nil {
		return nil, nil, fmt.Errorf("there is no %s %q in region %s", system, name, client.Region())
	}
	return client, m, nil
}

// invoke calls one function of a deployed system with an event.
func (t *tool) invoke() *cobra.Command {
	var event string
	cmd := &cobra.Command{
		Use: "invoke SYSTEM NAME FUNCTION", Args: cobra.ExactArgs(3),
		Short:   "Call one function of a system with an event",
		Long:    "Calls the live version of a function and prints its answer. The event is a JSON file, or - for standard input.",
		Example: "  terraform-provider-serverless invoke voting_window tv-final recount --event event.json",
	}
	cmd.Flags().StringVar(&event, "event", "", "JSON file with the event, or - for standard input; without it the event is {}")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		payload, err := readEvent(event, cmd.InOrStdin())
		if err != nil {
			return err
		}
		client, m, err := t.open(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		rec, ok := m.Parts[args[2]]
		if !ok || rec.Kind != (blueprint.FunctionSpec{}).Kind() {
			return fmt.Errorf("%s %q has no function %q; it has %v", args[0], args[1], args[2], functionsOf(m))
		}
		answer, err := client.Lambda.Invoke(cmd.Context(), &lambda.InvokeInput{FunctionName: &rec.Name, Qualifier: aws.String(blueprint.LiveAlias), Payload: payload})
		if err != nil {
			return fmt.Errorf("invoke %s: %w", rec.Name, err)
		}
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), string(answer.Payload)); err != nil {
			return err
		}
		if answer.FunctionError != nil {
			return fmt.Errorf("the function failed: %s", aws.ToString(answer.FunctionError))
		}
		return nil
	}
	return cmd
}

func functionsOf(m *deploy.Manifest) []string {
	var out []string
	for key, rec := range m.Parts {
		if rec.Kind == (blueprint.FunctionSpec{}).Kind() {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

func readEvent(name string, in io.Reader) ([]byte, error) {
	var b []byte
	var err error
	switch name {
	case "":
		return []byte("{}"), nil
	case "-":
		b, err = io.ReadAll(in)
	default:
		b, err = os.ReadFile(name) //nolint:gosec // the operator's own file
	}
	if err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	if !json.Valid(b) {
		return nil, errors.New("the event is not JSON")
	}
	return b, nil
}
