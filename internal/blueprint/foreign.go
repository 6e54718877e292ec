package blueprint

import "strings"

// What a function may do with what is no part of its system, and is given by its
// ARN. Where a customer's KMS key encrypts it, UseKeys grants that too.

// SendTo grants sending messages to a queue, and finding its URL.
func SendTo(queue string) []Grant {
	return []Grant{{Actions: []string{"sqs:SendMessage", "sqs:GetQueueUrl"}, Resources: []string{queue}}}
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

// UseKeys grants reading and writing what KMS keys encrypt; nothing without keys.
func UseKeys(keys ...string) []Grant {
	if len(keys) == 0 {
		return nil
	}
	return []Grant{{Actions: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resources: keys}}
}
