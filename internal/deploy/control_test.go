package deploy

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// controlled is a made-up system whose closing time may be moved.
func controlled(closes string) *blueprint.Builder {
	s := settings()
	s.ForceDestroy = true
	b := blueprint.NewBuilder(s)
	tallies := b.Table("tallies", blueprint.Table{Key: "id"})
	closing := b.Control("closes_at", blueprint.ControlOptions{
		Table: tallies, Item: "control", Field: "closes_at", Configured: closes, Moment: true, Clear: "extend --clear",
	})
	b.Output("closes_at_in_force", closing.Value())
	b.OutputMap("times", map[string]string{"closes": "at " + closing.Value()})
	return b
}

// override writes the item as an operator's command does; times are in
// milliseconds since 1970.
func override(t *testing.T, e *Engine, closes, of string) {
	t.Helper()
	if _, err := e.AWS.DynamoDB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("one-tiny-tallies-euc1"), Item: map[string]types.AttributeValue{
		"id": &types.AttributeValueMemberS{Value: "control"}, "closes_at": &types.AttributeValueMemberN{Value: closes}, "of": &types.AttributeValueMemberN{Value: of},
		"by": &types.AttributeValueMemberS{Value: "arn:aws:iam::123456789012:user/anna"}, "at": &types.AttributeValueMemberN{Value: "1811010000000"},
	}}); err != nil {
		t.Fatal(err)
	}
}

// TestControlIsReadAndNeverWritten: an override shows in what is observed, is no
// drift, changes no digest, and no apply touches it.
func TestControlIsReadAndNeverWritten(t *testing.T) {
	const argument, moved, later = "2027-05-22T18:25:00Z", "2027-05-22T18:35:00Z", "2027-05-22T19:00:00Z"
	e, account := newEngine(t, 3)
	b := controlled(argument)
	made := succeeded(t, e.Apply(t.Context(), input(b, true)))
	inForce := func(res Result, want string) {
		t.Helper()
		if res.Outputs["closes_at_in_force"] != want || res.OutputMaps["times"]["closes"] != "at "+want {
			t.Errorf("in force is %q and %q, want %q", res.Outputs["closes_at_in_force"], res.OutputMaps["times"]["closes"], want)
		}
	}
	inForce(made, argument)
	mark := local.Gate().Meter().Mark()
	seen := succeeded(t, e.Observe(t.Context(), input(b, false)))
	if n := total(callsOf(mark, account)); n != e.ObserveCalls(b.Blueprint()) {
		t.Errorf("observing made %d calls, declared are %d", n, e.ObserveCalls(b.Blueprint()))
	}
	inForce(seen, argument)
	if len(seen.Overrides) != 0 {
		t.Errorf("without an item there is %+v", seen.Overrides)
	}

	override(t, e, "1811010900000", "1811010300000")
	seen = succeeded(t, e.Observe(t.Context(), input(b, false)))
	inForce(seen, moved)
	want := map[string]blueprint.Override{"closes_at": {Value: moved, InsteadOf: argument, By: "arn:aws:iam::123456789012:user/anna", At: "2027-05-22T18:20:00Z"}}
	if !maps.Equal(seen.Overrides, want) || len(seen.Drift) != 0 || !maps.Equal(seen.Digests, made.Digests) {
		t.Errorf("with an override observed is %+v, want overrides %+v alone", seen, want)
	}
	// An apply gives back what the plan had, and leaves the item alone.
	in := input(b, false)
	in.Overrides = seen.Overrides
	mark = local.Gate().Meter().Mark()
	inForce(succeeded(t, e.Apply(t.Context(), in)), moved)
	for call := range callsOf(mark, account) {
		if strings.HasSuffix(call, "Item") {
			t.Errorf("an apply made the call %s", call)
		}
	}
	inForce(succeeded(t, e.Observe(t.Context(), input(b, false))), moved)
	// Another argument wins.
	changed := input(controlled(later), false)
	changed.Overrides = seen.Overrides
	inForce(succeeded(t, e.Apply(t.Context(), changed)), later)
	seen = succeeded(t, e.Observe(t.Context(), input(controlled(later), false)))
	inForce(seen, later)
	if len(seen.Overrides) != 0 {
		t.Errorf("against another argument it holds still: %+v", seen.Overrides)
	}
	// What nobody can read is said, not passed over.
	override(t, e, "1", "2")
	if _, err := e.AWS.DynamoDB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("one-tiny-tallies-euc1"), Item: map[string]types.AttributeValue{
		"id": &types.AttributeValueMemberS{Value: "control"}, "closes_at": &types.AttributeValueMemberS{Value: "soon"},
	}}); err != nil {
		t.Fatal(err)
	}
	bad := e.Observe(t.Context(), input(b, false))
	if len(bad.Failures) != 1 || !strings.Contains(bad.Failures[0].Summary, "Cannot read the closes_at in force from table") || !strings.Contains(bad.Failures[0].Detail, "number of milliseconds") {
		t.Errorf("an item that nobody can read gave %+v", bad.Failures)
	}
	// With the table the override is gone.
	if _, err := e.AWS.DynamoDB.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: aws.String("one-tiny-tallies-euc1")}); err != nil {
		t.Fatal(err)
	}
	seen = succeeded(t, e.Observe(t.Context(), input(b, false)))
	inForce(seen, argument)
	if !Missing(seen.Drift["tallies"]) {
		t.Errorf("the drift is %v", seen.Drift)
	}
	succeededGone(t, e, account, b)
}

func TestPoliciesOfControls(t *testing.T) {
	const table = "arn:aws:dynamodb:eu-central-1:123456789012:table/one-tiny-tallies-euc1"
	for _, key := range []string{"", "arn:aws:kms:eu-central-1:123456789012:key/1"} {
		s := settings()
		s.KMSKeyARN = key
		b := blueprint.NewBuilder(s)
		b.Control("rate", blueprint.ControlOptions{Table: b.Table("tallies", blueprint.Table{Key: "id"}), Item: "control", Field: "rate", Configured: "5"})
		for _, mode := range []Mode{ModePlan, ModeApply} {
			documents, err := Policies(testPlace, mode, b.Blueprint())
			if err != nil {
				t.Fatal(err)
			}
			if !allows(documents, "dynamodb:GetItem", table) {
				t.Errorf("%s: the control cannot be read", mode)
			}
			for _, d := range documents {
				for _, st := range d.Statement {
					if slices.Contains(st.Action, "dynamodb:GetItem") && !slices.Equal(st.Condition["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"], []string{"control"}) {
						t.Errorf("%s: more than the control can be read: %+v", mode, st)
					}
				}
			}
			if got := allows(documents, "kms:Decrypt", key); got != (key != "") {
				t.Errorf("%s: with the key %q, decrypting is allowed: %t", mode, key, got)
			}
			if allows(documents, "dynamodb:PutItem", table) {
				t.Errorf("%s: the control can be written", mode)
			}
		}
	}
}
