package votingwindow

import (
	"context"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// insertCallsAtOnce bounds the connections of one recorder. Its largest batch, with several votes each, is about that many calls.
const insertCallsAtOnce = 16

// InsertBallots makes ballots of different keys, each unless its key has one, in calls at the same time.
func (s *Store) InsertBallots(ctx context.Context, ballots []Ballot) ([]dynamodb.Insertion, error) {
	items := make([]item, len(ballots))
	for i := range ballots {
		items[i] = ballotItem(ballots[i])
	}
	return dynamodb.Insert(ctx, s.Client, s.Ballots, items, insertCallsAtOnce)
}
