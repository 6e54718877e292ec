package queue

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

// Nested arguments, read by name.
var (
	known    = composite.Known
	textOf   = composite.TextOf
	intOf    = composite.IntOf
	boolOf   = composite.BoolOf
	objectOf = composite.ObjectOf
	textsOf  = composite.TextsOf
)

func orInt(v types.Int64, otherwise int64) int64 {
	if known(v) {
		return v.ValueInt64()
	}
	return otherwise
}

// byIdentity reports whether browsers write their own records.
func (m *Model) byIdentity() bool { return m.Join.ValueString() == joinIdentity }

// external reports whether the ticketing service assigns the windows.
func (m *Model) external() bool { return m.Assigner.ValueString() == assignerExternal }

// hasPage reports whether the page is deployed.
func (m *Model) hasPage() bool { return boolOf(m.Site, "enabled", true) }

// hasCDN reports whether CloudFront serves the bucket.
func (m *Model) hasCDN() bool { return pages.HasCDN(m.Site) }

// hasEdge reports whether the edge has passes of its own.
func (m *Model) hasEdge() bool { return boolOf(m.Token, "edge", false) }
