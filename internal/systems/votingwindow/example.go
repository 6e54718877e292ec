package votingwindow

import (
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// ExampleBlueprint returns the blueprint of a plain voting window, for the bench and for
// pictures.
func ExampleBlueprint(s blueprint.Settings) *blueprint.Blueprint {
	b := blueprint.NewBuilder(s)
	if err := describe(exampleModel(), b); err != nil {
		panic("votingwindow: the example cannot be described: " + err.Error())
	}
	return b.Blueprint()
}

// exampleModel is the arguments of a plain voting window.
func exampleModel() *Model {
	answers := map[string]attr.Value{"a": types.StringValue("Anna"), "b": types.StringValue("Bruno")}
	return &Model{
		Question: types.StringValue("Who wins?"), Answers: types.MapValueMust(types.StringType, answers),
		OpensAt:      timetypes.NewRFC3339ValueMust("2027-05-22T20:15:00+02:00"),
		ClosesAt:     timetypes.NewRFC3339ValueMust("2027-05-22T20:25:00+02:00"),
		GraceSeconds: types.Int64Value(defaultGrace), VoterPattern: types.StringValue("[0-9]{8}"), Revote: types.StringValue("reject"),
	}
}
