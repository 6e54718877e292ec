package configitems

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/configitems"
	check "github.com/burstline/terraform-provider-serverless/functions/configitems/schema"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

const description = "A table with what differs between environments, for functions of this provider and your own: strings, numbers, truth values, JSON and references to secrets. " +
	"Functions read it again within seconds, so a change needs no deployment. Every change is kept with its time and who made it. What a function reads cannot be taken away."

// maxItems keeps the items within a megabyte's reading and the manifest within some parameters.
const maxItems = 500

var (
	keyPattern    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$`)
	secretPattern = regexp.MustCompile(`^arn:[a-z0-9-]+:(ssm:[a-z0-9-]+:[0-9]{12}:parameter/.+|secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+)$`)
)

func attributes() map[string]schema.Attribute {
	out := map[string]schema.Attribute{
		"items": schema.MapNestedAttribute{
			Required: true,
			MarkdownDescription: "The items, by keys of up to 128 letters, digits, dots, dashes, underscores and slashes. Each has exactly one value: `string`, `number`, `bool`, `json` or `secret_arn`. " +
				"Taking one away that was read within 24 hours is refused.",
			Validators: []validator.Map{
				mapvalidator.SizeAtMost(maxItems),
				mapvalidator.KeysAre(stringvalidator.RegexMatches(keyPattern, "must begin with a letter or a digit and have up to 128 letters, digits, dots, dashes, underscores and slashes")),
			},
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"string": schema.StringAttribute{Optional: true, MarkdownDescription: "A text."},
				"number": schema.NumberAttribute{Optional: true, MarkdownDescription: "A number of up to 38 digits."},
				"bool":   schema.BoolAttribute{Optional: true, MarkdownDescription: "A truth value."},
				"json":   schema.StringAttribute{Optional: true, MarkdownDescription: "A JSON text, as `jsonencode` makes it."},
				"secret_arn": schema.StringAttribute{Optional: true, MarkdownDescription: "ARN of a parameter of Systems Manager or of a secret of Secrets Manager. Only the reference is kept; functions read what it leads to.",
					Validators: []validator.String{stringvalidator.RegexMatches(secretPattern, "must be the ARN of a parameter (arn:aws:ssm:...:parameter/...) or of a secret (arn:aws:secretsmanager:...:secret:...)")}},
				"description": schema.StringAttribute{Optional: true, MarkdownDescription: "What the item is for, kept beside it. At most 1,000 characters.",
					Validators: []validator.String{stringvalidator.UTF8LengthBetween(1, 1000)}},
				"schema":   schema.StringAttribute{Optional: true, MarkdownDescription: "JSON Schema of the value, as `jsonencode` makes it. A plan refuses a value that is otherwise, and so does the operator's command `set`."},
				"operator": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether operators may override the value with `set`. No apply takes that back until the value itself changes. Default false."},
			}},
		},
		"schema": schema.StringAttribute{
			Optional: true, MarkdownDescription: "JSON Schema of all values together, as an object by their keys; secrets are their ARNs. It is held against what Terraform sets and what operators set.",
		},
		"history_retention_days": schema.Int64Attribute{
			Optional: true, MarkdownDescription: "Days after which DynamoDB begins to delete a change from the history. Without it changes stay.",
			Validators: []validator.Int64{int64validator.Between(1, 3650)},
		},
		"force_remove": schema.SetAttribute{
			Optional: true, ElementType: types.StringType, MarkdownDescription: "Keys of items that may be taken away although they are in use.",
		},
		"expected_load": schema.SingleNestedAttribute{
			Optional: true, MarkdownDescription: "What is expected of a month, for `cost`. It changes no part.",
			Attributes: map[string]schema.Attribute{
				"environments":    schema.Int64Attribute{Required: true, MarkdownDescription: "Execution environments of functions that read at the same time. Each reads all items every five seconds while it works.", Validators: []validator.Int64{int64validator.AtLeast(1)}},
				"hours_per_month": schema.Int64Attribute{Optional: true, MarkdownDescription: "Hours in a month in which they do. Default 730: all the time.", Validators: []validator.Int64{int64validator.Between(1, 744)}},
				"changes":         schema.Int64Attribute{Optional: true, MarkdownDescription: "Changes of items in a month. Default 100.", Validators: []validator.Int64{int64validator.AtLeast(0)}},
			},
		},
	}
	maps.Copy(out, composite.Outputs(map[string]string{
		"table_name": "Name of the table of items: `CONFIG_TABLE` of a function that reads it.", "table_arn": "ARN of the table of items.",
		"readers_table_name": "Name of the table in which functions tell what they read: `CONFIG_READERS_TABLE`.",
		"history_table_name": "Name of the table with the history.", "history_table_arn": "ARN of the table with the history.",
		"dead_letter_queue_url": "URL of the queue of changes that could not be kept in the history.", "dead_letter_queue_arn": "ARN of that queue.",
		"read_policy_json": "IAM policy for a function that reads: the items, telling what it reads, and what references to secrets lead to. Where such a secret has a KMS key of its own, add its `kms:Decrypt`.",
	}, map[string]string{
		"readers": "Functions that have read an item within 24 hours, by its key, as last seen.", "function_names": "Names of the functions.",
		"function_arns": "ARNs of the functions' live aliases.", "role_arns": "ARNs of the functions' roles.",
	}))
	return out
}

// validate checks each item and all together.
func validate(_ context.Context, m *Model) diag.Diagnostics {
	var diags diag.Diagnostics
	if m.Items.IsNull() || m.Items.IsUnknown() {
		return diags
	}
	all, whole := map[string]any{}, true
	for key, element := range m.Items.Elements() {
		object, ok := element.(types.Object)
		if !ok || object.IsUnknown() || object.IsNull() {
			whole = false
			continue
		}
		plain, known := validateItem(path.Root("items").AtMapKey(key), key, object, &diags)
		all[key], whole = plain, whole && known
	}
	if m.Schema.IsNull() || m.Schema.IsUnknown() {
		return diags
	}
	s, err := check.Read(m.Schema.ValueString())
	if err != nil {
		diags.AddAttributeError(path.Root("schema"), "Invalid schema", err.Error())
		return diags
	}
	if whole && !diags.HasError() {
		if err := s.Check(all); err != nil {
			diags.AddAttributeError(path.Root("items"), "The items do not fit the schema", err.Error())
		}
	}
	return diags
}

// validateItem checks one item, and returns its value where it is known.
func validateItem(at path.Path, key string, object types.Object, diags *diag.Diagnostics) (plain any, known bool) {
	values, open := given(object)
	if len(values) == 0 && len(open) > 0 {
		return nil, false
	}
	if len(values) != 1 {
		diags.AddAttributeError(at, "Not one value", fmt.Sprintf("The item %q has %d values. Give exactly one of string, number, bool, json and secret_arn.", key, len(values)))
		return nil, false
	}
	v := value{argument: values[0], kind: kinds[values[0]]}
	v.text = v.textIn(object, key)
	if v.kind == configitems.TypeNumber && len(strings.Trim(v.text, "-0.")) > 39 {
		diags.AddAttributeError(at.AtName(v.argument), "Invalid value", "DynamoDB keeps 38 digits of a number (DynamoDB Developer Guide, Constraints in Amazon DynamoDB). Give it as a string.")
		return nil, false
	}
	plain, err := v.plain()
	if err != nil {
		diags.AddAttributeError(at.AtName(v.argument), "Invalid value", fmt.Sprintf("The item %q: %s.", key, err))
		return nil, false
	}
	text, ok := object.Attributes()["schema"].(types.String)
	if !ok || text.IsNull() || text.IsUnknown() {
		return plain, true
	}
	s, err := check.Read(text.ValueString())
	if err != nil {
		diags.AddAttributeError(at.AtName("schema"), "Invalid schema", err.Error())
		return plain, true
	}
	if err := s.Check(plain); err != nil {
		diags.AddAttributeError(at.AtName(v.argument), "The value does not fit the item's schema", fmt.Sprintf("The item %q: %s", key, err))
	}
	return plain, true
}
