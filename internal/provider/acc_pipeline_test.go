package provider_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// agency is a pipeline that is deployed with the functions that the provider
// carries.
type agency struct {
	*session
	a      account
	config map[string]any
}

// newAgency deploys a pipeline that groups homes by suburb.
func newAgency(t *testing.T, more map[string]any) *agency {
	t.Helper()
	return newAgencyIn(t, newAccount(t), more)
}

// newAgencyIn deploys it in an account that has something already.
func newAgencyIn(t *testing.T, a account, more map[string]any) *agency {
	t.Helper()
	p := &agency{
		a: a, session: newSession(t, a, options{system: "recommendation_pipeline", bundles: &bundle.Shared{Bundles: bundle.Prebuilt{}}}, nil),
		config: map[string]any{
			"name": "homes", "architecture": hostArchitecture(), "force_destroy": true,
			"item": map[string]any{
				"key": []any{"/id"},
				"attributes": map[string]any{
					"suburb": map[string]any{"pointer": "/address/suburb", "required": true}, "price": map[string]any{"pointer": "/price", "type": "number"},
				},
			},
			"segments": map[string]any{"attribute": "suburb", "min_size": 2, "metrics": []any{"price"}},
		},
	}
	maps.Copy(p.config, more)
	if text := p.apply(p.config); text != "" {
		t.Fatal(text)
	}
	return p
}

// upload puts files into the source.
func (p *agency) upload(files map[string][]byte) {
	p.t.Helper()
	client, bucket := s3Client(p.a.aws(home)), text(p.t, p.state, "source_bucket")
	keys := slices.Sorted(maps.Keys(files))
	inParallel(p.t, len(keys), func(ctx context.Context, i int) error {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &keys[i], Body: bytes.NewReader(files[keys[i]])})
		return err
	})
}

// starts publishes a message to the topic start.
func (p *agency) starts(message string) {
	p.t.Helper()
	if _, err := sns.NewFromConfig(p.a.aws(home)).Publish(p.t.Context(), &sns.PublishInput{TopicArn: aws.String(text(p.t, p.state, "start_topic_arn")), Message: &message}); err != nil {
		p.t.Fatal(err)
	}
}

// result reads a JSON object of the results.
func (p *agency) result(key string, into any) error {
	out, err := s3Client(p.a.aws(home)).GetObject(p.t.Context(), &s3.GetObjectInput{Bucket: aws.String(text(p.t, p.state, "results_bucket")), Key: &key})
	if err != nil {
		return err
	}
	defer out.Body.Close()
	return json.NewDecoder(out.Body).Decode(into)
}

// sweeps calls the sweeper as its schedule does.
func (p *agency) sweeps() {
	p.t.Helper()
	out, err := lambda.NewFromConfig(p.a.aws(home)).Invoke(p.t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(stateTexts(p.t, p.state, "function_names")["sweeper"]), Qualifier: aws.String("live"), Payload: []byte("{}"),
	})
	if err != nil || out.FunctionError != nil {
		p.t.Fatalf("sweeper: %v %s", err, out.Payload)
	}
}

// runEndsWithin is how long a run of some hundred files takes at the most on a
// busy machine.
const runEndsWithin = 90 * time.Second

// report waits until a run is done, and returns its report.
func (p *agency) report(run string) (r pipeline.Report) {
	p.t.Helper()
	eventually(p.t, runEndsWithin, func() error {
		r = pipeline.Report{}
		err := p.result(pipeline.ReportObject(run), &r)
		if err == nil && p.item("runs", run)["state"] != string(pipeline.Done) {
			err = fmt.Errorf("the run is %v", p.item("runs", run))
		}
		return err
	})
	return r
}

// item is an item of one of the tables, its numbers and texts as text; nil for
// none.
func (p *agency) item(table, key string) map[string]string {
	p.t.Helper()
	out, err := dynamodb.NewFromConfig(p.a.aws(home)).GetItem(p.t.Context(), &dynamodb.GetItemInput{
		TableName: aws.String(stateTexts(p.t, p.state, "table_names")[table]), Key: map[string]dynamotypes.AttributeValue{"id": &dynamotypes.AttributeValueMemberS{Value: key}}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return textsIn(out.Item)
}

func textsIn(item map[string]dynamotypes.AttributeValue) map[string]string {
	out := map[string]string{}
	for name, value := range item {
		switch v := value.(type) {
		case *dynamotypes.AttributeValueMemberS:
			out[name] = v.Value
		case *dynamotypes.AttributeValueMemberN:
			out[name] = v.Value
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// held counts the items of a table.
func (p *agency) held(table string) int {
	p.t.Helper()
	n := 0
	pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(p.a.aws(home)), &dynamodb.ScanInput{TableName: aws.String(stateTexts(p.t, p.state, "table_names")[table]), ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		n += len(page.Items)
	}
	return n
}

// homeOf is a home's document.
func homeOf(id int, suburb string, price int) []byte {
	return fmt.Appendf(nil, `{"id":"home-%d","address":{"suburb":%q},"price":%d}`, id, suburb, price)
}

func zipped(plain []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(plain) // A buffer takes all.
	_ = w.Close()
	return out.Bytes()
}

// uploads are files of every weather: how many become items, and the reasons of
// those that do not, by key.
func uploads(prefix string) (files map[string][]byte, failed map[string]pipeline.Reason) {
	suburbs := []string{"Carlton", "Fitzroy", "Brunswick"}
	files = map[string][]byte{}
	for i := range 300 { // Homes 0 to 299: a hundred in each suburb, of prices 0 to 299.
		files[fmt.Sprintf("%splain/%04d.json", prefix, i)] = homeOf(i, suburbs[i%3], i)
	}
	files[prefix+"odd/gzip.json.gz"] = zipped(homeOf(300, "Carlton", 300))
	files[prefix+"odd/bom.json"] = append([]byte("\xEF\xBB\xBF"), homeOf(301, "Carlton", 301)...)
	files[prefix+"odd/lines.jsonl"] = slices.Concat(homeOf(302, "Fitzroy", 302), []byte("\n\n"), homeOf(303, "Fitzroy", 303), []byte("\n"))
	files[prefix+"odd/array.json"] = slices.Concat([]byte("["), homeOf(304, "Northcote", 304), []byte(","), homeOf(305, "Northcote", 305), []byte("]"))
	files[prefix+"odd/lonely.json"] = homeOf(306, "Thornbury", 306) // Too small a segment.
	files[prefix+"odd/küche mit%20.json"] = homeOf(307, "Carlton", 307)
	failed = map[string]pipeline.Reason{
		prefix + "bad/empty.json": pipeline.FileEmpty, prefix + "bad/broken.json": pipeline.FileNotJSON, prefix + "bad/no-key.json": pipeline.FileNoKey,
		prefix + "bad/no-suburb.json": pipeline.FileMissing, prefix + "bad/price.json": pipeline.FileWrongType, prefix + "bad/deep.json": pipeline.FileTooDeep,
		prefix + "bad/huge.json": pipeline.FileTooLarge, prefix + "bad/zip.json.gz": pipeline.FileNotJSON,
	}
	maps.Copy(files, map[string][]byte{
		prefix + "bad/empty.json": nil, prefix + "bad/broken.json": []byte(`{"id":`), prefix + "bad/no-key.json": []byte(`{"address":{"suburb":"Carlton"}}`),
		prefix + "bad/no-suburb.json": []byte(`{"id":"x"}`), prefix + "bad/price.json": []byte(`{"id":"x","address":{"suburb":"Carlton"},"price":"dear"}`),
		prefix + "bad/deep.json": []byte(strings.Repeat("[", 2000) + strings.Repeat("]", 2000)),
		prefix + "bad/huge.json": bytes.Repeat([]byte(" "), 17<<20), prefix + "bad/zip.json.gz": zipped(homeOf(1, "Carlton", 1))[:20],
	})
	return files, failed
}

// TestAccPipeline takes an upload through to the manifest, with every figure
// exact; then the same message again, a replay of the failures, and a later upload.
func TestAccPipeline(t *testing.T) {
	p := newAgency(t, nil)
	p.settled(p.config)
	files, failed := uploads("homes/1/")
	p.upload(files)
	p.upload(map[string][]byte{"homes/2/other.json": homeOf(900, "Carlton", 1)})
	start := `{"run":"first","prefix":"homes/1/"}`
	p.starts(start)
	p.starts(start)
	r := p.report("first")
	ingested, items := int64(306), int64(308)
	if want := (pipeline.Report{
		Run: "first", Prefix: "homes/1/", Files: int64(len(files)), Ingested: ingested, Failed: int64(len(failed)), Items: items, Segments: 4, ByReason: byReason(failed),
		Chunks:  4, // The huge file is one, so that those before it are one, too.
		Started: r.Started, ListedAt: r.ListedAt, IngestedAt: r.IngestedAt, DoneAt: r.DoneAt, Bytes: r.Bytes, Calls: r.Calls, WriteUnits: items,
		CostUSD: float64(400*int64(len(files))+625*items) / 1e9, // Forty cents for a million reads, 62.5 for a million writes.
	}); fmt.Sprintf("%+v", r) != fmt.Sprintf("%+v", want) {
		t.Errorf("the report is\n%+v, want\n%+v", r, want)
	}
	p.publishes("first", map[string]int64{"Carlton": 103, "Fitzroy": 102, "Brunswick": 100, "Northcote": 2})
	if n := p.held("items"); n != int(items) {
		t.Errorf("there are %d items, want %d", n, items)
	}
	if got := p.item("items", "home-307"); got["suburb"] != "Carlton" || got["price"] != "307" || got["run"] != "first" {
		t.Errorf("home-307 is %v", got)
	}
	var brunswick pipeline.Segment
	if err := p.result(pipeline.MetadataObject("first", pipeline.SegmentID("Brunswick")), &brunswick); err != nil {
		t.Fatal(err)
	}
	// Its prices are 2, 5, 8 to 299.
	if f := brunswick.Metrics["price"]; f.Count != 100 || f.Sum != 15050 || f.Mean != 150.5 || f.Min != 2 || f.Max != 299 || f.Percentiles["50"] < 147 || f.Percentiles["50"] > 154 {
		t.Errorf("the prices of Brunswick are %+v", f)
	}
	if got := p.failures("first"); !maps.Equal(got, failed) {
		t.Errorf("failed are %v, want %v", got, failed)
	}

	// The same message is the same run: nothing is listed again.
	before := p.item("runs", "first")
	p.starts(start)
	p.sweeps()
	if after := p.item("runs", "first"); !maps.Equal(before, after) {
		t.Errorf("the run was %v, is %v", before, after)
	}

	// Two of the failed files are mended, and the failures taken again.
	p.upload(map[string][]byte{"homes/1/bad/empty.json": homeOf(400, "Thornbury", 400), "homes/1/bad/broken.json": homeOf(401, "Carlton", 401)})
	p.controls(pipeline.ControlRequest{Action: pipeline.ActionReplay, Run: "first", FailedOnly: true, As: "again"})
	if r := p.report("again"); r.Files != int64(len(failed)) || r.Ingested != 2 || r.Failed != int64(len(failed))-2 || r.Items != 2 || r.ReplayOf != "first" || r.Prefix != "homes/1/" {
		t.Errorf("the report of the replay is %+v", r)
	}
	if runs := p.controls(pipeline.ControlRequest{Action: pipeline.ActionRuns, Last: 10}).Runs; len(runs) != 2 || runs[0].Run != "again" || runs[0].State != pipeline.Done || runs[1].Run != "first" {
		t.Errorf("the runs are %+v", runs)
	}
	p.publishes("again", map[string]int64{"Carlton": 104, "Fitzroy": 102, "Brunswick": 100, "Northcote": 2, "Thornbury": 2})

	p.usesItsGrants()
	p.settled(p.config)
	p.gone(p.a)
}

func byReason(failed map[string]pipeline.Reason) map[pipeline.Reason]int64 {
	out := map[pipeline.Reason]int64{}
	for _, reason := range failed {
		out[reason]++
	}
	return out
}

// publishes checks that readers see a run's segments, with so many items each.
func (p *agency) publishes(run string, want map[string]int64) {
	p.t.Helper()
	var m pipeline.Manifest
	if err := p.result(pipeline.ManifestObject, &m); err != nil {
		p.t.Fatal(err)
	}
	got := map[string]int64{}
	for _, s := range m.Segments {
		got[s.Value] = s.Count
		var described pipeline.Segment
		if err := p.result(s.Key, &described); err != nil || described.Count != s.Count || described.Value != s.Value {
			p.t.Errorf("the metadata of %s is %+v: %v", s.Value, described, err)
		}
	}
	if m.Run != run || !maps.Equal(got, want) {
		p.t.Errorf("published is %s with %v, want %s with %v", m.Run, got, run, want)
	}
	if !slices.IsSortedFunc(m.Segments, func(a, b pipeline.ManifestEntry) int { return int(b.Count - a.Count) }) {
		p.t.Errorf("the segments are not in the order of their size: %+v", m.Segments)
	}
}

// controls calls the function of that name, as operators' commands do.
func (p *agency) controls(r pipeline.ControlRequest) (c pipeline.Controlling) {
	p.t.Helper()
	payload, err := json.Marshal(r)
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := lambda.NewFromConfig(p.a.aws(home)).Invoke(p.t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(stateTexts(p.t, p.state, "function_names")["control"]), Qualifier: aws.String("live"), Payload: payload,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if out.FunctionError != nil || json.Unmarshal(out.Payload, &c) != nil {
		p.t.Fatalf("control %s: %s", payload, out.Payload)
	}
	return c
}

// failures are the failed files of a run, by their keys.
func (p *agency) failures(run string) map[string]pipeline.Reason {
	p.t.Helper()
	all := map[string]pipeline.Reason{}
	for _, f := range p.controls(pipeline.ControlRequest{Action: pipeline.ActionFailed, Run: run}).Failures {
		all[f.Key] = f.Reason
	}
	return all
}

// usesItsGrants: nothing was refused, and the functions have used all that their
// roles grant, but for what the blueprint explains.
func (p *agency) usesItsGrants() {
	p.t.Helper()
	if local.Proof() == nil {
		return // The endpoint judges by itself.
	}
	for _, d := range local.Proof().Denials(string(p.a)) {
		p.t.Errorf("%s was refused %s on %s: %s", d.Principal, d.Action, d.Resource, d.Message)
	}
	arguments, err := json.Marshal(p.config)
	if err != nil {
		p.t.Fatal(err)
	}
	system, _ := systems.Find("recommendation_pipeline")
	b, diags := system.Resource().Describe(p.t.Context(), "homes", arguments, nil)
	if diags.HasError() {
		p.t.Fatal(diags)
	}
	roles := map[string]string{}
	for key, arn := range stateTexts(p.t, p.state, "role_arns") {
		roles[arn] = key + "-role"
	}
	if _, ok := b.Part("lister-role").Spec.(blueprint.RoleSpec); !ok {
		p.t.Fatal("the role of lister is not described")
	}
	if unused := unused(p.t, b, roles); len(unused) > 0 {
		p.t.Errorf("granted, never used and not explained:\n%s", strings.Join(unused, "\n"))
	}
}
