package semanticmonitor

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Base names the system that a function belongs to.
type Base struct {
	System string `env:"SYSTEM,required,notEmpty"` // The kind of system: "semantic_monitor".
	Name   string `env:"NAME,required,notEmpty"`   // The system's name.
}

// ProbeConfig is the configuration of probe.
type ProbeConfig struct {
	Base
	Table  string `env:"TABLE,required,notEmpty"`  // Has one item: the State.
	Target string `env:"TARGET,required,notEmpty"` // A Target as JSON.
	Limits
}

// Limits are the monitor's times.
type Limits struct {
	Interval  time.Duration `env:"INTERVAL,required"`   // From one probe to the next.
	Within    time.Duration `env:"WITHIN,required"`     // In which a probe must come out.
	LostAfter time.Duration `env:"LOST_AFTER,required"` // After which a late probe is given up; at least Within.
}

// MaxInFlight is how many probes may be on the way at once.
const MaxInFlight = 60

// Check says what is wrong with the times.
func (l Limits) Check() error {
	switch {
	case l.Interval <= 0 || l.Within <= 0:
		return errors.New("INTERVAL and WITHIN must be more than zero")
	case l.LostAfter < l.Within:
		return errors.New("LOST_AFTER is less than WITHIN; give at least as much")
	case l.LostAfter > MaxInFlight*l.Interval:
		return fmt.Errorf("more than %d probes would be on the way at once; lower LOST_AFTER, or raise INTERVAL", MaxInFlight)
	default:
		return nil
	}
}

// ReadTarget reads a target from its JSON.
func ReadTarget(text string) (Target, error) {
	var t Target
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return t, fmt.Errorf("read the target: %w", err)
	}
	return t, t.Check()
}
