package kinds

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// dashboard manages CloudWatch dashboards. Their heading says whose they are.
// They belong to no region: their names, which carry it, keep them apart.
type dashboard struct{ Env }

func (dashboard) Facts() Facts {
	own := []string{"arn:{partition}:cloudwatch::{account}:dashboard/{name}"}
	return Facts{
		Ownership: OwnedByMark, ObserveCalls: 1,
		Permissions: []Permission{
			{Verbs: []Verb{Observing}, Actions: []string{"cloudwatch:GetDashboard"}, Resources: own},
			{Verbs: []Verb{Creating}, Actions: []string{"cloudwatch:GetDashboard", "cloudwatch:PutDashboard"}, Resources: own},
			{Verbs: []Verb{Updating}, Actions: []string{"cloudwatch:PutDashboard"}, Resources: own},
			{Verbs: []Verb{Deleting}, Actions: []string{"cloudwatch:DeleteDashboards"}, Resources: own},
		},
	}
}

// dashboardMissing reports that there is no such dashboard, by the names that
// the query protocol and the newer ones have for it.
func dashboardMissing(err error) bool {
	var missing *types.DashboardNotFoundError
	return errors.As(err, &missing) || code(err) == "ResourceNotFound"
}

func (k dashboard) Observe(ctx context.Context, t *Target) (*Live[blueprint.DashboardSpec], error) {
	out, err := k.AWS.CloudWatch.GetDashboard(ctx, &cloudwatch.GetDashboardInput{DashboardName: &t.Name})
	if dashboardMissing(err) {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	body := aws.ToString(out.DashboardBody)
	return &Live[blueprint.DashboardSpec]{
		Spec: blueprint.DashboardSpec{Body: blueprint.DashboardBody(body)}, Attributes: k.attributes(t), Tags: blueprint.Marked(body),
	}, nil
}

// consoles are the hosts of the console by partition (AWS General Reference,
// "AWS Management Console endpoints").
var consoles = map[string]string{"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}

// attributes has the address at which people see the dashboard.
func (k dashboard) attributes(t *Target) Attributes {
	host, ok := consoles[k.AWS.Partition()]
	if !ok {
		host = "console.aws.amazon.com"
	}
	return Attributes{"url": "https://" + host + "/cloudwatch/home?region=" + k.AWS.Region() + "#dashboards/dashboard/" + t.Name}
}

// Create asks first whether the name is taken: PutDashboard would replace what
// is there, whoever owns it.
func (k dashboard) Create(ctx context.Context, t *Target, want blueprint.DashboardSpec) (Attributes, error) {
	_, err := k.AWS.CloudWatch.GetDashboard(ctx, &cloudwatch.GetDashboardInput{DashboardName: &t.Name})
	if err == nil {
		return nil, ErrPresent
	}
	if !dashboardMissing(err) {
		return nil, err
	}
	return k.put(ctx, t, want)
}

func (k dashboard) Update(ctx context.Context, t *Target, want blueprint.DashboardSpec, _ *Live[blueprint.DashboardSpec], _ Changes) (Attributes, error) {
	return k.put(ctx, t, want)
}

func (k dashboard) put(ctx context.Context, t *Target, want blueprint.DashboardSpec) (Attributes, error) {
	_, err := k.AWS.CloudWatch.PutDashboard(ctx, &cloudwatch.PutDashboardInput{DashboardName: &t.Name, DashboardBody: aws.String(string(want.Body))})
	return k.attributes(t), err
}

func (k dashboard) Delete(ctx context.Context, t *Target) error {
	_, err := k.AWS.CloudWatch.DeleteDashboards(ctx, &cloudwatch.DeleteDashboardsInput{DashboardNames: []string{t.Name}})
	if dashboardMissing(err) {
		return nil
	}
	return err
}
