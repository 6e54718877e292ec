package clock_test

import (
	"context"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
)

// TestToAnswer: a second of an invocation is kept for its answer.
func TestToAnswer(t *testing.T) {
	end := time.Now().Add(time.Hour)
	invocation, stop := context.WithDeadline(t.Context(), end)
	defer stop()
	ctx, cancel := clock.ToAnswer(invocation)
	defer cancel()
	if have, ok := ctx.Deadline(); !ok || !have.Equal(end.Add(-time.Second)) {
		t.Errorf("it ends at %s, want a second before %s", have, end)
	}
	without, done := clock.ToAnswer(t.Context())
	if have, ok := without.Deadline(); ok {
		t.Errorf("an invocation without an end ends at %s", have)
	}
	done()
	if without.Err() == nil {
		t.Error("it goes on after it was cancelled")
	}
}
