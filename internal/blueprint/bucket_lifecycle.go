package blueprint

import (
	"maps"
	"math"
	"slices"
	"time"
)

// Lifecycle says what S3 removes from a bucket by itself, about a day after it is
// due. All durations are counted in whole days, and rounded up.
type Lifecycle struct {
	// Expire are for how long objects are kept, by the prefix of their keys. Of two
	// prefixes that an object has, the shorter time holds (S3 User Guide, "Lifecycle
	// configuration examples", conflicts).
	Expire map[string]time.Duration
	// Unfinished is for how long the parts of uploads are kept that nobody finished.
	Unfinished time.Duration
}

// LifecycleSpec is the spec of a bucket's lifecycle configuration.
type LifecycleSpec struct {
	Bucket string `json:"bucket" fixed:"true"`
	// Expire are days by prefix.
	Expire     map[string]int `json:"expire_objects"`
	Unfinished int            `json:"abort_incomplete_uploads" unit:"days"`
}

// Kind implements Spec.
func (LifecycleSpec) Kind() string { return "bucket_lifecycle" }

// Expires lets S3 remove what nobody needs any more.
func (b *Builder) Expires(key string, bucket BucketHandle, l Lifecycle) Handle {
	spec := LifecycleSpec{Bucket: bucket.Name(), Expire: map[string]int{}, Unfinished: wholeDays(l.Unfinished)}
	for prefix, after := range l.Expire {
		spec.Expire[prefix] = wholeDays(after)
	}
	return b.add(key, bucket.Name(), spec, bucket.Key())
}

func wholeDays(d time.Duration) int { return int(math.Ceil(d.Hours() / 24)) }

// lifecycle checks what S3 would refuse.
func (c *checker) lifecycle(s LifecycleSpec) {
	const source = "S3 API Reference, LifecycleExpiration"
	c.atMost("lifecycle configuration", len(s.Expire)+1, 1000, "rules", "S3 User Guide, Setting an S3 Lifecycle configuration on a bucket")
	for _, prefix := range slices.Sorted(maps.Keys(s.Expire)) {
		if s.Expire[prefix] < 1 {
			c.add(nil, "objects below %q expire after %d days; give at least one day (%s)", prefix, s.Expire[prefix], source)
		}
	}
	if s.Unfinished < 1 {
		c.add(nil, "unfinished uploads are removed after %d days; give at least one day (%s)", s.Unfinished, source)
	}
}
