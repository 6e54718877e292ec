package provider_test

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/burstline/terraform-provider-serverless/internal/kinds"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// keysOf returns the keys of a map in order.
func keysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// observe looks at a part as AWS has it now.
func (a account) observe(t *testing.T, name, key string) *kinds.Observation {
	t.Helper()
	engine, err := a.engine(home)
	if err != nil {
		t.Fatal(err)
	}
	rec, ok := a.manifest(t, name).Parts[key]
	if !ok {
		t.Fatalf("the manifest of %s has no part %q", name, key)
	}
	seen, err := engine.Kinds[rec.Kind].Observe(t.Context(), &kinds.Target{Key: key, Name: rec.Name, Attributes: rec.Attributes})
	if err != nil {
		t.Fatalf("observe %s %q: %s", rec.Kind, key, err)
	}
	return seen
}

func (a account) inventory(t *testing.T) []string {
	t.Helper()
	lines, err := localaws.Inventory(t.Context(), a.aws(home))
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// windowPage is window.json as a page reads it.
type windowPage struct {
	Questions []struct {
		Text    string
		Answers []struct{ ID, Label string }
	}
	OpensAt  string `json:"opens_at"`
	ClosesAt string `json:"closes_at"`
	Voter    struct{ Pattern string }
}

// question is the text of the only question.
func (p windowPage) question() string { return p.Questions[0].Text }

// answers are the labels of the only question's answers.
func (p windowPage) answers() map[string]string {
	labels := map[string]string{}
	for _, a := range p.Questions[0].Answers {
		labels[a.ID] = a.Label
	}
	return labels
}

// s3 addresses buckets by path, as the local AWS wants it.
func (a account) s3() *s3.Client {
	return s3.NewFromConfig(a.aws(home), func(o *s3.Options) { o.UsePathStyle = true })
}

func resultsBucket(a account, name string) string {
	return name + "-vote-results-" + string(a) + "-" + code
}

func page(t *testing.T, a account, name string) windowPage {
	t.Helper()
	out, err := a.s3().GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(resultsBucket(a, name)), Key: aws.String("window.json")})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	if kind := aws.ToString(out.ContentType); kind != "application/json" {
		t.Errorf("window.json is sent as %s, should be application/json", kind)
	}
	var p windowPage
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

const anyPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

func (a account) policy(t *testing.T, name string) string {
	t.Helper()
	out, err := iam.NewFromConfig(a.aws(home)).CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(anyPolicy)})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.Policy.Arn)
}

func (a account) deletePolicy(t *testing.T, arn string) {
	t.Helper()
	if _, err := iam.NewFromConfig(a.aws(home)).DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: &arn}); err != nil {
		t.Fatal(err)
	}
}
