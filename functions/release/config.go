// Package release has the function of a serverless_release: steer moves the aliases of functions to the versions that a release names, by a
// canary where it has one, and back where an alarm rings.
package release

// Config is the configuration of steer.
type Config struct {
	System string `env:"SYSTEM,required,notEmpty"`
	Name   string `env:"NAME,required,notEmpty"`
	// WantedTable has what an apply wants, HistoryTable what became of it.
	WantedTable  string `env:"WANTED_TABLE,required,notEmpty"`
	HistoryTable string `env:"HISTORY_TABLE,required,notEmpty"`
}

// The table of what is wanted: its key, the one item, and the item's attribute with a Wanted as JSON.
const (
	WantedKey       = "id"
	WantedItem      = "release"
	WantedAttribute = "wanted"
)

// The history table: its keys, and the attribute with a Record or a State as JSON.
const (
	HistoryKind   = "kind"
	HistoryNumber = "number"
	HistoryText   = "text"
)

// The values of HistoryKind.
const (
	KindRelease = "release"
	KindState   = "state"
)
