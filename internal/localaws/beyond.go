package localaws

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// beyond are the rules that AWS's services apply and their models do not have, by service and operation. Each takes what
// the request says, and gives AWS's error where the request breaks it. Rules that depend on what exists are not here: what
// breaks them is not wrong in itself.
var beyond = map[string][]func(map[string]any) (apiError, bool){
	"lambda CreateFunction":              {functionLimits, reservedVariables, environmentSize},
	"lambda UpdateFunctionConfiguration": {functionLimits, reservedVariables, environmentSize},
	"logs PutRetentionPolicy":            {retentionDays},
	"s3 PutObject":                       {keyLength},
	"s3 CopyObject":                      {keyLength},
	"s3 CreateMultipartUpload":           {keyLength},
	"sqs CreateQueue":                    {queueName, queueAttributes},
	"sqs SetQueueAttributes":             {queueAttributes},
	"sqs SendMessageBatch":               {batchSize},
	"sqs DeleteMessageBatch":             {batchSize},
	"sqs ChangeMessageVisibilityBatch":   {batchSize},
	"dynamodb PutItem":                   {oneType},
	"dynamodb UpdateItem":                {oneType},
	"dynamodb GetItem":                   {oneType},
	"dynamodb DeleteItem":                {oneType},
	"dynamodb Query":                     {oneType},
	"dynamodb BatchWriteItem":            {oneType},
	"dynamodb TransactWriteItems":        {oneType},
	"dynamodb BatchExecuteStatement":     {oneType},
}

// The ends of Lambda's memory, in MB, and time-out, in seconds (Lambda Developer Guide, Lambda quotas). The model allows more.
const (
	maxMemory  = 10240
	maxTimeout = 900
)

func functionLimits(tree map[string]any) (apiError, bool) {
	for _, limit := range []struct {
		member, shown string
		most          int
	}{{"MemorySize", "memorySize", maxMemory}, {"Timeout", "timeout", maxTimeout}} {
		if n, ok := whole(tree[limit.member]); ok && n > limit.most {
			return apiError{code: "ValidationException", message: fmt.Sprintf(
				"1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: Member must have value less than or equal to %d", n, limit.shown, limit.most)}, true
		}
	}
	return apiError{}, false
}

// reserved are the variables that Lambda sets itself (Lambda Developer Guide, Working with environment variables, Defined
// runtime environment variables).
var reserved = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
	"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
	"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

func variables(tree map[string]any) map[string]any {
	environment, _ := tree["Environment"].(map[string]any)
	set, _ := environment["Variables"].(map[string]any)
	return set
}

func reservedVariables(tree map[string]any) (apiError, bool) {
	var used []string
	for _, name := range slices.Sorted(maps.Keys(variables(tree))) {
		if slices.Contains(reserved, name) {
			used = append(used, name)
		}
	}
	return apiError{code: "InvalidParameterValueException", message: "Lambda was unable to configure your environment variables because the environment variables " +
		"you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: " + strings.Join(used, ", ")}, len(used) > 0
}

// maxEnvironment is how long a function's variables may be together, in bytes of names and values (Lambda quotas: 4 KB in
// aggregate). AWS does not say what it counts around them.
const maxEnvironment = 4 << 10

func environmentSize(tree map[string]any) (apiError, bool) {
	size := 0
	for name, value := range variables(tree) {
		text, _ := value.(string)
		size += len(name) + len(text)
	}
	return apiError{code: "InvalidParameterValueException", message: fmt.Sprintf("Lambda was unable to configure your environment variables because the environment variables "+
		"you have provided exceeded the 4KB limit. They have %d bytes", size)}, size > maxEnvironment
}

// retentions are the days for which CloudWatch Logs can keep events (CloudWatch Logs API Reference, PutRetentionPolicy).
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

func retentionDays(tree map[string]any) (apiError, bool) {
	days, ok := whole(tree["retentionInDays"])
	return apiError{code: "InvalidParameterException", message: fmt.Sprintf("%d is no number of days that a log group can be kept for", days)}, ok && !slices.Contains(retentions, days)
}

// maxKey is the longest key of an object, in bytes of UTF-8 (S3 User Guide, Naming Amazon S3 objects).
const maxKey = 1024

func keyLength(tree map[string]any) (apiError, bool) {
	key, _ := textOf(tree[located("uri", "Key")])
	return apiError{code: "KeyTooLongError", message: "Your key is too long"}, len(key) > maxKey
}

// maxQueueName is the longest name of a queue (SQS API Reference, CreateQueue).
const maxQueueName = 80

func queueName(tree map[string]any) (apiError, bool) {
	name, _ := textOf(tree["QueueName"])
	letters := strings.TrimSuffix(name, ".fifo")
	wrong := name == "" || len(name) > maxQueueName || strings.ContainsFunc(letters, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
	return apiError{code: "InvalidParameterValue", message: "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"}, wrong
}

// ranges are the values that numbers among a queue's attributes can have, in seconds and bytes (SQS API Reference,
// SetQueueAttributes).
var ranges = map[string][2]int{
	"DelaySeconds":                  {0, 900},
	"MaximumMessageSize":            {1 << 10, 1 << 20},
	"MessageRetentionPeriod":        {60, 1209600},
	"ReceiveMessageWaitTimeSeconds": {0, 20},
	"VisibilityTimeout":             {0, 43200},
	"KmsDataKeyReusePeriodSeconds":  {60, 86400},
}

func queueAttributes(tree map[string]any) (apiError, bool) {
	attributes, _ := tree["Attributes"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		limit, ok := ranges[name]
		if !ok {
			continue
		}
		text, _ := textOf(attributes[name])
		if n, err := strconv.Atoi(text); err != nil || n < limit[0] || n > limit[1] {
			return apiError{code: "InvalidAttributeValue", message: "Invalid value for the parameter " + name + "."}, true
		}
	}
	return apiError{}, false
}

// maxBatch is the most entries of a batch (SQS API Reference, SendMessageBatch).
const maxBatch = 10

func batchSize(tree map[string]any) (apiError, bool) {
	entries, _ := tree["Entries"].([]any)
	if len(entries) == 0 {
		return apiError{code: "EmptyBatchRequest", message: "There should be at least one entry in the request."}, true
	}
	return apiError{
		code:    "TooManyEntriesInBatchRequest",
		message: fmt.Sprintf("Maximum number of entries per request are %d. You have sent %d.", maxBatch, len(entries)),
	}, len(entries) > maxBatch
}

var untyped = apiError{code: "ValidationException", message: "Supplied AttributeValue is empty or has more than one datatypes set, must contain exactly one of the supported datatypes"}

// oneType looks for values of attributes that say none of their types, or several (DynamoDB API Reference, AttributeValue:
// each is one name of a type with its data). The model does not call it a union.
func oneType(tree map[string]any) (apiError, bool) {
	for _, member := range []string{"Item", "Key", "ExpressionAttributeValues"} {
		values, _ := tree[member].(map[string]any)
		for _, value := range values {
			if !oneTyped(value) {
				return untyped, true
			}
		}
	}
	parameters, _ := tree["Parameters"].([]any)
	for _, value := range parameters {
		if !oneTyped(value) {
			return untyped, true
		}
	}
	for _, within := range []string{"RequestItems", "Statements", "TransactItems", "Put", "Update", "Delete", "ConditionCheck", "PutRequest", "DeleteRequest"} {
		for _, below := range children(tree[within]) {
			if e, wrong := oneType(below); wrong {
				return e, true
			}
		}
	}
	return apiError{}, false
}

// children are the structures in a member of a batch or transaction: itself, those in its list, or those in its lists by table.
func children(value any) []map[string]any {
	switch v := value.(type) {
	case []any:
		var all []map[string]any
		for _, item := range v {
			if tree, ok := item.(map[string]any); ok {
				all = append(all, tree)
			}
		}
		return all
	case map[string]any:
		all := []map[string]any{v}
		for _, below := range v {
			if list, ok := below.([]any); ok {
				all = append(all, children(list)...)
			}
		}
		return all
	default:
		return nil
	}
}

func oneTyped(value any) bool {
	tree, ok := value.(map[string]any)
	if !ok || len(tree) != 1 {
		return false
	}
	for _, below := range children(tree["L"]) {
		if !oneTyped(below) {
			return false
		}
	}
	if fields, ok := tree["M"].(map[string]any); ok {
		for _, below := range fields {
			if !oneTyped(below) {
				return false
			}
		}
	}
	return true
}

// whole is a number without fraction.
func whole(value any) (int, bool) {
	text := fmt.Sprint(value)
	n, err := strconv.Atoi(text)
	return n, err == nil
}
