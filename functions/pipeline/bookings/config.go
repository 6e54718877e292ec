package bookings

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// Kept is where bookings are kept.
type Kept struct {
	BookingsTable string `env:"BOOKINGS_TABLE,required,notEmpty"`
	UploadsQueue  string `env:"UPLOADS_QUEUE,required,notEmpty"` // URL.
	OutcomesQueue string `env:"OUTCOMES_QUEUE"`                  // URL; empty where nobody is told how a booking ends.
	RetentionDays int    `env:"RETENTION_DAYS"`                  // Days for which a booking is kept after its end; 0 for ever.
}

// DataFormat is how data is written.
type DataFormat struct {
	Format string `env:"FORMAT,required,notEmpty"` // jsonl or csv.
	Gzip   bool   `env:"GZIP"`
}

// Check says what is wrong with the format.
func (d DataFormat) Check() error {
	if Format(d.Format) != JSONLines && Format(d.Format) != CSV {
		return fmt.Errorf("FORMAT must be %s or %s", JSONLines, CSV)
	}
	return nil
}

// CreatorConfig is the configuration of creator.
type CreatorConfig struct {
	pipeline.Base
	pipeline.ItemMapping
	Kept
	DataFormat
	ItemsTable  string        `env:"ITEMS_TABLE,required,notEmpty"`
	Bucket      string        `env:"BUCKET,required,notEmpty"` // Of the pipeline's own objects.
	StageTopic  string        `env:"STAGE_TOPIC,required,notEmpty"`
	AtOnce      int           `env:"AT_ONCE,required"`       // Bookings of one pass through the items, of each of which some 6 MB are in memory.
	Lease       time.Duration `env:"LEASE,required"`         // Longer than the function's time-out.
	GiveUpAfter time.Duration `env:"GIVE_UP_AFTER,required"` // After which data that the third party does not take is given up.
}

// maxAtOnce bounds a pass. Its condition is one of DynamoDB's expressions, of at most 4 KB (DynamoDB Developer Guide, "Quotas": expression parameters).
const maxAtOnce = 100

// Check says what is wrong with creator's own settings.
func (c CreatorConfig) Check() error {
	switch {
	case c.AtOnce < 1 || c.AtOnce > maxAtOnce:
		return fmt.Errorf("AT_ONCE is 1 to %d", maxAtOnce)
	case c.Lease <= 0:
		return errors.New("LEASE must be longer than the function's time-out")
	case c.GiveUpAfter < time.Minute:
		return errors.New("GIVE_UP_AFTER must be at least a minute")
	}
	return errors.Join(c.DataFormat.Check(), c.ItemMapping.Check())
}

// UploaderConfig is the configuration of uploader.
type UploaderConfig struct {
	pipeline.Base
	Kept
	DataFormat
	Bucket  string        `env:"BUCKET,required,notEmpty"`
	URL     string        `env:"TARGET_URL,required,notEmpty"`    // Of the third party; {booking} and {segment} in it stand for the ids.
	Method  string        `env:"TARGET_METHOD,required,notEmpty"` // PUT or POST.
	Header  string        `env:"TARGET_HEADER"`                   // The header that has the secret; "Authorization" where it is empty.
	Secret  string        `env:"TARGET_SECRET"`                   // The ARN of its value, in Secrets Manager or Systems Manager; empty for none.
	Expect  string        `env:"TARGET_EXPECT"`                   // What the answer of a success must have in it.
	Timeout time.Duration `env:"TARGET_TIMEOUT,required"`         // Of one try. The function's time-out has to be half a minute longer.
}

// Check says what is wrong with uploader's own settings.
func (c UploaderConfig) Check() error {
	switch {
	case c.Method != http.MethodPut && c.Method != http.MethodPost:
		return errors.New("TARGET_METHOD must be PUT or POST")
	case c.Timeout < time.Second:
		return errors.New("TARGET_TIMEOUT must be at least a second")
	}
	return errors.Join(checkURL("TARGET_URL", c.URL), c.DataFormat.Check())
}

// NotifierConfig is the configuration of notifier.
type NotifierConfig struct {
	pipeline.Base
	Kept
	Topic         string        `env:"NOTIFY_TOPIC"`           // ARN; empty for none.
	WebhookURL    string        `env:"WEBHOOK_URL"`            // Empty for none.
	WebhookSecret string        `env:"WEBHOOK_SECRET"`         // The ARN of the key of its signature.
	GiveUpAfter   time.Duration `env:"GIVE_UP_AFTER,required"` // After which telling is given up.
}

// Check says what is wrong with notifier's own settings.
func (c NotifierConfig) Check() error {
	switch {
	case c.OutcomesQueue == "":
		return errors.New("OUTCOMES_QUEUE is not set")
	case c.Topic == "" && c.WebhookURL == "":
		return errors.New("give NOTIFY_TOPIC, WEBHOOK_URL, or both")
	case (c.WebhookURL == "") != (c.WebhookSecret == ""):
		return errors.New("WEBHOOK_URL and WEBHOOK_SECRET go together")
	case c.GiveUpAfter < time.Minute:
		return errors.New("GIVE_UP_AFTER must be at least a minute")
	case c.WebhookURL == "":
		return nil
	}
	return checkURL("WEBHOOK_URL", c.WebhookURL)
}

// SweeperConfig is what sweeper needs for bookings. Where it has no table there are none.
type SweeperConfig struct {
	BookingsTable string `env:"BOOKINGS_TABLE"`
	UploadsQueue  string `env:"UPLOADS_QUEUE"`
	OutcomesQueue string `env:"OUTCOMES_QUEUE"`
}

// checkURL says what is wrong with a stranger's address. Data and secrets go over TLS, but to the machine itself. What is secret does not belong into an address.
func checkURL(name, text string) error {
	address, err := url.Parse(text)
	switch {
	case err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http":
		return fmt.Errorf("%s must be an https:// address", name)
	case address.User != nil:
		return fmt.Errorf("%s must have no user and no password in it: give a secret's ARN", name)
	case address.Scheme == "http" && address.Hostname() != "localhost" && !net.ParseIP(address.Hostname()).IsLoopback():
		return fmt.Errorf("%s must begin with https://", name)
	}
	return nil
}
