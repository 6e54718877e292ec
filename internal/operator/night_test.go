package operator

import (
	"context"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// front is an address before a function URL, whose own name the local AWS has not
// in DNS.
func front(t *testing.T, functionURL string) string {
	t.Helper()
	own, err := url.Parse(functionURL)
	if err != nil {
		t.Fatal(err)
	}
	gate, err := url.Parse(local.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(gate)
		r.Out.Host = own.Host
	}})
	t.Cleanup(server.Close)
	return server.URL
}

// callOften calls a function every other second until the test ends, whose
// schedule does so every minute.
func (n *night) callOften(t *testing.T, key string) {
	t.Helper()
	name := aws.String(n.partName(key))
	ctx, cancel := context.WithCancel(context.Background())
	var calls sync.WaitGroup
	calls.Go(func() {
		ticks := time.NewTicker(2 * time.Second)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
				_, err := n.client.Lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: name, Qualifier: aws.String(blueprint.LiveAlias), InvocationType: types.InvocationTypeEvent})
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		calls.Wait()
	})
}

// The commands of a voting window work on a real one: a rehearsal through intake
// until the results show it, the closing time, the export and its signature, and
// the reset.
func TestCommandsOfAVotingWindow(t *testing.T) {
	opens := time.Now().Add(10 * time.Minute).UTC().Truncate(time.Second)
	closes := opens.Add(10 * time.Minute)
	at := func(t time.Time) string { return t.Format(time.RFC3339) }
	n := deployNight(t, map[string]any{"opens_at": at(opens), "closes_at": at(closes), "export": map[string]any{"sign": true}})
	ok := func(line string) ran {
		t.Helper()
		r := run(t, line)
		if r.code != 0 {
			t.Fatalf("%s: %+v", line, r)
		}
		return r
	}
	json := func(line string) map[string]any {
		t.Helper()
		return fromJSON[map[string]any](t, ok(line+" --output json"))
	}
	expect := func(what string, have, want map[string]any) {
		t.Helper()
		some := map[string]any{}
		for key := range want {
			some[key] = have[key]
		}
		if diff := cmp.Diff(want, some); diff != "" {
			t.Errorf("%s: want -, have +:\n%s", what, diff)
		}
	}

	n.callOften(t, "publisher")
	door := front(t, n.url("intake-url"))
	expect("rehearse", json("rehearse voting_window tv-final --votes 20 --rate 20 --url "+door), map[string]any{
		"cast": 20.0, "accepted": 20.0, "refused": map[string]any{}, "shown": true, "counted": 20.0, "rejected": 0.0, "by": door,
	})
	facts := fromJSON[report](t, run(t, statusLine+" --output json")).Facts
	if len(facts) != 2 || !strings.HasPrefix(facts[0].Value, "rehearsal, 20 votes, version ") || facts[1] != (command.Fact{Name: "closes at", Value: at(closes)}) {
		t.Errorf("status tells %+v", facts)
	}
	expect("recount", json("recount voting_window tv-final"), map[string]any{"accepted": 0.0, "agrees": true, "status": "waiting"})
	expect("quarantine", json("quarantine voting_window tv-final"), map[string]any{"total": 0.0})
	expect("release", json("release voting_window tv-final --rule rate"), map[string]any{"total": 0.0})

	later := at(closes.Add(5 * time.Minute))
	who := "arn:aws:iam::" + n.account + ":root"
	expect("extend", json("extend voting_window tv-final --by 5m"), map[string]any{"closes_at": later, "configured_closes_at": at(closes), "overridden": true, "by": who, "changed": true})
	if o := fromJSON[report](t, run(t, statusLine+" --output json")).Overrides["closes_at"]; o.Value != later || o.InsteadOf != at(closes) || o.By != who {
		t.Errorf("status has the override %+v", o)
	}
	if r := run(t, "close voting_window tv-final"); r.code != 1 || !strings.Contains(r.errs, "Error: the function control says: \"close\": ") || !strings.Contains(r.errs, "is not after the window opens") {
		t.Errorf("close before the opening: %+v", r)
	}
	expect("clear", json("extend voting_window tv-final --clear"), map[string]any{"closes_at": at(closes), "overridden": false, "changed": true})

	if r := run(t, "export voting_window tv-final"); r.code != 1 || !strings.Contains(r.errs, "it can be exported when it is final") {
		t.Errorf("export before the end: %+v", r)
	}
	prefix := "export/" + closes.Format("20060102T150405Z") + "-provisional/"
	expect("export", json("export voting_window tv-final --provisional"), map[string]any{"prefix": prefix, "status": "waiting", "accepted": 0.0, "signature": "ECDSA_SHA_256"})
	name := strings.TrimSuffix(strings.TrimPrefix(prefix, "export/"), "/")
	expect("verify", json("verify voting_window tv-final --export "+name), map[string]any{"export": prefix, "verified": true, "signed": true, "ballots": 0.0, "status": "waiting"})
	if r := run(t, "verify voting_window tv-final"); r.code != 1 || !strings.Contains(r.errs, "there is no final export yet") {
		t.Errorf("verify before the end: %+v", r)
	}

	expect("reset", json("reset voting_window tv-final"), map[string]any{"ballots": 20.0, "entries": 0.0})
	if left := n.ballots(t); len(left) != 0 {
		t.Errorf("after the reset there are %v", left)
	}
	if r := run(t, "revoke voting_window tv-final"); r.code != 1 || !strings.Contains(r.errs, "publishes no credentials") {
		t.Errorf("revoke: %+v", r)
	}
}
