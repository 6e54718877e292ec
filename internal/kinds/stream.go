package kinds

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// stream manages Kinesis data streams.
type stream struct{ Env }

func (stream) Facts() Facts {
	own := []string{"arn:{partition}:kinesis:{region}:{account}:stream/{name}"}
	return Facts{
		ObserveCalls: 2,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{"kinesis:DescribeStreamSummary", "kinesis:ListTagsForStream"}, Resources: own},
			// Tags at creation need AddTagsToStream (Kinesis Data Streams API Reference, CreateStream).
			{Verbs: []Verb{Creating}, Actions: []string{"kinesis:CreateStream", "kinesis:AddTagsToStream", "kinesis:DescribeStreamSummary", "kinesis:StartStreamEncryption"}, Resources: own},
			{Verbs: []Verb{Creating}, Actions: []string{"kinesis:IncreaseStreamRetentionPeriod"}, Resources: own, Rare: "only where records stay longer than a day"},
			{Verbs: []Verb{Updating}, Actions: []string{
				"kinesis:DescribeStreamSummary", "kinesis:IncreaseStreamRetentionPeriod", "kinesis:DecreaseStreamRetentionPeriod", "kinesis:StartStreamEncryption",
			}, Resources: own, Rare: "only where its arguments change, or somebody has changed the stream"},
			// Neither has a resource of its own (Service Authorization Reference, Amazon Kinesis Data Streams).
			{Verbs: []Verb{Updating}, Actions: []string{"kinesis:UpdateShardCount", "kinesis:UpdateStreamMode"}, Resources: []string{"*"}, Rare: "only where the number of shards or the mode changes"},
			{Verbs: []Verb{Updating}, Actions: []string{"kinesis:AddTagsToStream", "kinesis:RemoveTagsFromStream"}, Resources: own, Rare: "only where tags change"},
			{Verbs: []Verb{Deleting}, Actions: []string{"kinesis:DeleteStream", "kinesis:DescribeStreamSummary"}, Resources: own},
		},
		Transient: []Transient{
			{"ResourceInUseException", "", "the stream is being created, changed or deleted (Kinesis Data Streams API Reference, each operation)"},
			{"ResourceNotFoundException", "", "a stream just made is not known everywhere yet"},
			{"LimitExceededException", "rate exceeded", "calls a second are bounded, of which the service says no more (Kinesis Data Streams Developer Guide, \"Quotas and limits\", control plane API limits)"},
			{"LimitExceededException", "simultaneously", "at most five streams may be in the making at once (Kinesis Data Streams API Reference, CreateStream)"},
		},
	}
}

// describe returns the stream; one that is being deleted is absent.
func (k stream) describe(ctx context.Context, name string) (*types.StreamDescriptionSummary, error) {
	out, err := k.AWS.Kinesis.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &name})
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) || err == nil && out.StreamDescriptionSummary.StreamStatus == types.StreamStatusDeleting {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	return out.StreamDescriptionSummary, nil
}

// active waits until the stream can be used and changed, and returns it.
func (k stream) active(ctx context.Context, name string) (d *types.StreamDescriptionSummary, err error) {
	err = k.wait(ctx, "stream "+name+" is active", func(ctx context.Context) (bool, error) {
		d, err = k.describe(ctx, name)
		return err == nil && d.StreamStatus == types.StreamStatusActive, err
	})
	return d, err
}

// Observe waits for a stream that is still being made, after an apply that was cut
// off, so that dependants can rely on it.
func (k stream) Observe(ctx context.Context, t *Target) (*Live[blueprint.StreamSpec], error) {
	d, err := k.describe(ctx, t.Name)
	if err == nil && d.StreamStatus == types.StreamStatusCreating {
		d, err = k.active(ctx, t.Name)
	}
	if err != nil {
		return nil, err
	}
	live := &Live[blueprint.StreamSpec]{Spec: streamSpec(d), Attributes: Attributes{}, Tags: map[string]string{}}
	// One page has all: AWS takes 50 tags (Kinesis Data Streams API Reference, ListTagsForStream).
	out, err := k.AWS.Kinesis.ListTagsForStream(ctx, &kinesis.ListTagsForStreamInput{StreamName: &t.Name, Limit: aws.Int32(50)})
	if err != nil {
		return nil, err
	}
	for _, tag := range out.Tags {
		live.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return live, nil
}

func streamSpec(d *types.StreamDescriptionSummary) blueprint.StreamSpec {
	s := blueprint.StreamSpec{Mode: blueprint.StreamProvisioned, Retention: int(aws.ToInt32(d.RetentionPeriodHours))}
	if d.StreamModeDetails != nil {
		s.Mode = string(d.StreamModeDetails.StreamMode)
	}
	if s.Mode == blueprint.StreamProvisioned {
		s.Shards = int(aws.ToInt32(d.OpenShardCount))
	}
	if d.EncryptionType == types.EncryptionTypeKms {
		s.KMSKey = aws.ToString(d.KeyId)
	}
	return s
}

func (k stream) Create(ctx context.Context, t *Target, want blueprint.StreamSpec) (Attributes, error) {
	in := &kinesis.CreateStreamInput{StreamName: &t.Name, Tags: t.Tags, StreamModeDetails: &types.StreamModeDetails{StreamMode: types.StreamMode(want.Mode)}}
	if want.Mode == blueprint.StreamProvisioned {
		in.ShardCount = aws.Int32(int32(want.Shards)) //nolint:gosec // Validate bounds it
	}
	_, err := k.AWS.Kinesis.CreateStream(ctx, in)
	var inUse *types.ResourceInUseException
	if errors.As(err, &inUse) {
		return nil, k.taken(ctx, t, err)
	}
	if err != nil {
		return nil, err
	}
	// A stream just made may not be known everywhere yet.
	err = k.wait(ctx, "stream "+t.Name+" is known", func(ctx context.Context) (bool, error) {
		_, err := k.describe(ctx, t.Name)
		if errors.Is(err, ErrAbsent) {
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return nil, err
	}
	d, err := k.active(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	return Attributes{}, k.settle(ctx, t.Name, want, streamSpec(d))
}

// taken tells a name that a stream has from one whose stream is being deleted,
// which is free again after a while.
func (k stream) taken(ctx context.Context, t *Target, refused error) error {
	_, err := k.describe(ctx, t.Name)
	switch {
	case err == nil:
		return ErrPresent
	case errors.Is(err, ErrAbsent):
		return refused
	}
	return err
}

// Update brings the stream to what it should be, one change after the other:
// Kinesis takes none while another is under way.
func (k stream) Update(ctx context.Context, t *Target, want blueprint.StreamSpec, live *Live[blueprint.StreamSpec], _ Changes) (Attributes, error) {
	if _, err := k.active(ctx, t.Name); err != nil {
		return nil, err
	}
	return live.Attributes, k.settle(ctx, t.Name, want, live.Spec)
}

// settle makes all changes that lead from what the stream has to what is wanted.
func (k stream) settle(ctx context.Context, name string, want, has blueprint.StreamSpec) error {
	if want.Mode != has.Mode {
		if err := k.mode(ctx, name, want.Mode); err != nil {
			return err
		}
	}
	if want.Mode == blueprint.StreamProvisioned {
		if err := k.scale(ctx, name, want.Shards); err != nil {
			return err
		}
	}
	hours := aws.Int32(int32(want.Retention)) //nolint:gosec // Validate bounds it
	switch {
	case want.Retention > has.Retention:
		if _, err := k.AWS.Kinesis.IncreaseStreamRetentionPeriod(ctx, &kinesis.IncreaseStreamRetentionPeriodInput{StreamName: &name, RetentionPeriodHours: hours}); err != nil {
			return step("raise the retention period", err)
		}
	case want.Retention < has.Retention:
		if _, err := k.AWS.Kinesis.DecreaseStreamRetentionPeriod(ctx, &kinesis.DecreaseStreamRetentionPeriodInput{StreamName: &name, RetentionPeriodHours: hours}); err != nil {
			return step("lower the retention period", err)
		}
	}
	if _, err := k.active(ctx, name); err != nil {
		return err
	}
	if want.KMSKey == has.KMSKey {
		return nil
	}
	_, err := k.AWS.Kinesis.StartStreamEncryption(ctx, &kinesis.StartStreamEncryptionInput{StreamName: &name, EncryptionType: types.EncryptionTypeKms, KeyId: &want.KMSKey})
	if err != nil {
		return step("encrypt the stream", err)
	}
	_, err = k.active(ctx, name)
	return err
}

// mode switches between the capacity modes, which Kinesis does twice in 24 hours
// (Kinesis Data Streams API Reference, UpdateStreamMode).
func (k stream) mode(ctx context.Context, name, mode string) error {
	arn, err := k.arn(ctx, "kinesis", "stream/"+name)
	if err != nil {
		return err
	}
	_, err = k.AWS.Kinesis.UpdateStreamMode(ctx, &kinesis.UpdateStreamModeInput{StreamARN: &arn, StreamModeDetails: &types.StreamModeDetails{StreamMode: types.StreamMode(mode)}})
	if err != nil {
		return step("change the mode", err)
	}
	_, err = k.active(ctx, name)
	return err
}

// scale changes the number of shards: to the double or to the half at most, and
// so in steps (Kinesis Data Streams API Reference, UpdateShardCount).
func (k stream) scale(ctx context.Context, name string, shards int) error {
	for {
		d, err := k.active(ctx, name)
		if err != nil {
			return err
		}
		now := int(aws.ToInt32(d.OpenShardCount))
		if now == shards {
			return nil
		}
		next := aws.Int32(int32(min(max(shards, (now+1)/2), 2*now))) //nolint:gosec // Validate bounds it
		if _, err := k.AWS.Kinesis.UpdateShardCount(ctx, &kinesis.UpdateShardCountInput{StreamName: &name, TargetShardCount: next, ScalingType: types.ScalingTypeUniformScaling}); err != nil {
			return step("change the number of shards", err)
		}
	}
}

func (k stream) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	if len(set) > 0 {
		if _, err := k.AWS.Kinesis.AddTagsToStream(ctx, &kinesis.AddTagsToStreamInput{StreamName: &t.Name, Tags: set}); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	_, err := k.AWS.Kinesis.RemoveTagsFromStream(ctx, &kinesis.RemoveTagsFromStreamInput{StreamName: &t.Name, TagKeys: remove})
	return err
}

// Delete takes consumers that somebody has registered with the stream along.
func (k stream) Delete(ctx context.Context, t *Target) error {
	_, err := k.AWS.Kinesis.DeleteStream(ctx, &kinesis.DeleteStreamInput{StreamName: &t.Name, EnforceConsumerDeletion: aws.Bool(true)})
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return nil
	}
	if err != nil {
		return err
	}
	return k.wait(ctx, "stream "+t.Name+" is gone", func(ctx context.Context) (bool, error) {
		_, err := k.AWS.Kinesis.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &t.Name})
		if errors.As(err, &missing) {
			return true, nil
		}
		return false, err
	})
}
