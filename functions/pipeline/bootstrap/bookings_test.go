package main

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

// booked are the configurations of the functions of bookings.
type booked struct {
	creator  bookings.CreatorConfig
	uploader bookings.UploaderConfig
	notifier bookings.NotifierConfig
	sweeper  bookings.SweeperConfig
}

func bookingsOf(base pipeline.Base) booked {
	kept := bookings.Kept{BookingsTable: "bookings", UploadsQueue: "https://sqs/uploads", OutcomesQueue: "https://sqs/outcomes", RetentionDays: 90}
	format := bookings.DataFormat{Format: "jsonl", Gzip: true}
	return booked{
		creator: bookings.CreatorConfig{
			Base: base, Kept: kept, DataFormat: format, ItemMapping: pipeline.ItemMapping{Mapping: `{"key":["/id"],"segment":"suburb","attributes":{"suburb":{"pointer":"/suburb","type":"string"}}}`},
			ItemsTable: "items", Bucket: "own", StageTopic: "arn", AtOnce: 10, Lease: 16 * time.Minute, GiveUpAfter: 24 * time.Hour,
		},
		uploader: bookings.UploaderConfig{
			Base: base, Kept: kept, DataFormat: format, Bucket: "own", URL: "https://partner.example/in/{booking}", Method: "PUT", Secret: "arn:aws:secretsmanager:eu-west-1:1:secret:s",
			Timeout: 5 * time.Minute,
		},
		notifier: bookings.NotifierConfig{
			Base: base, Kept: kept, Topic: "arn", WebhookURL: "https://partner.example/hook", WebhookSecret: "arn:aws:secretsmanager:eu-west-1:1:secret:w", GiveUpAfter: 24 * time.Hour,
		},
		sweeper: bookings.SweeperConfig{BookingsTable: "bookings", UploadsQueue: "https://sqs/uploads", OutcomesQueue: "https://sqs/outcomes"},
	}
}

// Each setting that is not valid keeps a function from starting, and is named.
func TestBookingsRefuse(t *testing.T) {
	for want, change := range map[string]func(*booked) (string, any){
		"AT_ONCE is 1 to 100":         func(b *booked) (string, any) { b.creator.AtOnce = 101; return "creator", b.creator },
		"LEASE must be longer":        func(b *booked) (string, any) { b.creator.Lease = 0; return "creator", b.creator },
		"GIVE_UP_AFTER must be":       func(b *booked) (string, any) { b.creator.GiveUpAfter = time.Second; return "creator", b.creator },
		"FORMAT must be jsonl or csv": func(b *booked) (string, any) { b.creator.Format = "xml"; return "creator", b.creator },
		"give one of MAPPING":         func(b *booked) (string, any) { b.creator.Mapping = ""; return "creator", b.creator },
		"names no segment":            func(b *booked) (string, any) { b.creator.Mapping = mappingText; return "creator", b.creator },
		"BOOKINGS_TABLE":              func(b *booked) (string, any) { b.uploader.BookingsTable = ""; return "uploader", b.uploader },
		"TARGET_METHOD must be":       func(b *booked) (string, any) { b.uploader.Method = "GET"; return "uploader", b.uploader },
		"TARGET_TIMEOUT must be":      func(b *booked) (string, any) { b.uploader.Timeout = 0; return "uploader", b.uploader },
		"TARGET_URL must begin": func(b *booked) (string, any) {
			b.uploader.URL = "http://partner.example"
			return "uploader", b.uploader
		},
		"OUTCOMES_QUEUE is not set":    func(b *booked) (string, any) { b.notifier.OutcomesQueue = ""; return "notifier", b.notifier },
		"WEBHOOK_SECRET go together":   func(b *booked) (string, any) { b.notifier.WebhookSecret = ""; return "notifier", b.notifier },
		"WEBHOOK_URL must be an https": func(b *booked) (string, any) { b.notifier.WebhookURL = "partner"; return "notifier", b.notifier },
		"give NOTIFY_TOPIC": func(b *booked) (string, any) {
			b.notifier.Topic, b.notifier.WebhookURL, b.notifier.WebhookSecret = "", "", ""
			return "notifier", b.notifier
		},
	} {
		of := bookingsOf(pipeline.Base{System: "recommendation_pipeline", Name: "homes"})
		name, cfg := change(&of)
		environ := map[string]string{"_HANDLER": name, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}
		maps.Copy(environ, config.Environ(cfg))
		if _, err := handlers.Build(environ); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
