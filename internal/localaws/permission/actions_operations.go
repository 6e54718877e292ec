package permission

import "strings"

// cloudWatch follows the Service Authorization Reference, Amazon CloudWatch. Which alarms a list returns cannot be narrowed: it is
// judged by all of them (CloudWatch User Guide, "CloudWatch permissions reference").
var cloudWatch = rowsOf{}.
	each("cloudwatch", anything, "DescribeAlarmsForMetric", "GetMetricData", "GetMetricStatistics", "GetMetricWidgetImage", "ListDashboards", "ListMetrics").
	each("cloudwatch", func(c *Call) string { return c.arn("cloudwatch", "alarm:*") }, "DescribeAlarms").
	each("cloudwatch", func(c *Call) string {
		if name := c.text("AlarmName"); name != "" {
			return c.arn("cloudwatch", "alarm:"+name)
		}
		return c.arn("cloudwatch", "alarm:*")
	}, "DescribeAlarmHistory", "SetAlarmState").
	each("cloudwatch", func(c *Call) string { return c.text("ResourceARN") }, "ListTagsForResource", "TagResource", "UntagResource").
	onAlarms("DeleteAlarms").onAlarms("DisableAlarmActions").onAlarms("EnableAlarmActions").
	with("PutMetricAlarm", putAlarm).with("PutCompositeAlarm", putAlarm).
	with("PutMetricData", func(c *Call) ([]Need, error) {
		return []Need{{Action: "cloudwatch:PutMetricData", Resource: "*", Context: Context{"cloudwatch:namespace": {c.text("Namespace")}}}}, nil
	}).
	with("GetDashboard", dashboards).with("PutDashboard", dashboards).with("DeleteDashboards", dashboards)

// onAlarms judges every alarm that the call names.
func (rows rowsOf) onAlarms(operation string) rowsOf {
	rows[operation] = func(c *Call) ([]Need, error) {
		var out []Need
		for _, name := range c.list("AlarmNames") {
			out = append(out, Need{Action: "cloudwatch:" + operation, Resource: c.arn("cloudwatch", "alarm:"+name)})
		}
		return out, nil
	}
	return rows
}

// putAlarm needs cloudwatch:TagResource for tags (CloudWatch API Reference, PutMetricAlarm).
func putAlarm(c *Call) ([]Need, error) {
	arn := c.arn("cloudwatch", "alarm:"+c.text("AlarmName"))
	need := Need{Action: "cloudwatch:" + c.Operation, Resource: arn, Context: Context{}}
	if actions := c.list("AlarmActions"); len(actions) > 0 {
		need.Context.Set("cloudwatch:AlarmActions", actions...)
	}
	out := []Need{need}
	if c.tagged() {
		out = append(out, needs(arn, "cloudwatch:TagResource")...)
	}
	return out, nil
}

// dashboards have no region.
func dashboards(c *Call) ([]Need, error) {
	names := c.list("DashboardNames")
	if name := c.text("DashboardName"); name != "" {
		names = append(names, name)
	}
	var out []Need
	for _, name := range names {
		out = append(out, Need{Action: "cloudwatch:" + c.Operation, Resource: "arn:aws:cloudwatch::" + c.Account + ":dashboard/" + name})
	}
	return out, nil
}

// logs follows the Service Authorization Reference, Amazon CloudWatch Logs. Tags are judged by the group's ARN, all else by that
// with ":*" behind it (CloudWatch Logs API Reference, LogGroup, "arn" and "logGroupArn").
var logs = rowsOf{}.
	each("logs", anything, "DescribeLogGroups", "DescribeResourcePolicies", "DescribeQueries", "DescribeQueryDefinitions", "StopQuery",
		"PutResourcePolicy", "DeleteResourcePolicy", "TestMetricFilter").
	each("logs", groupLogsARN, "AssociateKmsKey", "CreateExportTask", "DeleteLogGroup", "DeleteMetricFilter", "DeleteRetentionPolicy",
		"DeleteSubscriptionFilter", "DescribeLogStreams", "DescribeMetricFilters", "DescribeSubscriptionFilters", "DisassociateKmsKey",
		"FilterLogEvents", "GetLogGroupFields", "GetQueryResults", "PutMetricFilter", "PutRetentionPolicy", "StartQuery").
	each("logs", func(c *Call) string { return strings.TrimSuffix(c.text("resourceArn"), ":*") }, "ListTagsForResource", "TagResource", "UntagResource").
	each("logs", streamLogsARN, "CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents").
	with("CreateLogGroup", func(c *Call) ([]Need, error) {
		out := needs(groupLogsARN(c), "logs:CreateLogGroup")
		if c.tagged() { // CloudWatch Logs API Reference, CreateLogGroup, "tags"
			out = append(out, needs(strings.TrimSuffix(groupLogsARN(c), ":*"), "logs:TagResource")...)
		}
		return out, nil
	}).
	with("PutSubscriptionFilter", func(c *Call) ([]Need, error) {
		return append(needs(groupLogsARN(c), "logs:PutSubscriptionFilter"), passRole(c.text("roleArn"), "logs.amazonaws.com")...), nil
	})

func groupLogsARN(c *Call) string {
	group := c.text("logGroupName", "logGroupIdentifier")
	if strings.HasPrefix(group, "arn:") {
		return strings.TrimSuffix(group, ":*") + ":*"
	}
	return c.arn("logs", "log-group:"+group+":*")
}

func streamLogsARN(c *Call) string {
	return strings.TrimSuffix(groupLogsARN(c), "*") + "log-stream:" + c.text("logStreamName")
}

// ssm follows the Service Authorization Reference, AWS Systems Manager.
var ssm = rowsOf{}.
	each("ssm", anything, "DescribeParameters").
	each("ssm", func(c *Call) string { return c.parameter(c.text("Name")) }, "DeleteParameter", "GetParameterHistory", "LabelParameterVersion",
		"UnlabelParameterVersion").
	with("GetParameter", func(c *Call) ([]Need, error) {
		arn := c.parameter(c.text("Name"))
		if decrypt, _ := c.Input["WithDecryption"].(bool); !decrypt {
			return needs(arn, "ssm:GetParameter"), nil
		}
		// KMS Developer Guide, "How AWS Systems Manager Parameter Store uses AWS KMS".
		return c.inUse(needs(arn, "ssm:GetParameter"), arn, "ssm", "kms:Decrypt")
	}).
	// A path is judged as it is given, as if it were a parameter (Systems Manager User Guide, "Restricting access to parameters").
	each("ssm", func(c *Call) string { return c.parameter(c.text("Path")) }, "GetParametersByPath").
	each("ssm", func(c *Call) string { return c.parameter(c.text("ResourceId")) }, "AddTagsToResource", "ListTagsForResource", "RemoveTagsFromResource").
	with("GetParameters", parameters).with("DeleteParameters", parameters).
	with("PutParameter", func(c *Call) ([]Need, error) {
		arn := c.parameter(c.text("Name"))
		out := needs(arn, "ssm:PutParameter")
		if c.tagged() { // Systems Manager API Reference, PutParameter, "Tags"
			out = append(out, needs(arn, "ssm:AddTagsToResource")...)
		}
		if c.text("Type") != "SecureString" {
			return out, nil
		}
		// KMS Developer Guide, "How AWS Systems Manager Parameter Store uses AWS KMS": by tier.
		action := "kms:Encrypt"
		if c.text("Tier") == "Advanced" {
			action = "kms:GenerateDataKey"
		}
		use, err := c.useKey(c.text("KeyId"), "ssm", action)
		return append(out, use...), err
	})

// parameter is a parameter's ARN; a name's leading slash is the ARN's own.
func (c *Call) parameter(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return c.arn("ssm", "parameter/"+strings.TrimPrefix(name, "/"))
}

func parameters(c *Call) ([]Need, error) {
	var out []Need
	for _, name := range c.list("Names") {
		out = append(out, Need{Action: "ssm:" + c.Operation, Resource: c.parameter(name)})
	}
	return out, nil
}

// serviceQuotas follows the Service Authorization Reference, Service Quotas.
var serviceQuotas = rowsOf{}.
	each("servicequotas", anything, "GetAWSDefaultServiceQuota", "ListAWSDefaultServiceQuotas", "ListServiceQuotas", "ListServices").
	each("servicequotas", func(c *Call) string { return c.arn("servicequotas", c.text("ServiceCode")+"/"+c.text("QuotaCode")) },
		"GetServiceQuota", "RequestServiceQuotaIncrease")

// apiGateway has no rows: every call is judged by its method on its path (Service Authorization Reference, Amazon API Gateway
// Management V2).
var apiGateway = rowsOf{}

func apiGatewayCall(c *Call) ([]Need, error) {
	return needs("arn:aws:apigateway:"+c.Region+"::"+strings.TrimPrefix(c.Path, "/v2"), "apigateway:"+c.Method), nil
}

// cloudFront follows the Service Authorization Reference, Amazon CloudFront, which is global.
var cloudFront = rowsOf{}.
	each("cloudfront", anything, "CreateCachePolicy", "CreateKeyGroup", "CreateOriginAccessControl", "CreateOriginRequestPolicy",
		"CreatePublicKey", "CreateResponseHeadersPolicy", "GetKeyGroup", "GetPublicKey", "ListCachePolicies", "ListDistributions",
		"ListFunctions", "ListKeyGroups", "ListKeyValueStores", "ListOriginAccessControls", "ListPublicKeys", "ListResponseHeadersPolicies", "UpdateKeyGroup", "UpdatePublicKey").
	with("CreateDistribution", func(*Call) ([]Need, error) { return needs("*", "cloudfront:CreateDistribution"), nil }).
	// Tags at creation need both (CloudFront Developer Guide, "Tagging a distribution").
	with("CreateDistributionWithTags", func(*Call) ([]Need, error) {
		return needs("*", "cloudfront:CreateDistribution", "cloudfront:TagResource"), nil
	}).
	each("cloudfront", ofCloudFront("distribution", "Id", "DistributionId"), "CreateInvalidation", "DeleteDistribution", "GetDistribution", "GetDistributionConfig",
		"GetInvalidation", "ListInvalidations", "UpdateDistribution").
	each("cloudfront", ofCloudFront("function", "Name"), "DeleteFunction", "DescribeFunction", "GetFunction", "PublishFunction", "TestFunction", "UpdateFunction").
	with("CreateFunction", atEdge("CreateFunction", ofCloudFront("function", "Name"))).
	// By an id that the request does not have.
	with("CreateKeyValueStore", atEdge("CreateKeyValueStore", func(c *Call) string { return "arn:aws:cloudfront::" + c.Account + ":key-value-store/*" })).
	// By their ids, which the request does not have: policies say "*".
	each("cloudfront", ofCloudFront("key-value-store", "Name"), "DeleteKeyValueStore", "DescribeKeyValueStore", "UpdateKeyValueStore").
	each("cloudfront", ofCloudFront("origin-access-control", "Id"), "DeleteOriginAccessControl", "GetOriginAccessControl", "UpdateOriginAccessControl").
	each("cloudfront", ofCloudFront("cache-policy", "Id"), "DeleteCachePolicy", "GetCachePolicy", "UpdateCachePolicy").
	each("cloudfront", ofCloudFront("response-headers-policy", "Id"), "DeleteResponseHeadersPolicy", "GetResponseHeadersPolicy", "UpdateResponseHeadersPolicy").
	each("cloudfront", func(c *Call) string { return c.text("Resource") }, "ListTagsForResource", "TagResource", "UntagResource")

// keyValues follows the Service Authorization Reference, Amazon CloudFront KeyValueStore.
var keyValues = rowsOf{}.
	each("cloudfront-keyvaluestore", func(c *Call) string { return c.text("KvsARN") },
		"DeleteKey", "DescribeKeyValueStore", "GetKey", "ListKeys", "PutKey", "UpdateKeys")

// atEdge makes what is narrowed to no resource, and tags it.
func atEdge(create string, made func(*Call) string) func(*Call) ([]Need, error) {
	return func(c *Call) ([]Need, error) {
		if err := c.readBody(); err != nil {
			return nil, err
		}
		out := needs("*", "cloudfront:"+create)
		if c.tagged() {
			out = append(out, needs(made(c), "cloudfront:TagResource")...)
		}
		return out, nil
	}
}

func ofCloudFront(kind string, members ...string) func(c *Call) string {
	return func(c *Call) string {
		return "arn:aws:cloudfront::" + c.Account + ":" + kind + "/" + c.text(members...)
	}
}
