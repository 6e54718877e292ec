package api

import (
	"errors"
	"slices"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// Config is the configuration of api.
type Config struct {
	pipeline.Base
	pipeline.Runs
	Bucket        string `env:"BUCKET,required,notEmpty"`      // Of the pipeline's own objects.
	StartTopic    string `env:"START_TOPIC,required,notEmpty"` // ARN, for replays.
	BookingsTable string `env:"BOOKINGS_TABLE"`                // Empty where the pipeline takes no bookings.
	RetentionDays int    `env:"RETENTION_DAYS"`                // Days for which a booking is kept that ended; 0 for ever.
	// GiveUpAfter is for how long a booking that is retried is tried.
	GiveUpAfter   time.Duration `env:"GIVE_UP_AFTER"`
	Auth          string        `env:"AUTH,required,notEmpty"` // Who lets callers in: jwt, iam or api_key.
	WriteScope    string        `env:"WRITE_SCOPE"`            // The scope that a token or key needs for mutations; empty for none.
	Introspection bool          `env:"INTROSPECTION"`          // The schema may be asked for.
}

// Check says what is wrong with the API's own settings.
func (c Config) Check() error {
	switch {
	case !slices.Contains(auths, c.Auth):
		return errors.New("AUTH is one of jwt, iam and api_key")
	case c.Auth == AuthIAM && c.WriteScope != "":
		return errors.New("WRITE_SCOPE needs a token or a key: IAM knows no scopes")
	}
	return nil
}

// AuthorizerConfig is the configuration of authorizer.
type AuthorizerConfig struct {
	pipeline.Base
	Keys string `env:"KEYS,required,notEmpty"` // The ARN of a secret or a parameter.
}
