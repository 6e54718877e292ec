package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// TestBareKnowsEveryKind: the engine can be measured against the bare program
// only while it makes whatever the example has.
func TestBareKnowsEveryKind(t *testing.T) {
	b := example(strings.Repeat("0", 64), 14)
	offline := aws.Config{
		Region: region, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), RetryMaxAttempts: 1, HTTPClient: refuses{},
	}
	program := newBare(b, blueprint.Place{Partition: "aws", Region: region, Account: "123456789012"}, offline, func(context.Context, string) ([]byte, error) { return nil, nil })
	for _, part := range b.Parts {
		switch err := program.create(t.Context(), part.Key, part.Name, part.Spec); {
		case errors.Is(err, errKind):
			t.Errorf("%s: %v", part.Key, err)
		case !errors.Is(err, errOffline):
			t.Errorf("%s was made without a call: %v", part.Key, err)
		}
	}
}

var errOffline = errors.New("offline")

// refuses fails every call.
type refuses struct{}

func (refuses) Do(*http.Request) (*http.Response, error) { return nil, errOffline }

// TestBareTellsWhatPartsReferTo: parts get what others are answered from the bare
// program as from the engine.
func TestBareTellsWhatPartsReferTo(t *testing.T) {
	b := example(strings.Repeat("0", 64), 14)
	known := aws.Config{Region: region, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), HTTPClient: agrees{}}
	program := newBare(b, blueprint.Place{Partition: "aws", Region: region, Account: "123456789012"}, known, func(context.Context, string) ([]byte, error) { return nil, nil })
	if err := program.apply(t.Context()); err != nil {
		t.Error(err)
	}
}

// agrees answers every call, with little more than what must be there.
type agrees struct{}

func (agrees) Do(r *http.Request) (*http.Response, error) {
	body, header := `{"Version":"1","FunctionUrl":"https://f","UUID":"u","QueueUrl":"https://q"}`, http.Header{}
	switch {
	case strings.HasPrefix(r.URL.Host, "iam."):
		body = "<Response><CreateRoleResult><Role><RoleId>AROA</RoleId></Role></CreateRoleResult></Response>"
	case strings.HasPrefix(r.URL.Host, "ssm."):
		body = `{"Version":1}`
	case strings.HasPrefix(r.URL.Host, "monitoring."):
		body = "<Response><PutDashboardResult/></Response>"
	case strings.Contains(r.URL.Host, "s3."):
		body = ""
	}
	if protocol := r.Header.Get("Smithy-Protocol"); protocol == "rpc-v2-cbor" {
		body = "\xa0" // An empty map.
		header.Set("Smithy-Protocol", protocol)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}
