package provider_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// pageIntake is what window.json says of where votes are sent.
type pageIntake struct {
	Intake struct{ Kind, URL string } `json:"intake"`
}

// TestAccWindowSwitch moves the way in by apply while people vote: all that was
// acknowledged counts.
func TestAccWindowSwitch(t *testing.T) {
	e := newEvening(t, "switched", nil)
	defer e.end()
	windowURL, bucket := e.output("window_url"), e.output("results_bucket")
	var mu sync.Mutex
	by := map[string]int{} // votes that were acknowledged, by the kind of intake
	over := make(chan struct{})
	var people sync.WaitGroup
	for i := range 4 {
		people.Go(func() {
			again := time.NewTicker(20 * time.Millisecond)
			defer again.Stop()
			for n := 0; ; <-again.C {
				voter := fmt.Sprintf("2%01d%06d", i, n)
				kind, id, err := asThePage(t.Context(), windowURL, bucket, voter)
				if err == nil {
					e.accept(voter, id)
					mu.Lock()
					by[kind]++
					mu.Unlock()
					n++
				}
				select {
				case <-over:
					if err == nil { // Nobody stops at a vote of which it is not known whether it was taken.
						return
					}
				case <-t.Context().Done():
					return
				default:
				}
			}
		})
	}
	for i, intake := range []string{"url", "api", "direct", "url"} {
		e.change(map[string]any{"intake": intake})
		if intake == "direct" {
			e.call("credentials", "{}", nil)
		}
		mu.Lock()
		before := by[intake]
		mu.Unlock()
		eventually(t, endsWithin, func() error {
			mu.Lock()
			defer mu.Unlock()
			if by[intake] < before+20 {
				return fmt.Errorf("step %d: %d votes by %s, were %d", i, by[intake], intake, before)
			}
			return nil
		})
	}
	close(over)
	people.Wait()
	for _, intake := range []string{"url", "api", "direct"} {
		if by[intake] < 20 {
			t.Errorf("%d votes by %s", by[intake], intake)
		}
	}
	report := e.books(int64(len(e.accepted)))
	equal(t, "late votes", report.Counts.Late, 0)
	equal(t, "rejected votes", report.Counts.Rejected, 0)
	e.settled(e.config)
}

// asThePage sends a vote to where window.json says, as the page does.
func asThePage(ctx context.Context, windowURL, bucket, voter string) (kind, id string, err error) {
	var page pageIntake
	if err := getJSON(ctx, windowURL, &page); err != nil {
		return "", "", err
	}
	if page.Intake.Kind != "direct" {
		id, err := overHTTP(page.Intake.URL)(ctx, voter, "anna")
		return page.Intake.Kind, id, err
	}
	var c publishedCredentials
	if err := getJSON(ctx, "https://"+bucket+".s3."+home+".amazonaws.com/credentials.json", &c); err != nil {
		return "", "", err
	}
	id, err = toQueue(sqs.NewFromConfig(c.config()), c.QueueURL)(ctx, voter, "anna")
	return page.Intake.Kind, id, err
}

// getJSON reads a public object.
func getJSON(ctx context.Context, url string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := local.HTTPClient().Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
