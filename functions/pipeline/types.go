package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Type is the type of an attribute.
type Type string

// The types.
const (
	TypeString    Type = "string"    // A text; a number or a truth value as text.
	TypeNumber    Type = "number"    // A number, or a text that is one.
	TypeBool      Type = "bool"      // A truth value, or the text true or false.
	TypeJSON      Type = "json"      // Any value, as its JSON's text without white space.
	TypeTimestamp Type = "timestamp" // A time, as milliseconds since 1970: from RFC 3339, with or without time and zone (UTC), or from a number of seconds or milliseconds.
)

var types = []Type{TypeString, TypeNumber, TypeBool, TypeJSON, TypeTimestamp}

// value is an attribute's value.
type value struct {
	encoded []byte // As DynamoDB has it: {"S":"text"}.
	bytes   int    // As DynamoDB reckons it.
}

// convert makes a value of a document's. raw is valid JSON, and not null.
func (t Type) convert(raw []byte) (value, error) {
	switch t {
	case TypeString:
		return toString(raw)
	case TypeNumber:
		return toNumber(raw)
	case TypeBool:
		return toBool(raw)
	case TypeTimestamp:
		return toTimestamp(raw)
	default:
		return toJSON(raw)
	}
}

func wrong(raw []byte, want Type) error {
	return faulty(FileWrongType, "%s is no %s", cut(string(raw), 60), want)
}

func toString(raw []byte) (value, error) {
	switch raw[0] {
	case '{', '[':
		return value{}, wrong(raw, TypeString)
	case '"':
		if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) { // As DynamoDB wants it.
			return value{wrapped(`{"S":`, raw), len(raw) - 2}, nil
		}
		text, err := unquote(raw)
		if err != nil {
			return value{}, wrong(raw, TypeString)
		}
		again, err := json.Marshal(text)
		if err != nil {
			return value{}, fmt.Errorf("encode a text: %w", err)
		}
		return value{wrapped(`{"S":`, again), len(text)}, nil
	default:
		return value{wrapped(`{"S":"`, raw, '"'), len(raw)}, nil
	}
}

// wrapped is a value between the beginning and the end of its object.
func wrapped(begin string, raw []byte, end ...byte) []byte {
	encoded := make([]byte, 0, len(begin)+len(raw)+len(end)+1)
	encoded = append(append(append(encoded, begin...), raw...), end...)
	return append(encoded, '}')
}

// unquote is the text of a JSON string.
func unquote(raw []byte) (text string, err error) {
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1]), nil
	}
	err = json.Unmarshal(raw, &text)
	return text, err
}

func toNumber(raw []byte) (value, error) {
	number := raw
	if raw[0] == '"' {
		text, err := unquote(raw)
		if err != nil {
			return value{}, wrong(raw, TypeNumber)
		}
		number = []byte(text)
		if len(number) == 0 || !json.Valid(number) {
			return value{}, wrong(raw, TypeNumber)
		}
	}
	if number[0] != '-' && (number[0] < '0' || number[0] > '9') || !fits(number) {
		return value{}, wrong(raw, TypeNumber)
	}
	number = bytes.TrimRight(number, " \t\r\n") // Of a text, where JSON lets it be.
	return value{wrapped(`{"N":"`, number, '"'), len(number)}, nil
}

// fits says whether a JSON number is one of DynamoDB's: at most 38 digits, and from 1E-130 to 9.9E+125 or zero (DynamoDB Developer Guide, "Supported data types
// and naming rules", Number).
func fits(number []byte) bool {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(strings.TrimSpace(string(number)), "-")), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	first := len(whole) - 1 // The power of ten of the first digit that is not zero.
	if digits == "" {
		return true
	}
	first -= len(whole) + len(fraction) - len(digits)
	if exponent != "" {
		n, err := strconv.Atoi(exponent)
		if err != nil || n < -1000 || n > 1000 {
			return false
		}
		first += n
	}
	return len(strings.TrimRight(digits, "0")) <= 38 && first >= -130 && first <= 125
}

func toBool(raw []byte) (value, error) {
	for _, word := range []string{"true", "false"} {
		if string(raw) == word || string(raw) == `"`+word+`"` {
			return value{wrapped(`{"BOOL":`, []byte(word)), 1}, nil
		}
	}
	return value{}, wrong(raw, TypeBool)
}

func toJSON(raw []byte) (value, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return value{}, wrong(raw, TypeJSON)
	}
	text := bytes.ToValidUTF8(compact.Bytes(), []byte("\uFFFD"))
	encoded := make([]byte, 0, len(text)+len(text)/8+16)
	encoded = append(encoded, `{"S":"`...)
	for _, char := range text { // White space is gone, so that no other needs a backslash.
		if char == '"' || char == '\\' {
			encoded = append(encoded, '\\')
		}
		encoded = append(encoded, char)
	}
	return value{append(encoded, `"}`...), len(text)}, nil
}

// maxSeconds tells seconds from milliseconds: as seconds it is the year 5138, as milliseconds the year 1973.
const maxSeconds = 1e11

func toTimestamp(raw []byte) (value, error) {
	var ms int64
	if raw[0] == '"' {
		text, err := unquote(raw)
		if err != nil {
			return value{}, wrong(raw, TypeTimestamp)
		}
		at, err := readTime(text)
		if err != nil {
			return value{}, wrong(raw, TypeTimestamp)
		}
		ms = at.UnixMilli()
	} else {
		number, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || number > maxSeconds*1000 || number < -maxSeconds*1000 {
			return value{}, wrong(raw, TypeTimestamp)
		}
		if number < maxSeconds && number > -maxSeconds {
			number *= 1000
		}
		ms = int64(number)
	}
	text := strconv.FormatInt(ms, 10)
	return value{wrapped(`{"N":"`, []byte(text), '"'), len(text)}, nil
}

func readTime(text string) (at time.Time, err error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
		if at, err = time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return at, err
}

// cut is a text of at most so many bytes, whole characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return strings.ToValidUTF8(text[:most], "\uFFFD") + "…"
}
