package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/burstline/terraform-provider-serverless/internal/command"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// offered makes the commands that systems offer. Each has a command below it for
// every system that has one of its name, so that their flags do not mix.
func (t *tool) offered(all []systems.System) []*cobra.Command {
	var out []*cobra.Command
	above := map[string]*cobra.Command{}
	for _, system := range all {
		for _, c := range system.Commands {
			own := t.command(system.Name, c)
			parent := above[c.Name]
			if parent == nil {
				parent = &cobra.Command{Use: c.Name + " SYSTEM NAME", Short: c.Short, Args: cobra.ArbitraryArgs, RunE: noSystem}
				parent.SetHelpFunc(helpOfOnly)
				above[c.Name], out = parent, append(out, parent)
			} else {
				parent.Short += "; " + c.Short
			}
			parent.AddCommand(own)
		}
	}
	return out
}

// helpOfOnly shows the help of the command below one that has a single one.
func helpOfOnly(cmd *cobra.Command, args []string) {
	if below := cmd.Commands(); len(below) == 1 {
		cmd = below[0]
	}
	cmd.Root().HelpFunc()(cmd, args)
}

// noSystem says which systems have a command.
func noSystem(cmd *cobra.Command, args []string) error {
	names := strings.Join(commands(cmd), ", ")
	if len(args) == 0 {
		return usage("SYSTEM is missing; %s is there for %s", cmd.Name(), names)
	}
	return usage("SYSTEM: there is no %s for %q; it is there for %s", cmd.Name(), args[0], names)
}

// command makes one system's command.
func (t *tool) command(system string, c command.Command) *cobra.Command {
	use, names := system+" NAME", []string{"NAME"}
	if c.Argument != "" {
		use += " [" + c.Argument + "]"
	}
	cmd := &cobra.Command{Use: use, Short: c.Short, Long: c.Long, Example: c.Example}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if c.Argument != "" && len(args) == 2 {
			return nil
		}
		return arguments(names...)(cmd, args)
	}
	for _, f := range c.Flags {
		define(cmd.Flags(), f)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		call, err := t.call(cmd, system, args, c)
		if err != nil {
			return err
		}
		answer, err := c.Run(cmd.Context(), call)
		err = errors.Join(t.tell(cmd.OutOrStdout(), answer), err)
		var mistake *command.UsageError
		switch {
		case errors.As(err, &mistake):
			return usage("%w", err)
		case err != nil:
			return err
		case answer.Unwell:
			return unwell
		}
		return nil
	}
	return cmd
}

// define adds a flag.
func define(flags *pflag.FlagSet, f command.Flag) {
	switch value := f.Default.(type) {
	case string:
		flags.String(f.Name, value, f.Usage)
	case bool:
		flags.Bool(f.Name, value, f.Usage)
	case int:
		flags.Int(f.Name, value, f.Usage)
	case time.Duration:
		flags.Duration(f.Name, value, f.Usage)
	default:
		panic(fmt.Sprintf("operator: --%s has a default of type %T", f.Name, value))
	}
}

// call reads a command line.
func (t *tool) call(cmd *cobra.Command, system string, args []string, c command.Command) (*command.Call, error) {
	if err := t.check(args[0]); err != nil {
		return nil, err
	}
	call := &command.Call{
		Name: args[0], Values: map[string]any{}, Given: map[string]bool{}, In: cmd.InOrStdin(), Progress: progressTo(cmd.ErrOrStderr()), Clock: t.clock,
		Open: func(ctx context.Context) (command.Deployed, error) {
			d, err := t.open(ctx, system, args[0])
			if err != nil {
				return nil, err
			}
			return &reached{d}, nil
		},
	}
	if len(args) == 2 {
		call.Argument = args[1]
	}
	for _, f := range c.Flags {
		call.Given[f.Name] = cmd.Flags().Changed(f.Name)
		var err error
		switch f.Default.(type) {
		case string:
			call.Values[f.Name], err = cmd.Flags().GetString(f.Name)
		case bool:
			call.Values[f.Name], err = cmd.Flags().GetBool(f.Name)
		case int:
			call.Values[f.Name], err = cmd.Flags().GetInt(f.Name)
		case time.Duration:
			call.Values[f.Name], err = cmd.Flags().GetDuration(f.Name)
		}
		if err != nil {
			return nil, err
		}
	}
	return call, nil
}

// tell writes an answer.
func (t *tool) tell(w io.Writer, answer command.Answer) error {
	if answer.JSON == nil {
		return nil
	}
	if t.output == outputJSON {
		return writeJSON(w, answer.JSON)
	}
	text := answer.Text
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// systemClock is the machine's clock.
type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
