package edge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass/edge"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass/edge/edgetest"
)

const key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

var opened = time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)

func gate() edge.Gate {
	return edge.Gate{Issuer: "https://tickets.example", Audience: "arena/", Waiting: "https://wait.example/final"}
}

func claims(change func(*pass.Claims)) pass.Claims {
	c := pass.Claims{
		Issuer: "https://tickets.example", Audience: "arena/final", Fan: "fan", ID: "id", Sale: "final", Window: 7,
		IssuedAt: opened.Unix(), NotBefore: opened.Unix(), Expires: opened.Add(10 * time.Minute).Unix(),
	}
	if change != nil {
		change(&c)
	}
	return c
}

// sign makes a pass with the signer that the waiting room has.
func sign(t *testing.T, id, key string, c pass.Claims) string {
	t.Helper()
	signer, err := pass.NewEdgeSigner(id, []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// run runs the function on requests a minute after the opening.
func run(t *testing.T, g edge.Gate, requests ...edgetest.Request) []edgetest.Answer {
	t.Helper()
	code, err := edge.Code(g)
	if err != nil {
		t.Fatal(err)
	}
	return edgetest.Run(t, code, map[string]string{"1": key, "2": strings.Repeat("2", 44)}, opened.Add(time.Minute), requests...)
}

func TestGoodPass(t *testing.T) {
	good, vip := sign(t, "1", key, claims(nil)), sign(t, "1", key, claims(func(c *pass.Claims) { c.Window, c.VIP = 0, true }))
	forgedHeaders := map[string]edgetest.Value{"x-pass-sub": {Value: "somebody"}, "x-pass-vip": {Value: "1"}, "host": {Value: "shop.example"}}
	out := run(t, gate(),
		edgetest.Request{Query: map[string]edgetest.Value{"edge": {Value: good}, "seat": {Value: "A%201"}, "day": {Value: "1", MultiValue: []edgetest.Value{{Value: "1"}, {Value: "2"}}}, "x": {}}},
		edgetest.Request{Cookies: map[string]edgetest.Value{"__Host-pass": {Value: good}}, Headers: forgedHeaders},
		edgetest.Request{Cookies: map[string]edgetest.Value{"__Host-pass": {Value: vip}}},
		edgetest.Request{Method: "POST", Query: map[string]edgetest.Value{"edge": {Value: good}, "seat": {Value: "A1"}}},
		edgetest.Request{URI: "//evil.example/x", Query: map[string]edgetest.Value{"edge": {Value: good}}},
		edgetest.Request{Query: map[string]edgetest.Value{"edge": {Value: "over"}}, Cookies: map[string]edgetest.Value{"__Host-pass": {Value: good}}},
		edgetest.Request{Cookies: map[string]edgetest.Value{"__Host-pass": {Value: sign(t, "2", strings.Repeat("2", 44), claims(nil))}}},
	)
	if got := out[0]; got.Status != 302 || !sameQuery(got.Headers["location"].Value) ||
		!cmp.Equal(got.Cookies["__Host-pass"], edgetest.Value{Value: good, Attributes: "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=540"}) || got.Headers["cache-control"].Value != "no-store" {
		t.Errorf("a pass in the query gives %+v", got)
	}
	want := map[string]edgetest.Value{
		"x-pass-sub": {Value: "fan"}, "x-pass-sale": {Value: "final"}, "x-pass-window": {Value: "7"}, "x-pass-vip": {Value: "0"}, "host": {Value: "shop.example"},
	}
	if diff := cmp.Diff(want, out[1].Headers); diff != "" || out[1].Status != 0 || out[1].URI != "/buy" {
		t.Errorf("a pass in the cookie gives %+v, headers want -, have +:\n%s", out[1], diff)
	}
	if got := out[2]; got.Status != 0 || got.Headers["x-pass-vip"].Value != "1" || got.Headers["x-pass-window"].Value != "0" {
		t.Errorf("a bypass pass gives %+v", got)
	}
	if got := out[3]; got.Status != 0 || got.Headers["x-pass-sub"].Value != "fan" || len(got.Query) != 1 {
		t.Errorf("a POST with a pass gives %+v, want it to go on without the pass in its query", got)
	}
	if got := out[4]; got.Status != 302 || got.Headers["location"].Value != "/evil.example/x" {
		t.Errorf("a path with two slashes leads to %q", got.Headers["location"].Value)
	}
	if got := out[5]; got.Status != 0 {
		t.Errorf("with a good cookie and a bad query: %+v", got)
	}
	if got := out[6]; got.Status != 0 {
		t.Errorf("a pass with the store's other key gives %+v", got)
	}
}

// sameQuery takes the parameters in any order: an event has them as a map.
func sameQuery(location string) bool {
	path, query, _ := strings.Cut(location, "?")
	pairs := strings.Split(query, "&")
	want := map[string]bool{"seat=A%201": true, "day=1": true, "day=2": true, "x": true}
	for _, p := range pairs {
		delete(want, p)
	}
	return path == "/buy" && len(pairs) == 4 && len(want) == 0
}

func TestRefused(t *testing.T) {
	good := sign(t, "1", key, claims(nil))
	parts := strings.Split(good, ".")
	cases := map[string]string{
		"no pass":              "",
		"over":                 sign(t, "1", key, claims(func(c *pass.Claims) { c.Expires = opened.Add(time.Minute).Unix() })),
		"not yet":              sign(t, "1", key, claims(func(c *pass.Claims) { c.NotBefore = opened.Add(66 * time.Second).Unix() })),
		"another issuer":       sign(t, "1", key, claims(func(c *pass.Claims) { c.Issuer = "https://evil.example" })),
		"another deployment":   sign(t, "1", key, claims(func(c *pass.Claims) { c.Audience = "stadium/final" })),
		"another sale":         sign(t, "1", key, claims(func(c *pass.Claims) { c.Audience = "arena/semi" })),
		"no window":            sign(t, "1", key, claims(func(c *pass.Claims) { c.Window = 0 })),
		"another key":          sign(t, "1", strings.Repeat("x", 44), claims(nil)),
		"an unknown key":       sign(t, "3", key, claims(nil)),
		"a key of the object":  sign(t, "constructor", "function Object() { [native code] }", claims(nil)),
		"a key's odd name":     sign(t, "__proto__", key, claims(nil)),
		"other claims":         parts[0] + "." + strings.Split(sign(t, "1", key, claims(func(c *pass.Claims) { c.Window = 8 })), ".")[1] + "." + parts[2],
		"no signature":         parts[0] + "." + parts[1] + ".",
		"unsigned":             "eyJhbGciOiJub25lIiwia2lkIjoiMSJ9." + parts[1] + ".",
		"an API's pass":        "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ." + parts[1] + "." + parts[2],
		"no JSON":              "AA." + parts[1] + "." + parts[2],
		"null":                 "bnVsbA.bnVsbA." + parts[2],
		"half a pass":          good[:len(good)-1],
		"more than a pass":     good + "A",
		"padded":               good + "=",
		"too long":             good + strings.Repeat("A", 2048),
		"four parts":           good + ".A",
		"two parts":            parts[0] + "." + parts[1],
		"an empty pass":        "..",
		"not a pass at all":    "let me in",
		"URL-encoded, and bad": "%00",
	}
	var names []string
	var requests []edgetest.Request
	for name, token := range cases {
		names = append(names, name, name)
		requests = append(requests, edgetest.Request{Query: map[string]edgetest.Value{"edge": {Value: token}}}, edgetest.Request{Cookies: map[string]edgetest.Value{"__Host-pass": {Value: token}}})
	}
	for i, got := range run(t, gate(), requests...) {
		if got.Status != 302 || got.Headers["location"].Value != "https://wait.example/final" || len(got.Cookies) != 0 || got.Headers["cache-control"].Value != "no-store" {
			t.Errorf("%s: got %+v, want the way to the waiting room", names[i], got)
		}
	}
	closed := gate()
	closed.Waiting = ""
	if got := run(t, closed, edgetest.Request{})[0]; got.Status != 403 {
		t.Errorf("without a waiting room: got %+v, want 403", got)
	}
}

// TestOneAudience is a gate for one sale alone.
func TestOneAudience(t *testing.T) {
	g := gate()
	g.Audience, g.Parameter, g.Cookie = "tickets of the final", "pass", "final"
	own := sign(t, "1", key, claims(func(c *pass.Claims) { c.Audience = g.Audience }))
	out := run(t, g, edgetest.Request{Query: map[string]edgetest.Value{"pass": {Value: own}}}, edgetest.Request{Cookies: map[string]edgetest.Value{"final": {Value: sign(t, "1", key, claims(nil))}}})
	if out[0].Status != 302 || out[0].Cookies["final"].Value != own || out[1].Headers["location"].Value != g.Waiting {
		t.Errorf("got %+v", out)
	}
}

func TestCode(t *testing.T) {
	code, err := edge.Code(gate())
	if err != nil {
		t.Fatal(err)
	}
	// CloudFront Developer Guide, "Quotas on CloudFront Functions": 10 KB.
	if len(code) > 10<<10 || strings.Contains(code, "const config = {};") || strings.Count(code, "const config = ") != 1 {
		t.Errorf("the code has %d bytes:\n%s", len(code), code)
	}
	for _, g := range []edge.Gate{{Issuer: "https://tickets.example"}, {Audience: "arena/"}} {
		if _, err := edge.Code(g); err == nil {
			t.Errorf("%+v has code", g)
		}
	}
}
