package kinds

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// releasedBase is a function whose alias a release moves.
func releasedBase() blueprint.FunctionSpec {
	s := functionBase()
	s.Released = true
	return s
}

// aliasNow returns where the alias points to, and the shares of other versions.
func aliasNow(t *testing.T) (version string, shares map[string]float64) {
	t.Helper()
	out, err := env.AWS.Lambda.GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: aws.String(testFunction), Name: aws.String(blueprint.LiveAlias)})
	if err != nil {
		t.Fatal(err)
	}
	if out.RoutingConfig != nil {
		shares = out.RoutingConfig.AdditionalVersionWeights
	}
	return aws.ToString(out.FunctionVersion), shares
}

// moveAlias does what a release does.
func moveAlias(t *testing.T, version string, shares map[string]float64) {
	t.Helper()
	_, err := env.AWS.Lambda.UpdateAlias(t.Context(), &lambda.UpdateAliasInput{
		FunctionName: aws.String(testFunction), Name: aws.String(blueprint.LiveAlias), FunctionVersion: &version,
		RoutingConfig: &lambdatypes.AliasRoutingConfiguration{AdditionalVersionWeights: shares},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReleasedFunction: an update publishes a version and leaves the alias, and
// wherever a release moves that, nothing differs.
func TestReleasedFunction(t *testing.T) {
	begin(t)
	needCode(t)
	target := made(t, testFunction, releasedBase())
	if version, _ := aliasNow(t); version != "1" || target.Attributes[blueprint.VersionAttribute] != "1" {
		t.Fatalf("a new function's alias is at %s, and its version %q: want 1", version, target.Attributes[blueprint.VersionAttribute])
	}
	larger := with(releasedBase(), func(s *blueprint.FunctionSpec) { s.MemoryMB = 512 })
	update(t, target, larger)
	published := target.Attributes[blueprint.VersionAttribute]
	if version, _ := aliasNow(t); version != "1" || published == "1" {
		t.Fatalf("the alias is at %s and the version %s: want 1 and a new one", version, published)
	}
	for name, shares := range map[string]map[string]float64{"before the release": nil, "canary": {published: 0.1}} {
		moveAlias(t, "1", shares)
		live := observe(t, "function", target)
		if got := differences(larger, live); len(got) > 0 || live.Attributes[blueprint.VersionAttribute] != published {
			t.Errorf("%s: %v differ, and the version is %q, want none and %s", name, got, live.Attributes[blueprint.VersionAttribute], published)
		}
	}
	moveAlias(t, published, nil)
	if got := differences(larger, observe(t, "function", target)); len(got) > 0 {
		t.Errorf("after the release %v differ", got)
	}

	// Adopted, nothing tells which version was the last: publishing does.
	moveAlias(t, "1", map[string]float64{published: 0.1})
	adopted := &Target{Key: target.Key, Name: target.Name, Tags: target.Tags}
	if got := differences(larger, observe(t, "function", adopted)); !slices.Equal(got, []string{"published"}) {
		t.Errorf("adopted, %v differ, want published", got)
	}
	update(t, adopted, larger)
	if version, shares := aliasNow(t); adopted.Attributes[blueprint.VersionAttribute] != published || version != "1" || shares[published] != 0.1 {
		t.Errorf("adopted, the version is %q and the alias at %s with %v: want %s, and the alias as it was", adopted.Attributes[blueprint.VersionAttribute], version, shares, published)
	}

	// Without its alias nobody can call it.
	if _, err := env.AWS.Lambda.DeleteAlias(t.Context(), &lambda.DeleteAliasInput{FunctionName: aws.String(testFunction), Name: aws.String(blueprint.LiveAlias)}); err != nil {
		t.Fatal(err)
	}
	if got := differences(larger, observe(t, "function", target)); !slices.Equal(got, []string{"published"}) {
		t.Errorf("without the alias %v differ, want published", got)
	}
	update(t, target, larger)
	if version, _ := aliasNow(t); version != published {
		t.Errorf("the alias was made at %s, want %s", version, published)
	}

	// Given back to applies, in the middle of a canary: all calls go to what is
	// applied.
	moveAlias(t, "1", map[string]float64{published: 0.1})
	update(t, target, functionBase())
	if version, shares := aliasNow(t); version != target.Attributes[blueprint.VersionAttribute] || len(shares) > 0 {
		t.Errorf("the alias is at %s with %v: want %s for all calls", version, shares, target.Attributes[blueprint.VersionAttribute])
	}
	if got := differences(functionBase(), observe(t, "function", target)); len(got) > 0 {
		t.Errorf("given back, %v differ", got)
	}
}
