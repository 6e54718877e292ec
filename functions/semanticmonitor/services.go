package semanticmonitor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/probe"
	"github.com/burstline/terraform-provider-serverless/functions/internal/sqs"
)

// PathOf is the path of a target.
func PathOf(cfg aws.Config, t Target, l Limits, secrets Secrets, c clock.Clock) (Path, error) {
	caller := Caller{Client: noRedirects(), Secrets: secrets}
	switch {
	case t.HTTP != nil:
		return &Exchange{*t.HTTP, caller}, nil
	case t.Room != nil:
		return &Waiting{Room: *t.Room, Caller: caller, Within: l.Within, Clock: c}, nil
	}
	queue, err := newSQS(cfg, t.Queue.ARN)
	if err != nil {
		return nil, err
	}
	f := &Funnel{Body: t.Queue.Body, Queue: queue}
	if t.Look != nil {
		f.End = &Page{*t.Look, caller}
		return f, nil
	}
	region, _, name, err := resource(t.Item.Table, "dynamodb")
	if err != nil {
		return nil, err
	}
	cfg = cfg.Copy()
	cfg.Region = region
	f.End = &Record{Item: *t.Item, TableName: strings.TrimPrefix(name, "table/"), Table: dynamodb.New(cfg)}
	return f, nil
}

// noRedirects makes requests as they are: a redirection is an answer, and takes no header with a secret elsewhere.
func noRedirects() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// resource takes the ARN of a service's resource apart.
func resource(arn, service string) (region, account, name string, err error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != service {
		return "", "", "", fmt.Errorf("%q is no ARN of %s", arn, service)
	}
	return parts[3], parts[4], parts[5], nil
}

// SQS is a queue that is known by its ARN.
type SQS struct {
	client        *sqs.Client
	account, name string

	mu  sync.Mutex
	url string // Empty until it was looked up.
}

func newSQS(cfg aws.Config, arn string) (*SQS, error) {
	region, account, name, err := resource(arn, "sqs")
	if err != nil {
		return nil, err
	}
	cfg = cfg.Copy()
	cfg.Region = region
	return &SQS{client: sqs.New(cfg), account: account, name: name}, nil
}

// Send implements Sender. What SQS refuses is not on the queue; after another error it may be.
func (q *SQS) Send(ctx context.Context, body, id string) error {
	url, err := q.address(ctx)
	if err != nil {
		return refusedBy(err, "find the queue")
	}
	m := sqs.Message{Body: body, Attributes: map[string]string{probe.Attribute: id}}
	if strings.HasSuffix(q.name, ".fifo") {
		m.Group, m.Deduplication = "probe", id
	}
	if _, err := q.client.Send(ctx, url, m); err != nil {
		return refusedBy(err, "send the message")
	}
	return nil
}

func (q *SQS) address(ctx context.Context) (string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.url == "" {
		url, err := q.client.URL(ctx, q.account, q.name)
		if err != nil {
			return "", err
		}
		q.url = url
	}
	return q.url, nil
}

func refusedBy(err error, doing string) error {
	var refused *awscall.Refusal
	if errors.As(err, &refused) && refused.Status < http.StatusInternalServerError {
		return fmt.Errorf("%w: %s: %w", ErrRefused, doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
