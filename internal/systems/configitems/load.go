package configitems

import (
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/configitems"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// What no call shows, as the cost is computed with. Sizes are in bytes, beside the values.
const (
	itemBytes    = 200 // Type, marks and the names of the attributes.
	entryBytes   = 300 // An entry of the history: key, place, who.
	readerBytes  = 300 // A reader with its keys.
	historyTakes = 20 * time.Millisecond

	defaultHours   = 730
	defaultChanges = 100
)

// load says what reading and changing cost.
func load(m *Model, b *blueprint.Builder, values map[string]value, items, entries blueprint.TableHandle, keeper blueprint.FunctionHandle) {
	size := 0.0
	for key, v := range values {
		size += float64(len(key)+len(v.text)+len(v.schema)+len(v.description)) + itemBytes
	}
	expected := func(field string, otherwise int64) float64 {
		return composite.Expected(m.ExpectedLoad, field, otherwise)
	}
	environments, hours := expected("environments", 0), time.Duration(expected("hours_per_month", defaultHours))*time.Hour
	if environments == 0 {
		return
	}
	reads := environments * hours.Seconds() / configitems.DefaultRefresh.Seconds()
	changes := expected("changes", defaultChanges)
	b.Event(blueprint.Event{Unit: "read", Units: reads, PerMonth: 1})
	b.PerEvent(blueprint.Load{Unit: "read", Count: reads, Over: hours}, blueprint.Eventually(items.Scans(1, size)))
	b.PerEvent(blueprint.Load{Unit: "change", Count: changes, Over: hours},
		items.Updates(1, size/float64(max(1, len(values)))), keeper.Invocations(1, historyTakes), entries.Puts(1, entryBytes), entries.Keeps(1, entryBytes))
	// Each environment tells once an hour what it reads.
	b.PerEvent(blueprint.Load{Unit: "hour of an environment", Count: environments * hours.Hours(), Over: hours}, items.Updates(1, readerBytes))
}
