package sns_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/internal/sns"
)

func TestPublish(t *testing.T) {
	refuse, asked, trace := false, "", ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked, trace = string(body), r.Header.Get("X-Amzn-Trace-Id")
		if refuse {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `<ErrorResponse><Error><Code>NotFound</Code><Message>no topic</Message></Error></ErrorResponse>`)
			return
		}
		fmt.Fprint(w, `<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>`)
	}))
	t.Cleanup(server.Close)
	client := sns.New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""), HTTPClient: server.Client(),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	})
	ctx := context.WithValue(t.Context(), "x-amzn-trace-id", "Root=1;Lineage=2") //nolint:staticcheck // aws-lambda-go's key.
	id, err := client.Publish(ctx, "arn:aws:sns:eu-west-1:1:start", `{"prefix":"a&b"}`)
	if want := "Action=Publish&Message=%7B%22prefix%22%3A%22a%26b%22%7D&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A1%3Astart&Version=2010-03-31"; err != nil || id != "m-1" || asked != want {
		t.Errorf("%s, %v, asked %s", id, err, asked)
	}
	if trace != "Root=1;Lineage=2" {
		t.Errorf("told the trace %q", trace)
	}
	refuse = true
	var refused *awscall.Refusal
	if _, err := client.Publish(t.Context(), "arn", "x"); !errors.As(err, &refused) || refused.Code != "NotFound" || trace != "" {
		t.Errorf("%v, trace %q", err, trace)
	}
}
