package pipeline

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// Completer takes a run to its next stage once all of the one before is done. Whoever writes a counter looks; only one of them changes the state. Where that one
// dies before it says so, the sweeper says it again.
type Completer struct {
	Store *Store
	Stage Publisher
	Log   *slog.Logger
}

// Look reads a run, and takes it on where it is ready. What fails is logged: the sweeper looks again within a minute.
func (c *Completer) Look(ctx context.Context, id string) {
	run, found, err := c.Store.ReadRun(ctx, id)
	if err == nil && found {
		err = c.Complete(ctx, run)
	}
	if err != nil {
		c.Log.WarnContext(ctx, "look whether a stage is over", "run", id, "error", err)
	}
}

// Complete takes a run on where it is ready.
func (c *Completer) Complete(ctx context.Context, run Run) error {
	switch {
	case run.ingested() && run.Ingested == 0:
		reason := "no file below the prefix became an item" // Else what is gone from an upload would be everything.
		if run.Files == 0 {
			reason = "there is no file below the prefix"
		}
		return c.Store.Fail(ctx, run.ID, Ingesting, reason)
	case run.ingested() && run.Files != run.Ingested+run.Failures:
		return c.Store.Fail(ctx, run.ID, Ingesting, fmt.Sprintf(
			"%d files were listed, %d ingested and %d failed: the upload changed while it was listed; replay the run", run.Files, run.Ingested, run.Failures))
	case run.ingested():
		held, err := c.Store.Move(ctx, run.ID, Ingesting, Segmenting, ", #ingested_at = :touched", " AND #chunks = :chunks AND #chunks_done >= :chunks",
			dynamodb.Item{":chunks": dynamodb.Number(run.Chunks)})
		if err != nil || !held {
			return err
		}
		return c.publish(ctx, run.ID, StageSegments, 0)
	case run.described():
		return c.publish(ctx, run.ID, StageManifest, 0)
	}
	return nil
}

// settle takes a run on with what is there: files of chunks that never came are neither ingested nor failures.
func (c *Completer) settle(ctx context.Context, run Run) error {
	held, err := c.Store.Move(ctx, run.ID, Ingesting, Segmenting, ", #ingested_at = :touched", "", nil)
	if err != nil || !held {
		return err
	}
	c.Log.WarnContext(ctx, "a run goes on without all of its files", "run", run.ID, "files", run.Files, "ingested", run.Ingested, "failed", run.Failures)
	return c.publish(ctx, run.ID, StageSegments, 0)
}

func (c *Completer) publish(ctx context.Context, run, stage string, step int) error {
	message, err := encode(Stage{Run: run, Stage: stage, Step: step})
	if err != nil {
		return err
	}
	return c.Stage.Publish(ctx, message)
}
