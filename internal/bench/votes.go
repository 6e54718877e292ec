package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/internal/systems/votingwindow"
)

const (
	// batchSize is the mapping's (the blueprint of the voting window).
	batchSize = 100
	// turns is how often recorder and intake are measured, each in turn with the
	// tutorial's; recordTurn and intakeTurn are the votes of a turn.
	turns      = 3
	recordTurn = 10_000
	intakeTurn = 2_000
	// clockTick is the unit of /proc/PID/stat: USER_HZ, 100 a second on every
	// architecture that Linux runs Lambda's functions on (proc(5)).
	clockTick = 0.01
)

// The bars. A recorder is to do three times the tutorial's votes for a second of
// its processor; a start, and the memory at the peak, are to be at most twice
// those of a handler that does nothing.
const (
	recorderBar  = 3
	coldStartBar = 2
	memoryBar    = 2
)

// work is what a bootstrap did in its life.
type work struct {
	votes  float64 // Or files.
	cpu    float64 // Seconds of processor, user and system.
	memory float64 // MB resident at the peak.
}

// votes measures recorder and intake against a tutorial's, and their memory
// against a handler that does nothing and is given the same.
func (b *bench) votes(ctx context.Context) error {
	built, done, err := b.bootstraps(ctx, votingwindow.System)
	if err != nil {
		return err
	}
	defer done()
	noop := map[string]work{}
	ours := map[string]work{}
	for _, handler := range []string{"recorder", "intake"} {
		var ratios []float64
		for turn := range turns {
			theirs, err := perform(ctx, built.tutorial, handler, turn, true)
			if err != nil {
				return fmt.Errorf("the tutorial's %s: %w", handler, err)
			}
			mine, err := perform(ctx, built.functions, handler, turn, true)
			if err != nil {
				return fmt.Errorf("%s: %w", handler, err)
			}
			ratios = append(ratios, mine.votes/mine.cpu/(theirs.votes/theirs.cpu))
			if mine.memory > ours[handler].memory {
				ours[handler] = mine
			}
		}
		if noop[handler], err = perform(ctx, built.noop, handler, 0, false); err != nil {
			return fmt.Errorf("the handler that does nothing: %w", err)
		}
		ratio := median(ratios)
		b.add("vote."+handler+"_per_cpu_s", ours[handler].votes/ours[handler].cpu, "votes per second of processor, for orientation")
		if handler == "recorder" {
			b.atLeast("vote.recorder_ratio", ratio, "votes per CPU second, to a tutorial's", recorderBar)
		} else {
			b.add("vote.intake_ratio", ratio, "votes per CPU second, to a tutorial's")
		}
	}
	b.add("vote.memory_recorder_mb", ours["recorder"].memory, "MB, peak, for orientation")
	b.add("vote.memory_noop_mb", noop["recorder"].memory, "MB, peak, for orientation")
	b.atMost("vote.memory_ratio", max(ours["recorder"].memory/noop["recorder"].memory, ours["intake"].memory/noop["intake"].memory),
		"peak, to a do-nothing handler", memoryBar)
	return nil
}

// perform gives a bootstrap a turn's votes, after some that warm it up. works says
// that the votes are to arrive where they belong.
func perform(ctx context.Context, binary, handler string, turn int, works bool) (work, error) {
	s, err := play(ctx, binary, voteEnvironment(handler))
	if err != nil {
		return work{}, err
	}
	if _, err := s.ready(); err != nil {
		return work{}, err
	}
	defer s.end()
	votes, size, event := recordTurn, batchSize, voteBatch
	if handler == "intake" {
		votes, size, event = intakeTurn, 1, voteRequest
	}
	first := turn * (votes + votes/10)
	give := func(from, to int) error {
		for ; from < to; from += size {
			answer, err := s.invoke(event(first + from))
			if err != nil {
				return err
			}
			if text := string(answer); works && (!strings.HasPrefix(text, "response ") || strings.Contains(text, "itemIdentifier") || handler == "intake" && !strings.Contains(text, "202")) {
				return fmt.Errorf("it answered %s", text)
			}
		}
		return nil
	}
	if err := give(0, votes/10); err != nil {
		return work{}, err
	}
	before, err := processorTime(s.cmd.Process.Pid)
	if err != nil {
		return work{}, err
	}
	if err := give(votes/10, votes/10+votes); err != nil {
		return work{}, err
	}
	after, err := processorTime(s.cmd.Process.Pid)
	if err != nil {
		return work{}, err
	}
	memory, err := peakMemory(s.cmd.Process.Pid)
	if err != nil {
		return work{}, err
	}
	if arrived := s.ballots.Load() + s.messages.Load(); works && arrived != int64(votes/10+votes) {
		return work{}, fmt.Errorf("%d votes arrived, want %d", arrived, votes/10+votes)
	}
	return work{votes: float64(votes), cpu: after - before, memory: memory}, nil
}

// voteEnvironment is the function's environment, with a window that is open now.
func voteEnvironment(handler string) []string {
	env := exampleEnvironment(handler)
	now := time.Now().UTC().Truncate(time.Second)
	for name, value := range map[string]string{
		"OPENS_AT": now.Add(-time.Hour).Format(time.RFC3339), "CLOSES_AT": now.Add(time.Hour).Format(time.RFC3339),
		"BALLOTS_TABLE": "ballots", "LEDGER_TABLE": "ledger", "TALLIES_TABLE": "tallies", "QUEUE_URL": "https://sqs." + region + ".amazonaws.com/123456789012/votes",
	} {
		env = append(env, name+"="+value)
	}
	return env
}

func voteText(i int) string { return fmt.Sprintf(`{"voter":"%08d","answer":"a"}`, i) }

// voteBatch is the event of a batch of votes, beginning with the i-th (Lambda
// Developer Guide, "Using Lambda with Amazon SQS", example event).
func voteBatch(i int) []byte {
	records := make([]events.SQSMessage, batchSize)
	now := strconv.FormatInt(time.Now().UnixMilli(), 10)
	for at := range records {
		id := i + at
		records[at] = events.SQSMessage{
			MessageId: fmt.Sprintf("00000000-0000-4000-8000-%012d", id), ReceiptHandle: strings.Repeat("AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy", 10), Body: voteText(id),
			Md5OfBody: "8036809b70de0c540d5bb09b51d6a53e", EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:" + region + ":123456789012:votes", AWSRegion: region,
			Attributes: map[string]string{
				"ApproximateReceiveCount": "1", "SentTimestamp": now, "SenderId": "AROAEXAMPLEINTAKEROLE:intake", "ApproximateFirstReceiveTimestamp": now,
			},
		}
	}
	event, err := json.Marshal(events.SQSEvent{Records: records})
	if err != nil {
		panic(err) // of texts alone
	}
	return event
}

// voteRequest is the event of a request with the i-th vote.
func voteRequest(i int) []byte {
	request := events.LambdaFunctionURLRequest{
		Version: "2.0", RawPath: "/", Body: voteText(i),
		Headers: map[string]string{
			"content-type": "application/json", "accept": "*/*", "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https", "x-forwarded-port": "443",
			"user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
		},
	}
	request.RequestContext.HTTP.Method, request.RequestContext.HTTP.SourceIP, request.RequestContext.HTTP.Path = "POST", "203.0.113.7", "/"
	event, err := json.Marshal(request)
	if err != nil {
		panic(err) // of texts alone
	}
	return event
}

// processorTime is what a process has used, in seconds: fields 14 and 15 of its
// stat, after a name that ends with the last parenthesis (proc(5)).
func processorTime(pid int) (float64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, fmt.Errorf("read the time of a process, which needs Linux: %w", err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks float64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return ticks * clockTick, nil
}

// peakMemory is the most that a process had resident, in MB.
func peakMemory(pid int) (float64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, fmt.Errorf("read the memory of a process, which needs Linux: %w", err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	var kilobytes float64
	if _, err := fmt.Sscan(after, &kilobytes); err != nil {
		return 0, fmt.Errorf("read VmHWM: %w", err)
	}
	return kilobytes / 1024, nil
}
