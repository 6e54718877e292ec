package localaws

import (
	"context"
	"hash/fnv"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Weather makes the calls that it is over meet what a real AWS has in store for them, in AWS's own codes and words.
type Weather struct {
	conditions Conditions
	models     *Models
	over       atomic.Bool

	mu sync.Mutex
	// events is when what last happened to an object: "made table votes", "changed role intake".
	events  map[event]time.Time
	roles   map[string]string // by function
	sources map[string]string // functions by the UUID of their mapping
	buckets map[string]*bucketOfTokens
	calls   map[string]uint64
	hits    map[Hardship]int
	answers map[string][]byte // of queues, see remember
}

// event is something that happens to an object and that it takes AWS a while to get over.
type event struct{ what, service, name string }

// SetWeather makes the weather for the calls that the conditions name, from now until its End.
func (g *Gate) SetWeather(c Conditions) *Weather {
	if c.Now == nil {
		c.Now = time.Now
	}
	w := &Weather{
		conditions: c, models: g.models, events: map[event]time.Time{}, roles: map[string]string{}, sources: map[string]string{},
		buckets: map[string]*bucketOfTokens{}, calls: map[string]uint64{}, hits: map[Hardship]int{}, answers: map[string][]byte{},
	}
	g.Use(w)
	return w
}

// End lets all calls pass again.
func (w *Weather) End() { w.over.Store(true) }

// Hits are how many calls each hardship has hit.
func (w *Weather) Hits() map[Hardship]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.hits)
}

func (w *Weather) meets(c *Call) bool {
	return !w.over.Load() && c.protocol != protocolHTTP &&
		(len(w.conditions.AccessKeys) == 0 || slices.Contains(w.conditions.AccessKeys, c.AccessKey)) &&
		(c.Service == "iam" || agrees(w.conditions.Region, c.Region))
}

// Before refuses a call that comes too soon.
func (w *Weather) Before(ctx context.Context, c *Call, r *http.Request) *Answer {
	if !w.meets(c) {
		return nil
	}
	wait(ctx, w.latency(c))
	w.mu.Lock()
	defer w.mu.Unlock()
	if answer := w.lingering(c); answer != nil {
		return answer
	}
	hardship, e := Throttled, throttlingOf(c, "")
	if !w.throttles(c) {
		hardship, e = w.refusal(c, w.said(c, r))
	}
	if hardship == "" {
		return nil
	}
	w.hits[hardship]++
	answer := answerError(w.models, c, e)
	answer.Kind = "weather: " + string(hardship)
	return answer
}

// said is what the request says; nothing where it is none that its model knows, which is for the check to say.
func (w *Weather) said(c *Call, r *http.Request) map[string]any {
	model, err := w.models.Service(c.Service)
	if err != nil || model.Operations[c.Operation] == nil {
		return nil
	}
	tree, err := input(model, model.Operations[c.Operation], c, r)
	if err != nil {
		return nil
	}
	return tree
}

// recent tells whether the event was less than d ago.
func (w *Weather) recent(e event, d time.Duration) bool {
	at, ok := w.events[e]
	return ok && w.conditions.Now().Sub(at) < d
}

// latency is how much longer than the local AWS takes a call is to take: exponential around the median, cut at ten times of it.
// The same seed and the same call, counted by operation and resource, always give the same.
func (w *Weather) latency(c *Call) time.Duration {
	if w.conditions.Latency <= 0 {
		return 0
	}
	key := c.Service + " " + c.Operation + " " + c.Resource
	w.mu.Lock()
	n := w.calls[key]
	w.calls[key]++
	w.hits[Slow]++
	w.mu.Unlock()
	const most = 10
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(strconv.FormatUint(w.conditions.Seed, 10) + " " + strconv.FormatUint(n, 10) + " " + key))
	uniform := float64(hash.Sum64()>>11) / (1 << 53)
	return time.Duration(math.Min(most, -math.Log2(1-uniform)) * float64(w.conditions.Latency))
}

// happenings are the operations that AWS takes a while to get over, and what they do to their object.
var happenings = map[string]string{
	"iam CreateRole": "made", "iam UpdateAssumeRolePolicy": "trusted", "iam PutRolePolicy": "permitted", "iam AttachRolePolicy": "permitted",
	"lambda CreateFunction": "made", "lambda UpdateFunctionConfiguration": "changed", "lambda UpdateFunctionCode": "changed",
	"sqs CreateQueue": "made", "sqs DeleteQueue": "deleted",
	"logs CreateLogGroup": "made",
	"s3 CreateBucket":     "made", "s3 DeleteBucket": "deleted",
	"dynamodb CreateTable": "made", "dynamodb UpdateTable": "changed", "dynamodb DeleteTable": "deleted",
	"kinesis CreateStream": "made", "kinesis DeleteStream": "deleted", "kinesis UpdateShardCount": "changed", "kinesis UpdateStreamMode": "changed",
	"kinesis StartStreamEncryption": "changed", "kinesis StopStreamEncryption": "changed",
	"kinesis IncreaseStreamRetentionPeriod": "changed", "kinesis DecreaseStreamRetentionPeriod": "changed",
}

// After notes what happened, and lets answers show what AWS would still show.
func (w *Weather) After(c *Call, resp *http.Response) {
	if !w.meets(c) || resp == nil || resp.StatusCode >= http.StatusBadRequest {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.conditions.Now()
	if what, ok := happenings[c.Service+" "+c.Operation]; ok {
		name := c.Resource
		if c.Service == "lambda" {
			name = unqualified(name)
		}
		w.events[event{what, c.Service, name}] = now
		switch what {
		case "made":
			delete(w.events, event{"deleted", c.Service, name})
			if c.Service == "iam" {
				w.events[event{"trusted", "iam", name}] = now
			}
		case "deleted":
			delete(w.events, event{"made", c.Service, name})
			delete(w.events, event{"changed", c.Service, name})
		}
	}
	w.remember(c, resp)
	w.show(c, resp)
}
