package votingwindow

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// manyTimes is how often a part of a pattern is repeated at most beyond its
// least: enough letters for identifiers that differ.
const manyTimes = 12

// tries bounds how many texts are made for each identifier: a pattern may have
// fewer that match than are asked for.
const tries = 50

// madeUp returns n different identifiers that match a pattern as a whole, for a
// rehearsal.
func madeUp(pattern string, n int, random *rand.Rand) ([]string, error) {
	if pattern == "" {
		pattern = "rehearsal-[a-z0-9]{12}"
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("read the pattern of voters: %w", err)
	}
	whole, err := regexp.Compile(`^(?:` + pattern + `)$`)
	if err != nil {
		return nil, fmt.Errorf("read the pattern of voters: %w", err)
	}
	parsed = parsed.Simplify()
	out, seen := make([]string, 0, n), make(map[string]bool, n)
	for range tries * n {
		if len(out) == n {
			break
		}
		var b strings.Builder
		compose(&b, parsed, random)
		// Anchors and word boundaries may not hold where the text happens to be.
		if voter := b.String(); !seen[voter] && voter != "" && len(voter) <= votingwindow.MaxVoterBytes && whole.MatchString(voter) {
			seen[voter], out = true, append(out, voter)
		}
	}
	if len(out) < n {
		return nil, fmt.Errorf("only %d identifiers could be made up for the pattern %q: give a file with identifiers by --voters, or fewer --votes", len(out), pattern)
	}
	return out, nil
}

// compose writes a text that an expression matches.
func compose(b *strings.Builder, e *syntax.Regexp, random *rand.Rand) {
	some := func(least, most int) {
		if most < 0 {
			most = least + manyTimes
		}
		for range least + random.IntN(most-least+1) {
			compose(b, e.Sub[0], random)
		}
	}
	switch e.Op {
	case syntax.OpLiteral:
		for _, r := range e.Rune {
			b.WriteRune(r)
		}
	case syntax.OpCharClass:
		b.WriteRune(oneOf(e.Rune, random))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte("abcdefghijklmnopqrstuvwxyz"[random.IntN(26)])
	case syntax.OpCapture:
		compose(b, e.Sub[0], random)
	case syntax.OpStar:
		some(0, -1)
	case syntax.OpPlus:
		some(1, -1)
	case syntax.OpQuest:
		some(0, 1)
	case syntax.OpRepeat:
		some(e.Min, e.Max)
	case syntax.OpConcat:
		for _, sub := range e.Sub {
			compose(b, sub, random)
		}
	case syntax.OpAlternate:
		compose(b, e.Sub[random.IntN(len(e.Sub))], random)
	default: // Anchors and boundaries have no text; what matches nothing never will.
	}
}

// oneOf draws a rune of a class, which is pairs of the first and the last of a
// range: one that people type, where there is one.
func oneOf(class []rune, random *rand.Rand) rune {
	var typed []rune
	for i := 0; i < len(class); i += 2 {
		for r := max(class[i], ' '+1); r <= min(class[i+1], '~'); r++ {
			typed = append(typed, r)
		}
	}
	if len(typed) > 0 {
		return typed[random.IntN(len(typed))]
	}
	if len(class) == 0 {
		return utf8.RuneError
	}
	i := 2 * random.IntN(len(class)/2)
	return class[i] + rune(random.Int64N(int64(class[i+1]-class[i])+1)) //nolint:gosec // A rune stays one within its range.
}
