package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/configitems/history"
)

// environ is what Lambda gives a function with this configuration.
func environ(name string, cfg any) map[string]string {
	environ := map[string]string{"_HANDLER": name, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
	maps.Copy(environ, config.Environ(cfg))
	return environ
}

// Every handler starts with its configuration, and says what it lacks.
func TestHandlers(t *testing.T) {
	base := history.Base{System: "config", Name: "presale"}
	whole := map[string]any{
		"history": history.Config{Base: base, HistoryTable: "changes", DeadLetterURL: "https://sqs"},
		"control": history.ControlConfig{Base: base, ItemsTable: "items", ReadersTable: "readers", HistoryTable: "changes"},
	}
	for name := range handlers {
		complete := environ(name, whole[name])
		if handle, err := handler(complete); err != nil || handle == nil {
			t.Errorf("%s does not start: %v", name, err)
		}
		delete(complete, "HISTORY_TABLE")
		if _, err := handler(complete); err == nil || !strings.Contains(err.Error(), "start "+name) || !strings.Contains(err.Error(), "HISTORY_TABLE is not set") {
			t.Errorf("%s without its table says %v", name, err)
		}
	}
	if _, err := handler(map[string]string{"_HANDLER": "publisher"}); err == nil || !strings.Contains(err.Error(), "_HANDLER is one of control, history") {
		t.Errorf("an unknown handler says %v", err)
	}
}
