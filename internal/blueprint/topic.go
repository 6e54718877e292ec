package blueprint

import (
	"crypto/sha256"
	"encoding/hex"
)

// TopicSpec is the spec of a standard SNS topic.
type TopicSpec struct {
	DisplayName string `json:"display_name"`
	KMSKeyARN   string `json:"kms_key"`
	Policy      Policy `json:"policy"`
}

// Kind implements Spec.
func (TopicSpec) Kind() string { return "topic" }

// TopicHandle refers to a topic.
type TopicHandle struct{ Handle }

// AlarmTopic describes a topic to which this system's alarms may publish, and
// nobody else but whom IAM lets (SNS Developer Guide, "Example cases for Amazon
// SNS access control"). With a customer's key, its key policy must let
// CloudWatch use it: no policy of ours can.
func (b *Builder) AlarmTopic(key, displayName string) TopicHandle {
	h := b.add(key, b.name(key), nil)
	t := TopicHandle{h}
	h.part.Spec = TopicSpec{
		DisplayName: displayName, KMSKeyARN: b.settings.KMSKeyARN,
		Policy: NewPolicy(Statement{
			Sid: "Alarms", Effect: "Allow", Action: []string{"sns:Publish"}, Resource: []string{t.ARN()},
			Principal: map[string][]string{"Service": {"cloudwatch.amazonaws.com"}},
			Condition: Condition{
				"StringEquals": {"aws:SourceAccount": {Account()}},
				"ArnLike":      {"aws:SourceArn": {arn("cloudwatch", "alarm:"+b.prefix()+"*")}},
			},
		}),
	}
	return t
}

// ARN returns the topic's ARN.
func (t TopicHandle) ARN() string { return arn("sns", t.Name()) }

// SubscriptionSpec is the spec of a subscription by e-mail.
type SubscriptionSpec struct {
	Topic string `json:"topic" fixed:"true"`
	Email string `json:"email" fixed:"true"`
}

// Kind implements Spec.
func (SubscriptionSpec) Kind() string { return "subscription" }

// Subscribe describes a subscription of an address. SNS asks the address to
// confirm it first. The part's key is made of a digest of the address, since an
// address is no key.
func (b *Builder) Subscribe(t TopicHandle, email string) Handle {
	digest := sha256.Sum256([]byte(email))
	spec := SubscriptionSpec{Topic: t.Name(), Email: email}
	return b.add(t.Key()+"-mail-"+hex.EncodeToString(digest[:4]), spec.Topic+":"+email, spec, t.Key())
}
