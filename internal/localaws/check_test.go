package localaws

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/google/go-cmp/cmp"
)

func unsigned(method, address, body string) *http.Request {
	return httptest.NewRequestWithContext(context.Background(), method, address, strings.NewReader(body))
}

// request is one as a client signs it for a service.
func request(service, method, path, body string) *http.Request {
	r := unsigned(method, "http://localhost"+path, body)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/"+testRegion+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	return r
}

func jsonRequest(service, target, body string) *http.Request {
	r := request(service, http.MethodPost, "/", body)
	r.Header.Set("X-Amz-Target", target)
	return r
}

func formRequest(service string, fields ...string) *http.Request {
	form := url.Values{}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, "=")
		form.Add(name, value)
	}
	r := request(service, http.MethodPost, "/", form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func cborRequest(operation string, body cbor.Map) *http.Request {
	return request("monitoring", http.MethodPost, "/service/GraniteServiceVersion20100801/operation/"+operation, string(cbor.Encode(body)))
}

func withHeader(r *http.Request, name, value string) *http.Request {
	r.Header.Set(name, value)
	return r
}

// judged is what the check says of a request.
func judged(t *testing.T, r *http.Request) (code string, problems []string) {
	t.Helper()
	models := local.Gate().Models()
	body := must[[]byte](t)(peek(r))
	e, problems := (&Check{models: models}).judge(identify(models, r, body, time.Unix(0, 0)), r)
	return e.code, problems
}

// alarm is a request for one, with members of its own or instead.
func alarm(members cbor.Map) cbor.Map {
	all := cbor.Map{"AlarmName": cbor.String("a"), "EvaluationPeriods": cbor.Uint(1), "ComparisonOperator": cbor.String("GreaterThanThreshold")}
	for name, value := range members {
		if value == nil {
			delete(all, name)
		} else {
			all[name] = value
		}
	}
	return all
}

const (
	sqsCreate   = "AmazonSQS.CreateQueue"
	sqsSend     = "AmazonSQS.SendMessage"
	putItem     = "DynamoDB_20120810.PutItem"
	createTable = "DynamoDB_20120810.CreateTable"
	functions   = "/2015-03-31/functions"
	codeAndRole = `"Code":{"ZipFile":"AAAA"},"Role":"arn:aws:iam::123456789012:role/r"`
	lifecycle   = `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule>%s</Rule></LifecycleConfiguration>`
)

func TestCheckFindsWhatAWSRefuses(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for name, c := range map[string]struct {
		request  *http.Request
		code     string
		problems []string
	}{
		// A case per rule.
		"a required member is missing": {jsonRequest("sqs", sqsCreate, `{}`), "InvalidParameterValue",
			[]string{"Value null at 'queueName' failed to satisfy constraint: Member must not be null"}},
		"a required member is null": {jsonRequest("sqs", sqsSend, `{"QueueUrl":"u","MessageBody":null}`), "InvalidParameterValue",
			[]string{"Value null at 'messageBody' failed to satisfy constraint: Member must not be null"}},
		"a member is misspelt": {jsonRequest("sqs", sqsSend, `{"QueueUrl":"u","MessageBody":"b","DelaySecond":1}`), "InvalidParameterValue",
			[]string{"SendMessage has no member 'DelaySecond'"}},
		"a nested member is misspelt": {request("lambda", "POST", functions, `{"FunctionName":"f",`+codeAndRole+`,"Environment":{"Variable":{}}}`), "ValidationException",
			[]string{"environment has no member 'Variable'"}},
		"a nested member is missing": {jsonRequest("dynamodb", createTable, `{"TableName":"votes","KeySchema":[{"AttributeName":"k"}],"AttributeDefinitions":[]}`), "ValidationException",
			[]string{"Value null at 'keySchema.1.member.keyType' failed to satisfy constraint: Member must not be null"}},
		"a number is text": {jsonRequest("sqs", sqsSend, `{"QueueUrl":"u","MessageBody":"b","DelaySeconds":"1"}`), "SerializationException",
			[]string{"Value '1' at 'delaySeconds' failed to satisfy constraint: Member must be a number"}},
		"a whole number has a fraction": {jsonRequest("sqs", sqsSend, `{"QueueUrl":"u","MessageBody":"b","DelaySeconds":1.5}`), "SerializationException",
			[]string{"Value '1.5' at 'delaySeconds' failed to satisfy constraint: Member must be a whole number of 32 bits"}},
		"a whole number has too many bits": {jsonRequest("sqs", sqsSend, `{"QueueUrl":"u","MessageBody":"b","DelaySeconds":2147483648}`), "SerializationException",
			[]string{"Value '2147483648' at 'delaySeconds' failed to satisfy constraint: Member must be a whole number of 32 bits"}},
		"a text is a number": {jsonRequest("sqs", sqsCreate, `{"QueueName":7}`), "SerializationException",
			[]string{"Value '7' at 'queueName' failed to satisfy constraint: Member must be a string"}},
		"a boolean is text": {jsonRequest("dynamodb", "DynamoDB_20120810.Query", `{"TableName":"votes","ConsistentRead":"true"}`), "SerializationException",
			[]string{"Value 'true' at 'consistentRead' failed to satisfy constraint: Member must be true or false"}},
		"a list is a map": {jsonRequest("dynamodb", createTable, `{"TableName":"votes","KeySchema":{},"AttributeDefinitions":[]}`), "SerializationException",
			[]string{"Value 'map[]' at 'keySchema' failed to satisfy constraint: Member must be a list"}},
		"a map is a list": {jsonRequest("sqs", sqsCreate, `{"QueueName":"q","Attributes":[]}`), "SerializationException",
			[]string{"Value '[]' at 'attributes' failed to satisfy constraint: Member must be a map"}},
		"a structure is text": {request("lambda", "POST", functions, `{"FunctionName":"f",`+codeAndRole+`,"Environment":"x"}`), "SerializationException",
			[]string{"Value 'x' at 'environment' failed to satisfy constraint: Member must be a structure"}},
		"bytes are not base64": {jsonRequest("dynamodb", putItem, `{"TableName":"votes","Item":{"k":{"B":"%"}}}`), "SerializationException",
			[]string{"Value '%' at 'item.k.b' failed to satisfy constraint: Member must be bytes in base64"}},
		"an item of a map is null": {jsonRequest("logs", "Logs_20140328.CreateLogGroup", `{"logGroupName":"g","tags":{"a":null}}`), "InvalidParameterException",
			[]string{"Value null at 'tags.a' failed to satisfy constraint: Member must not be null"}},
		"a time is text": {jsonRequest("kinesis", "Kinesis_20131202.GetShardIterator", `{"StreamName":"s","ShardId":"s","ShardIteratorType":"AT_TIMESTAMP","Timestamp":"2026"}`), "SerializationException",
			[]string{"Value '2026' at 'timestamp' failed to satisfy constraint: Member must be a time"}},
		"an item of a list is null": {jsonRequest("ssm", "AmazonSSM.GetParameters", `{"Names":[null]}`), "ValidationException",
			[]string{"Value null at 'names.1.member' failed to satisfy constraint: Member must not be null"}},
		"no value of the enumeration": {request("lambda", "POST", functions, `{"FunctionName":"f",`+codeAndRole+`,"PackageType":"Tar"}`), "ValidationException",
			[]string{"Value 'Tar' at 'packageType' failed to satisfy constraint: Member must satisfy enum value set: [Zip, Image]"}},
		"a key outside the enumeration": {jsonRequest("sqs", "AmazonSQS.GetQueueAttributes", `{"QueueUrl":"u","AttributeNames":["Visibility"]}`), "InvalidParameterValue", nil},
		"a text is too long": {request("lambda", "POST", functions, `{"FunctionName":"f",`+codeAndRole+`,"Description":"`+strings.Repeat("é", 257)+`"}`), "ValidationException",
			[]string{"Value '" + strings.Repeat("é", 40) + "...' at 'description' failed to satisfy constraint: Member must have length less than or equal to 256"}},
		"a text is too short": {jsonRequest("ssm", "AmazonSSM.GetParameter", `{"Name":""}`), "ValidationException",
			[]string{"Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1"}},
		"a list is too long": {jsonRequest("ssm", "AmazonSSM.GetParameters", `{"Names":["a","b","c","d","e","f","g","h","i","j","k"]}`), "ValidationException",
			[]string{"Value '[a b c d e f g h i j k]' at 'names' failed to satisfy constraint: Member must have length less than or equal to 10"}},
		"a list is too short": {jsonRequest("ssm", "AmazonSSM.GetParameters", `{"Names":[]}`), "ValidationException",
			[]string{"Value '[]' at 'names' failed to satisfy constraint: Member must have length greater than or equal to 1"}},
		"a map is too long": {jsonRequest("dynamodb", "DynamoDB_20120810.BatchWriteItem", `{"RequestItems":{}}`), "ValidationException",
			[]string{"Value 'map[]' at 'requestItems' failed to satisfy constraint: Member must have length greater than or equal to 1"}},
		"bytes are too long": {jsonRequest("kms", "TrentService.Encrypt", `{"KeyId":"k","Plaintext":""}`), "ValidationException",
			[]string{"Value '0 bytes' at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1"}},
		"a number is too small": {request("lambda", "POST", functions, `{"FunctionName":"f",`+codeAndRole+`,"MemorySize":64}`), "ValidationException",
			[]string{"Value '64' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128"}},
		"a number is too large": {request("lambda", "POST", "/2015-03-31/event-source-mappings", `{"FunctionName":"f","BatchSize":10001}`), "ValidationException",
			[]string{"Value '10001' at 'batchSize' failed to satisfy constraint: Member must have value less than or equal to 10000"}},
		"a text breaks its pattern": {request("lambda", "POST", functions, `{"FunctionName":"my function",`+codeAndRole+`}`), "ValidationException", nil},
		"a union has two members":   {cborRequest("PutMetricAlarm", alarm(cbor.Map{"EvaluationWindow": cbor.Map{"WallClockWindow": cbor.Map{}, "SlidingWindow": cbor.Map{}}})), "InvalidParameterValue", nil},
		"a union has no member": {cborRequest("PutMetricAlarm", alarm(cbor.Map{"EvaluationWindow": cbor.Map{}})), "InvalidParameterValue",
			[]string{"Value '[]' at 'evaluationWindow' failed to satisfy constraint: Member must have exactly one of its members set"}},
		"there is no such operation": {jsonRequest("sqs", "AmazonSQS.CreateQueues", `{}`), "UnknownOperationException",
			[]string{`there is no operation "CreateQueues"`}},
		"there is no such path": {request("lambda", "POST", "/2015-03-31/function", `{}`), "UnknownOperationException",
			[]string{`there is no operation "POST /2015-03-31/function"`}},
		"the body is no JSON": {jsonRequest("sqs", sqsCreate, `{`), "SerializationException", []string{"unexpected EOF"}},
		"the body is two":     {jsonRequest("sqs", sqsCreate, `{}{}`), "SerializationException", []string{"the body goes on after its end"}},

		// REST: members in the path, the query and headers.
		"the path breaks the pattern": {request("lambda", "GET", functions+"/a%20b", ""), "ValidationException", nil},
		"the query has an unknown parameter": {request("lambda", "GET", functions+"/f?Qualifer=1", ""), "ValidationException",
			[]string{"GetFunction has no member 'querystring Qualifer'"}},
		"the query is out of range": {request("lambda", "GET", functions+"/?MaxItems=0", ""), "ValidationException",
			[]string{"Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"}},
		"the query is no number": {request("lambda", "GET", functions+"/?MaxItems=many", ""), "SerializationException",
			[]string{"Value 'many' at 'maxItems' failed to satisfy constraint: Member must be a number"}},
		"a header is outside the enumeration": {withHeader(request("lambda", "POST", functions+"/f/invocations", "{}"), "X-Amz-Invocation-Type", "Later"), "ValidationException",
			[]string{"Value 'Later' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]"}},
		"a header is no time": {withHeader(request("s3", "GET", "/b/k", ""), "If-Modified-Since", "today"), "MalformedXML",
			[]string{"Value 'today' at 'ifModifiedSince' failed to satisfy constraint: Member must be a time"}},

		// XML.
		"XML lacks an element": {request("s3", "PUT", "/b?lifecycle", fmt.Sprintf(lifecycle, `<ID>old</ID>`)), "InvalidArgument",
			[]string{"Value null at 'lifecycleConfiguration.rules.1.member.status' failed to satisfy constraint: Member must not be null"}},
		"XML has an unknown element": {request("s3", "PUT", "/b?lifecycle", fmt.Sprintf(lifecycle, `<Status>Enabled</Status><Expires/>`)), "InvalidArgument",
			[]string{"lifecycleConfiguration.rules.1.member has no member 'Expires'"}},
		"XML is outside the enumeration": {request("s3", "PUT", "/b?lifecycle", fmt.Sprintf(lifecycle, `<Status>On</Status>`)), "InvalidArgument",
			[]string{"Value 'On' at 'lifecycleConfiguration.rules.1.member.status' failed to satisfy constraint: Member must satisfy enum value set: [Enabled, Disabled]"}},
		"XML has text for a number": {request("s3", "PUT", "/b?lifecycle", fmt.Sprintf(lifecycle, `<Status>Enabled</Status><Expiration><Days>ten</Days></Expiration>`)), "MalformedXML",
			[]string{"Value 'ten' at 'lifecycleConfiguration.rules.1.member.expiration.days' failed to satisfy constraint: Member must be a number"}},
		"XML has another root": {request("s3", "PUT", "/b?lifecycle", `<Lifecycle/>`), "MalformedXML",
			[]string{"the body is the element Lifecycle, not LifecycleConfiguration"}},
		"XML lacks its body": {request("s3", "PUT", "/b?tagging", ""), "InvalidArgument",
			[]string{"Value null at 'tagging' failed to satisfy constraint: Member must not be null"}},
		"XML is none": {request("s3", "PUT", "/b?tagging", "x"), "MalformedXML", []string{"EOF"}},

		// Forms.
		"a form lacks a field": {formRequest("iam", "Action=CreateRole", "Version=2010-05-08", "RoleName=r"), "ValidationError",
			[]string{"Value null at 'assumeRolePolicyDocument' failed to satisfy constraint: Member must not be null"}},
		"a form has an unknown field": {formRequest("iam", "Action=GetRole", "Version=2010-05-08", "RoleName=r", "Role=r"), "ValidationError",
			[]string{"GetRole has no member 'Role'"}},
		"a form has an unknown field in a list": {formRequest("iam", "Action=TagRole", "Version=2010-05-08", "RoleName=r", "Tags.member.1.Key=k", "Tags.member.1.Value=v", "Tags.member.1.Colour=c"), "ValidationError",
			[]string{"tags.1.member has no member 'Colour'"}},
		"a form's list is misspelt": {formRequest("iam", "Action=TagRole", "Version=2010-05-08", "RoleName=r", "Tags.items.1.Key=k"), "MalformedInput",
			[]string{"Value 'map[items:map[1:map[Key:k]]]' at 'tags' failed to satisfy constraint: Member must be a list"}},
		"a form's number is too large": {formRequest("iam", "Action=ListRoles", "Version=2010-05-08", "MaxItems=1001"), "ValidationError",
			[]string{"Value '1001' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000"}},
		"a form breaks a pattern": {formRequest("iam", "Action=GetRole", "Version=2010-05-08", "RoleName=my role"), "ValidationError",
			[]string{`Value 'my role' at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`}},
		"a form's map breaks the type": {formRequest("sns", "Action=Publish", "Version=2010-03-31", "Message=m", "MessageAttributes.entry.1.Name=n"), "MalformedInput", nil},

		// CBOR.
		"CBOR lacks a member": {cborRequest("PutMetricAlarm", alarm(cbor.Map{"AlarmName": nil})), "InvalidParameterValue",
			[]string{"Value null at 'alarmName' failed to satisfy constraint: Member must not be null"}},
		"CBOR has an unknown member": {cborRequest("PutMetricAlarm", alarm(cbor.Map{"Treshold": cbor.Float64(1)})), "InvalidParameterValue",
			[]string{"PutMetricAlarm has no member 'Treshold'"}},
		"CBOR is outside the enumeration": {cborRequest("PutMetricAlarm", alarm(cbor.Map{"Unit": cbor.String("Votes")})), "InvalidParameterValue", nil},
		"CBOR is too small": {cborRequest("PutMetricAlarm", alarm(cbor.Map{"EvaluationPeriods": cbor.NegInt(1)})), "InvalidParameterValue",
			[]string{"Value '-1' at 'evaluationPeriods' failed to satisfy constraint: Member must have value greater than or equal to 1"}},
		"CBOR has a fraction": {cborRequest("PutMetricAlarm", alarm(cbor.Map{"EvaluationPeriods": cbor.Float64(1)})), "SerializationException",
			[]string{"Value '1e+00' at 'evaluationPeriods' failed to satisfy constraint: Member must be a whole number of 32 bits"}},
		"CBOR has text for a time": {cborRequest("GetMetricStatistics", cbor.Map{
			"Namespace": cbor.String("n"), "MetricName": cbor.String("m"), "Period": cbor.Uint(60), "StartTime": cbor.String("2026-01-01T00:00:00Z"),
			"EndTime": &cbor.Tag{ID: cborTime, Value: cbor.Float64(1)},
		}), "SerializationException", []string{"Value '2026-01-01T00:00:00Z' at 'startTime' failed to satisfy constraint: Member must be a time"}},

		// Beyond the models.
		"a function has too much memory":   {request("lambda", "POST", functions, `{"FunctionName":"f",`+codeAndRole+`,"MemorySize":10241}`), "ValidationException", []string{"ValidationException: 1 validation error detected: Value '10241' at 'memorySize' failed to satisfy constraint: Member must have value less than or equal to 10240"}},
		"a function has too much time":     {request("lambda", "PUT", functions+"/f/configuration", `{"Timeout":901}`), "ValidationException", []string{"ValidationException: 1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900"}},
		"a function's variable is taken":   {request("lambda", "PUT", functions+"/f/configuration", `{"Environment":{"Variables":{"AWS_REGION":"x","OWN":"y"}}}`), "InvalidParameterValueException", nil},
		"a function's variables are long":  {request("lambda", "PUT", functions+"/f/configuration", `{"Environment":{"Variables":{"AB":"`+long+`","CD":"`+long+`"}}}`), "InvalidParameterValueException", nil},
		"logs cannot be kept eight days":   {jsonRequest("logs", "Logs_20140328.PutRetentionPolicy", `{"logGroupName":"g","retentionInDays":8}`), "InvalidParameterException", nil},
		"an object's key is too long":      {request("s3", "PUT", "/b/"+strings.Repeat("k", 1025), "x"), "KeyTooLongError", nil},
		"a queue's name has a dot":         {jsonRequest("sqs", sqsCreate, `{"QueueName":"a.b"}`), "InvalidParameterValue", nil},
		"a queue's name is too long":       {jsonRequest("sqs", sqsCreate, `{"QueueName":"`+strings.Repeat("q", 81)+`"}`), "InvalidParameterValue", nil},
		"a queue's attribute is too large": {jsonRequest("sqs", sqsCreate, `{"QueueName":"q","Attributes":{"VisibilityTimeout":"43201"}}`), "InvalidAttributeValue", []string{"InvalidAttributeValue: Invalid value for the parameter VisibilityTimeout."}},
		"a batch has eleven entries":       {jsonRequest("sqs", "AmazonSQS.SendMessageBatch", `{"QueueUrl":"u","Entries":[`+strings.TrimSuffix(strings.Repeat(`{"Id":"i","MessageBody":"b"},`, 11), ",")+`]}`), "TooManyEntriesInBatchRequest", nil},
		"a batch is empty":                 {jsonRequest("sqs", "AmazonSQS.SendMessageBatch", `{"QueueUrl":"u","Entries":[]}`), "EmptyBatchRequest", nil},
		"an attribute has two types":       {jsonRequest("dynamodb", putItem, `{"TableName":"votes","Item":{"k":{"S":"a","N":"1"}}}`), "ValidationException", nil},
		"a parameter has no type":          {jsonRequest("dynamodb", "DynamoDB_20120810.BatchExecuteStatement", `{"Statements":[{"Statement":"x","Parameters":[{}]}]}`), "ValidationException", nil},
		"a nested attribute has no type":   {jsonRequest("dynamodb", "DynamoDB_20120810.TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"votes","Item":{"k":{"M":{"x":{"L":[{}]}}}}}}]}`), "ValidationException", nil},
	} {
		t.Run(name, func(t *testing.T) {
			code, problems := judged(t, c.request)
			if code != c.code || len(problems) == 0 {
				t.Errorf("refused with %q for %q, want %q", code, problems, c.code)
			}
			if c.problems != nil {
				if diff := cmp.Diff(c.problems, problems); diff != "" {
					t.Errorf("want -, have +:\n%s", diff)
				}
			}
		})
	}
}

func TestCheckLetsPassWhatAWSTakes(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"nulls and a shape's name":     jsonRequest("sqs", sqsSend, `{"QueueUrl":"u","MessageBody":"b","DelaySeconds":null,"__type":"x"}`),
		"nested attributes":            jsonRequest("dynamodb", putItem, `{"TableName":"votes","Item":{"k":{"L":[{"NULL":true},{"M":{"b":{"BS":["AAAA"]}}}]}}}`),
		"an operation without input":   request("lambda", "GET", "/2016-08-19/account-settings", ""),
		"the ends of ranges":           request("lambda", "PUT", functions+"/f/configuration", `{"Timeout":900,"MemorySize":10240,"Environment":{"Variables":{"AWS_SDK_UA_APP_ID":"f"}}}`),
		"a presigned object":           request("s3", "GET", "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=60&x-id=GetObject", ""),
		"a query by its literal":       request("s3", "GET", "/b?list-type=2&prefix=a&max-keys=1", ""),
		"an object's own headers":      withHeader(request("s3", "PUT", "/b/k", "text"), "X-Amz-Meta-Show", "final"),
		"a flattened list of XML":      request("s3", "POST", "/b?delete", `<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object><Quiet>true</Quiet></Delete>`),
		"a nested list of XML":         request("s3", "PUT", "/b?tagging", `<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>`),
		"an attribute of XML":          request("s3", "PUT", "/b?acl", `<AccessControlPolicy><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>u</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>`),
		"a form's lists":               formRequest("iam", "Action=CreateRole", "Version=2010-05-08", "RoleName=r", "AssumeRolePolicyDocument={}", "Tags.member.1.Key=k", "Tags.member.1.Value=v", "MaxSessionDuration=3600"),
		"a form's empty list":          formRequest("iam", "Action=UntagRole", "Version=2010-05-08", "RoleName=r", "TagKeys="),
		"a form's map":                 formRequest("sns", "Action=Publish", "Version=2010-03-31", "Message=m", "TopicArn=t", "MessageAttributes.entry.1.Name=n", "MessageAttributes.entry.1.Value.DataType=String"),
		"CBOR's types":                 cborRequest("PutMetricAlarm", alarm(cbor.Map{"Threshold": cbor.Float64(1.5), "ActionsEnabled": cbor.Bool(true), "Period": &cbor.Nil{}, "AlarmActions": cbor.List{cbor.String("arn:aws:sns:x")}})),
		"a body that is a function's":  request("lambda", "POST", functions+"/f/invocations", "any bytes"),
		"a browser's question":         unsigned(http.MethodOptions, "http://b.localhost/k", ""),
		"what anybody asks a bucket":   unsigned(http.MethodPost, "http://b.localhost/", ""),
		"a call to a function's URL":   unsigned(http.MethodPost, "http://"+strings.Repeat("a", 32)+".lambda-url."+testRegion+".on.aws/x?y=z", "{"),
		"a page of a public bucket":    unsigned(http.MethodGet, "http://b.s3-website."+testRegion+".localhost/index.html", ""),
		"more than the gate remembers": request("lambda", "POST", functions, strings.Repeat(" ", maxIdentifiedBody+1)),
	} {
		t.Run(name, func(t *testing.T) {
			if code, problems := judged(t, r); len(problems) > 0 {
				t.Errorf("refused with %q for %q", code, problems)
			}
		})
	}
}

// TestCheckAnswersInTheCallersProtocol sends what the SDK lets pass and AWS does not: the caller gets its service's error, the local
// AWS never sees the call, and the record keeps it.
func TestCheckAnswersInTheCallersProtocol(t *testing.T) {
	cfg, mark := fresh(t)
	cfg = quick(cfg, 3)
	unexpected := len(local.Gate().Violations())
	expected := local.Gate().Expect(func(v Violation) bool { return v.Call.Caller == cfg.AppID })
	for _, c := range []struct {
		service, operation, code string
		call                     func(context.Context) error
	}{
		{"sqs", "CreateQueue", "InvalidAttributeValue", call(sqs.NewFromConfig(cfg).CreateQueue, &sqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{"DelaySeconds": "901"}})},
		{"dynamodb", "DescribeTable", "ValidationException", call(dynamodb.NewFromConfig(cfg).DescribeTable, &dynamodb.DescribeTableInput{TableName: aws.String("")})},
		{"lambda", "CreateFunction", "ValidationException", call(lambda.NewFromConfig(cfg).CreateFunction, &lambda.CreateFunctionInput{FunctionName: aws.String("my function"), Role: aws.String("arn:aws:iam::123456789012:role/r"), Code: &lambdatypes.FunctionCode{}})},
		{"iam", "GetRole", "ValidationError", call(iam.NewFromConfig(cfg).GetRole, &iam.GetRoleInput{RoleName: aws.String(strings.Repeat("r", 65))})},
		{"s3", "PutBucketVersioning", "InvalidArgument", call(s3.NewFromConfig(cfg).PutBucketVersioning, &s3.PutBucketVersioningInput{Bucket: aws.String("b"), VersioningConfiguration: &s3types.VersioningConfiguration{Status: "On"}})},
		{"cloudwatch", "PutMetricAlarm", "InvalidParameterValue", call(cloudwatch.NewFromConfig(cfg).PutMetricAlarm, &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String("a"), EvaluationPeriods: aws.Int32(0), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold})},
	} {
		err := c.call(t.Context())
		if codeOf(err) != c.code || !strings.Contains(err.Error(), "1 validation error detected: Value") && c.service != "sqs" {
			t.Errorf("%s %s gave %v, want %s", c.service, c.operation, err, c.code)
		}
		found := expected.Found()
		if last := found[len(found)-1]; last.Call.Service != c.service || last.Call.Operation != c.operation {
			t.Errorf("%s %s was recorded as %s", c.service, c.operation, last)
		}
	}
	if n := local.Gate().Meter().Since(mark).Total(); n != 6 {
		t.Errorf("%d calls, want 6: a wrong request is not repeated", n)
	}
	if n := len(expected.End()); n != 6 || len(local.Gate().Violations()) != unexpected {
		t.Errorf("%d violations were expected and %d not, want 6 and none", n, len(local.Gate().Violations())-unexpected)
	}
}

func TestViolationsGoToWhoExpectsThem(t *testing.T) {
	g := &Gate{}
	of := func(account string) func(Violation) bool {
		return func(v Violation) bool { return v.Call.Account == account }
	}
	first, second := g.Expect(of("1")), g.Expect(of("2"))
	for _, account := range []string{"1", "2", "2", "3"} {
		g.violations.add(Violation{Call: Call{Caller: "test", Service: "sqs", Operation: "CreateQueue", Account: account}, Problems: []string{"wrong in " + account, "and more"}})
	}
	if a, b := len(first.End()), len(second.Found()); a != 1 || b != 2 {
		t.Errorf("the first got %d, want 1; the second %d, want 2", a, b)
	}
	g.violations.add(Violation{Call: Call{Account: "1"}, Problems: []string{"after the end"}})
	want := "2 requests were wrong, and AWS would refuse or misread them; correct what sent them:\n:   : after the end\ntest: sqs CreateQueue : wrong in 3; and more"
	if err := g.Verdict(); err == nil || err.Error() != want {
		t.Errorf("the verdict is %v, want %s", err, want)
	}
	if err := (&Gate{}).Verdict(); err != nil {
		t.Errorf("without a violation the verdict is %v", err)
	}
}

// skipped are the patterns that Go cannot compile, of the services that systems use or may use soon.
var skipped = map[string][]string{
	"lambda":   {"Alias", "CollectionName", "FunctionUrlFunctionName", "FunctionUrlQualifier", "S3Bucket"},
	"dynamodb": {"AutoScalingPolicyName", "AutoScalingRoleArn"},
	"iam":      {"accountAliasType"},
	"ssm": {
		"AlarmName", "CloudConnectorIamRoleArn", "DocumentReviewComment", "InstancePropertyFilterValue", "InstancePropertyStringFilterKey",
		"MetadataKey", "OpsItemCategory", "OpsItemDataKey", "OpsItemSeverity", "OpsItemSource", "OpsItemTitle", "OpsMetadataFilterKey",
		"OpsMetadataResourceId", "Policy", "RegistrationMetadataKey", "RegistrationMetadataValue", "StringDateTime", "TargetLocationsURL",
	},
	"scheduler":     {"Source"},
	"events":        {"PathParameter"},
	"stepfunctions": {"CharacterRestrictedName"},
	"firehose": {
		"ClusterJDBCURL", "DatabaseEndpoint", "HttpEndpointAttributeName", "HttpEndpointName", "NonEmptyString", "ProcessorParameterValue", "TagKey",
	},
}

func TestPatternsCompile(t *testing.T) {
	for _, service := range []string{
		"lambda", "sqs", "dynamodb", "dynamodbstreams", "s3", "iam", "sts", "ssm", "scheduler", "logs", "cloudwatch", "kinesis", "sns", "events",
		"kms", "secretsmanager", "cloudfront", "apigatewayv2", "cognito-identity", "stepfunctions", "firehose",
	} {
		model := must[*ServiceModel](t)(local.Gate().Models().Service(service))
		var have []string
		for name, shape := range model.Shapes {
			if shape.Pattern != "" && shape.matcher() == nil {
				have = append(have, name)
			}
		}
		slices.Sort(have)
		if diff := cmp.Diff(skipped[service], have); diff != "" {
			t.Errorf("of %s other patterns are skipped, want -, have +:\n%s", service, diff)
		}
	}
}
