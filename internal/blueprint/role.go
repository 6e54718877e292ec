package blueprint

import (
	"cmp"
	"slices"
)

// RoleSpec is the spec of an IAM role with one inline policy.
type RoleSpec struct {
	Path                   string `json:"path" fixed:"true"`
	Description            string `json:"description"`
	PermissionsBoundaryARN string `json:"permissions_boundary"`
	Trust                  Policy `json:"trust_policy"`
	Policy                 Policy `json:"policy"`
	// Rare explains, by action, permissions that normal operation may never use.
	Rare map[string]string `json:"-"`
}

// Kind implements Spec.
func (RoleSpec) Kind() string { return "role" }

// RoleHandle refers to a role.
type RoleHandle struct {
	Handle
	path string
}

// role describes the role of a service's principal with the given permissions.
// confused narrows who may assume it, where the service supplies such keys.
func (b *Builder) role(key, service, description string, confused map[string]map[string][]string, grants []Grant) RoleHandle {
	return b.roleOf(key, description, Statement{
		Effect: "Allow", Principal: map[string][]string{"Service": {service}},
		Action: []string{"sts:AssumeRole"}, Condition: confused,
	}, grants)
}

// roleOf describes a role that trusts whom the statement says.
func (b *Builder) roleOf(key, description string, trust Statement, grants []Grant) RoleHandle {
	path := b.rolePath()
	return RoleHandle{path: path, Handle: b.add(key, b.name(key), RoleSpec{
		Path:                   path,
		Description:            description,
		PermissionsBoundaryARN: b.settings.PermissionsBoundaryARN,
		Trust:                  NewPolicy(trust),
		Policy:                 NewPolicy(statements(grants)...),
		Rare:                   rare(grants),
	})}
}

func (b *Builder) rolePath() string { return cmp.Or(b.settings.RolePath, "/") }

// roleOfFunction is the key of a function's role.
func roleOfFunction(function string) string { return function + "-role" }

func joined(grants [][]Grant) []Grant { return slices.Concat(grants...) }

// rare collects what explains grants that may never be used.
func rare(grants []Grant) map[string]string {
	why := map[string]string{}
	for _, g := range grants {
		for _, action := range g.Actions {
			if g.Rare != "" {
				why[action] = g.Rare
			}
		}
	}
	return why
}

// ARN returns the role's ARN. IAM is global: it carries no region.
func (r RoleHandle) ARN() string {
	return "arn:" + Partition() + ":iam::" + Account() + ":role" + r.path + r.Name()
}

// ID returns a reference to the role's unique id, which changes when the role
// is created anew under its old name.
func (r RoleHandle) ID() string { return Ref(r.Key(), "id") }

// LogGroupSpec is the spec of a CloudWatch log group.
type LogGroupSpec struct {
	RetentionDays int    `json:"retention" unit:"days"`
	KMSKeyARN     string `json:"kms_key"`
}

// Kind implements Spec.
func (LogGroupSpec) Kind() string { return "log_group" }
