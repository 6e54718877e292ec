package kinds

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// mapping manages event source mappings from queues, Kinesis streams and tables'
// streams. AWS names them by UUID: one is found by its recorded id, or by its
// function and source.
type mapping struct{ Env }

func (mapping) Facts() Facts {
	const own = "arn:{partition}:lambda:{region}:{account}:event-source-mapping:*"
	// A mapping's id is not known beforehand; its function is.
	const function = "arn:{partition}:lambda:{region}:{account}:function:{function_name}"
	ofFunction := blueprint.Condition{"ArnLike": {"lambda:FunctionArn": {function, function + ":*"}}}
	return Facts{
		ObserveCalls: 2,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{"lambda:ListTags"}, Resources: []string{own}},
			// Listing has no resource of its own (Service Authorization Reference, AWS Lambda).
			{Verbs: []Verb{Observing, Creating, Deleting}, Actions: []string{"lambda:ListEventSourceMappings"}, Resources: []string{"*"}},
			// Without condition: a mapping that is gone has no function to judge by, and that it is gone is what is asked.
			{Verbs: []Verb{Observing, Creating, Updating, Deleting}, Actions: []string{"lambda:GetEventSourceMapping"}, Resources: []string{own}},
			// Nor has making one, but its function (ibid., condition keys).
			{Verbs: []Verb{Creating}, Actions: []string{"lambda:CreateEventSourceMapping"}, Resources: []string{"*"}, Condition: ofFunction},
			{Verbs: []Verb{Creating}, Actions: []string{"lambda:TagResource"}, Resources: []string{own}},
			{Verbs: []Verb{Updating}, Actions: []string{"lambda:UpdateEventSourceMapping"}, Resources: []string{own}, Condition: ofFunction},
			{Verbs: []Verb{Updating}, Actions: []string{"lambda:TagResource", "lambda:UntagResource"}, Resources: []string{own}},
			{Verbs: []Verb{Deleting}, Actions: []string{"lambda:DeleteEventSourceMapping"}, Resources: []string{own}, Condition: ofFunction},
		},
		Transient: []Transient{
			{"InvalidParameterValueException", "does not have permissions to call", "a new role's policy takes seconds to be known everywhere (IAM User Guide, eventual consistency)"},
			{"InvalidParameterValueException", "ensure the role can perform", "the same, for a stream"},
			{"InvalidParameterValueException", "cannot be assumed by Lambda", "the same, for its trust policy"},
			{"ResourceInUseException", "", "the mapping is being created, updated or deleted (Lambda API Reference, UpdateEventSourceMapping)"},
			{"ResourceNotFoundException", "", "a mapping just made, or its function's alias, is not known everywhere yet"},
			{"ResourceConflictException", "", "another operation on the mapping is under way"},
		},
	}
}

func (k mapping) Observe(ctx context.Context, t *Target) (*Live[blueprint.MappingSpec], error) {
	m, err := k.get(ctx, t)
	if err != nil {
		return nil, err
	}
	tags, err := k.AWS.Lambda.ListTags(ctx, &lambda.ListTagsInput{Resource: m.EventSourceMappingArn})
	if code(err) == "ResourceNotFoundException" {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	s := blueprint.MappingSpec{
		Source: aws.ToString(m.EventSourceArn), Function: aws.ToString(m.FunctionArn),
		BatchSize: int(aws.ToInt32(m.BatchSize)), Window: int(aws.ToInt32(m.MaximumBatchingWindowInSeconds)),
		PartialBatch: slices.Contains(m.FunctionResponseTypes, types.FunctionResponseTypeReportBatchItemFailures),
		Enabled:      strings.HasPrefix(aws.ToString(m.State), "Enabl"),
	}
	if m.ScalingConfig != nil {
		s.MaxConcurrency = int(aws.ToInt32(m.ScalingConfig.MaximumConcurrency))
	}
	if m.FilterCriteria != nil {
		for _, f := range m.FilterCriteria.Filters {
			s.Filters = append(s.Filters, aws.ToString(f.Pattern))
		}
	}
	if m.StartingPosition != "" {
		s.StartingPosition, s.Parallelization, s.Bisect = string(m.StartingPosition), int(aws.ToInt32(m.ParallelizationFactor)), aws.ToBool(m.BisectBatchOnFunctionError)
		s.MaxRetries, s.MaxAge = int(aws.ToInt32(m.MaximumRetryAttempts)), int(aws.ToInt32(m.MaximumRecordAgeInSeconds))
		if d := m.DestinationConfig; d != nil && d.OnFailure != nil {
			s.OnFailure = aws.ToString(d.OnFailure.Destination)
		}
	}
	return &Live[blueprint.MappingSpec]{Spec: s, Attributes: Attributes{"id": aws.ToString(m.UUID)}, Tags: tags.Tags}, nil
}

// get returns the mapping by its recorded id, or looks it up.
func (k mapping) get(ctx context.Context, t *Target) (*lambda.GetEventSourceMappingOutput, error) {
	id := t.Attributes["id"]
	if id == "" {
		found, err := k.find(ctx, t, false)
		if err != nil {
			return nil, err
		}
		id = found
	}
	out, err := k.AWS.Lambda.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: &id})
	if code(err) == "ResourceNotFoundException" || err == nil && aws.ToString(out.State) == mappingDeleting {
		return nil, ErrAbsent
	}
	return out, err
}

// mappingDeleting is the state of a mapping that is going.
const mappingDeleting = "Deleting"

// find looks the mapping up by the target's name, "<function>:<queue>", or with a
// stream's or a table's name for the queue's. One that is being deleted counts
// only with deleting.
func (k mapping) find(ctx context.Context, t *Target, deleting bool) (string, error) {
	function, source, ok := strings.Cut(t.Name, ":")
	if !ok {
		return "", errors.New("a mapping's name is its function's and its source's: " + t.Name)
	}
	qualified := function + ":" + blueprint.LiveAlias
	pages := lambda.NewListEventSourceMappingsPaginator(k.AWS.Lambda, &lambda.ListEventSourceMappingsInput{FunctionName: &qualified})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if code(err) == "ResourceNotFoundException" {
			return "", ErrAbsent
		}
		if err != nil {
			return "", err
		}
		for _, m := range page.EventSourceMappings {
			if sourceIs(aws.ToString(m.EventSourceArn), source) && (deleting || aws.ToString(m.State) != mappingDeleting) {
				return aws.ToString(m.UUID), nil
			}
		}
	}
	return "", ErrAbsent
}

// sourceIs reports whether an ARN is a queue's or a Kinesis stream's of that name,
// or the stream's of a table of that name.
func sourceIs(arn, name string) bool {
	return strings.HasSuffix(arn, ":"+name) || strings.HasSuffix(arn, ":stream/"+name) || strings.Contains(arn, ":table/"+name+"/stream/")
}

// Create looks first: where an answer was lost, the mapping is there already.
func (k mapping) Create(ctx context.Context, t *Target, want blueprint.MappingSpec) (Attributes, error) {
	if _, err := k.find(ctx, t, false); err == nil {
		return nil, ErrPresent
	} else if !errors.Is(err, ErrAbsent) {
		return nil, err
	}
	in := &lambda.CreateEventSourceMappingInput{
		EventSourceArn: &want.Source, FunctionName: &want.Function, Enabled: &want.Enabled, Tags: t.Tags,
		BatchSize: aws.Int32(int32(want.BatchSize)), MaximumBatchingWindowInSeconds: aws.Int32(int32(want.Window)), //nolint:gosec // Validate bounds both
		FunctionResponseTypes: responseTypes(want),
	}
	if want.MaxConcurrency > 0 {
		in.ScalingConfig = scaling(want)
	}
	if len(want.Filters) > 0 {
		in.FilterCriteria = filters(want)
	}
	if want.StartingPosition != "" {
		in.StartingPosition = types.EventSourcePosition(want.StartingPosition)
		in.ParallelizationFactor, in.BisectBatchOnFunctionError = aws.Int32(int32(want.Parallelization)), &want.Bisect           //nolint:gosec // Validate bounds it
		in.MaximumRetryAttempts, in.MaximumRecordAgeInSeconds = aws.Int32(int32(want.MaxRetries)), aws.Int32(int32(want.MaxAge)) //nolint:gosec // Validate bounds both
		if want.OnFailure != "" {
			in.DestinationConfig = destination(want)
		}
	}
	out, err := k.AWS.Lambda.CreateEventSourceMapping(ctx, in)
	if code(err) == "ResourceConflictException" {
		return nil, ErrPresent
	}
	if err != nil {
		return nil, err
	}
	id := aws.ToString(out.UUID)
	return Attributes{"id": id}, k.settled(ctx, id)
}

// settled waits until the mapping is in a state in which it can be changed.
func (k mapping) settled(ctx context.Context, id string) error {
	return k.wait(ctx, "event source mapping "+id+" is ready", func(ctx context.Context) (bool, error) {
		out, err := k.AWS.Lambda.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: &id})
		if err != nil {
			return false, err
		}
		state := aws.ToString(out.State)
		return state == "Enabled" || state == "Disabled", nil
	})
}

func responseTypes(s blueprint.MappingSpec) []types.FunctionResponseType {
	if s.PartialBatch {
		return []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures}
	}
	return []types.FunctionResponseType{}
}

// scaling is empty for no bound: Lambda reads that as "remove the bound".
func scaling(s blueprint.MappingSpec) *types.ScalingConfig {
	if s.MaxConcurrency == 0 {
		return &types.ScalingConfig{}
	}
	return &types.ScalingConfig{MaximumConcurrency: aws.Int32(int32(s.MaxConcurrency))} //nolint:gosec // Validate bounds it
}

// filters are empty for none: Lambda reads that as "remove the filters".
func filters(s blueprint.MappingSpec) *types.FilterCriteria {
	out := &types.FilterCriteria{Filters: []types.Filter{}}
	for _, pattern := range s.Filters {
		out.Filters = append(out.Filters, types.Filter{Pattern: &pattern})
	}
	return out
}

// destination is empty for none: Lambda reads that as "remove the destination".
func destination(s blueprint.MappingSpec) *types.DestinationConfig {
	if s.OnFailure == "" {
		return &types.DestinationConfig{OnFailure: &types.OnFailure{}}
	}
	return &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &s.OnFailure}}
}

// Update leaves out whether the mapping is enabled, which belongs to run time,
// and its bound of concurrent calls where that is not to be changed.
func (k mapping) Update(ctx context.Context, _ *Target, want blueprint.MappingSpec, live *Live[blueprint.MappingSpec], changed Changes) (Attributes, error) {
	id := live.Attributes["id"]
	if len(changed) == 0 {
		return live.Attributes, nil
	}
	in := &lambda.UpdateEventSourceMappingInput{
		UUID: &id, FunctionName: &want.Function,
		BatchSize: aws.Int32(int32(want.BatchSize)), MaximumBatchingWindowInSeconds: aws.Int32(int32(want.Window)), //nolint:gosec // Validate bounds both
		FunctionResponseTypes: responseTypes(want),
	}
	if changed.Any("maximum_concurrency") {
		in.ScalingConfig = scaling(want)
	}
	if changed.Any("filters") {
		in.FilterCriteria = filters(want)
	}
	if want.StartingPosition != "" {
		in.ParallelizationFactor, in.BisectBatchOnFunctionError = aws.Int32(int32(want.Parallelization)), &want.Bisect           //nolint:gosec // Validate bounds it
		in.MaximumRetryAttempts, in.MaximumRecordAgeInSeconds = aws.Int32(int32(want.MaxRetries)), aws.Int32(int32(want.MaxAge)) //nolint:gosec // Validate bounds both
	}
	if changed.Any("on_failure_destination") {
		in.DestinationConfig = destination(want)
	}
	if _, err := k.AWS.Lambda.UpdateEventSourceMapping(ctx, in); err != nil {
		return nil, err
	}
	return live.Attributes, k.settled(ctx, id)
}

func (k mapping) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	m, err := k.get(ctx, t)
	if err != nil {
		return err
	}
	return tagLambda(ctx, k.AWS.Lambda, aws.ToString(m.EventSourceMappingArn), set, remove)
}

// tagLambda sets and removes tags of a function or a mapping.
func tagLambda(ctx context.Context, client *lambda.Client, arn string, set map[string]string, remove []string) error {
	if len(set) > 0 {
		if _, err := client.TagResource(ctx, &lambda.TagResourceInput{Resource: &arn, Tags: set}); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	_, err := client.UntagResource(ctx, &lambda.UntagResourceInput{Resource: &arn, TagKeys: remove})
	return err
}

// Delete waits out a mapping that is being deleted already, as an earlier
// Delete that was cut off leaves it.
func (k mapping) Delete(ctx context.Context, t *Target) error {
	id := t.Attributes["id"]
	if id == "" {
		found, err := k.find(ctx, t, true)
		if errors.Is(err, ErrAbsent) {
			return nil
		}
		if err != nil {
			return err
		}
		id = found
	}
	m, err := k.AWS.Lambda.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: &id})
	if code(err) == "ResourceNotFoundException" {
		return nil
	}
	if err != nil {
		return err
	}
	if aws.ToString(m.State) != mappingDeleting {
		if _, err := k.AWS.Lambda.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: &id}); err != nil && code(err) != "ResourceNotFoundException" {
			return err
		}
	}
	return k.wait(ctx, "event source mapping "+id+" is gone", func(ctx context.Context) (bool, error) {
		_, err := k.AWS.Lambda.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: &id})
		if code(err) == "ResourceNotFoundException" {
			return true, nil
		}
		return false, err
	})
}
