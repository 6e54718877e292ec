package localaws

import "regexp"

// javaEscape is a character by its number, as Java and ECMAScript write it; Go writes \x{...}.
var javaEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// compilePattern turns a pattern of a service model into Go's. Smithy's specification says that a pattern without anchors is a
// search; AWS's services match the whole value, so that Lambda refuses the function name "my function" by [a-zA-Z0-9-_]+.
// Patterns with anchors mean the same either way.
//
// It returns nil where Go cannot say the same, for looking around (?=, ?!, ?<!), counts above 1,000 and surrogate pairs; such a
// pattern is not checked. The test of this function lists them all.
func compilePattern(pattern string) *regexp.Regexp {
	if pattern == "" {
		return nil
	}
	re, err := regexp.Compile(`^(?:` + javaEscape.ReplaceAllString(pattern, `\x{$1}`) + `)$`)
	if err != nil {
		return nil
	}
	return re
}
