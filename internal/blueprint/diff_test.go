package blueprint

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompare(t *testing.T) {
	allow := func(actions ...string) Policy {
		return NewPolicy(Statement{Effect: "Allow", Action: actions, Resource: []string{"*"}})
	}
	environment := func(pairs ...string) FunctionSpec {
		f := FunctionSpec{Environment: map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			f.Environment[pairs[i]] = pairs[i+1]
		}
		return f
	}
	for name, c := range map[string]struct {
		want, have   Spec
		runtimeOwned []string
		lines        []string
	}{
		"nothing":            {QueueSpec{VisibilityTimeout: 60}, QueueSpec{VisibilityTimeout: 60}, nil, nil},
		"number with a unit": {QueueSpec{VisibilityTimeout: 60}, QueueSpec{VisibilityTimeout: 30}, nil, []string{"visibility timeout is 30 s, should be 60 s"}},
		"number without":     {QueueSpec{MaxReceives: 5}, QueueSpec{}, nil, []string{"max receive count is 0, should be 5"}},
		"fraction":           {AlarmSpec{Threshold: 0.5}, AlarmSpec{Threshold: 1}, nil, []string{"threshold is 1, should be 0.5"}},
		"text":               {LogGroupSpec{KMSKeyARN: "k1"}, LogGroupSpec{KMSKeyARN: "k2"}, nil, []string{`kms key is "k2", should be "k1"`}},
		"text taken away":    {LogGroupSpec{KMSKeyARN: "k1"}, LogGroupSpec{}, nil, []string{`kms key is not set, should be "k1"`}},
		"text put there":     {LogGroupSpec{}, LogGroupSpec{KMSKeyARN: "k2"}, nil, []string{`kms key is "k2", should be not set`}},
		"bool":               {TableSpec{DeletionProtection: true}, TableSpec{}, nil, []string{"deletion protection is off, should be on"}},
		"map": {
			environment("A", "1", "B", "2", "C", "3"), environment("A", "1", "B", "x", "D", "4"), nil,
			[]string{`environment B is "x", should be "2"; environment C is missing; environment D should not be there`},
		},
		"map, all gone":       {environment("A", "1"), FunctionSpec{}, nil, []string{"environment A is missing"}},
		"map, nil and empty":  {environment(), FunctionSpec{}, nil, nil},
		"list":                {AlarmSpec{Actions: []string{"a"}}, AlarmSpec{Actions: []string{"a", "b"}}, nil, []string{`alarm actions is ["a","b"], should be ["a"]`}},
		"list, all gone":      {AlarmSpec{Actions: []string{"a"}}, AlarmSpec{}, nil, []string{`alarm actions is empty, should be ["a"]`}},
		"list, empty wanted":  {AlarmSpec{Actions: []string{}}, AlarmSpec{Actions: []string{"b"}}, nil, []string{`alarm actions is ["b"], should be empty`}},
		"list, nil and empty": {AlarmSpec{Actions: []string{}}, AlarmSpec{}, nil, nil},
		"policy": {
			RoleSpec{Policy: allow("sqs:SendMessage", "kms:Decrypt")}, RoleSpec{Policy: allow("s3:*")}, nil,
			[]string{"policy is a policy that allows s3:*, should be a policy that allows kms:Decrypt, sqs:SendMessage"},
		},
		"policy gone": {
			RoleSpec{Policy: allow("s3:*")}, RoleSpec{}, nil,
			[]string{"policy is a policy that allows nothing, should be a policy that allows s3:*"},
		},
		"policy in another order": {RoleSpec{Policy: allow("a:A", "b:B")}, RoleSpec{Policy: allow("b:B", "a:A")}, nil, nil},
		"owned at run time":       {MappingSpec{BatchSize: 10, Enabled: true}, MappingSpec{BatchSize: 9}, []string{"enabled"}, []string{"batch size is 9, should be 10"}},
		"more than the least":     {TableSpec{WarmWrites: 8000}, TableSpec{WarmWrites: 9000, WarmReads: 12000}, nil, nil},
		"less than the least":     {TableSpec{WarmWrites: 8000}, TableSpec{WarmWrites: 4000, WarmReads: 12000}, nil, []string{"warm writes is 4000 units/s, should be 8000 units/s"}},
		"the least is not told":   {TableSpec{WarmWrites: 8000}, TableSpec{}, nil, nil},
		"several, in the struct's order": {
			QueueSpec{VisibilityTimeout: 60, ManagedEncryption: true}, QueueSpec{VisibilityTimeout: 30}, nil,
			[]string{"visibility timeout is 30 s, should be 60 s", "sqs managed encryption is off, should be on"},
		},
		"long text": {
			LogGroupSpec{KMSKeyARN: "k"}, LogGroupSpec{KMSKeyARN: strings.Repeat("x", 300)}, nil,
			[]string{`kms key is "` + strings.Repeat("x", 120) + `…", should be "k"`},
		},
		"long text is cut between characters": {
			LogGroupSpec{KMSKeyARN: "k"}, LogGroupSpec{KMSKeyARN: "x" + strings.Repeat("é", 200)}, nil,
			[]string{`kms key is "x` + strings.Repeat("é", 59) + `…", should be "k"`},
		},
		"what is no field": {ObjectSpec{File: "a"}, ObjectSpec{File: "b"}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []string
			for _, d := range Compare(c.want, c.have, c.runtimeOwned) {
				lines = append(lines, d.Text)
			}
			if diff := cmp.Diff(c.lines, lines); diff != "" {
				t.Errorf("want -, have +:\n%s", diff)
			}
		})
	}
}

func TestCompareNested(t *testing.T) {
	differences := Compare(FunctionSpec{VPC: VPC{SubnetIDs: []string{"subnet-1"}}}, FunctionSpec{}, nil)
	if len(differences) != 1 || differences[0].Field.Name != "vpc" ||
		differences[0].Text != `vpc is empty, should be {"subnet_ids":["subnet-1"]}` {
		t.Errorf("have %+v", differences)
	}
}

func TestCompareNestedNilAndEmpty(t *testing.T) {
	if d := Compare(FunctionSpec{}, FunctionSpec{VPC: VPC{SubnetIDs: []string{}, SecurityGroupIDs: []string{}}}, nil); len(d) != 0 {
		t.Errorf("an empty VPC differs from none: %+v", d)
	}
}

func TestCompareTags(t *testing.T) {
	want := map[string]string{"a": "1", "b": "2", "c": "3"}
	have := map[string]string{"a": "1", "b": "x", "old": "y", "theirs": "z"}
	lines := CompareTags(want, have, []string{"old", "older"})
	if diff := cmp.Diff([]string{`tag b is "x", should be "2"`, "tag c is missing", "tag old should not be there"}, lines); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	if lines := CompareTags(nil, have, nil); len(lines) != 0 {
		t.Errorf("tags of others are judged: %v", lines)
	}
}

func TestRender(t *testing.T) {
	first := testSystem(testSettings()).Blueprint().Render()
	for range 10 {
		if diff := cmp.Diff(string(first), string(testSystem(testSettings()).Blueprint().Render())); diff != "" {
			t.Fatalf("the rendering is not stable:\n%s", diff)
		}
	}
	var rendered struct {
		System, Name string
		Parts        map[string]struct {
			Kind, Name   string
			After        []string
			Data         bool
			RuntimeOwned []string `json:"runtime_owned"`
		}
		Outputs map[string]string
	}
	if err := json.Unmarshal(first, &rendered); err != nil {
		t.Fatal(err)
	}
	if rendered.System != "voting_window" || rendered.Name != "tv-final" || len(rendered.Parts) != 13 {
		t.Errorf("%s %s with %d parts; want voting_window tv-final with 13", rendered.System, rendered.Name, len(rendered.Parts))
	}
	if have := rendered.Outputs["queue"]; have != "${votes.url}" {
		t.Errorf("the output is %s, want ${votes.url}", have)
	}
	if p := rendered.Parts["ballots"]; p.Kind != "table" || p.Name != "tv-final-vote-ballots-${aws.region_code}" || !p.Data {
		t.Errorf("ballots are rendered as %+v", p)
	}
	if p := rendered.Parts["recording"]; cmp.Diff([]string{"enabled"}, p.RuntimeOwned) != "" || cmp.Diff([]string{"recorder", "votes"}, p.After) != "" {
		t.Errorf("the mapping is rendered as %+v", p)
	}
}
