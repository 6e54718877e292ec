package pass

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestKeyID takes the example of RFC 7638, section 3.1.
func TestKeyID(t *testing.T) {
	const modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst" +
		"n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt" +
		"-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	key, err := PublicKey("example", modulus).rsa()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := KeyID(key), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"; got != want {
		t.Errorf("the id is %s, want %s", got, want)
	}
	if got := Modulus(key); got != modulus {
		t.Errorf("the modulus is %s", got)
	}
}

func TestDocuments(t *testing.T) {
	if got, want := (JWKS{[]JWK{PublicKey("a", "AQ")}}).JSON(), `{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"a","n":"AQ","e":"AQAB"}]}`; got != want {
		t.Errorf("the keys are %s, want %s", got, want)
	}
	var said map[string]any
	if err := json.Unmarshal([]byte(NewDiscovery("https://a.example/sale").JSON()), &said); err != nil {
		t.Fatal(err)
	}
	if said["issuer"] != "https://a.example/sale" || said["jwks_uri"] != "https://a.example/sale/.well-known/jwks.json" {
		t.Errorf("the configuration is %v", said)
	}
	for _, required := range []string{"response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"} {
		if list, _ := said[required].([]any); len(list) == 0 {
			t.Errorf("%s is %v", required, said[required])
		}
	}
}

// TestGenerations: the key that signs next was published before, the one that
// signed before still is.
func TestGenerations(t *testing.T) {
	for current, want := range map[int][]int{1: {1, 2}, 2: {1, 2, 3}, 7: {6, 7, 8}} {
		if got := Generations(current); !slices.Equal(got, want) {
			t.Errorf("while %d signs there are %v, want %v", current, got, want)
		}
	}
}

func newKey(t testing.TB) *rsa.PublicKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &key.PublicKey
}

func TestKeysOfASet(t *testing.T) {
	key := newKey(t)
	good := PublicKey("good", Modulus(key))
	change := func(do func(*JWK)) JWK {
		k := good
		do(&k)
		return k
	}
	for name, c := range map[string]struct {
		keys []JWK
		want int
	}{
		"one":             {[]JWK{good}, 1},
		"two":             {[]JWK{good, change(func(k *JWK) { k.ID = "second" })}, 2},
		"others left out": {[]JWK{good, {KeyType: "EC", ID: "ec"}, change(func(k *JWK) { k.ID, k.Use = "enc", "enc" }), change(func(k *JWK) { k.ID, k.Algorithm = "ps", "PS256" })}, 1},
		"none":            {nil, 0},
		"no id":           {[]JWK{change(func(k *JWK) { k.ID = "" })}, 0},
		"too small":       {[]JWK{change(func(k *JWK) { k.Modulus = k.Modulus[:100] })}, 0},
		"too large":       {[]JWK{change(func(k *JWK) { k.Modulus = Modulus(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 9000)}) })}, 0},
		"no base64url":    {[]JWK{change(func(k *JWK) { k.Modulus = "+/=" })}, 0},
		"exponent 1":      {[]JWK{change(func(k *JWK) { k.Exponent = "AQ" })}, 0},
		"exponent even":   {[]JWK{change(func(k *JWK) { k.Exponent = "Ag" })}, 0},
		"exponent long":   {[]JWK{change(func(k *JWK) { k.Exponent = "AQABAQAB" })}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := JWKS{c.keys}.RSA()
			if (err == nil) != (c.want > 0) || len(keys) != c.want {
				t.Errorf("got %d keys, %v; want %d", len(keys), err, c.want)
			}
		})
	}
}

// publisher serves a set of keys, and counts who asks.
type publisher struct {
	*httptest.Server
	mu     sync.Mutex
	set    JWKS
	status int
	asked  int
}

func publish(t *testing.T, ids ...string) *publisher {
	t.Helper()
	p := &publisher{status: http.StatusOK}
	modulus := Modulus(newKey(t))
	for _, id := range ids {
		p.set.Keys = append(p.set.Keys, PublicKey(id, modulus))
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked++
		if r.URL.Path != KeysPath {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(p.status)
		_, _ = w.Write([]byte(p.set.JSON()))
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) become(status int, ids ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = status
	modulus := p.set.Keys[0].Modulus
	p.set.Keys = nil
	for _, id := range ids {
		p.set.Keys = append(p.set.Keys, PublicKey(id, modulus))
	}
}

func (p *publisher) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// TestFetched goes through the life of published keys in virtual time.
func TestFetched(t *testing.T) {
	server := publish(t, "one", "two")
	keys := FetchedFrom(server.URL, nil)
	start := time.Now()
	now := start
	keys.now = func() time.Time { return now }
	for i, s := range []struct {
		after  time.Duration
		do     func()
		id     string
		want   error // nil, ErrUnknownKey or errUnread
		asked  int
		reason string
	}{
		{0, nil, "", ErrUnknownKey, 0, "a pass that names no key is no reason to ask"},
		{0, nil, "one", nil, 1, "the first pass fetches"},
		{time.Second, nil, "two", nil, 1, "both were fetched"},
		{2 * time.Second, nil, "three", ErrUnknownKey, 1, "unknown, and asked a moment ago"},
		{11 * time.Second, nil, "three", ErrUnknownKey, 2, "unknown, and asked ten seconds ago"},
		{12 * time.Second, func() { server.become(http.StatusOK, "two", "three") }, "four", ErrUnknownKey, 2, "a flood of unknown ids asks nothing"},
		{22 * time.Second, nil, "three", nil, 3, "a new key is found"},
		{23 * time.Second, nil, "one", ErrUnknownKey, 3, "a key that was taken out is unknown"},
		{23*time.Second + keysFor, func() { server.become(http.StatusInternalServerError, "two") }, "two", nil, 4, "a document that cannot be read leaves the keys"},
		{24*time.Second + keysFor, nil, "two", nil, 4, "and nobody asks at once again"},
		{22*time.Second + keysStale, nil, "three", nil, 5, "for two hours"},
		{33*time.Second + keysStale, nil, "three", errUnread, 6, "and no longer"},
		{44*time.Second + keysStale, func() { server.become(http.StatusOK, "three") }, "three", nil, 7, "it is back"},
	} {
		now = start.Add(s.after)
		if s.do != nil {
			s.do()
		}
		key, err := keys.Key(t.Context(), s.id)
		// What is fetched behind our back is over before the next step.
		if waiting := keys.underWay(); waiting != nil {
			<-waiting
		}
		switch {
		case s.want == nil && (err != nil || key == nil),
			errors.Is(s.want, ErrUnknownKey) && !errors.Is(err, ErrUnknownKey),
			errors.Is(s.want, errUnread) && (err == nil || errors.Is(err, ErrUnknownKey)):
			t.Errorf("step %d, %s: got %v, %v", i+1, s.reason, key, err)
		}
		if got := server.count(); got != s.asked {
			t.Errorf("step %d, %s: asked %d times, want %d", i+1, s.reason, got, s.asked)
		}
	}
}

var errUnread = errors.New("the document was not read")

func (f *Fetched) underWay() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fetching
}

// TestFetchedTogether: many passes at once are one fetch.
func TestFetchedTogether(t *testing.T) {
	server := publish(t, "one")
	keys := FetchedFrom(server.URL, nil)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if _, err := keys.Key(t.Context(), "one"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := server.count(); got != 1 {
		t.Errorf("asked %d times, want once", got)
	}
}

// TestFetchedOddly reads what is no set of keys.
func TestFetchedOddly(t *testing.T) {
	for name, answer := range map[string]string{"no JSON": "<html>", "no keys": "{}", "too long": `{"keys":[],"x":"` + strings.Repeat("x", maxDocument) + `"}`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
		if _, err := FetchedFrom(server.URL, server.Client()).Key(t.Context(), "one"); err == nil || errors.Is(err, ErrUnknownKey) {
			t.Errorf("%s: got %v", name, err)
		}
		server.Close()
	}
}

// FuzzKeys reads any document as a set of keys.
func FuzzKeys(f *testing.F) {
	f.Add([]byte((JWKS{[]JWK{PublicKey("a", Modulus(newKey(f)))}}).JSON()))
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"a","n":"","e":""}]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		var set JWKS
		if json.Unmarshal(document, &set) != nil {
			return
		}
		keys, err := set.RSA()
		if err != nil {
			return
		}
		for id, key := range keys {
			if bits := key.N.BitLen(); id == "" || bits < 2048 || bits > 8192 || key.E < 3 {
				t.Errorf("key %q has %d bits and the exponent %d", id, bits, key.E)
			}
		}
	})
}
