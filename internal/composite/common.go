package composite

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// Common are the arguments and computed values that every system has. Systems
// embed it in their model.
type Common struct {
	Name                   types.String   `tfsdk:"name"`
	Tags                   types.Map      `tfsdk:"tags"`
	LogRetentionDays       types.Int64    `tfsdk:"log_retention_days"`
	KMSKeyARN              types.String   `tfsdk:"kms_key_arn"`
	PermissionsBoundaryARN types.String   `tfsdk:"permissions_boundary_arn"`
	RolePath               types.String   `tfsdk:"role_path"`
	Architecture           types.String   `tfsdk:"architecture"`
	Functions              types.Map      `tfsdk:"functions"`
	HoldFunctions          types.Bool     `tfsdk:"hold_functions"`
	GoLive                 types.String   `tfsdk:"go_live"`
	Alarms                 types.Object   `tfsdk:"alarms"`
	VPC                    types.Object   `tfsdk:"vpc"`
	ForceDestroy           types.Bool     `tfsdk:"force_destroy"`
	Timeouts               timeouts.Value `tfsdk:"timeouts"`

	FunctionsSHA256  types.String `tfsdk:"functions_sha256"`
	FunctionVersions types.Map    `tfsdk:"function_versions"`
	AlarmNames       types.Map    `tfsdk:"alarm_names"`
	Parts            types.Map    `tfsdk:"parts"`
	Drift            types.Map    `tfsdk:"drift"`
	Overrides        types.Map    `tfsdk:"overrides"`
	Region           types.String `tfsdk:"region"`
	AccountID        types.String `tfsdk:"account_id"`
	AlarmTopicARN    types.String `tfsdk:"alarm_topic_arn"`
	Cost             types.Object `tfsdk:"cost"`
}

type functionModel struct {
	MemoryMB            types.Int64 `tfsdk:"memory_mb"`
	TimeoutSeconds      types.Int64 `tfsdk:"timeout_seconds"`
	ReservedConcurrency types.Int64 `tfsdk:"reserved_concurrency"`
}

type alarmsModel struct {
	Enabled types.Bool `tfsdk:"enabled"`
	Actions types.Set  `tfsdk:"actions"`
	Topic   types.Bool `tfsdk:"topic"`
	Emails  types.Set  `tfsdk:"emails"`
}

type vpcModel struct {
	SubnetIDs        types.Set `tfsdk:"subnet_ids"`
	SecurityGroupIDs types.Set `tfsdk:"security_group_ids"`
}

var arnPattern = regexp.MustCompile(`^arn:[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:.+`)

// emailPattern takes what has one @ between a mailbox and a domain. Whether
// anybody reads it, SNS asks.
var emailPattern = regexp.MustCompile(`^[^@\s:]+@[^@\s:]+\.[^@\s:]+$`)

func arnValidator(what string) validator.String {
	return stringvalidator.RegexMatches(arnPattern, "must be the ARN of "+what+", beginning with arn:")
}

// nameValidator checks the system's name; see blueprint.CheckName.
type nameValidator struct{}

func (nameValidator) Description(context.Context) string {
	return fmt.Sprintf("1 to %d lower-case letters, digits and single dashes, beginning with a letter", blueprint.MaxName)
}

func (v nameValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (nameValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if err := blueprint.CheckName(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid name", err.Error())
	}
}

// Values of go_live.
const (
	goLiveApply   = "apply"
	goLiveRelease = "release"
)

// schema joins the common attributes with the system's own.
func (r *system[M]) schema(ctx context.Context) schema.Schema {
	r.once.Do(func() {
		attributes := commonAttributes()
		maps.Copy(attributes, r.def.Attributes)
		r.joined = schema.Schema{
			MarkdownDescription: r.def.Description,
			Attributes:          attributes,
			Blocks:              map[string]schema.Block{"timeouts": timeouts.Block(ctx, timeouts.Opts{Create: true, Read: true, Update: true, Delete: true})},
		}
	})
	return r.joined
}

func commonAttributes() map[string]schema.Attribute {
	retentions := make([]int64, 0, len(blueprint.LogRetention))
	for _, d := range blueprint.LogRetention {
		retentions = append(retentions, int64(d))
	}
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Name of the system, unique among its kind in the account and region: 1 to 24 lower-case letters, digits and single dashes, beginning with a letter. All physical names are derived from it. Changing it replaces the system.",
			Validators:          []validator.String{nameValidator{}},
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		},
		"tags": schema.MapAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Tags of every part that takes tags, on top of the provider's `default_tags`. Tags that others have put on parts are left alone.",
		},
		"log_retention_days": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(14),
			MarkdownDescription: "Days for which the functions' logs are kept; one of the periods that CloudWatch Logs has. Default 14.",
			Validators:          []validator.Int64{int64validator.OneOf(retentions...)},
		},
		"kms_key_arn": schema.StringAttribute{
			Optional: true, Validators: []validator.String{arnValidator("a KMS key")},
			MarkdownDescription: "ARN of a KMS key that encrypts queues, tables, log groups, private buckets, function environments and the alarms' topic. Its key policy must let CloudWatch Logs use it and, where there is such a topic, `cloudwatch.amazonaws.com` (`kms:Decrypt`, `kms:GenerateDataKey*`), without which alarms notify nobody. Without one, AWS's own keys encrypt.",
		},
		"permissions_boundary_arn": schema.StringAttribute{
			Optional: true, Validators: []validator.String{arnValidator("an IAM policy")},
			MarkdownDescription: "ARN of the IAM policy that is set as permissions boundary on every role.",
		},
		"role_path": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString("/"),
			MarkdownDescription: "IAM path of every role, with leading and trailing slash. Default `/`.",
			Validators:          []validator.String{stringvalidator.RegexMatches(regexp.MustCompile(`^/([!-.0-~]+/)*$`), "must begin and end with a slash")},
		},
		"architecture": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString("arm64"),
			MarkdownDescription: "Processor architecture of the functions: `arm64` (default, a fifth cheaper per GB-second) or `x86_64`.",
			Validators:          []validator.String{stringvalidator.OneOf("arm64", "x86_64")},
		},
		"functions": schema.MapNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Overrides for single functions, by their name within the system.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"memory_mb":            schema.Int64Attribute{Optional: true, MarkdownDescription: "Memory in MB, 128 to 10,240. The processor's share grows with it.", Validators: []validator.Int64{int64validator.Between(128, 10240)}},
				"timeout_seconds":      schema.Int64Attribute{Optional: true, MarkdownDescription: "Time-out in seconds, 1 to 900.", Validators: []validator.Int64{int64validator.Between(1, 900)}},
				"reserved_concurrency": schema.Int64Attribute{Optional: true, MarkdownDescription: "Reserved concurrent executions; 0 stops the function, -1 reserves none. AWS keeps 100 executions of an account unreserved.", Validators: []validator.Int64{int64validator.AtLeast(-1)}},
			}},
		},
		"hold_functions": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Whether to keep the deployed functions as they are when the provider brings newer ones, for instance before a live event. Default false.",
		},
		"go_live": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(goLiveApply),
			MarkdownDescription: "By what changed functions go live: `apply` (default) points their alias `live` to the new version at once; with `release` an apply publishes the version and leaves the alias where it is, for a `serverless_release` to move.",
			Validators:          []validator.String{stringvalidator.OneOf(goLiveApply, goLiveRelease)},
		},
		"alarms": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "CloudWatch alarms. Without this argument they are made, and notify nobody.",
			Attributes: map[string]schema.Attribute{
				"enabled": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether alarms are made. Default true."},
				"actions": schema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "ARNs to notify when an alarm rings and when it ends: SNS topics and the like, at most 5.",
					Validators: []validator.Set{setvalidator.SizeAtMost(5), setvalidator.ValueStringsAre(arnValidator("an SNS topic or another alarm action"))}},
				"topic": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether to make an SNS topic that the alarms notify too, with the ARN `alarm_topic_arn`. It counts among the 5 actions. Default true where `emails` are given, else false."},
				"emails": schema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "E-mail addresses to subscribe to that topic, at most 20. SNS asks each to confirm; until then an address gets nothing, and after 48 hours without an answer the next apply asks again.",
					Validators: []validator.Set{setvalidator.SizeAtMost(20), setvalidator.ValueStringsAre(stringvalidator.RegexMatches(emailPattern, "must be an e-mail address"))}},
			},
		},
		"vpc": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Attaches the functions to subnets. They then reach AWS only through the VPC's own endpoints or a NAT gateway.",
			Attributes: map[string]schema.Attribute{
				"subnet_ids":         schema.SetAttribute{Required: true, ElementType: types.StringType, MarkdownDescription: "Ids of the subnets, at most 16.", Validators: []validator.Set{setvalidator.SizeBetween(1, 16)}},
				"security_group_ids": schema.SetAttribute{Required: true, ElementType: types.StringType, MarkdownDescription: "Ids of the security groups, at most 5.", Validators: []validator.Set{setvalidator.SizeBetween(1, 5)}},
			},
		},
		"force_destroy": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Whether parts that bear data may be deleted or replaced, with all they hold. What counts is the value that was applied last. Default false.",
		},
		"functions_sha256": schema.StringAttribute{Computed: true, MarkdownDescription: "Hex SHA-256 of the zip with the functions. A plan that changes it deploys other functions."},
		blueprint.VersionsOutput: schema.MapAttribute{Computed: true, ElementType: types.StringType,
			MarkdownDescription: "Version of each function that was published last, by its name within the system: what a `serverless_release` takes."},
		"parts": schema.MapAttribute{Computed: true, ElementType: types.StringType,
			MarkdownDescription: "Every part of the system with a short digest of what it should be. A plan names each part that it will change here, whatever the cause."},
		"drift": schema.MapAttribute{Computed: true, ElementType: types.StringType,
			MarkdownDescription: "What differs in AWS from what was last applied, one line a part. It is planned empty: the next apply repairs it."},
		"overrides":  overridesSchema(),
		"cost":       costSchema(),
		"region":     schema.StringAttribute{Computed: true, MarkdownDescription: "AWS region of the system."},
		"account_id": schema.StringAttribute{Computed: true, MarkdownDescription: "AWS account of the system."},
		blueprint.AlarmsOutput: schema.MapAttribute{Computed: true, ElementType: types.StringType,
			MarkdownDescription: "Names of the CloudWatch alarms, by their key within the system: what the canary of a `serverless_release` may watch."},
		blueprint.AlarmTopicOutput: schema.StringAttribute{Computed: true, MarkdownDescription: "ARN of the topic that `alarms` makes, to subscribe others to; null where it makes none."},
	}
}

// settings turns the common arguments into what a blueprint's builder applies
// to every part. Unknown texts become tokens.
func (c *Common) settings(ctx context.Context, system blueprint.System, defaultTags map[string]string, bundle string) (blueprint.Settings, diag.Diagnostics) {
	var diags diag.Diagnostics
	s := blueprint.Settings{
		System: system, Name: c.Name.ValueString(), Tags: maps.Clone(defaultTags),
		KMSKeyARN:              text(c.KMSKeyARN, "kms_key_arn"),
		PermissionsBoundaryARN: text(c.PermissionsBoundaryARN, "permissions_boundary_arn"),
		RolePath:               orString(c.RolePath, "/"),
		Architecture:           orString(c.Architecture, "arm64"),
		LogRetentionDays:       int(orInt(c.LogRetentionDays, 14)),
		BundleSHA256:           bundle,
		ForceDestroy:           c.ForceDestroy.ValueBool(),
		Released:               c.GoLive.ValueString() == goLiveRelease,
		Alarms:                 true,
		Functions:              map[string]blueprint.FunctionSettings{},
	}
	if s.Tags == nil {
		s.Tags = map[string]string{}
	}
	tags := map[string]types.String{}
	diags.Append(c.Tags.ElementsAs(ctx, &tags, false)...)
	for k, v := range tags {
		s.Tags[k] = text(v, "tags."+k)
	}
	functions := map[string]functionModel{}
	diags.Append(c.Functions.ElementsAs(ctx, &functions, false)...)
	for key, f := range functions {
		s.Functions[key] = f.settings()
	}
	if !c.Alarms.IsNull() {
		var a alarmsModel
		diags.Append(c.Alarms.As(ctx, &a, objectOptions)...)
		s.Alarms = a.Enabled.IsNull() || a.Enabled.ValueBool()
		s.AlarmActions = texts(a.Actions, "alarms.actions")
		s.AlarmEmails = texts(a.Emails, "alarms.emails")
		s.AlarmTopic = a.Topic.ValueBool() || a.Topic.IsNull() && len(s.AlarmEmails) > 0
	}
	if !c.VPC.IsNull() {
		var v vpcModel
		diags.Append(c.VPC.As(ctx, &v, objectOptions)...)
		s.VPC = &blueprint.VPC{SubnetIDs: texts(v.SubnetIDs, "vpc.subnet_ids"), SecurityGroupIDs: texts(v.SecurityGroupIDs, "vpc.security_group_ids")}
	}
	return s, diags
}

func (f functionModel) settings() blueprint.FunctionSettings {
	var s blueprint.FunctionSettings
	if !f.MemoryMB.IsNull() {
		s.MemoryMB = new(int(f.MemoryMB.ValueInt64()))
	}
	if !f.TimeoutSeconds.IsNull() {
		s.Timeout = new(time.Duration(f.TimeoutSeconds.ValueInt64()) * time.Second)
	}
	if !f.ReservedConcurrency.IsNull() {
		s.ReservedConcurrency = new(int(f.ReservedConcurrency.ValueInt64()))
	}
	return s
}

// text returns the value, or a token where the plan does not know it.
func text(v types.String, argument string) string {
	if v.IsUnknown() {
		return blueprint.Unknown(argument)
	}
	return v.ValueString()
}

// texts returns the values of a set in order, or tokens where the plan does not
// know them.
func texts(set types.Set, argument string) []string {
	if set.IsUnknown() {
		return []string{blueprint.Unknown(argument)}
	}
	var out []string
	for _, e := range set.Elements() {
		if s, ok := e.(types.String); ok {
			out = append(out, text(s, argument))
		}
	}
	slices.Sort(out)
	return out
}

func orString(v types.String, otherwise string) string {
	if v.IsNull() || v.IsUnknown() {
		return otherwise
	}
	return v.ValueString()
}

func orInt(v types.Int64, otherwise int64) int64 {
	if v.IsNull() || v.IsUnknown() {
		return otherwise
	}
	return v.ValueInt64()
}

// at is the path of a top-level attribute.
func at(name string) path.Path { return path.Root(name) }

// Text returns a string that may be unknown: a token then, which no other
// argument has. It is for a Definition's Texts.
func Text(v types.String, argument string) string { return text(v, argument) }
