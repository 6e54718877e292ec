package kinds

import (
	"slices"
	"strings"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// Reasons of permissions that several kinds have.
const (
	// byList: an id is in the manifest as soon as its part is made.
	byList = "only where an apply was cut off before it could note the id"
	// byService: see what each kind cites.
	byService = "used by AWS in the caller's name, with kms_key_arn only"
	// eitherARN: the Service Authorization Reference lists functions and aliases
	// as resources of one action, and Lambda's guide does not say which of the
	// two decides.
	eitherARN = "AWS does not say whether the function's ARN or its alias's decides"
)

// via holds the use of a key to what a service does in the caller's name (KMS
// Developer Guide, "kms:ViaService"), in whichever partition.
func via(service string) blueprint.Condition {
	host := service + ".{region}.amazonaws.com"
	return blueprint.Condition{"StringLike": {"kms:ViaService": {host, host + ".cn"}}}
}

// Of returns the permission as one part needs it. Text that is not known yet
// may be "*" in the place and in the spec. Resources and values of conditions that
// an empty field of the spec takes part in are left out; ok is false where none
// remains, or where the spec does not ask for the permission.
func (p Permission) Of(place blueprint.Place, name string, spec blueprint.Spec) (own Permission, ok bool) {
	values := map[string]string{
		"partition": place.Partition, "region": place.Region, "account": place.Account, "name": name,
	}
	for _, f := range blueprint.Fields(spec) {
		if text, isText := f.Value.(string); isText {
			values[f.Name] = text
		}
	}
	switch s := spec.(type) {
	case blueprint.RoleSpec:
		values["trusted_service"] = trustedService(s.Trust)
	case blueprint.SigningKeySpec:
		values["system"], values["system_name"] = s.System, s.SystemName
		if s.KeySpec == blueprint.RSAKey2048 {
			values["rsa"] = "set"
		}
	case blueprint.HashedListSpec:
		values["secret_kms_key"] = s.SecretKMSKeyARN
	case blueprint.KeyValueStoreSpec:
		values["secret_kms_key"] = s.SecretKMSKeyARN
		p.Resources = forEach(p.Resources, "secret", s.Parameters())
	case blueprint.TableItemSpec:
		values["kms_key"] = s.KMSKeyARN
	case blueprint.DistributionSpec:
		values["system"], values["deployment"] = s.System, s.Deployment
	case blueprint.FunctionSpec:
		if len(s.VPC.SubnetIDs) > 0 {
			values["vpc"] = "set"
		}
	case blueprint.InvokePermissionSpec:
		values["function_name"], _, _ = strings.Cut(name, ":")
	case blueprint.MappingSpec:
		// A mapping is named by its function and its source.
		values["function_name"], _, _ = strings.Cut(name, ":")
	}
	if p.If != "" && values[p.If] == "" || p.Unless != "" && values[p.Unless] != "" {
		return Permission{}, false
	}
	own = Permission{Verbs: p.Verbs, Actions: p.Actions, Resources: fillAll(p.Resources, values), Rare: p.Rare}
	for operator, keys := range p.Condition {
		for key, wanted := range keys {
			if own.Condition == nil {
				own.Condition = blueprint.Condition{}
			}
			if own.Condition[operator] == nil {
				own.Condition[operator] = map[string][]string{}
			}
			filled := fillAll(wanted, values)
			if len(filled) == 0 {
				return Permission{}, false
			}
			own.Condition[operator][key] = filled
		}
	}
	return own, len(own.Resources) > 0
}

// trustedService is the service that a role is handed to, "lambda.amazonaws.com":
// the one that assumes it, or that lets others assume it by the identities that it
// gives them. Empty for a role that no service is handed.
func trustedService(trust blueprint.Policy) string {
	for _, s := range trust.Statement {
		for _, by := range []string{"Service", "Federated"} {
			if services := s.Principal[by]; len(services) > 0 {
				return services[0]
			}
		}
	}
	return ""
}

// forEach writes each text with {field} once for each value, with that in its place.
func forEach(texts []string, field string, values []string) []string {
	var out []string
	for _, text := range texts {
		if !strings.Contains(text, "{"+field+"}") {
			out = append(out, text)
			continue
		}
		for _, value := range values {
			out = append(out, strings.ReplaceAll(text, "{"+field+"}", value))
		}
	}
	return out
}

// fillAll fills every text, and leaves out those with an empty field.
func fillAll(texts []string, values map[string]string) []string {
	var out []string
	for _, text := range texts {
		if filled, whole := fill(text, values); whole && !slices.Contains(out, filled) {
			out = append(out, filled)
		}
	}
	return out
}

// fill replaces every {field}; whole is false where one is empty or unknown.
func fill(text string, values map[string]string) (filled string, whole bool) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		out.WriteString(before)
		if !found {
			return out.String(), true
		}
		field, after, _ := strings.Cut(rest, "}")
		value := values[field]
		if value == "" {
			return "", false
		}
		out.WriteString(value)
		text = after
	}
}
