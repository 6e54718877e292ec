package localaws

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/eventsource"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/eventsource/awssource"
)

// MappingCaller is the caller of all that is done for event source mappings: receives, deletes, reads and invocations.
const MappingCaller = "event-source-mapping"

const (
	// mappingsPath is where mappings.py answers.
	mappingsPath = "/_ministack/event-source-mappings"
	// mappingTimeout bounds a question to mappings.py and the calls that a stream's mapping begins with.
	mappingTimeout = 30 * time.Second
)

// mappingOperations are those of Lambda after which mappings may have to be polled otherwise.
var mappingOperations = map[string]bool{
	"CreateEventSourceMapping": true, "UpdateEventSourceMapping": true, "DeleteEventSourceMapping": true,
	"CreateFunction": true, "UpdateFunctionConfiguration": true, "UpdateAlias": true,
}

// mappings runs a poller for each enabled event source mapping of the local AWS, in every account and region. MiniStack keeps
// the mappings; after each call that may change one, it is asked for all. The pollers go through the gate, as the function's role.
type mappings struct {
	gate   *Gate
	target *url.URL
	client aws.HTTPClient
	log    *log.Logger

	life    context.Context //nolint:containedctx // the pollers' own, between two resets
	end     context.CancelFunc
	pollers sync.WaitGroup

	mu      sync.Mutex
	running map[string]*polling
	reached map[string]map[string]string // checkpoints of streams' mappings, by mapping and shard
}

// poller is what polls for one mapping.
type poller interface {
	Run(ctx context.Context)
	Stop()
}

// polling is a mapping being polled for.
type polling struct {
	poller
	digest string // of all that the poller goes by
	end    context.CancelFunc
}

// described is a mapping as mappings.py tells of it.
type described struct {
	Account         string
	Region          string
	Enabled         bool
	Role            string // the function's
	Mapping         eventsource.Mapping
	FunctionTimeout int // seconds
	Poll, Invoke    sessionKey
}

// sessionKey signs calls: as the function's role to poll, as its account's root to invoke.
type sessionKey struct{ AccessKeyId, SecretAccessKey, SessionToken string } //nolint:revive // AWS's name

func newMappings(gate *Gate, target *url.URL, logs io.Writer) *mappings {
	m := &mappings{gate: gate, target: target, log: log.New(logs, "mappings: ", log.LstdFlags|log.Lmsgprefix), client: newHTTPClient(256)}
	m.begin()
	return m
}

// begin starts a life without pollers.
func (m *mappings) begin() {
	m.life, m.end = context.WithCancel(context.Background())
	m.running, m.reached = map[string]*polling{}, map[string]map[string]string{}
}

// Before lets every call pass.
func (m *mappings) Before(context.Context, *Call, *http.Request) *Answer { return nil }

// After looks at the mappings again where a call may have changed them, whatever the caller gets to hear of it.
func (m *mappings) After(c *Call, _ *http.Response) {
	if c.Service != "lambda" || !mappingOperations[c.Operation] {
		return
	}
	if err := m.sync(); err != nil && !errors.Is(err, context.Canceled) {
		m.log.Printf("after %s: %v", c.Operation, err)
	}
}

// sync brings the pollers in line with the mappings, and the mappings to the states in which they stay.
func (m *mappings) sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []described
	if err := m.ask(http.MethodGet, "", nil, &all); err != nil {
		return err
	}
	known := map[string]bool{}
	for _, d := range all {
		id, state := d.Mapping.UUID, d.Mapping.State
		wanted := d.Enabled && state != "Deleting"
		known[id] = state != "Deleting"
		digest := d.digest()
		if p := m.running[id]; p != nil && (!wanted || p.digest != digest) {
			m.stop(id, p)
		}
		if wanted && m.running[id] == nil {
			m.start(d, digest)
		}
		if stays := staying(d); stays != state {
			if err := m.tell(id, map[string]string{"State": stays}); err != nil {
				return err
			}
		}
	}
	for id, p := range m.running {
		if !known[id] {
			m.stop(id, p)
			p.end()
		}
	}
	for id := range m.reached {
		if !known[id] {
			delete(m.reached, id)
		}
	}
	return nil
}

// staying is the state that a mapping is on its way to.
func staying(d described) string {
	switch {
	case d.Mapping.State == "Deleting":
		return "Deleted"
	case d.Enabled:
		return "Enabled"
	}
	return "Disabled"
}

// digest tells whether a poller still does what the mapping says.
func (d described) digest() string {
	d.Mapping.State = ""
	text, err := json.Marshal(d)
	if err != nil {
		panic(err) // strings and numbers can always be written
	}
	return string(text)
}

// stop ends the polling for a mapping, and remembers how far it came. Invocations under way go on.
func (m *mappings) stop(id string, p *polling) {
	p.Stop()
	if stream, ok := p.poller.(*eventsource.StreamPoller); ok {
		m.reached[id] = stream.Checkpoints()
	}
	delete(m.running, id)
}

// start begins to poll for a mapping.
func (m *mappings) start(d described, digest string) {
	ctx, end := context.WithCancel(m.life)
	report := func(result string) {
		err := m.tell(d.Mapping.UUID, map[string]string{"LastProcessingResult": result})
		if err != nil && ctx.Err() == nil {
			m.log.Printf("mapping %s: %v", d.Mapping.UUID, err)
		}
	}
	function := awssource.NewFunction(m.config(d.Region, d.Invoke), d.Mapping.FunctionArn)
	p := &polling{digest: digest, end: end}
	if d.Mapping.Service() == "sqs" {
		p.poller = &eventsource.QueuePoller{
			Mapping: d.Mapping, Queue: awssource.NewQueue(m.config(d.Region, d.Poll), m.queueURL(d.Mapping.EventSourceArn)), Invoker: function,
			Clock: eventsource.SystemClock{}, FunctionTimeout: time.Duration(d.FunctionTimeout) * time.Second, Report: report,
		}
	} else {
		stream := m.stream(d)
		stream.Invoker, stream.Report, stream.From = function, report, m.reached[d.Mapping.UUID]
		opening, cancel := context.WithTimeout(ctx, mappingTimeout)
		defer cancel()
		if err := stream.Open(opening); err != nil {
			m.log.Printf("mapping %s: %v", d.Mapping.UUID, err) // and Run tries again
		}
		p.poller = stream
	}
	m.running[d.Mapping.UUID] = p
	m.pollers.Go(func() {
		defer end()
		p.Run(ctx)
	})
}

// stream is the poller of a stream's mapping.
func (m *mappings) stream(d described) *eventsource.StreamPoller {
	cfg := m.config(d.Region, d.Poll)
	p := &eventsource.StreamPoller{Mapping: d.Mapping, Clock: eventsource.SystemClock{}}
	if d.Mapping.Service() == "dynamodb" {
		p.Stream, p.PollEvery = awssource.NewDynamoDB(cfg, d.Mapping.EventSourceArn), eventsource.DynamoDBPoll
	} else {
		p.Stream, p.PollEvery = awssource.NewKinesis(cfg, d.Mapping.EventSourceArn, d.Role), eventsource.KinesisPoll
	}
	if d.Mapping.DestinationConfig != nil {
		switch to := d.Mapping.DestinationConfig.OnFailure.Destination; {
		case strings.Contains(to, ":sqs:"):
			p.Destination = awssource.NewDestinationQueue(cfg, m.queueURL(to))
		case strings.Contains(to, ":sns:"):
			p.Destination = awssource.NewDestinationTopic(cfg, to)
		}
	}
	return p
}

// queueURL is the URL of a queue's ARN.
func (m *mappings) queueURL(arn string) string {
	parts := strings.Split(arn, ":")
	return m.gate.URL() + "/" + strings.Join(parts[len(parts)-2:], "/")
}

// config goes through the gate, so that meter, faults and permissions see what is done for a mapping.
func (m *mappings) config(region string, key sessionKey) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(m.gate.URL()), HTTPClient: m.client, AppID: MappingCaller,
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyId, key.SecretAccessKey, key.SessionToken),
	}
}

// tell says what became of a mapping.
func (m *mappings) tell(id string, what map[string]string) error {
	body, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("tell of mapping %s: %w", id, err)
	}
	return m.ask(http.MethodPut, "/"+id, body, nil)
}

// ask puts one question to mappings.py, past the gate: it is no call to AWS.
//
//nolint:contextcheck,nolintlint // a mapping's life is no caller's; nolintlint does not see that this is heeded
func (m *mappings) ask(method, path string, body []byte, answer any) (err error) {
	ctx, cancel := context.WithTimeout(m.life, mappingTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, m.target.String()+mappingsPath+path, bytes.NewReader(body)) //nolint:gosec // MiniStack, started here
	if err != nil {
		return fmt.Errorf("ask for mappings: %w", err)
	}
	resp, err := m.client.Do(request)
	if err != nil {
		return fmt.Errorf("ask for mappings: %w", err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for mappings: %s: %w", resp.Status, err)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("read the mappings: %w", err)
	}
	return nil
}

// iteratorAge is that of a stream's mapping.
func (m *mappings) iteratorAge(id string) (time.Duration, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.running[id]; p != nil {
		if stream, ok := p.poller.(*eventsource.StreamPoller); ok {
			return stream.IteratorAge(), true
		}
	}
	return 0, false
}

// clear ends all pollers and what they invoke, and returns when they are gone.
func (m *mappings) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.running) > 0 {
		// Without a mapping's name: all receives end, and need not be cut off.
		if err := m.tell("", nil); err != nil {
			m.log.Printf("end all receives: %v", err)
		}
	}
	var stopping sync.WaitGroup
	for _, p := range m.running {
		stopping.Go(p.Stop)
	}
	stopping.Wait()
	m.end()
	m.pollers.Wait()
	m.begin()
}
