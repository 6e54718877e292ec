package permission

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestNeeds looks at rows that no call of the tests makes. Those that are special are tried through the real SDK beside the gate.
func TestNeeds(t *testing.T) {
	const (
		in  = "eu-central-1:123456789012:"
		key = "arn:aws:kms:" + in + "key/1234"
	)
	looked := map[string]Resource{
		"arn:aws:kms:" + in + "alias/votes":               {ARN: key},
		"arn:aws:sqs:" + in + "sealed":                    {KMSKey: "alias/votes"},
		"arn:aws:sqs:" + in + "managed":                   {KMSKey: "alias/aws/sqs"},
		"arn:aws:iam::123456789012:user/anna":             {ARN: userARN, Boundary: "arn:aws:iam::123456789012:policy/limit"},
		"arn:aws:lambda:" + in + "function:intake":        {KMSKey: key},
		"arn:aws:lambda:" + in + "event-source-mapping:u": {Function: "arn:aws:lambda:" + in + "function:recorder:live"},
		"arn:aws:ssm:" + in + "parameter/sealed":          {KMSKey: key},
		"abc":                                             {Function: "arn:aws:lambda:" + in + "function:intake:live", AuthType: "NONE"},
	}
	for name, c := range map[string]struct {
		service, operation string
		input              map[string]any
		header             http.Header
		want               []string
	}{
		"alias of a key":          {"sqs", "ReceiveMessage", map[string]any{"QueueUrl": "https://sqs/123456789012/sealed"}, nil, []string{"sqs:ReceiveMessage arn:aws:sqs:" + in + "sealed", "kms:Decrypt " + key}},
		"AWS's own key":           {"sqs", "ReceiveMessage", map[string]any{"QueueUrl": "https://sqs/123456789012/managed"}, nil, []string{"sqs:ReceiveMessage arn:aws:sqs:" + in + "managed"}},
		"queue of another":        {"sqs", "GetQueueUrl", map[string]any{"QueueName": "votes", "QueueOwnerAWSAccountId": "210987654321"}, nil, []string{"sqs:GetQueueUrl arn:aws:sqs:eu-central-1:210987654321:votes"}},
		"key by id":               {"kms", "Decrypt", map[string]any{"KeyId": "1234"}, nil, []string{"kms:Decrypt " + key}},
		"key by alias":            {"kms", "Sign", map[string]any{"KeyId": "alias/votes"}, nil, []string{"kms:Sign " + key}},
		"alias":                   {"kms", "CreateAlias", map[string]any{"AliasName": "alias/new", "TargetKeyId": "1234"}, nil, []string{"kms:CreateAlias arn:aws:kms:" + in + "alias/new", "kms:CreateAlias " + key}},
		"topic":                   {"sns", "PublishBatch", map[string]any{"TopicArn": "arn:aws:sns:" + in + "night"}, nil, []string{"sns:Publish arn:aws:sns:" + in + "night"}},
		"topic with tags":         {"sns", "CreateTopic", map[string]any{"Name": "night", "Tags.member.1.Key": "a", "Tags.member.1.Value": "b"}, nil, []string{"sns:CreateTopic arn:aws:sns:" + in + "night", "sns:TagResource arn:aws:sns:" + in + "night"}},
		"stream by name":          {"kinesis", "PutRecords", map[string]any{"StreamName": "clicks"}, nil, []string{"kinesis:PutRecords arn:aws:kinesis:" + in + "stream/clicks"}},
		"stream by iterator":      {"kinesis", "GetRecords", map[string]any{"ShardIterator": "given"}, nil, []string{"kinesis:GetRecords arn:aws:kinesis:" + in + "stream/iterated"}},
		"events of two buses":     {"events", "PutEvents", map[string]any{"Entries": []any{map[string]any{}, map[string]any{"EventBusName": "mine"}, map[string]any{"EventBusName": "default"}}}, nil, []string{"events:PutEvents arn:aws:events:" + in + "event-bus/default", "events:PutEvents arn:aws:events:" + in + "event-bus/mine"}},
		"rule of a bus":           {"events", "PutTargets", map[string]any{"Rule": "r", "EventBusName": "mine", "Targets": []any{map[string]any{"RoleArn": "arn:aws:iam::123456789012:role/r"}}}, nil, []string{"events:PutTargets arn:aws:events:" + in + "rule/mine/r", "iam:PassRole arn:aws:iam::123456789012:role/r"}},
		"route of an API":         {"apigatewayv2", "CreateRoute", nil, nil, []string{"apigateway:POST arn:aws:apigateway:eu-central-1::/apis/a/routes"}},
		"distribution":            {"cloudfront", "GetDistribution", map[string]any{"Id": "E1"}, nil, []string{"cloudfront:GetDistribution arn:aws:cloudfront::123456789012:distribution/E1"}},
		"distribution with tags":  {"cloudfront", "CreateDistributionWithTags", nil, nil, []string{"cloudfront:CreateDistribution *", "cloudfront:TagResource *"}},
		"quota":                   {"service-quotas", "GetServiceQuota", map[string]any{"ServiceCode": "lambda", "QuotaCode": "L-1"}, nil, []string{"servicequotas:GetServiceQuota arn:aws:servicequotas:" + in + "lambda/L-1"}},
		"user with a path":        {"iam", "AttachUserPolicy", map[string]any{"UserName": "anna", "PolicyArn": "p"}, nil, []string{"iam:AttachUserPolicy " + userARN}},
		"sealed function":         {"lambda", "GetFunction", map[string]any{"FunctionName": "intake", "Qualifier": "live"}, nil, []string{"lambda:GetFunction arn:aws:lambda:" + in + "function:intake", "soft lambda:ListTags arn:aws:lambda:" + in + "function:intake", "soft kms:Decrypt " + key}},
		"function by partial ARN": {"lambda", "Invoke", map[string]any{"FunctionName": "210987654321:function:intake:7"}, nil, []string{"lambda:InvokeFunction arn:aws:lambda:eu-central-1:210987654321:function:intake:7"}},
		"function's URL":          {"lambda-url", "Invoke", map[string]any{"FunctionUrlId": "abc"}, nil, []string{"lambda:InvokeFunctionUrl arn:aws:lambda:" + in + "function:intake:live", "lambda:InvokeFunction arn:aws:lambda:" + in + "function:intake:live"}},
		"no such URL":             {"lambda-url", "Invoke", map[string]any{"FunctionUrlId": "xyz"}, nil, nil},
		"mapping":                 {"lambda", "DeleteEventSourceMapping", map[string]any{"UUID": "u"}, nil, []string{"lambda:DeleteEventSourceMapping arn:aws:lambda:" + in + "event-source-mapping:u"}},
		"part of an upload":       {"s3", "UploadPart", map[string]any{"Bucket": "b", "Key": "k"}, http.Header{"X-Amz-Server-Side-Encryption": {"aws:kms"}, "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": {key}}, []string{"s3:PutObject arn:aws:s3:::b/k", "kms:GenerateDataKey " + key, "kms:Decrypt " + key}},
		"key with tags":           {"kms", "CreateKey", map[string]any{"Tags": []any{map[string]any{"TagKey": "a", "TagValue": "b"}}}, nil, []string{"kms:CreateKey *", "kms:TagResource arn:aws:kms:" + in + "key/*"}},
		"key without tags":        {"kms", "CreateKey", nil, nil, []string{"kms:CreateKey *"}},
		"parameter as it is":      {"ssm", "GetParameter", map[string]any{"Name": "/sealed"}, nil, []string{"ssm:GetParameter arn:aws:ssm:" + in + "parameter/sealed"}},
		"decrypted parameter":     {"ssm", "GetParameter", map[string]any{"Name": "/sealed", "WithDecryption": true}, nil, []string{"ssm:GetParameter arn:aws:ssm:" + in + "parameter/sealed", "kms:Decrypt " + key}},
		"secret parameter":        {"ssm", "PutParameter", map[string]any{"Name": "s", "Type": "SecureString", "KeyId": key, "Tier": "Advanced"}, nil, []string{"ssm:PutParameter arn:aws:ssm:" + in + "parameter/s", "kms:GenerateDataKey " + key}},
		"who am I":                {"sts", "GetCallerIdentity", nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			input := map[string]any{}
			for member, value := range c.input {
				input[member] = value
			}
			got, err := Needs(&Call{
				Service: c.service, Operation: c.operation, Region: "eu-central-1", Account: account, Method: http.MethodPost, Path: "/v2/apis/a/routes",
				Input: input, Header: c.header,
				Look:     func(arn string) (Resource, error) { return looked[arn], nil },
				Iterated: func(string) string { return "arn:aws:kinesis:" + in + "stream/iterated" },
			})
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, need := range got {
				text := need.Action + " " + need.Resource
				if need.Soft {
					text = "soft " + text
				}
				texts = append(texts, text)
			}
			if !slices.Equal(texts, c.want) {
				t.Errorf("needs\n%s\nwant\n%s", strings.Join(texts, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestContextOfNeeds(t *testing.T) {
	needs, err := Needs(&Call{
		Service: "iam", Operation: "PutUserPolicy", Account: account, Input: map[string]any{"UserName": "anna"},
		Look: func(string) (Resource, error) { return Resource{ARN: userARN, Boundary: "limit"}, nil },
	})
	if err != nil || needs[0].Context["iam:permissionsboundary"][0] != "limit" {
		t.Errorf("the boundary that a user has is %+v (%v)", needs, err)
	}
	needs, err = Needs(&Call{
		Service: "lambda", Operation: "UntagResource", Account: account, Input: map[string]any{"Resource": "r", "tagKeys": []any{"b", "a"}},
	})
	if err != nil || !slices.Equal(needs[0].Context["aws:tagkeys"], []string{"a", "b"}) {
		t.Errorf("the keys of removed tags are %+v (%v)", needs, err)
	}
}

func TestTagsOfXML(t *testing.T) {
	const edge = `<R xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Name>gate</Name><Tags><Items><Tag><Key>sale</Key><Value>semi</Value></Tag></Items></Tags></R>`
	for name, c := range map[string]struct {
		service, operation, body string
		want                     []string
	}{
		"edge function":        {"cloudfront", "CreateFunction", edge, []string{"cloudfront:CreateFunction *", "cloudfront:TagResource arn:aws:cloudfront::123456789012:function/gate"}},
		"edge function, plain": {"cloudfront", "CreateFunction", "<R><Name>gate</Name></R>", []string{"cloudfront:CreateFunction *"}},
		"key value store":      {"cloudfront", "CreateKeyValueStore", edge, []string{"cloudfront:CreateKeyValueStore *", "cloudfront:TagResource arn:aws:cloudfront::123456789012:key-value-store/*"}},
		"bucket":               {"s3", "CreateBucket", "<R><Tags><Tag><Key>sale</Key><Value>semi</Value></Tag></Tags></R>", []string{"s3:CreateBucket arn:aws:s3:::pages", "s3:TagResource arn:aws:s3:::pages"}},
	} {
		call := &Call{Service: c.service, Operation: c.operation, Account: account, Input: map[string]any{"Bucket": "pages"}, Body: []byte(c.body)}
		needs, err := Needs(call)
		var texts []string
		for _, need := range needs {
			texts = append(texts, need.Action+" "+need.Resource)
		}
		if err != nil || !slices.Equal(texts, c.want) {
			t.Errorf("%s: needs %v (%v), want %v", name, texts, err, c.want)
		}
	}
}

func TestUnknownOperation(t *testing.T) {
	_, err := Needs(&Call{Service: "sqs", Operation: "EatMessage"})
	if !errors.Is(err, ErrUnknown) || Known("sqs", "EatMessage") || !Known("sqs", "SendMessage") || !Known("apigatewayv2", "CreateApi") {
		t.Errorf("an operation that is not in the table gave %v", err)
	}
}
