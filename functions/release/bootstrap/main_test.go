package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/release"
)

// The handler starts with its configuration, and says what it lacks.
func TestHandlers(t *testing.T) {
	environ := map[string]string{"_HANDLER": "steer", "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
	maps.Copy(environ, config.Environ(release.Config{System: "release", Name: "arena", WantedTable: "wanted", HistoryTable: "history"}))
	if handle, err := handlers.Build(environ); err != nil || handle == nil {
		t.Errorf("steer does not start: %v", err)
	}
	delete(environ, "HISTORY_TABLE")
	if _, err := handlers.Build(environ); err == nil || !strings.Contains(err.Error(), "HISTORY_TABLE is not set") {
		t.Errorf("without its table it says %v", err)
	}
}
