package bookings_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
)

// endless is DynamoDB with so many items of a segment, made as they are read, and S3 that forgets.
type endless struct {
	*bucket
	items, page int
	peak        uint64 // The largest heap at any page, in bytes.
}

func (e *endless) Scan(_ context.Context, scan *dynamodb.Scan) (page dynamodb.Page, err error) {
	first, size := 0, e.items/scan.TotalSegments
	if last := scan.ExclusiveStartKey["id"].Text(); last != "" {
		if _, err := fmt.Sscanf(last, "home-%d", &first); err != nil {
			return page, err
		}
		first++
	}
	for i := first; i < min(first+e.page, size); i++ {
		id := fmt.Sprintf("home-%08d", i)
		page.Items = append(page.Items, dynamodb.Item{
			"id": dynamodb.String(id), "suburb": dynamodb.String("Kew"), "price": dynamodb.Number(int64(i) * 7919 % 1_000_003), "all": dynamodb.String(description(i)),
		})
	}
	if to := first + e.page; to < size {
		page.LastEvaluatedKey = dynamodb.Item{"id": dynamodb.String(fmt.Sprintf("home-%08d", to-1))}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	e.peak = max(e.peak, memory.HeapAlloc)
	return page, nil
}

// description is half a kilobyte that packs badly.
func description(i int) string {
	text := []byte(`{"text":"`)
	for n := range 480 {
		i = (i*1103515245 + 12345 + n) & 0x7fffffff
		text = append(text, 'a'+byte((i>>16)%26))
	}
	return string(append(text, `"}`...))
}

func (e *endless) AddPart(ctx context.Context, parts *s3.Parts, body []byte) error {
	if len(body) < s3.PartBytes && len(parts.Parts) == 0 {
		return io.ErrShortWrite
	}
	parts.Parts = append(parts.Parts, s3.Part{PartNumber: len(parts.Parts) + 1})
	return ctx.Err()
}

func (e *endless) CompleteParts(context.Context, *s3.Parts) error { return nil }

// peakOf is the memory that creator takes for a booking of so many items, beside what is there already, and how many bytes it wrote.
func peakOf(t testing.TB, items int) (peak uint64, written int64) {
	t.Helper()
	w := newWorldAlone()
	w.rows.Gzip = false
	e := &endless{bucket: w.bucket, items: items, page: 500}
	b := w.book(t, "Kew")
	creator := w.creator()
	creator.Items, creator.Objects = e, e
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	if err := creator.Handle(t.Context(), json.RawMessage(`{}`)); err != nil {
		t.Fatal(err)
	}
	is := w.booking(t, b.ID)
	if is.Items != int64(items) {
		t.Fatalf("%d items of %d", is.Items, items)
	}
	return e.peak - memory.HeapAlloc, is.Bytes
}

// Memory does not grow with a segment: what ten times the items take more is what several parts of a scan have at the same time.
func TestCreatorMemoryIsFlat(t *testing.T) {
	small, few := peakOf(t, 10_000)
	large, many := peakOf(t, 100_000)
	t.Logf("10,000 items: %d bytes of %d; 100,000 items: %d of %d", small, few, large, many)
	if large > small+16<<20 || many-few < 45<<20 {
		t.Errorf("10,000 items take %d bytes, 100,000 take %d", small, large)
	}
}

func BenchmarkCreator(b *testing.B) {
	for _, items := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(items), func(b *testing.B) {
			var peak uint64
			for b.Loop() {
				peak, _ = peakOf(b, items)
			}
			b.ReportMetric(float64(peak)/1e6, "MB-peak")
			b.ReportMetric(float64(items*b.N)/b.Elapsed().Seconds(), "items/s")
		})
	}
}
