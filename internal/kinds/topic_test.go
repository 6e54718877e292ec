package kinds

import (
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// TestPendingSubscription: what waits for its owner's yes is there, what was
// ended is not, and other protocols are none of ours.
func TestPendingSubscription(t *testing.T) {
	entry := func(protocol, email, arn string) types.Subscription {
		return types.Subscription{Protocol: &protocol, Endpoint: &email, SubscriptionArn: &arn}
	}
	got := map[string]string{}
	collect([]types.Subscription{
		entry("email", "a@example.com", "PendingConfirmation"), entry("email", "b@example.com", "arn:aws:sns:us-east-1:1:t:1"),
		entry("email", "c@example.com", unsubscribed), entry("sms", "d@example.com", "arn:aws:sns:us-east-1:1:t:2"),
	}, got)
	if want := map[string]string{"a@example.com": "PendingConfirmation", "b@example.com": "arn:aws:sns:us-east-1:1:t:1"}; !maps.Equal(got, want) {
		t.Errorf("subscribed are %v, want %v", got, want)
	}
}

// TestSubscriptionsOfOthers are left alone, and one list tells of all.
func TestSubscriptionsOfOthers(t *testing.T) {
	begin(t)
	made(t, testTopic, topicBase())
	if _, err := env.AWS.SNS.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: aws.String(topicARN(testTopic)), Protocol: aws.String(byEmail), Endpoint: aws.String("night@example.com")}); err != nil {
		t.Fatal(err)
	}
	var targets []*Target
	for _, email := range []string{testMail, "b@example.com"} {
		targets = append(targets, made(t, testTopic+":"+email, blueprint.SubscriptionSpec{Topic: testTopic, Email: email}))
	}
	mark := local.Gate().Meter().Mark()
	seen, err := drivers["subscription"].ObserveAll(t.Context(), append(targets, targetOf(testTopic+":none@example.com")))
	if err != nil || seen[0] == nil || seen[1] == nil || seen[2] != nil {
		t.Errorf("observed %v, %v", seen, err)
	}
	if n := local.Gate().Meter().Since(mark).Total(); n != 1 {
		t.Errorf("it took %d calls, want 1", n)
	}
	for _, target := range targets {
		remove(t, "subscription", target)
	}
	out, err := env.AWS.SNS.ListSubscriptionsByTopic(t.Context(), &sns.ListSubscriptionsByTopicInput{TopicArn: aws.String(topicARN(testTopic))})
	if err != nil || len(out.Subscriptions) != 1 || aws.ToString(out.Subscriptions[0].Endpoint) != "night@example.com" {
		t.Errorf("left are %+v, %v; want the other's alone", out.Subscriptions, err)
	}
	// Without its topic a subscription is absent, too.
	remove(t, "topic", targetOf(testTopic))
	absent(t, "subscription", targets[0])
	remove(t, "subscription", targets[0])
}
