package localaws

import (
	"fmt"
	"net/http"
	"strings"
)

// refusal finds the hardship that a call meets, and AWS's error for it.
func (w *Weather) refusal(c *Call, tree map[string]any) (Hardship, apiError) {
	switch c.Service {
	case "lambda":
		return w.refusalOfLambda(c, tree)
	case "scheduler":
		target, _ := tree["Target"].(map[string]any)
		if c.Operation == "CreateSchedule" && w.spreading(textIn(target, "RoleArn")) {
			return RoleNotTrusting, apiError{code: "ValidationException", message: "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."}
		}
	case "iam":
		if asksRole[c.Operation] && w.recent(event{"made", "iam", c.Resource}, w.conditions.RoleLag) {
			return RoleUnknown, apiError{code: "NoSuchEntity", message: "The role with name " + c.Resource + " cannot be found."}
		}
	case "sqs":
		return w.refusalOfSQS(c)
	case "dynamodb":
		return w.refusalOfDynamoDB(c)
	case "kinesis":
		return w.refusalOfKinesis(c)
	case "logs":
		if c.Operation == "PutRetentionPolicy" && w.recent(event{"made", "logs", c.Resource}, w.conditions.LogGroupBusy) {
			return LogGroupBusy, apiError{code: "OperationAbortedException", message: "A conflicting operation is currently in progress against this resource. Please try again."}
		}
	case "s3":
		bucket, _, isObject := strings.Cut(c.Resource, "/")
		configures := strings.HasPrefix(c.Operation, "Put") && !isObject && w.recent(event{"made", "s3", bucket}, w.conditions.BucketBusy)
		if configures || c.Operation == "CreateBucket" && w.recent(event{"deleted", "s3", bucket}, w.conditions.BucketBusy) {
			return BucketBusy, apiError{code: "OperationAborted", status: http.StatusConflict, message: "A conflicting conditional operation is currently in progress against this resource. Please try again."}
		}
	}
	return "", apiError{}
}

func (w *Weather) refusalOfLambda(c *Call, tree map[string]any) (Hardship, apiError) {
	function := unqualified(c.Resource)
	switch c.Operation {
	case "CreateFunction", "UpdateFunctionConfiguration":
		if w.spreading(textIn(tree, "Role")) {
			return RoleNotAssumable, apiError{code: "InvalidParameterValueException", message: "The role defined for the function cannot be assumed by Lambda."}
		}
	case "CreateEventSourceMapping":
		if w.permitting(w.roles[unqualified(shortName(textIn(tree, "FunctionName")))]) {
			return RoleNotPermitted, apiError{code: "InvalidParameterValueException", message: "The provided execution role does not have permissions to call ReceiveMessage on SQS"}
		}
	}
	switch c.Operation {
	case "UpdateFunctionConfiguration", "UpdateFunctionCode", "PublishVersion":
		arn := "arn:aws:lambda:" + c.Region + ":" + c.Account + ":function:" + function
		if w.recent(event{"made", "lambda", function}, w.conditions.FunctionBusy) {
			return FunctionBusy, apiError{code: "ResourceConflictException", message: "The operation cannot be performed at this time. The function is currently in the following state: Pending"}
		}
		if w.recent(event{"changed", "lambda", function}, w.conditions.FunctionBusy) {
			return FunctionBusy, apiError{code: "ResourceConflictException", message: "The operation cannot be performed at this time. An update is in progress for resource: " + arn}
		}
	}
	return "", apiError{}
}

func (w *Weather) refusalOfSQS(c *Call) (Hardship, apiError) {
	switch c.Operation {
	case "CreateQueue":
		if w.recent(event{"deleted", "sqs", c.Resource}, w.conditions.QueueNameHeld) {
			return QueueNameHeld, apiError{code: "QueueDeletedRecently", message: "You must wait 60 seconds after deleting a queue before you can create another with the same name."}
		}
	case "ListQueues":
	default:
		if w.recent(event{"made", "sqs", c.Resource}, w.conditions.QueueLag) {
			return QueueUnknown, apiError{code: "QueueDoesNotExist", message: "The specified queue does not exist."}
		}
	}
	return "", apiError{}
}

// changesTable are the operations that take a table of their own for a while.
var changesTable = map[string]bool{"CreateTable": true, "UpdateTable": true, "DeleteTable": true, "UpdateTimeToLive": true}

func (w *Weather) refusalOfDynamoDB(c *Call) (Hardship, apiError) {
	made := event{"made", "dynamodb", c.Resource}
	if c.Operation == "DescribeTable" && w.recent(made, w.conditions.TableLag) {
		return TableUnknown, apiError{code: "ResourceNotFoundException", message: "Requested resource not found: Table: " + c.Resource + " not found"}
	}
	if c.Operation == "UpdateContinuousBackups" && w.recent(made, w.conditions.BackupsLag) {
		return BackupsUnavailable, apiError{code: "ContinuousBackupsUnavailableException", message: "Backups are being enabled for the table: " + c.Resource + ". Please retry later"}
	}
	if !changesTable[c.Operation] && c.Operation != "TagResource" && c.Operation != "UntagResource" {
		return "", apiError{}
	}
	if c.Operation != "CreateTable" {
		for what, doing := range map[string]string{"made": "created", "changed": "updated"} {
			if w.recent(event{what, "dynamodb", c.Resource}, w.conditions.TableBusy) {
				return TableBusy, apiError{code: "ResourceInUseException", message: "Attempt to change a resource which is still in use: Table is being " + doing + ": " + c.Resource}
			}
		}
	}
	if limit := w.conditions.Tables; limit > 0 && changesTable[c.Operation] && w.busyTables() >= limit {
		return TooManyTables, apiError{code: "LimitExceededException", message: fmt.Sprintf("Subscriber limit exceeded: Only %d tables can be created, updated, or deleted simultaneously", limit)}
	}
	return "", apiError{}
}

// refusalOfKinesis follows the Kinesis Data Streams API Reference, ResourceInUseException of each operation.
func (w *Weather) refusalOfKinesis(c *Call) (Hardship, apiError) {
	inUse := apiError{code: "ResourceInUseException", message: "Stream " + c.Resource + " under account " + c.Account + " not ACTIVE, instead in state UPDATING"}
	switch happens := happenings["kinesis "+c.Operation]; {
	case c.Operation == "DescribeStreamSummary" && w.recent(event{"made", "kinesis", c.Resource}, w.conditions.StreamLag):
		return StreamUnknown, apiError{code: "ResourceNotFoundException", message: "Stream " + c.Resource + " under account " + c.Account + " not found."}
	case happens == "made":
		if w.recent(event{"deleted", "kinesis", c.Resource}, w.conditions.StreamBusy) {
			return StreamBusy, inUse
		}
	case happens == "changed":
		for _, before := range []string{"made", "changed"} {
			if w.recent(event{before, "kinesis", c.Resource}, w.conditions.StreamBusy) {
				return StreamBusy, inUse
			}
		}
	}
	return "", apiError{}
}

func (w *Weather) busyTables() int {
	busy := map[string]bool{}
	for e := range w.events {
		if e.service == "dynamodb" && w.recent(e, w.conditions.TableBusy) {
			busy[e.name] = true
		}
	}
	return len(busy)
}

// spreading tells whether not all know yet that a role, by its ARN, exists and whom it trusts.
func (w *Weather) spreading(arn string) bool {
	return arn != "" && w.recent(event{"trusted", "iam", shortName(arn)}, w.conditions.RoleSpread)
}

// permitting tells whether Lambda does not know yet what a role, by its ARN, may do.
func (w *Weather) permitting(arn string) bool {
	return arn != "" && (w.recent(event{"permitted", "iam", shortName(arn)}, w.conditions.PolicySpread) || w.spreading(arn))
}

// asksRole are the operations that may be answered by a host which has not heard of the role.
var asksRole = map[string]bool{"GetRole": true, "GetRolePolicy": true, "PutRolePolicy": true, "UpdateAssumeRolePolicy": true, "TagRole": true}

// unqualified is a function's name without a qualifier.
func unqualified(name string) string {
	name, _, _ = strings.Cut(name, ":")
	return name
}

func textIn(tree map[string]any, member string) string {
	text, _ := textOf(tree[member])
	return text
}
