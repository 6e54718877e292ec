package main

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

var (
	base   = votingwindow.Base{System: "voting_window", Name: "final"}
	window = votingwindow.Window{
		OpensAt: time.Unix(1_900_000_000, 0), ClosesAt: time.Unix(1_900_000_600, 0), Grace: 2 * time.Minute, Answers: []string{"yes", "no"},
	}
)

// environ is what Lambda gives a function with this configuration.
func environ(name string, cfg any) map[string]string {
	environ := map[string]string{
		"_HANDLER": name, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
	}
	maps.Copy(environ, config.Environ(cfg))
	return environ
}

func TestHandlers(t *testing.T) {
	configs := map[string]any{
		"intake":   votingwindow.IntakeConfig{Base: base, Window: window, QueueURL: "https://queue"},
		"recorder": votingwindow.RecorderConfig{Base: base, Window: window, BallotsTable: "b", LedgerTable: "l", TalliesTable: "t"},
		"publisher": votingwindow.PublisherConfig{
			Base: base, Window: window, QueueURL: "https://queue", DeadLetterURL: "https://dead", BallotsTable: "b", LedgerTable: "l",
			TalliesTable: "t", ResultsBucket: "results", MappingID: "uuid", RecorderTimeout: 30 * time.Second, PublishEvery: 5 * time.Second,
		},
		"recount": votingwindow.RecountConfig{Base: base, Window: window, BallotsTable: "b", LedgerTable: "l", TalliesTable: "t"},
	}
	for name := range handlers {
		t.Run(name, func(t *testing.T) {
			complete := environ(name, configs[name])
			if handle, err := handler(complete); err != nil || handle == nil {
				t.Fatal(handle, err)
			}
			// Each variable is needed, or has a meaning where it is not set, and the error says which.
			for variable := range config.Environ(configs[name]) {
				if variable == "GRACE" {
					continue
				}
				incomplete := maps.Clone(complete)
				delete(incomplete, variable)
				if _, err := handler(incomplete); err == nil || !strings.Contains(err.Error(), variable) || !strings.Contains(err.Error(), name) {
					t.Errorf("without %s: %v", variable, err)
				}
			}
		})
	}
}

func TestUnknownHandler(t *testing.T) {
	for _, name := range []string{"", "bootstrap", "Intake"} {
		_, err := handler(environ(name, base))
		if err == nil || !strings.Contains(err.Error(), "intake, recorder, publisher and recount") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestBrokenWindow(t *testing.T) {
	broken := window
	broken.VoterPattern = "("
	_, err := handler(environ("intake", votingwindow.IntakeConfig{Base: base, Window: broken, QueueURL: "q"}))
	if err == nil || !strings.Contains(err.Error(), "start intake") || !strings.Contains(err.Error(), "voter pattern") {
		t.Fatal(err)
	}
}

func TestEnvironment(t *testing.T) {
	got := environment([]string{"A=1", "B=x=y", "C="})
	if want := map[string]string{"A": "1", "B": "x=y", "C": ""}; !maps.Equal(got, want) {
		t.Fatalf("got %v", got)
	}
}
