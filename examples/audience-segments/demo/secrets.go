package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// secrets are what a user has in the account before: the header of the third party,
// and the keys of the API, of which the account knows only digests.
type secrets struct {
	client               *ssm.Client
	third, apiKey        string
	thirdARN, apiKeysARN string
}

// The parameters' names.
const (
	thirdParameter = "/audiences/third-party"
	keysParameter  = "/audiences/api-keys"
)

// makeSecrets makes both.
func makeSecrets(ctx context.Context, cfg aws.Config) (*secrets, error) {
	s := &secrets{client: ssm.NewFromConfig(cfg), third: "Bearer " + rand.Text(), apiKey: rand.Text()}
	sum := sha256.Sum256([]byte(s.apiKey))
	keys, err := json.Marshal(map[string]any{"demo": map[string]any{"sha256": hex.EncodeToString(sum[:])}})
	if err != nil {
		return nil, err
	}
	if s.thirdARN, err = s.put(ctx, thirdParameter, s.third); err != nil {
		return nil, err
	}
	s.apiKeysARN, err = s.put(ctx, keysParameter, string(keys))
	return s, err
}

// put makes a parameter, and returns its ARN.
func (s *secrets) put(ctx context.Context, name, value string) (string, error) {
	if _, err := s.client.PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: &value, Type: types.ParameterTypeSecureString}); err != nil {
		return "", fmt.Errorf("make the parameter %s: %w", name, err)
	}
	out, err := s.client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	if err != nil {
		return "", fmt.Errorf("make the parameter %s: %w", name, err)
	}
	return aws.ToString(out.Parameter.ARN), nil
}

// remove removes them.
func (s *secrets) remove(ctx context.Context) error {
	var errs []error
	for _, name := range []string{thirdParameter, keysParameter} {
		_, err := s.client.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &name})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
