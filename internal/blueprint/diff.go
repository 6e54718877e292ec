package blueprint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Difference is one field in which AWS has something else than it should.
type Difference struct {
	Field Field
	// Text reads "visibility timeout is 30 s, should be 60 s".
	Text string
}

// Compare lists the fields in which have differs from want, which both must be
// resolved specs of one kind. Fields owned at run time are left out.
func Compare(want, have Spec, runtimeOwned []string) []Difference {
	wanted, found := Fields(want), Fields(have)
	var out []Difference
	for i, w := range wanted {
		h := found[i]
		if slices.Contains(runtimeOwned, w.Name) || bytes.Equal(normal(w.Value), normal(h.Value)) || enough(w, h.Value) {
			continue
		}
		out = append(out, Difference{Field: w, Text: describe(w, h.Value)})
	}
	return out
}

// enough reports whether AWS has the least that is wanted, or does not say what
// it has: 0.
func enough(want Field, have any) bool {
	w, isNumber := want.Value.(int)
	h, _ := have.(int)
	return want.Least && isNumber && (h >= w || h == 0)
}

// Lowering lists the numbers that after wants lower than before did and that AWS
// never lowers, one sentence each.
func Lowering(before, after *Blueprint) []string {
	var out []string
	for _, p := range after.Parts {
		was := before.Part(p.Key)
		if was == nil || was.Spec.Kind() != p.Spec.Kind() {
			continue
		}
		had := Fields(was.Spec)
		for i, f := range Fields(p.Spec) {
			now, isNumber := f.Value.(int)
			then, _ := had[i].Value.(int)
			if f.Least && isNumber && now < then {
				out = append(out, fmt.Sprintf("%s of %s %q is lowered from %s to %s", strings.ReplaceAll(f.Name, "_", " "), strings.ReplaceAll(p.Spec.Kind(), "_", " "), p.Key,
					show(then, f.Unit), show(now, f.Unit)))
			}
		}
	}
	return out
}

// normal renders a value so that nil and empty are the same, however deep.
func normal(v any) []byte {
	var plain any
	if err := json.Unmarshal(canonical(v), &plain); err != nil {
		panic(fmt.Sprintf("blueprint: a spec is not plain data: %v", err))
	}
	return canonical(pruned(plain))
}

// pruned returns plain data without its empty lists and maps; nil where nothing
// is left.
func pruned(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			if v[k] = pruned(inner); v[k] == nil {
				delete(v, k)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i, inner := range v {
			v[i] = pruned(inner)
		}
		if len(v) == 0 {
			return nil
		}
	}
	return v
}

// describe says what a field is and should be, entry by entry for a map.
func describe(want Field, have any) string {
	label := strings.ReplaceAll(want.Name, "_", " ")
	if own, ok := want.Value.(interface{ differs(have any) string }); ok {
		return own.differs(have)
	}
	if w, ok := want.Value.(map[string]string); ok {
		h, _ := have.(map[string]string)
		var texts []string
		for _, k := range sortedKeys(w, h) {
			a, isWanted := w[k]
			b, isThere := h[k]
			switch {
			case !isThere:
				texts = append(texts, fmt.Sprintf("%s %s is missing", label, k))
			case !isWanted:
				texts = append(texts, fmt.Sprintf("%s %s should not be there", label, k))
			case a != b:
				texts = append(texts, fmt.Sprintf("%s %s is %s, should be %s", label, k, quote(b), quote(a)))
			}
		}
		return strings.Join(texts, "; ")
	}
	return fmt.Sprintf("%s is %s, should be %s", label, show(have, want.Unit), show(want.Value, want.Unit))
}

// shown is the greatest length of a value in a message, in bytes.
const shown = 120

func show(v any, unit string) string {
	switch v := v.(type) {
	case string:
		if v == "" {
			return "not set"
		}
		return quote(v)
	case bool:
		if v {
			return "on"
		}
		return "off"
	case Policy:
		return "a policy that allows " + summary(v)
	}
	text := string(normal(v))
	if text == "null" {
		return "empty"
	}
	if unit != "" {
		return text + " " + unit
	}
	return cut(text)
}

// summary names what a policy allows, short enough for one line.
func summary(p Policy) string {
	var actions []string
	for _, s := range p.Statement {
		if s.Effect == "Allow" {
			actions = append(actions, s.Action...)
		}
	}
	if len(actions) == 0 {
		return "nothing"
	}
	slices.Sort(actions)
	return cut(strings.Join(slices.Compact(actions), ", "))
}

func quote(s string) string { return fmt.Sprintf("%q", cut(s)) }

func cut(s string) string {
	if len(s) > shown {
		return strings.ToValidUTF8(s[:shown], "") + "…"
	}
	return s
}

func sortedKeys(a, b map[string]string) []string {
	keys := maps.Clone(a)
	if keys == nil {
		keys = map[string]string{}
	}
	maps.Copy(keys, b)
	return slices.Sorted(maps.Keys(keys))
}

// CompareTags lists the tags of want that are missing or different in have, and
// those of retired, former own tags, that are still there. Tags that others
// have put on are theirs.
func CompareTags(want, have map[string]string, retired []string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if v, ok := have[k]; !ok {
			out = append(out, fmt.Sprintf("tag %s is missing", k))
		} else if v != want[k] {
			out = append(out, fmt.Sprintf("tag %s is %s, should be %s", k, quote(v), quote(want[k])))
		}
	}
	for _, k := range retired {
		if _, there := have[k]; there {
			out = append(out, fmt.Sprintf("tag %s should not be there", k))
		}
	}
	return out
}

// Render returns the blueprint as stable, readable JSON for golden tests.
func (b *Blueprint) Render() []byte {
	type part struct {
		Kind         string   `json:"kind"`
		Name         string   `json:"name"`
		After        []string `json:"after,omitempty"`
		Data         bool     `json:"data,omitempty"`
		Redrive      Redrive  `json:"redrive,omitempty"`
		RuntimeOwned []string `json:"runtime_owned,omitempty"`
		Former       []string `json:"former,omitempty"`
		Spec         Spec     `json:"spec"`
	}
	parts := map[string]part{}
	for _, p := range b.Parts {
		parts[p.Key] = part{p.Spec.Kind(), p.Name, b.Dependencies(p), p.Data, p.Redrive, p.RuntimeOwned, p.Former, p.Spec}
	}
	var out bytes.Buffer
	// Rendering plain data cannot fail; canonical says so loudly if it does.
	_ = json.Indent(&out, canonical(map[string]any{
		"system": b.Settings.System.Name, "name": b.Settings.Name, "tags": b.Settings.Tags,
		"parts": parts, "outputs": b.Outputs, "output_maps": b.OutputMaps,
	}), "", "  ")
	return []byte(Readable(out.String()) + "\n")
}
