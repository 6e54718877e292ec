package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// drandTimeout bounds one question to a beacon; the keeper asks again in its next round.
	drandTimeout = 3 * time.Second
	// maxDrandBytes bounds an answer, in bytes. One has some hundred.
	maxDrandBytes = 64 << 10
)

// Drand asks beacons by drand's HTTP API (drand documentation, "HTTP API").
type Drand struct{ Client *http.Client }

// RoundAt returns the first round of a beacon at or after a time in milliseconds since 1970, and when it comes.
func (d *Drand) RoundAt(ctx context.Context, beacon Beacon, at int64) (round, comes int64, err error) {
	var info struct {
		Period  int64 `json:"period"`       // Seconds.
		Genesis int64 `json:"genesis_time"` // Of round 1, in seconds since 1970.
	}
	if err := d.get(ctx, beacon, "info", &info); err != nil {
		return 0, 0, err
	}
	if info.Period <= 0 || info.Genesis <= 0 {
		return 0, 0, errors.New("the beacon's chain has no period or no beginning")
	}
	seconds := max(0, (at+999)/1000-info.Genesis)
	round = (seconds+info.Period-1)/info.Period + 1
	return round, (info.Genesis + (round-1)*info.Period) * 1000, nil
}

// Pulse returns a round that has come.
func (d *Drand) Pulse(ctx context.Context, beacon Beacon, round int64) (Pulse, error) {
	var pulse struct {
		Round      int64  `json:"round"`
		Randomness string `json:"randomness"`
		Signature  string `json:"signature"`
	}
	if err := d.get(ctx, beacon, "public/"+strconv.FormatInt(round, 10), &pulse); err != nil {
		return Pulse{}, err
	}
	if pulse.Round != round || len(pulse.Randomness) != 64 || pulse.Signature == "" {
		return Pulse{}, fmt.Errorf("the beacon's answer is not round %d", round)
	}
	return Pulse{Round: round, Randomness: pulse.Randomness, Signature: pulse.Signature}, nil
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
