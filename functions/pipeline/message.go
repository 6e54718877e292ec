package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Start is a message on the topic start: an upload is complete, or the lister is to go on.
type Start struct {
	Run    string `json:"run,omitempty"` // Without it the run's id comes of the message's own, so that the same message twice is one run.
	Prefix string `json:"prefix"`
	Marker string `json:"marker,omitempty"` // Where to go on; the run's checkpoint.
	Step   int    `json:"step,omitempty"`   // How many steps of its chain of messages are done.
	// ReplayOf is a run whose upload is taken again under a new id: all files below prefix, or those that failed alone.
	ReplayOf string `json:"replay_of,omitempty"`
	Failed   bool   `json:"failed,omitempty"`

	sent time.Time // When the message was published.
}

// deadLettersKept is for how long a message lies among the dead letters at most (Amazon SQS Developer Guide, "Amazon SQS message quotas", message retention).
const deadLettersKept = 14 * 24 * time.Hour

// uploaded is when the upload of a message was started that begins a run: when it was published, however long it took until somebody could take it. An event with another
// time was written by hand.
func (s Start) uploaded(now time.Time) time.Time {
	if s.sent.After(now) || s.sent.Before(now.Add(-deadLettersKept)) {
		return now
	}
	return s.sent
}

// Stage is a message on the topic stage: a run has come to its next stage.
type Stage struct {
	Run   string `json:"run"`
	Stage string `json:"stage"`
	Step  int    `json:"step,omitempty"`
}

// The stages.
const (
	StageSegments = "segments"
	StageManifest = "manifest"
	StageBookings = "bookings" // Of no run: what stands for its id is the pass for which bookings' data is generated.
)

// ChainSteps is how many invocations of one function follow one another through a topic. Lambda stops such a chain after about 16 (Lambda Developer Guide,
// "Use Lambda recursive loop detection to prevent infinite loops"). So a chain ends before that by itself, with its checkpoint, and the sweeper, which a
// schedule starts, begins the next one: to Lambda that is no loop.
const ChainSteps = 12

var (
	errNoRun  = errors.New("a run's id is 1 to 63 small letters, digits and hyphens, and does not begin with a hyphen")
	errPrefix = errors.New("a prefix has at most 1024 bytes")
)

// ValidRun says whether a text can be a run's id. A regular expression would take most of a function's start.
func ValidRun(id string) bool {
	if id == "" || len(id) > 63 || id[0] == '-' {
		return false
	}
	for _, char := range []byte(id) {
		if char != '-' && (char < 'a' || char > 'z') && (char < '0' || char > '9') {
			return false
		}
	}
	return true
}

// readStart reads a message of the topic start. One that is no JSON object is a prefix as it stands.
func readStart(message events.SNSEntity) (Start, error) {
	text := strings.TrimSpace(message.Message)
	start := Start{Prefix: text}
	if strings.HasPrefix(text, "{") {
		start = Start{}
		if err := decode(text, &start); err != nil {
			return Start{}, err
		}
	}
	start.sent = message.Timestamp
	if start.Run == "" {
		start.Run = derivedRun(start.Prefix, message.MessageID, message.Timestamp)
	}
	switch {
	case !ValidRun(start.Run), start.ReplayOf != "" && !ValidRun(start.ReplayOf):
		return Start{}, errNoRun
	case len(start.Prefix) > 1024 || len(start.Marker) > 1024:
		return Start{}, errPrefix
	case start.Failed && start.ReplayOf == "":
		return Start{}, errors.New("failed needs replay_of")
	case start.ReplayOf == start.Run:
		return Start{}, errors.New("a run is no replay of itself")
	case start.Step < 0 || start.Step > ChainSteps:
		return Start{}, fmt.Errorf("step is 0 to %d", ChainSteps)
	}
	return start, nil
}

// derivedRun is the id of a run that was given none: when its message was sent, and a digest by which others of that second differ.
func derivedRun(prefix, message string, sent time.Time) string {
	sum := sha256.Sum256([]byte(prefix + "\n" + message))
	return sent.UTC().Format("20060102-150405-") + hex.EncodeToString(sum[:4])
}

// ReadStage reads a message of the topic stage.
func ReadStage(text string) (stage Stage, err error) {
	if err := decode(text, &stage); err != nil {
		return Stage{}, err
	}
	if !ValidRun(stage.Run) {
		return Stage{}, errNoRun
	}
	return stage, nil
}

// decode reads one JSON object, and refuses members that nobody knows: a misspelt one would start another run than is meant.
func decode(text string, into any) error {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("read the message: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("read the message: something follows the object")
	}
	return nil
}

func encode(message any) (string, error) {
	text, err := json.Marshal(message)
	if err != nil {
		return "", fmt.Errorf("encode the message: %w", err)
	}
	return string(text), nil
}
