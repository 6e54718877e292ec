package queue

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/burstline/terraform-provider-serverless/functions/internal/probe"
)

const (
	// KeyBytes is the length of a key, in bytes.
	KeyBytes = 32
	// nonceBytes is the length of a browser's secret, in bytes.
	nonceBytes = 32
	// idBytes is the length of ids and authentication codes in base64url, cut to 132 bits.
	idBytes = 22
	// MaxAttempts bounds how often one fan may join one sale.
	MaxAttempts = 1000
)

// Key authenticates tickets and hides join codes. It never leaves its SSM parameter and the functions' memory.
type Key []byte

// ReadKey reads a key from its text: the base64 of KeyBytes bytes.
func ReadKey(text string) (Key, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != KeyBytes {
		return nil, fmt.Errorf("read key: it is not the base64 of %d bytes", KeyBytes)
	}
	return key, nil
}

func (k Key) sum(domain, text string) []byte {
	mac := hmac.New(sha256.New, k)
	_, _ = mac.Write([]byte(domain + "\n" + text)) // A hash writes without error.
	return mac.Sum(nil)
}

func (k Key) code(domain, text string) string { return short(k.sum(domain, text)) }

func short(sum []byte) string { return base64.RawURLEncoding.EncodeToString(sum)[:idBytes] }

// Who is the person behind a join code: nobody who reads a table can try out codes, of which there may be few.
func (k Key) Who(joinCode string) string { return k.code("code", joinCode) }

// Allowed is a join code's entry in the hashed list of those that may join: the first eight bytes of HMAC-SHA-256 over "allow", a line feed and the code.
func (k Key) Allowed(joinCode string) [8]byte { return [8]byte(k.sum("allow", joinCode)[:8]) }

// Probe is what marks a semantic monitor's fan: only who knows the probe key can make it.
func (k Key) Probe(sale, nonce string) string { return probe.Code(k, sale, nonce) }

// PassID is the id (jti) of the pass that a fan gets for one attempt. It is the same however often the pass is made.
func (k Key) PassID(fan string, attempt int) string {
	return k.code("pass", fan+"\n"+strconv.Itoa(attempt))
}

// equal compares two authentication codes in constant time.
func equal(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

// FanID is a person's id in one sale: base64url(SHA-256("fan", sale, who; a line feed between))[:22]. who is the browser's nonce, or what Key.Who makes
// of a join code, or the subject of the organiser's JWT, or a Cognito identity id.
func FanID(sale, who string) string {
	sum := sha256.Sum256([]byte("fan\n" + sale + "\n" + who))
	return short(sum[:])
}

// FanKey is the key of a fan's record.
func FanKey(sale, fan string) string { return sale + "/" + fan }

// validFan says whether a text can be a fan's id.
func validFan(id string) bool {
	return len(id) == idBytes && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// validNonce says whether a text is the base64url (no padding) of 32 bytes.
func validNonce(text string) bool {
	nonce, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(nonce) == nonceBytes && !strings.ContainsAny(text, "\r\n")
}

// Ticket says that a fan joined a sale.
type Ticket struct {
	Sale    string
	Fan     string
	Joined  int64 // Milliseconds since 1970, by the clock of join; it decides nothing.
	Attempt int
}

func (t Ticket) payload() string {
	return t.Sale + "\n" + t.Fan + "\n" + strconv.FormatInt(t.Joined, 10) + "\n" + strconv.Itoa(t.Attempt)
}

// Seal writes a ticket: base64url(payload) "." base64url(HMAC-SHA-256(key, payload))[:22], where the payload is sale, fan, joined and attempt
// with line feeds between.
func (k Key) Seal(ticket Ticket) string {
	payload := ticket.payload()
	return base64.RawURLEncoding.EncodeToString([]byte(payload)) + "." + k.code("ticket", payload)
}

var errTicket = errors.New("the ticket is not one of this system's")

// OpenTicket reads what Seal writes, and nothing else.
func (k Key) OpenTicket(text string) (Ticket, error) {
	encoded, code, _ := strings.Cut(text, ".")
	payload, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || !equal(code, k.code("ticket", string(payload))) || strings.ContainsAny(encoded, "\r\n") {
		return Ticket{}, errTicket
	}
	parts := strings.Split(string(payload), "\n")
	if len(parts) != 4 {
		return Ticket{}, errTicket
	}
	joined, err := strconv.ParseInt(parts[2], 10, 64)
	attempt, attemptErr := strconv.Atoi(parts[3])
	if err != nil || attemptErr != nil {
		return Ticket{}, errTicket
	}
	return Ticket{Sale: parts[0], Fan: parts[1], Joined: joined, Attempt: attempt}, nil
}
