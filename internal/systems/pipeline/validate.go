package pipeline

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// validate checks what needs no AWS. Values may be unknown: what depends on one
// is left to the plan that knows it.
func validate(ctx context.Context, m *Model) diag.Diagnostics {
	v := &validation{m: m}
	v.source()
	v.stream()
	if decided(ctx, m.Item) && decided(ctx, m.Segments) {
		v.mapping()
		v.metrics()
	}
	v.stale()
	v.readers()
	return v.diags
}

type validation struct {
	m     *Model
	diags diag.Diagnostics
}

func (v *validation) refuse(at path.Path, summary, format string, values ...any) {
	v.diags.AddAttributeError(at, summary, fmt.Sprintf(format, values...))
}

// decided reports that all of an argument is known.
func decided(ctx context.Context, o types.Object) bool {
	value, err := o.ToTerraformValue(ctx)
	return err == nil && value.IsFullyKnown()
}

func (v *validation) source() {
	fields := v.m.Source.Attributes()
	if known(fields["kms_key_arn"]) && composite.Absent(fields["bucket"]) {
		v.refuse(path.Root("source").AtName("kms_key_arn"), "Only with bucket", "kms_key_arn is of a bucket that is there already. The pipeline's own bucket has the resource's kms_key_arn: leave this one out, or name the bucket.")
	}
	if prefix := v.m.prefix(); strings.HasPrefix(prefix, "/") {
		v.refuse(path.Root("source").AtName("prefix"), "No slash at the beginning", "Keys in S3 begin without a slash. Give %q.", strings.TrimLeft(prefix, "/"))
	}
}

func (v *validation) stream() {
	if boolOf(v.m.Stream, "on_demand", false) && known(v.m.Stream.Attributes()["shards"]) {
		v.refuse(path.Root("stream").AtName("shards"), "Shards, or on demand", "On demand AWS decides how many shards there are. Leave shards out, or on_demand.")
	}
}

// mapping: as ingest takes it.
func (v *validation) mapping() {
	for name, e := range composite.Field[types.Map](v.m.Item, "attributes").Elements() {
		o, ok := e.(types.Object)
		if ok && boolOf(o, "required", false) && known(o.Attributes()["default"]) {
			v.refuse(path.Root("item").AtName("attributes").AtMapKey(name), "Required, or with a default", "A required attribute needs no default. Leave one of them out.")
			return
		}
	}
	attribute := textOf(v.m.Segments, "attribute", "")
	if attribute != "" && v.typeOf(attribute) != pipeline.TypeString {
		v.refuse(path.Root("segments").AtName("attribute"), "No such attribute", "Items are grouped by an attribute of the type string, and item.attributes has no %q of it.", attribute)
		return
	}
	if _, err := v.m.mapping(); err != nil {
		v.refuse(path.Root("item"), "The item mapping is not possible", "%s.", err)
	}
}

// metrics: figures are of numbers.
func (v *validation) metrics() {
	at := path.Root("segments")
	metrics := composite.ElementsOf(composite.Field[types.Set](v.m.Segments, "metrics"))
	for _, metric := range metrics {
		if v.typeOf(metric) != pipeline.TypeNumber && v.typeOf(metric) != pipeline.TypeTimestamp {
			v.refuse(at.AtName("metrics"), "No number", "Figures are of attributes of the types number and timestamp, and item.attributes has no %q of these.", metric)
		}
	}
	if len(metrics) == 0 && known(v.m.Segments.Attributes()["percentiles"]) {
		v.refuse(at.AtName("percentiles"), "Only with metrics", "Percentiles are of metrics: name some, or leave percentiles out.")
	}
}

// typeOf is an attribute's type; empty where there is none.
func (v *validation) typeOf(name string) pipeline.Type {
	o, ok := composite.Field[types.Map](v.m.Item, "attributes").Elements()[name].(types.Object)
	if !ok {
		return ""
	}
	return pipeline.Type(textOf(o, "type", string(pipeline.TypeString)))
}

func (v *validation) stale() {
	if known(v.m.StaleDays) && !v.m.Stale.IsUnknown() && !v.m.expires() && v.m.StaleDays.ValueInt64() != defaultStaleDays {
		v.refuse(path.Root("stale_days"), "Only with stale = \"expire\"", "Items that are kept do not expire. Set stale = \"expire\", or leave stale_days out.")
	}
}
