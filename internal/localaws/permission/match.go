package permission

import "strings"

// A pattern is compiled to runes, in which two values that no text has stand for the wildcards.
const (
	anyText rune = -1 - iota
	anyRune
)

// pattern is text with wildcards.
type pattern []rune

// compile reads * and ? as wildcards.
func compile(text string) pattern {
	p := make(pattern, 0, len(text))
	for _, r := range text {
		switch r {
		case '*':
			r = anyText
		case '?':
			r = anyRune
		}
		p = append(p, r)
	}
	return p
}

// expand compiles text with policy variables: ${aws:username}, with a default ${aws:username, 'nobody'}, and the literals
// ${*}, ${?} and ${$}. ok is false where a variable has no value, or several, and no default: then nothing matches (IAM User
// Guide, "IAM policy elements: Variables and tags"). What a variable stands for has no wildcards.
func expand(text string, context Context) (p pattern, ok bool) {
	for {
		before, rest, found := strings.Cut(text, "${")
		p = append(p, compile(before)...)
		if !found {
			return p, true
		}
		variable, after, closed := strings.Cut(rest, "}")
		if !closed {
			return append(p, compile("${"+rest)...), true
		}
		text = after
		name, fallback, hasFallback := strings.Cut(variable, ",")
		name = strings.TrimSpace(name)
		if name == "*" || name == "?" || name == "$" {
			p = append(p, []rune(name)...)
			continue
		}
		values := context[strings.ToLower(name)]
		switch {
		case len(values) == 1:
			p = append(p, []rune(values[0])...)
		case hasFallback:
			p = append(p, []rune(strings.Trim(strings.TrimSpace(fallback), "'"))...)
		default:
			return nil, false
		}
	}
}

// matches tells whether the pattern covers the whole of the text.
func (p pattern) matches(text string) bool {
	s := []rune(text)
	i, j := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		switch {
		case j < len(p) && p[j] == anyText:
			star, mark = j, i
			j++
		case j < len(p) && (p[j] == anyRune || p[j] == s[i]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	for j < len(p) && p[j] == anyText {
		j++
	}
	return j == len(p)
}

// like matches text with a pattern that has no variables.
func like(text, with string) bool { return compile(with).matches(text) }

// likeARN matches two ARNs part by part, as the ARN operators do (IAM User Guide, "ARN condition operators"): a wildcard
// does not reach over the colons that separate the first five parts.
func likeARN(arn string, with pattern) bool {
	have := strings.SplitN(arn, ":", 6)
	var want []pattern
	start := 0
	for i, r := range with {
		if r == ':' && len(want) < 5 {
			want = append(want, with[start:i])
			start = i + 1
		}
	}
	want = append(want, with[start:])
	if len(have) != len(want) {
		return len(want) == 1 && want[0].matches(arn)
	}
	for i, part := range want {
		if !part.matches(have[i]) {
			return false
		}
	}
	return true
}
