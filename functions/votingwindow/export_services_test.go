package votingwindow_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

func TestSigningKey(t *testing.T) {
	var target string
	var asked map[string]any
	cfg := answering(t, func(w http.ResponseWriter, r *http.Request) {
		target = r.Header.Get("X-Amz-Target")
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = fmt.Fprint(w, `{"Signature":"c2lnbmVk","PublicKey":"a2V5"}`)
	})
	key := votingwindow.NewSigningKey(cfg, "arn:aws:kms:eu-west-1:123456789012:key/1234")
	digest := sha256.Sum256([]byte("manifest"))
	signature, err := key.Sign(t.Context(), digest[:])
	if err != nil || string(signature) != "signed" {
		t.Fatal(signature, err)
	}
	want := map[string]any{"KeyId": key.ID(), "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
	for member, value := range want {
		if asked[member] != value {
			t.Errorf("%s is %v, should be %v", member, asked[member], value)
		}
	}
	if target != "TrentService.Sign" || asked["Message"] != base64Of(digest[:]) {
		t.Errorf("asked %s for %v, the digest is %s", target, asked["Message"], hex.EncodeToString(digest[:]))
	}
	if public, err := key.PublicKey(t.Context()); err != nil || string(public) != "key" || target != "TrentService.GetPublicKey" {
		t.Error(public, err, target)
	}
}

func base64Of(body []byte) string {
	encoded, _ := json.Marshal(body)
	return strings.Trim(string(encoded), `"`)
}

// answering is a configuration whose calls are answered by a handler.
func answering(t *testing.T, handler http.HandlerFunc) aws.Config {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", "token"),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }, HTTPClient: server.Client(),
	}
}
