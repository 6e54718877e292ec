package operator

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// What a command asks for by a part's key is done to that part, and what is not
// there is named.
func TestReached(t *testing.T) {
	n, _ := shared(t)
	r := &reached{n.deployed}
	n.drain(t, "votes")
	if id, err := r.Send(t.Context(), "votes", `{"voter":"x"}`); err != nil || id == "" {
		t.Fatalf("%q, %v", id, err)
	}
	n.drain(t, "votes")
	window, err := r.Object(t.Context(), "results", "window.json")
	if err != nil || !strings.Contains(string(window), `"name":"tv-final"`) {
		t.Errorf("%s, %v", window, err)
	}
	if _, err := r.Object(t.Context(), "results", "none"); !errors.Is(err, command.ErrNoObject) {
		t.Errorf("an object that is not there: %v", err)
	}
	if err := r.Download(t.Context(), "results", "none", io.Discard); !errors.Is(err, command.ErrNoObject) {
		t.Errorf("an object that is not there: %v", err)
	}
	if p, found := r.Part("votes"); !found || p.Kind != "queue" || p.Attributes["url"] != n.url("votes") {
		t.Errorf("part %+v, %t", p, found)
	}
	for what, c := range map[string]struct {
		err  error
		says string
	}{
		"function": {r.Invoke(t.Context(), "votes", nil, nil), `voting_window "tv-final" has no function "votes"; it has [control `},
		"queue":    {second(r.Send(t.Context(), "none", "")), `has no queue "none"; it has [dead-letters votes]`},
		"bucket":   {second(r.Objects(t.Context(), "none", "")), `has no bucket "none"; it has [bundles records results]`},
		"key":      {second(r.PublicKey(t.Context(), "signing-key")), `"signing-key"; it has []`},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("a %s that is not there: %v", what, c.err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
