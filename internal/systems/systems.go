// Package systems is the registry: every system that the provider has.
package systems

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/command"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/systems/configitems"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/systems/queue"
	"github.com/burstline/terraform-provider-serverless/internal/systems/release"
	"github.com/burstline/terraform-provider-serverless/internal/systems/semanticmonitor"
	"github.com/burstline/terraform-provider-serverless/internal/systems/votingwindow"
)

// System is one registered system.
type System struct {
	blueprint.System
	Resource func() composite.Resource
	// Example is a plausible set of arguments beside the name, as plain values.
	// The tests that hold for every system deploy it.
	Example func() map[string]any
	// Commands are what it offers operators beside those that every system has.
	Commands []command.Command
	// Facts are what status tells of the system beside what it tells of every
	// one; nil for nothing.
	Facts func(ctx context.Context, deployed command.Deployed, now time.Time) ([]command.Fact, error)
	// DataSources are its own, about what is deployed.
	DataSources []func() datasource.DataSource
	// Load is a plausible expected_load for the example; nil where the system
	// takes none.
	Load map[string]any
}

// Described is the blueprint of the example under a name, with some more
// arguments beside or instead of its own. Nothing is asked of AWS.
func (s System) Described(ctx context.Context, name string, more map[string]any) (*blueprint.Blueprint, error) {
	arguments := s.Example()
	maps.Copy(arguments, more)
	text, err := json.Marshal(arguments)
	if err != nil {
		return nil, fmt.Errorf("render the example of %s: %w", s.Name, err)
	}
	b, diags := s.Resource().Describe(ctx, name, text, nil)
	if diags.HasError() {
		return nil, fmt.Errorf("describe the example of %s: %v", s.Name, diags)
	}
	return b, nil
}

// All lists every system, in the order of their names.
var All = []System{
	{
		System: configitems.System, Resource: configitems.Resource, Example: configitems.Example,
		Commands: configitems.Commands(), Facts: configitems.Facts, Load: configitems.ExampleLoad,
	},
	{
		System: queue.System, Resource: queue.Resource, Example: queue.Example,
		Commands: queue.Commands(), Facts: queue.Facts, Load: queue.ExampleLoad,
	},
	{
		System: pipeline.System, Resource: pipeline.Resource, Example: pipeline.Example,
		Commands: pipeline.Commands(), Facts: pipeline.Facts, Load: pipeline.ExampleLoad,
	},
	{
		System: release.System, Resource: release.Resource, Example: release.Example,
		Commands: release.Commands(), Facts: release.Facts, DataSources: []func() datasource.DataSource{release.HistoryDataSource},
	},
	{
		System: semanticmonitor.System, Resource: semanticmonitor.Resource, Example: semanticmonitor.Example,
		Commands: semanticmonitor.Commands(), Facts: semanticmonitor.Facts,
	},
	{
		System: votingwindow.System, Resource: votingwindow.Resource, Example: votingwindow.Example,
		Commands: votingwindow.Commands(), Facts: votingwindow.Facts, Load: votingwindow.ExampleLoad,
	},
}

// Names lists the names of all systems: "voting_window".
func Names() []string {
	names := make([]string, 0, len(All))
	for _, s := range All {
		names = append(names, s.Name)
	}
	return names
}

// Find returns the system with that name.
func Find(name string) (System, bool) {
	for _, s := range All {
		if s.Name == name {
			return s, true
		}
	}
	return System{}, false
}
