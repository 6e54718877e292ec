package permission

import "strings"

// sqs follows the Service Authorization Reference, Amazon SQS; batches are judged by the action of a single message (Amazon
// SQS Developer Guide, "Amazon SQS API permissions").
var sqs = rowsOf{}.
	each("sqs", anything, "ListQueues").
	each("sqs", queueARN, "AddPermission", "CancelMessageMoveTask", "ChangeMessageVisibility", "DeleteMessage", "DeleteQueue",
		"GetQueueAttributes", "GetQueueUrl", "ListDeadLetterSourceQueues", "ListMessageMoveTasks", "ListQueueTags", "PurgeQueue",
		"RemovePermission", "SetQueueAttributes", "StartMessageMoveTask", "TagQueue", "UntagQueue").
	as("sqs:ChangeMessageVisibility", queueARN, "ChangeMessageVisibilityBatch").
	as("sqs:DeleteMessage", queueARN, "DeleteMessageBatch").
	with("CreateQueue", func(c *Call) ([]Need, error) {
		out := needs(queueARN(c), "sqs:CreateQueue")
		if c.tagged() { // Amazon SQS API Reference, CreateQueue: tags at creation need sqs:TagQueue
			out = append(out, needs(queueARN(c), "sqs:TagQueue")...)
		}
		return out, nil
	}).
	// Amazon SQS Developer Guide, "Encryption at rest: configuring KMS permissions": producers and consumers.
	with("SendMessage", sending).with("SendMessageBatch", sending).
	with("ReceiveMessage", func(c *Call) ([]Need, error) {
		return c.inUse(needs(queueARN(c), "sqs:ReceiveMessage"), queueARN(c), "sqs", "kms:Decrypt")
	})

func sending(c *Call) ([]Need, error) {
	return c.inUse(needs(queueARN(c), "sqs:SendMessage"), queueARN(c), "sqs", "kms:GenerateDataKey", "kms:Decrypt")
}

// queueARN is told by the URL, whose last parts are account and name, or by the name or ARN that the call gives.
func queueARN(c *Call) string {
	if arn := c.text("SourceArn"); arn != "" {
		return arn
	}
	account, name := c.Account, c.text("QueueName")
	if owner := c.text("QueueOwnerAWSAccountId"); owner != "" {
		account = owner
	}
	if url := c.text("QueueUrl"); url != "" {
		name = lastPart(url, "/")
		if owner := lastPart(strings.TrimSuffix(url, "/"+name), "/"); len(owner) == len("123456789012") {
			account = owner
		}
	}
	return "arn:aws:sqs:" + c.Region + ":" + account + ":" + name
}

// sns follows the Service Authorization Reference, Amazon SNS.
var sns = rowsOf{}.
	each("sns", anything, "ListTopics", "ListSubscriptions", "Unsubscribe", "GetSubscriptionAttributes", "SetSubscriptionAttributes").
	each("sns", topicARN, "AddPermission", "ConfirmSubscription", "DeleteTopic", "GetTopicAttributes", "ListSubscriptionsByTopic",
		"ListTagsForResource", "Publish", "RemovePermission", "SetTopicAttributes", "Subscribe", "TagResource", "UntagResource").
	as("sns:Publish", topicARN, "PublishBatch").
	with("CreateTopic", func(c *Call) ([]Need, error) {
		arn := c.arn("sns", c.text("Name"))
		if c.tagged() { // Amazon SNS API Reference, CreateTopic
			return needs(arn, "sns:CreateTopic", "sns:TagResource"), nil
		}
		return needs(arn, "sns:CreateTopic"), nil
	})

func topicARN(c *Call) string { return c.text("TopicArn", "TargetArn", "ResourceArn") }

// kinesis follows the Service Authorization Reference, Amazon Kinesis Data Streams.
var kinesis = rowsOf{}.
	each("kinesis", anything, "ListStreams", "DescribeLimits", "UpdateShardCount", "UpdateStreamMode", "EnableEnhancedMonitoring",
		"DisableEnhancedMonitoring").
	with("CreateStream", func(c *Call) ([]Need, error) {
		if c.tagged() { // Kinesis Data Streams API Reference, CreateStream: tags at creation need kinesis:AddTagsToStream
			return needs(streamARN(c), "kinesis:CreateStream", "kinesis:AddTagsToStream"), nil
		}
		return needs(streamARN(c), "kinesis:CreateStream"), nil
	}).
	each("kinesis", streamARN, "AddTagsToStream", "DecreaseStreamRetentionPeriod", "DeleteStream", "DescribeStream",
		"DescribeStreamSummary", "GetRecords", "GetShardIterator", "IncreaseStreamRetentionPeriod", "ListShards", "ListStreamConsumers",
		"ListTagsForResource", "ListTagsForStream", "MergeShards", "PutRecord", "PutRecords", "RegisterStreamConsumer",
		"RemoveTagsFromStream", "SplitShard", "StartStreamEncryption", "StopStreamEncryption", "TagResource", "UntagResource")

func streamARN(c *Call) string {
	if arn := c.text("StreamARN", "ResourceARN"); arn != "" {
		return arn
	}
	if name := c.text("StreamName"); name != "" {
		return c.arn("kinesis", "stream/"+name)
	}
	return c.Iterated(c.text("ShardIterator", "NextToken"))
}

// eventBridge follows the Service Authorization Reference, Amazon EventBridge.
var eventBridge = rowsOf{}.
	each("events", anything, "ListEventBuses", "ListRules", "ListRuleNamesByTarget", "PutPermission", "RemovePermission", "TestEventPattern").
	each("events", busARN, "CreateEventBus", "DeleteEventBus", "DescribeEventBus", "UpdateEventBus").
	each("events", ruleARN, "DeleteRule", "DescribeRule", "DisableRule", "EnableRule", "ListTargetsByRule", "RemoveTargets").
	each("events", func(c *Call) string { return c.text("ResourceARN") }, "ListTagsForResource", "TagResource", "UntagResource").
	with("PutEvents", func(c *Call) ([]Need, error) {
		var out []Need
		entries, _ := c.Input["Entries"].([]any)
		for _, entry := range entries {
			bus, _ := members(map[string]any{"entry": entry}, "entry")["EventBusName"].(string)
			out = append(out, Need{Action: "events:PutEvents", Resource: c.bus(bus)})
		}
		return distinct(out), nil
	}).
	with("PutRule", func(c *Call) ([]Need, error) {
		out := needs(ruleARN(c), "events:PutRule")
		if c.tagged() {
			out = append(out, needs(ruleARN(c), "events:TagResource")...)
		}
		return append(out, passRole(c.text("RoleArn"), "events.amazonaws.com")...), nil
	}).
	with("PutTargets", func(c *Call) ([]Need, error) {
		out := needs(ruleARN(c), "events:PutTargets")
		targets, _ := c.Input["Targets"].([]any)
		for _, target := range targets {
			role, _ := members(map[string]any{"target": target}, "target")["RoleArn"].(string)
			out = append(out, passRole(role, "events.amazonaws.com")...)
		}
		return distinct(out), nil
	})

func (c *Call) bus(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	if name == "" {
		name = "default"
	}
	return c.arn("events", "event-bus/"+name)
}

func busARN(c *Call) string { return c.bus(c.text("Name")) }

func ruleARN(c *Call) string {
	name, bus := c.text("Name", "Rule"), lastPart(c.text("EventBusName"), "/")
	if bus != "" && bus != "default" {
		name = bus + "/" + name
	}
	return c.arn("events", "rule/"+name)
}

// distinct leaves out needs that are there already.
func distinct(all []Need) []Need {
	var out []Need
	seen := map[[2]string]bool{}
	for _, n := range all {
		if key := [2]string{n.Action, n.Resource}; !seen[key] {
			seen[key] = true
			out = append(out, n)
		}
	}
	return out
}
