package kinds

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// topic manages standard SNS topics.
type topic struct{ Env }

// topicMissing are SNS's answers for a topic, or a subscription, that does not
// exist; tags have one of their own.
var topicMissing = map[string]bool{"NotFound": true, "NotFoundException": true, "ResourceNotFound": true, "ResourceNotFoundException": true}

func (topic) Facts() Facts {
	own := []string{"arn:{partition}:sns:{region}:{account}:{name}"}
	return Facts{
		ObserveCalls: 2,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{"sns:GetTopicAttributes", "sns:ListTagsForResource"}, Resources: own},
			{Verbs: []Verb{Creating}, Actions: []string{"sns:GetTopicAttributes", "sns:CreateTopic", "sns:TagResource"}, Resources: own},
			{Verbs: []Verb{Updating}, Actions: []string{"sns:SetTopicAttributes"}, Resources: own, Rare: "only where kms_key_arn changes, or somebody has changed the topic"},
			{Verbs: []Verb{Updating}, Actions: []string{"sns:TagResource", "sns:UntagResource"}, Resources: own, Rare: "only where tags change"},
			{Verbs: []Verb{Deleting}, Actions: []string{"sns:DeleteTopic"}, Resources: own},
		},
		Transient: []Transient{
			{"ConcurrentAccess", "", "several requests for the tags of one topic at once (SNS API Reference, TagResource)"},
			{"ConcurrentAccessException", "", "the same, as the SDK names it"},
			{"InternalError", "", "SNS says to try again"},
		},
	}
}

func (e Env) topicARN(ctx context.Context, name string) (*string, error) {
	arn, err := e.arn(ctx, "sns", name)
	return &arn, err
}

func (k topic) Observe(ctx context.Context, t *Target) (*Live[blueprint.TopicSpec], error) {
	arn, err := k.topicARN(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	live := &Live[blueprint.TopicSpec]{Attributes: Attributes{}, Tags: map[string]string{}}
	err = together(ctx,
		func(ctx context.Context) error {
			out, err := k.AWS.SNS.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: arn})
			if err != nil {
				return err
			}
			live.Spec = blueprint.TopicSpec{DisplayName: out.Attributes["DisplayName"], KMSKeyARN: out.Attributes["KmsMasterKeyId"]}
			live.Spec.Policy, err = blueprint.ParsePolicy(out.Attributes["Policy"])
			return err
		},
		func(ctx context.Context) error {
			out, err := k.AWS.SNS.ListTagsForResource(ctx, &sns.ListTagsForResourceInput{ResourceArn: arn})
			if err != nil {
				return err
			}
			for _, tag := range out.Tags {
				live.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
			return nil
		})
	if topicMissing[code(err)] {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	return live, nil
}

func topicAttributes(s blueprint.TopicSpec) map[string]string {
	return map[string]string{"DisplayName": s.DisplayName, "KmsMasterKeyId": s.KMSKeyARN, "Policy": s.Policy.JSON()}
}

// Create asks first whether the name is taken: CreateTopic answers with an
// existing topic, whoever owns it.
func (k topic) Create(ctx context.Context, t *Target, want blueprint.TopicSpec) (Attributes, error) {
	arn, err := k.topicARN(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	if _, err := k.AWS.SNS.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: arn}); err == nil {
		return nil, ErrPresent
	} else if !topicMissing[code(err)] {
		return nil, err
	}
	attributes := topicAttributes(want)
	for name, value := range attributes {
		if value == "" {
			delete(attributes, name)
		}
	}
	_, err = k.AWS.SNS.CreateTopic(ctx, &sns.CreateTopicInput{Name: &t.Name, Attributes: attributes, Tags: topicTags(t.Tags)})
	return Attributes{}, err
}

func topicTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, name := range sortedNames(tags) {
		out = append(out, types.Tag{Key: &name, Value: aws.String(tags[name])})
	}
	return out
}

// Update sets one attribute a call: SNS takes no more.
func (k topic) Update(ctx context.Context, t *Target, want blueprint.TopicSpec, live *Live[blueprint.TopicSpec], changed Changes) (Attributes, error) {
	arn, err := k.topicARN(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	attributes := topicAttributes(want)
	for field, name := range map[string]string{"display_name": "DisplayName", "kms_key": "KmsMasterKeyId", "policy": "Policy"} {
		if !changed[field] {
			continue
		}
		_, err := k.AWS.SNS.SetTopicAttributes(ctx, &sns.SetTopicAttributesInput{TopicArn: arn, AttributeName: &name, AttributeValue: aws.String(attributes[name])})
		if err != nil {
			return nil, step("set "+name, err)
		}
	}
	return live.Attributes, nil
}

func (k topic) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	arn, err := k.topicARN(ctx, t.Name)
	if err != nil {
		return err
	}
	if len(set) > 0 {
		if _, err := k.AWS.SNS.TagResource(ctx, &sns.TagResourceInput{ResourceArn: arn, Tags: topicTags(set)}); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	_, err = k.AWS.SNS.UntagResource(ctx, &sns.UntagResourceInput{ResourceArn: arn, TagKeys: remove})
	return err
}

// Delete takes the topic's subscriptions with it (SNS API Reference,
// DeleteTopic).
func (k topic) Delete(ctx context.Context, t *Target) error {
	arn, err := k.topicARN(ctx, t.Name)
	if err != nil {
		return err
	}
	_, err = k.AWS.SNS.DeleteTopic(ctx, &sns.DeleteTopicInput{TopicArn: arn})
	if topicMissing[code(err)] {
		return nil
	}
	return err
}
