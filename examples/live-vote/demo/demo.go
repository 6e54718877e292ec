package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/votecheck"
	"github.com/burstline/terraform-provider-serverless/internal/demo"
)

const (
	// open is how long the window is open, counted from before the apply.
	open = 60 * time.Second
	// grace is the shortest that the resource takes.
	grace = 10 * time.Second
)

// evening is a vote from its opening to its results.
type evening struct {
	*demo.Demo
	votes    int
	closesAt time.Time

	// accepted are the message ids that intake or SQS acknowledged.
	accepted []string
	// bodies are what they carried.
	bodies  map[string]string
	refused map[string]int
	// onPage is how many votes the page cast. It does not tell their ids.
	onPage int
}

func (d *evening) run(ctx context.Context) error {
	if err := d.deploy(ctx); err != nil {
		return err
	}
	if err := d.vote(ctx); err != nil {
		return err
	}
	if d.Keep {
		return d.wait(ctx)
	}
	if err := d.watch(ctx); err != nil {
		return err
	}
	if err := d.account(ctx); err != nil {
		return err
	}
	return d.Destroy(ctx)
}

func (d *evening) deploy(ctx context.Context) error {
	now := time.Now().UTC().Truncate(time.Second)
	d.closesAt = now.Add(open)
	if d.Keep {
		d.closesAt = now.Add(time.Hour)
	}
	return d.Apply(ctx, "opens_at="+now.Format(time.RFC3339), "closes_at="+d.closesAt.Format(time.RFC3339), fmt.Sprintf("grace_seconds=%d", int(grace.Seconds())))
}

// results reads the public results, as a page does.
func (d *evening) results(ctx context.Context) (votingwindow.Results, error) {
	var r votingwindow.Results
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Text("results_url"), http.NoBody)
	if err != nil {
		return r, err
	}
	resp, err := d.Local.HTTPClient().Do(req)
	if err != nil {
		return r, fmt.Errorf("read results: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return r, fmt.Errorf("read results: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return r, fmt.Errorf("read results: %s", resp.Status)
	}
	return r, json.Unmarshal(b, &r)
}

// watch shows the tally until the window is final.
func (d *evening) watch(ctx context.Context) error {
	d.Say("the window closes at %s; final after %s of grace, a minute of silence in the queue, and the recorder's time-out", d.closesAt.Format("15:04:05"), grace)
	deadline := time.Now().Add(4 * time.Minute)
	shown := ""
	for {
		r, err := d.results(ctx)
		if err == nil {
			if line := fmt.Sprintf("%-11s %s total %d", r.Status, bars(r.Answers()), r.Total); line != shown {
				d.Say("%s", line)
				shown = line
			}
			if r.Status == votingwindow.StatusFinal {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the results are not final in time; last answer: %s, %w", shown, errors.Join(err, errors.New(d.Local.Logs())))
		}
		if err := demo.Pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

func bars(answers map[string]int64) string {
	ids := make([]string, 0, len(answers))
	for id := range answers {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	var out []string
	for _, id := range ids {
		out = append(out, fmt.Sprintf("%s %d", id, answers[id]))
	}
	return strings.Join(out, "  ")
}

// account prints the ledger and the recount, and proves that every message that
// was acknowledged ended as exactly one thing.
func (d *evening) account(ctx context.Context) error {
	cfg := d.Local.Config(demo.Region, "test")
	object, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).GetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String(d.Text("results_bucket")), Key: aws.String(votingwindow.LedgerObject),
	})
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	var ledger votingwindow.LedgerSummary
	if err := json.NewDecoder(object.Body).Decode(&ledger); err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	d.Say("ledger: accepted %d = counted %d + duplicate %d + late %d + rejected %d; dead letters %d; live figures lagged by %d",
		ledger.Accepted, ledger.Counted, ledger.Duplicate, ledger.Late, ledger.Rejected, ledger.DeadLetters, ledger.Difference)
	if ledger.Accepted != ledger.Counted+ledger.Quarantined+ledger.Duplicate+ledger.Replaced+ledger.Late+ledger.Rejected {
		return errors.New("the ledger does not add up")
	}
	if ledger.Accepted != int64(len(d.accepted)+d.onPage) {
		return fmt.Errorf("the senders had %d votes acknowledged, the ledger has %d", len(d.accepted)+d.onPage, ledger.Accepted)
	}
	answer, err := lambda.NewFromConfig(cfg).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(d.Entry("functions", "recount")), Qualifier: aws.String("live"), Payload: []byte("{}")})
	if err != nil || answer.FunctionError != nil {
		return fmt.Errorf("recount: %s: %w", answer.Payload, err)
	}
	var recount votingwindow.Recounted
	if err := json.Unmarshal(answer.Payload, &recount); err != nil {
		return fmt.Errorf("recount: %w", err)
	}
	d.Say("recount: %s, %d in all; agrees with what was published: %t", bars(recount.Answers), recount.Counted, recount.Agrees)
	if !recount.Agrees {
		return errors.New("the recount does not agree")
	}
	ballots, entries, err := votecheck.Read(ctx, votecheck.Tables(cfg), d.Entry("tables", "ballots"), d.Entry("tables", "ledger"))
	if err != nil {
		return err
	}
	if _, err := votecheck.Check(d.accepted, ballots, entries); err != nil {
		return fmt.Errorf("the books do not balance: %w", err)
	}
	d.Say("each of the %d acknowledged votes ended as exactly one thing; nobody has two ballots", len(d.accepted))
	return nil
}

// wait leaves everything running until it is interrupted.
func (d *evening) wait(ctx context.Context) error {
	vote, err := d.Local.LocalURL(d.Text("vote_url"))
	if err != nil {
		return err
	}
	return d.Wait(ctx, ", open until "+d.closesAt.Format(time.RFC3339),
		"page:     "+d.Text("page_url"), "studio:   "+d.Text("studio_url"),
		`vote:     curl -d '{"voter":"00000001","answer":"anna"}' `+vote, "results:  curl "+d.Text("results_url"))
}

// queue returns a client for the queue of votes.
func (d *evening) queue() *sqs.Client { return sqs.NewFromConfig(d.Local.Config(demo.Region, "test")) }
