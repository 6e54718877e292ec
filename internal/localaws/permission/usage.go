package permission

import (
	"maps"
	"slices"
	"sync"
)

// Usage counts, for every user and role, which pairs of its policies allowed calls. A pair stays known when its policy has gone.
// The zero value is ready.
type Usage struct {
	mu     sync.Mutex
	owners map[string]map[Pair]int
}

// Granted makes the pairs of an owner's policies known, unused so far. The owner is the ARN, without path, of a user or role.
func (u *Usage) Granted(owner string, policies ...Policy) {
	u.mu.Lock()
	defer u.mu.Unlock()
	counts := u.of(owner)
	for _, policy := range policies {
		for _, s := range policy.Statements {
			if !s.Allow {
				continue
			}
			for _, p := range s.pairs() {
				counts[p] += 0
			}
		}
	}
}

// Use counts pairs that allowed a call.
func (u *Usage) Use(owner string, pairs ...Pair) {
	u.mu.Lock()
	defer u.mu.Unlock()
	counts := u.of(owner)
	for _, p := range pairs {
		counts[p]++
	}
}

func (u *Usage) of(owner string) map[Pair]int {
	if u.owners == nil {
		u.owners = map[string]map[Pair]int{}
	}
	if u.owners[owner] == nil {
		u.owners[owner] = map[Pair]int{}
	}
	return u.owners[owner]
}

// Owners are all whose grants are known, sorted.
func (u *Usage) Owners() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Sorted(maps.Keys(u.owners))
}

// Of is how often each pair that the owner was granted allowed a call.
func (u *Usage) Of(owner string) map[Pair]int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.owners[owner])
}

// Unused lists, sorted, what was granted and never used. The name that a caller gives a pair sums it up with all pairs of the same
// name: a system's grants, however often it was deployed. A pair that gets no name is left out.
func (u *Usage) Unused(name func(owner string, p Pair) string) []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	sums := map[string]int{}
	for owner, counts := range u.owners {
		for p, n := range counts {
			if key := name(owner, p); key != "" {
				sums[key] += n
			}
		}
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(sums)) {
		if sums[key] == 0 {
			out = append(out, key)
		}
	}
	return out
}
