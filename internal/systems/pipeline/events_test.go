package pipeline

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// The example has an event for each function that a pipeline can have, and for no
// other.
func TestEvents(t *testing.T) {
	var functions []string
	for _, part := range well(t, pipelines["full.json"]).Parts {
		if _, ok := part.Spec.(blueprint.FunctionSpec); ok {
			functions = append(functions, part.Key)
		}
	}
	files, err := filepath.Glob("../../../examples/audience-segments/events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	for _, file := range files {
		events = append(events, strings.TrimSuffix(filepath.Base(file), ".json"))
		if text, err := os.ReadFile(file); err != nil || !json.Valid(text) {
			t.Errorf("%s is no JSON (%v)", file, err)
		}
	}
	slices.Sort(functions)
	slices.Sort(events)
	if !slices.Equal(functions, events) {
		t.Errorf("there are events for %v, want %v", events, functions)
	}
}
