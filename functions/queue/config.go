package queue

import "time"

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
}

// PlacerConfig is the configuration of placer: it uses the tables sales, fans and line.
type PlacerConfig struct {
	Base
	Tables
	RetentionDays int `env:"RETENTION_DAYS"` // Days from joining until a record expires; 0 for never.
}

// PlacerTimeout is the placer function's time-out where nothing else is configured: the keeper waits for what a placer may still write.
const PlacerTimeout = 10 * time.Second
