package bookings

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Source is where the data is read.
type Source interface {
	// OpenObject returns an object to be read and closed, and its length in bytes, -1 where that is unknown.
	OpenObject(ctx context.Context, key string) (body io.ReadCloser, size int64, err error)
}

// Secrets read what references to secrets lead to.
type Secrets interface {
	Get(ctx context.Context, arn string) (string, error)
}

// Target is the third party.
type Target struct {
	URL    string // In which {booking} and {segment} stand for the ids.
	Method string // PUT or POST.
	Header string // The header that has the secret.
	Secret string // The ARN of its value; empty for none.
	Expect string // What the answer of a success must have in it; empty for nothing.
}

// Delivery sends data to the third party.
type Delivery struct {
	Target      Target
	Client      *http.Client // One that follows no redirections.
	Source      Source
	Secrets     Secrets
	ContentType string
	Timeout     time.Duration // Of one try, from its beginning to the end of the answer.
}

const (
	dialTimeout = 10 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 64 << 10
)

// NewClient is a client for strangers. It follows no redirection, which would take the data and the secret elsewhere, and takes no proxy of the environment.
func NewClient() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext, TLSHandshakeTimeout: dialTimeout, ForceAttemptHTTP2: true,
			MaxIdleConns: 16, IdleConnTimeout: time.Minute,
		},
	}
}

// send tries once to send a booking's data. An error is AWS's: the third party was not asked.
func (d *Delivery) send(ctx context.Context, b Booking, now time.Time) (Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	secret := ""
	if d.Target.Secret != "" {
		var err error
		if secret, err = d.Secrets.Get(ctx, d.Target.Secret); err != nil {
			return Verdict{}, err
		}
		secret = strings.TrimSpace(secret)
	}
	body, size, err := d.Source.OpenObject(ctx, b.Object)
	if err != nil {
		return Verdict{}, err
	}
	defer body.Close() //nolint:errcheck // Nothing was written.
	read := &watched{from: body, ended: ctx.Err}
	request, err := d.request(ctx, b, read, size, secret)
	if err != nil {
		return Verdict{}, err
	}
	answer, err := exchange(d.Client, request)
	if broken := read.broken.Load(); err != nil && broken != nil {
		return Verdict{}, fmt.Errorf("read object %s: %w", b.Object, *broken)
	}
	if err != nil {
		return Verdict{Outcome: Again, Reason: printable(hide(err.Error(), secret))}, nil
	}
	answer.Body = []byte(hide(string(answer.Body), secret)) // Before it is cut.
	return judge(answer, b.denials, d.Target.Expect, now), nil
}

func (d *Delivery) request(ctx context.Context, b Booking, body io.Reader, size int64, secret string) (*http.Request, error) {
	address := strings.NewReplacer("{booking}", url.PathEscape(b.ID), "{segment}", url.PathEscape(b.Segment)).Replace(d.Target.URL)
	request, err := http.NewRequestWithContext(ctx, d.Target.Method, address, body)
	if err != nil {
		return nil, errors.New("the third party's address is none") // The error would tell it, and what is secret in it.
	}
	sum, err := hex.DecodeString(b.SHA256)
	if err != nil {
		return nil, fmt.Errorf("booking %s has no sum: %w", b.ID, err)
	}
	request.ContentLength = size
	request.Header.Set("Content-Type", d.ContentType)
	request.Header.Set("Idempotency-Key", b.Key)
	request.Header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":") // RFC 9530, section 2.
	request.Header.Set("User-Agent", "serverless-functions")
	if secret != "" {
		request.Header.Set(d.Target.Header, secret)
	}
	return request, nil
}

// watched notes that reading failed, so that it is not taken for the third party's failure. A request's body is read in another goroutine.
type watched struct {
	from   io.Reader
	ended  func() error // Where the time is over, that is why reading ends.
	broken atomic.Pointer[error]
}

// Read implements io.Reader.
func (w *watched) Read(into []byte) (int, error) {
	n, err := w.from.Read(into)
	if err != nil && err != io.EOF && w.ended() == nil {
		w.broken.Store(&err)
	}
	return n, err
}

// exchange makes one request, and reads the beginning of its answer. An error does not tell the address, which may have something secret in it.
func exchange(client *http.Client, request *http.Request) (Answer, error) {
	response, err := client.Do(request)
	if err != nil {
		var told *url.Error
		if errors.As(err, &told) {
			err = told.Err
		}
		return Answer{}, fmt.Errorf("there was no answer: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // Nothing was written.
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return Answer{}, fmt.Errorf("the answer broke off: %w", err)
	}
	host := ""
	if to, err := response.Location(); err == nil {
		host = to.Host
	}
	return Answer{
		Status: response.StatusCode, ContentType: response.Header.Get("Content-Type"), RetryAfter: response.Header.Get("Retry-After"), Location: host, Body: body,
	}, nil
}

// hide leaves a secret out of what a stranger said.
func hide(text, secret string) string {
	for _, part := range append([]string{secret}, strings.Fields(secret)...) {
		if len(part) >= minSecret {
			text = strings.ReplaceAll(text, part, "[secret]")
		}
	}
	return text
}

// minSecret is how long a word of a secret is at least: "Basic" is none.
const minSecret = 8
