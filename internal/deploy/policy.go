package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
)

// Mode says what a deployer is to be allowed.
type Mode string

// The modes.
const (
	// ModePlan reads: plan, refresh, import.
	ModePlan Mode = "plan"
	// ModeApply does everything: plan, apply, destroy.
	ModeApply Mode = "apply"
)

// MaxPolicyLength is the greatest length of a managed policy, in characters
// other than white space (IAM User Guide, "IAM and AWS STS quotas").
const MaxPolicyLength = 6144

// MaxPolicies is how many managed policies a user or role can have, unless the
// quota was raised (ibid.).
const MaxPolicies = 10

// Anywhere stands for an account, a region or a value that is not known.
const Anywhere = "*"

// Policies returns the least permissions with which Terraform can plan, or
// plan, apply and destroy, what the blueprints describe: as documents for
// managed policies, each within IAM's limit of length. Unknown parts of the
// place may be Anywhere.
func Policies(place blueprint.Place, mode Mode, blueprints ...*blueprint.Blueprint) ([]blueprint.Policy, error) {
	var wanted []permission
	for _, b := range blueprints {
		own, err := permissions(b, place, mode)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, own...)
	}
	return split(merge(wanted))
}

// Boundary returns a permissions boundary for the roles of the blueprints: all
// that they may do together. A deployer who must set it on every role that he
// makes cannot give himself more by a role of his own.
func Boundary(place blueprint.Place, blueprints ...*blueprint.Blueprint) (blueprint.Policy, error) {
	var wanted []permission
	for _, b := range blueprints {
		text := anyText(b, place)
		for _, p := range b.Parts {
			resolved, err := blueprint.ResolveSpec(p.Spec, text)
			if err != nil {
				return blueprint.Policy{}, fmt.Errorf("part %q: %w", p.Key, err)
			}
			role, ok := resolved.(blueprint.RoleSpec)
			if !ok {
				continue
			}
			for _, s := range role.Policy.Statement {
				wanted = append(wanted, permission{actions: s.Action, resources: s.Resource, condition: s.Condition})
			}
		}
	}
	documents, err := split(merge(wanted))
	if err != nil {
		return blueprint.Policy{}, err
	}
	if len(documents) != 1 {
		return blueprint.Policy{}, fmt.Errorf("the permissions boundary needs %d policies and a role can have one only: describe fewer systems at once", len(documents))
	}
	return documents[0], nil
}

// permission is what one statement allows.
type permission struct {
	actions, resources []string
	condition          blueprint.Condition
	// rare explains what no everyday use needs.
	rare string
}

// verbsOf are the verbs that a mode asks for.
func verbsOf(mode Mode) []kinds.Verb {
	if mode == ModePlan {
		return []kinds.Verb{kinds.Observing}
	}
	return []kinds.Verb{kinds.Observing, kinds.Creating, kinds.Updating, kinds.Deleting}
}

// permissions lists what deploying one blueprint takes.
func permissions(b *blueprint.Blueprint, place blueprint.Place, mode Mode) ([]permission, error) {
	text := anyText(b, place)
	drivers := kinds.All(kinds.Env{})
	var out []permission
	for _, part := range b.Parts {
		name, err := text(part.Name)
		if err != nil {
			return nil, fmt.Errorf("name of part %q: %w", part.Key, err)
		}
		spec, err := blueprint.ResolveSpec(part.Spec, text)
		if err != nil {
			return nil, fmt.Errorf("part %q: %w", part.Key, err)
		}
		for _, p := range drivers[spec.Kind()].Facts().Permissions {
			own, needed := p.Of(place, name, spec)
			if needed && slices.ContainsFunc(own.Verbs, func(v kinds.Verb) bool { return slices.Contains(verbsOf(mode), v) }) {
				out = append(out, permission{own.Actions, own.Resources, own.Condition, own.Rare})
			}
		}
	}
	reading, err := readingPermissions(b, place, text)
	if err != nil {
		return nil, err
	}
	out = append(out, reading...)
	if b.Event != nil {
		out = append(out, quotasPermission)
	}
	return append(out, manifestPermissions(b.Settings, place, mode)...), nil
}

// readingPermissions are for what a plan reads beside the parts: overrides of
// arguments, table by table, and who reads which items.
func readingPermissions(b *blueprint.Blueprint, place blueprint.Place, text func(string) (string, error)) ([]permission, error) {
	type table struct{ name, key string }
	items := map[table][]string{}
	var tables []table
	for _, controls := range b.ControlItems() {
		c := controls[0]
		t := table{c.TableName, c.KMSKeyARN}
		if items[t] == nil {
			tables = append(tables, t)
		}
		items[t] = append(items[t], c.Item)
	}
	var out []permission
	add := func(t table, permissions func(table, key string) []kinds.Permission) error {
		name, err := text(t.name)
		if err != nil {
			return fmt.Errorf("name of the table %s: %w", blueprint.Readable(t.name), err)
		}
		key, err := text(t.key)
		if err != nil {
			return fmt.Errorf("key of the table %s: %w", name, err)
		}
		for _, p := range permissions(name, key) {
			out = append(out, permission{p.Actions, p.Resources, p.Condition, p.Rare})
		}
		return nil
	}
	for _, t := range tables {
		err := add(t, func(name, key string) []kinds.Permission { return kinds.ControlPermissions(place, items[t], name, key) })
		if err != nil {
			return nil, err
		}
	}
	if r := b.Readership; r != nil {
		err := add(table{r.TableName, r.KMSKeyARN}, func(name, key string) []kinds.Permission { return kinds.ReadershipPermissions(place, name, key) })
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Granted is an action on a resource, as a policy has them.
type Granted struct{ Action, Resource string }

// Explained returns what of the policies of a system everyday use does not
// need, and why it is granted.
func Explained(place blueprint.Place, b *blueprint.Blueprint) (map[Granted]string, error) {
	all, err := permissions(b, place, ModeApply)
	if err != nil {
		return nil, err
	}
	out := map[Granted]string{}
	for _, p := range all {
		for _, g := range p.granted() {
			out[g] = p.rare
		}
	}
	// What one permission explains may be everyday use of another.
	for _, p := range all {
		if p.rare != "" {
			continue
		}
		for _, g := range p.granted() {
			delete(out, g)
		}
	}
	return out, nil
}

// granted lists what a permission grants.
func (p permission) granted() []Granted {
	var out []Granted
	for _, a := range p.actions {
		for _, r := range p.resources {
			out = append(out, Granted{a, r})
		}
	}
	return out
}

// quotasPermission lets a plan hold the expected load against the account's own
// quotas. A plan works without it. Quotas are narrowed by no name here: which
// ones matter depends on the load.
var quotasPermission = permission{actions: []string{"lambda:GetAccountSettings", "servicequotas:GetServiceQuota"}, resources: []string{Anywhere}}

// manifestPermissions is what the engine does with a system's manifest.
func manifestPermissions(s blueprint.Settings, place blueprint.Place, mode Mode) []permission {
	head := fmt.Sprintf("arn:%s:ssm:%s:%s:parameter%s", place.Partition, place.Region, place.Account, Path(s.System, s.Name))
	const long = "only where a manifest is too long for one parameter"
	all := []permission{
		{actions: []string{"ssm:GetParameter"}, resources: []string{head}},
		{actions: []string{"ssm:GetParameters"}, resources: []string{head + "/*"}, rare: long},
	}
	if mode == ModePlan {
		return all
	}
	return append(all,
		// A version is asked for where an answer was lost. Whether it is part of
		// the ARN, AWS does not say.
		permission{actions: []string{"ssm:GetParameter"}, resources: []string{head + ":*"}, rare: "only where the answer to a write was lost"},
		// Tags given to PutParameter go by an action of their own (Systems Manager
		// API Reference, PutParameter).
		permission{actions: []string{"ssm:PutParameter", "ssm:AddTagsToResource", "ssm:DeleteParameters"}, resources: []string{head}},
		permission{actions: []string{"ssm:PutParameter", "ssm:DeleteParameters"}, resources: []string{head + "/*"}, rare: long},
		permission{actions: []string{"ssm:GetParametersByPath"}, resources: []string{head + "/*"}},
		permission{actions: []string{"ssm:GetParametersByPath"}, resources: []string{head}, rare: "AWS does not say whether a path's last slash is part of the ARN"},
	)
}

// anyText resolves texts of a blueprint of which nothing is deployed: what only
// AWS knows is Anywhere.
func anyText(b *blueprint.Blueprint, place blueprint.Place) func(string) (string, error) {
	var resolve func(string) (string, error)
	resolve = func(s string) (string, error) {
		return blueprint.Resolve(s, place, func(ref blueprint.Reference) (string, bool) {
			p := b.Part(ref.Part)
			if p == nil {
				return "", false
			}
			if ref.Attribute != blueprint.NameAttribute {
				return Anywhere, true
			}
			name, err := resolve(p.Name)
			return name, err == nil
		})
	}
	return resolve
}

// merge renders permissions as few statements: what goes by the same resources
// and condition shares its actions, then what has the same actions and
// condition shares its resources.
func merge(wanted []permission) []blueprint.Statement {
	type place struct{ resource, condition string }
	actions := map[place]map[string]bool{}
	conditions := map[string]blueprint.Condition{}
	for _, p := range wanted {
		condition := canonical(p.condition)
		conditions[condition] = p.condition
		for _, r := range p.resources {
			at := place{r, condition}
			if actions[at] == nil {
				actions[at] = map[string]bool{}
			}
			for _, a := range p.actions {
				actions[at][a] = true
			}
		}
	}
	type group struct{ actions, condition string }
	resources := map[group][]string{}
	for at, set := range actions {
		g := group{strings.Join(slices.Sorted(maps.Keys(set)), " "), at.condition}
		resources[g] = append(resources[g], at.resource)
	}
	var out []blueprint.Statement
	for g, list := range resources {
		slices.Sort(list)
		out = append(out, blueprint.Statement{Effect: "Allow", Action: strings.Fields(g.actions), Resource: list, Condition: conditions[g.condition]})
	}
	slices.SortFunc(out, func(a, b blueprint.Statement) int {
		return strings.Compare(a.Action[0]+a.Resource[0]+canonical(a.Condition), b.Action[0]+b.Resource[0]+canonical(b.Condition))
	})
	return out
}

func canonical(c blueprint.Condition) string {
	return blueprint.NewPolicy(blueprint.Statement{Condition: c}).JSON()
}

// split packs statements into documents that are no longer than IAM takes,
// first fit. A statement that is too long by itself is cut by its resources.
func split(statements []blueprint.Statement) ([]blueprint.Policy, error) {
	var documents [][]blueprint.Statement
	var pack func(s blueprint.Statement) error
	pack = func(s blueprint.Statement) error {
		for i, d := range documents {
			if length(append(slices.Clone(d), s)) <= MaxPolicyLength {
				documents[i] = append(d, s)
				return nil
			}
		}
		if length([]blueprint.Statement{s}) <= MaxPolicyLength {
			documents = append(documents, []blueprint.Statement{s})
			return nil
		}
		half := len(s.Resource) / 2
		if half == 0 {
			return fmt.Errorf("the permission for %s on %s alone is longer than a policy may be", s.Action[0], s.Resource[0])
		}
		first, second := s, s
		first.Resource, second.Resource = s.Resource[:half], s.Resource[half:]
		if err := pack(first); err != nil {
			return err
		}
		return pack(second)
	}
	for _, s := range statements {
		if err := pack(s); err != nil {
			return nil, err
		}
	}
	out := make([]blueprint.Policy, 0, len(documents))
	for _, d := range documents {
		out = append(out, blueprint.NewPolicy(d...))
	}
	return out, nil
}

func length(statements []blueprint.Statement) int {
	return len(blueprint.NewPolicy(statements...).JSON())
}
