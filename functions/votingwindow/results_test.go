package votingwindow_test

import (
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// TestResultsBytes: the estimate of what viewers bring goes by the results as they are written.
func TestResultsBytes(t *testing.T) {
	w := votingwindow.Window{
		OpensAt: time.Date(2030, 5, 4, 20, 0, 0, 0, time.UTC), ClosesAt: time.Date(2030, 5, 4, 20, 10, 0, 0, time.UTC),
		Questions: []string{votingwindow.Question("vote", "anna", "bruno"), votingwindow.Question("song", "a")},
	}
	want := len(`{"status":"open","as_of":"2030-05-04T20:09:59.999999999Z","opens_at":"2030-05-04T20:00:00Z","closes_at":"2030-05-04T20:10:00Z","total":150,` +
		`"questions":{"song":{"total":50,"answers":{"a":50}},"vote":{"total":100,"answers":{"anna":50,"bruno":50}}},"version":1000}`)
	if have := votingwindow.ResultsBytes(w, 50); have != want {
		t.Errorf("%d bytes, want %d", have, want)
	}
}
