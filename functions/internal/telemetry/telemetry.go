// Package telemetry is how functions speak: structured logs and CloudWatch metrics, both as JSON lines. A
// voter identifier or another personal datum is never passed to it.
package telemetry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Source says which function of which system speaks.
type Source struct {
	System   string // The kind of system: "voting_window".
	Name     string // The system's name.
	Function string // The function within it: "recorder".
}

// Logger returns a logger that writes one JSON line per record to w, with the source and, where the context
// is an invocation's, the request id.
func Logger(w io.Writer, source Source) *slog.Logger {
	handler := slog.NewJSONHandler(w, nil).WithAttrs([]slog.Attr{
		slog.String("system", source.System), slog.String("name", source.Name), slog.String("function", source.Function),
	})
	return slog.New(invocation{handler})
}

// invocation adds the request id of the invocation that a record's context belongs to.
type invocation struct{ slog.Handler }

func (h invocation) Handle(ctx context.Context, record slog.Record) error {
	if lambda, ok := lambdacontext.FromContext(ctx); ok {
		record.AddAttrs(slog.String("request_id", lambda.AwsRequestID))
	}
	return h.Handler.Handle(ctx, record)
}

func (h invocation) WithAttrs(attrs []slog.Attr) slog.Handler {
	return invocation{h.Handler.WithAttrs(attrs)}
}

func (h invocation) WithGroup(name string) slog.Handler {
	return invocation{h.Handler.WithGroup(name)}
}

// Namespace is the CloudWatch namespace of all metrics.
const Namespace = "Serverless"

// Unit is a CloudWatch unit (CloudWatch API Reference, MetricDatum).
type Unit string

// The units in use.
const (
	Count   Unit = "Count"
	Seconds Unit = "Seconds"
	// Milliseconds are thousandths of a second.
	Milliseconds Unit = "Milliseconds"
)

// Metric is one figure.
type Metric struct {
	Name  string
	Unit  Unit
	Value float64
}

// Metrics writes figures in CloudWatch's embedded metric format, which Lambda's log stream turns into
// metrics without a call. It may be used from several goroutines.
type Metrics struct {
	source Source
	mu     sync.Mutex
	w      io.Writer
}

// NewMetrics writes to w, which is a function's standard output.
func NewMetrics(w io.Writer, source Source) *Metrics {
	return &Metrics{w: w, source: source}
}

// Emit writes the figures of one moment as one line: namespace "Serverless", dimensions System, Name and Function
// (CloudWatch User Guide, "Specification: Embedded metric format").
func (m *Metrics) Emit(at time.Time, figures ...Metric) error {
	type definition struct {
		Name string
		Unit Unit
	}
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []definition
	}
	type metadata struct {
		Timestamp         int64
		CloudWatchMetrics []directive
	}
	line := map[string]any{"System": m.source.System, "Name": m.source.Name, "Function": m.source.Function}
	definitions := make([]definition, len(figures))
	for i, figure := range figures {
		definitions[i] = definition{figure.Name, figure.Unit}
		line[figure.Name] = figure.Value
	}
	line["_aws"] = metadata{
		Timestamp: at.UnixMilli(),
		CloudWatchMetrics: []directive{
			{Namespace: Namespace, Dimensions: [][]string{{"System", "Name", "Function"}}, Metrics: definitions},
		},
	}
	encoded, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode metrics: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.w.Write(append(encoded, '\n')); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}
