package queue

import (
	"errors"
	"time"
)

// Base names the system that a function belongs to.
type Base struct {
	System string `env:"SYSTEM,required,notEmpty"` // The kind of system: "queue".
	Name   string `env:"NAME,required,notEmpty"`   // The system's name.
}

// Tables are the names of the tables that a function uses; empty for others.
type Tables struct {
	Sales   string `env:"SALES_TABLE,required,notEmpty"`
	Fans    string `env:"FANS_TABLE"`
	Line    string `env:"LINE_TABLE"`
	Windows string `env:"WINDOWS_TABLE"`
	State   string `env:"STATE_TABLE"`
	Joins   string `env:"JOINS_TABLE"` // Which browsers write under their identity.
}

// JoinConfig is the configuration of join: it uses the table sales, and state where fans read the status from a table.
type JoinConfig struct {
	Base
	Tables
	TicketKey
	JoinsURL          string `env:"JOINS_URL,required,notEmpty"` // The joins queue.
	ProbeKeyParameter string `env:"PROBE_KEY_PARAMETER"`         // The same of a monitor's probes; empty for none.
	ProbeKeyVersion   string `env:"PROBE_KEY_VERSION"`
	AllowBucket       string `env:"ALLOW_BUCKET"` // Bucket and key of the list of join codes; empty where none is asked for.
	AllowKey          string `env:"ALLOW_KEY"`
	AllowVersion      string `env:"ALLOW_VERSION"` // Changes with the list, as KeyVersion does with the key.
	TokenIssuer       string `env:"TOKEN_ISSUER"`  // Issuer and audience of the organiser's tokens; empty where none is asked for.
	TokenAudience     string `env:"TOKEN_AUDIENCE"`
	ReadersBucket     string `env:"READERS_BUCKET"` // Where the credentials for the status table are; empty where fans read an object.
	StatusShards      int    `env:"STATUS_SHARDS"`  // Of the status in the state table, 1 to MaxStatusShards, likewise.
}

// Check says what is wrong with join's own settings.
func (c JoinConfig) Check() error {
	if (c.AllowBucket == "") != (c.AllowKey == "") {
		return errors.New("ALLOW_BUCKET and ALLOW_KEY need each other")
	}
	if (c.TokenIssuer == "") != (c.TokenAudience == "") {
		return errors.New("TOKEN_ISSUER and TOKEN_AUDIENCE need each other")
	}
	if c.ReadersBucket != "" && (c.State == "" || c.StatusShards < 1 || c.StatusShards > MaxStatusShards) {
		return errors.New("READERS_BUCKET needs STATE_TABLE, and STATUS_SHARDS from 1 to 64")
	}
	return nil
}

// TicketKey is the key of tickets and codes.
type TicketKey struct {
	KeyParameter string `env:"KEY_PARAMETER,required,notEmpty"` // SSM parameter: 32 bytes in base64.
	KeyVersion   string `env:"KEY_VERSION"`                     // Changes with its value, which environments read once: so they begin anew.
}

// PlacerConfig is the configuration of placer: it uses the tables sales, fans and line.
type PlacerConfig struct {
	Base
	Tables
	RetentionDays int `env:"RETENTION_DAYS"` // Days from joining until a record expires; 0 for never.
}

// KeeperConfig is the configuration of keeper: it uses all tables but joins.
type KeeperConfig struct {
	Base
	Tables
	JoinsURL      string        `env:"JOINS_URL,required,notEmpty"`
	LineURL       string        `env:"LINE_URL"` // The line queue, where the ticketing service assigns the windows; else empty.
	Bucket        string        `env:"BUCKET,required,notEmpty"`
	PlacerTimeout time.Duration `env:"PLACER_TIMEOUT,required"` // The placer function's time-out.
	StatusShards  int           `env:"STATUS_SHARDS,required"`  // 1 to MaxStatusShards.
	RetentionDays int           `env:"RETENTION_DAYS"`
	StatusTable   string        `env:"STATUS_TABLE"` // Where fans read the status themselves; empty where they read the object.
	BoardShards   int           `env:"BOARD_SHARDS"` // Of a sale's status there, 1 to MaxBoardShards.
}

// MaxStatusShards bounds the items that hold a status: each takes 6,000 eventually consistent reads a second (DynamoDB Developer Guide, "Best practices for designing and
// using partition keys effectively": 3,000 read units).
const MaxStatusShards = 64

// Check says what is wrong with the keeper's own settings.
func (c KeeperConfig) Check() error {
	switch {
	case c.PlacerTimeout <= 0:
		return errors.New("PLACER_TIMEOUT must be more than zero")
	case c.StatusShards < 1 || c.StatusShards > MaxStatusShards:
		return errors.New("STATUS_SHARDS is 1 to 64")
	case c.StatusTable != "" && (c.BoardShards < 1 || c.BoardShards > MaxBoardShards):
		return errors.New("BOARD_SHARDS is 1 to 25")
	default:
		return nil
	}
}

// ReadersConfig is the configuration of readers: it uses the table sales.
type ReadersConfig struct {
	Base
	Tables
	ReaderRoleARN  string `env:"READER_ROLE_ARN,required,notEmpty"`
	ReaderRoleID   string `env:"READER_ROLE_ID"` // Changes where the role is made anew, whose former sessions are none: so environments begin anew.
	StatusTable    string `env:"STATUS_TABLE,required,notEmpty"`
	StatusTableARN string `env:"STATUS_TABLE_ARN,required,notEmpty"`
	BoardShards    int    `env:"BOARD_SHARDS,required"`
	Bucket         string `env:"BUCKET,required,notEmpty"` // Where the page is.
	KMSKeyARN      string `env:"KMS_KEY_ARN"`              // Of the status table; empty where it has none of the customer's.
}

// TurnConfig is the configuration of turn: it uses the tables sales, fans, line, windows and state.
type TurnConfig struct {
	Base
	Tables
	Passes
	PassKey
	EdgeKey
	TicketKey
	StatusShards int  `env:"STATUS_SHARDS,required"`
	External     bool `env:"EXTERNAL"` // The ticketing service assigns the windows.
}

// PassKey is the key that signs passes.
type PassKey struct {
	PassKeyParameter string `env:"PASS_KEY_PARAMETER"` // SSM parameter: the RSA key, PKCS #8 in PEM; empty where KMS signs.
	PassKeyVersion   string `env:"PASS_KEY_VERSION"`   // As the TicketKey's.
	PassKeyARN       string `env:"PASS_KEY_ARN"`       // The KMS key that signs instead, and the id under which it is published.
	PassKeyID        string `env:"PASS_KEY_ID"`
}

// Check says what is wrong with the key.
func (k PassKey) Check() error {
	if (k.PassKeyParameter == "") == (k.PassKeyARN == "") || (k.PassKeyARN == "") != (k.PassKeyID == "") {
		return errors.New("give PASS_KEY_PARAMETER, or PASS_KEY_ARN and PASS_KEY_ID")
	}
	return nil
}

// EdgeKey is the key that signs the passes of the edge; empty where there are none.
type EdgeKey struct {
	EdgeKeyParameter string `env:"EDGE_KEY_PARAMETER"` // SSM parameter: the key, which the edge's store has as it is.
	EdgeKeyVersion   string `env:"EDGE_KEY_VERSION"`   // As the TicketKey's.
	EdgeKeyID        string `env:"EDGE_KEY_ID"`        // Under which the store has it.
}

// BypassConfig is the configuration of bypass: it uses the table sales.
type BypassConfig struct {
	Base
	Tables
	Passes
	PassKey
	EdgeKey
}

// RevokeConfig is the configuration of revoke: it uses the tables sales, fans and windows.
type RevokeConfig struct {
	Base
	Tables
}

// ServiceConfig is the configuration of service: it uses the tables sales, fans and windows.
type ServiceConfig struct {
	Base
	Tables
	Passes
	TicketKey
	PassKeys string `env:"PASS_KEYS,required,notEmpty"` // The public halves of the keys of passes: a JSON Web Key Set, as it is published.
	External bool   `env:"EXTERNAL"`
}

// Passes say whose passes are.
type Passes struct {
	Issuer   string `env:"ISSUER,required,notEmpty"` // The URL below which the public keys are published.
	Audience string `env:"AUDIENCE"`                 // Empty for the system's name, a slash and the sale.
}

// AudienceOf is what the passes of a sale are for.
func (p Passes) AudienceOf(base Base, sale string) string {
	if p.Audience != "" {
		return p.Audience
	}
	return base.Name + "/" + sale
}

// ControlConfig is the configuration of control: it uses the tables sales and line.
type ControlConfig struct {
	Base
	Tables
}

// StreamConfig is the configuration of stream: it uses the tables sales and joins.
type StreamConfig struct {
	Base
	Tables
	TicketKey
	JoinsURL      string `env:"JOINS_URL,required,notEmpty"`
	AsideURL      string `env:"ASIDE_URL,required,notEmpty"` // The queue of what is set aside.
	RetentionDays int    `env:"RETENTION_DAYS"`              // Days from joining until a browser's item expires; 0 for never.
}
