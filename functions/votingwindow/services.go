package votingwindow

import (
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/internal/sqs"
)

// Queue is an SQS queue.
type Queue struct {
	Client *sqs.Client
	URL    string
}

// Send puts one message on the queue and returns its id.
func (q *Queue) Send(ctx context.Context, body string) (string, error) {
	id, err := q.Client.SendMessage(ctx, q.URL, body)
	if err != nil {
		return "", fmt.Errorf("send message to %s: %w", q.URL, err)
	}
	return id, nil
}

// Depth reads how many messages the queue holds, approximately.
func (q *Queue) Depth(ctx context.Context) (Depth, error) {
	found, err := q.Client.Depth(ctx, q.URL)
	if err != nil {
		return Depth{}, fmt.Errorf("read depth of %s: %w", q.URL, err)
	}
	return Depth(found), nil
}

// Mapping is a Lambda event source mapping.
type Mapping struct {
	client awscall.Client
	id     string
}

// NewMapping uses the mapping with an UUID.
func NewMapping(cfg aws.Config, id string) *Mapping {
	return &Mapping{awscall.Client{Config: cfg, Service: "lambda"}, id}
}

// mapping is what is read of a mapping (Lambda API Reference, GetEventSourceMapping).
type mapping struct {
	State         string
	ScalingConfig struct{ MaximumConcurrency int }
}

func (m *Mapping) path() string { return "/2015-03-31/event-source-mappings/" + url.PathEscape(m.id) }

func (m *Mapping) get(ctx context.Context) (mapping, error) {
	var found mapping
	if err := m.client.Get(ctx, m.path(), &found); err != nil {
		return mapping{}, fmt.Errorf("get event source mapping %s: %w", m.id, err)
	}
	return found, nil
}

// update changes what it names and leaves the rest (Lambda API Reference, UpdateEventSourceMapping).
func (m *Mapping) update(ctx context.Context, change map[string]any) error {
	if err := m.client.Put(ctx, m.path(), change, &mapping{}); err != nil {
		return fmt.Errorf("update event source mapping %s: %w", m.id, err)
	}
	return nil
}

// MappingState is Lambda's own word for the mapping's state.
func (m *Mapping) MappingState(ctx context.Context) (string, error) {
	found, err := m.get(ctx)
	return found.State, err
}

// SetMapping switches the mapping on or off, which takes Lambda some seconds to a minute.
func (m *Mapping) SetMapping(ctx context.Context, enabled bool) error {
	return m.update(ctx, map[string]any{"Enabled": enabled})
}
