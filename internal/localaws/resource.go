package localaws

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/permission"
)

// resourceMembers are the request members that name what a call is about, the more telling first: CreateEventSourceMapping
// names its function rather than a queue's ARN, PutRolePolicy its role rather than the policy.
var resourceMembers = []string{
	"QueueUrl", "QueueName", "TableName", "FunctionName", "logGroupName", "logGroupNamePrefix", "RoleName", "UserName",
	"InstanceProfileName", "PolicyName", "PolicyArn", "TopicArn", "AlarmName", "AlarmNamePrefix", "DashboardName", "StreamName", "SecretId",
	"IdentityPoolId", "IdentityPoolName", "IdentityId", "KeyId", "Name", "Path", "Rule", "ResourceARN", "ResourceArn", "resourceArn", "StreamArn", "GroupName", "Namespace", "RoleArn", "Resource", "name", "domainName",
}

// resourceLists are members that name several; the first stands for them.
var resourceLists = []string{"AlarmNames", "Names", "EntryNames"}

// resourceOf is the name of what a call is about, by its members; empty where none tells.
func resourceOf(members map[string]any) string {
	for _, member := range resourceMembers {
		if s, ok := members[member].(string); ok && s != "" {
			return shortName(s)
		}
	}
	for _, member := range resourceLists {
		if list, ok := members[member].([]any); ok && len(list) > 0 {
			if s, ok := list[0].(string); ok {
				return shortName(s)
			}
		}
	}
	return tableOfBatch(members)
}

// tableOfBatch finds the first table of DynamoDB's batches and transactions.
func tableOfBatch(members map[string]any) string {
	if items, ok := members["RequestItems"].(map[string]any); ok {
		tables := make([]string, 0, len(items))
		for table := range items {
			tables = append(tables, shortName(table))
		}
		slices.Sort(tables)
		return strings.Join(tables, ",")
	}
	items, ok := members["TransactItems"].([]any)
	if !ok {
		return ""
	}
	var tables []string
	for _, item := range items {
		verbs, ok := item.(map[string]any)
		if !ok {
			continue
		}
		for _, verb := range verbs {
			if action, ok := verb.(map[string]any); ok {
				if table, ok := action["TableName"].(string); ok && !slices.Contains(tables, shortName(table)) {
					tables = append(tables, shortName(table))
				}
			}
		}
	}
	slices.Sort(tables)
	return strings.Join(tables, ",")
}

// tablesOfStatements finds the tables of a batch of PartiQL statements.
func tablesOfStatements(statements []any) string {
	var tables []string
	for _, one := range statements {
		in, _ := one.(map[string]any)
		text, _ := in["Statement"].(string)
		if _, table, _, ok := permission.PartiQL(text); ok && !slices.Contains(tables, table) {
			tables = append(tables, table)
		}
	}
	slices.Sort(tables)
	return strings.Join(tables, ",")
}

// resourceOfPath is the name of what a REST call is about, by the parameters in its path.
func resourceOfPath(service string, params map[string]string) string {
	if service == "s3" {
		if key := params["Key"]; key != "" {
			return params["Bucket"] + "/" + key
		}
		return params["Bucket"]
	}
	for _, param := range []string{"FunctionName", "UUID", "Name", "GroupName", "apiId", "domainName", "ResourceArn", "Resource"} {
		if s := params[param]; s != "" {
			return shortName(s)
		}
	}
	return ""
}

// shortName reduces a queue's URL and an ARN to the name in it, so that one object has one name however it was called.
func shortName(s string) string {
	if strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") {
		return s[strings.LastIndex(s, "/")+1:]
	}
	if !strings.HasPrefix(s, "arn:") {
		return s
	}
	parts := strings.SplitN(s, ":", 6)
	if len(parts) < 6 {
		return s
	}
	resource := parts[5]
	switch parts[2] {
	case "lambda", "logs": // function:<name>[:<qualifier>], event-source-mapping:<uuid>, log-group:<name>[:*]
		_, name, _ := strings.Cut(resource, ":")
		name, _, _ = strings.Cut(name, ":")
		return name
	case "cloudwatch": // alarm:<name>
		_, name, _ := strings.Cut(resource, ":")
		return name
	case "dynamodb": // table/<name>[/stream/<label>]
		_, name, _ := strings.Cut(resource, "/")
		name, _, _ = strings.Cut(name, "/")
		return name
	case "ssm": // parameter/<path>, where the path's own slash is the ARN's
		if name, ok := strings.CutPrefix(resource, "parameter"); ok {
			return name
		}
	case "iam", "scheduler", "kinesis":
		return resource[strings.LastIndex(resource, "/")+1:]
	}
	return resource
}

func decodeJSON(body []byte) map[string]any {
	var members map[string]any
	if len(body) == 0 || json.Unmarshal(body, &members) != nil {
		return nil
	}
	return members
}

func decodeForm(form url.Values) map[string]any {
	members := make(map[string]any, len(form))
	for name, values := range form {
		if list, ok := strings.CutSuffix(name, ".member.1"); ok {
			members[list] = []any{values[0]}
		}
		members[name] = values[0]
	}
	return members
}

func decodeCBOR(body []byte) map[string]any {
	if len(body) == 0 {
		return nil
	}
	value, err := decodeAnyCBOR(body)
	if err != nil {
		return nil
	}
	members, _ := value.(map[string]any)
	return members
}
