package operator

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/spf13/cobra"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// invoke calls one function of a deployed system with an event.
func (t *tool) invoke() *cobra.Command {
	var event string
	cmd := &cobra.Command{
		Use: "invoke SYSTEM NAME FUNCTION", Args: arguments("SYSTEM", "NAME", "FUNCTION"),
		Short: "Call one function of a system with an event",
		Long:  "Calls the live version of a function and prints its answer, which is JSON in either form of output. The event is a JSON file, or - for standard input.",
		Example: `  terraform-provider-serverless invoke voting_window tv-final recount
  terraform-provider-serverless invoke voting_window tv-final recount --event event.json`,
	}
	cmd.Flags().StringVar(&event, "event", "", "JSON file with the event, or - for standard input; without it the event is {}")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		payload, err := readEvent(event, cmd.InOrStdin())
		if err != nil {
			return err
		}
		d, err := t.open(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		functions := d.keys(functionKind)
		if !slices.Contains(functions, args[2]) {
			return usage("FUNCTION: %s %q has no function %q; it has %v", args[0], args[1], args[2], functions)
		}
		answer, err := d.client.Lambda.Invoke(cmd.Context(), &lambda.InvokeInput{
			FunctionName: aws.String(d.manifest.Parts[args[2]].Name), Qualifier: aws.String(blueprint.LiveAlias), Payload: payload,
		})
		if err != nil {
			return fmt.Errorf("invoke %s: %w", args[2], err)
		}
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), string(answer.Payload)); err != nil {
			return err
		}
		if answer.FunctionError != nil {
			return &coded{exitUnwell, fmt.Errorf("the function failed: %s", *answer.FunctionError)}
		}
		return nil
	}
	return cmd
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
		return nil, usage("--event: read event: %w", err)
	}
	if !json.Valid(b) {
		return nil, usage("--event: the event is not JSON; give a JSON document")
	}
	return b, nil
}
