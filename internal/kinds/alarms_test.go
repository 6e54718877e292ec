package kinds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// TestOneListForBothSorts reads alarms of metrics and of alarms with one list.
func TestOneListForBothSorts(t *testing.T) {
	begin(t)
	compositeCase().setup(t)
	targets := []*Target{targetOf(testAlarm), made(t, "tv-vote-unwell-use1", compositeBase()), targetOf("tv-vote-none-use1")}
	mark := local.Gate().Meter().Mark()
	seen, err := drivers["alarm"].ObserveAll(t.Context(), targets)
	if err != nil {
		t.Fatal(err)
	}
	same(t, alarmBase(), seen[0])
	same(t, compositeBase(), seen[1])
	if seen[2] != nil {
		t.Errorf("an alarm that is not there is observed as %+v", seen[2])
	}
	lists := 0
	for _, c := range local.Gate().Meter().Calls(mark) {
		if c.Operation == "DescribeAlarms" {
			lists++
		}
	}
	if lists != 1 {
		t.Errorf("it took %d lists, want 1", lists)
	}
}

// TestSilencedComposite keeps what an operator has switched off.
func TestSilencedComposite(t *testing.T) {
	begin(t)
	compositeCase().setup(t)
	const name = "tv-vote-unwell-use1"
	target := made(t, name, compositeBase())
	if _, err := env.AWS.CloudWatch.DisableAlarmActions(t.Context(), &cloudwatch.DisableAlarmActionsInput{AlarmNames: []string{name}}); err != nil {
		t.Fatal(err)
	}
	update(t, target, with(compositeBase(), func(s *blueprint.AlarmSpec) { s.Description = "other" }))
	out, err := env.AWS.CloudWatch.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{name}, AlarmTypes: bothTypes})
	if err != nil || len(out.CompositeAlarms) != 1 || aws.ToBool(out.CompositeAlarms[0].ActionsEnabled) {
		t.Errorf("the alarm rings again: %+v, %v", out, err)
	}
}

// TestAlarmsGoTogether deletes many alarms at the same time with few calls.
func TestAlarmsGoTogether(t *testing.T) {
	begin(t)
	const n = 12
	var targets []*Target
	for i := range n {
		targets = append(targets, made(t, fmt.Sprintf("%s%d", testAlarm, i), alarmBase()))
	}
	mark := local.Gate().Meter().Mark()
	var all sync.WaitGroup
	for _, target := range append(targets, targetOf("tv-vote-none-use1")) {
		all.Go(func() {
			if err := drivers["alarm"].Delete(t.Context(), target); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	calls := int(local.Gate().Meter().Since(mark).Total())
	if calls > n/3 {
		t.Errorf("%d alarms took %d calls", n, calls)
	}
	seen, err := drivers["alarm"].ObserveAll(t.Context(), targets)
	if err != nil || slices.ContainsFunc(seen, func(o *Observation) bool { return o != nil }) {
		t.Errorf("some alarms are left: %v, %v", seen, err)
	}
}

// TestAlarmsComeTogether makes many alarms at the same time and looks for their
// names with few calls; each name that is taken is told to its own.
func TestAlarmsComeTogether(t *testing.T) {
	begin(t)
	const n = 12
	var targets []*Target
	for i := range n {
		targets = append(targets, targetOf(fmt.Sprintf("%s%d", testAlarm, i)))
	}
	create := func(targets []*Target, want error) {
		var all sync.WaitGroup
		for _, target := range targets {
			all.Go(func() {
				if _, err := drivers["alarm"].Create(t.Context(), target, alarmBase()); !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", target.Name, err, want)
				}
			})
		}
		all.Wait()
	}
	mark := local.Gate().Meter().Mark()
	create(targets[1:], nil)
	looks := 0
	for _, c := range local.Gate().Meter().Calls(mark) {
		if c.Operation == "DescribeAlarms" {
			looks++
		}
	}
	if looks > n/3 {
		t.Errorf("%d alarms took %d looks", n, looks)
	}
	create(targets[1:], ErrPresent)
	create(targets[:1], nil)
}

// TestGathered: each gets the answer to his own, whoever it went out with.
func TestGathered(t *testing.T) {
	var g gathered
	bad := errors.New("no such name")
	began, release := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var sizes []int
	call := func(_ context.Context, names []string) error {
		mu.Lock()
		sizes = append(sizes, len(names))
		first := len(sizes) == 1
		mu.Unlock()
		if first {
			close(began)
			<-release
		}
		if slices.Contains(names, "bad") {
			return bad
		}
		return nil
	}
	errs := map[string]error{}
	var all sync.WaitGroup
	do := func(ctx context.Context, name string) {
		all.Go(func() {
			err := g.do(ctx, name, 3, call)
			mu.Lock()
			defer mu.Unlock()
			errs[name] = err
		})
	}
	do(t.Context(), "first")
	<-began
	hurried, cancel := context.WithCancel(t.Context())
	for i, name := range []string{"a", "bad", "b", "late"} {
		ctx := t.Context()
		if name == "late" {
			ctx = hurried
		}
		do(ctx, name)
		// In this order, so that it is known who goes with whom.
		for waiting := 0; waiting <= i; {
			g.mu.Lock()
			waiting = len(g.waiting)
			g.mu.Unlock()
		}
	}
	cancel()
	close(release)
	all.Wait()
	for name, want := range map[string]error{"first": nil, "a": nil, "bad": bad, "b": nil, "late": context.Canceled} {
		if !errors.Is(errs[name], want) {
			t.Errorf("%s got %v, want %v", name, errs[name], want)
		}
	}
	// The first alone, three together, each of these again, and the last.
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(sizes[:5], []int{1, 3, 1, 1, 1}) {
		t.Errorf("the calls were for %v", sizes)
	}
}
