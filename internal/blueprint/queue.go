package blueprint

import "time"

// Queue says what a standard SQS queue should be.
type Queue struct {
	// Visibility is how long a received message stays hidden. AWS advises six
	// times the consumer's time-out.
	Visibility time.Duration
	// DeadLetter takes messages that were received MaxReceives times.
	DeadLetter  *QueueHandle
	MaxReceives int
	// Redrive of a dead-letter queue; empty for RedriveConsume.
	Redrive Redrive
	// Data marks a queue whose messages are the user's data.
	Data bool
}

// QueueSpec is the spec of a queue.
type QueueSpec struct {
	VisibilityTimeout int    `json:"visibility_timeout" unit:"s"`
	MessageRetention  int    `json:"message_retention_period" unit:"s"`
	DeadLetterARN     string `json:"dead_letter_target"`
	MaxReceives       int    `json:"max_receive_count"`
	KMSKeyARN         string `json:"kms_key"`
	// ManagedEncryption is SQS's own encryption, on unless there is a KMS key.
	ManagedEncryption bool `json:"sqs_managed_encryption"`
}

// Kind implements Spec.
func (QueueSpec) Kind() string { return "queue" }

// retention is SQS's greatest message retention, 14 days: nothing is lost over
// a long weekend (SQS API Reference, SetQueueAttributes).
const retention = 14 * 24 * time.Hour

// QueueHandle refers to a queue.
type QueueHandle struct {
	Handle
	kms string
	// visibility is checked against the time-out of consumers.
	visibility time.Duration
}

// Queue describes a queue.
func (b *Builder) Queue(key string, q Queue) QueueHandle {
	spec := QueueSpec{
		VisibilityTimeout: int(q.Visibility / time.Second),
		MessageRetention:  int(retention / time.Second),
		KMSKeyARN:         b.settings.KMSKeyARN,
		ManagedEncryption: b.settings.KMSKeyARN == "",
	}
	var after []string
	if q.DeadLetter != nil {
		spec.DeadLetterARN, spec.MaxReceives = q.DeadLetter.ARN(), q.MaxReceives
		after = append(after, q.DeadLetter.Key())
	}
	h := b.add(key, b.name(key), spec, after...)
	h.part.Data, h.part.Redrive = q.Data, q.Redrive
	return QueueHandle{Handle: h, kms: spec.KMSKeyARN, visibility: q.Visibility}
}

// URL returns a reference to the queue's URL.
func (q QueueHandle) URL() string { return Ref(q.Key(), "url") }

// ARN returns the queue's ARN.
func (q QueueHandle) ARN() string { return arn("sqs", q.Name()) }

// Send grants sending messages.
func (q QueueHandle) Send() []Grant {
	return q.grants("sqs:SendMessage")
}

// Depth grants reading how many messages there are.
func (q QueueHandle) Depth() []Grant {
	return []Grant{{Actions: []string{"sqs:GetQueueAttributes"}, Resources: []string{q.ARN()}}}
}

// Consume grants what a Lambda event source mapping needs of its function's
// role (Lambda Developer Guide, "Using Lambda with Amazon SQS").
func (q QueueHandle) Consume() []Grant {
	return q.grants("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
}

// grants adds the use of the queue's key to actions on messages.
func (q QueueHandle) grants(actions ...string) []Grant {
	return append([]Grant{{Actions: actions, Resources: []string{q.ARN()}}}, useKey(q.kms, "kms:GenerateDataKey", "kms:Decrypt")...)
}

// useKey grants actions on a customer's KMS key, where there is one.
func useKey(key string, actions ...string) []Grant {
	if key == "" {
		return nil
	}
	return []Grant{{Actions: actions, Resources: []string{key}}}
}
