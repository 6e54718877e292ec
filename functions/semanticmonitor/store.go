package semanticmonitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// TableKey is the partition key of the table, whose only item is stateID.
const (
	TableKey = "id"
	stateID  = "monitor"
)

// Attributes of the item.
const (
	stateAttribute   = "state"
	versionAttribute = "version"
)

// Table is the store in DynamoDB.
type Table struct {
	Client *dynamodb.Client
	Name   string
}

// text is the state as the table has it.
func (s State) text() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // It has nothing that JSON has not.
	}
	return string(text)
}

// Read implements Store.
func (t *Table) Read(ctx context.Context) (State, error) {
	item, err := t.Client.GetItem(ctx, &dynamodb.GetItem{TableName: t.Name, Key: dynamodb.Item{TableKey: dynamodb.String(stateID)}, ConsistentRead: true})
	if err != nil {
		return State{}, fmt.Errorf("read the state: %w", err)
	}
	var s State
	if item == nil {
		return s, nil
	}
	if err := json.Unmarshal([]byte(item[stateAttribute].Text()), &s); err != nil {
		return s, fmt.Errorf("read the state: %w", err)
	}
	s.Version = item[versionAttribute].Int()
	return s, nil
}

// Write implements Store.
func (t *Table) Write(ctx context.Context, s State) error {
	const condition = "attribute_not_exists(#version) OR #version = :version"
	err := t.Client.PutItem(ctx, &dynamodb.PutItem{
		TableName:           t.Name,
		Item:                dynamodb.Item{TableKey: dynamodb.String(stateID), stateAttribute: dynamodb.String(s.text()), versionAttribute: dynamodb.Number(s.Version + 1)},
		ConditionExpression: condition, ExpressionAttributeNames: dynamodb.Names(condition),
		ExpressionAttributeValues: dynamodb.Item{":version": dynamodb.Number(s.Version)},
	})
	var overtaken *dynamodb.ConditionalCheckFailedException
	switch {
	case errors.As(err, &overtaken):
		return ErrOvertaken
	case err != nil:
		return fmt.Errorf("write the state: %w", err)
	}
	return nil
}
