package kinds

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// queue manages standard SQS queues.
//
// Deleting one takes SQS up to 60 s, in which requests for it may still succeed
// (SQS API Reference, DeleteQueue). So what answers under a name may be on its
// way out. Only CreateQueue tells: it refuses the name of a queue that is being
// deleted, and answers for one that lives.
type queue struct {
	Env
	held *heldNames
}

// heldNames are the names that SQS has refused to give free yet, and until when
// at the latest it does.
type heldNames struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// nameHeld is how long SQS keeps the name of a deleted queue (ibid.).
const nameHeld = 60 * time.Second

func (h *heldNames) hold(name string, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until == nil {
		h.until = map[string]time.Time{}
	}
	h.until[name] = until
}

func (h *heldNames) free(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.until, name)
}

func (h *heldNames) has(name string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now.Before(h.until[name])
}

// queueMissing is what SQS answers for a queue that does not exist, in the
// JSON and in the query protocol.
var queueMissing = map[string]bool{"AWS.SimpleQueueService.NonExistentQueue": true, "QueueDoesNotExist": true}

// queueDying is what SQS answers for the name of a queue that is being deleted,
// in either protocol.
var queueDying = map[string]bool{"AWS.SimpleQueueService.QueueDeletedRecently": true, "QueueDeletedRecently": true}

func (queue) Facts() Facts {
	const own = "arn:{partition}:sqs:{region}:{account}:{name}"
	return Facts{
		ObserveCalls: 2,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{"sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ListQueueTags"}, Resources: []string{own}},
			{Verbs: []Verb{Creating}, Actions: []string{"sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ListQueueTags", "sqs:CreateQueue", "sqs:TagQueue"}, Resources: []string{own}},
			{Verbs: []Verb{Updating}, Actions: []string{"sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"}, Resources: []string{own}},
			{Verbs: []Verb{Deleting}, Actions: []string{"sqs:GetQueueUrl", "sqs:DeleteQueue"}, Resources: []string{own}},
		},
		Transient: []Transient{
			{"AWS.SimpleQueueService.QueueDeletedRecently", "", "a name is free again 60 s after its queue was deleted (SQS API Reference, DeleteQueue)"},
			{"QueueDeletedRecently", "", "the same, in the JSON protocol"},
		},
	}
}

// Observe takes a queue whose name SQS has just refused for absent, whatever
// else it answers.
func (k queue) Observe(ctx context.Context, t *Target) (*Live[blueprint.QueueSpec], error) {
	if k.held.has(t.Name, k.Clock.Now()) {
		return nil, ErrAbsent
	}
	url, err := k.url(ctx, t)
	if err != nil {
		return nil, err
	}
	got, err := k.AWS.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if queueMissing[code(err)] {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	tags, err := k.AWS.SQS.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: &url})
	if queueMissing[code(err)] {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	spec, err := queueSpec(got.Attributes)
	if err != nil {
		return nil, err
	}
	return &Live[blueprint.QueueSpec]{Spec: spec, Attributes: Attributes{"url": url}, Tags: tags.Tags}, nil
}

// url returns the queue's URL: the recorded one, or the one that goes with its
// name.
func (k queue) url(ctx context.Context, t *Target) (string, error) {
	if url := t.Attributes["url"]; url != "" {
		return url, nil
	}
	out, err := k.AWS.SQS.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &t.Name})
	if queueMissing[code(err)] {
		return "", ErrAbsent
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(out.QueueUrl), nil
}

// redrive is the JSON of a queue's RedrivePolicy. AWS returns the count as a
// number, and takes it as text too.
type redrive struct {
	Target string      `json:"deadLetterTargetArn"`
	Count  json.Number `json:"maxReceiveCount"`
}

func queueSpec(a map[string]string) (blueprint.QueueSpec, error) {
	s := blueprint.QueueSpec{
		VisibilityTimeout: atoi(a["VisibilityTimeout"]),
		MessageRetention:  atoi(a["MessageRetentionPeriod"]),
		KMSKeyARN:         a["KmsMasterKeyId"],
		// A queue has one encryption at a time; with a key, SQS's own is off
		// whatever the attribute says (SQS API Reference, SetQueueAttributes).
		ManagedEncryption: a["SqsManagedSseEnabled"] == "true" && a["KmsMasterKeyId"] == "",
	}
	if p := a["RedrivePolicy"]; p != "" {
		var r redrive
		if err := json.Unmarshal([]byte(p), &r); err != nil {
			return s, fmt.Errorf("read RedrivePolicy %q: %w", p, err)
		}
		s.DeadLetterARN, s.MaxReceives = r.Target, atoi(r.Count.String())
	}
	return s, nil
}

func queueAttributes(s blueprint.QueueSpec) map[string]string {
	a := map[string]string{
		"VisibilityTimeout":      strconv.Itoa(s.VisibilityTimeout),
		"MessageRetentionPeriod": strconv.Itoa(s.MessageRetention),
		"RedrivePolicy":          "",
	}
	if s.DeadLetterARN != "" {
		// Marshalling two strings cannot fail.
		policy, _ := json.Marshal(redrive{s.DeadLetterARN, json.Number(strconv.Itoa(s.MaxReceives))})
		a["RedrivePolicy"] = string(policy)
	}
	if s.KMSKeyARN != "" {
		a["KmsMasterKeyId"] = s.KMSKeyARN
	} else {
		a["KmsMasterKeyId"] = ""
		a["SqsManagedSseEnabled"] = strconv.FormatBool(s.ManagedEncryption)
	}
	return a
}

// Create asks first whether the name is taken: CreateQueue answers with an
// existing queue of like attributes, whoever owns it. For a queue of ours it is
// asked all the same, since that may be one that is being deleted.
func (k queue) Create(ctx context.Context, t *Target, want blueprint.QueueSpec) (Attributes, error) {
	url, err := k.url(ctx, &Target{Name: t.Name})
	taken := err == nil
	if taken {
		tags, err := k.AWS.SQS.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: &url})
		switch {
		case queueMissing[code(err)]:
			taken = false
		case err != nil:
			return nil, err
		case !ownedAlike(tags.Tags, t.Tags):
			return nil, ErrPresent
		}
	} else if err != ErrAbsent { //nolint:errorlint // returned as it is
		return nil, err
	}
	attributes := queueAttributes(want)
	for name, value := range attributes {
		if value == "" {
			delete(attributes, name)
		}
	}
	out, err := k.AWS.SQS.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &t.Name, Attributes: attributes, Tags: t.Tags})
	switch c := code(err); {
	case c == "QueueNameExists" || c == "QueueAlreadyExists":
		return nil, ErrPresent
	case queueDying[c]:
		k.held.hold(t.Name, k.Clock.Now().Add(nameHeld))
		return nil, err
	case err != nil:
		return nil, err
	}
	k.held.free(t.Name)
	if taken {
		return nil, ErrPresent
	}
	return Attributes{"url": aws.ToString(out.QueueUrl)}, k.known(ctx, aws.ToString(out.QueueUrl))
}

// known waits until SQS knows a queue that it has made, which takes it up to a
// second (SQS API Reference, CreateQueue). Whoever looks before sees none, and
// would have it made again.
func (k queue) known(ctx context.Context, url string) error {
	return k.wait(ctx, "queue "+url+" can be used", func(ctx context.Context) (bool, error) {
		_, err := k.AWS.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
		if queueMissing[code(err)] {
			return false, nil
		}
		return err == nil, err
	})
}

// ownedAlike reports whether two sets of tags have the same marks of ownership.
func ownedAlike(a, b map[string]string) bool {
	for _, k := range []string{blueprint.TagSystem, blueprint.TagName, blueprint.TagPart} {
		if a[k] == "" || a[k] != b[k] {
			return false
		}
	}
	return true
}

func (k queue) Update(ctx context.Context, _ *Target, want blueprint.QueueSpec, live *Live[blueprint.QueueSpec], _ Changes) (Attributes, error) {
	url := live.Attributes["url"]
	_, err := k.AWS.SQS.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: queueAttributes(want)})
	return live.Attributes, err
}

func (k queue) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	url, err := k.url(ctx, t)
	if err != nil {
		return err
	}
	if len(set) > 0 {
		if _, err := k.AWS.SQS.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: &url, Tags: set}); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	_, err = k.AWS.SQS.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: &url, TagKeys: remove})
	return err
}

// Delete returns when SQS has taken the deletion: that is final, and how long
// the queue still answers is for Create to wait out.
func (k queue) Delete(ctx context.Context, t *Target) error {
	url, err := k.url(ctx, t)
	if err == ErrAbsent { //nolint:errorlint // returned as it is
		return nil
	}
	if err != nil {
		return err
	}
	_, err = k.AWS.SQS.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &url})
	if queueMissing[code(err)] {
		return nil
	}
	return err
}

// atoi reads a number that AWS gives as text; AWS gives no other.
func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
