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

// subscription manages subscriptions of e-mail addresses to a topic of the same
// system. The part's name is "<topic>:<address>". One that waits for its owner's
// confirmation exists; SNS drops it after 48 hours without (SNS Developer Guide,
// "Deleting an Amazon SNS topic and subscription").
type subscription struct{ Env }

// byEmail is the protocol of all subscriptions here.
const byEmail = "email"

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

func subscriptionName(t *Target) (topic, email string, err error) {
	topic, email, ok := strings.Cut(t.Name, ":")
	if !ok {
		return "", "", fmt.Errorf("the name %q is not of the form topic:address", t.Name)
	}
	return topic, email, nil
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
		topic, email, err := subscriptionName(t)
		if err != nil {
			return nil, err
		}
		if lists[topic] == nil {
			if lists[topic], err = k.list(ctx, topic); err != nil {
				return nil, err
			}
		}
		if _, there := lists[topic][email]; there {
			out[i] = &Live[blueprint.SubscriptionSpec]{Attributes: Attributes{}, Spec: blueprint.SubscriptionSpec{Topic: topic, Email: email}}
		}
	}
	return out, nil
}

// list returns the ARN of each subscription by e-mail, or what stands for it
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
		if arn := aws.ToString(s.SubscriptionArn); aws.ToString(s.Protocol) == byEmail && arn != unsubscribed {
			by[aws.ToString(s.Endpoint)] = arn
		}
	}
}

// Create asks first whether the address is subscribed: Subscribe would ask its
// owner again.
func (k subscription) Create(ctx context.Context, t *Target, want blueprint.SubscriptionSpec) (Attributes, error) {
	there, err := k.list(ctx, want.Topic)
	if err != nil {
		return nil, err
	}
	if _, subscribed := there[want.Email]; subscribed {
		return nil, ErrPresent
	}
	arn, err := k.topicARN(ctx, want.Topic)
	if err != nil {
		return nil, err
	}
	_, err = k.AWS.SNS.Subscribe(ctx, &sns.SubscribeInput{TopicArn: arn, Protocol: aws.String(byEmail), Endpoint: &want.Email})
	return Attributes{}, err
}

// Update has nothing to change.
func (k subscription) Update(_ context.Context, _ *Target, _ blueprint.SubscriptionSpec, live *Live[blueprint.SubscriptionSpec], _ Changes) (Attributes, error) {
	return live.Attributes, nil
}

// Delete ends the subscription. One that was never confirmed cannot be ended:
// SNS drops it by itself.
func (k subscription) Delete(ctx context.Context, t *Target) error {
	topic, email, err := subscriptionName(t)
	if err != nil {
		return err
	}
	there, err := k.list(ctx, topic)
	if err != nil {
		return err
	}
	arn := there[email]
	if !strings.HasPrefix(arn, "arn:") {
		return nil
	}
	_, err = k.AWS.SNS.Unsubscribe(ctx, &sns.UnsubscribeInput{SubscriptionArn: &arn})
	if topicMissing[code(err)] {
		return nil
	}
	return err
}
