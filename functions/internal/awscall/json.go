package awscall

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Call makes one call of AWS JSON. It encodes in and decodes the answer into out, nil for nothing of it.
func (c *Client) Call(ctx context.Context, operation string, in, out any) error {
	return c.json(ctx, http.MethodPost, "/", http.Header{
		"Content-Type": {"application/x-amz-json-" + c.JSON}, "X-Amz-Target": {c.Target + "." + operation},
	}, in, out)
}

// Get makes one call of REST JSON that has all it says in its path.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.json(ctx, http.MethodGet, path, nil, nil, out)
}

// Put makes one call of REST JSON, as Call does.
func (c *Client) Put(ctx context.Context, path string, in, out any) error {
	return c.json(ctx, http.MethodPut, path, http.Header{"Content-Type": {"application/json"}}, in, out)
}

func (c *Client) json(ctx context.Context, method, path string, header http.Header, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("encode the call: %w", err)
		}
	}
	return c.Send(ctx, Request{Method: method, Path: path, Header: header, Body: body}, func(response *http.Response) error {
		answer, err := read(response)
		if err != nil || out == nil {
			return err
		}
		if err := json.Unmarshal(answer, out); err != nil {
			return fmt.Errorf("decode the answer: %w", err)
		}
		return nil
	})
}

// jsonRefusal reads an error whose code is in a header or in the body, between a namespace and an address where these are (Smithy, "AWS JSON
// 1.1 protocol", operation error serialization).
func jsonRefusal(response *http.Response, answer []byte) *Refusal {
	var said struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"` // DynamoDB writes Message at times, which is read too.
	}
	if err := json.Unmarshal(answer, &said); err != nil { // By something in between, which the status must tell.
		said.Message = response.Status
	}
	code := response.Header.Get("X-Amzn-ErrorType")
	for _, other := range []string{said.Type, said.Code, "UnknownError"} {
		if code == "" {
			code = other
		}
	}
	code, _, _ = strings.Cut(code, ":")
	code = code[strings.LastIndex(code, "#")+1:]
	return newRefusal(response, answer, code, said.Message)
}
