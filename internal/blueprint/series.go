package blueprint

import "maps"

// Series is a CloudWatch metric by one statistic, or a figure that is computed
// from others.
type Series struct {
	Namespace, Name string
	Dimensions      map[string]string
	// Statistic as CloudWatch names it: "Sum", "Maximum", "p99". An alarm takes no
	// percentile.
	Statistic string
	// Label is its name in a graph; empty leaves it to CloudWatch.
	Label string
	// ID names it for expressions; Hidden draws only what is computed from it.
	ID     string
	Hidden bool
	// Expression is CloudWatch metric math over the ids of the same graph
	// (CloudWatch User Guide, "Using math expressions with CloudWatch metrics").
	// Everything but Label and ID is then empty.
	Expression string
}

// Math is a figure that is computed from the metrics of the same graph.
func Math(label, expression string) Series { return Series{Label: label, Expression: expression} }

// Labelled returns the series under another name.
func (m Series) Labelled(label string) Series {
	m.Label = label
	return m
}

// As returns the series with an id, drawn only through what is computed from it.
func (m Series) As(id string) Series {
	m.ID, m.Hidden = id, true
	return m
}

// Metric is one that SQS sends of the queue (SQS Developer Guide, "Available
// CloudWatch metrics for Amazon SQS").
func (q QueueHandle) Metric(name, statistic string) Series {
	return Series{Namespace: "AWS/SQS", Name: name, Dimensions: map[string]string{"QueueName": q.Name()}, Statistic: statistic}
}

// Metric is one that Lambda sends of the function (Lambda Developer Guide,
// "Using CloudWatch metrics with Lambda").
func (f FunctionHandle) Metric(name, statistic string) Series {
	return Series{Namespace: "AWS/Lambda", Name: name, Dimensions: map[string]string{"FunctionName": f.Name()}, Statistic: statistic}
}

// Metric is one that DynamoDB sends of the table (DynamoDB Developer Guide,
// "DynamoDB metrics and dimensions").
func (t TableHandle) Metric(name, statistic string) Series {
	return Series{Namespace: "AWS/DynamoDB", Name: name, Dimensions: map[string]string{"TableName": t.Name()}, Statistic: statistic}
}

// emittedNamespace holds the metrics that functions write into their logs
// (functions/internal/telemetry).
const emittedNamespace = "Serverless"

// Emitted is one that the function itself writes.
func (f FunctionHandle) Emitted(name, statistic string) Series {
	return Series{Namespace: emittedNamespace, Name: name, Dimensions: maps.Clone(f.source), Statistic: statistic}
}
