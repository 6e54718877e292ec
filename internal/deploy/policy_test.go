package deploy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

var testPlace = blueprint.Place{Partition: "aws", Region: "eu-central-1", Account: "123456789012"}

// allows tells whether one statement of the documents has the action on the
// resource, as written.
func allows(documents []blueprint.Policy, action, resource string) bool {
	return slices.ContainsFunc(documents, func(d blueprint.Policy) bool {
		return slices.ContainsFunc(d.Statement, func(s blueprint.Statement) bool {
			return slices.Contains(s.Action, action) && slices.Contains(s.Resource, resource)
		})
	})
}

func policySettings(name string) blueprint.Settings {
	return blueprint.Settings{System: blueprint.System{Name: "voting_window", Slug: "vote"}, Name: name, LogRetentionDays: 14, RolePath: "/", Architecture: "arm64"}
}

// consumer is a system with a part of each sort that permissions differ for.
func consumer(s blueprint.Settings) *blueprint.Blueprint {
	b := blueprint.NewBuilder(s)
	q := b.Queue("votes", blueprint.Queue{})
	f := b.Function("recorder", blueprint.Function{Grants: [][]blueprint.Grant{q.Consume()}})
	b.Consume("recorder-votes", f, q, blueprint.Batch{Size: 10})
	b.EveryMinute("tick", f, "{}")
	return b.Blueprint()
}

// Only a system with an expected load needs to know the account's quotas.
func TestPoliciesOfLoad(t *testing.T) {
	for _, load := range []bool{false, true} {
		b := consumer(policySettings("tv"))
		if load {
			b.Event = &blueprint.Event{Unit: "vote", Units: 1, PerMonth: 1}
		}
		documents, err := Policies(testPlace, ModePlan, b)
		if err != nil {
			t.Fatal(err)
		}
		for _, action := range []string{"lambda:GetAccountSettings", "servicequotas:GetServiceQuota"} {
			if allows(documents, action, Anywhere) != load {
				t.Errorf("with a load %t, %s is allowed: %t", load, action, !load)
			}
		}
	}
}

func TestPolicies(t *testing.T) {
	const (
		queue    = "arn:aws:sqs:eu-central-1:123456789012:tv-vote-votes-euc1"
		role     = "arn:aws:iam::123456789012:role/tv-vote-recorder-role-euc1"
		manifest = "arn:aws:ssm:eu-central-1:123456789012:parameter/serverless/vote/tv"
	)
	plan, err := Policies(testPlace, ModePlan, consumer(policySettings("tv")))
	if err != nil {
		t.Fatal(err)
	}
	apply, err := Policies(testPlace, ModeApply, consumer(policySettings("tv")))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		action, resource string
		plan, apply      bool
	}{
		{"sqs:GetQueueAttributes", queue, true, true},
		{"sqs:CreateQueue", queue, false, true},
		{"sqs:DeleteQueue", queue, false, true},
		{"iam:GetRole", role, true, true},
		{"iam:PassRole", role, false, true},
		{"ssm:GetParameter", manifest, true, true},
		{"ssm:DeleteParameters", manifest + "/*", false, true},
		{"s3:PutObject", "arn:aws:s3:::tv-vote-bundles-123456789012-euc1/functions.zip", false, true},
		// What the functions may do is not the deployer's to do.
		{"sqs:SendMessage", queue, false, false},
		{"sqs:ReceiveMessage", queue, false, false},
	}
	for _, c := range cases {
		if got := allows(plan, c.action, c.resource); got != c.plan {
			t.Errorf("plan: %s on %s is %t, want %t", c.action, c.resource, got, c.plan)
		}
		if got := allows(apply, c.action, c.resource); got != c.apply {
			t.Errorf("apply: %s on %s is %t, want %t", c.action, c.resource, got, c.apply)
		}
	}
	// The only actions on "*" are those that AWS gives no narrower resource.
	want := []string{"lambda:CreateEventSourceMapping", "lambda:ListEventSourceMappings", "logs:DescribeLogGroups"}
	var everywhere []string
	for _, s := range apply[0].Statement {
		if slices.Contains(s.Resource, "*") {
			everywhere = append(everywhere, s.Action...)
		}
	}
	if slices.Sort(everywhere); !slices.Equal(everywhere, want) {
		t.Errorf("on * are %v, want %v", everywhere, want)
	}
}

func TestPassRoleIsBoundToTheService(t *testing.T) {
	documents, err := Policies(testPlace, ModeApply, consumer(policySettings("tv")))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range documents[0].Statement {
		if slices.Contains(s.Action, "iam:PassRole") {
			for _, r := range s.Resource {
				got[r[strings.LastIndex(r, "/")+1:]] = s.Condition["StringEquals"]["iam:PassedToService"][0]
			}
		}
	}
	want := map[string]string{"tv-vote-recorder-role-euc1": "lambda.amazonaws.com", "tv-vote-tick-role-euc1": "scheduler.amazonaws.com"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("roles are passed to %v, want %v", got, want)
	}
}

// A deployer with a boundary can make no role without it, and take it off none.
func TestBoundaryIsDemanded(t *testing.T) {
	const boundary = "arn:aws:iam::123456789012:policy/bounds"
	s := policySettings("tv")
	s.PermissionsBoundaryARN = boundary
	documents, err := Policies(testPlace, ModeApply, consumer(s))
	if err != nil {
		t.Fatal(err)
	}
	guarded := map[string]bool{}
	for _, d := range documents {
		for _, s := range d.Statement {
			for _, action := range s.Action {
				switch action {
				case "iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary":
					guarded[action] = slices.Equal(s.Condition["StringEquals"]["iam:PermissionsBoundary"], []string{boundary})
				}
			}
		}
	}
	want := map[string]bool{"iam:CreateRole": true, "iam:PutRolePolicy": true, "iam:PutRolePermissionsBoundary": true}
	if fmt.Sprint(guarded) != fmt.Sprint(want) {
		t.Errorf("guarded by the boundary are %v, want %v", guarded, want)
	}
}

func TestBoundaryHasWhatRolesMayDo(t *testing.T) {
	got, err := Boundary(testPlace, consumer(policySettings("tv")))
	if err != nil {
		t.Fatal(err)
	}
	documents := []blueprint.Policy{got}
	for action, resource := range map[string]string{
		"sqs:ReceiveMessage":    "arn:aws:sqs:eu-central-1:123456789012:tv-vote-votes-euc1",
		"lambda:InvokeFunction": "arn:aws:lambda:eu-central-1:123456789012:function:tv-vote-recorder-euc1:live",
	} {
		if !allows(documents, action, resource) {
			t.Errorf("the boundary lacks %s on %s: %s", action, resource, got.JSON())
		}
	}
	for _, s := range got.Statement {
		if slices.ContainsFunc(s.Action, func(a string) bool { return strings.HasPrefix(a, "iam:") }) {
			t.Errorf("the boundary allows %v", s.Action)
		}
	}
}

// However many systems, each document is within the limit, and together they
// allow what the single ones do.
func TestPoliciesAreSplit(t *testing.T) {
	var many []*blueprint.Blueprint
	for i := range 12 {
		many = append(many, consumer(policySettings(fmt.Sprintf("show-%02d", i))))
	}
	documents, err := Policies(testPlace, ModeApply, many...)
	if err != nil {
		t.Fatal(err)
	}
	if len(documents) < 2 {
		t.Fatalf("twelve systems take %d documents", len(documents))
	}
	for i, d := range documents {
		if n := len(d.JSON()); n > MaxPolicyLength {
			t.Errorf("document %d has %d characters, at most %d are allowed", i, n, MaxPolicyLength)
		}
	}
	for _, b := range many {
		alone, err := Policies(testPlace, ModeApply, b)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range alone {
			for _, s := range d.Statement {
				for _, action := range s.Action {
					for _, resource := range s.Resource {
						if !allows(documents, action, resource) {
							t.Errorf("%s: %s on %s was lost", b.Settings.Name, action, resource)
						}
					}
				}
			}
		}
	}
}

func TestAnywhere(t *testing.T) {
	documents, err := Policies(blueprint.Place{Partition: "aws", Region: "eu-central-1", Account: Anywhere}, ModePlan, consumer(policySettings("tv")))
	if err != nil {
		t.Fatal(err)
	}
	if !allows(documents, "sqs:GetQueueAttributes", "arn:aws:sqs:eu-central-1:*:tv-vote-votes-euc1") {
		t.Errorf("the account is not open: %s", documents[0].JSON())
	}
}
