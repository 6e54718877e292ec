package votingwindow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// Ids in the tallies table.
const (
	// ControlID is the id of an operator's control.
	ControlID = "control"

	stateID               = "window"
	leaseID               = "lease"
	workerPrefix          = "worker#" // Then the worker's id.
	rehearsalWorkerPrefix = "rehearsal#"
)

// Attributes of ledger entries, and of the tallies those that filters and conditions name; a ballot has its own.
const (
	attrAnswer    = "answer"
	attrSent      = "sent" // Milliseconds since 1970.
	attrRehearsal = "rehearsal"
	attrOutcome   = "outcome"
	attrReason    = "reason"
	attrVoter     = "voter"
	attrVersion   = "version"
	attrHolder    = "holder"
	attrUntil     = "until" // Milliseconds since 1970.
	attrClosesAt  = "closes_at"
	attrOf        = "of"
	attrBy        = "by"
	attrAt        = "at"
)

// DynamoDB is the part of DynamoDB's client that Store uses.
type DynamoDB interface {
	PutItem(ctx context.Context, put *dynamodb.PutItem) error
	GetItem(ctx context.Context, get *dynamodb.GetItem) (dynamodb.Item, error)
	UpdateItem(ctx context.Context, update *dynamodb.UpdateItem) error
	DeleteItem(ctx context.Context, remove *dynamodb.DeleteItem) error
	TransactPut(ctx context.Context, puts []dynamodb.PutItem) error
	BatchExecuteStatement(ctx context.Context, statements []dynamodb.Statement) ([]*dynamodb.StatementError, error)
	ScanInto(ctx context.Context, scan *dynamodb.Scan, items any) (dynamodb.Item, error)
}

// Store keeps a window in its three tables. It serves every handler's store interface.
type Store struct {
	Client  DynamoDB
	Ballots string // Table names.
	Ledger  string
	Tallies string
}

// ifNew is the condition that an item is not there, #key the name of its key.
const ifNew = "attribute_not_exists(#key)"

var ballotsKeyName, ledgerKeyName = map[string]string{"#key": BallotsKey}, map[string]string{"#key": LedgerKey}

// PutBallot makes a ballot unless its key has one: then it returns the one that stands, else nil.
func (s *Store) PutBallot(ctx context.Context, ballot Ballot) (*Ballot, error) {
	err := s.Client.PutItem(ctx, &dynamodb.PutItem{
		TableName:                           s.Ballots,
		Item:                                ballotItem(ballot),
		ConditionExpression:                 ifNew,
		ExpressionAttributeNames:            ballotsKeyName,
		ReturnValuesOnConditionCheckFailure: dynamodb.AllOld,
	})
	var stands *dynamodb.ConditionalCheckFailedException
	if err == nil {
		return nil, nil //nolint:nilnil // No ballot stood there.
	}
	if !errors.As(err, &stands) {
		return nil, wrap(err, "put item in %s", s.Ballots)
	}
	if standing := ReadBallot(stands.Item); standing.Message != "" {
		return &standing, nil
	}
	standing, err := s.Ballot(ctx, ballot.Key)
	if err == nil && (standing == nil || standing.Message == "") {
		err = fmt.Errorf("the ballot that stands in %s names no message", s.Ballots)
	}
	return standing, err
}

// Ballot returns the ballot of a key; nil where there is none.
func (s *Store) Ballot(ctx context.Context, key string) (*Ballot, error) {
	found, err := s.get(ctx, s.Ballots, BallotsKey, key)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	ballot := ReadBallot(found)
	return &ballot, nil
}

// ReplaceBallot puts a ballot in the place of the displaced message's, and that message's entry into the ledger, both or neither. The
// transaction has a token, so that an attempt whose first answer was lost changes nothing.
func (s *Store) ReplaceBallot(ctx context.Context, ballot Ballot, displaced Entry) (bool, error) {
	err := s.Client.TransactPut(ctx, []dynamodb.PutItem{
		{
			TableName: s.Ballots, Item: ballotItem(ballot), ConditionExpression: "#message = :displaced",
			ExpressionAttributeNames:  map[string]string{"#message": ballotMessage},
			ExpressionAttributeValues: item{":displaced": messageValue(displaced.Message)},
		},
		{TableName: s.Ledger, Item: entryItem(displaced), ConditionExpression: ifNew, ExpressionAttributeNames: ledgerKeyName},
	})
	var canceled *dynamodb.TransactionCanceledException
	if errors.As(err, &canceled) && len(canceled.CancellationReasons) > 0 && canceled.CancellationReasons[0].Code == dynamodb.ConditionalCheckFailed {
		return false, nil
	}
	return err == nil, wrap(err, "replace item in %s", s.Ballots)
}

// PutEntry writes a ledger entry unless its message has one, and says whether it did.
func (s *Store) PutEntry(ctx context.Context, entry Entry) (bool, error) {
	return s.putIf(ctx, s.Ledger, entryItem(entry), ifNew, ledgerKeyName, nil)
}

// HasEntry says whether a message has a ledger entry.
func (s *Store) HasEntry(ctx context.Context, message string) (bool, error) {
	found, err := s.get(ctx, s.Ledger, LedgerKey, message)
	return len(found) > 0, err
}

// PutCounters replaces a worker's counters, those of its real votes or those of the rehearsal's; with again, which says that it wrote some before,
// only where those are still there. It says whether it did.
func (s *Store) PutCounters(ctx context.Context, worker string, rehearsal bool, counts Counts, again bool) (bool, error) {
	put := countersItem(worker, rehearsal, counts)
	if again {
		return s.putIf(ctx, s.Tallies, put, "attribute_exists(#key)", map[string]string{"#key": TalliesKey}, nil)
	}
	err := s.Client.PutItem(ctx, &dynamodb.PutItem{TableName: s.Tallies, Item: put})
	return err == nil, wrap(err, "put item in %s", s.Tallies)
}

// ReadControl returns an operator's control; the zero Control where there is none.
func (s *Store) ReadControl(ctx context.Context) (Control, error) {
	found, err := s.get(ctx, s.Tallies, TalliesKey, ControlID)
	return ReadControlItem(found), err
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

// TakeLease takes or renews the lease where nobody else holds it at now, and says whether it did. Where a newer version holds it, held
// it while the candidate was at work, or claimed it, it does not.
func (s *Store) TakeLease(ctx context.Context, candidate Candidate, now, until time.Time) (bool, error) {
	return s.putIf(ctx, s.Tallies, leaseItem(candidate, until),
		"attribute_not_exists(#key) OR (#version <= :version AND #until <= :now) OR (#version <= :version AND #holder = :holder) OR #until <= :began",
		map[string]string{"#key": TalliesKey, "#version": attrVersion, "#until": attrUntil, "#holder": attrHolder},
		item{":version": number(candidate.Version), ":now": millis(now), ":holder": str(candidate.Holder), ":began": millis(candidate.Began)})
}

// ClaimLease claims the lease from an older version: that one cannot renew it any more. It says whether there was one to claim it from.
func (s *Store) ClaimLease(ctx context.Context, version int64) (bool, error) {
	return s.updateIf(ctx, s.Tallies, item{TalliesKey: str(leaseID)}, &dynamodb.UpdateItem{
		UpdateExpression:          "SET #version = :version",
		ConditionExpression:       "#version < :version",
		ExpressionAttributeNames:  map[string]string{"#version": attrVersion},
		ExpressionAttributeValues: item{":version": number(version)},
	})
}

// ReleaseLease ends the lease at now if holder has it. A claim of it stands.
func (s *Store) ReleaseLease(ctx context.Context, holder string, now time.Time) error {
	_, err := s.updateIf(ctx, s.Tallies, item{TalliesKey: str(leaseID)}, &dynamodb.UpdateItem{
		UpdateExpression:          "SET #until = :now",
		ConditionExpression:       "#holder = :holder",
		ExpressionAttributeNames:  map[string]string{"#until": attrUntil, "#holder": attrHolder},
		ExpressionAttributeValues: item{":now": millis(now), ":holder": str(holder)},
	})
	return err
}

// Counters returns the sum of all workers' counters, of the real votes or of the rehearsal's. They are eventually consistent, lower
// bounds in any case.
func (s *Store) Counters(ctx context.Context, rehearsal bool) (Counts, error) {
	prefix := workerPrefix
	if rehearsal {
		prefix = rehearsalWorkerPrefix
	}
	var sum Counts
	err := scanAll(ctx, s.Client, &dynamodb.Scan{
		TableName:                 s.Tallies,
		FilterExpression:          "begins_with(#key, :worker)",
		ExpressionAttributeNames:  map[string]string{"#key": TalliesKey},
		ExpressionAttributeValues: item{":worker": str(prefix)},
	}, func(found *item) { sum = sum.Plus(readCounts(*found)) })
	return sum.clone(), err
}

// get reads one item, strongly consistent; nil where there is none.
func (s *Store) get(ctx context.Context, table, key, value string) (item, error) {
	found, err := s.Client.GetItem(ctx, &dynamodb.GetItem{TableName: table, Key: item{key: str(value)}, ConsistentRead: true})
	return found, wrap(err, "get item from %s", table)
}

// putIf writes an item where the condition holds, and says whether it did.
func (s *Store) putIf(ctx context.Context, table string, put item, condition string, names map[string]string, values item) (bool, error) {
	err := s.Client.PutItem(ctx, &dynamodb.PutItem{
		TableName: table, Item: put,
		ConditionExpression: condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	var refused *dynamodb.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return false, nil
	}
	return err == nil, wrap(err, "put item in %s", table)
}

// updateIf changes an item where the condition holds, and says whether it did.
func (s *Store) updateIf(ctx context.Context, table string, key item, update *dynamodb.UpdateItem) (bool, error) {
	update.TableName, update.Key = table, key
	err := s.Client.UpdateItem(ctx, update)
	var refused *dynamodb.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return false, nil
	}
	return err == nil, wrap(err, "update item in %s", table)
}

func wrap(err error, doing, table string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(doing+": %w", table, err)
}
