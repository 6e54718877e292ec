package votingwindow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/eventsource"
)

// workers is the recorder as Lambda runs it: as many at once as there are invocations, each with a memory of its own, and
// now and then one that dies or is throttled.
type workers struct {
	*world
	mu     sync.Mutex
	random *rand.Rand
	faults int // in a hundred
	idle   []*votingwindow.Recorder
	born   int
	most   int // messages of the largest batch
}

func (w *workers) chance() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.IntN(100) < w.faults
}

// take gives a recorder that is warm, or a new one.
func (w *workers) take() *votingwindow.Recorder {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.idle); n > 0 {
		warm := w.idle[n-1]
		w.idle = w.idle[:n-1]
		return warm
	}
	w.born++
	return recorderOf(w.memory, w.rules, w.clock, fmt.Sprint("w", w.born))
}

func (w *workers) Invoke(ctx context.Context, event []byte) (eventsource.Answer, error) {
	var batch events.SQSEvent
	if err := json.Unmarshal(event, &batch); err != nil {
		return eventsource.Answer{}, err
	}
	if w.chance() {
		return eventsource.Answer{}, errors.New("throttled")
	}
	recorder := w.take()
	time.Sleep(time.Duration(len(batch.Records)) * time.Millisecond)
	response, err := recorder.Handle(ctx, batch)
	if err != nil || w.chance() { // It dies, and nobody hears what it did.
		return eventsource.Answer{FunctionError: "Unhandled"}, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle, w.most = append(w.idle, recorder), max(w.most, len(batch.Records))
	payload, err := json.Marshal(response)
	return eventsource.Answer{Payload: payload}, err
}

// withoutDeadline hides from rapid the test's deadline, which is no time of its bubble.
type withoutDeadline struct{ testing.TB }

// TestEveryVoteEndsOnceBehindAMapping has the recorder polled for as Lambda does: batches of a window, several at a time, messages
// that come twice, invocations that fail or are throttled, and a database that does both.
func TestEveryVoteEndsOnceBehindAMapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(withoutDeadline{t}, func(t *rapid.T) {
			w := newWorld(mustRules(around(time.Now())), clock.System{})
			seed := rapid.Uint64().Draw(t, "seed")
			lambda := &workers{world: w, random: rand.New(rand.NewPCG(seed, 0)), faults: rapid.SampledFrom([]int{0, 5, 20}).Draw(t, "faults in a hundred")}
			rate := uint64(rapid.SampledFrom([]int{0, 5}).Draw(t, "faults of the database"))
			w.faultOf = func(operation, table, key string, n int) fault {
				if hash(seed, operation, table, key, n)%100 < rate {
					return fault(1 + hash(seed, operation, table, key, n, "when")%2)
				}
				return fine
			}
			again := rapid.SampledFrom([]uint64{0, 10}).Draw(t, "deliveries twice in a hundred")
			queue := &eventsource.MemoryQueue{Clock: eventsource.SystemClock{}, VisibilityTimeout: 30 * time.Second}
			queue.Again = func(m events.SQSMessage) bool { return hash(seed, m.ReceiptHandle)%100 < again }
			poller := &eventsource.QueuePoller{
				Mapping: eventsource.Mapping{
					EventSourceArn: "arn:aws:sqs:eu-central-1:000000000000:votes", BatchSize: 100, MaximumBatchingWindowInSeconds: 1,
					FunctionResponseTypes: []string{"ReportBatchItemFailures"},
				},
				Queue: queue, Invoker: lambda, Clock: eventsource.SystemClock{}, FunctionTimeout: 5 * time.Second,
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan struct{})
			go func() {
				poller.Run(ctx)
				close(ended)
			}()
			var accepted []string
			for range rapid.IntRange(1, 5).Draw(t, "bursts") {
				for range rapid.IntRange(1, 120).Draw(t, "votes") {
					text := body(
						rapid.SampledFrom([]string{"ann", "bob", "eve", "BAD"}).Draw(t, "voter")+fmt.Sprint(len(accepted)%40),
						rapid.SampledFrom([]string{"yes", "no", "never"}).Draw(t, "answer"))
					accepted = append(accepted, queue.Send(text, eventsource.Sending{}))
				}
				pass(time.Duration(rapid.IntRange(0, 90).Draw(t, "pause")) * time.Second)
			}
			for limit := 0; len(queue.Messages()) > 0; limit++ {
				if limit > 60 {
					t.Fatalf("after an hour there are still %d messages", len(queue.Messages()))
				}
				pass(time.Minute)
			}
			poller.Stop()
			<-ended
			cancel()
			w.faultOf = nil
			for tick := 0; len(w.history) == 0 || w.results().Status != votingwindow.StatusFinal; tick++ {
				if tick > 60 {
					t.Fatal("the figures are not final after an hour")
				}
				w.mustTick(t, fmt.Sprint("p", tick))
				pass(time.Second)
			}
			w.check(t, accepted)
			if len(accepted) > 200 && lambda.faults == 0 && lambda.most <= 10 {
				t.Errorf("the largest batch had %d messages", lambda.most)
			}
		})
	})
}
