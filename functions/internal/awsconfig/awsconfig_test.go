package awsconfig_test

import (
	"maps"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awsconfig"
)

func lambda() map[string]string {
	return map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
		"AWS_SDK_UA_APP_ID": "final-recorder",
	}
}

func TestFromEnvironment(t *testing.T) {
	cfg, err := awsconfig.FromEnvironment(lambda())
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Region != "eu-west-1" || cfg.AppID != "final-recorder" || cfg.BaseEndpoint != nil {
		t.Fatalf("got region %q, app id %q, endpoint %v", cfg.Region, cfg.AppID, cfg.BaseEndpoint)
	}
	credentials, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if credentials.AccessKeyID != "AKIA" || credentials.SecretAccessKey != "secret" || credentials.SessionToken != "token" {
		t.Fatalf("got %+v", credentials)
	}
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok || client.GetTransport().MaxIdleConnsPerHost != 64 {
		t.Fatalf("got client %T", cfg.HTTPClient)
	}
}

func TestFromEnvironmentEndpoint(t *testing.T) {
	environ := lambda()
	environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:4566"
	cfg, err := awsconfig.FromEnvironment(environ)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.BaseEndpoint == nil || *cfg.BaseEndpoint != "http://127.0.0.1:4566" {
		t.Fatalf("got %v", cfg.BaseEndpoint)
	}
}

func TestFromEnvironmentIncomplete(t *testing.T) {
	for _, missing := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		environ := maps.Clone(lambda())
		delete(environ, missing)
		if _, err := awsconfig.FromEnvironment(environ); err == nil {
			t.Errorf("no error without %s", missing)
		}
	}
}

func TestWithCallTimeout(t *testing.T) {
	cfg, err := awsconfig.FromEnvironment(lambda())
	if err != nil {
		t.Fatal(err)
	}
	longer, ok := awsconfig.WithCallTimeout(cfg, time.Minute).HTTPClient.(*awshttp.BuildableClient)
	if !ok || longer.GetTimeout() != time.Minute || longer.GetTransport().MaxIdleConnsPerHost != 64 {
		t.Errorf("got %+v", longer)
	}
	if usual, ok := cfg.HTTPClient.(*awshttp.BuildableClient); !ok || usual.GetTimeout() != 5*time.Second {
		t.Error("the configuration that it came of is another now")
	}
}
