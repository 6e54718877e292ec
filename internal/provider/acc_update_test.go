package provider_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
	"github.com/burstline/terraform-provider-serverless/internal/systems/votingwindow"
)

// The parts of the example's blueprint, by what they are.
var (
	functionParts = partsOf(blueprint.FunctionSpec{})
	roleParts     = partsOf(blueprint.RoleSpec{})
	logParts      = partsOf(blueprint.LogGroupSpec{})
	alarmParts    = partsOf(blueprint.AlarmSpec{})
	// silentParts are alarms that speak through another.
	silentParts = []string{"publisher-quiet", "votes-arriving"}
)

// partsOf are the parts of a kind in the voting window's example, in order.
func partsOf(kind blueprint.Spec) []string {
	system, _ := systems.Find(votingwindow.System.Name)
	b, err := system.Described(context.Background(), "any", nil)
	if err != nil {
		panic(err)
	}
	var keys []string
	for _, p := range b.Parts {
		if p.Spec.Kind() == kind.Kind() {
			keys = append(keys, p.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

// without are the keys but some.
func without(keys, some []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return slices.Contains(some, key) })
}

// update is one change of arguments that AWS can make in place.
type update struct {
	// set are pairs of argument and HCL, added to those of the steps before.
	set []string
	// parts are all that the plan may name.
	parts []string
	// outputs are those that the plan leaves open: none where parts stay.
	outputs []string
	// live looks at what AWS has after the apply.
	live func(t *testing.T)
}

// updates applies the base arguments, then each update on top of the ones
// before: in place, with just these parts.
func (a account) updates(t *testing.T, name string, all ...update) {
	t.Helper()
	a.run(t, a.stepsOf(t, name, all...)...)
}

func (a account) stepsOf(t *testing.T, name string, all ...update) []resource.TestStep {
	t.Helper()
	args := base(name)
	steps := []resource.TestStep{{Config: a.config(args)}}
	for _, u := range all {
		args = args.with(u.set...)
		step := resource.TestStep{
			Config:            a.config(args),
			ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: append(updated(u.parts...), expectUnknownOutputs(u.outputs...))},
			ConfigStateChecks: []statecheck.StateCheck{noDrift()},
		}
		if u.live != nil {
			step.Check = check(t, u.live)
		}
		steps = append(steps, step)
	}
	return steps
}

// live returns what AWS has of a part.
func live[S blueprint.Spec](t *testing.T, a account, name, key string) S {
	t.Helper()
	spec, ok := a.observe(t, name, key).Spec.(S)
	if !ok {
		t.Fatalf("part %q is of kind %s", key, a.manifest(t, name).Parts[key].Kind)
	}
	return spec
}

// equal compares figures.
func equal[V comparable](t *testing.T, what string, have, want V) {
	t.Helper()
	if have != want {
		t.Errorf("%s is %v, should be %v", what, have, want)
	}
}

func TestAccUpdateWindow(t *testing.T) {
	a := newAccount(t)
	const name = "update-window"
	everywhere := append(slices.Clone(functionParts), "window")
	environment := func(t *testing.T, variable, want string) {
		t.Helper()
		for _, key := range functionParts {
			equal(t, variable+" of "+key, live[blueprint.FunctionSpec](t, a, name, key).Environment[variable], want)
		}
	}
	pattern := func(t *testing.T, want string) {
		t.Helper()
		for _, key := range []string{"intake", "recorder"} {
			equal(t, "VOTER_PATTERN of "+key, live[blueprint.FunctionSpec](t, a, name, key).Environment["VOTER_PATTERN"], want)
		}
	}
	a.updates(t, name,
		update{set: []string{"question", quote("Who sings best?")}, parts: []string{"window"}, live: func(t *testing.T) {
			equal(t, "question", page(t, a, name).question(), "Who sings best?")
		}},
		update{set: []string{"answers", `{ anna = "Anna", bruno = "Bruno the Great" }`}, parts: []string{"window"}, live: func(t *testing.T) {
			equal(t, "label", page(t, a, name).answers()["bruno"], "Bruno the Great")
		}},
		update{set: []string{"answers", `{ anna = "Anna", bruno = "Bruno the Great", cleo = "Cleo" }`}, parts: everywhere, live: func(t *testing.T) {
			equal(t, "number of answers", len(page(t, a, name).answers()), 3)
			environment(t, "QUESTIONS", "vote/anna/bruno/cleo")
		}},
		update{set: []string{"opens_at", quote("2099-05-22T22:00:00+02:00")}, parts: everywhere, live: func(t *testing.T) {
			environment(t, "OPENS_AT", "2099-05-22T20:00:00Z")
		}},
		update{set: []string{"closes_at", quote("2099-05-22T20:30:00Z")}, parts: everywhere, live: func(t *testing.T) {
			environment(t, "CLOSES_AT", "2099-05-22T20:30:00Z")
			equal(t, "closes_at", page(t, a, name).ClosesAt, "2099-05-22T20:30:00Z")
		}},
		update{set: []string{"grace_seconds", "60"}, parts: everywhere, live: func(t *testing.T) { environment(t, "GRACE", "1m0s") }},
		update{set: []string{"voter_pattern", quote("[0-9]{8}")}, parts: []string{"intake", "recorder", "window"}, live: func(t *testing.T) {
			pattern(t, "[0-9]{8}")
			equal(t, "voter_pattern", page(t, a, name).Voter.Pattern, "[0-9]{8}")
		}},
		update{set: []string{"voter_pattern", ""}, parts: []string{"intake", "recorder", "window"}, live: func(t *testing.T) { pattern(t, "") }},
	)
}

func TestAccUpdateFunctions(t *testing.T) {
	a := newAccount(t)
	const name = "update-functions"
	recorder := func(t *testing.T) blueprint.FunctionSpec {
		return live[blueprint.FunctionSpec](t, a, name, "recorder")
	}
	a.updates(t, name,
		update{set: []string{"functions", "{ recorder = { memory_mb = 640 } }"}, parts: []string{"recorder"}, live: func(t *testing.T) {
			equal(t, "memory", recorder(t).MemoryMB, 640)
		}},
		update{
			set:   []string{"functions", "{ recorder = { memory_mb = 640, timeout_seconds = 30 } }"},
			parts: []string{"dead-letters", "publisher", "recorder", "votes"},
			live: func(t *testing.T) {
				equal(t, "time-out", recorder(t).Timeout, 30)
				equal(t, "visibility timeout", live[blueprint.QueueSpec](t, a, name, "votes").VisibilityTimeout, 180)
				equal(t, "RECORDER_TIMEOUT", live[blueprint.FunctionSpec](t, a, name, "publisher").Environment["RECORDER_TIMEOUT"], "30s")
			},
		},
		update{set: []string{"functions", "{ recorder = { reserved_concurrency = 7 } }"}, parts: []string{"dead-letters", "publisher", "recorder", "votes"}, live: func(t *testing.T) {
			equal(t, "reserved concurrency", recorder(t).ReservedConcurrency, 7)
			equal(t, "memory", recorder(t).MemoryMB, 256)
			equal(t, "time-out", recorder(t).Timeout, 20)
		}},
		update{set: []string{"functions", "{ publisher = { reserved_concurrency = -1 } }"}, parts: []string{"publisher", "recorder"}, live: func(t *testing.T) {
			equal(t, "reserved concurrency of the recorder", recorder(t).ReservedConcurrency, blueprint.NoReservation)
			equal(t, "reserved concurrency of the publisher", live[blueprint.FunctionSpec](t, a, name, "publisher").ReservedConcurrency, blueprint.NoReservation)
		}},
		update{set: []string{"hold_functions", "true"}},
		update{set: []string{"log_retention_days", "30"}, parts: logParts, live: func(t *testing.T) {
			for _, key := range logParts {
				equal(t, "retention of "+key, live[blueprint.LogGroupSpec](t, a, name, key).RetentionDays, 30)
			}
		}},
	)
}

// TestAccUpdateArchitecture runs with the functions that the provider carries,
// which are others for each architecture.
func TestAccUpdateArchitecture(t *testing.T) {
	a := newAccount(t)
	const name = "update-architecture"
	a.runCarrying(t, a.stepsOf(t, name,
		update{set: []string{"architecture", quote(otherArchitecture())}, parts: append([]string{"bundle"}, functionParts...), live: func(t *testing.T) {
			for _, key := range functionParts {
				equal(t, "architecture of "+key, live[blueprint.FunctionSpec](t, a, name, key).Architecture, otherArchitecture())
			}
		}},
	)...)
}

func TestAccUpdateSettings(t *testing.T) {
	a := newAccount(t)
	const name = "update-settings"
	_, parts := described(t, a, name)
	topic := "arn:aws:sns:" + home + ":" + string(a) + ":night"
	boundary := a.policy(t, "boundary")
	everything := keysOf(parts)
	quiet := slices.DeleteFunc(slices.Clone(everything), func(key string) bool { return slices.Contains(alarmParts, key) })
	tag := func(t *testing.T, want map[string]string) {
		t.Helper()
		for _, key := range []string{"votes", "ballots", "results", "intake", "intake-logs", "intake-role", "recorder-votes", "publisher-tick-role"} {
			have := a.observe(t, name, key).Tags
			for _, k := range []string{"show", "season"} {
				equal(t, "tag "+k+" of "+key, have[k], want[k])
			}
		}
	}
	a.updates(t, name,
		update{set: []string{"tags", `{ show = "final" }`}, parts: everything, live: func(t *testing.T) { tag(t, map[string]string{"show": "final"}) }},
		update{set: []string{"tags", `{ show = "semi-final", season = "7" }`}, parts: everything, live: func(t *testing.T) {
			tag(t, map[string]string{"show": "semi-final", "season": "7"})
		}},
		update{set: []string{"tags", `{ season = "7" }`}, parts: everything, live: func(t *testing.T) { tag(t, map[string]string{"season": "7"}) }},
		update{set: []string{"alarms", "{ actions = [" + quote(topic) + "] }"}, parts: without(alarmParts, silentParts), live: func(t *testing.T) {
			for _, key := range without(alarmParts, silentParts) {
				alarm := live[blueprint.AlarmSpec](t, a, name, key)
				if !slices.Equal(alarm.Actions, []string{topic}) || !slices.Equal(alarm.OKActions, []string{topic}) {
					t.Errorf("alarm %q notifies %q and %q, should notify %s", key, alarm.Actions, alarm.OKActions, topic)
				}
			}
		}},
		update{set: []string{"alarms", "{ enabled = false }"}, parts: alarmParts, live: func(t *testing.T) {
			if have := keysOf(a.manifest(t, name).Parts); !slices.Equal(have, quiet) {
				t.Errorf("the manifest has %q, should have %q", have, quiet)
			}
			equal(t, "number of alarms", countPrefix(a.inventory(t), "alarm "), 0)
		}},
		update{set: []string{"alarms", ""}, parts: alarmParts, outputs: []string{"alarm_names"}, live: func(t *testing.T) {
			equal(t, "number of alarms", countPrefix(a.inventory(t), "alarm "), len(alarmParts))
		}},
		update{set: []string{"permissions_boundary_arn", quote(boundary)}, parts: roleParts, live: func(t *testing.T) {
			for _, key := range roleParts {
				equal(t, "boundary of "+key, live[blueprint.RoleSpec](t, a, name, key).PermissionsBoundaryARN, boundary)
			}
		}},
		update{set: []string{"permissions_boundary_arn", ""}, parts: roleParts, live: func(t *testing.T) {
			equal(t, "boundary", live[blueprint.RoleSpec](t, a, name, "intake-role").PermissionsBoundaryARN, "")
			a.deletePolicy(t, boundary)
		}},
		update{set: []string{"force_destroy", "false"}, parts: []string{"ballots", "ledger"}, live: func(t *testing.T) {
			equal(t, "deletion protection", live[blueprint.TableSpec](t, a, name, "ballots").DeletionProtection, true)
		}},
		update{set: []string{"force_destroy", "true"}, parts: []string{"ballots", "ledger"}, live: func(t *testing.T) {
			equal(t, "deletion protection", live[blueprint.TableSpec](t, a, name, "ballots").DeletionProtection, false)
		}},
	)
}

// TestAccUpdateAlarmTopic gives the alarms a topic of their own, with
// subscribers, and takes it away again.
func TestAccUpdateAlarmTopic(t *testing.T) {
	a := newAccount(t)
	const name = "update-topic"
	mail := func(email string) string {
		digest := sha256.Sum256([]byte(email))
		return "alarm-topic-mail-" + hex.EncodeToString(digest[:4])
	}
	const ops, night = "ops@example.com", "night@example.com"
	own := "arn:aws:sns:" + home + ":" + string(a) + ":" + name + "-vote-alarm-topic-" + code
	other := "arn:aws:sns:" + home + ":" + string(a) + ":zzz"
	speaking := without(alarmParts, silentParts)
	withTopic := append([]string{"alarm-topic"}, speaking...)
	notifies := func(t *testing.T, want ...string) {
		t.Helper()
		for _, key := range speaking {
			if alarm := live[blueprint.AlarmSpec](t, a, name, key); !slices.Equal(alarm.Actions, want) || !slices.Equal(alarm.OKActions, want) {
				t.Errorf("alarm %q notifies %q and %q, should notify %q", key, alarm.Actions, alarm.OKActions, want)
			}
		}
	}
	subscribed := func(t *testing.T, want ...string) {
		t.Helper()
		equal(t, "number of subscriptions", countPrefix(a.inventory(t), "subscription "), len(want))
		for _, email := range want {
			equal(t, "address", live[blueprint.SubscriptionSpec](t, a, name, mail(email)).Email, email)
		}
	}
	a.updates(t, name,
		update{set: []string{"alarms", "{ topic = true, actions = [" + quote(other) + "] }"}, parts: withTopic, outputs: []string{"alarm_topic_arn"}, live: func(t *testing.T) {
			notifies(t, own, other)
			subscribed(t)
		}},
		update{set: []string{"alarms", `{ emails = ["` + ops + `", "` + night + `"] }`}, parts: append([]string{mail(ops), mail(night)}, speaking...), live: func(t *testing.T) {
			notifies(t, own)
			subscribed(t, ops, night)
		}},
		update{set: []string{"alarms", `{ emails = ["` + night + `"] }`}, parts: []string{mail(ops)}, live: func(t *testing.T) { subscribed(t, night) }},
		update{set: []string{"alarms", "{ topic = false }"}, parts: append([]string{mail(night)}, withTopic...), live: func(t *testing.T) {
			notifies(t)
			equal(t, "number of topics", countPrefix(a.inventory(t), "topic "), 0)
		}},
	)
}

// TestAccUpdateKey gives the system a key of its own: what holds data or
// secrets will be encrypted with it, in place. The local AWS cannot carry it
// out: it does not know logs:AssociateKmsKey.
func TestAccUpdateKey(t *testing.T) {
	a := newAccount(t)
	const name = "update-key"
	key := "arn:aws:kms:" + home + ":" + string(a) + ":key/11111111-2222-3333-4444-555555555555"
	parts := append([]string{"ballots", "bundles", "dead-letters", "ledger", "records", "tallies", "voter-key", "votes"},
		append(append(slices.Clone(functionParts), logParts...), without(roleParts, []string{"export-tick-role", "publisher-tick-role"})...)...)
	a.run(t,
		resource.TestStep{Config: a.config(base(name))},
		resource.TestStep{
			Config: a.config(base(name).with("kms_key_arn", quote(key))), PlanOnly: true, ExpectNonEmptyPlan: true,
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPreRefresh: append(updated(parts...), expectUnknownOutputs())},
		},
	)
}

// TestAccUpdateRolePath: IAM cannot move a role, so the roles are made anew,
// and the functions take them up; the system stays.
func TestAccUpdateRolePath(t *testing.T) {
	a := newAccount(t)
	const name = "update-path"
	parts := append(append(slices.Clone(roleParts), functionParts...), "export-tick", "publisher-tick")
	a.updates(t, name, update{set: []string{"role_path", quote("/votes/")}, parts: parts, outputs: []string{"role_arns"}, live: func(t *testing.T) {
		for _, key := range roleParts {
			equal(t, "path of "+key, live[blueprint.RoleSpec](t, a, name, key).Path, "/votes/")
		}
		want := "arn:aws:iam::" + string(a) + ":role/votes/" + name + "-vote-intake-role-" + code
		equal(t, "role of the intake", live[blueprint.FunctionSpec](t, a, name, "intake").RoleARN, want)
	}})
}

// TestAccUpdateName: all names are derived from this one, so another name is
// another system.
func TestAccUpdateName(t *testing.T) {
	a := newAccount(t)
	a.run(t,
		resource.TestStep{Config: a.config(base("first"))},
		resource.TestStep{
			Config: a.config(base("second")),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionDestroyBeforeCreate),
				expectUnknownOutputs(
					"account_id", "alarm_names", "dead_letter_queue_arn", "dead_letter_queue_url", "function_arns", "function_names", "region", "results_bucket",
					"page_url", "records_bucket", "results_url", "role_arns", "studio_url", "table_arns", "table_names", "vote_url", "votes_queue_arn",
					"votes_queue_url", "window_url",
				),
			}},
			ConfigStateChecks: []statecheck.StateCheck{stateOf("name", knownvalue.StringExact("second")), noDrift()},
			Check: check(t, func(t *testing.T) {
				_, parts := described(t, a, "second")
				everythingExists(t, a, parts)
			}),
		},
	)
}
