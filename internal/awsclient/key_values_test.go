package awsclient

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore"
)

// TestPlainHosts: the account stands before hosts that can have subdomains.
func TestPlainHosts(t *testing.T) {
	for endpoint, want := range map[string]string{
		"":                                    "https://123456789012.cloudfront-kvs.global.api.aws",
		"https://cloudfront-kvs.example":      "https://123456789012.cloudfront-kvs.example",
		"http://127.0.0.1:4566":               "http://127.0.0.1:4566",
		"http://[::1]:4566":                   "http://[::1]:4566",
		"http://localhost:4566":               "http://localhost:4566",
		"http://cloudfront-kvs.localhost:456": "http://cloudfront-kvs.localhost:456",
	} {
		params := cloudfrontkeyvaluestore.EndpointParameters{
			Region: aws.String("eu-central-1"), KvsARN: aws.String("arn:aws:cloudfront::123456789012:key-value-store/8d5d0ac6-0000-4000-8000-000000000001"),
		}
		if endpoint != "" {
			params.Endpoint = &endpoint
		}
		found, err := plainHosts{cloudfrontkeyvaluestore.NewDefaultEndpointResolverV2()}.ResolveEndpoint(t.Context(), params)
		if err != nil || found.URI.String() != want {
			t.Errorf("%q leads to %s, %v; want %s", endpoint, found.URI.String(), err, want)
		}
	}
}
