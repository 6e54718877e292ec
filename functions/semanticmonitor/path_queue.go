package semanticmonitor

import (
	"context"
	"fmt"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// Sender puts a message with the probe's mark on a queue. ErrRefused says that it is not on it.
type Sender interface {
	Send(ctx context.Context, body, id string) error
}

// End is a place where probes come out.
type End interface {
	Look(ctx context.Context, p Probe) (Seen, error)
}

// Funnel is the path from a queue to an end.
type Funnel struct {
	Body  string // A template.
	Queue Sender
	End
}

// stageQueued is how far a probe has come that the queue took.
const stageQueued = "queued"

// Send implements Path.
func (f *Funnel) Send(ctx context.Context, p Probe) (Seen, error) {
	if err := f.Queue.Send(ctx, Fill(f.Body, p), p.ID); err != nil {
		return Seen{}, err
	}
	return Seen{Stage: stageQueued}, nil
}

// Getter reads items.
type Getter interface {
	GetItem(ctx context.Context, get *dynamodb.GetItem) (dynamodb.Item, error)
}

// Record is an item to look at.
type Record struct {
	Item
	TableName string
	Table     Getter
}

// Look looks whether the item is there, strongly consistent, and as expected.
func (r *Record) Look(ctx context.Context, p Probe) (Seen, error) {
	key := dynamodb.Item{}
	for name, template := range r.Key {
		key[name] = dynamodb.String(Fill(template, p))
	}
	seen := Seen{Stage: p.Stage}
	item, err := r.Table.GetItem(ctx, &dynamodb.GetItem{TableName: r.TableName, Key: key, ConsistentRead: true})
	if err != nil {
		return seen, fmt.Errorf("read the item: %w", err)
	}
	value, there := item[r.Attribute]
	switch {
	case item == nil:
		seen.Reason = "the item is not there"
	case r.Attribute != "" && !there:
		seen.Reason = "the item has no attribute " + r.Attribute
	case r.Equals != "" && value.Scalar() != Fill(r.Equals, p):
		seen.Reason = "the attribute " + r.Attribute + " is another"
	default:
		seen.Out = true
	}
	return seen, nil
}
