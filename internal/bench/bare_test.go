package main

import (
	"context"
	"errors"
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
