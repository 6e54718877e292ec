package kinds

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// TestProtectedTable checks that only Force lifts deletion protection.
func TestProtectedTable(t *testing.T) {
	begin(t)
	c := tableCase()
	target := made(t, c.part, c.spec)
	target.Force = false
	if err := drivers["table"].Delete(t.Context(), target); code(err) != "ValidationException" {
		t.Errorf("deleting a protected table gave %v", err)
	}
	same(t, c.spec, observe(t, "table", target))
	target.Force = true
	remove(t, "table", target)
	absent(t, "table", target)
}

// TestFullBucket checks that only Force empties a bucket, of everything.
func TestFullBucket(t *testing.T) {
	begin(t)
	client, name := env.AWS.S3, aws.String(testBucket)
	target := made(t, testBucket, bucketBase())
	if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: name, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled},
	}); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"one", "two"} {
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: name, Key: aws.String("votes.csv"), Body: strings.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: name, Key: aws.String("votes.csv")}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: name, Key: aws.String("large.csv")}); err != nil {
		t.Fatal(err)
	}
	target.Force = false
	if err := drivers["bucket"].Delete(t.Context(), target); code(err) != "BucketNotEmpty" {
		t.Errorf("deleting a bucket with versions gave %v", err)
	}
	target.Force = true
	remove(t, "bucket", target)
	absent(t, "bucket", target)
}

// TestBucketURL reads a public object as a browser does: without credentials.
func TestBucketURL(t *testing.T) {
	begin(t)
	target := made(t, testBucket, publicBucket())
	if _, err := env.AWS.S3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(testBucket), Key: aws.String("results.json"), Body: strings.NewReader(`{"a":1}`)}); err != nil {
		t.Fatal(err)
	}
	get := func(object string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target.Attributes["url"]+"/"+object, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if status, body := get("results.json"); status != http.StatusOK || body != `{"a":1}` {
		t.Errorf("the public object gave %d %q", status, body)
	}
	if status, _ := get("other.json"); status != http.StatusForbidden {
		t.Errorf("an object that is not public gave %d", status)
	}
}

// TestBucketURLOnAWS checks the address where no endpoint is set.
func TestBucketURLOnAWS(t *testing.T) {
	for region, want := range map[string]string{
		"eu-central-1": "https://b.s3.eu-central-1.amazonaws.com", "cn-north-1": "https://b.s3.cn-north-1.amazonaws.com.cn",
	} {
		client, failure := awsclient.New(t.Context(), awsclient.Config{Region: region, AccessKey: "test", SecretKey: "test"})
		if failure != nil {
			t.Fatal(failure)
		}
		if got := (bucket{Env{AWS: client}}).url(&Target{Name: "b"}); got != want {
			t.Errorf("in %s the URL is %s, want %s", region, got, want)
		}
	}
}

// TestTakenBucketName is a name that another account has.
func TestTakenBucketName(t *testing.T) {
	begin(t)
	other := s3.NewFromConfig(local.Config(testRegion, "222222222222"), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := other.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(testBucket)}); err != nil {
		t.Fatal(err)
	}
	_, err := drivers["bucket"].Create(t.Context(), targetOf(testBucket), bucketBase())
	if err == nil || !strings.Contains(err.Error(), "another account") || drivers["bucket"].Transient(err) {
		t.Errorf("Create gave %v", err)
	}
}

// TestForeignCORS shows a rule that somebody else put.
func TestForeignCORS(t *testing.T) {
	rule := s3types.CORSRule{AllowedOrigins: []string{"*"}, AllowedMethods: []string{"PUT"}}
	if got := corsOrigins([]s3types.CORSRule{rule}); len(got) != 1 || got[0] != "* (PUT under another rule)" {
		t.Errorf("a foreign rule shows as %q", got)
	}
}

// TestObjectContent refuses content that is not what the spec names.
func TestObjectContent(t *testing.T) {
	begin(t)
	made(t, testBucket, bucketBase())
	spec := blueprint.ObjectSpec{Bucket: testBucket, Key: "window.json", SHA256: digestOf("other")}
	if _, err := drivers["object"].Create(t.Context(), targetOf(testBucket+"/window.json"), spec); err == nil || !strings.Contains(err.Error(), "there is no bundle") {
		t.Errorf("Create gave %v", err)
	}
	spec.Content = func() ([]byte, error) { return []byte("{}"), nil }
	if _, err := drivers["object"].Create(t.Context(), targetOf(testBucket+"/window.json"), spec); err == nil || !strings.Contains(err.Error(), "the content has SHA-256") {
		t.Errorf("Create gave %v", err)
	}
	absent(t, "object", targetOf(testBucket+"/window.json"))
	// Without its bucket an object is absent, too.
	absent(t, "object", targetOf("tv-vote-nowhere/window.json"))
	remove(t, "object", targetOf("tv-vote-nowhere/window.json"))
}

// TestRoleWithForeignPolicies deletes a role to which others attached policies.
func TestRoleWithForeignPolicies(t *testing.T) {
	begin(t)
	target := made(t, testRole, roleBase())
	if _, err := env.AWS.IAM.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{
		RoleName: aws.String(testRole), PolicyArn: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess"),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := env.AWS.IAM.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String(testRole), PolicyName: aws.String("foreign"), PolicyDocument: aws.String(roleBase().Policy.JSON()),
	}); err != nil {
		t.Fatal(err)
	}
	same(t, roleBase(), observe(t, "role", target))
	remove(t, "role", target)
	absent(t, "role", target)
	again := made(t, testRole, roleBase())
	if again.Attributes["id"] == target.Attributes["id"] {
		t.Error("a role made anew has the id of the deleted one")
	}
}

// TestTableBeingMade observes a table that DynamoDB still works on.
func TestTableBeingMade(t *testing.T) {
	begin(t)
	c := tableCase()
	if err := c.half(t.Context(), ownTags("part")); err != nil {
		t.Fatal(err)
	}
	out, err := env.AWS.DynamoDB.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(c.part)})
	if err != nil {
		t.Fatal(err)
	}
	if got := differences(c.spec, &Observation{Spec: tableSpec(out.Table)}); len(got) != 5 {
		t.Errorf("a provisioned, unprotected table without backups differs in %v", got)
	}
}
