package provider_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// statusLine is an open sale's line in the status table.
var statusLine = regexp.MustCompile(`^\d{13} open \d{13} \d{13} - - q\d+ \d+ \d+ 50 `)

// TestAccQueueStatus: a page reads the status from the table, with a credential that
// is good for nothing else, and goes the whole way.
func TestAccQueueStatus(t *testing.T) {
	p := newPresale(t, map[string]any{"site": map[string]any{"status_from": "table", "languages": []any{"en", "de"}}})
	defer p.gone(p.a)
	out, err := lambda.NewFromConfig(p.a.aws(home)).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: p.function("readers"), Qualifier: aws.String("live"), Payload: []byte("{}")})
	if err != nil || out.FunctionError != nil {
		t.Fatalf("publish credentials: %v %s", err, out.Payload)
	}
	status, body := (&evening{session: p.session}).get("https://" + text(t, p.state, "pages_bucket") + ".s3." + home + ".amazonaws.com/readers.json")
	equal(t, "the status of readers.json", status, http.StatusOK)
	var published queue.PublishedReaders
	if err := json.Unmarshal(body, &published); err != nil {
		t.Fatal(err)
	}
	tables := stateTexts(t, p.state, "table_names")
	equal(t, "the published table", published.Table, tables["status"])
	eventually(t, 20*time.Second, func() error {
		if s := p.status(); s.State != queue.Open {
			return fmt.Errorf("the state is %q", s.State)
		}
		return nil
	})
	reader := local.ConfigWith(published.Region, credentials.NewStaticCredentialsProvider(published.AccessKeyID, published.SecretAccessKey, published.SessionToken))
	line := onlyReads(p.session, reader, tables["status"], fmt.Sprint("arena/", published.Shards-1), tables["fans"], queue.FansKey, text(t, p.state, "joins_queue_url"))
	if !statusLine.MatchString(line) {
		t.Errorf("the last shard says %q", line)
	}
	read := local.Gate().Meter().Mark()
	w := p.page("--reads", ".GetItem")
	if !slices.Contains(w.Seen, "Your tickets are waiting") {
		t.Errorf("the page said %q", w.Seen)
	}
	reads := 0
	for _, c := range local.Gate().Meter().Calls(read) {
		if c.AccessKey == published.AccessKeyID && c.Operation == "GetItem" && c.Resource == tables["status"] {
			reads++
		}
	}
	if reads == 0 {
		t.Error("the page never read the table")
	}
	// A page whose visitor joins at once is brought all that.
	brought, code, err := ask[struct {
		Readers queue.PublishedReaders
		Status  string
	}](t.Context(), text(t, p.state, "join_url"), map[string]any{"sale": "arena", "nonce": nonceOf(1), "watch": true})
	if err != nil || code != http.StatusAccepted || brought.Readers != published || !statusLine.MatchString(brought.Status) {
		t.Errorf("join brought %+v: %d %v", brought, code, err)
	}
	p.settled(p.config)
}
