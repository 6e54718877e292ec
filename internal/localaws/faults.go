package localaws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// FaultKind says what a fault does to a call.
type FaultKind string

// The kinds of fault.
const (
	// FaultError answers with Code, Message and Status; the call takes no effect.
	FaultError FaultKind = "error"
	// FaultThrottle answers with the service's own throttling error; the call takes no effect.
	FaultThrottle FaultKind = "throttle"
	// FaultTimeout holds the connection for Hold, then ends it without an answer; the call takes no effect.
	FaultTimeout FaultKind = "timeout"
	// FaultLostAnswer lets the call take effect, then ends the connection without an answer, after Hold.
	FaultLostAnswer FaultKind = "lost-answer"
	// FaultKill runs Kill, then ends the connection without an answer. With TakesEffect the call is forwarded first.
	FaultKill FaultKind = "kill"
	// FaultDelay lets the call pass after Delay.
	FaultDelay FaultKind = "delay"
)

// Fault is a hardship for the calls that it matches. Empty fields match anything.
type Fault struct {
	Service   string `json:"service,omitempty"`
	Operation string `json:"operation,omitempty"`
	Caller    string `json:"caller,omitempty"`
	Resource  string `json:"resource,omitempty"`
	// Match, if not nil, must agree as well. It is called with the gate's lock held: it must not make calls.
	Match func(Call) bool `json:"-"`

	// Nth is the first matching call to be hit, counted from 1 after the fault was added; 0 is every one from the first.
	Nth int `json:"nth,omitempty"`
	// Times is how many matching calls are hit in a row. 0 is one where Nth is given, else no limit.
	Times int `json:"times,omitempty"`
	// Retries makes an operation fail as a whole: Nth and Times count operations, and every attempt of one that is hit is
	// hit too. Without it they count attempts, of which the SDK makes three by default: a fault that hits once is then
	// retried away by the SDK itself.
	Retries bool `json:"retries,omitempty"`

	Kind FaultKind `json:"kind"`
	// Code is the error's name in the reference (QueueDoesNotExist) or its code on the wire; for FaultError.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// Status is the HTTP status; 0 is what the service's model says of the code, else 400.
	Status int `json:"status,omitempty"`
	// Hold is how long FaultTimeout and FaultLostAnswer keep the caller waiting for nothing.
	Hold time.Duration `json:"hold_ns,omitempty"`
	// Delay is waited before anything else, for any kind.
	Delay time.Duration `json:"delay_ns,omitempty"`
	// Kill ends whoever is to be killed; for FaultKill.
	Kill func() `json:"-"`
	// TakesEffect lets AWS carry the call out before Kill; for FaultKill.
	TakesEffect bool `json:"takes_effect,omitempty"`
}

// check refuses a fault that could do nothing.
func (f Fault) check() error {
	switch f.Kind {
	case FaultError:
		if f.Code == "" {
			return errors.New("a fault of kind error needs a code")
		}
	case FaultKill:
		if f.Kill == nil {
			return errors.New("a fault of kind kill needs a function to call, so it can only be added in the gate's own process")
		}
	case FaultDelay:
		if f.Delay <= 0 {
			return errors.New("a fault of kind delay needs a delay")
		}
	case FaultThrottle, FaultTimeout, FaultLostAnswer:
	default:
		return fmt.Errorf("no fault is of kind %q", f.Kind)
	}
	if f.Nth < 0 || f.Times < 0 {
		return fmt.Errorf("nth is %d and times %d: neither can be negative", f.Nth, f.Times)
	}
	return nil
}

func (f Fault) matches(c *Call) bool {
	return agrees(f.Service, c.Service) && agrees(f.Operation, c.Operation) &&
		agrees(f.Caller, c.Caller) && agrees(f.Resource, c.Resource) && (f.Match == nil || f.Match(c.kept()))
}

// Armed is a fault that was added, and what became of it.
type Armed struct {
	fault  Fault
	faults *Faults

	// Guarded by the lock of the faults.
	seen        int             // matching calls so far; with Retries, operations
	invocations map[string]bool // with Retries: those seen, and whether they are hit
	hits        []Call
}

// Hits are the calls that the fault has hit, as they were known before their end: without status.
func (a *Armed) Hits() []Call {
	a.faults.mu.Lock()
	defer a.faults.mu.Unlock()
	return slices.Clone(a.hits)
}

// Fired tells whether the fault has hit a call.
func (a *Armed) Fired() bool { return len(a.Hits()) > 0 }

// Seen is how many calls the fault has matched, hit or not; with Retries, how many operations.
func (a *Armed) Seen() int {
	a.faults.mu.Lock()
	defer a.faults.mu.Unlock()
	return a.seen
}

// hit counts a matching call, and tells whether it is one of those to be hit.
func (a *Armed) hit(c *Call) bool {
	// Without the SDK's id of the invocation nothing tells a retry from a new call.
	follow := a.fault.Retries && c.Invocation != ""
	if follow {
		if hit, ok := a.invocations[c.Invocation]; ok {
			return hit
		}
	}
	a.seen++
	first, times := max(a.fault.Nth, 1), a.fault.Times
	if a.fault.Nth > 0 && times == 0 {
		times = 1
	}
	hit := a.seen >= first && (times == 0 || a.seen < first+times)
	if follow {
		a.invocations[c.Invocation] = hit
	}
	return hit
}

// Faults breaks calls. Where several faults match a call, all count it, and the one that was added first and is due hits.
type Faults struct {
	models *Models

	mu    sync.Mutex
	armed []*Armed
	hits  []Call
}

func newFaults(models *Models) *Faults { return &Faults{models: models} }

// Add arms a fault.
func (f *Faults) Add(fault Fault) (*Armed, error) {
	if err := fault.check(); err != nil {
		return nil, fmt.Errorf("add a fault: %w", err)
	}
	armed := &Armed{fault: fault, faults: f, invocations: map[string]bool{}}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = append(f.armed, armed)
	return armed, nil
}

// Clear takes all faults away, and forgets what they hit; an Armed keeps what it knows.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed, f.hits = nil, nil
}

// Hits are the calls hit by any fault since the last Clear.
func (f *Faults) Hits() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.hits)
}

// Before answers a call that a fault hits.
func (f *Faults) Before(ctx context.Context, c *Call, _ *http.Request) *Answer {
	fault, ok := f.due(c)
	if !ok {
		return nil
	}
	wait(ctx, fault.Delay)
	var answer *Answer
	switch fault.Kind {
	case FaultError:
		answer = answerError(f.models, c, apiError{code: fault.Code, message: fault.Message, status: fault.Status})
	case FaultThrottle:
		answer = answerError(f.models, c, throttlingOf(c, fault.Message))
	case FaultTimeout:
		answer = &Answer{Drop: true, Hold: fault.Hold}
	case FaultLostAnswer:
		answer = &Answer{Drop: true, Hold: fault.Hold, Forward: true}
	case FaultKill:
		answer = &Answer{Drop: true, Forward: fault.TakesEffect, Then: fault.Kill}
	case FaultDelay:
		c.Injected = string(FaultDelay)
		return nil
	}
	answer.Kind = string(fault.Kind)
	return answer
}

// After has nothing to do: a hit is counted when it happens.
func (f *Faults) After(*Call, *http.Response) {}

// due counts the call with every fault that matches, and finds the fault that hits it.
func (f *Faults) due(c *Call) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var due *Armed
	for _, armed := range f.armed {
		if armed.fault.matches(c) && armed.hit(c) && due == nil {
			due = armed
		}
	}
	if due == nil {
		return Fault{}, false
	}
	record := c.kept()
	record.Injected = string(due.fault.Kind)
	due.hits = append(due.hits, record)
	f.hits = append(f.hits, record)
	return due.fault, true
}

// throttlingOf is the error with which a service refuses a call that comes too soon after others. The SDK retries all of
// them. Where the model has a throttling error, it is that one; the older services answer with the common "Throttling".
func throttlingOf(c *Call, message string) apiError {
	e := apiError{code: "ThrottlingException", message: message, status: http.StatusBadRequest}
	if e.message == "" {
		e.message = "Rate exceeded"
	}
	switch c.Service {
	case "lambda":
		e.code, e.status = "TooManyRequestsException", http.StatusTooManyRequests
	case "lambda-url", "execute-api", "apigatewayv2":
		e.code, e.status = "TooManyRequestsException", http.StatusTooManyRequests
	case "s3":
		e.code, e.status = "SlowDown", http.StatusServiceUnavailable
		e.message = "Please reduce your request rate."
	case "sqs":
		e.code = "RequestThrottled"
	case "kinesis":
		e.code = "LimitExceededException"
		if c.Operation == "PutRecord" || c.Operation == "PutRecords" || c.Operation == "GetRecords" {
			e.code = "ProvisionedThroughputExceededException"
		}
	case "scheduler":
		e.status = http.StatusTooManyRequests
	default:
		if c.protocol == protocolQuery || c.protocol == protocolCBOR {
			e.code = "Throttling"
		}
	}
	return e
}
