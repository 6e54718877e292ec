package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

var (
	base   = votingwindow.Base{System: "voting_window", Name: "final"}
	window = votingwindow.Window{
		OpensAt: time.Unix(1_900_000_000, 0), ClosesAt: time.Unix(1_900_000_600, 0), Grace: 2 * time.Minute, Questions: []string{"vote/yes/no"},
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

// parameters is SSM, or S3, as far as a start asks it: for the key, and for an allow list of one entry. At first it throttles.
func parameters(t *testing.T, throttles int) (endpoint string, calls func() int) {
	t.Helper()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" {
			if r.Method != http.MethodGet || r.URL.Path != "/lists/allow" {
				t.Errorf("asked for %s %s", r.Method, r.URL.Path)
			}
			_, _ = w.Write([]byte("12345678"))
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if int(asked.Add(1)) <= throttles {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"ThrottlingException","message":"Rate exceeded"}`))
			return
		}
		var request struct {
			Name           string
			WithDecryption bool
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil || request.Name != "/key" || !request.WithDecryption {
			t.Errorf("asked for %+v, %v", request, err)
		}
		_, _ = w.Write([]byte(`{"Parameter":{"Value":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}}`))
	}))
	t.Cleanup(server.Close)
	return server.URL, func() int { return int(asked.Load()) }
}

func recorderConfig() votingwindow.RecorderConfig {
	return votingwindow.RecorderConfig{
		Base: base, Window: window, BallotsTable: "b", LedgerTable: "l", TalliesTable: "t", VoterKeyParameter: "/key",
	}
}

// The key is read once at the start, which waits for its turn where SSM throttles, and the allow list beside it.
func TestRecorderStarts(t *testing.T) {
	endpoint, calls := parameters(t, 2)
	cfg := recorderConfig()
	cfg.AllowBucket, cfg.AllowKey = "lists", "allow"
	complete := environ("recorder", cfg)
	complete["AWS_ENDPOINT_URL"] = endpoint
	if _, err := handlers.Build(complete); err != nil {
		t.Fatal(err)
	}
	if calls() != 3 {
		t.Errorf("%d calls, of which two were throttled", calls())
	}
	delete(complete, "ALLOW_KEY")
	if _, err := handlers.Build(complete); err == nil || !strings.Contains(err.Error(), "ALLOW_KEY") {
		t.Errorf("a bucket without a key: %v", err)
	}
}

func TestHandlers(t *testing.T) {
	endpoint, _ := parameters(t, 0)
	configs := map[string]any{
		"control": votingwindow.ControlConfig{Base: base, Window: window, TalliesTable: "t"},
		"credentials": votingwindow.CredentialsConfig{
			Base: base, Window: window, TalliesTable: "t", VoterRoleARN: "arn:aws:iam::123456789012:role/voter", QueueURL: "https://queue",
			QueueARN: "arn:aws:sqs:eu-west-1:123456789012:votes", ResultsBucket: "results",
		},
		"export": votingwindow.ExportConfig{
			Base: base, Window: window, BallotsTable: "b", LedgerTable: "l", TalliesTable: "t", ResultsBucket: "results", ExportBucket: "results",
		},
		"orchestrator": orchestratorConfig(),
		"intake":       votingwindow.IntakeConfig{Base: base, Window: window, QueueURL: "https://queue"},
		"recorder":     recorderConfig(),
		"publisher": votingwindow.PublisherConfig{
			Base: base, Window: window, QueueURL: "https://queue", DeadLetterURL: "https://dead", BallotsTable: "b", LedgerTable: "l",
			TalliesTable: "t", ResultsBucket: "results", MappingID: "uuid", RecorderTimeout: 30 * time.Second, PublishEvery: 5 * time.Second,
		},
		"recount":    votingwindow.RecountConfig{Base: base, Window: window, BallotsTable: "b", LedgerTable: "l", TalliesTable: "t"},
		"quarantine": votingwindow.QuarantineConfig{Base: base, Window: window, BallotsTable: "b", LedgerTable: "l", TalliesTable: "t"},
		"reset":      votingwindow.ResetConfig{Base: base, Window: window, BallotsTable: "b", LedgerTable: "l", TalliesTable: "t"},
		"viewers": votingwindow.ViewersConfig{
			Base: base, Window: window, TalliesTable: "t", ViewerRoleARN: "arn:aws:iam::123456789012:role/viewer", StatusTable: "s",
			StatusTableARN: "arn:aws:dynamodb:eu-west-1:123456789012:table/s", ResultsBucket: "results",
		},
	}
	for name := range handlers {
		t.Run(name, func(t *testing.T) {
			complete := environ(name, configs[name])
			complete["AWS_ENDPOINT_URL"] = endpoint
			if handle, err := handlers.Build(complete); err != nil || handle == nil {
				t.Fatal(handle, err)
			}
			// Each variable is needed, or has a meaning where it is not set, and the error says which.
			for variable := range config.Environ(configs[name]) {
				if variable == "GRACE" {
					continue
				}
				incomplete := maps.Clone(complete)
				delete(incomplete, variable)
				if _, err := handlers.Build(incomplete); err == nil || !strings.Contains(err.Error(), variable) || !strings.Contains(err.Error(), name) {
					t.Errorf("without %s: %v", variable, err)
				}
			}
		})
	}
}

func orchestratorConfig() votingwindow.OrchestratorConfig {
	return votingwindow.OrchestratorConfig{
		Base: base, Window: window, QueueURL: "https://queue", BallotsTable: "b", TalliesTable: "t", MappingID: "uuid",
		MinUnits: 100, MaxUnits: 4000, MinWorkers: 2, MaxWorkers: 80, DrainWithin: time.Minute, UnitsPerWorker: 50,
	}
}

func TestBrokenLimits(t *testing.T) {
	broken := orchestratorConfig()
	broken.MaxWorkers = 1001
	if _, err := handlers.Build(environ("orchestrator", broken)); err == nil || !strings.Contains(err.Error(), "start orchestrator: MAX_WORKERS is 1001") {
		t.Error(err)
	}
}

func TestExportStarts(t *testing.T) {
	cfg := votingwindow.ExportConfig{
		Base: base, Window: window, BallotsTable: "b", LedgerTable: "l", TalliesTable: "t", ResultsBucket: "results", ExportBucket: "results",
		SigningKey: "arn:aws:kms:eu-west-1:123456789012:key/1234",
	}
	for identifiers, says := range map[string]string{"": "", "hashed": "", "none": "", "plain": `start export: EXPORT_IDENTIFIERS is "plain"`} {
		cfg.Identifiers = identifiers
		if _, err := handlers.Build(environ("export", cfg)); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", identifiers, err)
		}
	}
}

func TestUnknownHandler(t *testing.T) {
	for _, name := range []string{"", "bootstrap", "Intake"} {
		_, err := handlers.Build(environ(name, base))
		if err == nil || !strings.Contains(err.Error(), "one of control, credentials, export, intake, orchestrator, publisher, quarantine, recorder, recount, reset, viewers") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestBrokenWindow(t *testing.T) {
	broken := votingwindow.Admission{VoterPattern: "("}
	_, err := handlers.Build(environ("intake", votingwindow.IntakeConfig{Base: base, Window: window, Admission: broken, QueueURL: "q"}))
	if err == nil || !strings.Contains(err.Error(), "start intake") || !strings.Contains(err.Error(), "voter pattern") {
		t.Fatal(err)
	}
}

// A publisher whose settings make no sense does not start.
func TestBrokenPublisher(t *testing.T) {
	for name, spoil := range map[string]func(*votingwindow.PublisherConfig){
		"PUBLISH_EVERY":          func(c *votingwindow.PublisherConfig) { c.PublishEvery = 61 * time.Second },
		"PUBLISH_EVERY is 500ms": func(c *votingwindow.PublisherConfig) { c.PublishEvery = 500 * time.Millisecond },
		"RECORDER_TIMEOUT":       func(c *votingwindow.PublisherConfig) { c.RecorderTimeout = 0 },
		"RESULTS":                func(c *votingwindow.PublisherConfig) { c.Results = "never" },
		"QUARANTINE_PER_ADDRESS": func(c *votingwindow.PublisherConfig) { c.QuarantinePerAddress = -1 },
	} {
		cfg := votingwindow.PublisherConfig{PublishEvery: 5 * time.Second, RecorderTimeout: time.Second}
		if err := cfg.Check(); err != nil {
			t.Fatal(err)
		}
		spoil(&cfg)
		if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The largest window that the rules take, with the longest of everything else, stays within Lambda's 4 KB of environment (AWS Lambda
// Developer Guide, "Lambda quotas").
func TestGreatestEnvironmentFits(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	var questions []string
	for i := range votingwindow.MaxQuestions {
		id := func(n int) string { return long(votingwindow.MaxIDBytes-2) + string(rune('a'+i)) + string(rune('a'+n)) }
		questions = append(questions, votingwindow.Question(id(0), id(1), id(2), id(3), id(4)))
	}
	greatest := window
	greatest.Questions, greatest.VotesPerVoter, greatest.Revote = questions, votingwindow.MaxVotesPerVoter, votingwindow.RevoteReject
	who := votingwindow.Admission{VoterPattern: long(200), TicketPublicKey: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}
	if _, err := votingwindow.NewRules(base, greatest, who); err != nil {
		t.Fatal(err)
	}
	name := votingwindow.Base{System: "voting_window", Name: long(40)}
	for function, cfg := range map[string]any{
		"intake": votingwindow.IntakeConfig{Base: name, Window: greatest, Admission: who, QueueURL: long(140), TalliesTable: long(80), VoterClaim: long(40)},
		"recorder": votingwindow.RecorderConfig{
			Base: name, Window: greatest, Admission: who, BallotsTable: long(80), LedgerTable: long(80), TalliesTable: long(80), VoterKeyParameter: long(100), VoterKeyVersion: "1 of 2027-05-22T18:15:00Z",
			Direct: true, AllowBucket: long(63), AllowKey: long(60), AllowVersion: long(24), QuarantinePattern: long(200), RetentionDays: 3650,
		},
		"publisher": votingwindow.PublisherConfig{
			Base: name, Window: greatest, QueueURL: long(140), DeadLetterURL: long(140), BallotsTable: long(80), LedgerTable: long(80),
			TalliesTable: long(80), ResultsBucket: long(63), MappingID: long(36), RecorderTimeout: time.Minute, PublishEvery: time.Minute,
			Results: votingwindow.ResultsAfterClose, QuarantinePerAddress: 1000, StatusTable: long(80),
		},
	} {
		size := 0
		for variable, value := range config.Environ(cfg) {
			size += len(variable) + len(value)
		}
		if size > 4096 {
			t.Errorf("%s has %d bytes of environment", function, size)
		}
	}
}
