package blueprint

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testSettings are arguments with which everything is in order.
func testSettings() Settings {
	return Settings{
		System: System{Name: "voting_window", Slug: "vote"}, Name: "tv-final",
		Tags: map[string]string{"team": "shows", "stage": "live"}, LogRetentionDays: 30, RolePath: "/",
		Architecture: "arm64", BundleSHA256: "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
		Alarms: true, AlarmActions: []string{"arn:aws:sns:eu-central-1:123456789012:ops"},
	}
}

// testSystem describes a queue with dead letters, its consumer and its table.
func testSystem(s Settings) *Builder {
	b := NewBuilder(s)
	dead := b.Queue("dead", Queue{Visibility: time.Minute})
	votes := b.Queue("votes", Queue{Visibility: time.Minute, DeadLetter: &dead, MaxReceives: 5})
	ballots := b.Table("ballots", Table{Key: "voter", Data: true})
	recorder := b.Function("recorder", Function{
		MemoryMB: 256, Timeout: b.Timeout("recorder", 10*time.Second),
		Environment: map[string]string{"BALLOTS": ballots.Name(), "QUEUE": votes.URL()},
		Grants:      [][]Grant{ballots.Put(), votes.Consume()},
	})
	b.Consume("recording", recorder, votes, Batch{Size: 100, Window: time.Second, MaxConcurrency: 50})
	b.EveryMinute("tick", recorder, `{}`)
	b.AlarmNotEmpty("dead-letters", dead, "votes could not be recorded")
	b.PublicURL("recorder-url", recorder, []string{"POST", "GET"})
	b.Output("queue", votes.URL())
	return b
}

func TestDependencies(t *testing.T) {
	blue := testSystem(testSettings()).Blueprint()
	for key, want := range map[string][]string{
		"dead":          nil,
		"votes":         {"dead"},
		"ballots":       nil,
		"bundles":       nil,
		"bundle":        {"bundles"},
		"recorder-role": nil,
		"recorder-logs": nil,
		// The queue's URL only AWS knows; the table's name is known before.
		"recorder":     {"bundle", "recorder-logs", "recorder-role", "votes"},
		"recording":    {"recorder", "votes"},
		"recorder-url": {"recorder"},
		"tick":         {"recorder", "tick-role"},
		// An alarm watches a name, which may be there or not.
		"dead-letters": nil,
	} {
		if diff := cmp.Diff(want, blue.Dependencies(blue.Part(key))); diff != "" {
			t.Errorf("%s: want -, have +:\n%s", key, diff)
		}
	}
	if cycle := blue.cycle(); cycle != nil {
		t.Errorf("there is a circle: %v", cycle)
	}
	if problems := blue.Validate(); len(problems) != 0 {
		t.Errorf("the blueprint is refused: %v", problems)
	}
}

func TestAttributeReferences(t *testing.T) {
	blue := testSystem(testSettings()).Blueprint()
	want := []Reference{{"recorder-role", "id"}, {"votes", "url"}}
	have := blue.AttributeReferences(blue.Part("recorder"))
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
}

func TestCycle(t *testing.T) {
	b := NewBuilder(testSettings())
	b.add("free", "free", LogGroupSpec{})
	b.add("a", "a", LogGroupSpec{}, "b")
	b.add("b", "b", LogGroupSpec{KMSKeyARN: Ref("c", "id")})
	b.add("c", "c", LogGroupSpec{}, "a")
	if diff := cmp.Diff([]string{"a", "b", "c", "a"}, b.Blueprint().cycle()); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
}

func TestPartThatRefersToItself(t *testing.T) {
	b := NewBuilder(testSettings())
	b.add("a", "a", LogGroupSpec{KMSKeyARN: Ref("a", "id")})
	if deps := b.Blueprint().Dependencies(b.Blueprint().Part("a")); len(deps) != 0 {
		t.Errorf("a part waits for itself: %v", deps)
	}
}

func TestTags(t *testing.T) {
	s := testSettings()
	blue := testSystem(s).Blueprint()
	want := map[string]string{
		"team": "shows", "stage": "live",
		"serverless:system": "voting_window", "serverless:name": "tv-final", "serverless:part": "votes",
	}
	if diff := cmp.Diff(want, blue.Tags("votes")); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	if len(s.Tags) != 2 {
		t.Errorf("the user's own tags became %v", s.Tags)
	}
	blue.Settings.Tags = nil
	if diff := cmp.Diff(Ownership(s.System, "tv-final", "dead"), blue.Tags("dead")); diff != "" {
		t.Errorf("without tags: want -, have +:\n%s", diff)
	}
}

func TestFunctionSettings(t *testing.T) {
	s := testSettings()
	memory, timeout, reserved := 512, 20*time.Second, -1
	s.Functions = map[string]FunctionSettings{"recorder": {MemoryMB: &memory, Timeout: &timeout, ReservedConcurrency: &reserved}}
	spec, ok := testSystem(s).Blueprint().Part("recorder").Spec.(FunctionSpec)
	if !ok {
		t.Fatal("the recorder is no function")
	}
	if spec.MemoryMB != 512 || spec.Timeout != 20 || spec.ReservedConcurrency != NoReservation {
		t.Errorf("memory %d MB, time-out %d s, reserved %d; want 512, 20, -1", spec.MemoryMB, spec.Timeout, spec.ReservedConcurrency)
	}
}

func TestAlarmsOff(t *testing.T) {
	s := testSettings()
	s.Alarms = false
	blue := testSystem(s).Blueprint()
	if slices.ContainsFunc(blue.Parts, func(p *Part) bool { return p.Spec.Kind() == "alarm" }) {
		t.Error("there are alarms, though none are wanted")
	}
}

func TestCustomerKey(t *testing.T) {
	const key = "arn:aws:kms:eu-central-1:123456789012:key/1"
	s := testSettings()
	s.KMSKeyARN = key
	blue := testSystem(s).Blueprint()
	keys := map[string]string{}
	for _, p := range blue.Parts {
		for _, f := range Fields(p.Spec) {
			if text, ok := f.Value.(string); ok && f.Name == "kms_key" {
				keys[p.Key] = text
			}
		}
	}
	want := map[string]string{"dead": key, "votes": key, "ballots": key, "bundles": key, "recorder": key, "recorder-logs": key}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	role, ok := blue.Part("recorder-role").Spec.(RoleSpec)
	if !ok {
		t.Fatal("recorder-role is no role")
	}
	grants := role.Policy.Statement[slices.IndexFunc(role.Policy.Statement, func(s Statement) bool { return s.Resource[0] == key })]
	if diff := cmp.Diff([]string{"kms:Decrypt", "kms:GenerateDataKey"}, grants.Action); diff != "" {
		t.Errorf("on the key: want -, have +:\n%s", diff)
	}
}
