package pipeline

import (
	"context"
	"fmt"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// CreateRun makes a run unless there is one of its id, and returns what is there. at is when its upload was started, in milliseconds since 1970.
func (s *Store) CreateRun(ctx context.Context, start Start, at int64) (Run, error) {
	now := ms(s.Clock.Now())
	set := "SET #state = :state, #prefix = :prefix, #marker = :marker, #at = :at, #started = :now, #paged_at = :now, #touched = :now"
	values := dynamodb.Item{
		":state": dynamodb.String(string(Listing)), ":prefix": dynamodb.String(start.Prefix), ":marker": dynamodb.String(""),
		":at": dynamodb.Number(at), ":now": dynamodb.Number(now),
	}
	if start.ReplayOf != "" {
		set += ", #replay_of = :replay_of, #failed_only = :failed_only"
		values[":replay_of"], values[":failed_only"] = dynamodb.String(start.ReplayOf), dynamodb.Bool(start.Failed)
	}
	_, err := s.transact(ctx, s.keep(start.Run, set, "attribute_not_exists(#id)", values), s.note(activeID, start.Run, now), s.note(RecentID, start.Run, now))
	if err != nil {
		return Run{}, err
	}
	run, found, err := s.ReadRun(ctx, start.Run)
	if err == nil && !found {
		err = fmt.Errorf("run %s is neither made nor there", start.Run)
	}
	return run, err
}

// note notes a run in an item that has an attribute for each. A run's id is no word of small letters, so that its name is given apart.
func (s *Store) note(id, run string, at int64) dynamodb.UpdateItem {
	return dynamodb.UpdateItem{
		TableName: s.Runs, Key: dynamodb.Item{RunsKey: dynamodb.String(id)}, UpdateExpression: "SET #run = :at",
		ExpressionAttributeNames: map[string]string{"#run": noted + run}, ExpressionAttributeValues: dynamodb.Item{":at": dynamodb.Number(at)},
	}
}

// noted is before a run's id in the name of its attribute, so that none is taken for the key.
const noted = "run/"

// forget removes runs from such an item.
func (s *Store) forget(ctx context.Context, id string, runs []string) error {
	names, change := map[string]string{}, "REMOVE "
	for i, run := range runs {
		if i > 0 {
			change += ", "
		}
		name := fmt.Sprintf("#r%d", i)
		change += name
		names[name] = noted + run
	}
	_, err := s.update(ctx, dynamodb.UpdateItem{
		TableName: s.Runs, Key: dynamodb.Item{RunsKey: dynamodb.String(id)}, UpdateExpression: change, ExpressionAttributeNames: names,
	})
	return err
}

// Notes returns the runs that an item notes, activeID or RecentID, and when each was started.
func (s *Store) Notes(ctx context.Context, id string) (map[string]int64, error) {
	item, err := s.get(ctx, id)
	if err != nil {
		return nil, err
	}
	runs := map[string]int64{}
	for name, at := range item {
		if name != RunsKey {
			runs[name[len(noted):]] = at.Int()
		}
	}
	return runs, nil
}

// checkpoint is what one page adds to a run.
type checkpoint struct {
	marker        string // The last key listed.
	files, chunks int64
	calls         int64
	step          int64 // 1 for an invocation's first page.
	last          bool  // All is listed.
	holder        string
}

// Checkpoint writes down that a page is listed, where nobody else did. It says whether the run goes on from there in this holder's hands; where the first answer was
// lost, the second tells a failed condition for what this holder wrote itself.
func (s *Store) Checkpoint(ctx context.Context, run Run, page checkpoint) (bool, error) {
	now := ms(s.Clock.Now())
	change := "SET #marker = :marker, #holder = :holder, #paged_at = :now, #touched = :now"
	values := dynamodb.Item{
		":before": dynamodb.String(run.Marker), ":marker": dynamodb.String(page.marker), ":holder": dynamodb.String(page.holder), ":now": dynamodb.Number(now),
		":listing": dynamodb.String(string(Listing)), ":files": dynamodb.Number(page.files), ":chunks": dynamodb.Number(page.chunks),
		":calls": dynamodb.Number(page.calls), ":step": dynamodb.Number(page.step),
	}
	if page.last {
		change += ", #state = :ingesting, #listing = :done, #listed_at = :now"
		values[":ingesting"], values[":done"] = dynamodb.String(string(Ingesting)), dynamodb.String(listingDone)
	}
	change += " REMOVE #stuck, #pokes ADD #files :files, #chunks :chunks, #calls :calls, #step :step"
	held, err := s.update(ctx, s.change(run.ID, change, "#marker = :before AND #state = :listing", values))
	if err != nil || held {
		return held, err
	}
	stands, _, err := s.ReadRun(ctx, run.ID)
	return err == nil && stands.Holder == page.holder && stands.Marker == page.marker && stands.Listed == page.last, err
}

// Move takes a run from one state to the next, where it is still in the first, and says whether it did. set is more to be set, as an update expression has it.
func (s *Store) Move(ctx context.Context, run string, from, to State, set, where string, values dynamodb.Item) (bool, error) {
	all := dynamodb.Item{":from": dynamodb.String(string(from)), ":to": dynamodb.String(string(to)), ":touched": dynamodb.Number(ms(s.Clock.Now()))}
	for name, value := range values {
		all[name] = value
	}
	return s.update(ctx, s.change(run, "SET #state = :to, #touched = :touched"+set+" REMOVE #stuck, #pokes", "#state = :from"+where, all))
}

// Fail ends a run that cannot go on, where it is still in a state.
func (s *Store) Fail(ctx context.Context, run string, from State, reason string) error {
	_, err := s.Move(ctx, run, from, Failed, ", #reason = :reason, #done_at = :touched", "", dynamodb.Item{":reason": dynamodb.String(reason)})
	return err
}

// Touch notes that something happened to a run that is in a state, at a time, in an attribute: touched, or paged_at for a listing. 0 asks the sweeper to go on at
// once. It says whether the run is in that state.
func (s *Store) Touch(ctx context.Context, run string, in State, attribute string, at int64) (bool, error) {
	change := "SET #" + attribute + " = :at REMOVE #stuck, #pokes"
	return s.update(ctx, s.change(run, change, "#state = :in", dynamodb.Item{":at": dynamodb.Number(at), ":in": dynamodb.String(string(in))}))
}
