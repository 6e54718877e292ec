package localaws

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// TestFailedEvents hands the alias of a function events that it fails on: they go where the alias's settings say, if the role may send there.
func TestFailedEvents(t *testing.T) {
	m := deployMapped(t, "")
	aside := m.queue("aside", nil)
	must[*lambda.CreateAliasOutput](t)(m.functions.CreateAlias(t.Context(), &lambda.CreateAliasInput{
		FunctionName: aws.String("relay"), Name: aws.String("live"), FunctionVersion: must[*lambda.PublishVersionOutput](t)(m.functions.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("relay")})).Version,
	}))
	keep := func(queue string) error {
		_, err := m.functions.PutFunctionEventInvokeConfig(t.Context(), &lambda.PutFunctionEventInvokeConfigInput{
			FunctionName: aws.String("relay"), Qualifier: aws.String("live"), MaximumRetryAttempts: aws.Int32(1), MaximumEventAgeInSeconds: aws.Int32(60),
			DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: arnOfQueue(queue)}},
		})
		return err
	}
	for queue, says := range map[string]string{"aside": "does not have permissions to call SendMessage on", "none": "destination ARN"} {
		if err := keep(queue); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("the destination %s: %v, want an error with %q", queue, err, says)
		}
	}
	m.permit(reader)
	if err := keep("aside"); err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{`{"n":1}`, `{"n":2,"is":"poison"}`} {
		must[*lambda.InvokeOutput](t)(m.functions.Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String("relay"), Qualifier: aws.String("live"), InvocationType: types.InvocationTypeEvent, Payload: []byte(event),
		}))
	}
	var bodies []string
	for deadline := time.Now().Add(30 * time.Second); len(bodies) == 0 && time.Now().Before(deadline); {
		for _, message := range must[*sqs.ReceiveMessageOutput](t)(m.queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &aside, WaitTimeSeconds: 1, MaxNumberOfMessages: 10})).Messages {
			bodies = append(bodies, aws.ToString(message.Body))
		}
	}
	var told struct {
		RequestPayload struct{ N int }
	}
	if len(bodies) != 1 || json.Unmarshal([]byte(bodies[0]), &told) != nil || told.RequestPayload.N != 2 {
		t.Errorf("%q were kept, want the second event alone", bodies)
	}
}
