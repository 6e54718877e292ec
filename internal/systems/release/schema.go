package release

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

const description = "What of the functions is live in one environment, and how it came there: pipeline and commit → digest → versions → the aliases through which the functions are called. " +
	"A release goes live at once or by a canary, which alarms send back, and leaves a line in the history. The systems whose functions it moves have `go_live = \"release\"`."

// maxFunctions keeps what the function steer may do within the 10,240 characters of a role's policies (IAM and STS quotas); a plan says if names are
// so long that it does not.
const maxFunctions = 50

var (
	keyPattern     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	aliasPattern   = regexp.MustCompile(`^arn:[a-z0-9-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]{1,128}$`)
	versionPattern = regexp.MustCompile(`^[1-9][0-9]*$`)
	digestPattern  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

func attributes() map[string]schema.Attribute {
	matches := func(p *regexp.Regexp, message string) validator.String {
		return stringvalidator.RegexMatches(p, message)
	}
	keys := mapvalidator.KeysAre(matches(keyPattern, "must begin with a letter or a digit and have up to 64 letters, digits, dashes and underscores"))
	digest := matches(digestPattern, "must be a SHA-256 of 64 hexadecimal digits")
	out := map[string]schema.Attribute{
		"systems": schema.MapNestedAttribute{
			Required:            true,
			MarkdownDescription: fmt.Sprintf("The systems that are released together, by names of your choice; in all at most %d functions.", maxFunctions),
			Validators:          []validator.Map{mapvalidator.SizeAtLeast(1), keys},
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"aliases": schema.MapAttribute{Required: true, ElementType: types.StringType,
					MarkdownDescription: "ARNs of the aliases to move, by the function's key: the system's `function_arns`.",
					Validators:          []validator.Map{mapvalidator.SizeAtLeast(1), keys, mapvalidator.ValueStringsAre(matches(aliasPattern, "must be the ARN of an alias, arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS"))}},
				"versions": schema.MapAttribute{Required: true, ElementType: types.StringType,
					MarkdownDescription: "The version that each is to point to, by the same keys: the system's `function_versions`.",
					Validators:          []validator.Map{mapvalidator.ValueStringsAre(matches(versionPattern, "must be the number of a published version; an alias with a canary takes no $LATEST"))}},
				"digest": schema.StringAttribute{Required: true, Validators: []validator.String{digest},
					MarkdownDescription: "Hex SHA-256 of the code of these versions: the system's `functions_sha256`. A version with other code is not released."},
			}},
		},
		"pipeline": schema.StringAttribute{Required: true, MarkdownDescription: "Number or name of the pipeline's run, for the history. The same versions by another run are another release.",
			Validators: []validator.String{stringvalidator.UTF8LengthBetween(1, 200)}},
		"commit": schema.StringAttribute{Required: true, MarkdownDescription: "Commit from which it was built, for the history.", Validators: []validator.String{stringvalidator.UTF8LengthBetween(1, 200)}},
		"tested": schema.SetAttribute{Optional: true, ElementType: types.StringType, Validators: []validator.Set{setvalidator.ValueStringsAre(digest)},
			MarkdownDescription: "Digests that may be released: what was live in another environment, its `proven_digests` of the data source `serverless_release_history`. A plan refuses any other. Without it every digest may."},
		"canary": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "How a release is tried out. Without it, all calls go to the new versions at once, and no alarm is looked at.",
			Attributes: map[string]schema.Attribute{
				"percent": schema.Int64Attribute{Required: true, Validators: []validator.Int64{int64validator.Between(1, 99)}, MarkdownDescription: "Percentage of each function's calls that the new version takes, 1 to 99."},
				"minutes": schema.Int64Attribute{Required: true, Validators: []validator.Int64{int64validator.Between(1, 2880)}, MarkdownDescription: "Minutes for which it does, 1 to 2,880. It ends within the minute after."},
				"alarms": schema.SetAttribute{Required: true, ElementType: types.StringType, Validators: []validator.Set{setvalidator.SizeBetween(1, 100), setvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1))},
					MarkdownDescription: "Names or ARNs of the CloudWatch alarms, of metrics or composite, that send the release back when they ring in that time, or before it begins; at most 100. They are looked at each minute. One without data rings not; one that does not exist sends it back."},
			},
		},
	}
	maps.Copy(out, outputs())
	return out
}

func outputs() map[string]schema.Attribute {
	return composite.Outputs(map[string]string{
		"history_table_name": "Name of the table with the history.",
		"history_table_arn":  "ARN of that table, for whoever reads the history: `dynamodb:Query`.",
	}, map[string]string{
		"function_names": "Names of the functions.", "function_arns": "ARNs of the functions' live aliases.", "role_arns": "ARNs of the functions' roles.",
	})
}

// validate checks each system, and all digests.
func validate(_ context.Context, m *Model) diag.Diagnostics {
	var diags diag.Diagnostics
	digests, count := map[string]string{}, 0
	seen := map[string]string{}
	for _, system := range slices.Sorted(maps.Keys(m.Systems.Elements())) {
		object, ok := m.Systems.Elements()[system].(types.Object)
		if !ok || object.IsNull() || object.IsUnknown() {
			continue
		}
		at := path.Root("systems").AtMapKey(system)
		if d := composite.Field[types.String](object, "digest"); composite.Known(d) {
			digests[system] = d.ValueString()
		}
		aliases, versions := composite.Field[types.Map](object, "aliases"), composite.Field[types.Map](object, "versions")
		for _, key := range slices.Sorted(maps.Keys(aliases.Elements())) {
			alias := composite.TextsOf(aliases)[key]
			if other := seen[alias]; alias != "" && other != "" {
				diags.AddAttributeError(at.AtName("aliases").AtMapKey(key), "An alias twice", fmt.Sprintf("%s is released as %s already. Take one of the two out.", alias, other))
			}
			seen[alias] = system + "/" + key
		}
		if aliases.IsUnknown() || versions.IsUnknown() {
			continue
		}
		count += len(aliases.Elements())
		if problem := unlike(system, aliases.Elements(), versions.Elements()); problem != "" {
			diags.AddAttributeError(at.AtName("versions"), "Not a version for each alias", problem)
		}
	}
	if count > maxFunctions {
		diags.AddAttributeError(path.Root("systems"), "Too many functions", fmt.Sprintf("There are %d functions, and at most %d go into one release. Make two.", count, maxFunctions))
	}
	if problem := untested(digests, m.Tested); problem != "" {
		diags.AddAttributeError(path.Root("tested"), "Not tested", problem)
	}
	return diags
}

// unlike says where aliases and versions do not have the same keys; empty where they do.
func unlike(system string, aliases, versions map[string]attr.Value) string {
	have, want := slices.Sorted(maps.Keys(versions)), slices.Sorted(maps.Keys(aliases))
	if slices.Equal(have, want) {
		return ""
	}
	return fmt.Sprintf("Of %s there are aliases of %s, and versions of %s. Give both by the same keys.", system, strings.Join(want, ", "), strings.Join(have, ", "))
}

// untested says which digests were tested nowhere; empty where all were, or where none need be.
func untested(digests map[string]string, tested types.Set) string {
	if tested.IsNull() || tested.IsUnknown() {
		return ""
	}
	var proven []string
	for _, e := range tested.Elements() {
		s, _ := e.(types.String)
		if s.IsUnknown() {
			return ""
		}
		proven = append(proven, s.ValueString())
	}
	for _, system := range slices.Sorted(maps.Keys(digests)) {
		if digest := digests[system]; !blueprint.HasUnknown(digest) && !slices.Contains(proven, digest) {
			return fmt.Sprintf("The functions of %s have the digest %s, which was not tested; tested are: %s. Release it where it is to be tested first, with the same version of the provider, or of its source.",
				system, digest, strings.Join(append(proven, "none")[:max(1, len(proven))], ", "))
		}
	}
	return ""
}
