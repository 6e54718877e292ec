package main

import (
	"strings"
	"testing"
)

// What the third party has must be one booking's places, once.
func TestOnly(t *testing.T) {
	want := map[string]int64{"1": 20, "2": 30}
	for name, c := range map[string]struct {
		taken map[string]delivery
		fault string
	}{
		"once":            {map[string]delivery{"b1-x": {booking: "b1", places: want, times: 2}}, ""},
		"nothing":         {nil, "0 idempotency keys"},
		"twice":           {map[string]delivery{"b1-x": {booking: "b1", places: want}, "b1-y": {booking: "b1", places: want}}, "2 idempotency keys"},
		"another booking": {map[string]delivery{"b2-x": {booking: "b2", places: want}}, "of the booking b2"},
		"a place missing": {map[string]delivery{"b1-x": {booking: "b1", places: map[string]int64{"1": 20}}}, "1 places"},
		"another place":   {map[string]delivery{"b1-x": {booking: "b1", places: map[string]int64{"1": 20, "3": 30}}}, "the place 2"},
		"other people":    {map[string]delivery{"b1-x": {booking: "b1", places: map[string]int64{"1": 20, "2": 31}}}, "at the third party 31"},
	} {
		t.Run(name, func(t *testing.T) {
			err := only(c.taken, "b1", want)
			if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
				t.Errorf("it says %v, want %q", err, c.fault)
			}
		})
	}
}
