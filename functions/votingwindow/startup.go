package votingwindow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// SecretReader reads a secret parameter.
type SecretReader interface {
	Secret(ctx context.Context, name string) (string, error)
}

// Lists is where the allow list is.
type Lists interface {
	// OpenObject returns an object to be read and closed, and its length in bytes, -1 where that is unknown.
	OpenObject(ctx context.Context, key string) (io.ReadCloser, int64, error)
}

// LoadJudge reads what a recorder needs once in its life, at its cold start: the key, and at the same time the allow list where there
// is one. Both stay as they are until the environment ends.
func LoadJudge(ctx context.Context, rules *Rules, cfg RecorderConfig, secrets SecretReader, lists func() Lists) (*Judge, error) {
	if (cfg.AllowBucket == "") != (cfg.AllowKey == "") {
		return nil, errors.New("ALLOW_BUCKET and ALLOW_KEY need each other")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var allow AllowList
	listed := make(chan error, 1)
	if cfg.AllowKey == "" {
		listed <- nil
	} else {
		go func() {
			var err error
			allow, err = loadAllowList(ctx, lists(), cfg.AllowKey)
			listed <- err
		}()
	}
	hasher, err := loadHasher(ctx, secrets, cfg.VoterKeyParameter)
	if err != nil {
		cancel()
	}
	if err := errors.Join(err, <-listed); err != nil {
		return nil, err
	}
	return NewJudge(rules, cfg, hasher, allow)
}

func loadHasher(ctx context.Context, secrets SecretReader, parameter string) (*Hasher, error) {
	text, err := secrets.Secret(ctx, parameter)
	if err != nil {
		return nil, err
	}
	return NewHasher(text)
}

func loadAllowList(ctx context.Context, lists Lists, key string) (AllowList, error) {
	object, size, err := lists.OpenObject(ctx, key)
	if err != nil {
		return nil, err
	}
	defer object.Close() //nolint:errcheck // Nothing was written.
	return ReadAllowList(object, size)
}

// Parameters is SSM's parameter store.
type Parameters struct{ client awscall.Client }

// NewParameters calls the parameter store of a configuration. It lets a start wait for its turn: GetParameter has 40 calls a second by default
// (AWS General Reference, "AWS Systems Manager endpoints and quotas"), and at an opening hundreds of recorders start at once. Between
// attempts it waits a random time, at first up to a second or so and at most two.
func NewParameters(cfg aws.Config) *Parameters {
	return &Parameters{awscall.Client{Config: cfg, Service: "ssm", Target: "AmazonSSM", JSON: "1.1", Retryer: retry.NewStandard(func(r *retry.StandardOptions) {
		r.MaxAttempts = 10
		r.MaxBackoff = 2 * time.Second
		r.RateLimiter = ratelimit.None
	})}}
}

// Secret returns a parameter's value, decrypted (SSM API Reference, GetParameter).
func (p *Parameters) Secret(ctx context.Context, name string) (string, error) {
	var found struct{ Parameter struct{ Value string } }
	if err := p.client.Call(ctx, "GetParameter", map[string]any{"Name": name, "WithDecryption": true}, &found); err != nil {
		return "", fmt.Errorf("get parameter %s: %w", name, err)
	}
	if found.Parameter.Value == "" {
		return "", fmt.Errorf("get parameter %s: the answer has none", name)
	}
	return found.Parameter.Value, nil
}
