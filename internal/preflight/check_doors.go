package preflight

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// apis compares the requests a second with what the account takes for all its
// APIs together, and with what an API lets through itself.
func (c *checker) apis(ctx context.Context) {
	need, shares := sum(c.demand.Requests)
	if need > leastRequests {
		// Only then does it matter what the account has.
		if limit := c.quotas.Limit(ctx, APIRequests); need > limit.Value {
			c.warn("API Gateway: too few requests a second for the expected load",
				"At its greatest rate the load makes %s requests a second (%s), and all APIs of the account in this region take %s together. Those above get status 429. Ask for a higher quota (%s) well before the event, or let visitors come by a function URL. %s",
				number(need), shares, number(limit.Value), where(APIRequests), limit.Source)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.demand.Requests)) {
		part := c.blue.Part(key)
		if part == nil {
			continue
		}
		api, ok := part.Spec.(blueprint.HTTPAPISpec)
		if own := float64(api.Rate); ok && own > 0 && c.demand.Requests[key] > own {
			c.warn(fmt.Sprintf("HTTP API %q: its throttling is below the expected load", key),
				"At its greatest rate the load makes %s requests a second, and the API lets %s through on each route. Those above get status 429. Raise its throttling limits.",
				number(c.demand.Requests[key]), number(own))
		}
	}
}

// identities compares the visitors that come each second with how many get an
// identity.
func (c *checker) identities() {
	perSecond, all := map[string]float64{}, 0.0
	for key, d := range c.demand.Identities {
		perSecond[key] = d.PerSecond
		all += d.All
	}
	need, shares := sum(perSecond)
	if need <= newIdentities {
		return
	}
	c.warn("Cognito: too few identities a second for the expected load",
		"At its greatest rate the load asks for %s new identities a second (%s), and the identity pools of an account and region give %d: those above are refused and try again, so that at this rate %s of visitors get theirs at once, and the last of %s after %s. "+
			"Let visitors in without an identity each, by a function URL or by shared, short-lived credentials, or ask AWS for a higher rate well before the event. %d is AWS's default; no service tells the account's own figure.",
		number(need), shares, newIdentities, percent(newIdentities/need), number(all), span(all/newIdentities), newIdentities)
}

// span writes a number of seconds for people, rounded up.
func span(seconds float64) string {
	if seconds < 120 {
		return number(seconds) + " s"
	}
	return number(seconds/60) + " minutes"
}

// sum adds up what parts need, and lists the shares.
func sum(needs map[string]float64) (total float64, shares string) {
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(needs)) {
		total += needs[key]
		texts = append(texts, fmt.Sprintf("%s %s", key, number(needs[key])))
	}
	return total, strings.Join(texts, ", ")
}

// percent writes a share for people, with one decimal.
func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }
