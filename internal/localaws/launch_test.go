package localaws

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// TestRefusesWhatDependsOnWhatExists is about the local AWS behind the gate, which is made to refuse what AWS does.
func TestRefusesWhatDependsOnWhatExists(t *testing.T) {
	cfg, _ := fresh(t)
	withFunction(t, cfg, &lambdatypes.FunctionCode{ZipFile: []byte(emptyZip)})
	queue := must[*sqs.CreateQueueOutput](t)(sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: aws.String("votes"), Attributes: map[string]string{"VisibilityTimeout": "59"},
	}))
	client := lambda.NewFromConfig(cfg)
	mapping := &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"), EventSourceArn: aws.String("arn:aws:sqs:" + testRegion + ":000000000000:votes")}
	_, err := client.CreateEventSourceMapping(t.Context(), mapping)
	if codeOf(err) != "InvalidParameterValueException" || !strings.Contains(err.Error(), "Queue visibility timeout: 59 seconds is less than Function timeout: 60 seconds") {
		t.Errorf("a queue that shows messages too soon gave %v", err)
	}
	must[*sqs.SetQueueAttributesOutput](t)(sqs.NewFromConfig(cfg).SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: queue.QueueUrl, Attributes: map[string]string{"VisibilityTimeout": "60"}}))
	if _, err := client.CreateEventSourceMapping(t.Context(), mapping); err != nil {
		t.Errorf("a queue that waits as long as the function takes gave %v", err)
	}
	_, err = client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), S3Bucket: aws.String("none"), S3Key: aws.String("none.zip")})
	if codeOf(err) != "InvalidParameterValueException" || !strings.Contains(err.Error(), "S3 Error Code: NoSuchKey") {
		t.Errorf("code that is not there gave %v", err)
	}
}

// emptyZip is a zip without files.
const emptyZip = "PK\x05\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// withFunction makes the function "f", with a role of its own and a timeout of a minute.
func withFunction(t *testing.T, cfg aws.Config, code *lambdatypes.FunctionCode) {
	t.Helper()
	role := must[*iam.CreateRoleOutput](t)(iam.NewFromConfig(cfg).CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName:                 aws.String("r"),
		AssumeRolePolicyDocument: aws.String(trust),
	})).Role
	must[*iam.PutRolePolicyOutput](t)(iam.NewFromConfig(cfg).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("r"), PolicyName: aws.String("grants"),
		PolicyDocument: aws.String(grants),
	}))
	must[*lambda.CreateFunctionOutput](t)(lambda.NewFromConfig(cfg).CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("f"), Role: role.Arn, Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Timeout: aws.Int32(60), Code: code,
	}))
}
