package permission

import (
	"maps"
	"slices"
	"strings"
)

// identities follows the Service Authorization Reference, AWS Identity and Access Management (IAM). Where a request names a
// role or user without its path, the one that exists tells it.
var identities = rowsOf{}.
	each("iam", anything, "GetAccountAuthorizationDetails", "GetAccountSummary", "ListAccountAliases", "ListGroups", "ListInstanceProfiles",
		"ListPolicies", "ListRoles", "ListUsers").
	with("CreateRole", func(c *Call) ([]Need, error) {
		arn := c.identity("role", c.path()+c.text("RoleName"))
		out := []Need{{Action: "iam:CreateRole", Resource: arn, Context: boundaryKey(c.text("PermissionsBoundary"))}}
		if c.tagged() { // IAM User Guide, "Tag IAM roles": needs both
			out = append(out, needs(arn, "iam:TagRole")...)
		}
		return out, nil
	}).
	with("CreateUser", func(c *Call) ([]Need, error) {
		arn := c.identity("user", c.path()+c.text("UserName"))
		out := []Need{{Action: "iam:CreateUser", Resource: arn, Context: boundaryKey(c.text("PermissionsBoundary"))}}
		if c.tagged() {
			out = append(out, needs(arn, "iam:TagUser")...)
		}
		return out, nil
	}).
	onExisting("role", "RoleName", "DeleteRole", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListInstanceProfilesForRole",
		"ListRolePolicies", "ListRoleTags", "TagRole", "UntagRole", "UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription",
		"AttachRolePolicy", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DetachRolePolicy", "PutRolePermissionsBoundary", "PutRolePolicy").
	onExisting("user", "UserName", "CreateAccessKey", "DeleteAccessKey", "DeleteUser", "GetUser", "GetUserPolicy", "ListAccessKeys",
		"ListAttachedUserPolicies", "ListGroupsForUser", "ListUserPolicies", "ListUserTags", "TagUser", "UntagUser", "UpdateAccessKey",
		"AttachUserPolicy", "DeleteUserPermissionsBoundary", "DeleteUserPolicy", "DetachUserPolicy", "PutUserPermissionsBoundary", "PutUserPolicy").
	with("CreatePolicy", func(c *Call) ([]Need, error) {
		arn := c.identity("policy", c.path()+c.text("PolicyName"))
		if c.tagged() {
			return needs(arn, "iam:CreatePolicy", "iam:TagPolicy"), nil
		}
		return needs(arn, "iam:CreatePolicy"), nil
	}).
	each("iam", func(c *Call) string { return c.text("PolicyArn") }, "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "GetPolicy",
		"GetPolicyVersion", "ListEntitiesForPolicy", "ListPolicyTags", "ListPolicyVersions", "SetDefaultPolicyVersion", "TagPolicy", "UntagPolicy").
	each("iam", func(c *Call) string { return c.identity("group", c.path()+c.text("GroupName")) }, "AddUserToGroup", "AttachGroupPolicy", "CreateGroup",
		"DeleteGroup", "DeleteGroupPolicy", "DetachGroupPolicy", "GetGroup", "GetGroupPolicy", "ListAttachedGroupPolicies", "ListGroupPolicies",
		"PutGroupPolicy", "RemoveUserFromGroup")

func (c *Call) path() string {
	if path := c.text("Path"); path != "" {
		return path
	}
	return "/"
}

// identity is the ARN of an IAM object: IAM is global.
func (c *Call) identity(kind, name string) string {
	return "arn:aws:iam::" + c.Account + ":" + kind + "/" + strings.TrimPrefix(name, "/")
}

func boundaryKey(arn string) Context {
	if arn == "" {
		return nil
	}
	return Context{"iam:permissionsboundary": {arn}}
}

// onExisting judges calls on a role or user that exists. iam:PermissionsBoundary is the boundary that it has, but for the
// call that sets one (IAM User Guide, "Delegating responsibility to others using permissions boundaries").
func (rows rowsOf) onExisting(kind, member string, operations ...string) rowsOf {
	for _, operation := range operations {
		rows[operation] = func(c *Call) ([]Need, error) {
			arn := c.identity(kind, c.text(member))
			existing, err := c.Look(arn)
			if err != nil {
				return nil, err
			}
			if existing.ARN != "" {
				arn = existing.ARN
			}
			need := Need{Action: "iam:" + operation, Resource: arn, Context: Context{}}
			limit := existing.Boundary
			if given := c.text("PermissionsBoundary"); given != "" {
				limit = given
			}
			for key, values := range boundaryKey(limit) {
				need.Context[key] = values
			}
			if policy := c.text("PolicyArn"); policy != "" {
				need.Context.Set("iam:PolicyARN", policy)
			}
			return []Need{need}, nil
		}
	}
	return rows
}

// sts follows the Service Authorization Reference, AWS Security Token Service. GetCallerIdentity and GetSessionToken need no
// permission (AWS STS API Reference).
var sts = rowsOf{}.
	with("GetCallerIdentity", func(*Call) ([]Need, error) { return nil, nil }).
	with("GetSessionToken", func(*Call) ([]Need, error) { return nil, nil }).
	with("AssumeRole", func(c *Call) ([]Need, error) {
		need := Need{Action: "sts:AssumeRole", Resource: c.text("RoleArn"), Context: Context{"sts:rolesessionname": {c.text("RoleSessionName")}}}
		if id := c.text("ExternalId"); id != "" {
			need.Context.Set("sts:ExternalId", id)
		}
		out := []Need{need}
		if c.tagged() { // IAM User Guide, "Pass session tags in AWS STS"
			out = append(out, needs(need.Resource, "sts:TagSession")...)
		}
		return out, nil
	})

// cognitoIdentity follows the Service Authorization Reference, Amazon Cognito Identity. What visitors call needs no permission
// (Cognito Identity API Reference, GetId: a public API).
var cognitoIdentity = rowsOf{}.
	with("GetId", func(*Call) ([]Need, error) { return nil, nil }).
	with("GetCredentialsForIdentity", func(*Call) ([]Need, error) { return nil, nil }).
	each("cognito-identity", anything, "ListIdentityPools").
	each("cognito-identity", identityPoolARN, "DeleteIdentityPool", "DescribeIdentityPool", "GetIdentityPoolRoles", "UpdateIdentityPool").
	each("cognito-identity", func(c *Call) string { return c.text("ResourceArn") }, "ListTagsForResource", "TagResource", "UntagResource").
	with("CreateIdentityPool", func(c *Call) ([]Need, error) {
		out := needs("*", "cognito-identity:CreateIdentityPool")
		if len(members(c.Input, "IdentityPoolTags")) > 0 { // Cognito Developer Guide, "Tagging your Amazon Cognito resources"
			out = append(out, needs(c.arn("cognito-identity", "identitypool/*"), "cognito-identity:TagResource")...)
		}
		return out, nil
	}).
	with("SetIdentityPoolRoles", func(c *Call) ([]Need, error) {
		out := needs(identityPoolARN(c), "cognito-identity:SetIdentityPoolRoles")
		roles := members(c.Input, "Roles")
		for _, flavor := range slices.Sorted(maps.Keys(roles)) {
			if role, ok := roles[flavor].(string); ok {
				out = append(out, passRole(role, "cognito-identity.amazonaws.com")...)
			}
		}
		return out, nil
	})

func identityPoolARN(c *Call) string {
	return c.arn("cognito-identity", "identitypool/"+c.text("IdentityPoolId"))
}

// keys follows the Service Authorization Reference, AWS Key Management Service.
var keys = rowsOf{}.
	with("CreateKey", func(c *Call) ([]Need, error) {
		out := needs("*", "kms:CreateKey")
		if c.tagged() { // KMS Developer Guide, "Controlling access to tags": a permission that no key narrows
			out = append(out, needs(c.arn("kms", "key/*"), "kms:TagResource")...)
		}
		return out, nil
	}).
	each("kms", anything, "GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants").
	onKey("CancelKeyDeletion", "CreateGrant", "Decrypt", "DescribeKey", "DisableKey", "DisableKeyRotation", "EnableKey", "EnableKeyRotation", "Encrypt",
		"GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "GenerateMac",
		"GetKeyPolicy", "GetKeyRotationStatus", "GetPublicKey", "ListGrants", "ListKeyPolicies", "ListResourceTags", "PutKeyPolicy", "RetireGrant",
		"RevokeGrant", "RotateKeyOnDemand", "ScheduleKeyDeletion", "Sign", "TagResource", "UntagResource", "UpdateKeyDescription", "Verify", "VerifyMac").
	onAlias("CreateAlias", "TargetKeyId").onAlias("UpdateAlias", "TargetKeyId").onAlias("DeleteAlias", "")

// key is the ARN of a key by its id, its ARN or an alias.
func (c *Call) key(id string) (string, error) {
	switch {
	case strings.HasPrefix(id, "arn:"):
	case strings.HasPrefix(id, "alias/"):
		id = c.arn("kms", id)
	default:
		id = c.arn("kms", "key/"+id)
	}
	return c.keyARN(id)
}

func (rows rowsOf) onKey(operations ...string) rowsOf {
	for _, operation := range operations {
		rows[operation] = func(c *Call) ([]Need, error) {
			key, err := c.key(c.text("KeyId"))
			return needs(key, "kms:"+operation), err
		}
	}
	return rows
}

// onAlias needs the permission on the alias and on its key (KMS Developer Guide, "Controlling access to aliases").
func (rows rowsOf) onAlias(operation, target string) rowsOf {
	rows[operation] = func(c *Call) ([]Need, error) {
		alias := c.arn("kms", c.text("AliasName"))
		out := needs(alias, "kms:"+operation)
		id := c.text(target)
		if target == "" {
			id = c.text("AliasName")
		}
		key, err := c.key(id)
		return append(out, needs(key, "kms:"+operation)...), err
	}
	return rows
}
