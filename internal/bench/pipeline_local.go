package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"golang.org/x/sync/errgroup"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
	reco "github.com/burstline/terraform-provider-serverless/internal/systems/pipeline"
)

const (
	// uploaders put files at the same time.
	uploaders = 16
	// runWithin is how long a run of realFiles may take on the local AWS, which answers
	// some hundred calls a second.
	runWithin = 20 * time.Minute
	// lookEvery is how often it is looked whether a run is over.
	lookEvery = time.Second
	// pipelineAccount is where it is deployed.
	pipelineAccount = "333333333333"
)

// pipelineUpload takes an upload of real objects from the bucket to the report, on the
// local AWS with the functions that the provider carries: how long that takes is the
// local AWS's, how many calls a file takes is not. It has no segments, since the local
// AWS goes through all items for each page of a scan.
func (b *bench) pipelineUpload(ctx context.Context, local *localaws.Local) error {
	outputs, err := deployed(ctx, local)
	if err != nil {
		return fmt.Errorf("deploy the pipeline: %w", err)
	}
	cfg := local.Config(region, pipelineAccount)
	objects := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if err := upload(ctx, objects, outputs["source_bucket"], b.realFiles); err != nil {
		return err
	}
	mark, began := local.Gate().Meter().Mark(), time.Now()
	_, err = sns.NewFromConfig(cfg).Publish(ctx, &sns.PublishInput{
		TopicArn: aws.String(outputs["start_topic_arn"]), Message: aws.String(uploadStart),
	})
	if err != nil {
		return fmt.Errorf("start the run: %w", err)
	}
	report, err := reported(ctx, objects, outputs["results_bucket"])
	if err != nil {
		return err
	}
	files := int64(b.realFiles)
	if report.Files != files || report.Ingested != files || report.Items != files {
		return fmt.Errorf("the run of %d files is %+v", files, report)
	}
	b.add("pipeline.local_files", float64(files), "objects, listed and ingested on the local AWS")
	b.add("pipeline.local_run_s", time.Since(began).Seconds(), "s, to the report, for orientation")
	b.add("pipeline.local_listing_s", float64(report.ListedAt-report.Started)/1000, "s, for orientation")
	b.callsPerFile(local.Gate().Meter().Since(mark), float64(files))
	return nil
}

// callsPerFile notes the calls that the functions made, by service.
func (b *bench) callsPerFile(counts localaws.Counts, files float64) {
	calls := map[string]float64{}
	for key, figures := range counts {
		if strings.HasPrefix(key.Caller, reco.System.Name+".") {
			calls[key.Service] += float64(figures.Calls)
			calls[""] += float64(figures.Calls)
		}
	}
	for _, service := range []string{"s3", "dynamodb", "kinesis", "sns"} {
		b.add("pipeline.calls_per_file_"+service, calls[service]/files, "calls per file")
	}
	b.add("pipeline.calls_per_file", calls[""]/files, "calls per file, all services")
}

// deployed deploys the example, without segments, with the functions that the provider carries, and
// returns its outputs.
func deployed(ctx context.Context, local *localaws.Local) (map[string]string, error) {
	digest, err := bundle.Prebuilt{}.SHA256(ctx, reco.System.Name, architecture())
	if err != nil {
		return nil, err
	}
	room, _ := systems.Find(reco.System.Name)
	blue, err := room.Described(ctx, "bench", map[string]any{"architecture": architecture(), "force_destroy": true, "segments": nil})
	if err != nil {
		return nil, err
	}
	carry(blue, digest)
	client, failure := awsclient.New(ctx, awsclient.Config{Region: region, Endpoint: local.Endpoint(), PathStyle: true, AccessKey: pipelineAccount, SecretKey: "test"})
	if failure != nil {
		return nil, failure
	}
	if _, err := client.Account(ctx); err != nil {
		return nil, err
	}
	res := deploy.New(client, bundle.Prebuilt{}.Content, "bench").Apply(ctx, deploy.Input{Blueprint: blue, Create: true})
	if len(res.Failures) > 0 {
		return nil, errors.New(res.Failures[0].Summary + ": " + res.Failures[0].Detail)
	}
	return res.Outputs, nil
}

// carry has a blueprint bring real functions, where it was described without any.
func carry(blue *blueprint.Blueprint, digest string) {
	for i := range blue.Parts {
		switch spec := blue.Parts[i].Spec.(type) {
		case blueprint.FunctionSpec:
			spec.CodeSHA256 = digest
			blue.Parts[i].Spec = spec
		case blueprint.ObjectSpec:
			if spec.SHA256 == blue.Settings.BundleSHA256 {
				spec.SHA256 = digest
				blue.Parts[i].Spec = spec
			}
		}
	}
	blue.Settings.BundleSHA256 = digest
}

// upload puts files into the source.
func upload(ctx context.Context, objects *s3.Client, bucket string, files int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(uploaders)
	for i := range files {
		group.Go(func() error {
			_, err := objects.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(fmt.Sprintf(uploadKey, i)), Body: bytes.NewReader(homeText(i))})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	return nil
}

// reported waits until a run is done, and returns its report.
func reported(ctx context.Context, objects *s3.Client, bucket string) (report pipeline.Report, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runWithin, errors.New("the run is not over"))
	defer cancel()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return report, context.Cause(ctx)
		case <-look.C:
		}
		out, err := objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String(pipeline.ReportObject("bench"))})
		var missing *s3types.NoSuchKey
		if errors.As(err, &missing) {
			continue
		}
		if err != nil {
			return report, fmt.Errorf("read the report: %w", err)
		}
		err = json.NewDecoder(out.Body).Decode(&report)
		return report, errors.Join(err, out.Body.Close())
	}
}
