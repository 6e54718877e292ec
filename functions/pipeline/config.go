package pipeline

import (
	"errors"
	"math"
	"time"
)

// Base names the system that a function belongs to.
type Base struct {
	System string `env:"SYSTEM,required,notEmpty"` // The kind of system: "recommendation_pipeline".
	Name   string `env:"NAME,required,notEmpty"`   // The system's name.
}

// Runs is the table of runs.
type Runs struct {
	RunsTable string `env:"RUNS_TABLE,required,notEmpty"`
}

// ListerConfig is the configuration of lister.
type ListerConfig struct {
	Base
	Runs
	SourceBucket  string `env:"SOURCE_BUCKET,required,notEmpty"`
	Bucket        string `env:"BUCKET,required,notEmpty"` // Of the pipeline's own objects.
	FilesStream   string `env:"FILES_STREAM,required,notEmpty"`
	StartTopic    string `env:"START_TOPIC,required,notEmpty"` // ARN.
	StageTopic    string `env:"STAGE_TOPIC,required,notEmpty"` // ARN.
	PagesPerCall  int    `env:"PAGES_PER_CALL"`                // Pages of a thousand keys that one invocation lists; 0 for as many as its time allows.
	MaxSteps      int    `env:"MAX_STEPS,required"`            // Invocations that may list for one run.
	RetentionDays int    `env:"RETENTION_DAYS"`                // Days for which a run is kept; 0 for ever.
}

// Check says what is wrong with the lister's own settings.
func (c ListerConfig) Check() error {
	switch {
	case c.PagesPerCall < 0:
		return errors.New("PAGES_PER_CALL must not be negative")
	case c.MaxSteps < 1:
		return errors.New("MAX_STEPS must be at least 1")
	}
	return nil
}

// ItemMapping is where the mapping is: in the environment, where its 4 KB have room for it (Lambda Developer Guide, "Lambda quotas"), or else in an object.
type ItemMapping struct {
	Mapping    string `env:"MAPPING"`     // Its JSON.
	MappingKey string `env:"MAPPING_KEY"` // The key of an object in BUCKET.
}

// Check says what is wrong with the mapping's place.
func (m ItemMapping) Check() error {
	if (m.Mapping == "") == (m.MappingKey == "") {
		return errors.New("give one of MAPPING and MAPPING_KEY")
	}
	return nil
}

// IngestConfig is the configuration of ingest.
type IngestConfig struct {
	Base
	Runs
	ItemMapping
	ItemsTable    string        `env:"ITEMS_TABLE,required,notEmpty"`
	SourceBucket  string        `env:"SOURCE_BUCKET,required,notEmpty"`
	Bucket        string        `env:"BUCKET,required,notEmpty"`
	StageTopic    string        `env:"STAGE_TOPIC,required,notEmpty"`
	Reads         int           `env:"READS,required"`          // Files that are read at the same time, and calls that write items.
	MaxFileBytes  int           `env:"MAX_FILE_BYTES,required"` // Of a file, as it is and as it unpacks.
	GiveUpAfter   time.Duration `env:"GIVE_UP_AFTER,required"`  // After which files that AWS does not let be read or written are failures.
	RetentionDays int           `env:"RETENTION_DAYS"`
}

// Check says what is wrong with ingest's own settings.
func (c IngestConfig) Check() error {
	switch {
	case c.Reads < 1 || c.Reads > 256:
		return errors.New("READS is 1 to 256")
	case c.MaxFileBytes < 1:
		return errors.New("MAX_FILE_BYTES must be at least 1")
	case c.GiveUpAfter < time.Minute:
		return errors.New("GIVE_UP_AFTER must be at least a minute")
	}
	return c.ItemMapping.Check()
}

// SweeperConfig is the configuration of sweeper.
type SweeperConfig struct {
	Base
	Runs
	StartTopic string        `env:"START_TOPIC,required,notEmpty"`
	StageTopic string        `env:"STAGE_TOPIC,required,notEmpty"`
	StepTime   time.Duration `env:"STEP_TIME,required"`   // The longest time-out of lister, segmenter and manifest: a step that is silent for longer is over.
	StuckAfter time.Duration `env:"STUCK_AFTER,required"` // After which a run on which nothing happens is named stuck.
	Idle       bool          `env:"IDLE"`                 // Whether one that is stuck while it ingests goes on with what is there.
	MaxSteps   int           `env:"MAX_STEPS,required"`
	Bucket     string        `env:"BUCKET"`         // Of the pipeline's own objects, of which those of old runs are deleted.
	ExpireDays int           `env:"RETENTION_DAYS"` // Days after its start when a run is old; 0 for never.
}

// Check says what is wrong with the sweeper's own settings.
func (c SweeperConfig) Check() error {
	if c.ExpireDays < 0 || c.ExpireDays > 0 && c.Bucket == "" {
		return errors.New("RETENTION_DAYS must not be negative, and needs BUCKET")
	}
	if c.StepTime <= 0 || c.StuckAfter <= 0 || c.MaxSteps < 1 {
		return errors.New("STEP_TIME, STUCK_AFTER and MAX_STEPS must be more than zero")
	}
	return nil
}

// SegmenterConfig is the configuration of segmenter.
type SegmenterConfig struct {
	Base
	Runs
	ItemsTable     string   `env:"ITEMS_TABLE,required,notEmpty"`
	Bucket         string   `env:"BUCKET,required,notEmpty"`
	SegmentsStream string   `env:"SEGMENTS_STREAM,required,notEmpty"`
	StageTopic     string   `env:"STAGE_TOPIC,required,notEmpty"`
	Segment        string   `env:"SEGMENT"`     // The attribute by whose values items are grouped; empty for no segments.
	Metrics        []string `env:"METRICS"`     // Attributes of the type number of which segments have figures.
	Percentiles    []string `env:"PERCENTILES"` // In these: above 0, below 100.
	MinSize        int      `env:"MIN_SIZE"`    // Items that a segment has at least.
	Top            int      `env:"TOP"`         // The segments with the most items that are taken; 0 for all.
	ExpireDays     int      `env:"EXPIRE_DAYS"` // Days until items that are gone from an upload are deleted; 0 for keeping them.
}

// MetadataConfig is the configuration of metadata.
type MetadataConfig struct {
	Base
	Runs
	Bucket        string `env:"BUCKET,required,notEmpty"`
	StageTopic    string `env:"STAGE_TOPIC,required,notEmpty"`
	RetentionDays int    `env:"RETENTION_DAYS"`
}

// Prices are what the report of a run is reckoned with, in dollars a million. The reads of files and the writes of items are nine tenths of what a run costs.
type Prices struct {
	Read  float64 `env:"READ_PRICE"`  // Of GET requests to S3.
	Write float64 `env:"WRITE_PRICE"` // Of write units of DynamoDB.
}

// of is what the reads and writes of a run cost, in nano-dollars.
func (p Prices) of(run Run) int64 {
	const nano = 1000 // Nano-dollars in a dollar a million.
	return int64(math.Round(nano * (p.Read*float64(run.Ingested+run.Failures) + p.Write*float64(run.WriteUnits))))
}

// ManifestConfig is the configuration of manifest.
type ManifestConfig struct {
	Base
	Runs
	Prices
	Bucket string `env:"BUCKET,required,notEmpty"`
}

// ControlConfig is the configuration of control.
type ControlConfig struct {
	Base
	Runs
	Bucket        string        `env:"BUCKET,required,notEmpty"`
	StartTopic    string        `env:"START_TOPIC,required,notEmpty"`
	BookingsTable string        `env:"BOOKINGS_TABLE"` // Empty where the pipeline takes no bookings.
	GiveUpAfter   time.Duration `env:"GIVE_UP_AFTER"`  // After which data that the third party does not take is given up.
}
