package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/provider"

	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
)

// NewAs returns a provider that carries the given functions and claims systems
// as the given process.
func NewAs(version string, carried composite.Bundles, holder deploy.Holder) func() provider.Provider {
	return func() provider.Provider { return &serverless{version: version, carried: carried, holder: holder} }
}
