package kinds

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// needDistribution makes a bucket, a distribution that reads it, and the policy
// that lets it.
func needDistribution(t *testing.T) *Target {
	t.Helper()
	made(t, testBucket, originBucket())
	access := made(t, testDistribution, accessControlBase())
	d := made(t, testDistribution, with(distributionBase(), func(s *blueprint.DistributionSpec) { s.AccessControl = access.Attributes["id"] }))
	made(t, testBucket, originPolicy(d.Attributes["id"]))
	return d
}

// TestDistributionServes reads through a distribution what nobody may read from
// its bucket.
func TestDistributionServes(t *testing.T) {
	begin(t)
	d := needDistribution(t)
	put(t, "index.html", "<p>vote</p>")
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/": {http.StatusOK, "<p>vote</p>"}, "/index.html": {http.StatusOK, "<p>vote</p>"}, "/results.json": {http.StatusForbidden, ""},
	} {
		if status, body := browse(t, d.Attributes["url"]+path); status != want.status || want.body != "" && body != want.body {
			t.Errorf("%s gave %d %q, want %d %q", path, status, body, want.status, want.body)
		}
	}
	if status, _ := browse(t, (bucket{env}).url(&Target{Name: testBucket})+"/index.html"); status != http.StatusForbidden {
		t.Errorf("the bucket itself gave %d", status)
	}
}

// TestWebsiteServes reads a website as a browser does.
func TestWebsiteServes(t *testing.T) {
	begin(t)
	public := publicBucket()
	public.Policy.Statement[0].Resource = []string{"arn:aws:s3:::" + testBucket + "/index.html", "arn:aws:s3:::" + testBucket + "/error.html"}
	made(t, testBucket, public)
	site := made(t, testBucket, blueprint.WebsiteSpec{Bucket: testBucket, Index: "index.html", Error: "error.html"})
	put(t, "index.html", "<p>vote</p>")
	put(t, "error.html", "<p>nothing here</p>")
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/": {http.StatusOK, "<p>vote</p>"}, "/private.json": {http.StatusForbidden, "<p>nothing here</p>"},
	} {
		if status, body := browse(t, site.Attributes["url"]+path); status != want.status || body != want.body {
			t.Errorf("%s gave %d %q, want %d %q", path, status, body, want.status, want.body)
		}
	}
}

func put(t *testing.T, key, body string) {
	t.Helper()
	if _, err := env.AWS.S3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(testBucket), Key: &key, Body: strings.NewReader(body)}); err != nil {
		t.Fatal(err)
	}
}

// browse gets an address without credentials. As a browser does, it finds every
// subdomain of localhost on this machine.
func browse(t *testing.T, address string) (status int, body string) {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = at.Host
	request.URL.Host = net.JoinHostPort("127.0.0.1", at.Port())
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestEdgeURLsOnAWS checks addresses where no endpoint is set.
func TestEdgeURLsOnAWS(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "http://b.s3-website-us-east-1.amazonaws.com", "eu-central-1": "http://b.s3-website.eu-central-1.amazonaws.com",
		"eu-west-1": "http://b.s3-website-eu-west-1.amazonaws.com", "cn-north-1": "http://b.s3-website.cn-north-1.amazonaws.com.cn",
	} {
		client, failure := awsclient.New(t.Context(), awsclient.Config{Region: region, AccessKey: "test", SecretKey: "test"})
		if failure != nil {
			t.Fatal(failure)
		}
		if got := (website{Env{AWS: client}}).url(&Target{Name: "b"}); got != want {
			t.Errorf("in %s the website's URL is %s, want %s", region, got, want)
		}
		if got, want := (distribution{Env{AWS: client}}).url("d1.cloudfront.net"), "https://d1.cloudfront.net"; got != want {
			t.Errorf("in %s the distribution's URL is %s, want %s", region, got, want)
		}
	}
}

// TestCloudFrontIsOne: its calls are signed for us-east-1 in every region.
func TestCloudFrontIsOne(t *testing.T) {
	begin(t)
	client, failure := awsclient.New(t.Context(), awsclient.Config{Region: "eu-central-1", AccessKey: "test", SecretKey: "test", Endpoint: local.Endpoint()})
	if failure != nil {
		t.Fatal(failure)
	}
	mark := local.Gate().Meter().Mark()
	if _, err := client.CloudFront.ListDistributions(t.Context(), &cloudfront.ListDistributionsInput{}); err != nil {
		t.Fatal(err)
	}
	if calls := local.Gate().Meter().Calls(mark); len(calls) != 1 || calls[0].Region != "us-east-1" {
		t.Errorf("the calls were %+v", calls)
	}
}

// TestReferenceOfDeleted makes a distribution although CloudFront remembers the
// reference of one that is gone, and never a second one beside one that is there.
func TestReferenceOfDeleted(t *testing.T) {
	begin(t)
	made(t, testBucket, originBucket())
	refuse := func(id string) {
		local.Gate().Faults().Clear()
		_, err := local.Gate().Faults().Add(localaws.Fault{
			Service: "cloudfront", Operation: "CreateDistributionWithTags", Nth: 1, Kind: localaws.FaultError,
			Code: "DistributionAlreadyExists", Message: "The caller reference that you are using to create a distribution is associated with another distribution. Already exists: " + id,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	refuse("EGONE")
	d := made(t, testDistribution, distributionBase())
	out, err := env.AWS.CloudFront.GetDistribution(t.Context(), &cloudfront.GetDistributionInput{Id: aws.String(d.Attributes["id"])})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(out.Distribution.DistributionConfig.CallerReference); got != testDistribution+"/1" {
		t.Errorf("the reference is %q", got)
	}
	same(t, distributionBase(), observe(t, "distribution", targetOf(testDistribution)))
	refuse(d.Attributes["id"])
	if _, err := drivers["distribution"].Create(t.Context(), targetOf(testDistribution), distributionBase()); !errors.Is(err, ErrPresent) {
		t.Errorf("Create gave %v", err)
	}
}

// TestForeignInDistribution leaves alone what others put into a distribution.
func TestForeignInDistribution(t *testing.T) {
	begin(t)
	d := needDistribution(t)
	client, id := env.AWS.CloudFront, aws.String(d.Attributes["id"])
	out, err := client.GetDistribution(t.Context(), &cloudfront.GetDistributionInput{Id: id})
	if err != nil {
		t.Fatal(err)
	}
	config := out.Distribution.DistributionConfig
	config.CustomErrorResponses.Items = append(config.CustomErrorResponses.Items, types.CustomErrorResponse{ErrorCode: aws.Int32(503), ErrorCachingMinTTL: aws.Int64(7)})
	config.CustomErrorResponses.Quantity = aws.Int32(3)
	config.PriceClass, config.Origins.Items[0].ConnectionAttempts = types.PriceClassPriceClassAll, aws.Int32(2)
	if _, err := client.UpdateDistribution(t.Context(), &cloudfront.UpdateDistributionInput{Id: id, IfMatch: out.ETag, DistributionConfig: config}); err != nil {
		t.Fatal(err)
	}
	live := observe(t, "distribution", d)
	want := live.Spec
	spec, ok := want.(blueprint.DistributionSpec)
	if !ok {
		t.Fatalf("the spec is a %T", want)
	}
	if spec.Deployed || spec.PriceClass != "PriceClass_All" {
		t.Errorf("a change under way shows as %+v", spec)
	}
	spec.PriceClass, spec.Deployed = "PriceClass_100", true
	update(t, d, spec)
	if out, err = client.GetDistribution(t.Context(), &cloudfront.GetDistributionInput{Id: id}); err != nil {
		t.Fatal(err)
	}
	var codes []int32
	for _, r := range out.Distribution.DistributionConfig.CustomErrorResponses.Items {
		codes = append(codes, aws.ToInt32(r.ErrorCode))
	}
	if slices.Sort(codes); !slices.Equal(codes, []int32{403, 404, 503}) {
		t.Errorf("the error responses are for %v", codes)
	}
	if got := aws.ToInt32(out.Distribution.DistributionConfig.Origins.Items[0].ConnectionAttempts); got != 2 {
		t.Errorf("the origin is tried %d times, was 2", got)
	}
}

// TestDeleteOrder: an access control and a function go once no distribution has
// them, which is worth waiting for.
func TestDeleteOrder(t *testing.T) {
	begin(t)
	made(t, testBucket, originBucket())
	f := made(t, testEdgeFunction, edgeFunctionBase())
	access := made(t, testDistribution, accessControlBase())
	d := made(t, testDistribution, with(distributionBase(), func(s *blueprint.DistributionSpec) {
		s.AccessControl, s.ViewerRequest = access.Attributes["id"], edgeFunctionARN(testEdgeFunction)
	}))
	for kind, target := range map[string]*Target{"edge_function": f, "origin_access_control": access} {
		if err := drivers[kind].Delete(t.Context(), target); !drivers[kind].Transient(err) {
			t.Errorf("deleting the %s in use gave %v", kind, err)
		}
	}
	remove(t, "distribution", d)
	remove(t, "edge_function", f)
	remove(t, "origin_access_control", access)
}

// TestPolicyOfItsOwn: deleting a part that lets a distribution read leaves the
// policy alone that the bucket has by then.
func TestPolicyOfItsOwn(t *testing.T) {
	begin(t)
	target := made(t, testBucket, bucketBase())
	remove(t, "bucket_policy", target)
	same(t, bucketBase(), observe(t, "bucket", target))
}

// TestEdgeTransient tells errors that pass from those that look alike.
func TestEdgeTransient(t *testing.T) {
	for kind, codes := range map[string]map[string]bool{
		"distribution":          {"DistributionNotDisabled": true, "PreconditionFailed": true, "CNAMEAlreadyExists": false, "TooManyDistributions": false},
		"edge_function":         {"FunctionInUse": true, "FunctionSizeLimitExceeded": false},
		"origin_access_control": {"OriginAccessControlInUse": true, "TooManyOriginAccessControls": false},
	} {
		for code, want := range codes {
			if got := drivers[kind].Transient(&smithy.GenericAPIError{Code: code}); got != want {
				t.Errorf("%s: %s is transient: %t, want %t", kind, code, got, want)
			}
		}
	}
}
