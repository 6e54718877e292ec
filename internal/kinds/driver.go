package kinds

import (
	"context"
	"fmt"
	"strings"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// Observation is what AWS has of one part, without the type of its spec.
type Observation struct {
	Spec       blueprint.Spec
	Attributes Attributes
	Tags       map[string]string
}

// Driver is a Kind without the type of its spec, as the engine holds it.
type Driver interface {
	Facts() Facts
	Observe(ctx context.Context, t *Target) (*Observation, error)
	// ObserveAll observes several objects of the kind, with few calls where the
	// kind can; nil where AWS has no such object.
	ObserveAll(ctx context.Context, targets []*Target) ([]*Observation, error)
	// Batches reports whether ObserveAll saves calls.
	Batches() bool
	Create(ctx context.Context, t *Target, want blueprint.Spec) (Attributes, error)
	Update(ctx context.Context, t *Target, want blueprint.Spec, have *Observation, changed Changes) (Attributes, error)
	Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error
	Delete(ctx context.Context, t *Target) error
	// Transient reports whether err passes by itself.
	Transient(err error) bool
}

// All returns the driver of every kind, by the name that specs give.
func All(e Env) map[string]Driver {
	return map[string]Driver{
		blueprint.AlarmSpec{}.Kind():             adapt[blueprint.AlarmSpec](alarm{e, &gathered{}, &gathered{}}),
		blueprint.BucketSpec{}.Kind():            adapt[blueprint.BucketSpec](bucket{e}),
		blueprint.FunctionSpec{}.Kind():          adapt[blueprint.FunctionSpec](function{e}),
		blueprint.HashedListSpec{}.Kind():        adapt[blueprint.HashedListSpec](hashedList{e}),
		blueprint.LogGroupSpec{}.Kind():          adapt[blueprint.LogGroupSpec](logGroup{e}),
		blueprint.MappingSpec{}.Kind():           adapt[blueprint.MappingSpec](mapping{e}),
		blueprint.ObjectSpec{}.Kind():            adapt[blueprint.ObjectSpec](object{e}),
		blueprint.QueueSpec{}.Kind():             adapt[blueprint.QueueSpec](queue{e, &heldNames{}}),
		blueprint.RoleSpec{}.Kind():              adapt[blueprint.RoleSpec](role{e}),
		blueprint.ScheduleSpec{}.Kind():          adapt[blueprint.ScheduleSpec](schedule{e}),
		blueprint.SecretSpec{}.Kind():            adapt[blueprint.SecretSpec](secret{e}),
		blueprint.SigningKeySpec{}.Kind():        adapt[blueprint.SigningKeySpec](signingKey{e}),
		blueprint.StreamSpec{}.Kind():            adapt[blueprint.StreamSpec](stream{e}),
		blueprint.SubscriptionSpec{}.Kind():      adapt[blueprint.SubscriptionSpec](subscription{e}),
		blueprint.TableSpec{}.Kind():             adapt[blueprint.TableSpec](table{e}),
		blueprint.TableItemSpec{}.Kind():         adapt[blueprint.TableItemSpec](tableItem{e}),
		blueprint.TopicSpec{}.Kind():             adapt[blueprint.TopicSpec](topic{e}),
		blueprint.URLSpec{}.Kind():               adapt[blueprint.URLSpec](functionURL{e}),
		blueprint.EventInvokeConfigSpec{}.Kind(): adapt[blueprint.EventInvokeConfigSpec](eventInvokeConfig{e}),
		blueprint.DomainNameSpec{}.Kind():        adapt[blueprint.DomainNameSpec](domainName{e}),
		blueprint.HTTPAPISpec{}.Kind():           adapt[blueprint.HTTPAPISpec](httpAPI{e}),
		blueprint.IdentityPoolSpec{}.Kind():      adapt[blueprint.IdentityPoolSpec](identityPool{e}),
		blueprint.IdentityPoolRoleSpec{}.Kind():  adapt[blueprint.IdentityPoolRoleSpec](identityPoolRole{e}),
		blueprint.InvokePermissionSpec{}.Kind():  adapt[blueprint.InvokePermissionSpec](invokePermission{e}),
		blueprint.AccessControlSpec{}.Kind():     adapt[blueprint.AccessControlSpec](accessControl{e}),
		blueprint.LifecycleSpec{}.Kind():         adapt[blueprint.LifecycleSpec](bucketLifecycle{e}),
		blueprint.BucketPolicySpec{}.Kind():      adapt[blueprint.BucketPolicySpec](bucketPolicy{e}),
		blueprint.DistributionSpec{}.Kind():      adapt[blueprint.DistributionSpec](distribution{e}),
		blueprint.KeyValueStoreSpec{}.Kind():     adapt[blueprint.KeyValueStoreSpec](keyValueStore{e}),
		blueprint.EdgeFunctionSpec{}.Kind():      adapt[blueprint.EdgeFunctionSpec](edgeFunction{e}),
		blueprint.WebsiteSpec{}.Kind():           adapt[blueprint.WebsiteSpec](website{e}),
		blueprint.DashboardSpec{}.Kind():         adapt[blueprint.DashboardSpec](dashboard{e}),
	}
}

func adapt[S blueprint.Spec](k Kind[S]) Driver { return driver[S]{k} }

type driver[S blueprint.Spec] struct{ kind Kind[S] }

func (d driver[S]) Facts() Facts { return d.kind.Facts() }

func (d driver[S]) Observe(ctx context.Context, t *Target) (*Observation, error) {
	live, err := d.kind.Observe(ctx, t)
	if err != nil {
		return nil, err
	}
	return observation(live), nil
}

func observation[S blueprint.Spec](live *Live[S]) *Observation {
	if live == nil {
		return nil
	}
	return &Observation{Spec: live.Spec, Attributes: live.Attributes, Tags: live.Tags}
}

func (d driver[S]) Batches() bool {
	_, ok := d.kind.(BatchObserver[S])
	return ok
}

func (d driver[S]) ObserveAll(ctx context.Context, targets []*Target) ([]*Observation, error) {
	batcher, ok := d.kind.(BatchObserver[S])
	if !ok {
		return nil, fmt.Errorf("this kind observes objects one by one")
	}
	lives, err := batcher.ObserveAll(ctx, targets)
	if err != nil {
		return nil, err
	}
	out := make([]*Observation, len(lives))
	for i, live := range lives {
		out[i] = observation(live)
	}
	return out, nil
}

func (d driver[S]) Create(ctx context.Context, t *Target, want blueprint.Spec) (Attributes, error) {
	s, err := cast[S](want)
	if err != nil {
		return nil, err
	}
	return d.kind.Create(ctx, t, s)
}

func (d driver[S]) Update(ctx context.Context, t *Target, want blueprint.Spec, have *Observation, changed Changes) (Attributes, error) {
	s, err := cast[S](want)
	if err != nil {
		return nil, err
	}
	h, err := cast[S](have.Spec)
	if err != nil {
		return nil, err
	}
	return d.kind.Update(ctx, t, s, &Live[S]{Spec: h, Attributes: have.Attributes, Tags: have.Tags}, changed)
}

func (d driver[S]) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	tagger, ok := d.kind.(Tagger)
	if !ok {
		return nil
	}
	return tagger.Tag(ctx, t, set, remove)
}

func (d driver[S]) Delete(ctx context.Context, t *Target) error { return d.kind.Delete(ctx, t) }

// throttles are the codes of throttling that may outlast the SDK's own
// attempts (AWS SDK for Go v2, retry.DefaultThrottleErrorCodes).
var throttles = map[string]bool{
	"Throttling": true, "ThrottlingException": true, "ThrottledException": true, "RequestThrottled": true, "RequestThrottledException": true,
	"TooManyRequestsException": true, "RequestLimitExceeded": true, "BandwidthLimitExceeded": true, "LimitExceededException": false,
	"SlowDown": true, "PriorRequestNotComplete": true, "EC2ThrottledException": true, "ProvisionedThroughputExceededException": true,
}

func (d driver[S]) Transient(err error) bool {
	if throttles[code(err)] {
		return true
	}
	for _, t := range d.kind.Facts().Transient {
		if t.matches(err) {
			return true
		}
	}
	return false
}

func cast[S blueprint.Spec](s blueprint.Spec) (S, error) {
	typed, ok := s.(S)
	if !ok {
		return typed, fmt.Errorf("a %T where a %T belongs", s, typed)
	}
	return typed, nil
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}
