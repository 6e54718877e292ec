package votingwindow

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Ids in the tallies table.
const (
	stateID      = "window"
	leaseID      = "lease"
	workerPrefix = "worker#" // Then the worker's id.
)

// Attributes that filters, conditions and projections name.
const (
	attrMessage = "message"
	attrAnswer  = "answer"
	attrOutcome = "outcome"
	attrVersion = "version"
	attrHolder  = "holder"
	attrUntil   = "until" // Milliseconds since 1970.
)

// DynamoDB is the part of DynamoDB's client that Store uses.
type DynamoDB interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
}

// Store keeps a window in its three tables. It serves every handler's store interface.
type Store struct {
	Client  DynamoDB
	Ballots string // Table names.
	Ledger  string
	Tallies string
}

// PutBallot makes a voter's ballot unless there is one: then it returns the message id of the one that stands.
func (s *Store) PutBallot(ctx context.Context, ballot Ballot) (string, error) {
	_, err := s.Client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           &s.Ballots,
		Item:                                ballotItem(ballot),
		ConditionExpression:                 aws.String("attribute_not_exists(#key)"),
		ExpressionAttributeNames:            map[string]string{"#key": BallotsKey},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var stands *types.ConditionalCheckFailedException
	if !errors.As(err, &stands) {
		return "", wrap(err, "put item in %s", s.Ballots)
	}
	if message := text(stands.Item, attrMessage); message != "" {
		return message, nil
	}
	message, err := s.BallotMessage(ctx, ballot.Voter)
	if err == nil && message == "" {
		err = fmt.Errorf("the ballot that stands in %s names no message", s.Ballots)
	}
	return message, err
}

// BallotMessage returns the message id of a voter's ballot, or "".
func (s *Store) BallotMessage(ctx context.Context, voter string) (string, error) {
	item, err := s.get(ctx, s.Ballots, BallotsKey, voter)
	return text(item, attrMessage), err
}

// PutEntry writes a ledger entry unless its message has one, and says whether it did.
func (s *Store) PutEntry(ctx context.Context, entry Entry) (bool, error) {
	return s.putIf(ctx, s.Ledger, entryItem(entry), "attribute_not_exists(#key)", map[string]string{"#key": LedgerKey}, nil)
}

// HasEntry says whether a message has a ledger entry.
func (s *Store) HasEntry(ctx context.Context, message string) (bool, error) {
	item, err := s.get(ctx, s.Ledger, LedgerKey, message)
	return len(item) > 0, err
}

// PutCounters replaces a worker's counters.
func (s *Store) PutCounters(ctx context.Context, worker string, counts Counts) error {
	_, err := s.Client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Tallies, Item: countersItem(worker, counts)})
	return wrap(err, "put item in %s", s.Tallies)
}

// WindowState returns the window's state; the zero State where there is none.
func (s *Store) WindowState(ctx context.Context) (State, error) {
	item, err := s.get(ctx, s.Tallies, TalliesKey, stateID)
	if err != nil || len(item) == 0 {
		return State{}, err
	}
	return readState(item), nil
}

// PutWindowState writes a state where the one before it stands, and says whether it did.
func (s *Store) PutWindowState(ctx context.Context, state State) (bool, error) {
	if state.Version == 1 {
		return s.putIf(ctx, s.Tallies, stateItem(state), "attribute_not_exists(#key)", map[string]string{"#key": TalliesKey}, nil)
	}
	return s.putIf(ctx, s.Tallies, stateItem(state), "#version = :former", map[string]string{"#version": attrVersion},
		item{":former": number(state.Version - 1)})
}

// TakeLease takes or renews the lease for holder where nobody else holds it at now, and says whether it did.
func (s *Store) TakeLease(ctx context.Context, holder string, now, until time.Time) (bool, error) {
	return s.putIf(ctx, s.Tallies, leaseItem(holder, until),
		"attribute_not_exists(#key) OR #until <= :now OR #holder = :holder",
		map[string]string{"#key": TalliesKey, "#until": attrUntil, "#holder": attrHolder},
		item{":now": millis(now), ":holder": str(holder)})
}

// ReleaseLease ends the lease if holder has it.
func (s *Store) ReleaseLease(ctx context.Context, holder string) error {
	_, err := s.putIf(ctx, s.Tallies, leaseItem(holder, time.UnixMilli(0)), "#holder = :holder",
		map[string]string{"#holder": attrHolder}, item{":holder": str(holder)})
	return err
}

// Counters returns the sum of all workers' counters. They are eventually consistent, lower bounds in any case.
func (s *Store) Counters(ctx context.Context) (Counts, error) {
	var sum Counts
	err := s.scan(ctx, &dynamodb.ScanInput{
		TableName:                 &s.Tallies,
		FilterExpression:          aws.String("begins_with(#key, :worker)"),
		ExpressionAttributeNames:  map[string]string{"#key": TalliesKey},
		ExpressionAttributeValues: item{":worker": str(workerPrefix)},
	}, func(found item) { sum = sum.Plus(readCounters(found)) })
	return sum.clone(), err
}

// CountBallots returns the number of ballots by answer.
func (s *Store) CountBallots(ctx context.Context, consistent bool) (map[string]int64, error) {
	return s.countBy(ctx, s.Ballots, attrAnswer, consistent)
}

// CountLedger returns the number of entries by outcome, strongly consistent.
func (s *Store) CountLedger(ctx context.Context) (map[string]int64, error) {
	return s.countBy(ctx, s.Ledger, attrOutcome, true)
}

// get reads one item, strongly consistent; nil where there is none.
func (s *Store) get(ctx context.Context, table, key, value string) (item, error) {
	found, err := s.Client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &table, Key: item{key: str(value)}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, wrap(err, "get item from %s", table)
	}
	return found.Item, nil
}

// putIf writes an item where the condition holds, and says whether it did.
func (s *Store) putIf(ctx context.Context, table string, put item, condition string, names map[string]string, values item) (bool, error) {
	_, err := s.Client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &table, Item: put,
		ConditionExpression: &condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	var refused *types.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return false, nil
	}
	return err == nil, wrap(err, "put item in %s", table)
}

func wrap(err error, doing, table string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(doing+": %w", table, err)
}

// millis is a moment as a number of milliseconds since 1970.
func millis(at time.Time) types.AttributeValue { return number(at.UnixMilli()) }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
