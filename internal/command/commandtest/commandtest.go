// Package commandtest runs the commands of a system in its tests, against a
// stand-in of it and without AWS.
package commandtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// Caller is who runs the commands.
const Caller = "arn:aws:iam::123456789012:user/anna"

// System is a deployed system whose functions answer as a test says.
type System struct {
	// Has are the keys of its parts.
	Has []string
	// Answers are what its functions say to an event, by function.
	Answers map[string]func(event string) (any, error)
	// Stored are its objects, by bucket/key.
	Stored map[string]string
	// Key is the public half of its key.
	Key []byte

	name string
	mu   sync.Mutex
	sent []string
}

// Name implements command.Deployed.
func (s *System) Name() string { return s.name }

// Account implements command.Deployed.
func (*System) Account() string { return "123456789012" }

// Region implements command.Deployed.
func (*System) Region() string { return "eu-central-1" }

// Caller implements command.Deployed.
func (*System) Caller(context.Context) (string, error) { return Caller, nil }

// Part implements command.Deployed.
func (s *System) Part(key string) (command.Part, bool) {
	return command.Part{}, slices.Contains(s.Has, key)
}

// Invoke implements command.Deployed.
func (s *System) Invoke(_ context.Context, function string, event, answer any) error {
	text, err := json.Marshal(event)
	if err != nil {
		return err
	}
	says, there := s.Answers[function]
	if !there {
		return fmt.Errorf("there is no function %s", function)
	}
	said, err := says(string(text))
	if err != nil {
		return err
	}
	if text, err = json.Marshal(said); err != nil {
		return err
	}
	return json.Unmarshal(text, answer)
}

// Store writes an object while a command may read it. Its key is bucket/key.
func (s *System) Store(key, object string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Stored[key] = object
}

// Object implements command.Deployed.
func (s *System) Object(_ context.Context, bucket, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	object, found := s.Stored[bucket+"/"+key]
	if !found {
		return nil, fmt.Errorf("%s: %w", key, command.ErrNoObject)
	}
	return []byte(object), nil
}

// Objects implements command.Deployed.
func (s *System) Objects(_ context.Context, bucket, prefix string) (keys []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.Stored {
		if name, ok := strings.CutPrefix(key, bucket+"/"); ok && strings.HasPrefix(name, prefix) {
			keys = append(keys, name)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// Download implements command.Deployed.
func (s *System) Download(ctx context.Context, bucket, key string, to io.Writer) error {
	object, err := s.Object(ctx, bucket, key)
	if err != nil {
		return err
	}
	_, err = to.Write(object)
	return err
}

// Refused is a text that no queue takes in a message.
const Refused = "refuse-me"

// Send implements command.Deployed.
func (s *System) Send(_ context.Context, queue, body string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.Contains(body, Refused) {
		return "", errors.New("access denied")
	}
	s.sent = append(s.sent, queue+" "+body)
	return "id", nil
}

// Sent are the messages that were sent: queue, space, body.
func (s *System) Sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// PublicKey implements command.Deployed.
func (s *System) PublicKey(context.Context, string) ([]byte, error) { return s.Key, nil }

// Clock stands still until something waits: then it moves on.
type Clock struct {
	// At is the time to begin with.
	At time.Time
	// Passes is told of each wait.
	Passes func()

	mu sync.Mutex
}

// Now implements command.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.At
}

// After implements command.Clock.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.At = c.At.Add(d)
	if c.Passes != nil {
		c.Passes()
	}
	ready := make(chan time.Time, 1)
	ready <- c.At
	return ready
}

// Line is a command line.
type Line struct {
	Command string
	// System is the name of the system.
	System string
	// Argument is the one behind it; empty for none.
	Argument string
	// Flags are those that are given, with values of their defaults' types.
	Flags map[string]any
	Clock command.Clock
}

// Run runs one of the commands as the operator's tool does. Without a system
// there is no AWS to find one in.
func Run(t *testing.T, commands []command.Command, s *System, line Line) (command.Answer, error) {
	t.Helper()
	i := slices.IndexFunc(commands, func(c command.Command) bool { return c.Name == line.Command })
	if i < 0 {
		t.Fatalf("there is no command %s", line.Command)
	}
	call := &command.Call{
		Name: line.System, Argument: line.Argument, Values: map[string]any{}, Given: map[string]bool{}, In: strings.NewReader(""), Progress: func(string) {}, Clock: line.Clock,
		Open: func(context.Context) (command.Deployed, error) {
			if s == nil {
				return nil, errors.New("AWS is not there")
			}
			s.name = line.System
			return s, nil
		},
	}
	for _, f := range commands[i].Flags {
		call.Values[f.Name] = f.Default
		if value, given := line.Flags[f.Name]; given {
			call.Values[f.Name], call.Given[f.Name] = value, true
		}
	}
	if len(line.Flags) != len(call.Given) {
		t.Fatalf("%s has not all of the flags %v", line.Command, line.Flags)
	}
	return commands[i].Run(t.Context(), call)
}

// IsUsage reports whether an error is a mistake in the command line, for which the
// operator's tool exits with 2.
func IsUsage(err error) bool {
	var mistake *command.UsageError
	return errors.As(err, &mistake)
}
