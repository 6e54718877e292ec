package composite

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
)

func (r *system[M]) Recorded(ctx context.Context, m *deploy.Manifest) (*blueprint.Blueprint, error) {
	s := r.schema(ctx)
	raw, err := decodeArguments(s.Type().TerraformType(ctx), m.Arguments)
	if err != nil {
		return nil, err
	}
	var model M
	if err := asError((&tfsdk.State{Raw: raw, Schema: s}).Get(ctx, &model)); err != nil {
		return nil, err
	}
	b, diags := r.blueprint(ctx, &model, m.Tags, m.BundleSHA256)
	return b, asError(diags)
}

// asError joins the errors among diagnostics, or is nil.
func asError(diags diag.Diagnostics) error {
	var errs []error
	for _, d := range diags.Errors() {
		errs = append(errs, fmt.Errorf("%s: %s", d.Summary(), d.Detail()))
	}
	return errors.Join(errs...)
}
