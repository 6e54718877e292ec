package kinds

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// subscription manages subscriptions of e-mail addresses and of functions to a
// topic of the same system. The part's name is "<topic>:<address>" or
// "<topic>:<function's ARN>". One that waits for its owner's confirmation exists;
// SNS drops it after 48 hours without (SNS Developer Guide, "Deleting an Amazon
// SNS topic and subscription").
type subscription struct{ Env }

// The protocols of subscriptions here.
const (
	byEmail  = "email"
	byLambda = "lambda"
)

// protocolOf tells a function from an address.
func protocolOf(endpoint string) string {
	if strings.HasPrefix(endpoint, "arn:") {
		return byLambda
	}
	return byEmail
}

func (subscription) Facts() Facts {
	topic := []string{"arn:{partition}:sns:{region}:{account}:{topic}"}
	return Facts{
		Ownership: OwnedByParent, BatchCalls: 1,
		Permissions: []Permission{
			{Verbs: []Verb{Observing, Creating, Deleting}, Actions: []string{"sns:ListSubscriptionsByTopic"}, Resources: topic},
			{Verbs: []Verb{Creating}, Actions: []string{"sns:Subscribe"}, Resources: topic},
			// Nothing narrows it (Service Authorization Reference, Amazon SNS).
			{Verbs: []Verb{Updating, Deleting}, Actions: []string{"sns:Unsubscribe"}, Resources: []string{"*"}},
		},
		Transient: []Transient{
			{"NotFound", "", "a topic made a moment ago is not known everywhere yet"},
			{"NotFoundException", "", "the same, as the SDK names it"},
		},
	}
}

func subscriptionName(t *Target) (topic, endpoint string, err error) {
	topic, endpoint, ok := strings.Cut(t.Name, ":")
	if !ok {
		return "", "", fmt.Errorf("the name %q is not of the form topic:endpoint", t.Name)
	}
	return topic, endpoint, nil
}

func (k subscription) Observe(ctx context.Context, t *Target) (*Live[blueprint.SubscriptionSpec], error) {
	return one(ctx, t, k.ObserveAll)
}

// ObserveAll implements BatchObserver: all subscriptions of a topic come with
// one list, a page of up to 100 (SNS API Reference, ListSubscriptionsByTopic).
func (k subscription) ObserveAll(ctx context.Context, targets []*Target) ([]*Live[blueprint.SubscriptionSpec], error) {
	lists := map[string]map[string]string{}
	out := make([]*Live[blueprint.SubscriptionSpec], len(targets))
	for i, t := range targets {
		topic, endpoint, err := subscriptionName(t)
		if err != nil {
			return nil, err
		}
		if lists[topic] == nil {
			if lists[topic], err = k.list(ctx, topic); err != nil {
				return nil, err
			}
		}
		if _, there := lists[topic][endpoint]; there {
			spec := blueprint.SubscriptionSpec{Topic: topic}
			if protocolOf(endpoint) == byLambda {
				spec.Function = endpoint
			} else {
				spec.Email = endpoint
			}
			out[i] = &Live[blueprint.SubscriptionSpec]{Attributes: Attributes{}, Spec: spec}
		}
	}
	return out, nil
}

// list returns the ARN of each subscription by its endpoint, or what stands for it
// until it is confirmed. A topic that does not exist has none.
func (k subscription) list(ctx context.Context, topic string) (map[string]string, error) {
	arn, err := k.topicARN(ctx, topic)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	pages := sns.NewListSubscriptionsByTopicPaginator(k.AWS.SNS, &sns.ListSubscriptionsByTopicInput{TopicArn: arn})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if topicMissing[code(err)] {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		collect(page.Subscriptions, out)
	}
	return out, nil
}

// unsubscribed stands for the ARN of a subscription that was ended and is still
// listed for a while.
const unsubscribed = "Deleted"

func collect(page []types.Subscription, by map[string]string) {
	for _, s := range page {
		endpoint, arn := aws.ToString(s.Endpoint), aws.ToString(s.SubscriptionArn)
		if aws.ToString(s.Protocol) == protocolOf(endpoint) && arn != unsubscribed {
			by[endpoint] = arn
		}
	}
}

// Create asks first whether the endpoint is subscribed: Subscribe would ask the
// owner of an address again.
func (k subscription) Create(ctx context.Context, t *Target, want blueprint.SubscriptionSpec) (Attributes, error) {
	there, err := k.list(ctx, want.Topic)
	if err != nil {
		return nil, err
	}
	if _, subscribed := there[want.Endpoint()]; subscribed {
		return nil, ErrPresent
	}
	arn, err := k.topicARN(ctx, want.Topic)
	if err != nil {
		return nil, err
	}
	_, err = k.AWS.SNS.Subscribe(ctx, &sns.SubscribeInput{TopicArn: arn, Protocol: aws.String(protocolOf(want.Endpoint())), Endpoint: aws.String(want.Endpoint())})
	return Attributes{}, err
}

// Update has nothing to change.
func (k subscription) Update(_ context.Context, _ *Target, _ blueprint.SubscriptionSpec, live *Live[blueprint.SubscriptionSpec], _ Changes) (Attributes, error) {
	return live.Attributes, nil
}

// Delete ends the subscription. One that was never confirmed cannot be ended:
// SNS drops it by itself.
func (k subscription) Delete(ctx context.Context, t *Target) error {
	topic, endpoint, err := subscriptionName(t)
	if err != nil {
		return err
	}
	there, err := k.list(ctx, topic)
	if err != nil {
		return err
	}
	arn := there[endpoint]
	if !strings.HasPrefix(arn, "arn:") {
		return nil
	}
	_, err = k.AWS.SNS.Unsubscribe(ctx, &sns.UnsubscribeInput{SubscriptionArn: &arn})
	if topicMissing[code(err)] {
		return nil
	}
	return err
}
