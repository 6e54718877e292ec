package composite

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
)

// Configured is the part of every data source that takes the provider's
// configuration.
type Configured struct{ Data *ProviderData }

// Configure implements datasource.DataSourceWithConfigure.
func (c *Configured) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	if req.ProviderData == nil {
		return
	}
	data, ok := req.ProviderData.(*ProviderData)
	if !ok {
		resp.Diagnostics.AddError("Provider data of an unexpected type", fmt.Sprintf("Got %T. This is a bug in the provider.", req.ProviderData))
		return
	}
	c.Data = data
}
