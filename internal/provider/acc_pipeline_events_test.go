package provider_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// TestAccPipelineEvents takes a run through by hand, with the example's event files:
// the streams hand nothing on, so that what ingest and metadata do comes of their
// files alone. What the files ask for once more changes nothing.
func TestAccPipelineEvents(t *testing.T) {
	a := newAccount(t)
	third, hook := newStranger(t, 0), newStranger(t, 0)
	p := newAgencyIn(t, a, map[string]any{
		"item": map[string]any{"key": []any{"/id"}, "attributes": map[string]any{
			"country": map[string]any{"pointer": "/country/name", "required": true}, "population": map[string]any{"pointer": "/population", "type": "number", "default": "0"},
		}},
		"segments":      map[string]any{"attribute": "country", "min_size": 10, "metrics": []any{"population"}},
		"bookings":      map[string]any{"target": map[string]any{"url": third.URL}},
		"notifications": map[string]any{"webhook": map[string]any{"url": hook.URL, "secret_arn": parameter(t, a, "/homes/hook", hookKey)}},
		"api":           map[string]any{"auth": "api_key", "keys_arn": parameter(t, a, "/homes/keys", "{}")},
	})
	for _, mapping := range []string{"ingest-files", "metadata-segments"} {
		p.stops(mapping)
	}

	equal(t, "authorizer's answer", p.called("authorizer"), `{"isAuthorized":false}`)
	equal(t, "the API's answer before a run", p.graph(), `{"data":{"viewer":{"name":"by-hand","mayWrite":true},"segments":{"nodes":[],"totalCount":0}}}`)
	equal(t, "control's answer before a run", p.called("control"), `{}`)

	p.uploadsExample()
	equal(t, "lister's answer", p.called("lister"), `null`)
	if run := p.only(); run.Run != "by-hand" || run.State != pipeline.Ingesting || run.Files != 3 || run.Ingested != 0 {
		t.Errorf("after lister the run is %+v", run)
	}
	equal(t, "ingest's answer", p.called("ingest"), `{"batchItemFailures":[]}`)
	eventually(t, runEndsWithin, func() error {
		if run := p.only(); run.State != pipeline.Describing || run.Ingested != 3 || run.Items != 12 || run.Segments != 1 || run.Described != 0 {
			return fmt.Errorf("after ingest the run is %+v", run)
		}
		return nil
	})
	equal(t, "metadata's answer", p.called("metadata"), `{"batchItemFailures":[]}`)
	if r := p.report("by-hand"); r.Files != 3 || r.Ingested != 3 || r.Failed != 0 || r.Items != 12 || r.Segments != 1 {
		t.Errorf("the report is %+v", r)
	}
	p.publishes("by-hand", map[string]int64{"Germany": 10})
	p.describes()
	equal(t, "the API's answer after the run", p.graph(), `{"data":{"viewer":{"name":"by-hand","mayWrite":true},"segments":{"nodes":[{"value":"Germany","count":10}],"totalCount":1}}}`)

	before := p.item("runs", "by-hand")
	for function, want := range map[string]string{
		"lister": `null`, "ingest": `{"batchItemFailures":[]}`, "segmenter": `null`, "metadata": `{"batchItemFailures":[]}`, "manifest": `null`,
		"sweeper": `null`, "creator": `null`, "uploader": `{"batchItemFailures":null}`, "notifier": `{"batchItemFailures":null}`,
	} {
		equal(t, "the answer once more of "+function, p.called(function), want)
	}
	if after := p.item("runs", "by-hand"); !maps.Equal(before, after) {
		t.Errorf("the run was %v, is %v", before, after)
	}
	if n, m := len(third.requests()), len(hook.requests()); n+m != 0 {
		t.Errorf("others were asked %d and %d times for a booking that is none", n, m)
	}
	if _, err := ssm.NewFromConfig(a.aws(home)).DeleteParameters(t.Context(), &ssm.DeleteParametersInput{Names: []string{"/homes/hook", "/homes/keys"}}); err != nil {
		t.Fatal(err)
	}
	p.gone(a)
}

// eventFiles is the folder with the example's event files.
var eventFiles = filepath.Join(examples, "audience-segments", "events")

// called is what a function answers to its event file by the command line.
func (p *agency) called(function string) string {
	p.t.Helper()
	program, err := binary()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.CommandContext(p.t.Context(), program, "invoke", "recommendation_pipeline", "homes", function, "--event", filepath.Join(eventFiles, function+".json"), "--endpoint", local.Endpoint(), "--region", home)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+string(p.a), "AWS_SECRET_ACCESS_KEY=test")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("invoke %s: %s\n%s%s", function, err, out, said.String())
	}
	var answer bytes.Buffer
	if err := json.Compact(&answer, out); err != nil {
		p.t.Fatalf("%s answers %s: %s", function, out, err)
	}
	return answer.String()
}

// graph is the body of the API's answer to its event file.
func (p *agency) graph() string {
	p.t.Helper()
	var answer struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal([]byte(p.called("api")), &answer); err != nil || answer.StatusCode != http.StatusOK {
		p.t.Fatalf("the API answers %+v, %v", answer, err)
	}
	return answer.Body
}

// only is the pipeline's only run, as control's event file shows it.
func (p *agency) only() pipeline.RunLine {
	p.t.Helper()
	var answer pipeline.Controlling
	if err := json.Unmarshal([]byte(p.called("control")), &answer); err != nil || len(answer.Runs) != 1 {
		p.t.Fatalf("control answers %+v, %v", answer, err)
	}
	return answer.Runs[0]
}

// uploadsExample uploads the files that the events are about.
func (p *agency) uploadsExample() {
	p.t.Helper()
	names, err := filepath.Glob(filepath.Join(eventFiles, "upload", "*"))
	if err != nil || len(names) != 3 {
		p.t.Fatalf("the example has the upload %v, %v", names, err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files["places/by-hand/"+filepath.Base(name)], err = os.ReadFile(name); err != nil {
			p.t.Fatal(err)
		}
	}
	p.upload(files)
}

// stops keeps a stream's records from their function.
func (p *agency) stops(mapping string) {
	p.t.Helper()
	functions, id := lambda.NewFromConfig(p.a.aws(home)), aws.String(p.part(mapping).Attributes["id"])
	must[*lambda.UpdateEventSourceMappingOutput](p.t)(functions.UpdateEventSourceMapping(p.t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: id, Enabled: aws.Bool(false)}))
	eventually(p.t, runEndsWithin, func() error {
		out, err := functions.GetEventSourceMapping(p.t.Context(), &lambda.GetEventSourceMappingInput{UUID: id})
		if err == nil && aws.ToString(out.State) != "Disabled" {
			err = fmt.Errorf("%s is %s", mapping, aws.ToString(out.State))
		}
		return err
	})
}

// describes: the segment's metadata, which is of metadata's event file, has the
// figures that segmenter found. Percentiles are near the true ones alone.
func (p *agency) describes() {
	p.t.Helper()
	var found []pipeline.Segment
	if err := p.result(p.item("runs", "by-hand")["segments_object"], &found); err != nil || len(found) != 1 {
		p.t.Fatalf("segmenter found %+v, %v", found, err)
	}
	var written pipeline.Segment
	if err := p.result(pipeline.MetadataObject("by-hand", pipeline.SegmentID("Germany")), &written); err != nil {
		p.t.Fatal(err)
	}
	plain := func(s pipeline.Segment) string {
		f := s.Metrics["population"]
		f.Percentiles, s.Made = nil, 0
		s.Metrics = map[string]pipeline.Figures{"population": f}
		return fmt.Sprintf("%+v", s)
	}
	equal(p.t, "the metadata", plain(written), plain(found[0]))
}
