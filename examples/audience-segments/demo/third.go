package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// thirdParty takes the data of booked segments, as an advertiser's service does. It
// has its bad days: the first request finds it down, and of the first data that it
// takes it breaks the connection off before it answers, so that the sender cannot
// know. It takes each idempotency key once.
type thirdParty struct {
	url    string
	secret string // What the header Authorization must have.
	server *http.Server

	mu     sync.Mutex
	asked  int
	broke  bool
	taken  map[string]delivery // By idempotency key.
	faults []error             // What no sender may do.
}

// delivery is what came with one idempotency key.
type delivery struct {
	booking string
	places  map[string]int64 // Populations by the items' keys.
	times   int              // How often it came.
}

// bodyLimit bounds the data of one segment, in bytes.
const bodyLimit = 64 << 20

// startThirdParty listens on a free port of this machine.
func startThirdParty(ctx context.Context, secret string) (*thirdParty, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the third party: %w", err)
	}
	t := &thirdParty{url: "http://" + listener.Addr().String(), secret: secret, taken: map[string]delivery{}}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /audiences/{booking}", t.take)
	t.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go t.server.Serve(listener) //nolint:errcheck // It ends by close.
	return t, nil
}

func (t *thirdParty) close() error { return t.server.Close() }

// state is how often it was asked, what it took, and what was wrong with requests.
func (t *thirdParty) state() (asked int, taken map[string]delivery, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked, maps.Clone(t.taken), errors.Join(t.faults...)
}

// take takes the data of a booking.
func (t *thirdParty) take(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked++; t.asked == 1 {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
		return
	}
	if r.Header.Get("Authorization") != t.secret {
		t.refuse(w, http.StatusUnauthorized, errors.New("the secret is wrong"))
		return
	}
	key := r.Header.Get("Idempotency-Key")
	places, err := placesIn(r, key)
	if err != nil {
		t.refuse(w, http.StatusBadRequest, err)
		return
	}
	d, known := t.taken[key]
	if !known {
		d = delivery{booking: r.PathValue("booking"), places: places}
	}
	d.times++
	t.taken[key] = d
	if !t.broke {
		t.broke = true
		panic(http.ErrAbortHandler) // Taken, and the connection is gone.
	}
	w.WriteHeader(http.StatusCreated)
}

func (t *thirdParty) refuse(w http.ResponseWriter, status int, err error) {
	t.faults = append(t.faults, err)
	http.Error(w, err.Error(), status)
}

// placesIn checks that a request's data is what its digest and its key say, and
// reads the items in it.
func placesIn(r *http.Request, key string) (map[string]int64, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit))
	if err != nil {
		return nil, fmt.Errorf("read the data: %w", err)
	}
	sum := sha256.Sum256(body)
	if want := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"; r.Header.Get("Content-Digest") != want {
		return nil, fmt.Errorf("the digest is %q of data with %q", r.Header.Get("Content-Digest"), want)
	}
	if want := r.PathValue("booking") + "-" + hex.EncodeToString(sum[:]); key != want {
		return nil, fmt.Errorf("the idempotency key is %q of the data with %q", key, want)
	}
	if r.Header.Get("Content-Type") == "application/gzip" {
		unpacked, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("unpack the data: %w", err)
		}
		if body, err = io.ReadAll(io.LimitReader(unpacked, bodyLimit)); err != nil {
			return nil, fmt.Errorf("unpack the data: %w", err)
		}
	}
	places := map[string]int64{}
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, bodyLimit)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var place struct {
			ID         string `json:"id"`
			Population int64  `json:"population"`
		}
		if err := json.Unmarshal(lines.Bytes(), &place); err != nil {
			return nil, fmt.Errorf("read a line of the data: %w", err)
		}
		if _, twice := places[place.ID]; twice || place.ID == "" {
			return nil, fmt.Errorf("the place %q is twice in the data, or has no id", place.ID)
		}
		places[place.ID] = place.Population
	}
	return places, lines.Err()
}
