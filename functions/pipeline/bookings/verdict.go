package bookings

import (
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Outcome is what became of one try to send.
type Outcome string

// The outcomes.
const (
	Taken   Outcome = "taken"   // The third party has the data.
	Again   Outcome = "again"   // It may take it another time, or took it and could not say so.
	Refused Outcome = "refused" // It never will.
)

// Answer is what the third party said.
type Answer struct {
	Status      int
	ContentType string
	RetryAfter  string
	Location    string // The host of a redirection.
	Body        []byte // Its beginning.
}

// Verdict is what a try came to.
type Verdict struct {
	Outcome Outcome
	Reason  string        // For people; empty where the data was taken.
	Wait    time.Duration // For which the third party asks; 0 where it does not.
	Denied  bool          // The request was not authorized.
}

const (
	// maxWait bounds what a third party may ask for with Retry-After.
	maxWait = time.Hour
	// maxReason bounds what is kept of an answer, in bytes.
	maxReason = 500
	// secretTries is how often one after another a request that is not authorized is tried: its secret may have been changed while an old one was still in memory.
	secretTries = 3
	// SecretRefresh is for how long a secret is kept in memory. A request that is not authorized is tried again after it.
	SecretRefresh = time.Minute
)

// judge judges an answer. denials are the tries just before that were not authorized. Statuses are those of RFC 9110, section 15; 429 of RFC 6585, section 4.
//
// A success whose body is a page of HTML is not believed: sign-in and error pages of what stands before a service come with 200, too. expect is what the body of a
// success must have in it; empty for no such rule, and then no HTML. 409 means that the key, which stands for these very bytes, is taken; with Retry-After it is
// being worked on (draft-ietf-httpapi-idempotency-key-header, section 2.7).
func judge(a Answer, denials int64, expect string, now time.Time) Verdict {
	said := fmt.Sprintf("it answered %d", a.Status)
	if text := printable(string(a.Body)); text != "" {
		said += ": " + text
	}
	again := Verdict{Outcome: Again, Reason: said, Wait: retryAfter(a.RetryAfter, now)}
	switch {
	case a.Status >= 200 && a.Status < 300:
		kind, _, err := mime.ParseMediaType(a.ContentType)
		switch {
		case expect != "" && !strings.Contains(string(a.Body), expect):
			again.Reason = "it answered with success and without the expected text: " + said
		case expect == "" && err == nil && (kind == "text/html" || kind == "application/xhtml+xml"):
			again.Reason = "it answered with success and a page of HTML: " + said
		default:
			return Verdict{Outcome: Taken}
		}
		return again
	case a.Status >= 300 && a.Status < 400:
		return Verdict{Outcome: Refused, Reason: fmt.Sprintf("it answered %d and sends on to %q; give the address where the data is taken", a.Status, a.Location)}
	case a.Status == http.StatusConflict && a.RetryAfter == "":
		return Verdict{Outcome: Taken}
	case a.Status == http.StatusUnauthorized && denials+1 < secretTries:
		again.Wait, again.Denied = max(again.Wait, SecretRefresh), true
		return again
	case a.Status >= 500, a.Status == http.StatusConflict, a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooEarly,
		a.Status == http.StatusTooManyRequests:
		return again
	}
	return Verdict{Outcome: Refused, Reason: said}
}

// retryAfter reads the header: seconds, or a time (RFC 9110, section 10.2.3). It is from 0 to maxWait.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Duration(max(0, min(seconds, int64(maxWait/time.Second)))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, min(at.Sub(now), maxWait))
	}
	return 0
}

// printable is the beginning of a text, with white space and what cannot be printed as single spaces.
func printable(text string) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text[:min(len(text), 4*maxReason)], " "), func(char rune) bool { return unicode.IsSpace(char) || !unicode.IsPrint(char) }), " ")
	for n := min(len(text), maxReason); ; n-- {
		if n == len(text) || utf8.RuneStart(text[n]) {
			return text[:n]
		}
	}
}

const (
	backOffFirst = 5 * time.Second
	backOffMost  = 15 * time.Minute
)

// backOff is how long to wait after the try of a number, the first of which is 1: twice as long each time, of which a random half is left out, so that those that
// failed together do not come again together. jitter is from 0 to 1.
func backOff(try int64, jitter float64) time.Duration {
	most := min(backOffFirst<<min(max(try-1, 0), 16), backOffMost)
	return most/2 + time.Duration(jitter*float64(most/2))
}
