package bookings

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Headers of a webhook (Standard Webhooks, "Webhook headers").
const (
	WebhookID        = "Webhook-Id"        // The event's id: the same each time that it is told.
	WebhookTimestamp = "Webhook-Timestamp" // When this request was signed, in seconds since 1970.
	WebhookSignature = "Webhook-Signature" // "v1," and what Sign returns.
)

// Sign is the signature of a webhook: base64(HMAC-SHA-256(secret, id "." timestamp "." body)) (Standard Webhooks, "Signature scheme"). A secret that begins with
// whsec_ is base64 after it; any other is the key as it stands.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key := []byte(secret)
	if packed, found := strings.CutPrefix(secret, "whsec_"); found {
		var err error
		if key, err = base64.StdEncoding.DecodeString(packed); err != nil {
			return "", errors.New("the webhook's secret is no base64 after whsec_") // The error would tell of the secret.
		}
	}
	if len(key) == 0 {
		return "", errors.New("the webhook's secret is empty")
	}
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + ".")) // A hash writes without error.
	_, _ = mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// Webhook tells an address of events.
type Webhook struct {
	URL     string
	Secret  string // The ARN of the key of its signature.
	Client  *http.Client
	Secrets Secrets
	Timeout time.Duration
}

// tell tells of an event. Anything but a success of the address is an error.
func (w *Webhook) tell(ctx context.Context, id string, body []byte, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	secret, err := w.Secrets.Get(ctx, w.Secret)
	if err != nil {
		return err
	}
	secret = strings.TrimSpace(secret)
	signature, err := Sign(secret, id, now, body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the webhook's address is none") // The error would tell it, and what is secret in it.
	}
	for name, value := range map[string]string{
		"Content-Type": contentJSON, "User-Agent": "serverless-functions", WebhookID: id, WebhookTimestamp: strconv.FormatInt(now.Unix(), 10),
		WebhookSignature: "v1," + signature,
	} {
		request.Header.Set(name, value)
	}
	answer, err := exchange(w.Client, request)
	if err != nil {
		return errors.New(printable(hide(err.Error(), secret)))
	}
	if answer.Status < 200 || answer.Status >= 300 {
		return fmt.Errorf("the webhook answered %d: %s", answer.Status, printable(hide(string(answer.Body), secret)))
	}
	return nil
}
