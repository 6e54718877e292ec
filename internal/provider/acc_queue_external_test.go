package provider_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/examples/external-ticketing/consumer"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// browser is a fan's own client, under a Cognito identity.
type browser struct {
	id     string
	tables *dynamodb.Client
	table  string
}

// newBrowser gets an identity and its credentials.
func (p *presale) newBrowser() browser {
	p.t.Helper()
	anybody := cognitoidentity.NewFromConfig(local.ConfigWith(home, aws.AnonymousCredentials{}))
	identity, err := anybody.GetId(p.t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: aws.String(text(p.t, p.state, "identity_pool_id"))})
	if err != nil {
		p.t.Fatal(err)
	}
	given, err := anybody.GetCredentialsForIdentity(p.t.Context(), &cognitoidentity.GetCredentialsForIdentityInput{IdentityId: identity.IdentityId})
	if err != nil {
		p.t.Fatal(err)
	}
	c := given.Credentials
	return browser{
		*identity.IdentityId,
		dynamodb.NewFromConfig(local.ConfigWith(home, credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretKey, *c.SessionToken))),
		stateTexts(p.t, p.state, "table_names")["identities"],
	}
}

// writes a record under a key.
func (b browser) writes(ctx context.Context, key string, more map[string]dynamotypes.AttributeValue) error {
	item := map[string]dynamotypes.AttributeValue{queue.IdentityKey: &dynamotypes.AttributeValueMemberS{Value: key}}
	for name, value := range more {
		item[name] = value
	}
	_, err := b.tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: &b.table, Item: item})
	return err
}

// ticket is what was written back; empty where nothing was yet.
func (b browser) ticket(ctx context.Context) (string, error) {
	out, err := b.tables.GetItem(ctx, &dynamodb.GetItemInput{TableName: &b.table, Key: map[string]dynamotypes.AttributeValue{queue.IdentityKey: &dynamotypes.AttributeValueMemberS{Value: b.id}}})
	if err != nil {
		return "", err
	}
	ticket, _ := out.Item["ticket"].(*dynamotypes.AttributeValueMemberS)
	if ticket == nil {
		return "", nil
	}
	return ticket.Value, nil
}

// ticketOf waits for a browser's ticket.
func (p *presale) ticketOf(b browser) (ticket string) {
	p.t.Helper()
	eventually(p.t, endsWithin, func() (err error) {
		if ticket, err = b.ticket(p.t.Context()); err == nil && ticket == "" {
			err = errors.New("there is no ticket")
		}
		return err
	})
	return ticket
}

// redrives hands what was set aside, for these reasons, to the stream's function,
// as the operator's redrive does, which leaves what is there for the latter.
func (p *presale) redrives(reasons, stay []string) {
	p.t.Helper()
	messages := sqs.NewFromConfig(p.a.aws(home))
	url, err := messages.GetQueueUrl(p.t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("arena-queue-aside-" + code)})
	if err != nil {
		p.t.Fatal(err)
	}
	why, event := map[string]string{}, map[string][]any{}
	eventually(p.t, endsWithin, func() error {
		out, err := messages.ReceiveMessage(p.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url.QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
		if err != nil {
			return err
		}
		for _, m := range out.Messages {
			var kept queue.SetAside
			if err := json.Unmarshal([]byte(*m.Body), &kept); err != nil || kept.Detail == "" {
				return fmt.Errorf("set aside is %s: %w", *m.Body, err)
			}
			why[*m.MessageId] = kept.Reason
			event["Records"] = append(event["Records"], map[string]string{"eventSource": "aws:sqs", "messageId": *m.MessageId, "body": *m.Body})
		}
		if have := slices.Sorted(maps.Values(why)); !slices.Equal(have, reasons) {
			return fmt.Errorf("set aside are %q, want %q", have, reasons)
		}
		return nil
	})
	var answer events.SQSEventResponse
	p.operates("stream", event, &answer)
	var left []string
	for _, failure := range answer.BatchItemFailures {
		left = append(left, why[failure.ItemIdentifier])
	}
	slices.Sort(left)
	if !slices.Equal(left, stay) {
		p.t.Errorf("failed again did %q, want %q", left, stay)
	}
}

// shop is the ticketing service of the example, with seats from open.
func (p *presale) shop(open func(context.Context, consumer.Call) (consumer.Seat, error)) *consumer.Consumer {
	return &consumer.Consumer{
		Queue: sqs.NewFromConfig(p.a.aws(home)), QueueURL: text(p.t, p.state, "line_queue_url"), ServiceURL: text(p.t, p.state, "service_url"),
		Region: home, Credentials: p.a.aws(home).Credentials, HTTP: local.HTTPClient(), Open: open, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
}

// TestAccQueueExternal: browsers write records under their own identity and no
// other, and the ticketing service takes fans from the queue and assigns the
// windows itself. Records that are none, too large or slow hold nobody up, and a
// redrive brings back those that can be.
func TestAccQueueExternal(t *testing.T) {
	p := newPresale(t, map[string]any{"join": "identity", "assigner": "external", "site": map[string]any{"enabled": false}, "windows": 2})
	defer p.gone(p.a)
	p.settled(p.config)
	sale := map[string]dynamotypes.AttributeValue{"sale": &dynamotypes.AttributeValueMemberS{Value: "arena"}}
	stranger, large, slow, fan := p.newBrowser(), p.newBrowser(), p.newBrowser(), p.newBrowser()
	var denied interface{ ErrorCode() string }
	if err := stranger.writes(t.Context(), fan.id, sale); !errors.As(err, &denied) || denied.ErrorCode() != "AccessDeniedException" {
		t.Errorf("a browser writes another's record: %v", err)
	}
	if err := stranger.writes(t.Context(), stranger.id, nil); err != nil { // It names no sale.
		t.Fatal(err)
	}
	padded := maps.Clone(sale)
	padded["padding"] = &dynamotypes.AttributeValueMemberS{Value: strings.Repeat("x", 100_000)}
	if err := large.writes(t.Context(), large.id, padded); err != nil {
		t.Fatal(err)
	}
	// The first join that the stream's function sends gets no answer.
	armed, err := local.Gate().Faults().Add(localaws.Fault{
		Service: "sqs", Operation: "SendMessage", Caller: "queue.stream", Nth: 1, Retries: true, Kind: localaws.FaultTimeout, Hold: 30 * time.Second,
		Match: func(c localaws.Call) bool { return strings.Contains(c.Resource, "-joins-") },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := slow.writes(t.Context(), slow.id, sale); err != nil {
		t.Fatal(err)
	}
	eventually(t, endsWithin, func() error {
		if !armed.Fired() {
			return errors.New("no join was sent")
		}
		return nil
	})
	if err := fan.writes(t.Context(), fan.id, sale); err != nil {
		t.Fatal(err)
	}
	ticket := p.ticketOf(fan)
	id := queue.FanID("arena", fan.id)
	if places := p.places(1); places[id] != 1 {
		t.Errorf("the places are %v, want 1 for %s", places, id)
	}

	turn := text(t, p.state, "turn_url")
	look := func(do, want string) turned {
		got, _, err := ask[turned](t.Context(), turn, map[string]any{"ticket": ticket, "do": do})
		if err != nil || got.State != want {
			t.Fatalf("%s: %+v, want %s: %v", do, got, want, err)
		}
		return got
	}
	shop := p.shop(func(_ context.Context, c consumer.Call) (consumer.Seat, error) {
		if want := (consumer.Call{Sale: "arena", Fan: id, Line: "queue", Place: 1}); c != want {
			t.Errorf("%+v is called, want %+v", c, want)
		}
		look("look", "waiting")
		return consumer.Seat{URL: "https://shop.example.com/seat/17"}, nil
	})
	assign := map[string]any{"do": "assign", "sale": "arena", "fan": id, "purchase_url": "https://shop.example.com/seat/17"}
	if _, status, err := ask[map[string]any](t.Context(), text(t, p.state, "service_url"), assign); status != http.StatusForbidden {
		t.Errorf("who has not signed gets %d, %v", status, err)
	}
	eventually(t, endsWithin, func() error {
		assigned, err := shop.Once(t.Context())
		if err != nil || assigned != 1 {
			return fmt.Errorf("%d fans have a seat: %w", assigned, err)
		}
		return nil
	})
	look("look", "called")
	if got := look("claim", "claimed"); !strings.HasPrefix(got.PurchaseURL, "https://shop.example.com/seat/17?token=") {
		t.Errorf("the fan goes to %s", got.PurchaseURL)
	}
	if err := shop.Bought(t.Context(), "arena", id); err != nil {
		t.Error(err)
	}
	look("look", "purchased")

	if ticket, err := slow.ticket(t.Context()); err != nil || ticket != "" {
		t.Errorf("who was set aside has the ticket %q, %v", ticket, err)
	}
	p.redrives([]string{queue.AsideMalformed, queue.AsideOversize, queue.AsideTimeout}, []string{queue.AsideMalformed, queue.AsideOversize})
	p.ticketOf(slow)
	if places := p.places(2); places[queue.FanID("arena", slow.id)] != 2 {
		t.Errorf("the places are %v, want 2 for who was set aside", places)
	}
}
