// Command tutorial takes and records votes as a tutorial would: the SDK's default
// configuration, encoding/json, and for each vote one call after another and a
// line in the log. It is what the voting window's functions are measured against,
// and in the same manner those of a pipeline.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

type vote struct {
	Voter  string `json:"voter"`
	Answer string `json:"answer"`
}

var (
	tables *dynamodb.Client
	queue  *sqs.Client
)

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatalf("load configuration: %v", err)
	}
	tables, queue = dynamodb.NewFromConfig(cfg), sqs.NewFromConfig(cfg)
	switch os.Getenv("_HANDLER") {
	case "intake":
		lambda.Start(intake)
	case "lister":
		lambda.Start(newFiles(cfg).list)
	case "ingest":
		lambda.Start(newFiles(cfg).ingest)
	default:
		lambda.Start(record)
	}
}

// intake validates a vote and puts it onto the queue.
func intake(ctx context.Context, request events.LambdaFunctionURLRequest) (events.LambdaFunctionURLResponse, error) {
	v, err := read(request.Body)
	if err != nil {
		return events.LambdaFunctionURLResponse{StatusCode: 400, Body: err.Error()}, nil //nolint:nilerr // the voter is told
	}
	message, err := json.Marshal(v)
	if err != nil {
		return events.LambdaFunctionURLResponse{}, err
	}
	sent, err := queue.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: aws.String(os.Getenv("QUEUE_URL")), MessageBody: aws.String(string(message)),
	})
	if err != nil {
		return events.LambdaFunctionURLResponse{}, err
	}
	log.Printf("vote %s sent", aws.ToString(sent.MessageId))
	body, err := json.Marshal(map[string]string{"id": aws.ToString(sent.MessageId)})
	return events.LambdaFunctionURLResponse{StatusCode: 202, Headers: map[string]string{"Content-Type": "application/json"}, Body: string(body)}, err
}

func read(body string) (vote, error) {
	var v vote
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		return v, err
	}
	if v.Voter == "" || v.Answer == "" {
		return v, errors.New("voter or answer is missing")
	}
	return v, nil
}

// record writes the votes of a batch and names those that failed.
func record(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	var response events.SQSEventResponse
	for _, message := range event.Records {
		if err := recordOne(ctx, message); err != nil {
			log.Printf("vote %s failed: %v", message.MessageId, err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
		}
	}
	return response, nil
}

// recordOne makes a ballot unless the voter has one, and counts it.
func recordOne(ctx context.Context, message events.SQSMessage) error {
	v, err := read(message.Body)
	if err != nil {
		return err
	}
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	_, err = tables.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:           aws.String(os.Getenv("BALLOTS_TABLE")),
		Item:                map[string]types.AttributeValue{"voter": text(v.Voter), "answer": text(v.Answer), "message": text(message.MessageId)},
		ConditionExpression: aws.String("attribute_not_exists(voter)"),
	})
	var duplicate *types.ConditionalCheckFailedException
	if errors.As(err, &duplicate) {
		log.Printf("vote %s is a duplicate", message.MessageId)
		return nil
	}
	if err != nil {
		return err
	}
	_, err = tables.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 aws.String(os.Getenv("TALLIES_TABLE")),
		Key:                       map[string]types.AttributeValue{"id": text(v.Answer)},
		UpdateExpression:          aws.String("ADD votes :one"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":one": &types.AttributeValueMemberN{Value: "1"}},
	})
	if err != nil {
		return err
	}
	log.Printf("vote %s recorded", message.MessageId)
	return nil
}
