package blueprint

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRedriveRoutes(t *testing.T) {
	consumed := RedriveRoute{
		Redrive: RedriveConsume, DeadLetters: "dead", Source: "votes", MaxReceives: 5,
		Function: "recorder", Timeout: 10 * time.Second, BatchSize: 100, PartialBatch: true,
	}
	for name, c := range map[string]struct {
		change func(*Builder)
		want   []RedriveRoute
		says   string
	}{
		"consumer of the source": {change: func(*Builder) {}, want: []RedriveRoute{consumed}},
		"resend to a queue that others consume": {
			change: func(b *Builder) {
				dead := b.Queue("a-dead", Queue{Redrive: RedriveResend})
				b.Queue("orders", Queue{DeadLetter: &dead, MaxReceives: 3})
			},
			want: []RedriveRoute{{Redrive: RedriveResend, DeadLetters: "a-dead", Source: "orders", MaxReceives: 3}, consumed},
		},
		"nobody to consume": {
			change: func(b *Builder) {
				dead := b.Queue("a-dead", Queue{})
				b.Queue("orders", Queue{DeadLetter: &dead, MaxReceives: 3})
			},
			want: []RedriveRoute{{Redrive: RedriveConsume, DeadLetters: "a-dead", Source: "orders", MaxReceives: 3}, consumed},
			says: `no function of the system consumes "orders"`,
		},
		"given up of a stream": {
			change: func(b *Builder) {
				aside := b.Queue("aside", Queue{})
				items := b.Table("items", Table{Key: "key", Stream: NewAndOldImages})
				f := b.Function("history", Function{MemoryMB: 128, Timeout: 20 * time.Second, Grants: [][]Grant{items.ReadStream(), aside.Send()}})
				b.ConsumeStream("history-items", f, items, StreamBatch{Size: 100, Retries: 3, OnFailure: &aside})
			},
			want: []RedriveRoute{
				{Redrive: RedriveConsume, DeadLetters: "aside", Source: "aside", Function: "history", Timeout: 20 * time.Second, BatchSize: 10, PartialBatch: true},
				consumed,
			},
		},
		"events that a function failed on": {
			change: func(b *Builder) {
				aside := b.Queue("aside", Queue{})
				f := b.Function("lister", Function{MemoryMB: 128, Timeout: 20 * time.Second, Grants: [][]Grant{aside.Send()}})
				b.KeepFailed("lister-failed", f, aside)
			},
			want: []RedriveRoute{{Redrive: RedriveInvoke, DeadLetters: "aside", Source: "aside", Function: "lister", Timeout: 20 * time.Second, BatchSize: 1}, consumed},
		},
		"two sources": {
			change: func(b *Builder) {
				dead := b.Queue("a-dead", Queue{Redrive: RedriveResend})
				b.Queue("orders", Queue{DeadLetter: &dead, MaxReceives: 3})
				b.Queue("returns", Queue{DeadLetter: &dead, MaxReceives: 3})
			},
			want: []RedriveRoute{
				{Redrive: RedriveResend, DeadLetters: "a-dead", Source: "orders", MaxReceives: 3},
				{Redrive: RedriveResend, DeadLetters: "a-dead", Source: "returns", MaxReceives: 3}, consumed,
			},
			says: `takes messages of "orders" and of "returns"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := testSystem(testSettings())
			c.change(b)
			if diff := cmp.Diff(c.want, b.Blueprint().RedriveRoutes()); diff != "" {
				t.Errorf("want -, have +:\n%s", diff)
			}
			var texts []string
			for _, p := range b.Blueprint().Validate() {
				texts = append(texts, p.Error())
			}
			if all := strings.Join(texts, "\n"); !strings.Contains(all, c.says) || c.says == "" && all != "" {
				t.Errorf("the checks say %q, should say %q", all, c.says)
			}
		})
	}
}

// How messages are tried again is nothing that AWS has: it changes no digest,
// so that saying it needs no update.
func TestRedriveChangesNoDigest(t *testing.T) {
	digest := func(r Redrive) string {
		b := NewBuilder(testSettings())
		b.Queue("dead", Queue{Redrive: r})
		d, _ := b.Blueprint().Digest(b.Blueprint().Part("dead"))
		return d
	}
	if digest("") != digest(RedriveResend) {
		t.Error("the digest depends on the redrive")
	}
}
