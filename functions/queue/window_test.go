package queue_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// TestReadWindows: windows are read by going through the table, and one by one where others' would be most of it.
func TestReadWindows(t *testing.T) {
	for _, test := range []struct {
		name   string
		others int // Windows of another sale.
		calls  map[string]int
	}{
		{"alone", 0, map[string]int{"scan windows": 1}},
		{"among as many as pay", 8*4 - 3, map[string]int{"scan windows": 2}}, // Two pages of 20.
		{"among too many", 8*4 - 2, map[string]int{"scan windows": 2, "get batch windows": 1}},
		{"among very many", 1000, map[string]int{"scan windows": 2, "get batch windows": 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMemory()
			m.page = 20
			put := func(sale string, number int) {
				m.tables["windows"][fmt.Sprintf("%s/%d", sale, number)] = dynamodb.Item{
					queue.WindowsKey: dynamodb.String(fmt.Sprintf("%s/%d", sale, number)), "fan": dynamodb.String(fmt.Sprintf("%s-%d", sale, number)), "until": dynamodb.Number(int64(number)),
				}
			}
			for number := range test.others {
				put("a-gig", number+1)
			}
			for _, number := range []int{1, 3, 5} { // The fifth is beyond what is asked for.
				put("gig", number)
			}
			windows, err := m.store().ReadWindows(t.Context(), "gig", 4)
			if err != nil {
				t.Fatal(err)
			}
			want := map[int]queue.Window{1: {Number: 1, Fan: "gig-1", Until: 1}, 3: {Number: 3, Fan: "gig-3", Until: 3}}
			if !maps.Equal(windows, want) || !maps.Equal(m.calls, test.calls) {
				t.Errorf("%v by %v, want %v by %v", windows, m.calls, want, test.calls)
			}
		})
	}
}
