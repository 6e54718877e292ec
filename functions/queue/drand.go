package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue/verifydraw"
)

const (
	// drandTimeout bounds one question to a beacon; the keeper asks again in its next round.
	drandTimeout = 3 * time.Second
	// maxDrandBytes bounds an answer, in bytes. One has some hundred.
	maxDrandBytes = 64 << 10
)

// Drand asks beacons by drand's HTTP API (drand documentation, "HTTP API").
type Drand struct{ Client *http.Client }

// Chain returns what makes the hash of a beacon's chain.
func (d *Drand) Chain(ctx context.Context, beacon Beacon) (verifydraw.Chain, error) {
	var chain verifydraw.Chain
	if err := d.get(ctx, beacon, "info", &chain); err != nil {
		return verifydraw.Chain{}, err
	}
	return chain, chain.Check(beacon.Chain)
}

// Signature returns that of a round that has come, in hex.
func (d *Drand) Signature(ctx context.Context, beacon Beacon, round int64) (string, error) {
	var pulse struct {
		Round     int64  `json:"round"`
		Signature string `json:"signature"`
	}
	if err := d.get(ctx, beacon, "public/"+strconv.FormatInt(round, 10), &pulse); err != nil {
		return "", err
	}
	if pulse.Round != round || pulse.Signature == "" {
		return "", fmt.Errorf("the beacon's answer is not round %d", round)
	}
	return pulse.Signature, nil
}

func (d *Drand) get(ctx context.Context, beacon Beacon, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, drandTimeout)
	defer cancel()
	from := strings.TrimSuffix(beacon.URL, "/") + "/" + url.PathEscape(beacon.Chain) + "/" + path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return fmt.Errorf("ask the beacon: %w", err)
	}
	response, err := d.Client.Do(request)
	if err != nil {
		return fmt.Errorf("ask the beacon: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // Nothing was written.
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the beacon: %s answers %s", from, response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxDrandBytes)).Decode(into); err != nil {
		return fmt.Errorf("read the beacon's answer: %w", err)
	}
	return nil
}
