package blueprint

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
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
type TopicHandle struct {
	Handle
	kms string
}

// Topic describes a topic to which whoever IAM lets in the account may publish:
// the system's own functions, and what starts them.
func (b *Builder) Topic(key, displayName string) TopicHandle {
	h := b.add(key, b.name(key), nil)
	t := TopicHandle{h, b.settings.KMSKeyARN}
	h.part.Spec = TopicSpec{
		DisplayName: displayName, KMSKeyARN: b.settings.KMSKeyARN,
		// A topic has a policy; this one leaves all to the account's IAM (IAM User
		// Guide, "AWS JSON policy elements: Principal", AWS account principals).
		Policy: NewPolicy(Statement{
			Sid: "Account", Effect: "Allow", Action: []string{"sns:Publish"}, Resource: []string{t.ARN()},
			Principal: map[string][]string{"AWS": {"arn:" + Partition() + ":iam::" + Account() + ":root"}},
		}),
	}
	return t
}

// AlarmTopic describes a topic to which this system's alarms may publish, and
// nobody else but whom IAM lets (SNS Developer Guide, "Example cases for Amazon
// SNS access control"). With a customer's key, its key policy must let
// CloudWatch use it: no policy of ours can.
func (b *Builder) AlarmTopic(key, displayName string) TopicHandle {
	h := b.add(key, b.name(key), nil)
	t := TopicHandle{h, b.settings.KMSKeyARN}
	h.part.Spec = TopicSpec{
		DisplayName: displayName, KMSKeyARN: b.settings.KMSKeyARN,
		Policy: NewPolicy(Statement{
			Sid: alarmsSid, Effect: "Allow", Action: []string{"sns:Publish"}, Resource: []string{t.ARN()},
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

// alarmsSid is the id of the statement that lets alarms publish.
const alarmsSid = "Alarms"

// ofAlarms reports whether alarms publish to the topic.
func (s TopicSpec) ofAlarms() bool {
	return slices.ContainsFunc(s.Policy.Statement, func(st Statement) bool { return st.Sid == alarmsSid })
}

// Publish grants publishing messages (SNS Developer Guide, "Managing Amazon SNS
// encryption keys and costs", of publishers).
func (t TopicHandle) Publish() []Grant {
	return append([]Grant{{Actions: []string{"sns:Publish"}, Resources: []string{t.ARN()}}}, useKey(t.kms, "kms:GenerateDataKey", "kms:Decrypt")...)
}

// Publishes are n messages of so many bytes. To hand them to functions costs
// nothing (SNS pricing).
func (t TopicHandle) Publishes(n, bytes float64) []Operation { return t.does(Publish, n, bytes) }

// SubscriptionSpec is the spec of a subscription, by e-mail or of a function.
type SubscriptionSpec struct {
	Topic string `json:"topic" fixed:"true"`
	Email string `json:"email,omitempty" fixed:"true"`
	// Function is the ARN of a function's alias.
	Function string `json:"function,omitempty" fixed:"true"`
}

// Kind implements Spec.
func (SubscriptionSpec) Kind() string { return "subscription" }

// Endpoint is where the messages go: an address, or a function's ARN.
func (s SubscriptionSpec) Endpoint() string { return s.Email + s.Function }

// Subscribe describes a subscription of an address. SNS asks the address to
// confirm it first. The part's key is made of a digest of the address, since an
// address is no key.
func (b *Builder) Subscribe(t TopicHandle, email string) Handle {
	digest := sha256.Sum256([]byte(email))
	spec := SubscriptionSpec{Topic: t.Name(), Email: email}
	return b.add(t.Key()+"-mail-"+hex.EncodeToString(digest[:4]), spec.Topic+":"+email, spec, t.Key())
}

// Hand lets a topic hand each message to a function, which its policy allows by a
// part of its own.
func (b *Builder) Hand(key string, t TopicHandle, f FunctionHandle) Handle {
	permission := b.invokePermission(key+"-permission", f, "sns.amazonaws.com", t.ARN())
	spec := SubscriptionSpec{Topic: t.Name(), Function: f.LiveARN()}
	return b.add(key, spec.Topic+":"+spec.Function, spec, t.Key(), f.Key(), permission.Key())
}
