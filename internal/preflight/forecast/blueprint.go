package forecast

import (
	"cmp"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// FunctionOf is a function as a blueprint has it, with the user's own settings.
func FunctionOf(b *blueprint.Blueprint, key string, coldStart time.Duration) (Function, error) {
	spec, err := specOf[blueprint.FunctionSpec](b, key)
	return Function{Name: key, Reserved: max(0, spec.ReservedConcurrency), ColdStart: coldStart}, err
}

// QueueOf is a queue as a blueprint has it.
func QueueOf(b *blueprint.Blueprint, key string) (Queue, error) {
	spec, err := specOf[blueprint.QueueSpec](b, key)
	return Queue{Name: key, Visibility: time.Duration(spec.VisibilityTimeout) * time.Second, MaxReceives: spec.MaxReceives}, err
}

// StreamOf is a stream as a blueprint has it, with its shards; those of one on
// demand are what a new one has.
func StreamOf(b *blueprint.Blueprint, key string) (Queue, int, error) {
	spec, err := specOf[blueprint.StreamSpec](b, key)
	return Queue{Name: key, Stream: true}, cmp.Or(spec.Shards, OnDemandShards), err
}

// TableOf is a table as a blueprint has it: with its provisioned capacity, what
// it begins with where a function scales it, or with its warm throughput.
func TableOf(b *blueprint.Blueprint, key string) (Table, error) {
	spec, err := specOf[blueprint.TableSpec](b, key)
	t := Table{Name: key, Warm: spec.WarmWrites}
	if spec.BillingMode == blueprint.Provisioned {
		t.Units = spec.Writes
	}
	return t, err
}

// MappingOf is a mapping as a blueprint has it. What its function does with a
// batch is the caller's to say, and of a stream how many batches there are at once.
func MappingOf(b *blueprint.Blueprint, key string) (Mapping, error) {
	spec, err := specOf[blueprint.MappingSpec](b, key)
	if err != nil {
		return Mapping{}, err
	}
	queue, function := b.Target(spec.Source), b.Target(spec.Function)
	if queue == nil || function == nil {
		return Mapping{}, fmt.Errorf("mapping %q has no queue or no function in the blueprint", key)
	}
	return Mapping{
		Queue: queue.Key, Function: function.Key,
		Batch: spec.BatchSize, Window: time.Duration(spec.Window) * time.Second, MaxConcurrency: spec.MaxConcurrency,
	}, nil
}

func specOf[S blueprint.Spec](b *blueprint.Blueprint, key string) (S, error) {
	var none S
	p := b.Part(key)
	if p == nil {
		return none, fmt.Errorf("the blueprint has no part %q", key)
	}
	spec, ok := p.Spec.(S)
	if !ok {
		return none, fmt.Errorf("part %q is a %s and no %s", key, p.Spec.Kind(), none.Kind())
	}
	return spec, nil
}
