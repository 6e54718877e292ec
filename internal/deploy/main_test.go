package deploy

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/localtest"
)

const testRegion = "eu-central-1"

// local is the one local AWS of this package's tests; each test has an account
// of its own in it.
var local *localaws.Local

func TestMain(m *testing.M) {
	os.Exit(localtest.Main(m, localaws.Options{}, func(l *localaws.Local) error {
		local = l
		return nil
	}))
}

var accounts atomic.Int64

// newEngine returns an engine in an account of its own, and the account. Calls
// are attempted as often as given.
func newEngine(t *testing.T, attempts int) (*Engine, string) {
	t.Helper()
	account := fmt.Sprintf("5%011d", accounts.Add(1))
	return engineIn(t, account, attempts), account
}

func engineIn(t *testing.T, account string, attempts int) *Engine {
	t.Helper()
	client, failure := awsclient.New(t.Context(), awsclient.Config{
		Region: testRegion, AccessKey: account, SecretKey: "test", Endpoint: local.Endpoint(), PathStyle: true, MaxRetries: attempts,
	})
	if failure != nil {
		t.Fatal(failure)
	}
	if failure := client.Check(t.Context()); failure != nil {
		t.Fatal(failure)
	}
	return New(client, func(context.Context, string) ([]byte, error) { return nil, fmt.Errorf("there are no functions here") }, "1.2.3")
}

var tiny = blueprint.System{Name: "tiny_system", Slug: "tiny"}

// settings of the made-up system that these tests deploy.
func settings() blueprint.Settings {
	return blueprint.Settings{System: tiny, Name: "one", Tags: map[string]string{"team": "shows"}, LogRetentionDays: 14, RolePath: "/", Architecture: "arm64", ForceDestroy: true}
}

// small is a made-up system of two queues, two tables and a bucket. change may
// alter it.
func small(s blueprint.Settings, visibility time.Duration) *blueprint.Builder {
	b := blueprint.NewBuilder(s)
	dead := b.Queue("dead", blueprint.Queue{Visibility: time.Minute})
	votes := b.Queue("votes", blueprint.Queue{Visibility: visibility, DeadLetter: &dead, MaxReceives: 5, Data: true})
	ballots := b.Table("ballots", blueprint.Table{Key: "voter", Data: true})
	b.Table("tallies", blueprint.Table{Key: "answer"})
	bucket := b.Bucket("results", blueprint.Bucket{})
	b.Object("page", bucket, "page.json", blueprint.Object{ContentType: "application/json", Content: `{"page": 1}`})
	b.Output("votes_url", votes.URL())
	b.Output("ballots", ballots.Name())
	return b
}

func input(b *blueprint.Builder, create bool) Input {
	return Input{Blueprint: b.Blueprint(), Arguments: []byte(`{"name":"one"}`), Create: create}
}

// succeeded fails the test unless the operation did.
func succeeded(t *testing.T, res Result) Result {
	t.Helper()
	for _, f := range res.Failures {
		t.Fatalf("%s: %s", f.Summary, f.Detail)
	}
	return res
}

// callsOf are the calls of one account since the mark, by service and operation.
func callsOf(mark localaws.Mark, account string) map[string]int {
	out := map[string]int{}
	for _, c := range local.Gate().Meter().Calls(mark) {
		if c.AccessKey == account {
			out[c.Service+" "+c.Operation]++
		}
	}
	return out
}

func total(calls map[string]int) int {
	n := 0
	for _, c := range calls {
		n += c
	}
	return n
}

// arm adds a fault for one account's calls until the test ends.
func arm(t *testing.T, account string, f localaws.Fault) *localaws.Armed {
	t.Helper()
	var over atomic.Bool
	t.Cleanup(func() { over.Store(true) })
	f.Match = func(c localaws.Call) bool { return c.AccessKey == account && !over.Load() }
	armed, err := local.Gate().Faults().Add(f)
	if err != nil {
		t.Fatal(err)
	}
	return armed
}

// fakeClock goes forward by itself whenever somebody waits.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *fakeClock { return &fakeClock{now: time.Now()} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	ch := make(chan time.Time, 1)
	ch <- c.now
	return ch
}
