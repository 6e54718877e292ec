package kinds

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// alarm manages CloudWatch alarms, of metrics and of other alarms. Both share
// their names, so that one list finds either.
type alarm struct {
	Env
	// deletions, and looks before something is made, go out together.
	deletions, looks *gathered
}

// alarmsPerCall is the greatest number of names in DescribeAlarms and
// DeleteAlarms (CloudWatch API Reference).
const alarmsPerCall = 100

func (alarm) Facts() Facts {
	const own = "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}"
	return Facts{
		ObserveCalls: 1, BatchCalls: 1,
		Permissions: []Permission{
			// A list cannot be narrowed to the alarms that it returns, and tells of
			// composite ones only where it is allowed everywhere (CloudWatch API
			// Reference, DescribeAlarms).
			{Verbs: []Verb{Observing, Creating, Updating}, Actions: []string{"cloudwatch:DescribeAlarms"}, Resources: []string{"*"}},
			{Verbs: []Verb{Observing}, Actions: []string{"cloudwatch:ListTagsForResource"}, Resources: []string{own}},
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"cloudwatch:PutMetricAlarm"}, Resources: []string{own}, Unless: "rule"},
			// No narrower scope will do (CloudWatch API Reference, PutCompositeAlarm).
			{Verbs: []Verb{Creating, Updating}, Actions: []string{"cloudwatch:PutCompositeAlarm"}, Resources: []string{"*"}, If: "rule"},
			{Verbs: []Verb{Creating}, Actions: []string{"cloudwatch:TagResource"}, Resources: []string{own}},
			{Verbs: []Verb{Updating}, Actions: []string{"cloudwatch:TagResource", "cloudwatch:UntagResource"}, Resources: []string{own}},
			{Verbs: []Verb{Deleting}, Actions: []string{"cloudwatch:DeleteAlarms"}, Resources: []string{own}},
		},
	}
}

// alarmMissing reports that there is no such alarm, by the names that the query
// protocol and the newer ones have for it.
func alarmMissing(err error) bool {
	return code(err) == "ResourceNotFound" || code(err) == "ResourceNotFoundException"
}

func (k alarm) Observe(ctx context.Context, t *Target) (*Live[blueprint.AlarmSpec], error) {
	return one(ctx, t, k.ObserveAll)
}

// ObserveAll implements BatchObserver.
func (k alarm) ObserveAll(ctx context.Context, targets []*Target) ([]*Live[blueprint.AlarmSpec], error) {
	found := map[string]describedAlarm{}
	for batch := range slices.Chunk(targets, alarmsPerCall) {
		var names []string
		for _, t := range batch {
			names = append(names, t.Name)
		}
		out, err := k.find(ctx, names)
		if err != nil {
			return nil, err
		}
		for _, a := range out.MetricAlarms {
			found[aws.ToString(a.AlarmName)] = describedAlarm{alarmSpec(a), a.AlarmArn}
		}
		for _, a := range out.CompositeAlarms {
			found[aws.ToString(a.AlarmName)] = describedAlarm{compositeSpec(a), a.AlarmArn}
		}
	}
	return each(ctx, targets, func(ctx context.Context, t *Target) (*Live[blueprint.AlarmSpec], error) {
		a, ok := found[t.Name]
		if !ok {
			return nil, nil
		}
		tags, err := k.AWS.CloudWatch.ListTagsForResource(ctx, &cloudwatch.ListTagsForResourceInput{ResourceARN: a.arn})
		if alarmMissing(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		live := &Live[blueprint.AlarmSpec]{Spec: a.spec, Attributes: Attributes{}, Tags: map[string]string{}}
		for _, tag := range tags.Tags {
			live.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		return live, nil
	})
}

// bothTypes are asked for: without them AWS lists metric alarms alone.
var bothTypes = []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm}

type describedAlarm struct {
	spec blueprint.AlarmSpec
	arn  *string
}

func compositeSpec(a types.CompositeAlarm) blueprint.AlarmSpec {
	return blueprint.AlarmSpec{
		Description: aws.ToString(a.AlarmDescription), Composite: true, Rule: aws.ToString(a.AlarmRule),
		Actions: slices.Sorted(slices.Values(a.AlarmActions)), OKActions: slices.Sorted(slices.Values(a.OKActions)),
	}
}

func alarmSpec(a types.MetricAlarm) blueprint.AlarmSpec {
	s := blueprint.AlarmSpec{
		Description: aws.ToString(a.AlarmDescription), Namespace: aws.ToString(a.Namespace), Metric: aws.ToString(a.MetricName),
		Dimensions: map[string]string{}, Statistic: string(a.Statistic), Comparison: string(a.ComparisonOperator),
		Threshold: aws.ToFloat64(a.Threshold), Period: int(aws.ToInt32(a.Period)), Periods: int(aws.ToInt32(a.EvaluationPeriods)),
		Datapoints: int(aws.ToInt32(a.DatapointsToAlarm)), MissingData: aws.ToString(a.TreatMissingData),
		Actions: slices.Sorted(slices.Values(a.AlarmActions)), OKActions: slices.Sorted(slices.Values(a.OKActions)),
	}
	for _, d := range a.Dimensions {
		s.Dimensions[aws.ToString(d.Name)] = aws.ToString(d.Value)
	}
	return s
}

// Create asks first whether the name is taken: putting an alarm would change an
// existing one, whoever owns it.
func (k alarm) Create(ctx context.Context, t *Target, want blueprint.AlarmSpec) (Attributes, error) {
	if err := k.looks.do(ctx, t.Name, alarmsPerCall, k.free); err != nil {
		return nil, err
	}
	if want.Composite {
		in := compositeInput(t, want)
		in.Tags = alarmTags(t.Tags)
		_, err := k.AWS.CloudWatch.PutCompositeAlarm(ctx, in)
		return Attributes{}, err
	}
	in := alarmInput(t, want)
	in.Tags = alarmTags(t.Tags)
	_, err := k.AWS.CloudWatch.PutMetricAlarm(ctx, in)
	return Attributes{}, err
}

// free returns nil where no alarm has one of the names, and ErrPresent where one
// has.
func (k alarm) free(ctx context.Context, names []string) error {
	out, err := k.find(ctx, names)
	if err == nil && len(out.MetricAlarms)+len(out.CompositeAlarms) > 0 {
		return ErrPresent
	}
	return err
}

// find looks for alarms of either sort, at most alarmsPerCall.
func (k alarm) find(ctx context.Context, names []string) (*cloudwatch.DescribeAlarmsOutput, error) {
	return k.AWS.CloudWatch.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
		AlarmNames: names, AlarmTypes: bothTypes, MaxRecords: aws.Int32(alarmsPerCall),
	})
}

func alarmInput(t *Target, want blueprint.AlarmSpec) *cloudwatch.PutMetricAlarmInput {
	in := &cloudwatch.PutMetricAlarmInput{
		AlarmName: &t.Name, AlarmDescription: &want.Description, Namespace: &want.Namespace, MetricName: &want.Metric,
		Statistic: types.Statistic(want.Statistic), ComparisonOperator: types.ComparisonOperator(want.Comparison),
		Threshold: &want.Threshold, Period: aws.Int32(int32(want.Period)), EvaluationPeriods: aws.Int32(int32(want.Periods)), //nolint:gosec // seconds and counts that Validate bounds
		TreatMissingData: &want.MissingData, AlarmActions: want.Actions, OKActions: want.OKActions,
	}
	if want.Datapoints > 0 {
		in.DatapointsToAlarm = aws.Int32(int32(want.Datapoints)) //nolint:gosec // a count that Validate bounds
	}
	for _, name := range sortedNames(want.Dimensions) {
		in.Dimensions = append(in.Dimensions, types.Dimension{Name: &name, Value: aws.String(want.Dimensions[name])})
	}
	return in
}

func compositeInput(t *Target, want blueprint.AlarmSpec) *cloudwatch.PutCompositeAlarmInput {
	return &cloudwatch.PutCompositeAlarmInput{
		AlarmName: &t.Name, AlarmDescription: &want.Description, AlarmRule: &want.Rule, AlarmActions: want.Actions, OKActions: want.OKActions,
	}
}

// Update puts the whole alarm, without tags, which AWS ignores for an alarm that
// exists. An operator may have silenced it for the night: what
// AWS would set back and is not ours is read first and put as it was (CloudWatch
// API Reference, PutMetricAlarm and PutCompositeAlarm).
func (k alarm) Update(ctx context.Context, t *Target, want blueprint.AlarmSpec, live *Live[blueprint.AlarmSpec], _ Changes) (Attributes, error) {
	out, err := k.find(ctx, []string{t.Name})
	if err != nil {
		return nil, err
	}
	if want.Composite {
		in := compositeInput(t, want)
		for _, a := range out.CompositeAlarms {
			in.ActionsEnabled, in.InsufficientDataActions = a.ActionsEnabled, a.InsufficientDataActions
			in.ActionsSuppressor, in.ActionsSuppressorWaitPeriod, in.ActionsSuppressorExtensionPeriod = a.ActionsSuppressor, a.ActionsSuppressorWaitPeriod, a.ActionsSuppressorExtensionPeriod
		}
		_, err = k.AWS.CloudWatch.PutCompositeAlarm(ctx, in)
		return live.Attributes, err
	}
	in := alarmInput(t, want)
	for _, a := range out.MetricAlarms {
		in.ActionsEnabled, in.InsufficientDataActions = a.ActionsEnabled, a.InsufficientDataActions
	}
	_, err = k.AWS.CloudWatch.PutMetricAlarm(ctx, in)
	return live.Attributes, err
}

func (k alarm) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	arn, err := k.arn(ctx, "cloudwatch", "alarm:"+t.Name)
	if err != nil {
		return err
	}
	if len(set) > 0 {
		if _, err := k.AWS.CloudWatch.TagResource(ctx, &cloudwatch.TagResourceInput{ResourceARN: &arn, Tags: alarmTags(set)}); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	_, err = k.AWS.CloudWatch.UntagResource(ctx, &cloudwatch.UntagResourceInput{ResourceARN: &arn, TagKeys: remove})
	return err
}

func alarmTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, name := range sortedNames(tags) {
		out = append(out, types.Tag{Key: &name, Value: aws.String(tags[name])})
	}
	return out
}

// Delete takes part in one call for many alarms: CloudWatch takes three calls a
// second, and a hundred names in each (CloudWatch service quotas; CloudWatch API
// Reference, DeleteAlarms).
func (k alarm) Delete(ctx context.Context, t *Target) error {
	return k.deletions.do(ctx, t.Name, alarmsPerCall, func(ctx context.Context, names []string) error {
		_, err := k.AWS.CloudWatch.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: names})
		if alarmMissing(err) && len(names) == 1 {
			return nil
		}
		return err
	})
}
