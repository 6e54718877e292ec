package permission

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// dynamoDB follows the Service Authorization Reference, Amazon DynamoDB.
var dynamoDB = rowsOf{}.
	each("dynamodb", anything, "DescribeEndpoints", "DescribeLimits", "ListBackups", "ListExports", "ListGlobalTables", "ListImports", "ListTables").
	each("dynamodb", tableARN, "CreateBackup", "DeleteTable", "DescribeContinuousBackups", "DescribeTable", "DescribeTimeToLive",
		"ExportTableToPointInTime", "ListTagsOfResource", "TagResource", "UntagResource", "UpdateContinuousBackups", "UpdateTimeToLive").
	with("CreateTable", func(c *Call) ([]Need, error) {
		out := needs(tableARN(c), "dynamodb:CreateTable")
		if c.tagged() { // DynamoDB Developer Guide, "Tagging resources in DynamoDB"
			out = append(out, needs(tableARN(c), "dynamodb:TagResource")...)
		}
		return encrypting(c, out)
	}).
	with("UpdateTable", func(c *Call) ([]Need, error) { return encrypting(c, needs(tableARN(c), "dynamodb:UpdateTable")) }).
	with("GetItem", seen).with("PutItem", item).with("UpdateItem", item).with("DeleteItem", item).
	with("Query", reading).with("Scan", reading).
	with("BatchGetItem", batch).with("BatchWriteItem", batch).
	with("TransactGetItems", transaction).with("TransactWriteItems", transaction).
	with("BatchExecuteStatement", statements)

// dynamoDBStreams are actions of DynamoDB, too.
var dynamoDBStreams = rowsOf{}.
	each("dynamodb", anything, "ListStreams").
	each("dynamodb", func(c *Call) string {
		if arn := c.text("StreamArn"); arn != "" {
			return arn
		}
		return c.Iterated(c.text("ShardIterator"))
	}, "DescribeStream", "GetRecords", "GetShardIterator")

func tableARN(c *Call) string { return c.table(c.text("TableName", "TableArn", "ResourceArn")) }

func (c *Call) table(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return c.arn("dynamodb", "table/"+name)
}

// encrypting adds what giving a table a customer's key needs (DynamoDB Developer Guide, "DynamoDB encryption at rest: usage
// notes", "Authorizing use of a customer managed key").
func encrypting(c *Call, out []Need) ([]Need, error) {
	key, _ := members(c.Input, "SSESpecification")["KMSMasterKeyId"].(string)
	use, err := c.useKey(key, "dynamodb", "kms:DescribeKey", "kms:CreateGrant", "kms:Encrypt", "kms:Decrypt",
		"kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext")
	return append(out, use...), err
}

// item judges a call on one item. dynamodb:LeadingKeys is the value of its partition key (DynamoDB Developer Guide, "Using IAM
// policy conditions for fine-grained access control").
func item(c *Call) ([]Need, error) {
	return c.onTables("dynamodb:"+c.Operation, map[string][]any{tableARN(c): {c.Input["Key"], c.Input["Item"]}}, nil)
}

// seen judges a read of one item, with the attributes that it names: dynamodb:Attributes and dynamodb:Select (ibid.).
func seen(c *Call) ([]Need, error) {
	names, _ := c.Input["ExpressionAttributeNames"].(map[string]any)
	var attributes []string
	for _, path := range strings.FieldsFunc(c.text("ProjectionExpression"), func(r rune) bool { return r == ',' || r == ' ' }) {
		top, _, _ := strings.Cut(strings.ReplaceAll(path, "[", "."), ".")
		if name, ok := names[top].(string); ok {
			top = name
		}
		attributes = append(attributes, top)
	}
	context := Context{}
	context.Set("dynamodb:Select", "ALL_ATTRIBUTES")
	if len(attributes) > 0 {
		context.Set("dynamodb:Select", "SPECIFIC_ATTRIBUTES")
		context.Set("dynamodb:Attributes", attributes...)
	}
	return c.onTables("dynamodb:"+c.Operation, map[string][]any{tableARN(c): {c.Input["Key"]}}, context)
}

// onTables judges calls on items of tables by their ARNs, with the use of the tables' keys.
func (c *Call) onTables(action string, items map[string][]any, context Context) ([]Need, error) {
	var out, use []Need
	for _, arn := range slices.Sorted(maps.Keys(items)) {
		table, err := c.Look(arn)
		if err != nil {
			return nil, err
		}
		need := Need{Action: action, Resource: arn, Context: context.With()}
		var leading []string
		for _, one := range items[arn] {
			key, _ := one.(map[string]any)
			for _, value := range members(key, table.PartitionKey) {
				if s, ok := value.(string); ok && !slices.Contains(leading, s) {
					leading = append(leading, s)
				}
			}
		}
		if len(leading) > 0 {
			need.Context.Set("dynamodb:LeadingKeys", leading...)
		}
		key, err := c.useKey(table.KMSKey, "dynamodb", "kms:Decrypt")
		if err != nil {
			return nil, err
		}
		out, use = append(out, need), append(use, key...)
	}
	return append(out, distinct(use)...), nil
}

// reading judges a query or scan of a table or of one of its indexes.
func reading(c *Call) ([]Need, error) {
	arn := tableARN(c)
	if index := c.text("IndexName"); index != "" {
		return c.inUse(needs(arn+"/index/"+index, "dynamodb:"+c.Operation), arn, "dynamodb", "kms:Decrypt")
	}
	return c.inUse(needs(arn, "dynamodb:"+c.Operation), arn, "dynamodb", "kms:Decrypt")
}

// batch judges a batch by its own action on every table of it.
func batch(c *Call) ([]Need, error) {
	items := map[string][]any{}
	for name, requests := range members(c.Input, "RequestItems") {
		arn := c.table(name)
		items[arn] = nil
		if keys, ok := members(map[string]any{"": requests}, "")["Keys"].([]any); ok {
			items[arn] = keys
		}
		writes, _ := requests.([]any)
		for _, write := range writes {
			w, _ := write.(map[string]any)
			items[arn] = append(items[arn], members(w, "PutRequest")["Item"], members(w, "DeleteRequest")["Key"])
		}
	}
	return c.onTables("dynamodb:"+c.Operation, items, nil)
}

// transacted are the actions of a transaction's items (DynamoDB Developer Guide, "Using IAM with DynamoDB transactions").
var transacted = map[string]string{
	"Get": "dynamodb:GetItem", "Put": "dynamodb:PutItem", "Update": "dynamodb:UpdateItem", "Delete": "dynamodb:DeleteItem",
	"ConditionCheck": "dynamodb:ConditionCheckItem",
}

// transaction judges every item by the action that it would be alone.
func transaction(c *Call) ([]Need, error) {
	context := Context{"dynamodb:enclosingoperation": {c.Operation}}
	var out []Need
	all, _ := c.Input["TransactItems"].([]any)
	for _, one := range all {
		verbs, _ := one.(map[string]any)
		for verb, what := range verbs {
			in, _ := what.(map[string]any)
			name, _ := in["TableName"].(string)
			found, err := c.onTables(transacted[verb], map[string][]any{c.table(name): {in["Key"], in["Item"]}}, context)
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
		}
	}
	return out, nil
}

var statement = regexp.MustCompile(`(?is)^\s*(?:(INSERT)\s+INTO|(UPDATE)|(DELETE)\s+FROM|(SELECT)\s.*?\sFROM)\s+"?([A-Za-z0-9_.-]+)"?(?:\."([A-Za-z0-9_.-]+)")?`)

// PartiQL takes a PartiQL statement's verb ("Insert"), table and index apart, the last empty where there is none (DynamoDB Developer
// Guide, "PartiQL select statements for DynamoDB" and its neighbours).
func PartiQL(text string) (verb, table, index string, ok bool) {
	parts := statement.FindStringSubmatch(text)
	if parts == nil {
		return "", "", "", false
	}
	verb = parts[1] + parts[2] + parts[3] + parts[4]
	return strings.ToUpper(verb[:1]) + strings.ToLower(verb[1:]), parts[5], parts[6], true
}

// statements judges each statement of a batch by its verb, on its table or index (DynamoDB Developer Guide, "IAM security policies with
// PartiQL for DynamoDB"). Of dynamodb:LeadingKeys it knows nothing: they stand in the text.
func statements(c *Call) ([]Need, error) {
	var out []Need
	all, _ := c.Input["Statements"].([]any)
	for _, one := range all {
		in, _ := one.(map[string]any)
		text, _ := in["Statement"].(string)
		verb, table, index, ok := PartiQL(text)
		if !ok {
			return nil, fmt.Errorf("no verb and table in the statement %q", text)
		}
		arn := c.table(table)
		resource := arn
		if index != "" {
			resource += "/index/" + index
		}
		found, err := c.inUse(needs(resource, "dynamodb:PartiQL"+verb), arn, "dynamodb", "kms:Decrypt")
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return distinct(out), nil
}
