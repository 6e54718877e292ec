package main

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/api"
)

const mappingText = `{"key":["/id"]}`

func TestHandlers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/own/mapping.json" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`<Error><Code>NoSuchKey</Code></Error>`))
			return
		}
		_, _ = w.Write([]byte(mappingText))
	}))
	t.Cleanup(server.Close)
	base, runs := pipeline.Base{System: "recommendation_pipeline", Name: "homes"}, pipeline.Runs{RunsTable: "runs"}
	ingest := pipeline.IngestConfig{
		Base: base, Runs: runs, ItemMapping: pipeline.ItemMapping{Mapping: mappingText}, ItemsTable: "items", SourceBucket: "up", Bucket: "own", StageTopic: "arn", Reads: 16,
		MaxFileBytes: 1 << 24, GiveUpAfter: time.Hour, RetentionDays: 90,
	}
	lister := pipeline.ListerConfig{Base: base, Runs: runs, SourceBucket: "up", Bucket: "own", FilesStream: "files", StartTopic: "arn", StageTopic: "arn", MaxSteps: 1000}
	sweeper := pipeline.SweeperConfig{Base: base, Runs: runs, StartTopic: "arn", StageTopic: "arn", StepTime: time.Minute, StuckAfter: time.Hour, MaxSteps: 1000}
	segmenter := pipeline.SegmenterConfig{
		Base: base, Runs: runs, ItemsTable: "items", Bucket: "own", SegmentsStream: "segments", StageTopic: "arn", Segment: "suburb", Metrics: []string{"price"},
		Percentiles: []string{"50", "99.9"}, MinSize: 10, Top: 100, ExpireDays: 7,
	}
	graph := api.Config{Base: base, Runs: runs, Bucket: "own", StartTopic: "arn", BookingsTable: "bookings", RetentionDays: 90, Auth: api.AuthJWT, WriteScope: "book"}
	booked := bookingsOf(base)
	configs := map[string]any{
		"api": graph, "authorizer": api.AuthorizerConfig{Base: base, Keys: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:keys-AbCdEf"}, "ingest": ingest, "lister": lister, "sweeper": sweeper, "segmenter": segmenter,
		"metadata": pipeline.MetadataConfig{Base: base, Runs: runs, Bucket: "own", StageTopic: "arn"},
		"control":  pipeline.ControlConfig{Base: base, Runs: runs, Bucket: "own", StartTopic: "arn"},
		"manifest": pipeline.ManifestConfig{Base: base, Runs: runs, Bucket: "own"},
		"creator":  booked.creator, "uploader": booked.uploader, "notifier": booked.notifier,
	}
	if have, want := slices.Sorted(maps.Keys(handlers)), slices.Sorted(maps.Keys(configs)); !slices.Equal(have, want) {
		t.Errorf("handlers %v, tried %v", have, want)
	}
	start := func(name string, cfg any, more ...any) error {
		environ := map[string]string{
			"_HANDLER": name, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": server.URL,
		}
		for _, cfg := range append(more, cfg) {
			maps.Copy(environ, config.Environ(cfg))
		}
		_, err := handlers.Build(environ)
		return err
	}
	byObject := ingest
	byObject.ItemMapping = pipeline.ItemMapping{MappingKey: "mapping.json"}
	configs["ingest "] = byObject
	for name, cfg := range configs {
		if err := start(strings.TrimSpace(name), cfg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := start("sweeper", sweeper, booked.sweeper); err != nil {
		t.Errorf("sweeper of bookings: %v", err)
	}
	wrong := func(change func(*pipeline.IngestConfig)) error {
		cfg := ingest
		change(&cfg)
		return start("ingest", cfg)
	}
	percentile, negative, noStep := segmenter, lister, sweeper
	percentile.Percentiles, negative.PagesPerCall, noStep.StepTime = []string{"100"}, -1, 0
	nobody, unscoped := graph, graph
	nobody.Auth, unscoped.Auth = "none", api.AuthIAM
	for want, err := range map[string]error{
		"AUTH is one of":         start("api", nobody),
		"IAM knows no scopes":    start("api", unscoped),
		"there is no handler":    start("cook", lister),
		"RUNS_TABLE":             start("manifest", pipeline.ManifestConfig{Base: base, Bucket: "own"}),
		"give one of MAPPING":    wrong(func(c *pipeline.IngestConfig) { c.Mapping = "" }),
		"there is no object":     wrong(func(c *pipeline.IngestConfig) { c.ItemMapping = pipeline.ItemMapping{MappingKey: "none"} }),
		"read the item mapping":  wrong(func(c *pipeline.IngestConfig) { c.Mapping = "{}" }),
		"READS is 1 to 256":      wrong(func(c *pipeline.IngestConfig) { c.Reads = 257 }),
		"MAX_FILE_BYTES must":    wrong(func(c *pipeline.IngestConfig) { c.MaxFileBytes = 0 }),
		"GIVE_UP_AFTER must":     wrong(func(c *pipeline.IngestConfig) { c.GiveUpAfter = time.Second }),
		"PAGES_PER_CALL must":    start("lister", negative),
		"MAX_STEPS must":         start("lister", pipeline.ListerConfig{Base: base, Runs: runs, SourceBucket: "up", Bucket: "own", FilesStream: "f", StartTopic: "a", StageTopic: "a"}),
		`the percentile "100"`:   start("segmenter", percentile),
		"STEP_TIME, STUCK_AFTER": start("sweeper", noStep),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
