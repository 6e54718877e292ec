// Package secretref reads what references to secrets lead to: ARNs of parameters of Systems Manager and of secrets of Secrets Manager.
package secretref

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// Reference is the ARN of a parameter of Systems Manager or of a secret of Secrets Manager.
type Reference struct {
	ARN, Service, Region string
	Name                 string // As its service takes it.
}

// Parse reads a reference.
func Parse(arn string) (Reference, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) == 6 && parts[0] == "arn" {
		r := Reference{ARN: arn, Service: parts[2], Region: parts[3]}
		if name, ok := strings.CutPrefix(parts[5], "parameter"); ok && r.Service == "ssm" {
			r.Name = name
			// The ARN of a parameter without a path has a slash that its name has not.
			if strings.Count(name, "/") == 1 {
				r.Name = strings.TrimPrefix(name, "/")
			}
			return r, nil
		}
		if strings.HasPrefix(parts[5], "secret:") && r.Service == "secretsmanager" {
			r.Name = arn
			return r, nil
		}
	}
	return Reference{}, errors.New("it is neither the ARN of a parameter nor that of a secret")
}

// Resolver reads what a reference leads to.
type Resolver interface {
	Resolve(ctx context.Context, r Reference) (string, error)
}

// AWS resolves references by Systems Manager and Secrets Manager, each in the reference's own region.
type AWS struct{ Config aws.Config }

// Resolve implements Resolver.
func (a *AWS) Resolve(ctx context.Context, r Reference) (string, error) {
	cfg := a.Config.Copy()
	cfg.Region = r.Region
	if r.Service == "ssm" {
		calls := awscall.Client{Config: cfg, Service: "ssm", Target: "AmazonSSM", JSON: "1.1"}
		var out struct{ Parameter struct{ Value string } }
		err := calls.Call(ctx, "GetParameter", map[string]any{"Name": r.Name, "WithDecryption": true}, &out)
		if err != nil {
			return "", fmt.Errorf("read the parameter %s: %w", r.Name, err)
		}
		return out.Parameter.Value, nil
	}
	calls := awscall.Client{Config: cfg, Service: "secretsmanager", Target: "secretsmanager", JSON: "1.1"}
	var out struct{ SecretString *string }
	if err := calls.Call(ctx, "GetSecretValue", map[string]any{"SecretId": r.ARN}, &out); err != nil {
		return "", fmt.Errorf("read the secret %s: %w", r.ARN, err)
	}
	if out.SecretString == nil {
		return "", fmt.Errorf("the secret %s has no text", r.ARN)
	}
	return *out.SecretString, nil
}

// Cache keeps what references lead to for a while. It may be used from several goroutines.
type Cache struct {
	Resolver Resolver
	// Refresh is how old a value may be before it is read again.
	Refresh time.Duration
	Now     func() time.Time
	Log     *slog.Logger

	mu    sync.Mutex
	known map[string]secret
}

type secret struct {
	value string
	tried time.Time
}

// Get returns what an ARN leads to. A value that cannot be read again stays.
func (c *Cache) Get(ctx context.Context, arn string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Now()
	last, had := c.known[arn]
	if had && now.Sub(last.tried) < c.Refresh {
		return last.value, nil
	}
	r, err := Parse(arn)
	if err != nil {
		return "", err
	}
	value, err := c.Resolver.Resolve(ctx, r)
	if err != nil && !had {
		return "", err
	}
	if err != nil {
		c.Log.WarnContext(ctx, "a secret could not be read again; its last good value stays", "error", err)
		value = last.value
	}
	if c.known == nil {
		c.known = map[string]secret{}
	}
	c.known[arn] = secret{value, now}
	return value, nil
}
