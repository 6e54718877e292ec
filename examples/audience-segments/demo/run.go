package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"golang.org/x/sync/errgroup"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/demo"
)

const (
	writers = 16 // Put files at the same time.
	// eachBroken is how many files are broken in each way.
	eachBroken = 5
	// A run may take so long, and so much longer for each of its files: ten times of
	// what it takes on two idle cores.
	patience, patienceOfFile = 3 * time.Minute, 30 * time.Millisecond
	// The system, and its name in the example.
	pipelineSystem, pipelineName = "recommendation_pipeline", "audience-segments"
	// minSize is how many places a country has to be a segment: a default of the
	// example.
	minSize = 10
)

// upload is the places' way through the pipeline.
type upload struct {
	*demo.Demo
	data string
	most int

	s3      *s3.Client
	secrets *secrets
	third   *thirdParty
	places  []Place
	reasons map[string]pipeline.Reason // Of the broken files, by key.
	files   int                        // In the source, the broken ones included.
}

func (u *upload) run(ctx context.Context) (err error) {
	if u.places, err = readPlaces(u.data, u.most); err != nil {
		return err
	}
	u.Say("%d places of GeoNames (geonames.org, CC BY 4.0), %s the largest", len(u.places), u.places[0].Name)
	if u.secrets, err = makeSecrets(ctx, u.Local.Config(demo.Region, "test")); err != nil {
		return err
	}
	if u.third, err = startThirdParty(ctx, u.secrets.third); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.third.close()) }()
	if err := u.Apply(ctx, "third_party_url="+u.third.url+"/audiences/{booking}", "third_party_secret_arn="+u.secrets.thirdARN, "api_keys_arn="+u.secrets.apiKeysARN); err != nil {
		return err
	}
	u.s3 = s3.NewFromConfig(u.Local.Config(demo.Region, "test"), func(o *s3.Options) { o.UsePathStyle = true })
	if err := u.first(ctx); err != nil {
		return err
	}
	if err := u.replay(ctx); err != nil {
		return err
	}
	if err := u.book(ctx); err != nil {
		return err
	}
	if err := u.page(ctx); err != nil {
		return err
	}
	if u.Keep {
		return u.Wait(ctx, "", "page:     "+u.Text("page_url")+", with the API key "+u.secrets.apiKey, "uploads:  "+u.Text("source_bucket"), "results:  "+u.Text("results_bucket"),
			fmt.Sprintf("again:    aws sns publish --topic-arn %s --message '{\"run\":\"third\",\"prefix\":%q}'", u.Text("start_topic_arn"), prefix))
	}
	if err := u.secrets.remove(ctx); err != nil {
		return err
	}
	return u.Destroy(ctx)
}

// first takes all files but those of the largest places through: they come broken,
// among others.
func (u *upload) first(ctx context.Context) error {
	good, err := files(u.places[len(ways):])
	if err != nil {
		return err
	}
	bad, reasons := brokenFiles(eachBroken)
	u.reasons, u.files = reasons, len(good)+len(bad)
	began := time.Now()
	u.Say("putting %d files into %s, one place each but for a few with many; %d of them broken, in %d ways", u.files, u.Text("source_bucket"), len(bad), len(ways))
	if err := u.put(ctx, append(good, bad...)); err != nil {
		return err
	}
	u.Say("they are there (%.0f s)", time.Since(began).Seconds())
	// Twice, as SNS may deliver it.
	start := pipeline.Start{Run: "first", Prefix: prefix}
	for range 2 {
		if err := u.start(ctx, start); err != nil {
			return err
		}
	}
	if err := u.watch(ctx, start.Run, u.files); err != nil {
		return err
	}
	return u.check(ctx, expected{run: start.Run, files: u.files, reasons: u.reasons, fresh: u.places[len(ways):], places: u.places[len(ways):]})
}

// replay mends the files of the largest places, and takes those that failed again,
// and nothing else.
func (u *upload) replay(ctx context.Context) error {
	bad, _ := brokenFiles(1)
	mended := u.places[:len(ways)]
	still := len(u.reasons)
	for i := range mended {
		body, err := json.Marshal(mended[i])
		if err != nil {
			return err
		}
		bad[i].body = body
		delete(u.reasons, bad[i].key)
	}
	u.Say("mending %d of the broken files: %s and others; replaying what failed, alone", len(mended), mended[0].Name)
	if err := u.put(ctx, bad); err != nil {
		return err
	}
	var begun pipeline.RunLine
	if err := u.operate(ctx, &begun, "replay", "first", "--failed", "--as", "second"); err != nil {
		return err
	}
	if err := u.watch(ctx, begun.Run, still); err != nil {
		return err
	}
	return u.check(ctx, expected{run: begun.Run, replayOf: "first", files: still, reasons: u.reasons, fresh: mended, places: u.places})
}

// unwell is the exit code of an operator's command that has done its work and found
// something wrong.
const unwell = 3

// operate runs one of the operator's commands of the pipeline, and reads its
// answer.
func (u *upload) operate(ctx context.Context, answer any, command string, more ...string) error {
	arguments := append([]string{command, pipelineSystem, pipelineName}, more...)
	u.Say("terraform-provider-serverless %s", strings.Join(arguments, " "))
	c := exec.CommandContext(ctx, filepath.Join(u.Root, "build", "bin", "terraform-provider-serverless"), append(arguments, "--output", "json", "--endpoint", u.Local.Endpoint(), "--region", demo.Region)...) //nolint:gosec // our own program
	c.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	var out, told bytes.Buffer
	c.Stdout, c.Stderr = &out, &told
	if err := c.Run(); err != nil && c.ProcessState.ExitCode() != unwell {
		return fmt.Errorf("%s: %w: %s", command, err, told.String())
	}
	if err := json.Unmarshal(out.Bytes(), answer); err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, told.String())
	}
	return nil
}

// put puts files into the source.
func (u *upload) put(ctx context.Context, all []file) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i := range all {
		group.Go(func() error {
			_, err := u.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(u.Text("source_bucket")), Key: &all[i].key, Body: bytes.NewReader(all[i].body)})
			if err != nil {
				return fmt.Errorf("put %s: %w", all[i].key, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// start publishes a message to the topic that starts runs.
func (u *upload) start(ctx context.Context, message pipeline.Start) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	u.Say("publishing %s", body)
	_, err = sns.NewFromConfig(u.Local.Config(demo.Region, "test")).Publish(ctx, &sns.PublishInput{TopicArn: aws.String(u.Text("start_topic_arn")), Message: aws.String(string(body))})
	if err != nil {
		return fmt.Errorf("start a run: %w", err)
	}
	return nil
}

// watch shows how far a run is until it is done.
func (u *upload) watch(ctx context.Context, run string, files int) error {
	deadline := time.Now().Add(patience + time.Duration(files)*patienceOfFile)
	shown := ""
	for {
		item, err := u.runItem(ctx, run)
		line := fmt.Sprintf("%-10s listed %s, ingested %s, failed %s, items %s, segments %s, described %s",
			text(item["state"]), number(item["files"]), number(item["ingested"]), number(item["failed"]), number(item["items"]), number(item["segments"]), number(item["described"]))
		if err == nil && line != shown && len(item) > 0 {
			u.Say("%s", line)
			shown = line
		}
		switch state := pipeline.State(text(item["state"])); {
		case state == pipeline.Done:
			return nil
		case state.Over():
			return fmt.Errorf("the run %s is %s: %s", run, state, text(item["reason"]))
		case time.Now().After(deadline):
			return fmt.Errorf("the run %s is not done in time; last: %s, %w", run, shown, errors.Join(err, errors.New(u.Local.Logs())))
		}
		if err := demo.Pause(ctx, 2*time.Second); err != nil {
			return err
		}
	}
}

// runItem is a run in the table of runs.
func (u *upload) runItem(ctx context.Context, run string) (map[string]types.AttributeValue, error) {
	out, err := dynamodb.NewFromConfig(u.Local.Config(demo.Region, "test")).GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(u.Entry("tables", "runs")), Key: map[string]types.AttributeValue{pipeline.RunsKey: &types.AttributeValueMemberS{Value: run}}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, fmt.Errorf("read the run %s: %w", run, err)
	}
	return out.Item, nil
}

func text(value types.AttributeValue) string {
	if s, ok := value.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// number is a number as text, 0 for none.
func number(value types.AttributeValue) string {
	if n, ok := value.(*types.AttributeValueMemberN); ok {
		return n.Value
	}
	return "0"
}
