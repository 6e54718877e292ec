package s3

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"net/http"
	"strings"
)

// DeletedObjects is how many objects one call deletes at most (S3 API Reference, DeleteObjects).
const DeletedObjects = 1000

// DeleteObjects removes objects, at most DeletedObjects of them. One that is not there is none the less removed; it fails where one of them stays.
func (b *Bucket) DeleteObjects(ctx context.Context, keys []string) error {
	var body strings.Builder
	body.WriteString(`<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>`)
	for _, key := range keys {
		body.WriteString("<Object><Key>" + html.EscapeString(key) + "</Key></Object>")
	}
	body.WriteString("</Delete>")
	call := b.request(http.MethodPost, "", "delete=")
	call.Body = []byte(body.String())
	sum := sha256.Sum256(call.Body)
	// S3 asks for a checksum of the list (ibidem).
	call.Header = http.Header{"Content-Type": {"application/xml"}, "X-Amz-Checksum-Sha256": {base64.StdEncoding.EncodeToString(sum[:])}}
	var answer struct {
		Error []struct{ Key, Code, Message string }
	}
	err := b.client.XML(ctx, call, &answer)
	if err == nil && len(answer.Error) > 0 {
		err = errors.New(answer.Error[0].Key + ": " + answer.Error[0].Code + ": " + answer.Error[0].Message)
	}
	if err != nil {
		return fmt.Errorf("delete %d objects from %s: %w", len(keys), b.name, err)
	}
	return nil
}
