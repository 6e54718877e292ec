package blueprint

import (
	"fmt"
	"regexp"
	"strings"
)

// A token stands inside a string for something that is known later: another
// part's attribute, the account or region, or an argument that a plan does not
// know yet. Its delimiters are private-use code points, which no argument may
// contain, so a user's text is never mistaken for a token.
const (
	tokenOpen  = '\uE000'
	tokenClose = '\uE001'
)

// NameAttribute is the attribute of every part that is known before apply.
const NameAttribute = "name"

const (
	pseudoPrefix  = "aws."
	unknownPrefix = "unknown:"
)

var tokenPattern = regexp.MustCompile("\uE000([^\uE000\uE001]*)\uE001")

func token(body string) string { return string(tokenOpen) + body + string(tokenClose) }

// Ref returns a token for an attribute of a part: Ref("votes", "url").
func Ref(part, attribute string) string { return token(part + "." + attribute) }

// Unknown returns a token for an argument whose value the plan does not know.
func Unknown(argument string) string { return token(unknownPrefix + argument) }

// Partition is a token for the partition of the region: "aws".
func Partition() string { return token(pseudoPrefix + "partition") }

// Region is a token for the region: "eu-central-1".
func Region() string { return token(pseudoPrefix + "region") }

// RegionCode is a token for the region as in physical names: "euc1".
func RegionCode() string { return token(pseudoPrefix + "region_code") }

// Account is a token for the account's id: "123456789012".
func Account() string { return token(pseudoPrefix + "account") }

// HasToken reports whether s contains any token.
func HasToken(s string) bool { return strings.ContainsRune(s, tokenOpen) }

// Reserved reports whether s contains a code point that tokens are made of.
// Arguments with such text are refused.
func Reserved(s string) bool { return strings.ContainsAny(s, "\uE000\uE001") }

// HasUnknown reports whether s depends on an argument unknown to the plan.
func HasUnknown(s string) bool { return strings.Contains(s, string(tokenOpen)+unknownPrefix) }

// Reference is one mention of a part's attribute.
type Reference struct{ Part, Attribute string }

// References lists the parts' attributes that s mentions, in order.
func References(s string) []Reference {
	var refs []Reference
	for _, m := range tokenPattern.FindAllStringSubmatch(s, -1) {
		body := m[1]
		if strings.HasPrefix(body, unknownPrefix) || strings.HasPrefix(body, pseudoPrefix) || strings.HasPrefix(body, controlPrefix) {
			continue
		}
		i := strings.LastIndexByte(body, '.')
		refs = append(refs, Reference{Part: body[:i], Attribute: body[i+1:]})
	}
	return refs
}

// Place is where a system is deployed.
type Place struct{ Partition, Region, Account string }

// Resolve replaces every token of s. attribute looks up a part's attribute.
// A token that cannot be replaced is an error that names it.
func Resolve(s string, place Place, attribute func(Reference) (string, bool)) (string, error) {
	if !HasToken(s) {
		return s, nil
	}
	var missing error
	out := tokenPattern.ReplaceAllStringFunc(s, func(t string) string {
		body := strings.Trim(t, "\uE000\uE001")
		switch {
		case strings.HasPrefix(body, unknownPrefix):
			missing = fmt.Errorf("argument %q is not known yet", strings.TrimPrefix(body, unknownPrefix))
		case strings.HasPrefix(body, controlPrefix):
			missing = fmt.Errorf("the value of control %q belongs to outputs alone", strings.TrimPrefix(body, controlPrefix))
		case body == pseudoPrefix+"partition":
			return place.Partition
		case body == pseudoPrefix+"region":
			return place.Region
		case body == pseudoPrefix+"region_code":
			return Code(place.Region)
		case body == pseudoPrefix+"account":
			return place.Account
		default:
			ref := References(t)[0]
			if v, ok := attribute(ref); ok {
				return v
			}
			missing = fmt.Errorf("part %q has no attribute %q", ref.Part, ref.Attribute)
		}
		return ""
	})
	return out, missing
}

// Readable renders tokens as ${votes.url} for people and golden files.
func Readable(s string) string {
	return strings.NewReplacer(string(tokenOpen), "${", string(tokenClose), "}").Replace(s)
}
