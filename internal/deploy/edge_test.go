package deploy

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// site is a made-up system of a page that a distribution serves, or the bucket
// itself.
func site(cdn bool, logo string) *blueprint.Builder {
	b := blueprint.NewBuilder(settings())
	k := blueprint.Bucket{Origin: cdn}
	if !cdn {
		k.PublicRead = []string{"index.html", "logo.png"}
	}
	pages := b.Bucket("pages", k)
	b.Object("page", pages, "index.html", blueprint.Object{ContentType: "text/html", CacheControl: "max-age=60", Content: "<p>"})
	b.File("logo", pages, "logo.png", blueprint.File{Path: logo, CacheControl: "max-age=60"})
	b.Output("url", pages.URL())
	if cdn {
		function := b.EdgeFunction("switch", blueprint.EdgeFunction{Code: "function handler(event) { return event.request; }"})
		d := b.Distribution("cdn", blueprint.Distribution{Origin: pages, ViewerRequest: &function, Objects: []string{"index.html", "logo.png"}})
		b.Output("url", d.URL())
	}
	return b
}

func logo(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "logo.png")
	if err := os.WriteFile(name, []byte("\x89PNG\xee\x80\x80binary"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// policyOf lists the statements of the bucket's policy.
func policyOf(t *testing.T, e *Engine, bucket string) []string {
	t.Helper()
	out, err := e.AWS.S3.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := blueprint.ParsePolicy(aws.ToString(out.Policy))
	if err != nil {
		t.Fatal(err)
	}
	var sids []string
	for _, s := range policy.Statement {
		sids = append(sids, s.Sid)
	}
	return sids
}

// TestDistributionComesAndGoes switches a distribution on and off before a
// bucket: whose policy it is changes with it, and nothing is left.
func TestDistributionComesAndGoes(t *testing.T) {
	e, account := newEngine(t, 3)
	png, bucket := logo(t), "one-tiny-pages-"+account+"-euc1"
	res := succeeded(t, e.Apply(t.Context(), input(site(true, png), true)))
	if url := res.Outputs["url"]; !strings.Contains(url, ".cloudfront.localhost:") {
		t.Errorf("the URL is %s", url)
	}
	if got, want := policyOf(t, e, bucket), []string{blueprint.SidReadByDistribution, "MissingByDistribution", "EncryptedTransport"}; !slices.Equal(got, want) {
		t.Errorf("the bucket's policy has %v, want %v", got, want)
	}
	mark := local.Gate().Meter().Mark()
	seen := succeeded(t, e.Observe(t.Context(), input(site(true, png), false)))
	if n, want := total(callsOf(mark, account)), e.ObserveCalls(site(true, png).Blueprint()); n != want || len(seen.Drift) != 0 {
		t.Errorf("observing made %d calls, the kinds declare %d; drift %v", n, want, seen.Drift)
	}
	mark = local.Gate().Meter().Mark()
	succeeded(t, e.Apply(t.Context(), input(site(true, png), false)))
	if got, want := callsOf(mark, account), map[string]int{"ssm GetParameter": 1, "ssm PutParameter": 2}; !maps.Equal(got, want) {
		t.Errorf("an apply of nothing made the calls %v", got)
	}
	succeeded(t, e.Apply(t.Context(), input(site(false, png), false)))
	if got, want := policyOf(t, e, bucket), []string{"PublicRead", "EncryptedTransport"}; !slices.Equal(got, want) {
		t.Errorf("without a distribution the policy has %v, want %v", got, want)
	}
	if got, want := inventory(t, account), 2; len(got) != want {
		t.Errorf("without a distribution there is %q", got)
	}
	succeeded(t, e.Apply(t.Context(), input(site(true, png), false)))
	if seen := succeeded(t, e.Observe(t.Context(), input(site(true, png), false))); len(seen.Drift) != 0 {
		t.Errorf("with a distribution again there is drift: %v", seen.Drift)
	}
	succeededGone(t, e, account, site(true, png))
}

// TestDistributionsAnswerIsLost: whatever call of CloudFront's loses its answer,
// the next apply finishes with one of each.
func TestDistributionsAnswerIsLost(t *testing.T) {
	png := logo(t)
	for _, operation := range []string{"CreateOriginAccessControl", "CreateDistributionWithTags", "CreateFunction", "PublishFunction", "GetDistribution"} {
		t.Run(operation, func(t *testing.T) {
			e, account := newEngine(t, 1)
			armed := arm(t, account, localaws.Fault{Service: "cloudfront", Operation: operation, Nth: 1, Kind: localaws.FaultLostAnswer})
			if res := e.Apply(t.Context(), input(site(true, png), true)); len(res.Failures) == 0 || !armed.Fired() {
				t.Fatalf("apply returned %+v", res)
			}
			succeeded(t, e.Apply(t.Context(), input(site(true, png), false)))
			var edges []string
			for _, line := range inventory(t, account) {
				kind, _, _ := strings.Cut(line, " ")
				if kind == "distribution" || kind == "origin" || kind == "edge" {
					edges = append(edges, kind)
				}
			}
			if want := []string{"distribution", "edge", "origin"}; !slices.Equal(edges, want) {
				t.Errorf("there is %v, want %v", edges, want)
			}
			succeededGone(t, e, account, site(true, png))
		})
	}
}

// TestFileChanges: what was planned of a file is what is written, or nothing.
func TestFileChanges(t *testing.T) {
	e, account := newEngine(t, 3)
	png := logo(t)
	b := site(false, png)
	if err := os.WriteFile(png, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	res := e.Apply(t.Context(), input(b, true))
	if len(res.Failures) != 1 || !strings.Contains(res.Failures[0].Detail, "he file "+png+" has changed since it was planned") {
		t.Errorf("apply returned %+v", res.Failures)
	}
	succeeded(t, e.Apply(t.Context(), input(site(false, png), false)))
	out, err := e.AWS.S3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("one-tiny-pages-" + account + "-euc1"), Key: aws.String("logo.png")})
	if err != nil || aws.ToString(out.ContentType) != "image/png" || aws.ToInt64(out.ContentLength) != 5 {
		t.Errorf("the logo is %+v (%v)", out, err)
	}
	succeededGone(t, e, account, site(false, png))
}
