package deploy

import (
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// TestUpgradeNeedsMoreOfAPart: an earlier version recorded less of a part than what
// the new one's other parts refer to. The part itself has not changed.
func TestUpgradeNeedsMoreOfAPart(t *testing.T) {
	e, account := newEngine(t, 3)
	succeeded(t, e.Apply(t.Context(), input(small(settings(), time.Minute), true)))
	s := storeOf(e)
	m, _, err := s.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	votes := m.Parts["votes"]
	votes.Attributes = nil
	m.Parts["votes"] = votes
	if err := s.write(t.Context(), m, ""); err != nil {
		t.Fatal(err)
	}
	upgraded := func() *blueprint.Builder {
		b := small(settings(), time.Minute)
		bucket := b.Bucket("pages", blueprint.Bucket{})
		b.Object("where", bucket, "where.txt", blueprint.Object{ContentType: "text/plain", Content: blueprint.Ref("votes", "url")})
		return b
	}
	res := succeeded(t, e.Apply(t.Context(), input(upgraded(), false)))
	if res.Outputs["votes_url"] == "" || res.Manifest.Parts["votes"].Attributes["url"] != res.Outputs["votes_url"] {
		t.Errorf("after the upgrade the outputs are %v, the manifest has %+v", res.Outputs, res.Manifest.Parts["votes"])
	}
	succeededGone(t, e, account, upgraded())
}
