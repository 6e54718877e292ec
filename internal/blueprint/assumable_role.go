package blueprint

// AssumableRoleHandle refers to a role that a function takes on.
type AssumableRoleHandle struct{ RoleHandle }

// AssumableRole describes a role with the grants that the function with that key
// may take on, to hand out its short-lived credentials. The function is named by
// its key since it is described later: it needs the role's Assume grant.
//
// The role trusts its own account on the condition that the function's role asks,
// rather than that role itself: IAM binds a trusted role to its unique id, which a
// role made anew under its name does not share (IAM User Guide, "AWS JSON policy
// elements: Principal", IAM role principals). A session lasts one hour at most,
// whatever the role's own maximum: role chaining allows no more (IAM User Guide,
// "Terms and concepts", role chaining).
func (b *Builder) AssumableRole(key, function string, grants ...[]Grant) AssumableRoleHandle {
	by := RoleHandle{path: b.rolePath(), Handle: Handle{part: &Part{Key: roleOfFunction(function)}}}
	return AssumableRoleHandle{b.roleOf(key, "What function "+function+" of "+b.settings.System.Name+" "+b.settings.Name+" hands out credentials for",
		Statement{
			Effect: "Allow", Principal: map[string][]string{"AWS": {"arn:" + Partition() + ":iam::" + Account() + ":root"}}, Action: []string{"sts:AssumeRole"},
			Condition: Condition{"ArnEquals": {"aws:PrincipalArn": {by.ARN()}}},
		}, joined(grants))}
}

// Assume grants taking on the role.
func (r AssumableRoleHandle) Assume() []Grant {
	return []Grant{{Actions: []string{"sts:AssumeRole"}, Resources: []string{r.ARN()}}}
}

// RevokeSessions grants putting and taking away an inline policy of the role that
// refuses its sessions from before a moment (IAM User Guide, "Revoke IAM role
// temporary security credentials"). That policy belongs to those who revoke: the
// provider neither compares nor repairs it. IAM cannot narrow this to one policy's
// name (Service Authorization Reference, AWS Identity and Access Management):
// whoever holds it can give this role other rights too, within its permissions
// boundary.
func (r AssumableRoleHandle) RevokeSessions() []Grant {
	return []Grant{{
		Actions: []string{"iam:DeleteRolePolicy", "iam:PutRolePolicy"}, Resources: []string{r.ARN()},
		Rare: "only where credentials are revoked",
	}}
}
