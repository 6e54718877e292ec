package permission

import (
	"net/url"
	"strings"
)

// unescape undoes the escaping of a path.
func unescape(path string) (string, error) { return url.PathUnescape(path) }

// lambda follows the Service Authorization Reference, AWS Lambda, and the Developer Guide's "Fine-tuning the Resources and
// Conditions sections of policies": calls that take a qualifier are judged by the qualified ARN where they act on what it
// names (invoking, permissions, URLs), the others by the function's.
var lambda = rowsOf{}.
	each("lambda", anything, "GetAccountSettings", "ListEventSourceMappings", "ListFunctions", "ListLayers", "ListLayerVersions").
	each("lambda", functionARN, "CreateAlias", "DeleteAlias", "DeleteFunction", "DeleteFunctionConcurrency", "DeleteFunctionEventInvokeConfig",
		"GetAlias", "GetFunctionConcurrency", "GetFunctionEventInvokeConfig", "GetFunctionRecursionConfig", "GetPolicy",
		"ListAliases", "ListFunctionEventInvokeConfigs", "ListFunctionUrlConfigs", "ListProvisionedConcurrencyConfigs",
		"ListVersionsByFunction", "PublishVersion", "PutFunctionConcurrency", "PutFunctionEventInvokeConfig", "PutFunctionRecursionConfig",
		"PutRuntimeManagementConfig", "UpdateAlias", "UpdateFunctionEventInvokeConfig").
	each("lambda", qualifiedARN, "DeleteProvisionedConcurrencyConfig", "GetProvisionedConcurrencyConfig", "PutProvisionedConcurrencyConfig",
		"RemovePermission").
	each("lambda", func(c *Call) string { return c.text("Resource", "ResourceArn", "ARN") }, "ListTags", "TagResource", "UntagResource").
	as("lambda:InvokeFunction", qualifiedARN, "Invoke", "InvokeWithResponseStream").
	with("CreateFunction", func(c *Call) ([]Need, error) {
		out := configuring(c, "lambda:CreateFunction")
		if c.tagged() { // Lambda Developer Guide, "Using tags on Lambda functions"
			out = append(out, needs(functionARN(c), "lambda:TagResource")...)
		}
		// Lambda reads the code in the caller's name (Lambda API Reference, FunctionCode).
		out = append(out, reads(members(c.Input, "Code"))...)
		return environment(c, out)
	}).
	with("UpdateFunctionCode", func(c *Call) ([]Need, error) {
		return append(needs(functionARN(c), "lambda:UpdateFunctionCode"), reads(c.Input)...), nil
	}).
	with("UpdateFunctionConfiguration", func(c *Call) ([]Need, error) {
		return environment(c, configuring(c, "lambda:UpdateFunctionConfiguration"))
	}).
	with("GetFunction", reveal).with("GetFunctionConfiguration", reveal).
	with("AddPermission", func(c *Call) ([]Need, error) {
		need := Need{Action: "lambda:AddPermission", Resource: qualifiedARN(c), Context: Context{"lambda:principal": {c.text("Principal")}}}
		if auth := c.text("FunctionUrlAuthType"); auth != "" {
			need.Context.Set("lambda:FunctionUrlAuthType", auth)
		}
		return []Need{need}, nil
	}).
	with("CreateFunctionUrlConfig", urlConfig).with("UpdateFunctionUrlConfig", urlConfig).
	with("GetFunctionUrlConfig", urlConfig).with("DeleteFunctionUrlConfig", urlConfig).
	with("CreateEventSourceMapping", func(c *Call) ([]Need, error) {
		context := Context{"lambda:functionarn": {c.function(c.text("FunctionName"), "")}}
		out := []Need{{Action: "lambda:CreateEventSourceMapping", Resource: "*", Context: context}}
		if c.tagged() {
			// The id is not known before; Lambda judges tags given at creation by any mapping of the account.
			out = append(out, needs(c.arn("lambda", "event-source-mapping:*"), "lambda:TagResource")...)
		}
		return out, nil
	}).
	with("GetEventSourceMapping", ofMapping).with("UpdateEventSourceMapping", ofMapping).with("DeleteEventSourceMapping", ofMapping)

// lambdaURL is a request to a function's URL. Since October 2025 it needs both actions (Lambda Developer Guide, "Control access
// to Lambda function URLs"); lambda:InvokedViaFunctionUrl belongs to the second alone.
var lambdaURL = rowsOf{}.
	with("Invoke", func(c *Call) ([]Need, error) {
		at, err := c.Look(c.text("FunctionUrlId"))
		if err != nil || at.Function == "" {
			return nil, err
		}
		return []Need{
			{Action: "lambda:InvokeFunctionUrl", Resource: at.Function, Context: Context{
				"lambda:functionurlauthtype": {at.AuthType}, "lambda:functionarn": {at.Function},
			}},
			{Action: "lambda:InvokeFunction", Resource: at.Function, Context: Context{"lambda:invokedviafunctionurl": {"true"}}},
		}, nil
	})

// function is the ARN of a function by any of its names: my-function[:qualifier], 123456789012:function:my-function, an ARN.
func (c *Call) function(name, qualifier string) string {
	arn := name
	switch {
	case strings.HasPrefix(name, "arn:"):
	case strings.Contains(name, ":function:"):
		arn = "arn:aws:lambda:" + c.Region + ":" + name
	default:
		arn = c.arn("lambda", "function:"+name)
	}
	if qualifier != "" && strings.Count(arn, ":") == 6 {
		arn += ":" + qualifier
	}
	return arn
}

func qualifiedARN(c *Call) string { return c.function(c.text("FunctionName"), c.text("Qualifier")) }

// functionARN is the function's own ARN, whatever the call's qualifier.
func functionARN(c *Call) string {
	parts := strings.SplitN(c.function(c.text("FunctionName"), ""), ":", 8)
	return strings.Join(parts[:min(len(parts), 7)], ":")
}

// configuring judges a function's configuration and the role that it is given.
func configuring(c *Call, action string) []Need {
	need := Need{Action: action, Resource: functionARN(c), Context: Context{}}
	if layers := c.list("Layers"); len(layers) > 0 {
		need.Context.Set("lambda:Layer", layers...)
	}
	vpc := &Call{Input: members(c.Input, "VpcConfig")}
	if subnets := vpc.list("SubnetIds"); len(subnets) > 0 {
		need.Context.Set("lambda:SubnetIds", subnets...)
		need.Context.Set("lambda:SecurityGroupIds", vpc.list("SecurityGroupIds")...)
	}
	return append([]Need{need}, passRole(c.text("Role"), "lambda.amazonaws.com")...)
}

// reads is what Lambda reads from S3.
func reads(code map[string]any) []Need {
	bucket, _ := code["S3Bucket"].(string)
	key, _ := code["S3Key"].(string)
	if bucket == "" {
		return nil
	}
	action := "s3:GetObject"
	if version, _ := code["S3ObjectVersion"].(string); version != "" {
		action = "s3:GetObjectVersion"
	}
	return needs("arn:aws:s3:::"+bucket+"/"+key, action)
}

// environment adds what encrypting the environment with a customer's key needs (Lambda Developer Guide, "Securing Lambda
// environment variables").
func environment(c *Call, out []Need) ([]Need, error) {
	use, err := c.useKey(c.text("KMSKeyArn"), "lambda", "kms:Encrypt", "kms:CreateGrant")
	return append(out, use...), err
}

// reveal judges reading a function. Without lambda:ListTags the answer lacks the tags (Lambda API Reference, GetFunction), without
// kms:Decrypt the environment.
func reveal(c *Call) ([]Need, error) {
	out := needs(functionARN(c), "lambda:"+c.Operation)
	if c.Operation == "GetFunction" {
		out = append(out, Need{Action: "lambda:ListTags", Resource: functionARN(c), Soft: true})
	}
	function, err := c.Look(functionARN(c))
	if err != nil {
		return nil, err
	}
	use, err := c.useKey(function.KMSKey, "lambda", "kms:Decrypt")
	for i := range use {
		use[i].Soft = true
	}
	return append(out, use...), err
}

func urlConfig(c *Call) ([]Need, error) {
	need := Need{Action: "lambda:" + c.Operation, Resource: qualifiedARN(c), Context: Context{"lambda:functionarn": {qualifiedARN(c)}}}
	if auth := c.text("AuthType"); auth != "" {
		need.Context.Set("lambda:FunctionUrlAuthType", auth)
	}
	return []Need{need}, nil
}

// ofMapping judges a mapping by its ARN, with the function that it invokes.
func ofMapping(c *Call) ([]Need, error) {
	arn := c.arn("lambda", "event-source-mapping:"+c.text("UUID"))
	mapping, err := c.Look(arn)
	if err != nil {
		return nil, err
	}
	function := mapping.Function
	if name := c.text("FunctionName"); name != "" {
		function = c.function(name, "")
	}
	need := Need{Action: "lambda:" + c.Operation, Resource: arn, Context: Context{}}
	if function != "" {
		need.Context.Set("lambda:FunctionArn", function)
	}
	return []Need{need}, nil
}

// scheduler follows the Service Authorization Reference, Amazon EventBridge Scheduler.
var scheduler = rowsOf{}.
	each("scheduler", anything, "ListSchedules", "ListScheduleGroups").
	each("scheduler", scheduleARN, "GetSchedule", "DeleteSchedule").
	each("scheduler", groupARN, "CreateScheduleGroup", "DeleteScheduleGroup", "GetScheduleGroup").
	each("scheduler", func(c *Call) string { return c.text("ResourceArn") }, "ListTagsForResource", "TagResource", "UntagResource").
	with("CreateSchedule", scheduling).with("UpdateSchedule", scheduling)

func scheduleARN(c *Call) string {
	group := c.text("GroupName", "groupName")
	if group == "" {
		group = "default"
	}
	return c.arn("scheduler", "schedule/"+group+"/"+c.text("Name"))
}

func groupARN(c *Call) string { return c.arn("scheduler", "schedule-group/"+c.text("Name")) }

func scheduling(c *Call) ([]Need, error) {
	role, _ := members(c.Input, "Target")["RoleArn"].(string)
	return append(needs(scheduleARN(c), "scheduler:"+c.Operation), passRole(role, "scheduler.amazonaws.com")...), nil
}
