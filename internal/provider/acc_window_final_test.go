package provider_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/exportcheck"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/votecheck"
)

const (
	// finalWithin is longer than a window takes from closing to its final figures
	// here: ten seconds of grace, a minute of silence in the queue, and the time-out
	// of its recorder.
	finalWithin = 3 * time.Minute
	// openFor is long enough to vote on a busy machine.
	openFor = 15 * time.Second
)

// TestAccWindowFinal goes from a rehearsal to final figures, their export, and
// what is released from quarantine after that; and finds nothing of a voter in
// whatever AWS keeps.
func TestAccWindowFinal(t *testing.T) {
	now := time.Now()
	e := newEvening(t, "finals", map[string]any{
		"opens_at": clockTime(now.Add(time.Hour)), "closes_at": clockTime(now.Add(2 * time.Hour)), "grace_seconds": 10, "voter_pattern": "zz[0-9]{8}qx",
		"quarantine": map[string]any{"votes_per_address": 5}, "retention_days": 30, "export": map[string]any{"sign": true},
		"functions": map[string]any{"recorder": map[string]any{"timeout_seconds": 5}, "publisher": map[string]any{"timeout_seconds": 30}},
	})
	defer e.end()
	e.voter = func(i int) string { return fmt.Sprintf("zz%08dqx", i) }
	e.rehearse()

	closes := time.Now().Add(openFor).Truncate(time.Second).Add(time.Second)
	e.change(map[string]any{"opens_at": clockTime(time.Now().Add(-time.Minute)), "closes_at": clockTime(closes)})
	e.tick("publisher")
	const byAddress, byNobody, tooLate = 30, 40, 10
	e.cast(0, byAddress, overHTTP(e.output("vote_url")))
	e.cast(byAddress, byNobody, toQueue(sqs.NewFromConfig(e.a.aws(home)), e.output("votes_queue_url"))) // These have no address.
	e.books(byAddress + byNobody)
	<-time.After(time.Until(closes.Add(time.Second)))
	for i := range tooLate {
		voter := e.voter(1000 + i)
		a, err := post(t.Context(), e.output("vote_url"), ballotOf(voter, "anna"))
		if err != nil || a.status != http.StatusAccepted || !a.Late {
			t.Fatalf("a late vote got %+v, %v", a, err)
		}
		e.accept(voter, a.ID)
	}

	first := e.final(0)
	report := e.books(first.Total)
	if report.Counts.Quarantined == 0 || report.Counts.Counted()+report.Counts.Quarantined != byAddress+byNobody {
		t.Errorf("%d votes count and %d are in quarantine, of %d with an address and %d without", report.Counts.Counted(), report.Counts.Quarantined, byAddress, byNobody)
	}
	equal(t, "late votes", report.Counts.Late, tooLate)
	e.agree(first, report)
	e.exported(report)

	var released votingwindow.Quarantining
	e.call("quarantine", `{"action":"release","rule":"rate"}`, &released)
	equal(t, "released ballots", released.Total, report.Counts.Quarantined)
	equal(t, "the figures are counted again", released.Recount, true)
	second := e.final(first.Version)
	equal(t, "votes after the release", second.Total, byAddress+byNobody)
	report = e.books(byAddress + byNobody)
	e.agree(second, report)
	e.exported(report)

	e.expire()
	if status, _ := e.get("https://" + e.output("results_bucket") + ".s3." + home + ".amazonaws.com/" + votingwindow.LedgerObject); status != http.StatusForbidden {
		t.Errorf("%s is answered with %d to everybody", votingwindow.LedgerObject, status)
	}
	e.forgetsVoters()
	e.settled(e.config)
}

// rehearse casts votes before the opening, sees their figures, and resets them.
func (e *evening) rehearse() {
	e.t.Helper()
	const n = 12
	for i := range n {
		voter := e.voter(2000 + i)
		a, err := post(e.t.Context(), e.output("vote_url"), fmt.Sprintf(`{"voter":%q,"answer":"anna","rehearsal":true}`, voter))
		if err != nil || a.status != http.StatusAccepted {
			e.t.Fatalf("a rehearsal's vote got %+v, %v", a, err)
		}
		e.identifiers = append(e.identifiers, voter)
	}
	tables, names := votecheck.Tables(e.a.aws(home)), stateTexts(e.t, e.state, "table_names")
	rehearsed := func() int {
		ballots, _, err := votecheck.Read(e.t.Context(), tables, names["ballots"], names["ledger"])
		if err != nil {
			e.t.Fatal(err)
		}
		return len(ballots)
	}
	eventually(e.t, endsWithin, func() error {
		if have := rehearsed(); have != n {
			return fmt.Errorf("there are %d ballots of the rehearsal", have)
		}
		return nil
	})
	e.tick("publisher")
	eventually(e.t, endsWithin, func() error {
		if r := e.published(); r.Status != votingwindow.StatusRehearsal || r.Total != n {
			return fmt.Errorf("the results of the rehearsal are %+v", r)
		}
		return nil
	})
	var removed votingwindow.Removed
	e.call("reset", "{}", &removed)
	equal(e.t, "ballots that the reset removed", removed.Ballots, n)
	equal(e.t, "ballots after the reset", rehearsed(), 0)
}

// publisherLives is how long a publisher works whose time-out is 30 seconds.
const publisherLives = 20 * time.Second

// final waits for final results after a version of them. It calls publishers as
// the schedule does, if more often: these live for a sixth as long.
func (e *evening) final(after int64) (r votingwindow.Results) {
	e.t.Helper()
	next := time.Now()
	eventually(e.t, finalWithin, func() error {
		if time.Now().After(next) {
			e.tick("publisher")
			next = next.Add(publisherLives / 2)
		}
		if r = e.published(); r.Status != votingwindow.StatusFinal || r.Version <= after {
			return fmt.Errorf("the results are %+v", r)
		}
		return nil
	})
	return r
}

// agree checks that tables, results, the ledger's sums and a recount say the same.
func (e *evening) agree(r votingwindow.Results, report votecheck.Report) {
	e.t.Helper()
	var ledger votingwindow.LedgerSummary
	eventually(e.t, endsWithin, func() error { // It is written after the results.
		if err := json.Unmarshal(e.object(e.output("results_bucket"), votingwindow.LedgerObject), &ledger); err != nil {
			return err
		}
		if ledger.Status != votingwindow.StatusFinal || ledger.Released != report.Counts.Released {
			return fmt.Errorf("the ledger is %+v", ledger)
		}
		return nil
	})
	var recounted votingwindow.Recounted
	e.call("recount", "{}", &recounted)
	if err := votecheck.CheckFinal(report.Counts, r, ledger, recounted); err != nil {
		e.t.Error(err)
	}
	equal(e.t, "accepted votes", ledger.Accepted, int64(len(e.accepted)))
}

// exported has the export written, and verifies it with the key that KMS gives.
func (e *evening) exported(report votecheck.Report) {
	e.t.Helper()
	var written votingwindow.Exported
	e.call("export", `{"scheduled":true}`, &written)
	if written.Skipped != "" {
		e.t.Fatalf("the export is skipped: %s", written.Skipped)
	}
	files := fstest.MapFS{}
	for key, body := range e.objects(e.output("records_bucket")) {
		if path.Dir(key)+"/" == written.Prefix {
			files[path.Base(key)] = &fstest.MapFile{Data: body}
		}
	}
	public, err := kms.NewFromConfig(e.a.aws(home)).GetPublicKey(e.t.Context(), &kms.GetPublicKeyInput{KeyId: aws.String(e.output("signing_key_arn"))})
	if err != nil {
		e.t.Fatal(err)
	}
	key, err := exportcheck.PublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public.PublicKey}))
	if err != nil {
		e.t.Fatal(err)
	}
	verified, err := exportcheck.Verify(files, key)
	if err != nil {
		e.t.Fatal(err)
	}
	equal(e.t, "the export is signed", verified.Signed, true)
	equal(e.t, "exported ballots", verified.Ballots, report.Counts.Counted()+report.Counts.Quarantined)
	equal(e.t, "exported entries", verified.Entries, report.Counts.Late)
	var again votingwindow.Exported
	e.call("export", `{"scheduled":true}`, &again)
	if again.Skipped == "" {
		e.t.Errorf("the same figures are exported again: %+v", again)
	}
	manifest := files[votingwindow.ManifestFile].Data
	files[votingwindow.ManifestFile] = &fstest.MapFile{Data: append([]byte(" "), manifest...)}
	if _, err := exportcheck.Verify(files, key); err == nil {
		e.t.Error("a manifest that was changed is verified")
	}
}

// objects are all objects of a bucket.
func (e *evening) objects(bucket string) map[string][]byte {
	e.t.Helper()
	out := map[string][]byte{}
	pages := s3.NewListObjectsV2Paginator(s3.NewFromConfig(e.a.aws(home), func(o *s3.Options) { o.UsePathStyle = true }), &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(e.t.Context())
		if err != nil {
			e.t.Fatal(err)
		}
		for _, o := range page.Contents {
			out[aws.ToString(o.Key)] = e.object(bucket, aws.ToString(o.Key))
		}
	}
	return out
}

// expire checks that DynamoDB deletes ballots and ledger in thirty days.
func (e *evening) expire() {
	e.t.Helper()
	client, names := dynamodb.NewFromConfig(e.a.aws(home)), stateTexts(e.t, e.state, "table_names")
	closes, err := time.Parse(time.RFC3339, e.output("closes_at"))
	if err != nil {
		e.t.Fatal(err)
	}
	for _, key := range []string{"ballots", "ledger"} {
		out, err := client.DescribeTimeToLive(e.t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: aws.String(names[key])})
		if err != nil {
			e.t.Fatal(err)
		}
		equal(e.t, "the time to live of "+key, out.TimeToLiveDescription.TimeToLiveStatus, dynamotypes.TimeToLiveStatusEnabled)
		equal(e.t, "the attribute of "+key, aws.ToString(out.TimeToLiveDescription.AttributeName), votingwindow.ExpiresAttribute)
	}
	ballots, ledger, err := votecheck.Read(e.t.Context(), votecheck.Tables(e.a.aws(home)), names["ballots"], names["ledger"])
	if err != nil {
		e.t.Fatal(err)
	}
	for _, b := range ballots {
		equal(e.t, "when a ballot expires", b.Expires.UTC(), closes.AddDate(0, 0, 30))
	}
	for _, l := range ledger {
		equal(e.t, "when an entry expires", l.Expires.UTC(), closes.AddDate(0, 0, 30))
	}
}

// senderAddress is the address of all who vote here, not that of an endpoint of
// the local AWS.
var senderAddress = regexp.MustCompile(`127\.0\.0\.1([^:0-9]|$)`)

// forgetsVoters checks that no identifier and no address is in a table, an object
// or a log.
func (e *evening) forgetsVoters() {
	e.t.Helper()
	looked := map[string]int{}
	look := func(sort, where string, text []byte) {
		looked[sort]++
		for _, identifier := range e.identifiers {
			if bytes.Contains(text, []byte(identifier)) {
				e.t.Errorf("the identifier %s is in %s", identifier, where)
				return
			}
		}
		if senderAddress.Match(text) {
			e.t.Errorf("an address is in %s: %.300s", where, text)
		}
	}
	client := dynamodb.NewFromConfig(e.a.aws(home))
	for _, table := range stateTexts(e.t, e.state, "table_names") {
		out, err := client.Scan(e.t.Context(), &dynamodb.ScanInput{TableName: aws.String(table)})
		if err != nil {
			e.t.Fatal(err)
		}
		for _, item := range out.Items {
			look("items", table, fmt.Append(nil, plainItem(item)))
		}
	}
	for _, bucket := range []string{e.output("results_bucket"), e.output("records_bucket")} {
		for key, body := range e.objects(bucket) {
			if path.Ext(key) == ".gz" {
				body = unpacked(e.t, body)
			}
			look("objects", key, body)
		}
	}
	if err := eachLog(e.t.Context(), cloudwatchlogs.NewFromConfig(e.a.aws(home)), func(group, message string) { look("log lines", group, []byte(message)) }); err != nil {
		e.t.Fatal(err)
	}
	for sort, least := range map[string]int{"items": 80, "objects": 13, "log lines": 20} {
		if looked[sort] < least {
			e.t.Errorf("looked at %d %s, should be at least %d", looked[sort], sort, least)
		}
	}
}

func plainItem(item map[string]dynamotypes.AttributeValue) string {
	text := ""
	for name, v := range item {
		switch v := v.(type) {
		case *dynamotypes.AttributeValueMemberS:
			text += name + "=" + v.Value + "\n"
		case *dynamotypes.AttributeValueMemberN:
			text += name + "=" + v.Value + "\n"
		default:
			text += fmt.Sprintf("%s=%+v\n", name, v)
		}
	}
	return text
}

func unpacked(t *testing.T, packed []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return text
}

// eachLog visits every line in every log group.
func eachLog(ctx context.Context, client *cloudwatchlogs.Client, visit func(group, message string)) error {
	groups := cloudwatchlogs.NewDescribeLogGroupsPaginator(client, &cloudwatchlogs.DescribeLogGroupsInput{})
	for groups.HasMorePages() {
		page, err := groups.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, g := range page.LogGroups {
			events := cloudwatchlogs.NewFilterLogEventsPaginator(client, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: g.LogGroupName})
			for events.HasMorePages() {
				found, err := events.NextPage(ctx)
				if err != nil {
					return err
				}
				for _, line := range found.Events {
					visit(aws.ToString(g.LogGroupName), aws.ToString(line.Message))
				}
			}
		}
	}
	return nil
}
