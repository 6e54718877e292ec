package composite

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// Configured is the part of every data source that takes the provider's
// configuration.
type Configured struct{ Data *ProviderData }

// Configure implements datasource.DataSourceWithConfigure.
func (c *Configured) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	configured(&c.Data, req.ProviderData, &resp.Diagnostics)
}

// configured takes what the provider gives to its resources and data sources,
// which is nothing before it is configured itself.
func configured(into **ProviderData, given any, diags *diag.Diagnostics) {
	if given == nil {
		return
	}
	data, ok := given.(*ProviderData)
	if !ok {
		diags.AddError("Provider data of an unexpected type", fmt.Sprintf("Got %T. This is a bug in the provider.", given))
		return
	}
	*into = data
}
