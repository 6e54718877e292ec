package deploy

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
)

// lengthy is a kind that takes longer than our patience to make or delete an
// object, and then meets an error that passes, as often as told.
type lengthy struct {
	kinds.Driver
	clock *fakeClock
	takes time.Duration
	left  int
}

func (l *lengthy) meet() error {
	<-l.clock.After(l.takes)
	if l.left == 0 {
		return nil
	}
	l.left--
	// The rest goes quickly.
	l.takes = time.Second
	return &smithy.OperationError{ServiceID: "SQS", OperationName: "CreateQueue", Err: &smithy.GenericAPIError{Code: "QueueDeletedRecently"}}
}

func (l *lengthy) Create(ctx context.Context, t *kinds.Target, want blueprint.Spec) (kinds.Attributes, error) {
	if err := l.meet(); err != nil {
		return nil, err
	}
	return l.Driver.Create(ctx, t, want)
}

func (l *lengthy) Delete(ctx context.Context, t *kinds.Target) error {
	if err := l.meet(); err != nil {
		return err
	}
	return l.Driver.Delete(ctx, t)
}

// TestPatienceIsForErrors: an error that passes is waited out for as long, however
// long what came before it took, as with a distribution, which all edges must know
// to be disabled.
func TestPatienceIsForErrors(t *testing.T) {
	const often = 1000
	for name, c := range map[string]struct {
		errors int
		want   string
	}{"passes": {3, ""}, "stays": {often, "Still so after 2m0s"}} {
		t.Run(name, func(t *testing.T) {
			e, account := newEngine(t, 3)
			clock := newClock()
			e.Clock = heartless{clock}
			kind := blueprint.QueueSpec{}.Kind()
			queues := e.Kinds[kind]
			b := blueprint.NewBuilder(settings())
			b.Queue("votes", blueprint.Queue{Visibility: time.Minute})
			check := func(what string, res Result) {
				t.Helper()
				failed := ""
				if len(res.Failures) > 0 {
					failed = res.Failures[0].Detail
				}
				if c.want == "" && failed != "" || !strings.Contains(failed, c.want) {
					t.Errorf("%s: %q, want %q", what, failed, c.want)
				}
			}
			e.Kinds[kind] = &lengthy{queues, clock, 10 * time.Minute, c.errors}
			check("create", e.Apply(t.Context(), input(b, true)))
			e.Kinds[kind] = queues
			succeeded(t, e.Apply(t.Context(), input(b, c.want != "")))
			e.Kinds[kind] = &lengthy{queues, clock, 10 * time.Minute, c.errors}
			check("delete", e.Destroy(t.Context(), input(b, false)))
			e.Kinds[kind] = queues
			if c.want != "" {
				succeededGone(t, e, account, b)
			}
		})
	}
}
