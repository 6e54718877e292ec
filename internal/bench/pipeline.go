package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
	reco "github.com/burstline/terraform-provider-serverless/internal/systems/pipeline"
)

// The bars: files for a second of the processor, to a tutorial's; the peak of memory
// and a file's time where an upload has ten times the files.
const (
	fileBar   = 5
	flatBar   = 1.2
	linearBar = 1.2
)

const (
	// The uploads that are compared. The small one is taken in ten times as often, so
	// that both are measured over as many files.
	smallUpload, largeUpload = 10_000, 100_000
	// tutorialFiles are the tutorial's in a turn, which takes some seconds.
	tutorialFiles = 5_000
	// keysEach is the default size of a batch of Kinesis records (Lambda Developer
	// Guide, "Using Lambda to process records from Amazon Kinesis Data Streams").
	keysEach = 100
	// chunksEach is the mapping's default (the blueprint of the pipeline).
	chunksEach = 4
)

// reader is a function of the pipeline, and how files are given to it.
type reader struct {
	name  string
	env   []string
	state pipeline.State // Of the run.
	// give takes an upload in; tutorials the same in a tutorial's way, nil for none.
	give, tutorials func(s *stage, files int) error
	// times is how often the large upload is taken in, so that the processor's time,
	// which is told in hundredths of a second, is some tenths.
	times int
}

// readers are those who see every file or item, as the example has them.
func readers(blue *blueprint.Blueprint) []reader {
	env := func(key string) []string {
		return append(environmentOf(blue, key), "SOURCE_BUCKET="+uploadBucket, "FILES_STREAM=files", "RUNS_TABLE=runs", "ITEMS_TABLE=items")
	}
	list := func(s *stage, _ int) error { return given(s, messageOf(uploadStart)) }
	segment := func(s *stage, _ int) error { return given(s, messageOf(`{"run":"bench","stage":"segments"}`)) }
	return []reader{
		{name: "lister", env: env("lister"), state: pipeline.Listing, give: list, tutorials: list, times: 5},
		{
			name: "ingest", env: env("ingest"), state: pipeline.Ingesting, give: batches(chunksEach*pipeline.ChunkKeys, func(i int) []byte { return chunksOf(i, chunksEach) }),
			tutorials: batches(keysEach, func(i int) []byte { return keysOf(i, keysEach) }), times: 1,
		},
		{name: "segmenter", env: env("segmenter"), state: pipeline.Segmenting, give: segment, times: 1},
	}
}

// batches gives files in events of so many.
func batches(size int, event func(i int) []byte) func(s *stage, files int) error {
	return func(s *stage, files int) error {
		for i := 0; i < files; i += size {
			if err := given(s, event(i)); err != nil {
				return err
			}
		}
		return nil
	}
}

func given(s *stage, event []byte) error {
	answer, err := s.invoke(event)
	if err != nil {
		return err
	}
	return succeeds(answer)
}

// pipelineFunctions measures lister and ingest against a tutorial's; and all that see
// every file or item against themselves, with a tenth of them.
func (b *bench) pipelineFunctions(ctx context.Context) error {
	built, done, err := b.bootstraps(ctx, reco.System)
	if err != nil {
		return err
	}
	defer done()
	room, _ := systems.Find(reco.System.Name)
	blue, err := room.Described(ctx, "bench", nil)
	if err != nil {
		return err
	}
	var flat, linear float64
	for _, r := range readers(blue) {
		var ratios, linears, rates, peaks, smallPeaks []float64
		for range turns {
			few, err := r.works(ctx, built.functions, r.give, smallUpload, r.times*largeUpload/smallUpload)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			many, err := r.works(ctx, built.functions, r.give, largeUpload, r.times)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			rate := many.votes / many.cpu
			rates, linears = append(rates, rate), append(linears, few.votes/few.cpu/rate)
			peaks, smallPeaks = append(peaks, many.memory), append(smallPeaks, few.memory)
			if r.tutorials == nil {
				continue
			}
			theirs, err := r.works(ctx, built.tutorial, r.tutorials, tutorialFiles, 1)
			if err != nil {
				return fmt.Errorf("the tutorial's %s: %w", r.name, err)
			}
			ratios = append(ratios, rate/(theirs.votes/theirs.cpu))
		}
		b.add("pipeline."+r.name+"_per_cpu_s", median(rates), "files per second of processor, for orientation")
		if r.tutorials != nil {
			b.atLeast("pipeline."+r.name+"_ratio", median(ratios), "files per CPU second, to a tutorial's", fileBar)
		}
		b.add("pipeline.memory_"+r.name+"_mb", median(peaks), "MB, peak, for orientation")
		flat, linear = max(flat, median(peaks)/median(smallPeaks)), max(linear, median(linears))
	}
	b.atMost("pipeline.memory_ratio", flat, "peak at 100,000 files, to 10,000", flatBar)
	b.atMost("pipeline.linear_ratio", linear, "time of a file at 100,000, to 10,000", linearBar)
	return b.pipelineColdStart(ctx, built, blue)
}

// pipelineAllocations counts what lister and ingest allocate for a file themselves,
// and what the call does that reads one.
func (b *bench) pipelineAllocations(ctx context.Context) error {
	return errors.Join(
		b.benchmark(ctx, "./functions/pipeline", "Lister", "pipeline.lister_", "allocs/file"),
		b.benchmark(ctx, "./functions/pipeline", "Ingest", "pipeline.ingest_", "allocs/file"),
		b.benchmark(ctx, "./functions/internal/s3", "ReadObject", "pipeline.read_", "allocs/op"),
	)
}

// works starts a bootstrap, warms it up, and has it take an upload in some times. Its
// memory is that of one upload.
func (r reader) works(ctx context.Context, binary string, give func(s *stage, files int) error, files, times int) (work, error) {
	from := &source{files: files, state: r.state}
	s, err := from.startsWith(ctx, binary, r.env)
	if err != nil {
		return work{}, err
	}
	defer s.end()
	pid := s.cmd.Process.Pid
	if err := give(s, files); err != nil {
		return work{}, err
	}
	memory, err := peakMemory(pid)
	if err != nil {
		return work{}, err
	}
	before, err := processorTime(pid)
	if err != nil {
		return work{}, err
	}
	for range times {
		if err := give(s, files); err != nil {
			return work{}, err
		}
	}
	after, err := processorTime(pid)
	if err != nil {
		return work{}, err
	}
	if took, want := from.taken.Load(), int64(files*(times+1)); took != want {
		return work{}, fmt.Errorf("%d files were taken in, want %d", took, want)
	}
	if after == before {
		return work{}, errors.New("it took no time at all")
	}
	return work{votes: float64(files * times), cpu: after - before, memory: memory}, nil
}

// pipelineColdStart measures from exec to the first request for work, of each
// function and of a handler that does nothing, in turns within one run.
func (b *bench) pipelineColdStart(ctx context.Context, built bootstraps, blue *blueprint.Blueprint) error {
	took := map[string][]float64{}
	var names []string
	for _, p := range blue.Parts {
		if _, is := p.Spec.(blueprint.FunctionSpec); is {
			names = append(names, p.Key)
		}
	}
	for range starts {
		noop, err := coldStart(ctx, built.noop, nil)
		if err != nil {
			return fmt.Errorf("start the handler that does nothing: %w", err)
		}
		took[""] = append(took[""], noop)
		for _, name := range names {
			one, err := coldStart(ctx, built.functions, environmentOf(blue, name))
			if err != nil {
				return fmt.Errorf("start %s: %w", name, err)
			}
			took[name] = append(took[name], one)
		}
	}
	var greatest float64
	for _, name := range names {
		ratio := median(took[name]) / median(took[""])
		greatest = max(greatest, ratio)
		b.add("pipeline.coldstart_"+name+"_ratio", ratio, "ratio to a do-nothing handler")
	}
	b.atMost("pipeline.coldstart_ratio", greatest, "greatest, to a do-nothing handler", coldStartBar)
	return nil
}
