package localaws

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// field is a form's field: Tags.member.1.Key is four of them, one below the other.
type field struct {
	value string
	below map[string]*field
}

func (f *field) put(path []string, value string) {
	if len(path) == 0 {
		f.value = value
		return
	}
	if f.below == nil {
		f.below = map[string]*field{}
	}
	next := f.below[path[0]]
	if next == nil {
		next = &field{}
		f.below[path[0]] = next
	}
	next.put(path[1:], value)
}

// numbered are the fields below that are named by numbers, in their order; ok is false where there are others.
func (f *field) numbered() (fields []*field, ok bool) {
	numbers := make([]int, 0, len(f.below))
	for name := range f.below {
		n, err := strconv.Atoi(name)
		if err != nil {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		fields = append(fields, f.below[strconv.Itoa(n)])
	}
	return fields, true
}

// misfit is a value in a form or XML that is not written as its shape asks, for the message about it.
type misfit string

// plain is a field without a shape.
func (f *field) plain() any {
	if f.below == nil {
		return written(f.value)
	}
	tree := make(map[string]any, len(f.below))
	for name, below := range f.below {
		tree[name] = below.plain()
	}
	return tree
}

// fromForm reads a form's fields as the shape says (AWS Query protocol, Smithy's specification).
func (s *ServiceModel) fromForm(ref ShapeRef, f *field) any {
	shape := s.Shapes[ref.Shape]
	switch shape.Type {
	case "structure":
		if f.below == nil && f.value != "" {
			return misfit(fmt.Sprint(f.plain()))
		}
		tree := make(map[string]any, len(f.below))
		known := byWire(shape)
		for name, below := range f.below {
			if member, ok := known[name]; ok {
				tree[name] = s.fromForm(member, below)
			} else {
				tree[name] = below.plain()
			}
		}
		return tree
	case "list", "map":
		if f.below == nil && f.value == "" {
			return map[string]any{"list": []any{}, "map": map[string]any{}}[shape.Type]
		}
		items := f
		if !shape.Flattened && !ref.Flattened {
			within := "entry"
			if shape.Type == "list" {
				within = shape.Member.wire("member")
			}
			if len(f.below) != 1 || f.below[within] == nil {
				return misfit(fmt.Sprint(f.plain()))
			}
			items = f.below[within]
		}
		fields, ok := items.numbered()
		if !ok {
			return misfit(fmt.Sprint(f.plain()))
		}
		if shape.Type == "list" {
			list := make([]any, 0, len(fields))
			for _, item := range fields {
				list = append(list, s.fromForm(*shape.Member, item))
			}
			return list
		}
		tree := map[string]any{}
		for _, entry := range fields {
			key, value := entry.below[shape.Key.wire("key")], entry.below[shape.Value.wire("value")]
			if key == nil || value == nil || len(entry.below) != 2 {
				return misfit(fmt.Sprint(f.plain()))
			}
			tree[key.value] = s.fromForm(*shape.Value, value)
		}
		return tree
	default:
		return f.plain()
	}
}

// byWire are the members of a structure by their names on the wire.
func byWire(shape *Shape) map[string]ShapeRef {
	known := make(map[string]ShapeRef, len(shape.Members))
	for name, ref := range shape.Members {
		known[ref.wire(name)] = ref
	}
	return known
}

// element is an element of XML with what is in it.
type element struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Below   []*element `xml:",any"`
	Text    string     `xml:",chardata"`
}

func (e *element) plain() any {
	if len(e.Below) == 0 {
		return written(e.Text)
	}
	tree := map[string]any{}
	for _, below := range e.Below {
		tree[below.XMLName.Local] = below.plain()
	}
	return tree
}

// fromXML reads an element as the shape says (AWS restXml protocol, Smithy's specification).
func (s *ServiceModel) fromXML(ref ShapeRef, e *element) any {
	shape := s.Shapes[ref.Shape]
	switch shape.Type {
	case "structure":
		return s.structureFromXML(shape, e)
	case "list":
		list := make([]any, 0, len(e.Below))
		for _, item := range e.Below {
			if item.XMLName.Local != shape.Member.wire("member") {
				return misfit(fmt.Sprint(e.plain()))
			}
			list = append(list, s.fromXML(*shape.Member, item))
		}
		return list
	case "map":
		tree := map[string]any{}
		for _, entry := range e.Below {
			key, value := entry.child(shape.Key.wire("key")), entry.child(shape.Value.wire("value"))
			if key == nil || value == nil {
				return misfit(fmt.Sprint(e.plain()))
			}
			tree[key.Text] = s.fromXML(*shape.Value, value)
		}
		return tree
	default:
		return e.plain()
	}
}

func (s *ServiceModel) structureFromXML(shape *Shape, e *element) map[string]any {
	tree := make(map[string]any, len(e.Below))
	known := byWire(shape)
	for wire, ref := range known {
		if !ref.XMLAttribute {
			continue
		}
		_, local, _ := strings.Cut(wire, ":")
		for _, attr := range e.Attrs {
			if attr.Name.Local == local {
				tree[wire] = written(attr.Value)
			}
		}
	}
	for _, below := range e.Below {
		name := below.XMLName.Local
		ref, ok := known[name]
		switch {
		case !ok:
			tree[name] = below.plain()
		case s.Shapes[ref.Shape].Type == "list" && (ref.Flattened || s.Shapes[ref.Shape].Flattened):
			list, _ := tree[name].([]any)
			tree[name] = append(list, s.fromXML(*s.Shapes[ref.Shape].Member, below))
		default:
			tree[name] = s.fromXML(ref, below)
		}
	}
	return tree
}

func (e *element) child(name string) *element {
	for _, below := range e.Below {
		if below.XMLName.Local == name {
			return below
		}
	}
	return nil
}
