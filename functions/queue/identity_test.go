package queue_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

func testKey(t tester) queue.Key {
	t.Helper()
	raw := make([]byte, queue.KeyBytes)
	for i := range raw {
		raw[i] = byte(i)
	}
	key, err := queue.ReadKey(base64.StdEncoding.EncodeToString(raw))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// The values were computed apart, with Python's hashlib and hmac.
func TestIdentitiesAreFixed(t *testing.T) {
	key := testKey(t)
	for got, want := range map[string]string{
		queue.FanID("gig", "AAAA"): "xBPX3RCrVp0fgC4mzcwI8Y",
		key.Who("CODE-1"):          "aPX632PBVOfSMVxSL9gR82",
		key.Probe("gig", "AAAA"):   "-ZW6ANGLrQRMpxesQfcvBN",
		key.PassID("fan", 2):       "ES5Qsr-r8LAuqhYBffaZha",
		key.Seal(queue.Ticket{Sale: "gig", Fan: "f", Joined: 7, Attempt: 1}): "Z2lnCmYKNwox.WBa6SKAgMU_NtI3lThdSB0",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestTicketsOpenWithTheirKeyOnly(t *testing.T) {
	key := testKey(t)
	want := queue.Ticket{Sale: "gig", Fan: queue.FanID("gig", "x"), Joined: 1_700_000_000_000, Attempt: 3}
	sealed := key.Seal(want)
	if got, err := key.OpenTicket(sealed); err != nil || got != want {
		t.Errorf("%+v %v", got, err)
	}
	other := append(queue.Key{1}, key[1:]...)
	if _, err := other.OpenTicket(sealed); err == nil {
		t.Error("another key opens it")
	}
	payload, code, _ := strings.Cut(sealed, ".")
	forged := base64.RawURLEncoding.EncodeToString([]byte("gig\nsomebody\n0\n0"))
	for _, text := range []string{"", ".", payload, payload + ".", payload + "." + code[1:], forged + "." + code, sealed + "\n", payload + "\n." + code, sealed + ".x"} {
		if _, err := key.OpenTicket(text); err == nil {
			t.Errorf("%q opens", text)
		}
	}
	for _, text := range []string{"", "AAAA", "!"} {
		if _, err := queue.ReadKey(text); err == nil {
			t.Errorf("%q is a key", text)
		}
	}
}
