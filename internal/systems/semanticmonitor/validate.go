package semanticmonitor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// validate checks what needs no AWS. Values may be unknown: what depends on one
// is left to the plan that knows it.
func validate(ctx context.Context, m *Model) diag.Diagnostics {
	var diags diag.Diagnostics
	refuse := func(at path.Path, summary, format string, values ...any) {
		diags.AddAttributeError(at, summary, fmt.Sprintf(format, values...))
	}
	var chosen []string
	unknown := false
	for name, o := range m.targets() {
		if known(o) {
			chosen = append(chosen, name)
		}
		unknown = unknown || o.IsUnknown()
	}
	slices.Sort(chosen)
	if len(chosen) != 1 && !unknown {
		at := path.Empty()
		if len(chosen) > 0 {
			at = path.Root(chosen[1])
		}
		refuse(at, "Not one target", "A monitor has one target, and this one has %d: %s. Give exactly one of http, queue_to_http, queue_to_table and waiting_room; each further one is a monitor of its own.", len(chosen), strings.Join(chosen, ", "))
		return diags
	}
	if len(chosen) == 1 && decided(ctx, m.targets()[chosen[0]]) {
		if _, err := m.target(); err != nil {
			refuse(path.Root(chosen[0]), "The target is not possible", "%s.", err)
		}
	}
	m.validateTimes(refuse)
	if late, of := composite.IntOf(m.LateAlarm, "probes", defaultLate), composite.IntOf(m.LateAlarm, "of", defaultOf); decided(ctx, m.LateAlarm) && late > of {
		refuse(path.Root("late_alarm"), "Never late enough", "%d of the last %d probes cannot be late. Raise of, or lower probes.", late, of)
	}
	return diags
}

// decided reports that all of an argument is known.
func decided(ctx context.Context, o types.Object) bool {
	v, err := o.ToTerraformValue(ctx)
	return err == nil && v.IsFullyKnown()
}

// validateTimes: each as the function takes it.
func (m *Model) validateTimes(refuse func(at path.Path, summary, format string, values ...any)) {
	if m.Interval.IsUnknown() || m.Within.IsUnknown() || m.LostAfter.IsUnknown() {
		return
	}
	l := m.limits()
	switch {
	case known(m.HTTP) && l.Within.Seconds() > maxAnswer:
		refuse(path.Root("within_seconds"), "Too long for an answer", "The function waits for the answer of an HTTP endpoint for at most %d seconds.", maxAnswer)
	case known(m.LostAfter) && l.LostAfter < l.Within:
		refuse(path.Root("lost_after_seconds"), "Lost before it is late", "A probe is late after %.0f seconds and cannot be lost before. Give at least that.", l.Within.Seconds())
	case known(m.LostAfter) && l.Check() != nil:
		refuse(path.Root("lost_after_seconds"), "Too many on the way", "At one probe in %.0f minutes, more than sixty would be on the way. Give at most %.0f seconds, or raise interval_minutes.", l.Interval.Minutes(), 60*l.Interval.Seconds())
	case l.Check() != nil:
		refuse(path.Root("within_seconds"), "Too many on the way", "%s.", l.Check())
	}
}
