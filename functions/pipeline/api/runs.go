package api

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/graph-gophers/graphql-go"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// runsCursor is the last run of a page.
type runsCursor struct {
	Started int64  `json:"started"`
	ID      string `json:"id"`
}

// newest orders runs, those that were started last first.
func newest(a, b runsCursor) int {
	return cmp.Or(cmp.Compare(b.Started, a.Started), cmp.Compare(a.ID, b.ID))
}

// RunConnection is the schema's.
type RunConnection struct {
	Nodes    []*Run
	PageInfo PageInfo
}

// Runs answers Query.runs.
func (r *resolver) Runs(ctx context.Context, asked paging) (*RunConnection, error) {
	first, after, err := readPaging[runsCursor](asked)
	if err != nil {
		return nil, err
	}
	noted, err := r.store.Notes(ctx, pipeline.RecentID)
	if err != nil {
		return nil, err
	}
	var all []runsCursor
	for id, started := range noted {
		if one := (runsCursor{started, id}); after == nil || newest(one, *after) > 0 {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, newest)
	page := all[:min(first, len(all))]
	ids := make([]string, len(page))
	for i := range page {
		ids[i] = page[i].ID
	}
	found, err := r.store.ReadRuns(ctx, ids)
	if err != nil {
		return nil, err
	}
	connection := &RunConnection{Nodes: []*Run{}}
	for _, id := range ids {
		if run, there := found[id]; there { // Others are forgotten.
			connection.Nodes = append(connection.Nodes, r.runOf(run))
		}
	}
	if len(all) > len(page) {
		connection.PageInfo = pageOf(&page[len(page)-1])
	}
	return connection, nil
}

// Run answers Query.run.
func (r *resolver) Run(ctx context.Context, asked idArguments) (*Run, error) {
	found, err := visitOf(ctx).run(ctx, string(asked.ID))
	if err == nil && found == nil {
		err = errRun(string(asked.ID))
	}
	return found, err
}

func errRun(id string) error {
	return fail(NotFound, "There is no run %s, or no more. Ask for runs to see those there are.", quoted(id))
}

// readRun reads a run; nil where there is none.
func (r *resolver) readRun(ctx context.Context, id string) (*pipeline.Run, error) {
	if !pipeline.ValidRun(id) {
		return nil, nil
	}
	run, found, err := r.store.ReadRun(ctx, id)
	if err != nil || !found || run.State == "" { // The table has other items too.
		return nil, err
	}
	return &run, nil
}

// Run is the schema's.
type Run struct {
	ID                                                        graphql.ID
	State                                                     string
	Reason, Stuck                                             *string
	Prefix                                                    string
	ReplayOf                                                  *graphql.ID
	FailedOnly                                                bool
	Files, Ingested, Failed, Items, Segments, Described, Gone Int64
	UploadedAt, StartedAt, ListedAt, IngestedAt, DoneAt       *Time
	Cost                                                      RunCost
	FailuresByReason                                          []ReasonCount
	store                                                     Runs
	objects                                                   Objects
}

// RunCost is the schema's.
type RunCost struct {
	Bytes, Calls, WriteUnits Int64
	USD                      *float64
}

// ReasonCount is the schema's.
type ReasonCount struct {
	Reason string
	Count  Int64
}

func (r *resolver) runOf(run pipeline.Run) *Run {
	shown := &Run{
		ID: graphql.ID(run.ID), State: strings.ToUpper(string(run.State)), Reason: textOf(run.Reason), Stuck: textOf(run.Stuck), Prefix: run.Prefix, FailedOnly: run.Failed,
		Files: Int64(run.Files), Ingested: Int64(run.Ingested), Failed: Int64(run.Failures), Items: Int64(run.Items), Segments: Int64(run.Segments),
		Described: Int64(run.Described), Gone: Int64(run.Expired), UploadedAt: timeOf(run.At), StartedAt: timeOf(run.Started), ListedAt: timeOf(run.ListedAt),
		IngestedAt: timeOf(run.IngestedAt), DoneAt: timeOf(run.DoneAt), Cost: RunCost{Int64(run.Bytes), Int64(run.Calls), Int64(run.WriteUnits), dollarsOf(run)},
		FailuresByReason: []ReasonCount{}, store: r.store, objects: r.library.objects,
	}
	if run.ReplayOf != "" {
		id := graphql.ID(run.ReplayOf)
		shown.ReplayOf = &id
	}
	for _, reason := range slices.Sorted(maps.Keys(run.ByReason)) {
		shown.FailuresByReason = append(shown.FailuresByReason, ReasonCount{string(reason), Int64(run.ByReason[reason])})
	}
	slices.SortStableFunc(shown.FailuresByReason, func(a, b ReasonCount) int { return cmp.Compare(b.Count, a.Count) })
	return shown
}

// failuresCursor is a place among the failures of a run.
type failuresCursor struct {
	Run   string `json:"run"`
	After string `json:"after,omitempty"` // The item of the table of runs after which the page begins.
	In    string `json:"in,omitempty"`    // Of the item with this id
	Skip  int    `json:"skip,omitempty"`  // so many failures were on pages before.
}

// FailureConnection is the schema's.
type FailureConnection struct {
	Nodes    []*Failure
	PageInfo PageInfo
}

// Failure is the schema's.
type Failure struct {
	Key    string
	Reason string
	Detail *string
}

const (
	// failuresCalls bounds how many calls of AWS one page of failures takes, of scans and of objects.
	failuresCalls = 10
	// failuresLooks is how many items of the table of runs one scan looks at, most of which are no failures.
	failuresLooks = 1000
)

// Failures answers Run.failures.
func (run *Run) Failures(ctx context.Context, asked paging) (*FailureConnection, error) {
	first, at, err := readPaging[failuresCursor](asked)
	if err != nil {
		return nil, err
	}
	if at == nil {
		at = &failuresCursor{Run: string(run.ID)}
	}
	if at.Run != string(run.ID) || at.Skip < 0 {
		return nil, errCursor()
	}
	connection := &FailureConnection{Nodes: []*Failure{}}
	for calls := 0; calls < failuresCalls; {
		items, marker, err := run.store.FailedItems(ctx, at.Run, at.After, failuresLooks)
		if err != nil {
			return nil, err
		}
		calls++
		for _, item := range items {
			if item.Object != "" {
				if calls++; calls > failuresCalls {
					break
				}
			}
			if err := run.take(ctx, connection, at, item, first); err != nil {
				return nil, err
			}
			if len(connection.Nodes) == first {
				break
			}
		}
		if len(connection.Nodes) == first || calls > failuresCalls {
			break
		}
		if marker == "" {
			return connection, nil
		}
		at.After = marker
	}
	connection.PageInfo = pageOf(at)
	return connection, nil
}

// take puts failures of an item on a page, as many as it still takes, and goes past them.
func (run *Run) take(ctx context.Context, connection *FailureConnection, at *failuresCursor, item pipeline.FailedItem, first int) error {
	failures, err := item.Failures(ctx, run.objects)
	if err != nil {
		return fmt.Errorf("failures of %s: %w", run.ID, err)
	}
	from := 0
	if at.In == item.ID {
		from = min(at.Skip, len(failures))
	}
	to := min(len(failures), from+first-len(connection.Nodes))
	for _, failure := range failures[from:to] {
		connection.Nodes = append(connection.Nodes, &Failure{failure.Key, string(failure.Reason), textOf(failure.Detail)})
	}
	at.In, at.Skip = item.ID, to
	if to == len(failures) {
		at.After, at.In, at.Skip = item.ID, "", 0
	}
	return nil
}

// dollarsOf is what a run cost, nil while it is not done.
func dollarsOf(run pipeline.Run) *float64 {
	if run.State != pipeline.Done {
		return nil
	}
	dollars := run.Dollars()
	return &dollars
}
