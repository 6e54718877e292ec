package provider_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/burstline/terraform-provider-serverless/internal/deploy"
)

// look renders a data source that describes a voting window which does not
// exist.
func (a account) look(kind, arguments string, lines ...string) string {
	return a.provider() + fmt.Sprintf(`
data "serverless_%s" "tv" {
  system    = "voting_window"
  name      = "tv"
  arguments = %s
  %s
}
`, kind, arguments, strings.Join(lines, "\n  "))
}

const lookArguments = `{
    question  = "Who wins?"
    answers   = { anna = "Anna", bruno = "Bruno" }
    opens_at  = "2099-05-22T20:15:00Z"
    closes_at = "2099-05-22T20:25:00Z"
    functions = { recorder = { timeout_seconds = 30 } }
    alarms    = { actions = ["arn:aws:sns:eu-central-1:123456789012:night"] }
  }`

func TestAccArchitecture(t *testing.T) {
	a := newAccount(t)
	const address = "data.serverless_architecture.tv"
	a.run(t,
		resource.TestStep{Config: a.look("architecture", lookArguments), Check: resource.ComposeAggregateTestCheckFunc(
			resource.TestMatchResourceAttr(address, "mermaid", regexp.MustCompile(`^flowchart LR\n`)),
			resource.TestMatchResourceAttr(address, "mermaid", regexp.MustCompile(`n_votes -->\|"batches of up to 100"\| n_recorder`)),
			resource.TestMatchResourceAttr(address, "mermaid", regexp.MustCompile(`14 alarms`)),
		)},
		resource.TestStep{Config: a.look("architecture", strings.Replace(lookArguments, "actions =", "enabled = false, actions =", 1)), Check: resource.ComposeAggregateTestCheckFunc(
			resource.TestMatchResourceAttr(address, "mermaid", regexp.MustCompile(`flowchart`)),
			resource.TestCheckResourceAttrWith(address, "mermaid", func(text string) error {
				if strings.Contains(text, "alarm") {
					return fmt.Errorf("there are no alarms, yet the picture shows them: %s", text)
				}
				return nil
			}),
		)},
	)
}

func TestAccDeployPolicy(t *testing.T) {
	a := newAccount(t)
	const address = "data.serverless_deploy_policy.tv"
	has := func(yes, no []string) resource.CheckResourceAttrWithFunc {
		return func(text string) error {
			if !json.Valid([]byte(text)) || !strings.HasPrefix(text, "[") && len(text) > deploy.MaxPolicyLength {
				return fmt.Errorf("a document of %d characters is no JSON, or too long: %.200s", len(text), text)
			}
			for _, want := range yes {
				if !strings.Contains(text, want) {
					return fmt.Errorf("the policy lacks %q: %s", want, text)
				}
			}
			for _, other := range no {
				if strings.Contains(text, other) {
					return fmt.Errorf("the policy has %q: %s", other, text)
				}
			}
			return nil
		}
	}
	queue := "arn:aws:sqs:" + home + ":" + string(a) + ":tv-vote-votes-euc1"
	bounded := strings.Replace(lookArguments, "functions =", `permissions_boundary_arn = "arn:aws:iam::123456789012:policy/bounds"`+"\n    functions =", 1)
	a.run(t,
		resource.TestStep{Config: a.look("deploy_policy", lookArguments, `mode = "plan"`), Check: resource.ComposeAggregateTestCheckFunc(
			resource.TestCheckResourceAttr(address, "policies.#", "2"),
			resource.TestCheckResourceAttrWith(address, "policies.0", has(nil, []string{"Create", "Delete", "Put", "PassRole"})),
			resource.TestCheckResourceAttrWith(address, "policies.1", has(nil, []string{"Create", "Delete", "Put", "PassRole"})),
			func(s *terraform.State) error {
				all := s.RootModule().Resources[address].Primary.Attributes
				return has([]string{queue, "sqs:GetQueueAttributes", "parameter/serverless/vote/tv"}, nil)(`[` + all["policies.0"] + `,` + all["policies.1"] + `]`)
			},
			resource.TestCheckResourceAttrWith(address, "boundary", has([]string{queue, "sqs:SendMessage"}, []string{"iam:", "sqs:CreateQueue"})),
		)},
		resource.TestStep{Config: a.look("deploy_policy", lookArguments), Check: func(s *terraform.State) error {
			all := ""
			for name, value := range s.RootModule().Resources[address].Primary.Attributes {
				if strings.HasPrefix(name, "policies.") && name != "policies.#" {
					if err := has(nil, nil)(value); err != nil {
						return err
					}
					all += value
				}
			}
			for _, want := range []string{queue, "sqs:CreateQueue", "lambda.amazonaws.com", "scheduler.amazonaws.com"} {
				if !strings.Contains(all, want) {
					return fmt.Errorf("the policies lack %q: %s", want, all)
				}
			}
			return nil
		}},
		resource.TestStep{Config: a.look("deploy_policy", bounded, `account_id = "*"`, `region = "us-east-1"`), Check: resource.ComposeAggregateTestCheckFunc(
			resource.TestCheckResourceAttrWith(address, "policies.0", func(text string) error {
				if !strings.Contains(text, "us-east-1:*:") || strings.Contains(text, string(a)) || strings.Contains(text, "DeleteRolePermissionsBoundary") {
					return fmt.Errorf("the policy is for another place, or lets the boundary be taken away: %s", text)
				}
				return nil
			}),
		)},
	)
}

// What is wrong with a described system is told with the argument's name.
func TestAccDescribeRefuses(t *testing.T) {
	a := newAccount(t)
	cases := map[string]struct{ arguments, lines, want string }{
		"no object":      {`"x"`, "", `Give an object`},
		"unknown":        {`{ question = "q", colour = "red" }`, "", `no argument\s+colour`},
		"nested unknown": {strings.Replace(lookArguments, "actions", "acts", 1), "", `no argument\s+alarms\.acts`},
		"output":         {`{ vote_url = "x" }`, "", `no argument\s+vote_url`},
		"missing":        {`{ question = "q" }`, "", `argument "(answers|opens_at|closes_at)" is missing`},
		"name inside":    {`{ name = "other" }`, "", `Give\s+the\s+name\s+beside`},
		"type":           {strings.Replace(lookArguments, `"Who wins?"`, `["a"]`, 1), "", `question`},
		"validator":      {strings.Replace(lookArguments, `"Who wins?"`, `""`, 1), "", `question`},
		"whole":          {strings.Replace(lookArguments, "20:25", "20:05", 1), "", `closes\s+before\s+it\s+opens`},
		"account":        {lookArguments, `account_id = "12"`, `twelve digits`},
	}
	var steps []resource.TestStep
	for name, c := range cases {
		steps = append(steps, resource.TestStep{Config: "# " + name + "\n" + a.look("deploy_policy", c.arguments, c.lines), ExpectError: regexp.MustCompile(c.want)})
	}
	a.run(t, steps...)
}
