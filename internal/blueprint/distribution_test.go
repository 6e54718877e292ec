package blueprint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// edgeSystem is a page before which there is a distribution.
func edgeSystem(change func(*Distribution)) (*Builder, DistributionHandle) {
	s := testSettings()
	s.KMSKeyARN = "arn:aws:kms:eu-central-1:123456789012:key/1"
	b := NewBuilder(s)
	d := Distribution{Origin: b.Bucket("pages", Bucket{Origin: true}), Objects: []string{"index.html", "assets/*"}}
	if change != nil {
		change(&d)
	}
	return b, b.Distribution("cdn", d)
}

func TestDistribution(t *testing.T) {
	b, d := edgeSystem(nil)
	blue := b.Blueprint()
	if problems := blue.Validate(); len(problems) != 0 {
		t.Fatal(problems)
	}
	var keys []string
	after := map[string][]string{}
	for _, p := range blue.Parts {
		keys = append(keys, p.Key)
		after[p.Key] = blue.Dependencies(p)
	}
	if want := []string{"pages", "cdn-access", "cdn", "pages-policy"}; !slices.Equal(keys, want) {
		t.Errorf("the parts are %v, want %v", keys, want)
	}
	// The bucket is before the distribution, and its policy after both.
	want := map[string][]string{"pages": nil, "cdn-access": nil, "cdn": {"cdn-access", "pages"}, "pages-policy": {"cdn", "pages"}}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	bucket, _ := blue.Part("pages").Spec.(BucketSpec)
	if !bucket.BlockPublic || bucket.Encryption != "AES256" || len(bucket.Policy.Statement) != 0 || !slices.Equal(blue.Part("pages").RuntimeOwned, []string{"policy"}) {
		t.Errorf("the bucket is %+v", bucket)
	}
	policy, _ := blue.Part("pages-policy").Spec.(BucketPolicySpec)
	read := policy.Policy.Statement[0]
	if got := Readable(strings.Join(read.Resource, " ")); got != "arn:${aws.partition}:s3:::${pages.name}/assets/* arn:${aws.partition}:s3:::${pages.name}/index.html" {
		t.Errorf("it reads %s", got)
	}
	if got, want := read.Condition["StringEquals"]["aws:SourceArn"], []string{d.ARN()}; !slices.Equal(got, want) {
		t.Errorf("it is let in as %v, want %v", got, want)
	}
	if got, want := Readable(d.ARN()), "arn:${aws.partition}:cloudfront::${aws.account}:distribution/${cdn.id}"; got != want {
		t.Errorf("its ARN is %s, want %s", got, want)
	}
	spec, _ := blue.Part("cdn").Spec.(DistributionSpec)
	if got, want := Readable(spec.Origin), "${pages.name}.s3.${aws.region}.amazonaws.com"; got != want {
		t.Errorf("the origin is %s, want %s", got, want)
	}
	if !strings.Contains(blue.Diagram(), `n_pages -->|"cached by"| n_cdn`) || !strings.Contains(blue.Diagram(), `n_cdn -->|"over HTTPS"| n_anyone`) {
		t.Errorf("the diagram is\n%s", blue.Diagram())
	}
}

func TestDistributionServes(t *testing.T) {
	var f EdgeFunctionHandle
	b, d := edgeSystem(nil)
	want := []Operation{{Part: "cdn", Action: Deliver, Count: 10, Bytes: 700}, {Part: "pages", Action: GetObject, Count: 2.5}}
	if diff := cmp.Diff(want, d.Serves(10, 700, 0.75)); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	f = b.EdgeFunction("switch", EdgeFunction{Code: "x"})
	d.edge = &f
	if got := d.Serves(10, 700, 1); got[2] != (Operation{Part: "switch", Action: RunAtEdge, Count: 10}) {
		t.Errorf("with a function it does %v", got)
	}
}

func TestValidateEdge(t *testing.T) {
	cert := "arn:aws:acm:eu-central-1:123456789012:certificate/1"
	edge := func(change func(*Distribution)) func() *Builder {
		return func() *Builder { b, _ := edgeSystem(change); return b }
	}
	for name, c := range map[string]struct {
		build func() *Builder
		part  string
		says  string
	}{
		"a certificate elsewhere": {edge(func(d *Distribution) { d.Domains, d.CertificateARN = []string{"a.example"}, cert }), "cdn", "in us-east-1"},
		"domains without one":     {edge(func(d *Distribution) { d.Domains = []string{"a.example"} }), "cdn", "go together"},
		"a bucket with a policy": {func() *Builder {
			b := NewBuilder(testSettings())
			b.Distribution("cdn", Distribution{Origin: b.Bucket("pages", Bucket{})})
			return b
		}, "cdn", `the bucket "pages" is no origin`},
		"an object without Cache-Control": {func() *Builder {
			b, d := edgeSystem(nil)
			b.Object("page", d.origin, "index.html", Object{})
			return b
		}, "page", "for a day"},
		"a file that is not there": {func() *Builder {
			b, d := edgeSystem(nil)
			b.File("logo", d.origin, "logo.png", File{Path: "/nowhere/logo.png", CacheControl: "max-age=60"})
			return b
		}, "logo", "open /nowhere/logo.png"},
		"a website over TLS only": {func() *Builder {
			b := NewBuilder(testSettings())
			b.Website("site", b.Bucket("pages", Bucket{PublicRead: []string{"*"}}), Website{})
			return b
		}, "site", "make it with PlainHTTP"},
		"long code": {func() *Builder {
			b := NewBuilder(testSettings())
			b.EdgeFunction("switch", EdgeFunction{Code: strings.Repeat("x", 10<<10+1)})
			return b
		}, "switch", "up to 10241 bytes; AWS takes at most 10240"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := c.build().Blueprint().Validate()
			if len(problems) != 1 || problems[0].Part != c.part || !strings.Contains(problems[0].Message, c.says) {
				t.Errorf("the problems are %v, want one of %s that says %q", problems, c.part, c.says)
			}
		})
	}
}

func TestWebsiteIsReadWithoutTLS(t *testing.T) {
	b := NewBuilder(testSettings())
	b.Website("site", b.Bucket("pages", Bucket{PublicRead: []string{"*"}, PlainHTTP: true}), Website{})
	blue := b.Blueprint()
	if problems := blue.Validate(); len(problems) != 0 {
		t.Fatal(problems)
	}
	bucket, _ := blue.Part("pages").Spec.(BucketSpec)
	for _, s := range bucket.Policy.Statement {
		if s.Effect == "Deny" && !slices.Equal(s.Action, []string{"s3:Delete*", "s3:List*", "s3:Put*"}) {
			t.Errorf("without TLS it refuses %v", s.Action)
		}
	}
	if site, _ := blue.Part("site").Spec.(WebsiteSpec); site.Index != "index.html" {
		t.Errorf("the website is %+v", site)
	}
}

// A file's content is in no spec; its digest and type are.
func TestFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "brand.SVG")
	content := []byte("<svg/>\xee\x80\x80")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	b := NewBuilder(testSettings())
	bucket := b.Bucket("pages", Bucket{})
	b.File("logo", bucket, "logo.svg", File{Path: name})
	b.File("same", bucket, "same", File{Path: name})
	b.File("carried", bucket, "app.js", File{Bytes: content, CacheControl: "max-age=4"})
	b.File("named", bucket, "studio", File{Bytes: content, ContentType: "text/html"})
	b.File("unknown", bucket, "what.xyz", File{Path: Unknown("logo")})
	blue := b.Blueprint()
	types := map[string]string{}
	for _, key := range []string{"logo", "same", "carried", "named", "unknown"} {
		p := blue.Part(key)
		s, _ := p.Spec.(ObjectSpec)
		types[key] = s.ContentType
		if _, known := blue.Digest(p); known != (key != "unknown") {
			t.Errorf("%s: its digest is known: %t", key, known)
		}
		if key == "unknown" {
			continue
		}
		resolved, err := ResolveSpec(s, func(text string) (string, error) { return text, nil })
		if err != nil {
			t.Fatal(err)
		}
		o, _ := resolved.(ObjectSpec)
		if read, err := o.Content(); err != nil || string(read) != string(content) || o.SHA256 != digest(content) {
			t.Errorf("%s: the content is %q (%v), its digest %s", key, read, err, o.SHA256)
		}
	}
	want := map[string]string{
		"logo": "image/svg+xml", "same": "image/svg+xml", "carried": "text/javascript; charset=utf-8", "named": "text/html", "unknown": "application/octet-stream",
	}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	if strings.Contains(string(blue.Render()), "<svg/>") {
		t.Error("the content is in the blueprint")
	}
}
