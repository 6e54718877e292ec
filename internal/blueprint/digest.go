package blueprint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Digest is the short digest of a part's spec and tags: four hex digits of
// what AWS cannot change in place, a dash, eight of the whole. ok is false when
// the spec depends on an argument that the plan does not know yet.
// Fields owned at run time do not count.
func (b *Blueprint) Digest(p *Part) (digest string, ok bool) {
	for _, s := range specStrings(p.Spec) {
		if HasUnknown(s) {
			return "", false
		}
	}
	tags := b.Tags(p.Key)
	for _, v := range tags {
		if HasUnknown(v) {
			return "", false
		}
	}
	fields, fixed := specFields(p)
	whole := sum(p.Spec.Kind(), fields, tags)
	return sum(p.Spec.Kind(), fixed)[:4] + "-" + whole[:8], true
}

// SameObject reports whether two digests of a part differ at most in what AWS
// can change in place. Where one is empty they do not.
func SameObject(a, b string) bool {
	return len(a) > 4 && len(b) > 4 && a[:4] == b[:4]
}

func sum(values ...any) string {
	h := sha256.New()
	for _, v := range values {
		h.Write(canonical(v))
		h.Write([]byte{'\n'})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// canonical renders v as JSON without HTML escaping. Specs and tags are plain
// data, so this cannot fail.
func canonical(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("blueprint: a spec is not plain data: %v", err))
	}
	return bytes.TrimSpace(buf.Bytes())
}

// specFields returns the compared fields of a part's spec by JSON name, and
// among them those that AWS cannot change in place.
func specFields(p *Part) (all, fixed map[string]any) {
	all, fixed = map[string]any{}, map[string]any{}
	for _, f := range Fields(p.Spec) {
		if slices.Contains(p.RuntimeOwned, f.Name) {
			continue
		}
		all[f.Name] = f.Value
		if f.Fixed {
			fixed[f.Name] = f.Value
		}
	}
	return all, fixed
}

// Field is one top-level field of a spec.
type Field struct {
	// Name is the JSON name; Unit its unit, if any.
	Name, Unit string
	// Fixed is true where AWS cannot change the field in place.
	Fixed bool
	// Least is true for a number that AWS raises by itself and never lowers.
	Least bool
	Value any
}

// Fields lists the fields of a spec in the order of its struct.
func Fields(s Spec) []Field {
	v := reflect.Indirect(reflect.ValueOf(s))
	var out []Field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" {
			continue
		}
		out = append(out, Field{Name: name, Unit: f.Tag.Get("unit"), Fixed: f.Tag.Get("fixed") == "true", Least: f.Tag.Get("least") == "true", Value: v.Field(i).Interface()})
	}
	return out
}

// specStrings lists every string inside a spec.
func specStrings(s Spec) []string {
	var out []string
	mapStrings(reflect.ValueOf(s), func(v string) string { out = append(out, v); return v })
	return out
}

// ResolveSpec returns a copy of the spec in which every token is replaced.
func ResolveSpec(s Spec, resolve func(string) (string, error)) (Spec, error) {
	var failed error
	v := mapStrings(reflect.ValueOf(s), func(text string) string {
		out, err := resolve(text)
		if err != nil && failed == nil {
			failed = err
		}
		return out
	})
	if failed != nil {
		return nil, failed
	}
	resolved := v.Interface().(Spec) //nolint:forcetypeassert // a copy of the same type
	if r, ok := resolved.(Resolvable); ok {
		resolved = r.Resolved()
	}
	return resolved, nil
}

// Resolvable is a spec of which something can be told only when its tokens are
// replaced: the order of a list in which order means nothing, the digest of a
// text.
type Resolvable interface {
	// Resolved returns the spec with that.
	Resolved() Spec
}

// mapStrings returns a deep copy of v with f applied to each string in it, map
// keys included.
func mapStrings(v reflect.Value, f func(string) string) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		return reflect.ValueOf(f(v.String())).Convert(v.Type())
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(mapStrings(v.Elem(), f))
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		for i := range v.NumField() {
			out.Field(i).Set(mapStrings(v.Field(i), f))
		}
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(mapStrings(v.Index(i), f))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for _, k := range v.MapKeys() {
			out.SetMapIndex(mapStrings(k, f), mapStrings(v.MapIndex(k), f))
		}
		return out
	default:
		return v
	}
}
