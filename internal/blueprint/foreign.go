package blueprint

import "strings"

// What a function may do with what is no part of its system, and is given by its
// ARN. Where a customer's KMS key encrypts it, UseKeys grants that too.

// SendTo grants sending messages to a queue, and finding its URL.
func SendTo(queue string) []Grant {
	return []Grant{{Actions: []string{"sqs:SendMessage", "sqs:GetQueueUrl"}, Resources: []string{queue}}}
}

// PublishTo grants publishing messages to a topic.
func PublishTo(topic string) []Grant {
	return []Grant{{Actions: []string{"sns:Publish"}, Resources: []string{topic}}}
}

// GetFrom grants reading single items of a table.
func GetFrom(table string) []Grant {
	return []Grant{{Actions: []string{"dynamodb:GetItem"}, Resources: []string{table}}}
}

// ReadReference grants reading a parameter of Systems Manager or a secret of
// Secrets Manager.
func ReadReference(arn string) []Grant {
	action := "ssm:GetParameter"
	if strings.Contains(arn, ":secretsmanager:") {
		action = "secretsmanager:GetSecretValue"
	}
	return []Grant{{Actions: []string{action}, Resources: []string{arn}}}
}

// ListObjects grants listing what is in a bucket below a prefix (S3 User Guide,
// "Bucket policy examples using condition keys", s3:prefix).
func ListObjects(bucket, prefix string) []Grant {
	list := Grant{Actions: []string{"s3:ListBucket"}, Resources: []string{bucket}}
	if prefix != "" {
		list.Condition = Condition{"StringLike": {"s3:prefix": {prefix + "*"}}}
	}
	return []Grant{list}
}

// ReadObjects grants reading what is in a bucket below a prefix, with the KMS key
// that encrypts it, empty for none.
func ReadObjects(bucket, prefix, key string) []Grant {
	return append([]Grant{{Actions: []string{"s3:GetObject"}, Resources: []string{bucket + "/" + prefix + "*"}}}, useKey(key, "kms:Decrypt")...)
}

// BucketARN is the ARN of a bucket that is no part of the system.
func BucketARN(name string) string { return "arn:" + Partition() + ":s3:::" + name }

// UseKeys grants reading and writing what KMS keys encrypt; nothing without keys.
func UseKeys(keys ...string) []Grant {
	if len(keys) == 0 {
		return nil
	}
	return []Grant{{Actions: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resources: keys}}
}
