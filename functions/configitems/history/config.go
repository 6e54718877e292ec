// Package history has the functions of a serverless_config: history keeps what changed, control is what operators call.
package history

// Base is what every function knows of its system.
type Base struct {
	System string `env:"SYSTEM,required,notEmpty"`
	Name   string `env:"NAME,required,notEmpty"`
}

// Config is the configuration of history.
type Config struct {
	Base
	HistoryTable  string `env:"HISTORY_TABLE,required,notEmpty"`
	DeadLetterURL string `env:"DEAD_LETTER_URL,required,notEmpty"`
	// RetentionDays is how long an entry is kept; 0 for ever.
	RetentionDays int `env:"RETENTION_DAYS"`
}

// ControlConfig is the configuration of control.
type ControlConfig struct {
	Base
	ItemsTable   string `env:"ITEMS_TABLE,required,notEmpty"`
	ReadersTable string `env:"READERS_TABLE,required,notEmpty"`
	HistoryTable string `env:"HISTORY_TABLE,required,notEmpty"`
}

// The history table: its keys and the time, in seconds since 1970, at which DynamoDB forgets an entry.
const (
	KeyAttribute     = "key"
	AtAttribute      = "at"
	ExpiresAttribute = "expires"
)

// Other attributes of an entry.
const (
	whatAttribute    = "what"
	oldAttribute     = "old"
	newAttribute     = "new"
	oldTypeAttribute = "old_type"
	newTypeAttribute = "new_type"
	byAttribute      = "by"
)
