package awscall

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
)

// Query makes one call of AWS query (Smithy, "AWS query protocol"), and decodes the answer's XML into out, nil for nothing of it.
func (c *Client) Query(ctx context.Context, version, operation string, parameters map[string]string, out any) error {
	form := url.Values{"Action": {operation}, "Version": {version}}
	for name, value := range parameters {
		form.Set(name, value)
	}
	return c.XML(ctx, Request{
		Method: http.MethodPost, Path: "/", Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte(form.Encode()),
	}, out)
}

// XML makes one call of REST XML, and decodes the answer's XML into out, nil for nothing of it. An answer that begins as a good one may be an
// error all the same (S3 API Reference, CompleteMultipartUpload).
func (c *Client) XML(ctx context.Context, request Request, out any) error {
	return c.Send(ctx, request, func(response *http.Response) error {
		answer, err := read(response)
		if err != nil {
			return err
		}
		if said := xmlRefusal(response, answer); said != nil {
			said.Status = http.StatusInternalServerError
			return said
		}
		if out == nil {
			return nil
		}
		if err := xml.Unmarshal(answer, out); err != nil {
			return fmt.Errorf("decode the answer: %w", err)
		}
		return nil
	})
}

// xmlRefusal reads an error: S3's is the document, others' within it (Smithy, "AWS restXml protocol" and "AWS query protocol", operation error
// serialization). nil where it is none.
func xmlRefusal(response *http.Response, answer []byte) *Refusal {
	type refused struct{ Code, Message string }
	var said struct {
		XMLName xml.Name
		refused
		Error refused
	}
	if err := xml.Unmarshal(answer, &said); err != nil {
		return nil //nolint:nilerr // What is no XML is no error of these protocols.
	}
	switch said.XMLName.Local {
	case "Error":
	case "ErrorResponse":
		said.refused = said.Error
	default:
		return nil
	}
	return newRefusal(response, answer, said.Code, said.Message)
}
