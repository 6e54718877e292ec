package main

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
)

// environ is what Lambda gives the function with this configuration.
func environ(cfg semanticmonitor.ProbeConfig) map[string]string {
	environ := map[string]string{"_HANDLER": "probe", "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
	maps.Copy(environ, config.Environ(cfg))
	return environ
}

// The function starts with each target, and says what it lacks.
func TestHandler(t *testing.T) {
	queue, request := &semanticmonitor.Queue{ARN: "arn:aws:sqs:eu-west-1:123456789012:orders"}, &semanticmonitor.HTTP{Method: "GET", URL: "https://shop.example.com"}
	limits := semanticmonitor.Limits{Interval: time.Minute, Within: 30 * time.Second, LostAfter: 5 * time.Minute}
	for name, c := range map[string]struct {
		target semanticmonitor.Target
		change func(cfg *semanticmonitor.ProbeConfig)
		says   string
	}{
		"http":           {semanticmonitor.Target{HTTP: request}, nil, ""},
		"queue to http":  {semanticmonitor.Target{Queue: queue, Look: request}, nil, ""},
		"queue to table": {semanticmonitor.Target{Queue: queue, Item: &semanticmonitor.Item{Table: "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"}}, nil, ""},
		"waiting room":   {semanticmonitor.Target{Room: &semanticmonitor.Room{Sale: "gig"}}, nil, ""},
		"two targets":    {semanticmonitor.Target{HTTP: request, Queue: queue}, nil, "the target is a request, a waiting room, or a queue"},
		"no end":         {semanticmonitor.Target{Queue: queue}, nil, "one place where the probe comes out"},
		"no queue":       {semanticmonitor.Target{Queue: &semanticmonitor.Queue{ARN: "orders"}, Look: request}, nil, `"orders" is no ARN of sqs`},
		"no table":       {semanticmonitor.Target{Queue: queue, Item: &semanticmonitor.Item{Table: "arn:aws:sqs:eu-west-1:123456789012:orders"}}, nil, "is no ARN of dynamodb"},
		"no state":       {semanticmonitor.Target{HTTP: request}, func(cfg *semanticmonitor.ProbeConfig) { cfg.Table = "" }, "TABLE is not set"},
		"lost too soon":  {semanticmonitor.Target{HTTP: request}, func(cfg *semanticmonitor.ProbeConfig) { cfg.LostAfter = time.Second }, "LOST_AFTER is less than WITHIN"},
		"too many":       {semanticmonitor.Target{HTTP: request}, func(cfg *semanticmonitor.ProbeConfig) { cfg.LostAfter = 2 * time.Hour }, "more than 60 probes"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(c.target)
			if err != nil {
				t.Fatal(err)
			}
			cfg := semanticmonitor.ProbeConfig{Base: semanticmonitor.Base{System: "semantic_monitor", Name: "shop"}, Table: "state", Target: string(text), Limits: limits}
			if c.change != nil {
				c.change(&cfg)
			}
			handle, err := handlers.Build(environ(cfg))
			if c.says == "" && (err != nil || handle == nil) || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}
