package localaws

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// What a request says, whatever its protocol: structures and maps are map[string]any, lists []any, numbers json.Number, and
// beside string and bool there are the following.
type (
	// written is a scalar of a protocol that has only text: a form, XML, a header, a path. Its shape says what it should be.
	written string
	// unread is a value that the gate does not look into: a stream, or what is in a body too long to be kept.
	unread struct{}
)

// located is the key of a member that is not in the body, so that none in the body can be taken for it.
func located(location, wire string) string { return location + " " + wire }

// input reads what a request says to an operation, by the names on the wire. An error is about a body that cannot be read.
func input(model *ServiceModel, operation *Operation, c *Call, r *http.Request) (map[string]any, error) {
	if operation.Input == nil {
		return map[string]any{}, nil
	}
	shape := model.Shapes[operation.Input.Shape]
	switch c.protocol {
	case protocolJSON:
		return members(c.body, decodeAnyJSON)
	case protocolCBOR:
		return members(c.body, decodeAnyCBOR)
	case protocolQuery:
		form := formOf(r, r.URL.Query(), c.body)
		root := &field{}
		for name, values := range form {
			if name != "Action" && name != "Version" && !strings.HasPrefix(name, "X-Amz-") {
				root.put(strings.Split(name, "."), values[0])
			}
		}
		tree, _ := model.fromForm(*operation.Input, root).(map[string]any)
		return tree, nil
	default:
		return model.restInput(operation, shape, c, r)
	}
}

// members decodes a body that is one structure; a body that is not there has no members.
func members(body []byte, decode func([]byte) (any, error)) (map[string]any, error) {
	if len(body) == 0 {
		return map[string]any{}, nil
	}
	value, err := decode(body)
	if err != nil {
		return nil, err
	}
	tree, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("the body is no structure")
	}
	return tree, nil
}

func decodeAnyJSON(body []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the body goes on after its end")
	}
	return value, nil
}

// restInput reads a request whose members are in its path, query, headers and body.
func (s *ServiceModel) restInput(operation *Operation, shape *Shape, c *Call, r *http.Request) (map[string]any, error) {
	query := r.URL.Query()
	tree, err := s.restBody(operation, shape, c)
	if err != nil {
		return nil, err
	}
	_, literal, _ := strings.Cut(operation.HTTP.RequestURI, "?")
	literals, err := url.ParseQuery(literal)
	if err != nil {
		return nil, fmt.Errorf("read the model's path of %s: %w", operation.Name, err)
	}
	anyQuery := false
	for name, ref := range shape.Members {
		wire := ref.wire(name)
		key := located(ref.Location, wire)
		switch ref.Location {
		case "uri":
			if value, ok := c.params[wire]; ok {
				tree[key] = written(value)
			}
		case "querystring":
			if s.Shapes[ref.Shape].Type == "map" {
				anyQuery = true
			}
			if values, ok := query[wire]; ok {
				tree[key] = s.texts(ref, values)
				delete(query, wire)
			}
		case "header":
			if values := r.Header.Values(wire); len(values) > 0 {
				tree[key] = s.texts(ref, values)
			} else if values, ok := query[textproto.CanonicalMIMEHeaderKey(wire)]; ok { // presigned
				tree[key] = s.texts(ref, values)
			}
		case "headers":
			found := map[string]any{}
			for header, values := range r.Header {
				if rest, ok := strings.CutPrefix(strings.ToLower(header), strings.ToLower(wire)); ok {
					found[rest] = written(values[0])
				}
			}
			if len(found) > 0 {
				tree[key] = found
			}
		}
	}
	for name := range query {
		// S3's clients name the operation in x-id; a presigned request has its signature, and may have headers, in the query.
		if _, literal := literals[name]; !literal && !anyQuery && name != "x-id" && !strings.HasPrefix(strings.ToLower(name), "x-amz-") {
			tree[located("querystring", name)] = written(query.Get(name))
		}
	}
	return tree, nil
}

// restBody reads the members that are in the body, or the one that is the body.
func (s *ServiceModel) restBody(operation *Operation, shape *Shape, c *Call) (map[string]any, error) {
	tree := map[string]any{}
	if name := shape.Payload; name != "" {
		ref := shape.Members[name]
		payload := s.Shapes[ref.Shape]
		switch {
		case len(c.body) == 0 && c.body != nil:
		case c.body == nil || ref.Streaming || payload.Streaming || payload.EventStream:
			tree[ref.wire(name)] = unread{}
		case payload.Type == "blob":
			tree[ref.wire(name)] = c.body
		case payload.Type == "string":
			tree[ref.wire(name)] = string(c.body)
		default:
			value, err := s.document(ref, ref.wire(ref.Shape), c)
			if err != nil {
				return nil, err
			}
			tree[ref.wire(name)] = value
		}
		return tree, nil
	}
	inBody := false
	for name, ref := range shape.Members {
		if ref.Location == "" {
			inBody = true
			if c.body == nil {
				tree[ref.wire(name)] = unread{}
			}
		}
	}
	if !inBody || len(c.body) == 0 {
		return tree, nil
	}
	return members(c.body, func([]byte) (any, error) { return s.document(*operation.Input, operation.Input.LocationName, c) })
}

// document reads a body of JSON or XML; of the latter, root is the element's name.
func (s *ServiceModel) document(ref ShapeRef, root string, c *Call) (any, error) {
	if c.protocol == protocolRESTJSON {
		return decodeAnyJSON(c.body)
	}
	var e element
	if err := xml.Unmarshal(c.body, &e); err != nil {
		return nil, err
	}
	if root != "" && e.XMLName.Local != root {
		return nil, fmt.Errorf("the body is the element %s, not %s", e.XMLName.Local, root)
	}
	return s.fromXML(ref, &e), nil
}

// texts is the value of a query parameter or a header; a list has one value each, or all in one, with commas between.
func (s *ServiceModel) texts(ref ShapeRef, values []string) any {
	if s.Shapes[ref.Shape].Type != "list" {
		return written(values[0])
	}
	if ref.Location == "header" {
		values = strings.Split(strings.Join(values, ","), ",")
	}
	list := make([]any, 0, len(values))
	for _, value := range values {
		list = append(list, written(strings.TrimSpace(value)))
	}
	return list
}
