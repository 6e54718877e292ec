package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/internal/demo"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// The mix of votes, in parts of the whole.
const (
	duplicates = 10 // one in so many is a second vote of somebody
	invalid    = 20 // one in so many is refused at the door
	senders    = 16 // at the same time
	// redelivered messages are handed to the recorder twice.
	redelivered = 30
)

// vote casts all votes: good ones, second votes, two of one person at once,
// invalid ones, redeliveries, and late ones after closing.
func (d *evening) vote(ctx context.Context) error {
	d.refused, d.bodies = map[string]int{}, map[string]string{}
	// Answers of the table that get lost after they took effect make the
	// recorder write again, which must change nothing. A batch has ten votes here.
	for nth := 1; nth < d.votes/10; nth += max(1, d.votes/100) {
		if _, err := d.Local.Gate().Faults().Add(localaws.Fault{Service: "dynamodb", Operation: "BatchExecuteStatement", Caller: "voting_window.recorder", Nth: nth, Times: 1, Kind: localaws.FaultLostAnswer}); err != nil {
			return err
		}
	}
	// The schedule's first tick comes after a minute. On the night it has long
	// been ticking; here the first one is given by hand.
	if err := d.tick(ctx); err != nil {
		return err
	}
	d.Say("casting %d votes over HTTP at %s", d.votes, d.Text("vote_url"))
	began := time.Now()
	early := d.votes / 5
	if err := d.cast(ctx, early, d.body); err != nil {
		return err
	}
	if err := d.page(ctx); err != nil {
		return err
	}
	if err := d.cast(ctx, d.votes-lateVotes-early, func(i int) string { return d.body(early + i) }); err != nil {
		return err
	}
	d.Say("%d votes in %.1f s: %d accepted, refused %v", d.votes-lateVotes, time.Since(began).Seconds(), len(d.accepted), d.refused)
	if d.Keep {
		return nil
	}
	if err := d.redeliver(ctx); err != nil {
		return err
	}
	if err := d.direct(ctx); err != nil {
		return err
	}
	for shown := ""; time.Now().Before(d.closesAt.Add(time.Second)); {
		if r, err := d.results(ctx); err == nil {
			if line := fmt.Sprintf("%-11s %s total %d", r.Status, bars(r.Answers()), r.Total); line != shown {
				d.Say("%s", line)
				shown = line
			}
		}
		if err := demo.Pause(ctx, time.Second); err != nil {
			return err
		}
	}
	d.Say("closed; %d late votes", lateVotes)
	return d.cast(ctx, lateVotes, func(i int) string { return ballot(70000000+i, "anna") })
}

// lateVotes come after closing, within the grace.
const lateVotes = 50

func ballot(voter int, answer string) string {
	return fmt.Sprintf(`{"voter":"%08d","answer":%q}`, voter, answer)
}

// body is the i-th vote.
func (d *evening) body(i int) string {
	answers := []string{"anna", "bruno", "bruno", "cleo", "bruno", "anna"}
	answer := answers[i%len(answers)]
	switch {
	case i%invalid == 3:
		return [...]string{`{"voter":"12","answer":"anna"}`, ballot(i, "nobody"), `not a vote`, `{"voter":1}`}[i/invalid%4]
	case i%duplicates == 1:
		// The neighbour's second vote, sent at the same time as the first.
		return ballot(i-1, answer)
	}
	return ballot(i, answer)
}

// cast sends n votes by many senders at once and notes what was acknowledged.
func (d *evening) cast(ctx context.Context, n int, body func(int) string) error {
	client := d.Local.HTTPClient()
	work := make(chan int)
	var mu sync.Mutex
	var failed error
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for i := range work {
				id, refusal, err := send(ctx, client, d.Text("vote_url"), body(i))
				mu.Lock()
				switch {
				case err != nil:
					failed = err
				case refusal != "":
					d.refused[refusal]++
				default:
					d.accepted = append(d.accepted, id)
					d.bodies[id] = body(i)
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	all.Wait()
	return failed
}

// send casts one vote and returns its message id, or why it was refused.
func send(ctx context.Context, client *http.Client, url, body string) (id, refusal string, err error) {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			return "", "", err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			return "", "", fmt.Errorf("cast a vote: %w", err)
		}
		b, err := io.ReadAll(resp.Body)
		if err := resp.Body.Close(); err != nil {
			return "", "", fmt.Errorf("cast a vote: %w", err)
		}
		if err != nil {
			return "", "", fmt.Errorf("cast a vote: %w", err)
		}
		var answer struct{ ID, Error string }
		if err := json.Unmarshal(b, &answer); err != nil {
			return "", "", fmt.Errorf("cast a vote: %s: %s", resp.Status, b)
		}
		switch resp.StatusCode {
		case http.StatusAccepted:
			return answer.ID, "", nil
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			// A page tries again, as the answer tells it to.
			if err := demo.Pause(ctx, time.Second); err != nil {
				return "", "", err
			}
		default:
			return "", answer.Error, nil
		}
	}
}

// tick calls the publisher as its schedule does.
func (d *evening) tick(ctx context.Context) error {
	_, err := lambda.NewFromConfig(d.Local.Config(demo.Region, "test")).Invoke(ctx, &lambda.InvokeInput{
		FunctionName: aws.String(d.Entry("functions", "publisher")), Qualifier: aws.String("live"), Payload: []byte("{}"), InvocationType: types.InvocationTypeEvent,
	})
	if err != nil {
		return fmt.Errorf("call the publisher: %w", err)
	}
	return nil
}

// redeliver hands messages to the recorder that it has had already, as SQS may
// at any time.
func (d *evening) redeliver(ctx context.Context) error {
	var event events.SQSEvent
	for _, id := range d.accepted[:min(redelivered, len(d.accepted))] {
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: id, ReceiptHandle: "again", Body: d.bodies[id], EventSource: "aws:sqs", AWSRegion: demo.Region,
			Attributes: map[string]string{"SentTimestamp": fmt.Sprint(time.Now().UnixMilli()), "ApproximateReceiveCount": "2"},
		})
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return err
	}
	client := lambda.NewFromConfig(d.Local.Config(demo.Region, "test"))
	answer, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(d.Entry("functions", "recorder")), Qualifier: aws.String("live"), Payload: payload})
	if err != nil {
		return fmt.Errorf("redeliver: %w", err)
	}
	if answer.FunctionError != nil {
		return fmt.Errorf("redeliver: %s", answer.Payload)
	}
	d.Say("%d messages delivered a second time", len(event.Records))
	return nil
}

// direct puts messages into the queue past the intake's checks: the recorder
// must judge by itself.
func (d *evening) direct(ctx context.Context) error {
	client := d.queue()
	for _, body := range []string{`not a vote`, ballot(1, "nobody"), `{"voter":"00000001","answer":"anna","extra":1}`} {
		out, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(d.Text("votes_queue_url")), MessageBody: &body})
		if err != nil {
			return fmt.Errorf("send past the intake: %w", err)
		}
		d.accepted = append(d.accepted, aws.ToString(out.MessageId))
	}
	return nil
}
