package votingwindow

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

var update = flag.Bool("update", false, "write the golden files anew")

func settings() blueprint.Settings {
	return blueprint.Settings{
		System: System, Name: "tv-final", Tags: map[string]string{"show": "final"}, LogRetentionDays: 14, RolePath: "/",
		Architecture: "arm64", BundleSHA256: strings.Repeat("0", 64), Alarms: true,
	}
}

func build(t *testing.T, m *Model, s blueprint.Settings) *blueprint.Blueprint {
	t.Helper()
	b := blueprint.NewBuilder(s)
	if err := describe(m, b); err != nil {
		t.Fatal(err)
	}
	return b.Blueprint()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the blueprint is not as %s says; if that is meant, run \"make generate\" and look at the difference.\n%s", file, got)
	}
}

func TestGolden(t *testing.T) {
	cases := map[string]func(*blueprint.Settings){
		"minimal.json": func(*blueprint.Settings) {},
		"full.json": func(s *blueprint.Settings) {
			memory, timeout, reserved := 1024, 60*time.Second, 50
			s.KMSKeyARN = "arn:aws:kms:eu-central-1:123456789012:key/1234"
			s.PermissionsBoundaryARN = "arn:aws:iam::123456789012:policy/boundary"
			s.RolePath, s.Architecture, s.ForceDestroy, s.LogRetentionDays = "/votes/", "x86_64", true, 30
			s.AlarmActions = []string{"arn:aws:sns:eu-central-1:123456789012:night"}
			s.VPC = &blueprint.VPC{SubnetIDs: []string{"subnet-1", "subnet-2"}, SecurityGroupIDs: []string{"sg-1"}}
			s.Functions = map[string]blueprint.FunctionSettings{"recorder": {MemoryMB: &memory, Timeout: &timeout, ReservedConcurrency: &reserved}}
		},
		"no-alarms.json": func(s *blueprint.Settings) { s.Alarms = false },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			s := settings()
			change(&s)
			b := build(t, exampleModel(), s)
			if problems := b.Validate(); len(problems) > 0 {
				t.Fatalf("a sound blueprint has problems: %v", problems)
			}
			golden(t, name, b.Render())
		})
	}
}

// Every attribute that is only computed must come from the blueprint, and every
// output of the blueprint must have its attribute.
func TestOutputsMatchSchema(t *testing.T) {
	b := build(t, exampleModel(), settings())
	want := map[string]bool{}
	for name, a := range attributes() {
		if a.IsComputed() && !a.IsOptional() {
			want[name] = true
		}
	}
	for name := range b.Outputs {
		if !want[name] {
			t.Errorf("output %q has no attribute", name)
		}
		delete(want, name)
	}
	for name := range b.OutputMaps {
		if !want[name] {
			t.Errorf("output %q has no attribute", name)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("attributes without output: %v", want)
	}
}

// The longest name and a hundred answers with the longest ids still fit AWS's
// limits on names, environments and policies.
func TestGreatestFits(t *testing.T) {
	m := exampleModel()
	answers := map[string]attr.Value{}
	for i := range maxAnswers {
		id := strings.Repeat("x", maxAnswerID-3) + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "z"
		answers[id] = types.StringValue(strings.Repeat("ü", maxLabel))
	}
	m.Answers = types.MapValueMust(types.StringType, answers)
	m.Question = types.StringValue(strings.Repeat("ü", maxQuestion))
	m.VoterPattern = types.StringValue(strings.Repeat("x", maxPattern))
	s := settings()
	s.Name = strings.Repeat("n", blueprint.MaxName)
	s.KMSKeyARN = "arn:aws:kms:eu-central-1:123456789012:key/12345678-1234-1234-1234-123456789012"
	if problems := build(t, m, s).Validate(); len(problems) > 0 {
		t.Fatalf("AWS would refuse: %v", problems)
	}
}

// A time-out that outlasts the queue's visibility cannot come about: the
// queue's follows the function's.
func TestVisibilityFollowsTimeout(t *testing.T) {
	s := settings()
	timeout := 100 * time.Second
	s.Functions = map[string]blueprint.FunctionSettings{"recorder": {Timeout: &timeout}}
	b := build(t, exampleModel(), s)
	if got := b.Part("votes").Spec.(blueprint.QueueSpec).VisibilityTimeout; got != 600 {
		t.Errorf("visibility timeout is %d s, should be six times the function's 100 s", got)
	}
}
