package kinds

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// handClock is moved by a test alone.
type handClock struct {
	realClock
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// TestDyingQueue makes a queue again while SQS still deletes the former one,
// which answers now and then: it is never taken for the new one.
func TestDyingQueue(t *testing.T) {
	begin(t)
	clock := &handClock{now: time.Now()}
	process := func() Driver { return All(Env{AWS: env.AWS, Clock: clock, Content: env.Content})["queue"] }
	weather := local.Gate().SetWeather(localaws.Conditions{QueueDying: time.Minute, QueueNameHeld: time.Minute, Now: clock.Now})
	t.Cleanup(weather.End)
	target := made(t, testQueue, queueBase())
	same(t, queueBase(), observe(t, "queue", target))
	remove(t, "queue", target)

	for name, driver := range map[string]Driver{"one process": process(), "another": process()} {
		for i := range 4 {
			target := targetOf(testQueue)
			if i > 0 {
				// Once the name was refused the queue is absent, whatever it answers.
				if live, err := driver.Observe(t.Context(), &Target{Key: "part", Name: testQueue, Attributes: Attributes{"url": local.Endpoint() + "/" + testAccount + "/" + testQueue}}); !errors.Is(err, ErrAbsent) {
					t.Errorf("%s: a dying queue is observed as %+v, %v", name, live, err)
				}
			}
			_, err := driver.Create(t.Context(), target, queueBase())
			if !driver.Transient(err) || errors.Is(err, ErrPresent) {
				t.Errorf("%s: attempt %d gave %v, want SQS's refusal", name, i, err)
			}
		}
	}
	if n := weather.Hits()[localaws.QueueDying]; n < 4 {
		t.Errorf("the dying queue answered %d times: this proves nothing", n)
	}
	clock.pass(time.Minute)
	driver := process()
	again := targetOf(testQueue)
	attributes, err := driver.Create(t.Context(), again, queueBase())
	if err != nil {
		t.Fatal(err)
	}
	again.Attributes = attributes
	live, err := driver.Observe(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	same(t, queueBase(), live)
}

// TestRefusedNameIsForgotten: a name that SQS has refused is looked at again a
// minute later, or as soon as it is taken.
func TestRefusedNameIsForgotten(t *testing.T) {
	begin(t)
	clock := &handClock{now: time.Now()}
	driver := All(Env{AWS: env.AWS, Clock: clock, Content: env.Content})["queue"]
	weather := local.Gate().SetWeather(localaws.Conditions{QueueNameHeld: time.Minute, Now: clock.Now})
	t.Cleanup(weather.End)
	target := made(t, testQueue, queueBase())
	remove(t, "queue", target)
	if _, err := driver.Create(t.Context(), targetOf(testQueue), queueBase()); code(err) != "QueueDeletedRecently" && code(err) != "AWS.SimpleQueueService.QueueDeletedRecently" {
		t.Fatalf("Create gave %v", err)
	}
	weather.End()
	target = made(t, testQueue, queueBase()) // by another process
	if _, err := driver.Observe(t.Context(), target); !errors.Is(err, ErrAbsent) {
		t.Errorf("a name just refused gave %v, want %v", err, ErrAbsent)
	}
	clock.pass(time.Minute)
	if _, err := driver.Observe(t.Context(), target); err != nil {
		t.Errorf("a minute later it gave %v", err)
	}
}

// TestNewQueueIsKnown: whoever looks for a queue as soon as it is made finds it,
// though SQS takes a while to know it.
func TestNewQueueIsKnown(t *testing.T) {
	begin(t)
	weather := local.Gate().SetWeather(localaws.Conditions{QueueLag: 500 * time.Millisecond})
	t.Cleanup(weather.End)
	target := made(t, testQueue, queueBase())
	if n := weather.Hits()[localaws.QueueUnknown]; n == 0 {
		t.Error("SQS knew the queue at once: this proves nothing")
	}
	same(t, queueBase(), observe(t, "queue", target))
}

// TestForeignQueueIsNotAsked: for somebody else's queue Create makes no call
// that could change it.
func TestForeignQueueIsNotAsked(t *testing.T) {
	begin(t)
	if _, err := env.AWS.SQS.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(testQueue), Tags: map[string]string{"owner": "billing"}}); err != nil {
		t.Fatal(err)
	}
	mark := local.Gate().Meter().Mark()
	if _, err := drivers["queue"].Create(t.Context(), targetOf(testQueue), queueBase()); !errors.Is(err, ErrPresent) {
		t.Errorf("Create gave %v, want %v", err, ErrPresent)
	}
	for _, c := range local.Gate().Meter().Calls(mark) {
		if c.Operation == "CreateQueue" {
			t.Errorf("somebody's queue was asked for by CreateQueue")
		}
	}
}
