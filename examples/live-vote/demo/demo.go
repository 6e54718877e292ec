package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/votecheck"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/tfcli"
)

const (
	region = "eu-central-1"
	// open is how long the window is open, counted from before the apply.
	open = 60 * time.Second
	// grace is the shortest that the resource takes.
	grace = 10 * time.Second
)

type demo struct {
	root, architecture string
	keep               bool
	votes              int
	began              time.Time

	local    *localaws.Local
	work     *tfcli.Workspace
	closesAt time.Time
	// out are the configuration's outputs.
	out map[string]any

	// accepted are the message ids that intake or SQS acknowledged.
	accepted []string
	// bodies are what they carried.
	bodies  map[string]string
	refused map[string]int
	// onPage is how many votes the page cast. It does not tell their ids.
	onPage int
}

// say prints a step with the time since the start.
func (d *demo) say(format string, args ...any) {
	fmt.Printf("[%3.0fs] %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...)) //nolint:forbidigo // a program for people
}

func (d *demo) run(ctx context.Context) (err error) {
	d.say("starting the local AWS")
	if d.local, err = localaws.Start(ctx, localaws.Options{Venv: filepath.Join(d.root, "build", "venv")}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.local.Gate().Verdict(), d.local.Close()) }()
	dir, err := d.prepare()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	if err := d.deploy(ctx); err != nil {
		return err
	}
	if err := d.vote(ctx); err != nil {
		return err
	}
	if d.keep {
		return d.wait(ctx)
	}
	if err := d.watch(ctx); err != nil {
		return err
	}
	if err := d.account(ctx); err != nil {
		return err
	}
	return d.destroy(ctx)
}

// prepare copies the example to a folder of its own.
func (d *demo) prepare() (string, error) {
	dir, err := os.MkdirTemp("", "live-vote-")
	if err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(d.root, "examples", "live-vote", "*.tf"))
	if err != nil {
		return dir, err
	}
	for _, name := range files {
		b, err := os.ReadFile(name) //nolint:gosec // the example
		if err != nil {
			return dir, err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o600); err != nil { //nolint:gosec // a folder of the demo's own
			return dir, err
		}
	}
	d.work, err = tfcli.New(dir, filepath.Join(d.root, "build", "bin", "terraform-provider-serverless"),
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION="+region)
	return dir, err
}

func (d *demo) deploy(ctx context.Context) error {
	now := time.Now().UTC().Truncate(time.Second)
	d.closesAt = now.Add(open)
	if d.keep {
		d.closesAt = now.Add(time.Hour)
	}
	d.work.Env = append(d.work.Env,
		"TF_VAR_endpoint="+d.local.Endpoint(), "TF_VAR_region="+region, "TF_VAR_architecture="+d.architecture,
		"TF_VAR_opens_at="+now.Format(time.RFC3339), "TF_VAR_closes_at="+d.closesAt.Format(time.RFC3339),
		fmt.Sprintf("TF_VAR_grace_seconds=%d", int(grace.Seconds())), "TF_VAR_force_destroy=true")
	d.say("terraform init")
	if _, err := d.work.Run(ctx, "init", "-input=false", "-no-color"); err != nil {
		return err
	}
	d.say("terraform apply")
	mark := d.local.Gate().Meter().Mark()
	began := time.Now()
	output, err := d.work.Run(ctx, "apply", "-auto-approve", "-input=false", "-no-color")
	if err != nil {
		return err
	}
	for _, line := range strings.Split(output, "\n") {
		if strings.HasPrefix(line, "Apply complete") {
			d.say("%s (%.1f s, %d calls to AWS)", line, time.Since(began).Seconds(), d.local.Gate().Meter().Since(mark).Without(localaws.MappingCaller).Total())
		}
	}
	d.out, err = d.work.Outputs(ctx)
	return err
}

// text returns an output.
func (d *demo) text(name string) string { s, _ := d.out[name].(string); return s }

// entry returns an entry of a map among the outputs.
func (d *demo) entry(name, key string) string {
	m, _ := d.out[name].(map[string]any)
	s, _ := m[key].(string)
	return s
}

// results reads the public results, as a page does.
func (d *demo) results(ctx context.Context) (votingwindow.Results, error) {
	var r votingwindow.Results
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.text("results_url"), http.NoBody)
	if err != nil {
		return r, err
	}
	resp, err := d.local.HTTPClient().Do(req)
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
func (d *demo) watch(ctx context.Context) error {
	d.say("the window closes at %s; final after %s of grace, a minute of silence in the queue, and the recorder's time-out", d.closesAt.Format("15:04:05"), grace)
	deadline := time.Now().Add(4 * time.Minute)
	shown := ""
	for {
		r, err := d.results(ctx)
		if err == nil {
			if line := fmt.Sprintf("%-11s %s total %d", r.Status, bars(r.Answers()), r.Total); line != shown {
				d.say("%s", line)
				shown = line
			}
			if r.Status == votingwindow.StatusFinal {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the results are not final in time; last answer: %s, %w", shown, errors.Join(err, errors.New(d.local.Logs())))
		}
		if err := pause(ctx, time.Second); err != nil {
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

func pause(ctx context.Context, t time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(t):
		return nil
	}
}

// account prints the ledger and the recount, and proves that every message that
// was acknowledged ended as exactly one thing.
func (d *demo) account(ctx context.Context) error {
	cfg := d.local.Config(region, "test")
	object, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).GetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String(d.text("results_bucket")), Key: aws.String(votingwindow.LedgerObject),
	})
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	var ledger votingwindow.LedgerSummary
	if err := json.NewDecoder(object.Body).Decode(&ledger); err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	d.say("ledger: accepted %d = counted %d + duplicate %d + late %d + rejected %d; dead letters %d; live figures lagged by %d",
		ledger.Accepted, ledger.Counted, ledger.Duplicate, ledger.Late, ledger.Rejected, ledger.DeadLetters, ledger.Difference)
	if ledger.Accepted != ledger.Counted+ledger.Quarantined+ledger.Duplicate+ledger.Replaced+ledger.Late+ledger.Rejected {
		return errors.New("the ledger does not add up")
	}
	if ledger.Accepted != int64(len(d.accepted)+d.onPage) {
		return fmt.Errorf("the senders had %d votes acknowledged, the ledger has %d", len(d.accepted)+d.onPage, ledger.Accepted)
	}
	answer, err := lambda.NewFromConfig(cfg).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(d.entry("functions", "recount")), Qualifier: aws.String("live"), Payload: []byte("{}")})
	if err != nil || answer.FunctionError != nil {
		return fmt.Errorf("recount: %s: %w", answer.Payload, err)
	}
	var recount votingwindow.Recounted
	if err := json.Unmarshal(answer.Payload, &recount); err != nil {
		return fmt.Errorf("recount: %w", err)
	}
	d.say("recount: %s, %d in all; agrees with what was published: %t", bars(recount.Answers), recount.Counted, recount.Agrees)
	if !recount.Agrees {
		return errors.New("the recount does not agree")
	}
	ballots, entries, err := votecheck.Read(ctx, votecheck.Tables(cfg), d.entry("tables", "ballots"), d.entry("tables", "ledger"))
	if err != nil {
		return err
	}
	if _, err := votecheck.Check(d.accepted, ballots, entries); err != nil {
		return fmt.Errorf("the books do not balance: %w", err)
	}
	d.say("each of the %d acknowledged votes ended as exactly one thing; nobody has two ballots", len(d.accepted))
	return nil
}

func (d *demo) destroy(ctx context.Context) error {
	d.say("terraform destroy")
	if _, err := d.work.Run(ctx, "destroy", "-auto-approve", "-input=false", "-no-color"); err != nil {
		return err
	}
	left, err := localaws.Inventory(ctx, d.local.Config(region, "test"))
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("the account is not empty: %s", strings.Join(left, ", "))
	}
	d.say("the account is empty; done")
	return nil
}

// wait leaves everything running until it is interrupted.
func (d *demo) wait(ctx context.Context) error {
	vote, err := d.local.LocalURL(d.text("vote_url"))
	if err != nil {
		return err
	}
	d.say("running until you press Ctrl-C, open until %s\n"+
		"       page:     %s\n"+
		"       studio:   %s\n"+
		"       vote:     curl -d '{\"voter\":\"00000001\",\"answer\":\"anna\"}' %s\n"+
		"       results:  curl %s\n"+
		"       AWS:      AWS_ENDPOINT_URL=%s AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=%s\n"+
		"       state:    %s", d.closesAt.Format(time.RFC3339), d.text("page_url"), d.text("studio_url"), vote, d.text("results_url"), d.local.Endpoint(), region, d.work.Dir)
	<-ctx.Done()
	return nil
}

// queue returns a client for the queue of votes.
func (d *demo) queue() *sqs.Client { return sqs.NewFromConfig(d.local.Config(region, "test")) }
