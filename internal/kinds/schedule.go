package kinds

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// schedule manages EventBridge schedules in the default group. Schedules take
// no tags: their description says whose they are.
type schedule struct{ Env }

func (schedule) Facts() Facts {
	const own = "arn:{partition}:scheduler:{region}:{account}:schedule/default/{name}"
	return Facts{
		Ownership: OwnedByMark, ObserveCalls: 1,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{"scheduler:GetSchedule"}, Resources: []string{own}},
			{Verbs: []Verb{Creating}, Actions: []string{"scheduler:CreateSchedule"}, Resources: []string{own}},
			{Verbs: []Verb{Updating}, Actions: []string{"scheduler:GetSchedule", "scheduler:UpdateSchedule"}, Resources: []string{own}},
			{Verbs: []Verb{Deleting}, Actions: []string{"scheduler:DeleteSchedule"}, Resources: []string{own}},
		},
		Transient: []Transient{
			{"ValidationException", "must allow AWS EventBridge Scheduler to assume the role", "a new role takes seconds to be known everywhere (IAM User Guide, eventual consistency)"},
			{"ConflictException", "", "the schedule is being changed; or it exists after an answer was lost, which the next look tells"},
		},
	}
}

func (k schedule) Observe(ctx context.Context, t *Target) (*Live[blueprint.ScheduleSpec], error) {
	out, err := k.AWS.Scheduler.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: &t.Name})
	if code(err) == "ResourceNotFoundException" {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	s := blueprint.ScheduleSpec{Expression: aws.ToString(out.ScheduleExpression), Description: aws.ToString(out.Description)}
	if target := out.Target; target != nil {
		s.TargetARN, s.RoleARN, s.Input = aws.ToString(target.Arn), aws.ToString(target.RoleArn), aws.ToString(target.Input)
		if r := target.RetryPolicy; r != nil {
			s.Retries, s.MaxAge = int(aws.ToInt32(r.MaximumRetryAttempts)), int(aws.ToInt32(r.MaximumEventAgeInSeconds))
		}
	}
	return &Live[blueprint.ScheduleSpec]{Spec: s, Attributes: Attributes{}, Tags: blueprint.Marked(s.Description)}, nil
}

func scheduleTarget(s blueprint.ScheduleSpec) *types.Target {
	target := &types.Target{
		Arn: &s.TargetARN, RoleArn: &s.RoleARN,
		RetryPolicy: &types.RetryPolicy{
			MaximumRetryAttempts: aws.Int32(int32(s.Retries)), MaximumEventAgeInSeconds: aws.Int32(int32(s.MaxAge)), //nolint:gosec // small counts
		},
	}
	if s.Input != "" {
		target.Input = &s.Input
	}
	return target
}

// Create sends no token of its own: the SDK's covers its attempts, and one made
// from the name would answer for a schedule that was deleted in between.
func (k schedule) Create(ctx context.Context, t *Target, want blueprint.ScheduleSpec) (Attributes, error) {
	_, err := k.AWS.Scheduler.CreateSchedule(ctx, &scheduler.CreateScheduleInput{
		Name: &t.Name, ScheduleExpression: &want.Expression, Description: &want.Description, Target: scheduleTarget(want),
		FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
	})
	if code(err) == "ConflictException" {
		return nil, ErrPresent
	}
	return Attributes{}, err
}

// Update gives the whole schedule: what it left out would return to defaults
// (EventBridge Scheduler API Reference, UpdateSchedule). So what is not ours,
// such as that an operator has switched it off, is read first.
func (k schedule) Update(ctx context.Context, t *Target, want blueprint.ScheduleSpec, live *Live[blueprint.ScheduleSpec], _ Changes) (Attributes, error) {
	now, err := k.AWS.Scheduler.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: &t.Name})
	if err != nil {
		return nil, err
	}
	_, err = k.AWS.Scheduler.UpdateSchedule(ctx, &scheduler.UpdateScheduleInput{
		Name: &t.Name, ScheduleExpression: &want.Expression, Description: &want.Description, Target: scheduleTarget(want),
		FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		State:              now.State, StartDate: now.StartDate, EndDate: now.EndDate, ActionAfterCompletion: now.ActionAfterCompletion,
		ScheduleExpressionTimezone: now.ScheduleExpressionTimezone, KmsKeyArn: now.KmsKeyArn,
	})
	return live.Attributes, err
}

func (k schedule) Delete(ctx context.Context, t *Target) error {
	_, err := k.AWS.Scheduler.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{Name: &t.Name})
	if code(err) == "ResourceNotFoundException" {
		return nil
	}
	return err
}
