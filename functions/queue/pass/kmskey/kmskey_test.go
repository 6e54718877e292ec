package kmskey_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/burstline/terraform-provider-serverless/functions/queue/pass/kmskey"
)

const arn = "arn:aws:kms:eu-west-1:123456789012:key/1234"

// answering returns the configuration of a KMS that answers as handle does.
func answering(t *testing.T, handle http.HandlerFunc) aws.Config {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client(), Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		Retryer: func() aws.Retryer { return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = 1 }) },
	}
}

func TestSign(t *testing.T) {
	var target string
	var asked map[string]string
	key := kmskey.New(answering(t, func(w http.ResponseWriter, r *http.Request) {
		target = r.Header.Get("X-Amz-Target")
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		_, _ = w.Write([]byte(`{"Signature":"c2lnbmVk"}`))
	}), arn, "thumbprint")
	digest := []byte("0123456789abcdef0123456789abcdef")
	signature, err := key.SignSHA256(t.Context(), digest)
	if err != nil || string(signature) != "signed" || key.ID() != "thumbprint" {
		t.Errorf("got %q, %v of the key %s", signature, err, key.ID())
	}
	for member, want := range map[string]string{
		"KeyId": arn, "Message": base64.StdEncoding.EncodeToString(digest), "MessageType": "DIGEST", "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256",
	} {
		if asked[member] != want {
			t.Errorf("%s is %q, want %q", member, asked[member], want)
		}
	}
	if target != "TrentService.Sign" {
		t.Errorf("the operation is %s", target)
	}
}

func TestSignRefused(t *testing.T) {
	key := kmskey.New(answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type":"DisabledException","message":"the key is disabled"}`))
	}), arn, "thumbprint")
	if signature, err := key.SignSHA256(t.Context(), make([]byte, 32)); err == nil {
		t.Errorf("a disabled key signed %x", signature)
	}
}
