// Command relay is the function that the tests of the local AWS deploy: it sends its event to the queue in QUEUE_URL, and
// answers with its environment, or with the error's text where sending is refused. It fails with an event that has the text of
// POISON in it. As an authorizer of an HTTP API it lets in who has the key in ADMIT.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func main() {
	client := sqs.NewFromConfig(aws.Config{
		Region:       os.Getenv("AWS_REGION"),
		BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL")),
		AppID:        os.Getenv("AWS_SDK_UA_APP_ID"),
		Credentials: credentials.NewStaticCredentialsProvider(
			os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
	})
	lambda.Start(func(ctx context.Context, event json.RawMessage) (any, error) {
		var asked struct {
			Type    string            `json:"type"`
			Headers map[string]string `json:"headers"`
		}
		if err := json.Unmarshal(event, &asked); err == nil && asked.Type == "REQUEST" {
			return events.APIGatewayV2CustomAuthorizerSimpleResponse{
				IsAuthorized: asked.Headers["x-api-key"] == os.Getenv("ADMIT"), Context: map[string]any{"name": "partner"},
			}, nil
		}
		if poison := os.Getenv("POISON"); poison != "" && strings.Contains(string(event), poison) {
			return nil, errors.New("poison")
		}
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl: aws.String(os.Getenv("QUEUE_URL")), MessageBody: aws.String(string(event)),
		})
		if err != nil {
			return events.LambdaFunctionURLResponse{StatusCode: http.StatusBadGateway, Body: err.Error()}, nil
		}
		return events.LambdaFunctionURLResponse{StatusCode: http.StatusOK, Body: strings.Join(os.Environ(), "\n")}, nil
	})
}
