package provider_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/burstline/terraform-provider-serverless/internal/deploy"
)

func (a account) sqs() *sqs.Client { return sqs.NewFromConfig(a.aws(home)) }

// createQueue makes a queue as somebody else would.
func (a account) createQueue(t *testing.T, name string) *string {
	t.Helper()
	return must[*sqs.CreateQueueOutput](t)(a.sqs().CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: &name, Attributes: map[string]string{"VisibilityTimeout": "77"}, Tags: map[string]string{"owner": "somebody"},
	})).QueueUrl
}

// TestAccNameTaken: an object that has the name of a part and is not ours stops
// the apply and stays as it is. Without it, the next apply converges.
func TestAccNameTaken(t *testing.T) {
	a := newAccount(t)
	const name = "taken"
	_, parts := described(t, a, name)
	url := a.createQueue(t, parts["votes"].name)
	a.run(t,
		resource.TestStep{Config: a.config(base(name)), ExpectError: expectError(
			`Cannot create queue "votes" (taken-vote-votes-euc1) of voting window "taken"`, `on terraform_plugin_test.tf`, "name",
			"exists already and is not of this provider's making", `owner="somebody"`, "It was left as it is.",
		)},
		resource.TestStep{
			PreConfig: func() {
				have := must[*sqs.GetQueueAttributesOutput](t)(a.sqs().GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []sqstypes.QueueAttributeName{"All"}}))
				equal(t, "visibility timeout of the foreign queue", have.Attributes["VisibilityTimeout"], "77")
				tags := must[*sqs.ListQueueTagsOutput](t)(a.sqs().ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: url})).Tags
				if len(tags) != 1 || tags["owner"] != "somebody" {
					t.Errorf("the foreign queue has the tags %q", tags)
				}
				must[*sqs.DeleteQueueOutput](t)(a.sqs().DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: url}))
			},
			Config:            a.config(base(name)),
			ConfigPlanChecks:  preApply(plancheck.ExpectResourceAction(address, plancheck.ResourceActionDestroyBeforeCreate)),
			ConfigStateChecks: []statecheck.StateCheck{noDrift()},
			Check:             check(t, func(t *testing.T) { everythingExists(t, a, parts) }),
		},
	)
}

// TestAccLeftAlone: what functions and others own is neither reported nor
// touched, by plans and by an update of every part.
func TestAccLeftAlone(t *testing.T) {
	a := newAccount(t)
	const name = "alone"
	_, parts := described(t, a, name)
	similar := parts["votes"].name + "-copy"
	functions := lambda.NewFromConfig(a.aws(home))
	bucket := resultsBucket(a, name)
	var mapping *string
	a.runLeaving(t, []string{"queue " + similar},
		resource.TestStep{Config: a.config(base(name))},
		resource.TestStep{
			PreConfig: func() {
				a.createQueue(t, similar)
				mapping = aws.String(a.manifest(t, name).Parts["recorder-votes"].Attributes["id"])
				must[*lambda.UpdateEventSourceMappingOutput](t)(functions.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: mapping, Enabled: aws.Bool(false)}))
				url := must[*sqs.GetQueueUrlOutput](t)(a.sqs().GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(parts["votes"].name)})).QueueUrl
				must[*sqs.TagQueueOutput](t)(a.sqs().TagQueue(t.Context(), &sqs.TagQueueInput{QueueUrl: url, Tags: map[string]string{"cost-centre": "42"}}))
				for _, key := range []string{"results.json", "notes.txt"} {
					must[*s3.PutObjectOutput](t)(a.s3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(key), Body: strings.NewReader("{}")}))
				}
			},
			Config: a.config(base(name)), ConfigPlanChecks: preApply(plancheck.ExpectEmptyPlan()),
		},
		resource.TestStep{
			Config: a.config(base(name).with("tags", `{ show = "final" }`)), ConfigPlanChecks: preApply(updated(keysOf(parts)...)...),
			Check: check(t, func(t *testing.T) {
				now := must[*lambda.GetEventSourceMappingOutput](t)(functions.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: mapping}))
				equal(t, "state of the mapping", aws.ToString(now.State), "Disabled")
				tags := a.observe(t, name, "votes").Tags
				equal(t, "foreign tag", tags["cost-centre"], "42")
				equal(t, "own tag", tags["show"], "final")
				objects := must[*s3.ListObjectsV2Output](t)(a.s3().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})).Contents
				var keys []string
				for _, o := range objects {
					keys = append(keys, aws.ToString(o.Key))
				}
				if want := []string{"index.html", "notes.txt", "results.json", "studio", "window.json"}; !slices.Equal(keys, want) {
					t.Errorf("the bucket holds %q, should hold %q", keys, want)
				}
			}),
		},
	)
}

// TestAccSecondOfTheName: a second resource of the same name is refused, and
// the first stays whole.
func TestAccSecondOfTheName(t *testing.T) {
	a := newAccount(t)
	const name = "second"
	a.run(t,
		resource.TestStep{Config: a.config(base(name))},
		resource.TestStep{
			Config: a.config(base(name)) + base(name).resource("other"),
			ExpectError: expectError(
				`Cannot create voting window "second"`, "with serverless_voting_window.other", "name = \"second\"",
				"In this account and region there is a voting window of that name already (ready). Nothing was changed.", "terraform import <address> second",
			),
		},
		resource.TestStep{Config: a.config(base(name)), ConfigPlanChecks: preApply(plancheck.ExpectEmptyPlan())},
	)
}

// TestAccTwoAtOnce: of two applies of the same name at the same moment one
// succeeds, and the other tells who is at work and since when.
func TestAccTwoAtOnce(t *testing.T) {
	a := newAccount(t)
	const name = "at-once"
	_, parts := described(t, a, name)
	a.run(t,
		resource.TestStep{
			Config: a.config(base(name)) + base(name).resource("other"),
			ExpectError: expectError(
				`Cannot create voting window "at-once"`, "process", "is at work on it (create) since 20", "Nothing was changed.",
			),
		},
		resource.TestStep{
			PreConfig: func() {
				everythingExists(t, a, parts)
				equal(t, "status of the manifest", a.manifest(t, name).Status, deploy.Ready)
			},
			// Terraform knows the one and would make the other.
			RefreshState: true, ExpectNonEmptyPlan: true,
			RefreshPlanChecks: resource.RefreshPlanChecks{PostRefresh: []plancheck.PlanCheck{planCheck(func(plan *tfjson.Plan) error {
				var actions []string
				for _, rc := range plan.ResourceChanges {
					actions = append(actions, string(rc.Change.Actions[0]))
				}
				slices.Sort(actions)
				if !slices.Equal(actions, []string{"create", "no-op"}) {
					return fmt.Errorf("the plan is to %q, should be to create one and keep the other", actions)
				}
				return nil
			})}},
		},
	)
}
