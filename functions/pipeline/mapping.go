package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Mapping says what becomes of a JSON document: its key, and which of its values are an item's attributes.
type Mapping struct {
	// Key are JSON pointers (RFC 6901) to texts and numbers. Several are joined by slashes, in which ~ and / are escaped as in a JSON pointer.
	Key []string `json:"key"`
	// Attributes are the item's other attributes by name.
	Attributes map[string]Attribute `json:"attributes,omitempty"`
	// Records points to an array in the document whose elements are items; without it the elements of a document that is an array are, or else the document itself.
	Records *string `json:"records,omitempty"`
	// MaxBytes bounds an item, as DynamoDB reckons it; 0 for DynamoDB's own bound, MaxItemBytes. A larger one has no attributes of the type json, and a reference to
	// its file instead.
	MaxBytes int `json:"max_bytes,omitempty"`
	// Segment is the attribute, of the type string, by whose values items are grouped; empty for no segments.
	Segment string `json:"segment,omitempty"`
}

// Attribute is a value of a document that becomes an attribute.
type Attribute struct {
	Pointer string `json:"pointer"`
	Type    Type   `json:"type"`
	// Default stands for a value that is not there or null; without it the attribute is left out.
	Default json.RawMessage `json:"default,omitempty"`
	// Required makes a file without the value a failure.
	Required bool `json:"required,omitempty"`
}

// MaxItemBytes is how large an item may be (DynamoDB Developer Guide, "Quotas": 400 KB).
const MaxItemBytes = 400 << 10

// Attributes of every item.
const (
	ItemKey     = "id"
	ItemRun     = "run"     // The run that wrote it.
	ItemAt      = "at"      // When the upload it came with was started, in milliseconds since 1970.
	ItemRef     = "ref"     // The key of its file, where the item itself is too large for all of it.
	ItemExpires = "expires" // When DynamoDB deletes it, in seconds since 1970: it is gone from a later upload.
)

// validAttribute says whether a text can be an attribute's name, in an expression and in JSON as it stands.
func validAttribute(name string) bool {
	for i, char := range []byte(name) {
		letter := char == '_' || char >= 'a' && char <= 'z' || char >= 'A' && char <= 'Z'
		if !letter && (i == 0 || char != '.' && char != '-' && (char < '0' || char > '9')) {
			return false
		}
	}
	return name != "" && len(name) <= 255
}

// maxAttributes bounds a mapping. An item has no such bound but its size.
const maxAttributes = 200

// Mapper makes items by a mapping. It may be used from several goroutines.
type Mapper struct {
	mapping    Mapping
	records    *node // Its only slot is the records'; nil where there is no pointer.
	tree       *node
	slots      int
	key        []int // Slots of the key's parts.
	attributes []attribute
}

// attribute is one that is ready to be read.
type attribute struct {
	Attribute
	name   string
	slot   int
	prefix []byte // `,"name":`
	preset []byte // The default, as DynamoDB has it; empty where there is none.
	bytes  int    // As DynamoDB reckons the default.
}

// ReadMapping reads a mapping's JSON, strictly.
func ReadMapping(text []byte) (*Mapper, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var mapping Mapping
	if err := decoder.Decode(&mapping); err != nil {
		return nil, fmt.Errorf("read the item mapping: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read the item mapping: something follows the object")
	}
	mapper, err := NewMapper(mapping)
	if err != nil {
		return nil, fmt.Errorf("read the item mapping: %w", err)
	}
	return mapper, nil
}

// NewMapper checks a mapping.
func NewMapper(mapping Mapping) (*Mapper, error) {
	switch {
	case len(mapping.Key) == 0 || len(mapping.Key) > 10:
		return nil, errors.New("the key has 1 to 10 JSON pointers")
	case len(mapping.Attributes) > maxAttributes:
		return nil, fmt.Errorf("there are at most %d attributes", maxAttributes)
	case mapping.MaxBytes < 0 || mapping.MaxBytes > MaxItemBytes:
		return nil, fmt.Errorf("max_bytes is at most %d", MaxItemBytes)
	}
	if mapping.MaxBytes == 0 {
		mapping.MaxBytes = MaxItemBytes
	}
	m := &Mapper{mapping: mapping, tree: &node{}}
	for _, pointer := range mapping.Key {
		slot, err := m.slot(pointer)
		if err != nil {
			return nil, err
		}
		m.key = append(m.key, slot)
	}
	for _, name := range slices.Sorted(maps.Keys(mapping.Attributes)) {
		read, err := m.attribute(name, mapping.Attributes[name])
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", name, err)
		}
		m.attributes = append(m.attributes, read)
	}
	if mapping.Segment != "" && mapping.Attributes[mapping.Segment].Type != TypeString {
		return nil, fmt.Errorf("segment names an attribute of the type string; %q is none", mapping.Segment)
	}
	if mapping.Records != nil {
		tokens, err := readPointer(*mapping.Records)
		if err != nil {
			return nil, err
		}
		m.records = &node{}
		m.records.place(tokens).slot = 1
	}
	return m, nil
}

// Segment is the attribute by whose values items are grouped; empty for none.
func (m *Mapper) Segment() string { return m.mapping.Segment }

// Column is an attribute of items that a mapping makes.
type Column struct {
	Name string
	Type Type
}

// Columns are the attributes of items beside those that every item has, in the order of their names.
func (m *Mapper) Columns() []Column {
	columns := make([]Column, len(m.attributes))
	for i := range m.attributes {
		columns[i] = Column{m.attributes[i].name, m.attributes[i].Type}
	}
	return columns
}

// slot is where the value of a pointer is noted.
func (m *Mapper) slot(pointer string) (int, error) {
	tokens, err := readPointer(pointer)
	if err != nil {
		return 0, err
	}
	place := m.tree.place(tokens)
	if place.slot == 0 {
		m.slots++
		place.slot = m.slots
	}
	return place.slot - 1, nil
}

func (m *Mapper) attribute(name string, from Attribute) (attribute, error) {
	switch {
	case !validAttribute(name):
		return attribute{}, errors.New("a name begins with a letter or _ and has at most 255 letters, digits, _, . and -")
	case slices.Contains([]string{ItemKey, ItemRun, ItemAt, ItemRef, ItemExpires}, name):
		return attribute{}, errors.New("the name is taken by the pipeline")
	case !slices.Contains(types, from.Type):
		return attribute{}, fmt.Errorf("the type is one of %v", types)
	case from.Required && len(from.Default) > 0:
		return attribute{}, errors.New("a required attribute needs no default")
	}
	slot, err := m.slot(from.Pointer)
	if err != nil {
		return attribute{}, err
	}
	read := attribute{Attribute: from, name: name, slot: slot, prefix: []byte(`,"` + name + `":`)}
	if len(from.Default) > 0 && string(from.Default) != "null" {
		if read.preset, read.bytes, err = from.Type.convert(nil, from.Default); err != nil {
			return attribute{}, fmt.Errorf("the default: %w", err)
		}
	}
	return read, nil
}
