package configitems

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// reference is the ARN of a parameter of Systems Manager or of a secret of Secrets Manager.
type reference struct{ arn, service, region, name string }

func parseReference(arn string) (reference, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) == 6 && parts[0] == "arn" {
		r := reference{arn: arn, service: parts[2], region: parts[3]}
		if name, ok := strings.CutPrefix(parts[5], "parameter"); ok && r.service == "ssm" {
			r.name = name
			// The ARN of a parameter without a path has a slash that its name has not.
			if strings.Count(name, "/") == 1 {
				r.name = strings.TrimPrefix(name, "/")
			}
			return r, nil
		}
		if strings.HasPrefix(parts[5], "secret:") && r.service == "secretsmanager" {
			r.name = arn
			return r, nil
		}
	}
	return reference{}, errors.New("it is neither the ARN of a parameter nor that of a secret")
}

// resolver reads what a reference leads to.
type resolver interface {
	Resolve(ctx context.Context, r reference) (string, error)
}

// parameters resolves references by Systems Manager and Secrets Manager.
type parameters struct{ cfg aws.Config }

func (p *parameters) Resolve(ctx context.Context, r reference) (string, error) {
	cfg := p.cfg.Copy()
	cfg.Region = r.region
	if r.service == "ssm" {
		calls := awscall.Client{Config: cfg, Service: "ssm", Target: "AmazonSSM", JSON: "1.1"}
		var out struct{ Parameter struct{ Value string } }
		err := calls.Call(ctx, "GetParameter", map[string]any{"Name": r.name, "WithDecryption": true}, &out)
		if err != nil {
			return "", fmt.Errorf("read the parameter %s: %w", r.name, err)
		}
		return out.Parameter.Value, nil
	}
	calls := awscall.Client{Config: cfg, Service: "secretsmanager", Target: "secretsmanager", JSON: "1.1"}
	var out struct{ SecretString *string }
	if err := calls.Call(ctx, "GetSecretValue", map[string]any{"SecretId": r.arn}, &out); err != nil {
		return "", fmt.Errorf("read the secret %s: %w", r.arn, err)
	}
	if out.SecretString == nil {
		return "", fmt.Errorf("the secret %s has no text", r.arn)
	}
	return *out.SecretString, nil
}

// secrets keeps what references lead to for a while.
type secrets struct {
	options  Options
	resolver resolver

	mu    sync.Mutex
	known map[string]secret
}

type secret struct {
	value string
	tried time.Time
}

func newSecrets(r resolver, o Options) *secrets {
	return &secrets{options: o, resolver: r, known: map[string]secret{}}
}

// get returns the value. One that cannot be read again stays.
func (s *secrets) get(ctx context.Context, arn string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	last, had := s.known[arn]
	if had && now.Sub(last.tried) < s.options.SecretRefresh {
		return last.value, nil
	}
	r, err := parseReference(arn)
	if err != nil {
		return "", err
	}
	value, err := s.resolver.Resolve(ctx, r)
	if err != nil && !had {
		return "", err
	}
	if err != nil {
		s.options.Log.WarnContext(ctx, "a secret could not be read again; its last good value stays", "error", err)
		value = last.value
	}
	s.known[arn] = secret{value, now}
	return value, nil
}
