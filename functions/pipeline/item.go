package pipeline

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// maxKeyBytes bounds a key (DynamoDB Developer Guide, "Quotas": partition keys).
const maxKeyBytes = 2048

// Item is an item that is ready to be written.
type Item struct {
	Key     string
	Encoded json.RawMessage // As DynamoDB has it.
	Bytes   int             // As DynamoDB reckons it.
}

// Origin is where items come from.
type Origin struct {
	Run  string
	At   int64  // When the upload was started, in milliseconds since 1970.
	File string // Its key.
}

// scratch is what one document needs while it is read.
type scratch struct {
	values [][]byte
	parts  []part // Of the attributes, in their order.
	buffer []byte // In which parts are.
}

// part is an attribute's value, as DynamoDB has it.
type part struct {
	from, to int // In the buffer; the same where the attribute is left out.
	bytes    int // As DynamoDB reckons it.
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// Items makes items of a file: JSON, JSON lines, or either in gzip; with or without a byte order mark. maxBytes bounds what it unpacks to. An error is why the
// file is a failure: then it has no items at all.
func (m *Mapper) Items(body []byte, maxBytes int64, from Origin) ([]Item, error) {
	body, err := unpack(body, maxBytes)
	if err != nil {
		return nil, err
	}
	if body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF"))); len(body) == 0 {
		return nil, faulty(FileEmpty, "there is nothing in it")
	}
	used, _ := scratches.Get().(*scratch)
	defer scratches.Put(used)
	var items []Item
	add := func(record []byte) error {
		made, err := m.item(record, from, used)
		if err != nil {
			var why *fault
			if errors.As(err, &why) && len(items) > 0 {
				why.detail = fmt.Sprintf("record %d: %s", len(items)+1, why.detail)
			}
			return err
		}
		items = append(items, made)
		return nil
	}
	if json.Valid(body) {
		return items, deep(m.document(body, add))
	}
	line := 0
	for text := range bytes.Lines(body) {
		line++
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		if !json.Valid(text) {
			return nil, faulty(FileNotJSON, "line %d: %v", line, syntax(text))
		}
		if err := m.document(text, add); err != nil {
			return nil, deep(err)
		}
	}
	return items, nil
}

// syntax is what is wrong with a text that is no JSON.
func syntax(text []byte) error {
	var value json.RawMessage
	return json.Unmarshal(text, &value)
}

func deep(err error) error {
	if errors.Is(err, errDepth) {
		return faulty(FileTooDeep, "arrays and objects are nested deeper than %d", MaxDepth)
	}
	return err
}

// unpack unpacks what gzip packed, which its first bytes tell (RFC 1952, section 2.3.1).
func unpack(body []byte, maxBytes int64) ([]byte, error) {
	if !bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		return body, nil
	}
	packed, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, faulty(FileNotJSON, "unpack it: %v", err)
	}
	plain, err := io.ReadAll(io.LimitReader(packed, maxBytes+1))
	if err != nil {
		return nil, faulty(FileNotJSON, "unpack it: %v", err)
	}
	if int64(len(plain)) > maxBytes {
		return nil, faulty(FileTooLarge, "it unpacks to more than %d bytes", maxBytes)
	}
	return plain, nil
}

// document visits the records of a document.
func (m *Mapper) document(document []byte, visit func(record []byte) error) error {
	if m.records != nil {
		var found [1][]byte
		if _, err := m.records.walk(document, 1, found[:]); err != nil {
			return err
		}
		if found[0] == nil {
			return faulty(FileMissing, "the records at %q are not there", *m.mapping.Records)
		}
		document = found[0]
	}
	if document[0] == '[' {
		return elements(document, visit)
	}
	return visit(document)
}

// item makes an item of one record.
func (m *Mapper) item(record []byte, from Origin, used *scratch) (Item, error) {
	if cap(used.values) < m.slots {
		used.values = make([][]byte, m.slots)
	}
	used.values = used.values[:m.slots]
	clear(used.values)
	if _, err := m.tree.walk(record, 1, used.values); err != nil {
		return Item{}, err
	}
	key, err := m.readKey(used.values)
	if err != nil {
		return Item{}, err
	}
	used.parts, used.buffer = used.parts[:0], used.buffer[:0]
	size := len(ItemKey) + len(key) + len(ItemRun) + len(from.Run) + len(ItemAt) + 8
	for i := range m.attributes {
		read := part{from: len(used.buffer)}
		if used.buffer, read.bytes, err = m.attributes[i].read(used.buffer, used.values); err != nil {
			return Item{}, err
		}
		if read.to = len(used.buffer); read.to > read.from {
			size += len(m.attributes[i].name) + read.bytes
		}
		used.parts = append(used.parts, read)
	}
	ref := ""
	if size > m.mapping.MaxBytes {
		ref = from.File
		if size = m.lighten(used.parts, size+len(ItemRef)+len(ref)); size > m.mapping.MaxBytes {
			return Item{}, faulty(FileTooLarge, "an item has %d bytes, even without its attributes of the type json; it may have %d", size, m.mapping.MaxBytes)
		}
	}
	encoded, err := m.encode(key, ref, from, used)
	return Item{key, encoded, size}, err
}

// lighten leaves the attributes of the type json out, and returns the size that is left.
func (m *Mapper) lighten(parts []part, size int) int {
	for i := range parts {
		if m.attributes[i].Type == TypeJSON && parts[i].to > parts[i].from {
			size -= len(m.attributes[i].name) + parts[i].bytes
			parts[i] = part{}
		}
	}
	return size
}

func (m *Mapper) encode(key, ref string, from Origin, used *scratch) (json.RawMessage, error) {
	length := len(key) + len(ref) + len(from.Run) + 96
	for i, part := range used.parts {
		length += len(m.attributes[i].prefix) + part.to - part.from
	}
	encoded := make([]byte, 0, length)
	var err error
	encoded = append(encoded, `{"`+ItemKey+`":{"S":`...)
	if encoded, err = appendText(encoded, key); err != nil {
		return nil, err
	}
	encoded = append(encoded, `},"`+ItemRun+`":{"S":"`...)
	encoded = append(encoded, from.Run...)
	encoded = append(encoded, `"},"`+ItemAt+`":{"N":"`...)
	encoded = strconv.AppendInt(encoded, from.At, 10)
	encoded = append(encoded, `"}`...)
	if ref != "" {
		encoded = append(encoded, `,"`+ItemRef+`":{"S":`...)
		if encoded, err = appendText(encoded, ref); err != nil {
			return nil, err
		}
		encoded = append(encoded, '}')
	}
	for i, part := range used.parts {
		if part.to > part.from {
			encoded = append(append(encoded, m.attributes[i].prefix...), used.buffer[part.from:part.to]...)
		}
	}
	return append(encoded, '}'), nil
}

// read appends the attribute of a document to a buffer, and returns how many bytes DynamoDB reckons for it. It appends nothing where the attribute is left out.
func (a *attribute) read(to []byte, values [][]byte) ([]byte, int, error) {
	raw := values[a.slot]
	if raw == nil || string(raw) == "null" {
		if a.Required {
			return to, 0, faulty(FileMissing, "%s is not there", a.Pointer)
		}
		return append(to, a.preset...), a.bytes, nil
	}
	to, size, err := a.Type.convert(to, raw)
	if err == nil {
		return to, size, nil
	}
	var why *fault
	if errors.As(err, &why) {
		why.detail = a.Pointer + ": " + why.detail
	}
	return to, size, err
}

var keyEscaper = strings.NewReplacer("~", "~0", "/", "~1")

func (m *Mapper) readKey(values [][]byte) (string, error) {
	var key string
	for i, slot := range m.key {
		raw := values[slot]
		if raw == nil || string(raw) == "null" {
			return "", faulty(FileNoKey, "%s is not there", m.mapping.Key[i])
		}
		var text string
		switch first := raw[0]; {
		case first == '"':
			var err error
			if text, err = unquote(raw); err != nil {
				return "", faulty(FileNoKey, "%s: %v", m.mapping.Key[i], err)
			}
		case first == '-' || first >= '0' && first <= '9':
			text = string(raw)
		default:
			return "", faulty(FileNoKey, "%s is neither a text nor a number", m.mapping.Key[i])
		}
		if text == "" {
			return "", faulty(FileNoKey, "%s is empty", m.mapping.Key[i])
		}
		if len(m.key) == 1 {
			key = text
		} else {
			if i > 0 {
				key += "/"
			}
			key += keyEscaper.Replace(text)
		}
	}
	if len(key) > maxKeyBytes {
		return "", faulty(FileNoKey, "the key has %d bytes, and may have %d", len(key), maxKeyBytes)
	}
	return key, nil
}

// appendText appends a text as JSON has it.
func appendText(to []byte, text string) ([]byte, error) {
	for i := range len(text) {
		if char := text[i]; char < ' ' || char == '"' || char == '\\' || char >= 0x7f {
			quoted, err := json.Marshal(text)
			if err != nil {
				return nil, fmt.Errorf("encode a text: %w", err)
			}
			return append(to, quoted...), nil
		}
	}
	return append(append(append(to, '"'), text...), '"'), nil
}
