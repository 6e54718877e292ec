package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline/api"
)

// secrets are secrets by their ARNs.
type secrets map[string]string

func (s secrets) Get(_ context.Context, arn string) (string, error) {
	if text, found := s[arn]; found {
		return text, nil
	}
	return "", errors.New("AccessDenied")
}

func TestAuthorizer(t *testing.T) {
	raw, err := os.ReadFile("testdata/authorizer.json")
	if err != nil {
		t.Fatal(err)
	}
	var event api.KeyRequest
	if err := json.Unmarshal(raw, &event); err != nil {
		t.Fatal(err)
	}
	given := event.Headers["x-api-key"]
	digest := func(key string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(key))) }
	known := fmt.Sprintf(`{"other":{"sha256":%q},"partner":{"sha256":%q,"scopes":["book","read"]},"plain":{"sha256":%q}}`, digest("x"), digest(given), digest("plain-plain-plain-plain-plain"))
	for name, of := range map[string]struct {
		secret, key string
		want        string // The verdict, or the error.
	}{
		"known":             {known, given, `{"isAuthorized":true,"context":{"name":"partner","scopes":"book read"}}`},
		"without scopes":    {known, "plain-plain-plain-plain-plain", `{"isAuthorized":true,"context":{"name":"plain","scopes":""}}`},
		"unknown":           {known, strings.Repeat("z", 44), `{"isAuthorized":false}`},
		"none":              {known, "", `{"isAuthorized":false}`},
		"too short":         {known, "x", `{"isAuthorized":false}`},
		"too long":          {known, strings.Repeat("z", 257), `{"isAuthorized":false}`},
		"a digest":          {known, digest(given), `{"isAuthorized":false}`},
		"no keys":           {`{}`, given, `{"isAuthorized":false}`},
		"a secret in words": {`open sesame`, given, "the keys cannot be read"},
		"a key as it is":    {`{"partner":{"sha256":"` + given + `"}}`, given, "the keys cannot be read"},
		"no secret":         {"", given, "the keys cannot be read"},
	} {
		logged := &bytes.Buffer{}
		store := secrets{"arn": of.secret}
		if of.secret == "" {
			store = secrets{}
		}
		authorizer := &api.KeyAuthorizer{Secrets: store, Keys: "arn", Log: slog.New(slog.NewTextHandler(logged, nil))}
		verdict, err := authorizer.Handle(t.Context(), api.KeyRequest{Headers: map[string]string{"x-api-key": of.key}})
		text, encodeErr := json.Marshal(verdict)
		if err != nil {
			text = []byte(err.Error())
		}
		if string(text) != of.want || encodeErr != nil {
			t.Errorf("%s: %s, should be %s", name, text, of.want)
		}
		if strings.Contains(logged.String(), given) || strings.Contains(logged.String(), "sesame") {
			t.Errorf("%s: logged %s", name, logged)
		}
	}
}
