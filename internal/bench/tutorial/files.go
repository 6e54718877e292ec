package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// files lists an upload's files and makes items of them: one record of the stream,
// one read and one write for each.
type files struct {
	bucket, stream, table string

	objects *s3.Client
	records *kinesis.Client
	items   *dynamodb.Client
}

func newFiles(cfg aws.Config) *files {
	return &files{
		bucket: os.Getenv("SOURCE_BUCKET"), stream: os.Getenv("FILES_STREAM"), table: os.Getenv("ITEMS_TABLE"),
		objects: s3.NewFromConfig(cfg), records: kinesis.NewFromConfig(cfg), items: dynamodb.NewFromConfig(cfg),
	}
}

// path is the message that starts the lister, and file a record of the stream.
type path struct {
	Prefix string `json:"prefix"`
}

type file struct {
	Key string `json:"key"`
}

// list puts every file below a prefix onto the stream.
func (f *files) list(ctx context.Context, event events.SNSEvent) error {
	for _, record := range event.Records {
		var p path
		if err := json.Unmarshal([]byte(record.SNS.Message), &p); err != nil {
			return err
		}
		pages := s3.NewListObjectsV2Paginator(f.objects, &s3.ListObjectsV2Input{Bucket: &f.bucket, Prefix: &p.Prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			for _, object := range page.Contents {
				data, err := json.Marshal(file{aws.ToString(object.Key)})
				if err != nil {
					return err
				}
				if _, err := f.records.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: &f.stream, PartitionKey: object.Key, Data: data}); err != nil {
					return err
				}
			}
			log.Printf("%d files listed", len(page.Contents))
		}
	}
	return nil
}

// ingest makes an item of each file of a batch.
func (f *files) ingest(ctx context.Context, event events.KinesisEvent) error {
	for _, record := range event.Records {
		var one file
		if err := json.Unmarshal(record.Kinesis.Data, &one); err != nil {
			return err
		}
		if err := f.ingestOne(ctx, one.Key); err != nil {
			return err
		}
	}
	log.Printf("%d files ingested", len(event.Records))
	return nil
}

func (f *files) ingestOne(ctx context.Context, key string) error {
	object, err := f.objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &f.bucket, Key: &key})
	if err != nil {
		return err
	}
	defer object.Body.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(object.Body)
	if err != nil {
		return err
	}
	var home map[string]any
	if err := json.Unmarshal(text, &home); err != nil {
		return err
	}
	item, err := itemOf(home)
	if err != nil {
		return err
	}
	_, err = f.items.PutItem(ctx, &dynamodb.PutItemInput{TableName: &f.table, Item: item})
	return err
}

// itemOf takes from a home what the example's item mapping takes.
func itemOf(home map[string]any) (map[string]types.AttributeValue, error) {
	id, there := home["id"].(string)
	if !there {
		return nil, fmt.Errorf("the id is %v", home["id"])
	}
	item := map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}}
	if address, there := home["address"].(map[string]any); there {
		if suburb, there := address["suburb"].(string); there {
			item["suburb"] = &types.AttributeValueMemberS{Value: suburb}
		}
	}
	if price, there := home["price"].(float64); there {
		item["price"] = &types.AttributeValueMemberN{Value: strconv.FormatFloat(price, 'f', -1, 64)}
	}
	if listed, there := home["listed_at"].(string); there {
		item["listed_at"] = &types.AttributeValueMemberS{Value: listed}
	}
	return item, nil
}
