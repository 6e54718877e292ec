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

// convert appends to a buffer what a document's value is to DynamoDB, {"S":"text"}, and returns how many bytes DynamoDB reckons for it. raw is valid JSON, and not
// null.
func (t Type) convert(to, raw []byte) (encoded []byte, size int, err error) {
	switch t {
	case TypeString:
		return appendString(to, raw)
	case TypeNumber:
		return appendNumber(to, raw)
	case TypeBool:
		return appendBool(to, raw)
	case TypeTimestamp:
		return appendTimestamp(to, raw)
	default:
		return appendJSON(to, raw)
	}
}

func wrong(raw []byte, want Type) error {
	return faulty(FileWrongType, "%s is no %s", cut(string(raw), 60), want)
}

func appendString(to, raw []byte) ([]byte, int, error) {
	switch raw[0] {
	case '{', '[':
		return to, 0, wrong(raw, TypeString)
	case '"':
		if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) { // As DynamoDB wants it.
			return wrapped(to, `{"S":`, raw, "}"), len(raw) - 2, nil
		}
		text, err := unquote(raw)
		if err != nil {
			return to, 0, wrong(raw, TypeString)
		}
		again, err := json.Marshal(text)
		if err != nil {
			return to, 0, fmt.Errorf("encode a text: %w", err)
		}
		return wrapped(to, `{"S":`, again, "}"), len(text), nil
	default:
		return wrapped(to, `{"S":"`, raw, `"}`), len(raw), nil
	}
}

// wrapped appends a value between the beginning and the end of its object.
func wrapped(to []byte, begin string, raw []byte, end string) []byte {
	return append(append(append(to, begin...), raw...), end...)
}

// unquote is the text of a JSON string.
func unquote(raw []byte) (text string, err error) {
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1]), nil
	}
	err = json.Unmarshal(raw, &text)
	return text, err
}

func appendNumber(to, raw []byte) ([]byte, int, error) {
	number := raw
	if raw[0] == '"' {
		text, err := unquote(raw)
		if err != nil {
			return to, 0, wrong(raw, TypeNumber)
		}
		number = []byte(text)
		if len(number) == 0 || !json.Valid(number) {
			return to, 0, wrong(raw, TypeNumber)
		}
	}
	if number[0] != '-' && (number[0] < '0' || number[0] > '9') || !fits(number) {
		return to, 0, wrong(raw, TypeNumber)
	}
	number = bytes.TrimRight(number, " \t\r\n") // Of a text, where JSON lets it be.
	return wrapped(to, `{"N":"`, number, `"}`), len(number), nil
}

// fits says whether a JSON number is one of DynamoDB's: at most 38 digits, and from 1E-130 to 9.9E+125 or zero (DynamoDB Developer Guide, "Supported data types
// and naming rules", Number).
func fits(number []byte) bool {
	if len(number) <= 38 && !bytes.ContainsAny(number, "eE") { // Nearly all are.
		return true
	}
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

func appendBool(to, raw []byte) ([]byte, int, error) {
	for _, word := range []string{"true", "false"} {
		if string(raw) == word || string(raw) == `"`+word+`"` {
			return append(append(append(to, `{"BOOL":`...), word...), '}'), 1, nil
		}
	}
	return to, 0, wrong(raw, TypeBool)
}

func appendJSON(to, raw []byte) ([]byte, int, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return to, 0, wrong(raw, TypeJSON)
	}
	text := compact.Bytes()
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	to = append(to, `{"S":"`...)
	for _, char := range text { // White space is gone, so that no other needs a backslash.
		if char == '"' || char == '\\' {
			to = append(to, '\\')
		}
		to = append(to, char)
	}
	return append(to, `"}`...), len(text), nil
}

// maxSeconds tells seconds from milliseconds: as seconds it is the year 5138, as milliseconds the year 1973.
const maxSeconds = 1e11

func appendTimestamp(to, raw []byte) ([]byte, int, error) {
	var ms int64
	if raw[0] == '"' {
		text, err := unquote(raw)
		if err != nil {
			return to, 0, wrong(raw, TypeTimestamp)
		}
		at, err := readTime(text)
		if err != nil {
			return to, 0, wrong(raw, TypeTimestamp)
		}
		ms = at.UnixMilli()
	} else {
		number, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || number > maxSeconds*1000 || number < -maxSeconds*1000 {
			return to, 0, wrong(raw, TypeTimestamp)
		}
		if number < maxSeconds && number > -maxSeconds {
			number *= 1000
		}
		ms = int64(number)
	}
	to = append(to, `{"N":"`...)
	before := len(to)
	to = strconv.AppendInt(to, ms, 10)
	return append(to, `"}`...), len(to) - before, nil
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
