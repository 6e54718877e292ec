package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// together is a table that answers its first writes only once so many are there at the same time.
type together struct {
	pipeline.DynamoDB
	want        int
	mu          sync.Mutex
	there, most int
	met         chan struct{}
}

func (d *together) BatchPutEncoded(ctx context.Context, table string, items []json.RawMessage) ([]json.RawMessage, error) {
	d.mu.Lock()
	d.there++
	if d.most = max(d.most, d.there); d.most == d.want && d.there == d.want {
		select {
		case <-d.met:
		default:
			close(d.met)
		}
	}
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.there--
		d.mu.Unlock()
	}()
	select {
	case <-d.met:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return d.DynamoDB.BatchPutEncoded(ctx, table, items)
}

// The items of one file are written by as many calls at the same time as files are read, and by no more.
func TestOneFileOfManyItems(t *testing.T) {
	var lines strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&lines, "{\"id\":%d,\"suburb\":\"x\"}\n", i)
	}
	w := listed(t, map[string]string{"up/many": lines.String(), "up/more": strings.ReplaceAll(lines.String(), `"id":`, `"id":77777`)})
	w.reads = 4
	ingest := w.ingest()
	table := &together{DynamoDB: ingest.Store.Client, want: 4, met: make(chan struct{})}
	ingest.Store.Client = table
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answer, err := ingest.Handle(ctx, w.batch())
	if run := w.run(t, "r1"); err != nil || len(answer.BatchItemFailures) != 0 || run.Ingested != 2 || run.Items != 4000 || table.most != 4 {
		t.Errorf("%d writes at the same time, %+v, %+v, %v", table.most, answer, run, err)
	}
}
