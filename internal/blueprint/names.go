package blueprint

import (
	"fmt"
	"regexp"
	"strings"
)

// MaxName is the greatest length of a system's name. It leaves room in the
// tightest physical name, a bucket's 63 characters: name, slug (5), part key
// (10), account (12), region code (8) and four dashes.
const MaxName = 24

// maxSlug and maxRegionCode bound the other pieces of physical names.
const (
	maxSlug       = 5
	maxRegionCode = 8
)

var namePattern = regexp.MustCompile(`^[a-z](-?[a-z0-9])*$`)

// CheckName reports why name cannot name a system, or nil.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("the name is empty; give 1 to %d characters", MaxName)
	case len(name) > MaxName:
		return fmt.Errorf("the name %q has %d characters; at most %d leave room for the bucket names derived from it (63 characters with account and region)", name, len(name), MaxName)
	case !namePattern.MatchString(name):
		return fmt.Errorf("the name %q may hold only lower-case letters, digits and single dashes, begin with a letter and not end with a dash, since bucket names are derived from it", name)
	}
	return nil
}

// Code shortens a region for physical names, after the pattern of AWS's
// availability zone ids: eu-central-1 is "euc1", ap-southeast-2 "apse2",
// us-gov-west-1 "usgovw1".
func Code(region string) string {
	words := strings.Split(region, "-")
	var b strings.Builder
	for i, w := range words {
		if i == 0 || i == len(words)-1 {
			b.WriteString(w)
			continue
		}
		b.WriteString(direction(w))
	}
	return b.String()
}

// direction abbreviates a compass word; any other word stays.
func direction(w string) string {
	short := map[string]string{"north": "n", "south": "s", "east": "e", "west": "w", "central": "c"}
	if s, ok := short[w]; ok {
		return s
	}
	for first, a := range short {
		if rest, ok := strings.CutPrefix(w, first); ok {
			if b, ok := short[rest]; ok {
				return a + b
			}
		}
	}
	return w
}

// name returns the physical name of a part: tv-vote-intake-euc1.
func (b *Builder) name(key string) string {
	return b.prefix() + key + "-" + RegionCode()
}

// globalName is for names that all accounts share (buckets): it carries the
// account too.
func (b *Builder) globalName(key string) string {
	return b.prefix() + key + "-" + Account() + "-" + RegionCode()
}

func (b *Builder) prefix() string { return b.settings.Name + "-" + b.settings.System.Slug + "-" }

// arn puts together an ARN in the system's account and region.
func arn(service, resource string) string {
	return "arn:" + Partition() + ":" + service + ":" + Region() + ":" + Account() + ":" + resource
}

// longest is the length of s when every token takes its greatest length.
func (b *Blueprint) longest(s string) int {
	wide := strings.NewReplacer(
		Account(), strings.Repeat("0", 12),
		RegionCode(), strings.Repeat("x", maxRegionCode),
		Region(), strings.Repeat("x", 15),
		Partition(), "aws-us-gov",
	).Replace(s)
	out := tokenPattern.ReplaceAllStringFunc(wide, func(t string) string {
		refs := References(t)
		if len(refs) == 1 && refs[0].Attribute == NameAttribute {
			if p := b.Part(refs[0].Part); p != nil {
				return strings.Repeat("x", b.longest(p.Name))
			}
		}
		// An attribute that only AWS knows: an id or a URL.
		return strings.Repeat("x", 128)
	})
	return len(out)
}
