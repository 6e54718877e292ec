package dynamodb

import "strconv"

// Item is a DynamoDB item: its attributes by name.
type Item = map[string]Value

// Value is the value of an attribute (DynamoDB API Reference, AttributeValue). One member is set, none where the value is of a type that
// functions do not use.
type Value struct {
	S    *string `json:",omitempty"`
	N    string  `json:",omitempty"`
	B    []byte  `json:",omitempty"`
	BOOL *bool   `json:",omitempty"`
	M    Item    `json:",omitzero"` // An empty one is a value, too.
	L    []Value `json:",omitzero"`
}

// String is a text.
func String(text string) Value { return Value{S: &text} }

// Number is a whole number.
func Number(n int64) Value { return Value{N: strconv.FormatInt(n, 10)} }

// Bytes is binary: at least one byte.
func Bytes(raw []byte) Value { return Value{B: raw} }

// Decimal is a number given as text, so that it keeps all its digits.
func Decimal(text string) Value { return Value{N: text} }

// Bool is a truth value.
func Bool(is bool) Value { return Value{BOOL: &is} }

// Map is a map.
func Map(values Item) Value { return Value{M: values} }

// Strings is a list of texts.
func Strings(texts []string) Value {
	list := make([]Value, len(texts))
	for i, text := range texts {
		list[i] = String(text)
	}
	return Value{L: list}
}

// Texts are the texts of a list.
func (v Value) Texts() []string {
	texts := make([]string, 0, len(v.L))
	for _, value := range v.L {
		texts = append(texts, value.Text())
	}
	return texts
}

// Text is the text; empty where the value is none.
func (v Value) Text() string {
	if v.S == nil {
		return ""
	}
	return *v.S
}

// Scalar is a text, a number or a truth value as text; empty where the value is of another type.
func (v Value) Scalar() string {
	switch {
	case v.N != "":
		return v.N
	case v.BOOL != nil:
		return strconv.FormatBool(*v.BOOL)
	}
	return v.Text()
}

// Int is the whole number; zero where the value is none.
func (v Value) Int() int64 {
	n, err := strconv.ParseInt(v.N, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// True says whether the value is true.
func (v Value) True() bool { return v.BOOL != nil && *v.BOOL }

// SetString leaves an empty text out.
func SetString(item Item, attribute, text string) {
	if text != "" {
		item[attribute] = String(text)
	}
}

// SetNumber leaves zero out.
func SetNumber(item Item, attribute string, n int64) {
	if n != 0 {
		item[attribute] = Number(n)
	}
}
