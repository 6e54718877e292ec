package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

var (
	base    = queue.Base{System: "queue", Name: "arena"}
	tables  = queue.Tables{Sales: "s", Fans: "f", Line: "l", Windows: "w", State: "t", Joins: "j"}
	tickets = queue.TicketKey{KeyParameter: "/key"}
	issued  = queue.Passes{Issuer: "https://tickets.example.com"}
)

// ticketKey is the one key of 32 bytes.
const ticketKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// endpointOf is SSM, which has one key, and S3, which has a list of one code.
func endpointOf(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" {
			if r.Method != http.MethodGet || r.URL.Path != "/lists/codes" {
				t.Errorf("asked for %s %s", r.Method, r.URL.Path)
			}
			_, _ = w.Write([]byte("12345678"))
			return
		}
		var request struct {
			Name           string
			WithDecryption bool
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil || request.Name != "/key" && request.Name != "/pass" || !request.WithDecryption {
			t.Errorf("asked for %+v, %v", request, err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		value := ticketKey
		if request.Name == "/pass" {
			value = passKey(t)
		}
		if err := json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]string{"Value": value}}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestHandlers(t *testing.T) {
	endpoint := endpointOf(t)
	configs := map[string]any{
		"bypass":  queue.BypassConfig{Base: base, Tables: tables, Passes: issued, PassKey: queue.PassKey{PassKeyParameter: "/pass"}},
		"control": queue.ControlConfig{Base: base, Tables: tables},
		"join": queue.JoinConfig{
			Base: base, Tables: tables, JoinsURL: "https://joins", TicketKey: tickets, ProbeKeyParameter: "/key", AllowBucket: "lists", AllowKey: "codes", TokenIssuer: "https://login.example.com", TokenAudience: "tickets",
		},
		"keeper": queue.KeeperConfig{
			Base: base, Tables: tables, JoinsURL: "https://joins", LineURL: "https://line", Bucket: "pages", PlacerTimeout: 10 * time.Second, StatusShards: 4, StatusTable: "b", BoardShards: 8,
		},
		"placer":  queue.PlacerConfig{Base: base, Tables: tables, RetentionDays: 30},
		"readers": queue.ReadersConfig{Base: base, Tables: tables, ReaderRoleARN: "arn:aws:iam::123456789012:role/arena-reader", StatusTable: "b", StatusTableARN: "arn", BoardShards: 8, Bucket: "pages"},
		"revoke":  queue.RevokeConfig{Base: base, Tables: tables},
		"service": queue.ServiceConfig{Base: base, Tables: tables, Passes: issued, PassKeys: published(t), TicketKey: tickets},
		"stream":  queue.StreamConfig{Base: base, Tables: tables, JoinsURL: "https://joins", AsideURL: "https://aside", TicketKey: tickets},
		"turn":    queue.TurnConfig{Base: base, Tables: tables, Passes: issued, PassKey: queue.PassKey{PassKeyParameter: "/pass"}, TicketKey: tickets, StatusShards: 4},
	}
	if have, want := slices.Sorted(maps.Keys(handlers)), slices.Sorted(maps.Keys(configs)); !slices.Equal(have, want) {
		t.Errorf("handlers %v, tried %v", have, want)
	}
	start := func(name string, cfg any) error {
		environ := map[string]string{
			"_HANDLER": name, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": endpoint,
		}
		maps.Copy(environ, config.Environ(cfg))
		_, err := handlers.Build(environ)
		return err
	}
	for name, cfg := range configs {
		if err := start(name, cfg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for want, wrong := range map[string]error{
		"there is no handler": start("cook", configs["join"]),
		"SALES_TABLE":         start("placer", queue.PlacerConfig{Base: base}),
		"ALLOW_KEY":           start("join", queue.JoinConfig{Base: base, Tables: tables, JoinsURL: "https://joins", TicketKey: tickets, AllowBucket: "lists"}),
		"STATUS_SHARDS is 1":  start("keeper", queue.KeeperConfig{Base: base, Tables: tables, JoinsURL: "https://joins", Bucket: "b", PlacerTimeout: 1, StatusShards: 65}),
		"give PASS_KEY_PARAM": start("turn", queue.TurnConfig{Base: base, Tables: tables, Passes: issued, TicketKey: tickets, PassKey: queue.PassKey{PassKeyARN: "arn"}, StatusShards: 1}),
		"no key for RS256":    start("service", queue.ServiceConfig{Base: base, Tables: tables, Passes: issued, TicketKey: tickets, PassKeys: `{"keys":[]}`}),
		"BOARD_SHARDS is 1": start("keeper", queue.KeeperConfig{
			Base: base, Tables: tables, JoinsURL: "https://joins", Bucket: "b", PlacerTimeout: 1, StatusShards: 1, StatusTable: "b", BoardShards: 26,
		}),
		"PLACER_TIMEOUT must": start("keeper", queue.KeeperConfig{Base: base, Tables: tables, JoinsURL: "https://joins", Bucket: "b", StatusShards: 1}),
	} {
		if wrong == nil || !strings.Contains(wrong.Error(), want) {
			t.Errorf("%s: %v", want, wrong)
		}
	}
}
