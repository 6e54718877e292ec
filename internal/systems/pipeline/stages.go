package pipeline

import (
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/preflight"
)

// segmenter finds the segments of all items.
func (l *line) segmenter() {
	c := pipeline.SegmenterConfig{
		Base: l.base, Runs: l.runsTable(), ItemsTable: l.items.Name(), Bucket: l.results.Name(), SegmentsStream: l.segments.Name(), StageTopic: l.stage.ARN(),
	}
	l.m.segment(&c)
	grants := [][]blueprint.Grant{
		l.runs.Get(), l.runs.Update(), l.results.List(), l.results.Get(runObjects), l.results.Put(runObjects), l.segments.Put(), l.items.Scan(),
		blueprint.Rarely("used where all items take more than one invocation, or there are no segments", l.stage.Publish()),
	}
	if c.ExpireDays > 0 {
		grants = append(grants, blueprint.Rarely("used where items are gone from an upload", l.items.Update()))
	}
	f := l.function("segmenter", blueprint.Function{MemoryMB: 1024, Timeout: segmenterTimeout, Environment: config.Environ(c), Grants: grants})
	l.Hand("segmenter-stage", l.stage, f)
}

// metadata writes each segment's figures.
func (l *line) metadata() {
	aside := l.deadLetters("segments-dead-letters", "metadata", metadataTimeout)
	f := l.function("metadata", blueprint.Function{
		MemoryMB: 256, Timeout: metadataTimeout,
		Environment: config.Environ(pipeline.MetadataConfig{
			Base: l.base, Runs: l.runsTable(), Bucket: l.results.Name(), StageTopic: l.stage.ARN(), RetentionDays: l.m.retention(),
		}),
		Grants: [][]blueprint.Grant{
			l.segments.Read(), l.runs.Get(), l.runs.Update(), l.results.Put("runs/*/segments/*"), l.stage.Publish(),
			blueprint.Rarely("used where Lambda has given segments up", aside.Send()),
		},
	})
	l.describing = l.ConsumeStream("metadata-segments", f, l.segments, blueprint.StreamBatch{
		Size: batchOf, Window: time.Second, Parallel: describers, Retries: retries, MaxAge: maxAge, OnFailure: &aside,
	})
}

// prices are those that reports are reckoned with, of the list that the provider carries.
func prices() pipeline.Prices {
	million := preflight.Builtin().Million
	return pipeline.Prices{
		Read:  million(preflight.Dimension{Service: "s3", Name: "get_requests"}),
		Write: million(preflight.Dimension{Service: "dynamodb", Name: "write_units"}),
	}
}

// manifest publishes a run that is whole.
func (l *line) manifest() {
	f := l.function("manifest", blueprint.Function{
		MemoryMB: 512, Timeout: shortTimeout,
		Environment: config.Environ(pipeline.ManifestConfig{Base: l.base, Runs: l.runsTable(), Prices: prices(), Bucket: l.results.Name()}),
		Grants:      [][]blueprint.Grant{l.runs.Get(), l.runs.Update(), l.results.Get(runObjects), l.results.Put(runObjects, pipeline.ManifestObject)},
	})
	l.Hand("manifest-stage", l.stage, f)
}

// sweeper sees to it that no run stands still.
func (l *line) sweeper() {
	step := max(l.Timeout("lister", listerTimeout), l.Timeout("segmenter", segmenterTimeout), l.Timeout("manifest", shortTimeout))
	settings := pipeline.SweeperConfig{
		Base: l.base, Runs: l.runsTable(), StartTopic: l.start.ARN(), StageTopic: l.stage.ARN(), StepTime: step, StuckAfter: l.m.idle(),
		Idle: textOf(l.m.Completion, "by", completeByCount) == completeByIdle, MaxSteps: maxSteps,
	}
	expiring := l.expiring(&settings)
	environment, grants := l.sweeping(config.Environ(settings))
	f := l.function("sweeper", blueprint.Function{
		MemoryMB: 256, Timeout: shortTimeout, Environment: environment,
		Grants: append(append(grants, expiring...), l.runs.Get(), blueprint.Rarely("used while runs are under way", l.runs.Update()),
			blueprint.Rarely("used where a run stands still", l.start.Publish()), blueprint.Rarely("used where a run stands still", l.stage.Publish())),
	})
	l.EveryMinute("sweeper-tick", f, "{}")
}

// expiring is what sweeper needs to delete the objects of old runs.
func (l *line) expiring(c *pipeline.SweeperConfig) [][]blueprint.Grant {
	if c.ExpireDays = l.m.retention(); c.ExpireDays == 0 {
		return nil
	}
	const why = "used where a run is older than retention_days"
	c.Bucket = l.results.Name()
	return [][]blueprint.Grant{
		blueprint.Rarely(why, l.results.Get(pipeline.ManifestObject)), blueprint.Rarely(why, l.results.List()), blueprint.Rarely(why, l.results.Delete(runObjects)),
	}
}
