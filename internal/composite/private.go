package composite

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/burstline/terraform-provider-serverless/internal/deploy"
)

// deploymentKey is the key in Terraform's private state of the manifest's ID.
// By it a state whose system was destroyed and deployed anew, or that Terraform
// keeps as deposed beside its successor, never touches the new one.
const deploymentKey = "deployment"

// remember notes which deployment the state means.
func remember(ctx context.Context, private interface {
	SetKey(context.Context, string, []byte) diag.Diagnostics
}, m *deploy.Manifest) diag.Diagnostics {
	if m == nil || m.ID == "" {
		return nil
	}
	// A text is always JSON.
	value, _ := json.Marshal(m.ID)
	return private.SetKey(ctx, deploymentKey, value)
}

// recall returns the deployment that the state means; empty where it does not
// say.
func recall(ctx context.Context, private interface {
	GetKey(context.Context, string) ([]byte, diag.Diagnostics)
}) string {
	value, diags := private.GetKey(ctx, deploymentKey)
	var id string
	if diags.HasError() || json.Unmarshal(value, &id) != nil {
		return ""
	}
	return id
}
