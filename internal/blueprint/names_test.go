package blueprint

import (
	"strings"
	"testing"

	"github.com/hashicorp/aws-sdk-go-base/v2/endpoints"
)

func TestCheckName(t *testing.T) {
	for name, fails := range map[string]string{
		"a":                     "",
		"tv-final-2026":         "",
		"a1-b2":                 "",
		strings.Repeat("a", 24): "",
		"":                      "the name is empty; give 1 to 24 characters",
		strings.Repeat("a", 25): "has 25 characters; at most 24",
		"Tv":                    "only lower-case letters",
		"1tv":                   "begin with a letter",
		"-tv":                   "begin with a letter",
		"tv-":                   "not end with a dash",
		"tv--final":             "single dashes",
		"tv_final":              "only lower-case letters",
		"tv final":              "only lower-case letters",
		"tv.final":              "only lower-case letters",
		"tv\n":                  "only lower-case letters",
		"fête":                  "only lower-case letters",
	} {
		err := CheckName(name)
		switch {
		case fails == "" && err != nil:
			t.Errorf("%q: %v", name, err)
		case fails != "" && (err == nil || !strings.Contains(err.Error(), fails)):
			t.Errorf("%q: the error is %v, should say %s", name, err, fails)
		}
	}
}

// TestCodeOfEveryRegion checks that no two regions share a code, since IAM
// names carry nothing else that tells them apart, and that the lengths which
// validation counts with hold.
func TestCodeOfEveryRegion(t *testing.T) {
	seen, partitions := map[string]string{}, 0
	for _, p := range endpoints.DefaultPartitions() {
		partitions++
		if len(p.ID()) > len("aws-us-gov") {
			t.Errorf("partition %s is longer than aws-us-gov", p.ID())
		}
		for region := range p.Regions() {
			code := Code(region)
			if len(code) > maxRegionCode || len(region) > 15 {
				t.Errorf("%s has %d characters, its code %s %d; at most 15 and %d are counted with", region, len(region), code, len(code), maxRegionCode)
			}
			if other, taken := seen[code]; taken {
				t.Errorf("%s and %s share the code %s", region, other, code)
			}
			seen[code] = region
		}
	}
	if len(seen) < 30 || partitions < 3 {
		t.Errorf("%d regions in %d partitions: the list is not AWS's", len(seen), partitions)
	}
	for region, want := range map[string]string{"eu-central-1": "euc1", "ap-southeast-2": "apse2", "us-gov-west-1": "usgovw1", "us-east-1": "use1", "ca-west-1": "caw1"} {
		if have := Code(region); have != want {
			t.Errorf("%s is %s, want %s", region, have, want)
		}
	}
}

func TestLongest(t *testing.T) {
	b := NewBuilder(testSettings())
	queue := b.Queue("votes", Queue{})
	for text, want := range map[string]int{
		"plain":      5,
		"é":          2,
		Account():    12,
		Region():     15,
		RegionCode(): 8,
		Partition():  10,
		// tv-final-vote-votes- and the code.
		queue.Name(): 20 + 8,
		// Ids and URLs have at most 128.
		queue.URL():          128,
		Unknown("closes_at"): 128,
		Ref("none", "name"):  128,
		// arn:<10>:sqs:<15>:<12>:<28>
		queue.ARN(): 4 + 10 + 5 + 15 + 1 + 12 + 1 + 28,
	} {
		if have := b.Blueprint().longest(text); have != want {
			t.Errorf("%s: %d, want %d", Readable(text), have, want)
		}
	}
}

func TestTightestNameFits(t *testing.T) {
	s := testSettings()
	s.Name, s.System.Slug = strings.Repeat("n", MaxName), strings.Repeat("s", maxSlug)
	b := NewBuilder(s)
	b.Bucket(strings.Repeat("k", 10), Bucket{})
	if problems := b.Blueprint().Validate(); len(problems) != 0 {
		t.Errorf("the longest name does not fit a bucket: %v", problems)
	}
}
