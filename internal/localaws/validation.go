package localaws

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// validation goes through what a request says, and notes what its shapes do not allow.
type validation struct {
	model     *ServiceModel
	operation string
	problems  []string
	mistyped  bool // some value is not even of its type
}

func (v *validation) fail(path string, value any, constraint string, args ...any) {
	shown := "null"
	if value != nil {
		shown = "'" + shorten(value) + "'"
	}
	v.problems = append(v.problems, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", shown, path, fmt.Sprintf(constraint, args...)))
}

// shown is how many bytes of a value a message repeats.
const shown = 80

func shorten(value any) string {
	text := fmt.Sprint(value)
	if len(text) > shown {
		text = strings.ToValidUTF8(text[:shown], "") + "..."
	}
	return text
}

func (v *validation) mistype(path string, value any, want string) {
	v.mistyped = true
	v.fail(path, value, "Member must be %s", want)
}

// value checks one value against its shape.
func (v *validation) value(path string, ref ShapeRef, value any) {
	if _, ok := value.(unread); ok {
		return
	}
	shape := v.model.Shapes[ref.Shape]
	switch shape.Type {
	case "structure":
		tree, ok := value.(map[string]any)
		switch {
		case shape.Document:
		case !ok:
			v.mistype(path, value, "a structure")
		default:
			v.structure(path, shape, tree)
		}
	case "list":
		v.list(path, shape, value)
	case "map":
		v.mapping(path, shape, value)
	case "string":
		v.text(path, shape, value)
	case "blob":
		v.blob(path, shape, value)
	case "boolean":
		if _, ok := value.(bool); !ok && value != written("true") && value != written("false") {
			v.mistype(path, value, "true or false")
		}
	case "timestamp":
		v.timestamp(path, ref, shape, value)
	case "integer", "long", "float", "double":
		v.number(path, shape, value)
	}
}

// structure checks members by their names on the wire.
func (v *validation) structure(path string, shape *Shape, tree map[string]any) {
	known := make(map[string]bool, len(shape.Members))
	set := 0
	for _, name := range shape.names {
		ref := shape.Members[name]
		key := ref.wire(name)
		if ref.Location != "" && path == "" {
			key = located(ref.Location, key)
		}
		known[key] = true
		value := tree[key]
		at := join(path, lowerFirst(name))
		if value == nil {
			if slices.Contains(shape.Required, name) {
				v.fail(at, nil, "Member must not be null")
			}
			continue
		}
		set++
		v.value(at, ref, value)
	}
	if shape.Union && set != 1 {
		v.fail(path, slices.Sorted(maps.Keys(tree)), "Member must have exactly one of its members set")
	}
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		if !known[key] && key != "__type" { // Smithy's name for a structure's own shape, which any may carry
			within := path
			if within == "" {
				within = v.operation
			}
			v.problems = append(v.problems, fmt.Sprintf("%s has no member '%s'", within, key))
		}
	}
}

func (v *validation) list(path string, shape *Shape, value any) {
	list, ok := value.([]any)
	if !ok {
		v.mistype(path, value, "a list")
		return
	}
	v.length(path, shape, list, len(list))
	for i, item := range list {
		at := fmt.Sprintf("%s.%d.member", path, i+1)
		if item == nil {
			v.fail(at, nil, "Member must not be null")
			continue
		}
		v.value(at, *shape.Member, item)
	}
}

func (v *validation) mapping(path string, shape *Shape, value any) {
	tree, ok := value.(map[string]any)
	if !ok {
		v.mistype(path, value, "a map")
		return
	}
	v.length(path, shape, tree, len(tree))
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		v.value(path+" key", *shape.Key, key)
		if tree[key] == nil {
			v.fail(join(path, key), nil, "Member must not be null")
			continue
		}
		v.value(join(path, key), *shape.Value, tree[key])
	}
}

func (v *validation) text(path string, shape *Shape, value any) {
	text, ok := textOf(value)
	if !ok {
		v.mistype(path, value, "a string")
		return
	}
	v.length(path, shape, text, utf8.RuneCountInString(text))
	if len(shape.Enum) > 0 && !slices.Contains(shape.Enum, text) {
		v.fail(path, text, "Member must satisfy enum value set: [%s]", strings.Join(shape.Enum, ", "))
	}
	if re := shape.matcher(); re != nil && !re.MatchString(text) {
		v.fail(path, text, "Member must satisfy regular expression pattern: %s", shape.Pattern)
	}
}

func textOf(value any) (string, bool) {
	switch text := value.(type) {
	case string:
		return text, true
	case written:
		return string(text), true
	default:
		return "", false
	}
}

func (v *validation) blob(path string, shape *Shape, value any) {
	bytes, ok := value.([]byte)
	if !ok {
		text, ok := textOf(value)
		if !ok {
			v.mistype(path, value, "bytes")
			return
		}
		var err error
		if bytes, err = base64.StdEncoding.DecodeString(text); err != nil {
			v.mistype(path, value, "bytes in base64")
			return
		}
	}
	v.length(path, shape, size(len(bytes)), len(bytes))
}

// size is what a message shows of bytes.
type size int

// String implements fmt.Stringer.
func (n size) String() string { return strconv.Itoa(int(n)) + " bytes" }

// timestamp checks that a time is written as its protocol, its place or its shape asks (Smithy's specification, timestampFormat).
func (v *validation) timestamp(path string, ref ShapeRef, shape *Shape, value any) {
	format := ref.TimestampFormat
	if format == "" {
		format = shape.TimestampFormat
	}
	switch at := value.(type) {
	case time.Time: // of CBOR
		return
	case json.Number:
		if _, err := at.Float64(); err == nil && (format == "" || format == "unixTimestamp") {
			return
		}
	case string:
		if _, err := time.Parse(time.RFC3339, at); err == nil && format == "iso8601" {
			return
		}
	case written:
		if format == "" {
			format = map[bool]string{true: "rfc822", false: "iso8601"}[ref.Location == "header"]
		}
		var err error
		switch format {
		case "rfc822":
			_, err = http.ParseTime(string(at))
		case "unixTimestamp":
			_, err = strconv.ParseFloat(string(at), 64)
		default:
			_, err = time.Parse(time.RFC3339, string(at))
		}
		if err == nil {
			return
		}
	}
	v.mistype(path, value, "a time")
}

func (v *validation) number(path string, shape *Shape, value any) {
	var text string
	switch n := value.(type) {
	case json.Number:
		text = n.String()
	case written:
		text = string(n)
	case string:
		// JSON has no other way to write these.
		if (n == "NaN" || n == "Infinity" || n == "-Infinity") && (shape.Type == "float" || shape.Type == "double") {
			return
		}
		v.mistype(path, value, "a number")
		return
	default:
		v.mistype(path, value, "a number")
		return
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		v.mistype(path, value, "a number")
		return
	}
	if shape.Type == "integer" || shape.Type == "long" {
		bits := map[string]int{"integer": 32, "long": 64}[shape.Type]
		if _, err := strconv.ParseInt(text, 10, bits); err != nil {
			v.mistype(path, value, "a whole number of "+strconv.Itoa(bits)+" bits")
			return
		}
	}
	if shape.Min != nil && n < *shape.Min {
		v.fail(path, text, "Member must have value greater than or equal to %s", figure(*shape.Min))
	}
	if shape.Max != nil && n > *shape.Max {
		v.fail(path, text, "Member must have value less than or equal to %s", figure(*shape.Max))
	}
}

// length checks how long a string (in characters), a blob (in bytes), a list or a map is.
func (v *validation) length(path string, shape *Shape, value any, n int) {
	if shape.Min != nil && float64(n) < *shape.Min {
		v.fail(path, value, "Member must have length greater than or equal to %s", figure(*shape.Min))
	}
	if shape.Max != nil && float64(n) > *shape.Max {
		v.fail(path, value, "Member must have length less than or equal to %s", figure(*shape.Max))
	}
}

func figure(f float64) string {
	return strconv.FormatFloat(f, 'f', -1, 64)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// lowerFirst is how AWS writes a member's name in the messages about it.
func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
