package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// long are arguments that hardly compress.
func long(size int) json.RawMessage {
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, size)
	for i := range text {
		text[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[random.IntN(62)]
	}
	return json.RawMessage(`{"text":"` + string(text) + `"}`)
}

func TestManifestEncoding(t *testing.T) {
	for _, c := range []struct {
		size   int
		pieces int
	}{{10, 1}, {20_000, 6}, {60_000, 15}} {
		m := &Manifest{System: "tiny_system", Name: "one", Status: Ready, Arguments: long(c.size), Parts: map[string]Record{"votes": {Kind: "queue", Name: "q", Attributes: map[string]string{"url": "u"}}}}
		head, rest, err := m.encode("gen")
		if err != nil {
			t.Fatal(err)
		}
		n, generation, text, err := heading(head)
		if err != nil || generation != "gen" || n != len(rest)+1 || n < c.pieces {
			t.Errorf("%d bytes of arguments: heading says %d pieces of %q, there are %d, want at least %d: %v", c.size, n, generation, len(rest)+1, c.pieces, err)
		}
		for _, piece := range append([]string{head}, rest...) {
			if len(piece) > 4096 {
				t.Errorf("a piece has %d bytes; a free parameter holds 4,096", len(piece))
			}
		}
		back, err := decode(text + strings.Join(rest, ""))
		if err != nil {
			t.Fatal(err)
		}
		if string(back.Arguments) != string(m.Arguments) || back.Parts["votes"].Attributes["url"] != "u" {
			t.Errorf("%d bytes of arguments came back otherwise", c.size)
		}
	}
}

func TestManifestUnreadable(t *testing.T) {
	for value, says := range map[string]string{
		"serverless-2:1:g:abc": "use a newer one", "nonsense": "use a newer one",
		"serverless-1:x:g:abc": "damaged", "serverless-1:0:g:abc": "damaged",
	} {
		if _, _, _, err := heading(value); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("heading %q: %v, should say %q", value, err, says)
		}
	}
	for _, text := range []string{"%%%", "YWJj", ""} {
		if _, err := decode(text); err == nil || !strings.Contains(err.Error(), "decode manifest") {
			t.Errorf("decode %q: %v", text, err)
		}
	}
}

func storeOf(e *Engine) *store { return e.store(small(settings(), time.Minute).Blueprint()) }

func claimed(id string) *Manifest {
	return &Manifest{System: "tiny_system", Name: "one", Status: Creating, Claim: &Claim{ID: id}}
}

func TestStoreCreateOnce(t *testing.T) {
	e, _ := newEngine(t, 3)
	var won, taken atomic.Int64
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			switch err := storeOf(e).create(t.Context(), claimed(fmt.Sprint("claim", i))); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, errTaken):
				taken.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || taken.Load() != 19 {
		t.Errorf("%d won and %d were told it is taken; want 1 and 19", won.Load(), taken.Load())
	}
}

// parameters are the names of the account's parameters.
func parameters(t *testing.T, e *Engine) []string {
	t.Helper()
	var names []string
	pages := ssm.NewDescribeParametersPaginator(e.AWS.SSM, &ssm.DescribeParametersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Parameters {
			names = append(names, aws.ToString(p.Name))
		}
	}
	return names
}

func TestStorePieces(t *testing.T) {
	e, _ := newEngine(t, 3)
	s, m := inPieces(t, e)
	first := len(parameters(t, e))
	if err := s.write(t.Context(), m, "mine"); err != nil {
		t.Fatal(err)
	}
	if n := len(parameters(t, e)); n != first || n < 5 {
		t.Errorf("after a second write there are %d parameters, after the first there were %d: pieces of the old generation must go", n, first)
	}
	back, _, err := storeOf(e).read(t.Context())
	if err != nil || string(back.Arguments) != string(m.Arguments) {
		t.Errorf("read: %v, arguments came back the same: %t", err, err == nil && string(back.Arguments) == string(m.Arguments))
	}
	m.Arguments = nil
	if err := s.write(t.Context(), m, "mine"); err != nil {
		t.Fatal(err)
	}
	if names := parameters(t, e); len(names) != 1 || names[0] != Path(tiny, "one") {
		t.Errorf("a small manifest has the parameters %q", names)
	}
	if err := s.remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if names := parameters(t, e); len(names) != 0 {
		t.Errorf("remove left %q", names)
	}
	if _, _, err := s.read(t.Context()); !errors.Is(err, errNoManifest) {
		t.Errorf("read after remove: %v", err)
	}
}

func TestStoreOvertaken(t *testing.T) {
	e, _ := newEngine(t, 3)
	mine, theirs := storeOf(e), storeOf(e)
	if err := mine.create(t.Context(), claimed("mine")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := theirs.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := theirs.write(t.Context(), claimed("theirs"), "theirs"); err != nil {
		t.Fatal(err)
	}
	if err := mine.write(t.Context(), claimed("mine"), "mine"); !errors.Is(err, errOvertaken) {
		t.Errorf("write after somebody else wrote: %v", err)
	}
	if err := mine.touch(t.Context(), "mine"); err != nil && !errors.Is(err, errOvertaken) {
		t.Error(err)
	}
}

// inPieces stores a manifest that is too long for one parameter.
func inPieces(t *testing.T, e *Engine) (*store, *Manifest) {
	t.Helper()
	s, m := storeOf(e), claimed("mine")
	m.Arguments = long(20_000)
	if err := s.create(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return s, m
}

// TestStoreReadWhileWritten: of a manifest in several pieces the head is read, and
// then another one is written, with pieces of its own.
func TestStoreReadWhileWritten(t *testing.T) {
	e, account := newEngine(t, 3)
	s, m := inPieces(t, e)
	armed := arm(t, account, localaws.Fault{Service: "ssm", Operation: "GetParameters", Nth: 1, Kind: localaws.FaultDelay, Delay: 5 * time.Second})
	done := make(chan error)
	go func() {
		read, _, err := storeOf(e).read(t.Context())
		if err == nil && read.Status != Ready {
			err = fmt.Errorf("it read the manifest from before, whose pieces are gone")
		}
		done <- err
	}()
	for began := time.Now(); !armed.Fired(); {
		if time.Since(began) > 20*time.Second {
			t.Fatal("nobody reads the pieces")
		}
		runtime.Gosched()
	}
	m.Status = Ready
	if err := s.write(t.Context(), m, "mine"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestStorePieceMissing: what nobody writes meanwhile is damaged.
func TestStorePieceMissing(t *testing.T) {
	e, _ := newEngine(t, 3)
	s, _ := inPieces(t, e)
	if err := s.deletePieces(t.Context(), s.names(s.generation, 2)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := storeOf(e).read(t.Context()); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("a manifest without a piece: %v", err)
	}
}

// TestStoreLostAnswers: our own write whose answer was lost is no overtaker.
func TestStoreLostAnswers(t *testing.T) {
	steps := map[string]func(context.Context, *store) error{
		"write": func(ctx context.Context, s *store) error { return s.write(ctx, claimed("mine"), "mine") },
		"touch": func(ctx context.Context, s *store) error { return s.touch(ctx, "mine") },
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			e, account := newEngine(t, 3)
			s := storeOf(e)
			if err := s.create(t.Context(), claimed("mine")); err != nil {
				t.Fatal(err)
			}
			armed := arm(t, account, localaws.Fault{Service: "ssm", Operation: "PutParameter", Kind: localaws.FaultLostAnswer, Nth: 1})
			if err := step(t.Context(), s); err != nil || !armed.Fired() {
				t.Errorf("a lost answer (fired: %t): %v", armed.Fired(), err)
			}
			if err := step(t.Context(), s); err != nil {
				t.Errorf("the next one: %v", err)
			}
		})
	}
	t.Run("create", func(t *testing.T) {
		e, account := newEngine(t, 3)
		armed := arm(t, account, localaws.Fault{Service: "ssm", Operation: "PutParameter", Kind: localaws.FaultLostAnswer, Nth: 1})
		s := storeOf(e)
		if err := s.create(t.Context(), claimed("mine")); err != nil || !armed.Fired() {
			t.Errorf("create with a lost answer (fired: %t): %v", armed.Fired(), err)
		}
		if err := s.write(t.Context(), claimed("mine"), "mine"); err != nil {
			t.Errorf("the write after it: %v", err)
		}
		if err := storeOf(e).create(t.Context(), claimed("theirs")); !errors.Is(err, errTaken) {
			t.Errorf("a second create: %v", err)
		}
	})
}
