package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/release"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// history is the data source serverless_release_history.
type history struct{ composite.Configured }

type historyModel struct {
	Name          types.String   `tfsdk:"name"`
	Releases      []releaseModel `tfsdk:"releases"`
	Live          *releaseModel  `tfsdk:"live"`
	ProvenDigests []types.String `tfsdk:"proven_digests"`
}

type releaseModel struct {
	Number   int64             `tfsdk:"number"`
	Pipeline string            `tfsdk:"pipeline"`
	Commit   string            `tfsdk:"commit"`
	Digests  map[string]string `tfsdk:"digests"`
	Versions map[string]string `tfsdk:"versions"`
	By       string            `tfsdk:"by"`
	Started  string            `tfsdk:"started"`
	Ended    types.String      `tfsdk:"ended"`
	Outcome  string            `tfsdk:"outcome"`
	Why      types.String      `tfsdk:"why"`
}

// HistoryDataSource returns serverless_release_history.
func HistoryDataSource() datasource.DataSource { return &history{} }

// Metadata implements datasource.DataSource.
func (*history) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_release_history"
}

// Schema implements datasource.DataSource.
func (*history) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	texts := func(description string) schema.MapAttribute {
		return schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
	}
	fields := map[string]schema.Attribute{
		"number":   schema.Int64Attribute{Computed: true, MarkdownDescription: "Number of the release in this environment, from 1."},
		"pipeline": text("Number or name of the pipeline's run."), "commit": text("Commit from which it was built."),
		"digests":  texts("Hex SHA-256 of the functions of each system."),
		"versions": texts("Version of each function, by `system/function`."),
		"by":       text("ARN of who applied it, or rolled back to it."),
		"started":  text("When it began, RFC 3339."), "ended": text("When it ended, RFC 3339; null while it is running."),
		"outcome": text("`running`, `live` (all calls went to it; a later one may have followed), `rolled_back` or `superseded` (another began before it was live)."),
		"why":     text("Why it was rolled back or superseded, or what it brought back."),
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "What was released in an environment: which pipeline's run and commit, which digest, which versions, and what became of it. " +
			"It asks for the manifest of the `serverless_release` and its table, by `ssm:GetParameter` and `dynamodb:Query`.",
		Attributes: map[string]schema.Attribute{
			"name":     schema.StringAttribute{Required: true, MarkdownDescription: "Name of the `serverless_release`, in the provider's account and region."},
			"releases": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "All releases, the newest first.", NestedObject: schema.NestedAttributeObject{Attributes: fields}},
			"live":     schema.SingleNestedAttribute{Computed: true, MarkdownDescription: "The release that went live last and was not rolled back; null before the first.", Attributes: fields},
			"proven_digests": schema.SetAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Digests of all releases that went live and were not rolled back: what another environment takes as `tested`."},
		},
	}
}

// Read implements datasource.DataSource.
func (h *history) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m historyModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	if h.Data == nil || h.Data.Unknown {
		resp.Diagnostics.AddError("The provider is not configured yet", "Its configuration depends on values that are known only after apply. Apply the resources that these values come from first.")
		return
	}
	name := m.Name.ValueString()
	manifest, err := h.Data.Engine.Manifest(ctx, System, name)
	if err == nil && (manifest == nil || manifest.Parts["history"].Name == "") {
		err = errors.New("there is none of that name, or its first apply has not come far")
	}
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("name"), fmt.Sprintf("Cannot find the release %q", name),
			fmt.Sprintf("%s. Apply the serverless_release of that name first, in the provider's account and region.", err))
		return
	}
	releases, err := readHistory(ctx, h.Data.Engine.AWS.DynamoDB, manifest.Parts["history"].Name)
	if err != nil {
		resp.Diagnostics.AddError(fmt.Sprintf("Cannot read the history of the release %q", name), err.Error()+".")
		return
	}
	m.fill(releases)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// readHistory lists the releases, the newest first.
func readHistory(ctx context.Context, client dynamodb.QueryAPIClient, table string) ([]release.Record, error) {
	out := []release.Record{}
	pages := dynamodb.NewQueryPaginator(client, &dynamodb.QueryInput{
		TableName: &table, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false), KeyConditionExpression: aws.String("#kind = :kind"),
		ExpressionAttributeNames:  map[string]string{"#kind": release.HistoryKind},
		ExpressionAttributeValues: map[string]dynamodbtypes.AttributeValue{":kind": &dynamodbtypes.AttributeValueMemberS{Value: release.KindRelease}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read table %s: %w", table, err)
		}
		for _, item := range page.Items {
			var r release.Record
			text, _ := item[release.HistoryText].(*dynamodbtypes.AttributeValueMemberS)
			if text == nil {
				return nil, fmt.Errorf("an item of table %s has no %s", table, release.HistoryText)
			}
			if err := json.Unmarshal([]byte(text.Value), &r); err != nil {
				return nil, fmt.Errorf("read an item of table %s: %w", table, err)
			}
			out = append(out, r)
		}
	}
	return out, nil
}

func (m *historyModel) fill(releases []release.Record) {
	m.Releases, m.ProvenDigests = []releaseModel{}, []types.String{}
	for _, r := range releases {
		versions := map[string]string{}
		for key, t := range r.Targets {
			versions[key] = t.Version
		}
		one := releaseModel{
			Number: int64(r.Number), Pipeline: r.Pipeline, Commit: r.Commit, Digests: r.Digests, Versions: versions, By: r.By,
			Started: r.Started.Format(time.RFC3339), Outcome: string(r.Outcome),
		}
		if !r.Ended.IsZero() {
			one.Ended = types.StringValue(r.Ended.Format(time.RFC3339))
		}
		if r.Why != "" {
			one.Why = types.StringValue(r.Why)
		}
		m.Releases = append(m.Releases, one)
		if m.Live == nil && r.Outcome == release.Live {
			m.Live = &one
		}
	}
	proven := map[string]bool{}
	for _, r := range release.Standing(releases) {
		for _, digest := range r.Digests {
			proven[digest] = true
		}
	}
	for digest := range proven {
		m.ProvenDigests = append(m.ProvenDigests, types.StringValue(digest))
	}
	slices.SortFunc(m.ProvenDigests, func(a, b types.String) int { return strings.Compare(a.ValueString(), b.ValueString()) })
}
