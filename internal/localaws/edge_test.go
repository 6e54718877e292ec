package localaws

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const cachingOptimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"

// distributed makes a bucket that only a distribution may read, and list, and returns the configuration that it was made with.
func distributed(t *testing.T, cfg aws.Config, change func(*cftypes.DistributionConfig)) *cftypes.Distribution {
	t.Helper()
	buckets, edges := s3.NewFromConfig(cfg), cloudfront.NewFromConfig(cfg)
	must[*s3.CreateBucketOutput](t)(buckets.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("pages"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: testRegion},
	}))
	access := must[*cloudfront.CreateOriginAccessControlOutput](t)(edges.CreateOriginAccessControl(t.Context(), &cloudfront.CreateOriginAccessControlInput{
		OriginAccessControlConfig: &cftypes.OriginAccessControlConfig{
			Name: aws.String("pages"), OriginAccessControlOriginType: "s3", SigningBehavior: "always", SigningProtocol: "sigv4",
		},
	})).OriginAccessControl
	config := &cftypes.DistributionConfig{
		CallerReference: aws.String("pages"), Comment: aws.String(""), Enabled: aws.Bool(true), DefaultRootObject: aws.String("index.html"),
		Origins: &cftypes.Origins{Quantity: aws.Int32(1), Items: []cftypes.Origin{{
			Id: aws.String("pages"), DomainName: aws.String("pages.s3.eu-central-1.amazonaws.com"), OriginAccessControlId: access.Id,
			S3OriginConfig: &cftypes.S3OriginConfig{OriginAccessIdentity: aws.String("")},
		}}},
		DefaultCacheBehavior: &cftypes.DefaultCacheBehavior{
			TargetOriginId: aws.String("pages"), ViewerProtocolPolicy: "redirect-to-https", CachePolicyId: aws.String(cachingOptimized),
		},
		CustomErrorResponses: &cftypes.CustomErrorResponses{Quantity: aws.Int32(1), Items: []cftypes.CustomErrorResponse{
			{ErrorCode: aws.Int32(404), ErrorCachingMinTTL: aws.Int64(0)},
		}},
	}
	if change != nil {
		change(config)
	}
	d := must[*cloudfront.CreateDistributionOutput](t)(edges.CreateDistribution(t.Context(), &cloudfront.CreateDistributionInput{DistributionConfig: config})).Distribution
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":%q,"Resource":%q,"Condition":{"StringEquals":{"aws:SourceArn":%q}}},` +
		`{"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":%q,"Resource":%q,"Condition":{"StringEquals":{"aws:SourceArn":%q}}}]}`
	must[*s3.PutBucketPolicyOutput](t)(buckets.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{
		Bucket: aws.String("pages"), Policy: aws.String(fmt.Sprintf(policy, "s3:GetObject", "arn:aws:s3:::pages/*", *d.ARN, "s3:ListBucket", "arn:aws:s3:::pages", *d.ARN)),
	}))
	return d
}

func putPage(t *testing.T, cfg aws.Config, key, body, control string) {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: aws.String("pages"), Key: &key, Body: strings.NewReader(body), ContentType: aws.String("text/html")}
	if control != "" {
		in.CacheControl = &control
	}
	must[*s3.PutObjectOutput](t)(s3.NewFromConfig(cfg).PutObject(t.Context(), in))
}

// viewed is what a browser gets from a host behind the gate, without credentials.
func viewed(t *testing.T, host, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	at, err := url.Parse(local.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	request := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodGet, local.Endpoint()+path, http.NoBody))
	request.Host = host + ":" + at.Port()
	for name, values := range header {
		request.Header[name] = values
	}
	resp := must[*http.Response](t)(http.DefaultClient.Do(request))
	defer func() { _ = resp.Body.Close() }()
	return resp, string(must[[]byte](t)(io.ReadAll(resp.Body)))
}

func hostOf(d *cftypes.Distribution) string {
	label, _, _ := strings.Cut(*d.DomainName, ".")
	return label + ".cloudfront.localhost"
}

// TestEdgeKeepsWhatItMay: an edge answers from what it keeps until Cache-Control says otherwise, and says which it did.
func TestEdgeKeepsWhatItMay(t *testing.T) {
	cfg, mark := fresh(t)
	d := distributed(t, cfg, nil)
	putPage(t, cfg, "index.html", "first", "max-age=60")
	putPage(t, cfg, "results.json", "first", "max-age=1")
	ask := func(path string) (state, body string) {
		resp, body := viewed(t, hostOf(d), path, nil)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s gave %s %q", path, resp.Status, body)
		}
		if resp.Header.Get("Age") == "" != strings.HasPrefix(resp.Header.Get("X-Cache"), "Miss") && !strings.HasPrefix(resp.Header.Get("X-Cache"), "Refresh") {
			t.Errorf("X-Cache is %q and Age %q", resp.Header.Get("X-Cache"), resp.Header.Get("Age"))
		}
		return resp.Header.Get("X-Cache"), body
	}
	for _, path := range []string{"/", "/index.html"} {
		putPage(t, cfg, "index.html", "second", "max-age=60")
		want := map[string]string{"/": "Miss", "/index.html": "Hit"}[path]
		if state, body := ask(path); state != want+" from cloudfront" || body != "second" {
			t.Errorf("%s gave %q, %s", path, body, state)
		}
	}
	putPage(t, cfg, "index.html", "third", "max-age=60")
	if state, body := ask("/"); state != "Hit from cloudfront" || body != "second" {
		t.Errorf("what is kept is %q, %s", body, state)
	}
	ask("/results.json")
	putPage(t, cfg, "results.json", "second", "max-age=1")
	deadline := time.Now().Add(20 * time.Second)
	for _, body := ask("/results.json"); body != "second"; _, body = ask("/results.json") {
		if time.Now().After(deadline) {
			t.Fatal("what was kept for one second is still there")
		}
	}
	if n := local.Gate().Meter().Since(mark).Sum(Key{Service: "cloudfront-edge"}).Calls; n < 5 {
		t.Errorf("the gate counted %d viewers", n)
	}
	resp, _ := viewed(t, hostOf(d), "/", nil)
	if again, body := viewed(t, hostOf(d), "/", http.Header{"If-None-Match": {resp.Header.Get("Etag")}}); again.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("what the viewer has gave %s %q", again.Status, body)
	}
	must[*cloudfront.CreateInvalidationOutput](t)(cloudfront.NewFromConfig(cfg).CreateInvalidation(t.Context(), &cloudfront.CreateInvalidationInput{
		DistributionId: d.Id, InvalidationBatch: &cftypes.InvalidationBatch{CallerReference: aws.String("1"), Paths: &cftypes.Paths{Quantity: aws.Int32(1), Items: []string{"/*"}}},
	}))
	if state, body := ask("/"); state != "Miss from cloudfront" || body != "third" {
		t.Errorf("after an invalidation it is %q, %s", body, state)
	}
}

// TestEdgeTellsMissing: what is missing is 404 where the distribution may list, and seen at once when it is there. The bucket
// itself is closed.
func TestEdgeTellsMissing(t *testing.T) {
	cfg, _ := fresh(t)
	d := distributed(t, cfg, nil)
	if resp, _ := viewed(t, hostOf(d), "/results.json", nil); resp.StatusCode != http.StatusNotFound || resp.Header.Get("X-Cache") != "Error from cloudfront" {
		t.Errorf("what is missing gave %s, %s", resp.Status, resp.Header.Get("X-Cache"))
	}
	putPage(t, cfg, "results.json", "{}", "max-age=4")
	if resp, body := viewed(t, hostOf(d), "/results.json", nil); resp.StatusCode != http.StatusOK || body != "{}" {
		t.Errorf("it gave %s %q", resp.Status, body)
	}
	if resp, _ := viewed(t, "pages.s3.eu-central-1.localhost", "/results.json", nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("the bucket itself gave %s", resp.Status)
	}
}

// TestEdgeOfAnyAccount: viewers have no account, a distribution has.
func TestEdgeOfAnyAccount(t *testing.T) {
	fresh(t)
	cfg := local.Config(testRegion, "222222222222")
	d := distributed(t, cfg, nil)
	putPage(t, cfg, "index.html", "theirs", "max-age=4")
	if resp, body := viewed(t, hostOf(d), "/", nil); body != "theirs" {
		t.Errorf("it gave %s %q", resp.Status, body)
	}
}

// TestEdgeFunctionRuns: a function sees every request before what is kept does.
func TestEdgeFunctionRuns(t *testing.T) {
	cfg, _ := fresh(t)
	edges := cloudfront.NewFromConfig(cfg)
	made := must[*cloudfront.CreateFunctionOutput](t)(edges.CreateFunction(t.Context(), &cloudfront.CreateFunctionInput{
		Name: aws.String("switch"), FunctionConfig: &cftypes.FunctionConfig{Comment: aws.String(""), Runtime: "cloudfront-js-2.0"},
		FunctionCode: []byte(`function handler(event) {
			var request = event.request;
			if (request.headers['x-late']) { request.uri = '/late.html'; }
			return request;
		}`),
	}))
	must[*cloudfront.PublishFunctionOutput](t)(edges.PublishFunction(t.Context(), &cloudfront.PublishFunctionInput{Name: aws.String("switch"), IfMatch: made.ETag}))
	d := distributed(t, cfg, func(c *cftypes.DistributionConfig) {
		c.DefaultCacheBehavior.FunctionAssociations = &cftypes.FunctionAssociations{Quantity: aws.Int32(1), Items: []cftypes.FunctionAssociation{
			{EventType: "viewer-request", FunctionARN: made.FunctionSummary.FunctionMetadata.FunctionARN},
		}}
	})
	putPage(t, cfg, "index.html", "open", "max-age=60")
	putPage(t, cfg, "late.html", "closed", "max-age=60")
	for _, late := range []bool{false, true, false, true} {
		header, want := http.Header{}, "open"
		if late {
			header, want = http.Header{"X-Late": {"1"}}, "closed"
		}
		if resp, body := viewed(t, hostOf(d), "/", header); body != want {
			t.Errorf("late %t: %s %q", late, resp.Status, body)
		}
	}
}

// TestCloudFrontRefuses is about the local AWS behind the gate, which is made to refuse what AWS does.
func TestCloudFrontRefuses(t *testing.T) {
	cfg, _ := fresh(t)
	d := distributed(t, cfg, nil)
	edges := cloudfront.NewFromConfig(cfg)
	now := must[*cloudfront.GetDistributionOutput](t)(edges.GetDistribution(t.Context(), &cloudfront.GetDistributionInput{Id: d.Id}))
	_, err := edges.CreateDistribution(t.Context(), &cloudfront.CreateDistributionInput{DistributionConfig: now.Distribution.DistributionConfig})
	if codeOf(err) != "DistributionAlreadyExists" || !strings.Contains(err.Error(), "Already exists: "+*d.Id) {
		t.Errorf("the same reference gave %v", err)
	}
	config := now.Distribution.DistributionConfig
	control := config.Origins.Items[0].OriginAccessControlId
	access := must[*cloudfront.GetOriginAccessControlOutput](t)(edges.GetOriginAccessControl(t.Context(), &cloudfront.GetOriginAccessControlInput{Id: control}))
	if _, err := edges.DeleteOriginAccessControl(t.Context(), &cloudfront.DeleteOriginAccessControlInput{Id: control, IfMatch: access.ETag}); codeOf(err) != "OriginAccessControlInUse" {
		t.Errorf("deleting an access control in use gave %v", err)
	}
	config.Enabled = aws.Bool(false)
	disabled := must[*cloudfront.UpdateDistributionOutput](t)(edges.UpdateDistribution(t.Context(), &cloudfront.UpdateDistributionInput{Id: d.Id, IfMatch: now.ETag, DistributionConfig: config}))
	if got := aws.ToString(disabled.Distribution.Status); got != "InProgress" {
		t.Errorf("a distribution just changed is %s", got)
	}
	if _, err := edges.DeleteDistribution(t.Context(), &cloudfront.DeleteDistributionInput{Id: d.Id, IfMatch: disabled.ETag}); codeOf(err) != "DistributionNotDisabled" {
		t.Errorf("deleting it gave %v", err)
	}
	if resp, _ := viewed(t, hostOf(d), "/", nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a disabled distribution gave %s", resp.Status)
	}
}

// TestWebsite answers as S3's website endpoints do, under both forms of their names.
func TestWebsite(t *testing.T) {
	cfg, mark := fresh(t)
	client := s3.NewFromConfig(cfg)
	must[*s3.CreateBucketOutput](t)(client.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("pages"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: testRegion},
	}))
	must[*s3.DeletePublicAccessBlockOutput](t)(client.DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: aws.String("pages")}))
	must[*s3.PutBucketPolicyOutput](t)(client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String("pages"), Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":["arn:aws:s3:::pages/*.html"]}]}`,
	)}))
	if resp, _ := viewed(t, "pages.s3-website-us-east-1.localhost", "/", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a bucket without a website gave %s", resp.Status)
	}
	must[*s3.PutBucketWebsiteOutput](t)(client.PutBucketWebsite(t.Context(), &s3.PutBucketWebsiteInput{Bucket: aws.String("pages"), WebsiteConfiguration: &s3types.WebsiteConfiguration{
		IndexDocument: &s3types.IndexDocument{Suffix: aws.String("index.html")}, ErrorDocument: &s3types.ErrorDocument{Key: aws.String("error.html")},
	}}))
	for key, body := range map[string]string{"index.html": "all", "studio/index.html": "studio", "error.html": "none", "ledger.json": "{}"} {
		putPage(t, cfg, key, body, "")
	}
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/": {200, "all"}, "/index.html": {200, "all"}, "/studio/": {200, "studio"}, "/ledger.json": {403, "none"}, "/nothing.html": {403, "none"},
	} {
		for _, host := range []string{"pages.s3-website-us-east-1.localhost", "pages.s3-website.eu-central-1.localhost"} {
			resp, body := viewed(t, host, path, nil)
			if resp.StatusCode != want.status || body != want.body || want.status == 200 && resp.Header.Get("Content-Type") != "text/html" {
				t.Errorf("%s%s gave %s %q as %s", host, path, resp.Status, body, resp.Header.Get("Content-Type"))
			}
		}
	}
	if n := local.Gate().Meter().Since(mark).Sum(Key{Service: "s3", Operation: "GetObject"}).Calls; n < 10 {
		t.Errorf("the gate counted %d reads", n)
	}
}

// TestKeyValueStores: a store's ARN has its id, it takes a moment to be made, and a function has only one that is there.
func TestKeyValueStores(t *testing.T) {
	cfg, _ := fresh(t)
	edges := cloudfront.NewFromConfig(cfg)
	made := must[*cloudfront.CreateKeyValueStoreOutput](t)(edges.CreateKeyValueStore(t.Context(), &cloudfront.CreateKeyValueStoreInput{
		Name: aws.String("keys"), Tags: &cftypes.Tags{Items: []cftypes.Tag{{Key: aws.String("team"), Value: aws.String("shows")}}},
	})).KeyValueStore
	if !strings.HasSuffix(*made.ARN, ":key-value-store/"+*made.Id) {
		t.Errorf("the ARN is %s, the id %s", *made.ARN, *made.Id)
	}
	tags := must[*cloudfront.ListTagsForResourceOutput](t)(edges.ListTagsForResource(t.Context(), &cloudfront.ListTagsForResourceInput{Resource: made.ARN}))
	if len(tags.Tags.Items) != 1 || *tags.Tags.Items[0].Value != "shows" {
		t.Errorf("the tags are %+v", tags.Tags.Items)
	}
	function := func(arn *string) error {
		_, err := edges.CreateFunction(t.Context(), &cloudfront.CreateFunctionInput{
			Name: aws.String("gate"), FunctionCode: []byte("function handler(event) { return event.request; }"),
			FunctionConfig: &cftypes.FunctionConfig{Comment: aws.String(""), Runtime: cftypes.FunctionRuntimeCloudfrontJs20, KeyValueStoreAssociations: &cftypes.KeyValueStoreAssociations{
				Quantity: aws.Int32(1), Items: []cftypes.KeyValueStoreAssociation{{KeyValueStoreARN: arn}},
			}},
		})
		return err
	}
	other := strings.Replace(*made.ARN, *made.Id, "8d5d0ac6-0000-4000-8000-000000000001", 1)
	if err := function(&other); err == nil || !strings.Contains(err.Error(), "EntityNotFound") {
		t.Errorf("a function of a store that is not there gave %v", err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for status := aws.ToString(made.Status); status != "READY"; {
		if time.Now().After(deadline) {
			t.Fatalf("the store is still %s", status)
		}
		now := must[*cloudfront.DescribeKeyValueStoreOutput](t)(edges.DescribeKeyValueStore(t.Context(), &cloudfront.DescribeKeyValueStoreInput{Name: aws.String("keys")}))
		status = aws.ToString(now.KeyValueStore.Status)
	}
	if err := function(made.ARN); err != nil {
		t.Error(err)
	}
}
