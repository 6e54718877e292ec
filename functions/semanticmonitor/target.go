package semanticmonitor

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Target is what a probe goes through: HTTP alone, Room alone, or Queue with Look or Item.
type Target struct {
	HTTP  *HTTP  `json:"http,omitempty"`  // A request whose answer is the end.
	Queue *Queue `json:"queue,omitempty"` // The top.
	Look  *HTTP  `json:"look,omitempty"`  // A request that is repeated until the probe is seen.
	Item  *Item  `json:"item,omitempty"`  // An item that the probe becomes.
	Room  *Room  `json:"room,omitempty"`  // A waiting room.
}

// HTTP is a request and what is expected of its answer. Address, headers and body are templates; see Fill.
type HTTP struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	Secrets map[string]string `json:"secrets,omitempty"` // Headers whose values are in parameters or secrets: their ARNs.
	Body    string            `json:"body,omitempty"`
	Expect  Expect            `json:"expect"`
}

// Queue is an SQS queue, and the message that it gets. The body is a template.
type Queue struct {
	ARN  string `json:"arn"`
	Body string `json:"body"`
}

// Item is an item of a DynamoDB table whose key's attributes are texts: templates by their names.
type Item struct {
	Table     string            `json:"table"` // ARN.
	Key       map[string]string `json:"key"`
	Attribute string            `json:"attribute,omitempty"` // That must be there; empty for any.
	Equals    string            `json:"equals,omitempty"`    // What it must be: a template; empty for anything.
}

// Room is a waiting room. A probe joins, must get a place, and must be called.
type Room struct {
	Join     string `json:"join"` // URLs of its doors.
	Turn     string `json:"turn"`
	Status   string `json:"status,omitempty"` // URL of the sale's published status; empty where nobody looks at it.
	ProbeKey string `json:"probe_key"`        // ARN of the parameter with the key that marks probes.
	Sale     string `json:"sale"`
}

// Check says what is wrong with the target.
func (t Target) Check() error {
	switch {
	case t.HTTP != nil && t.Queue == nil && t.Look == nil && t.Item == nil && t.Room == nil:
		return t.HTTP.Expect.Check()
	case t.Room != nil && t.HTTP == nil && t.Queue == nil && t.Look == nil && t.Item == nil:
		return nil
	case t.Queue != nil && t.HTTP == nil && t.Room == nil && (t.Look == nil) != (t.Item == nil):
		if t.Look != nil {
			return t.Look.Expect.Check()
		}
		if t.Item.Equals != "" && t.Item.Attribute == "" {
			return errors.New("a value to be equal to needs the attribute that it is of")
		}
		return nil
	default:
		return errors.New("the target is a request, a waiting room, or a queue with one place where the probe comes out")
	}
}

// Secrets are the ARNs of all that the target reads.
func (t Target) Secrets() []string {
	var arns []string
	for _, h := range []*HTTP{t.HTTP, t.Look} {
		if h != nil {
			for _, arn := range h.Secrets {
				arns = append(arns, arn)
			}
		}
	}
	if t.Room != nil {
		arns = append(arns, t.Room.ProbeKey)
	}
	return arns
}

// Fill puts a probe into a template: {{probe}} is its id, {{time}} when it was sent, RFC 3339 in UTC.
func Fill(template string, p Probe) string {
	return strings.NewReplacer("{{probe}}", p.ID, "{{time}}", time.UnixMilli(p.Sent).UTC().Format(time.RFC3339)).Replace(template)
}

// Expect is what an answer must be. What is empty is not asked for.
type Expect struct {
	Status  int    `json:"status,omitempty"`  // 0 for 200 to 299.
	Pointer string `json:"pointer,omitempty"` // Where in the body, as JSON, something must be (RFC 6901).
	Equals  string `json:"equals,omitempty"`  // What that must be, as text: a template.
	Matches string `json:"matches,omitempty"` // What the body must match, in RE2's syntax: a template.
	HasID   bool   `json:"has_id,omitempty"`  // Whether the body must have the probe's id.
}

// Check says what is wrong with the expectation.
func (e Expect) Check() error {
	if e.Status != 0 && (e.Status < 100 || e.Status > 599) {
		return fmt.Errorf("there is no status %d; give one of 100 to 599", e.Status)
	}
	if e.Pointer != "" && !strings.HasPrefix(e.Pointer, "/") {
		return fmt.Errorf("the JSON pointer %q does not begin with a slash (RFC 6901)", e.Pointer)
	}
	if e.Equals != "" && e.Pointer == "" {
		return errors.New("a value to be equal to needs a JSON pointer to where it is")
	}
	if _, err := regexp.Compile(e.Matches); err != nil {
		return fmt.Errorf("the expression to match cannot be read: %w", err)
	}
	return nil
}
