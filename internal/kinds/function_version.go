package kinds

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// Observe compares the function with the version that was published last: a
// function that was changed and not published, be it by hand or by an apply
// that was cut off, is not what is being called, or will be.
func (k function) Observe(ctx context.Context, t *Target) (*Live[blueprint.FunctionSpec], error) {
	var latest, published *lambda.GetFunctionOutput
	err := together(ctx,
		func(ctx context.Context) (err error) {
			latest, err = k.get(ctx, t, "")
			return err
		},
		func(ctx context.Context) (err error) {
			published, err = k.version(ctx, t, blueprint.LiveAlias)
			return err
		})
	if code(err) == functionMissing {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	if latest.Configuration.State == types.StateDeleting {
		return nil, ErrAbsent
	}
	live := &Live[blueprint.FunctionSpec]{Attributes: Attributes{}, Tags: latest.Tags}
	if live.Spec, err = functionSpec(latest.Configuration); err != nil {
		return nil, err
	}
	live.Spec.ReservedConcurrency = blueprint.NoReservation
	if recorded := t.Attributes[blueprint.VersionAttribute]; live.Spec.Released && published != nil && aws.ToString(published.Configuration.Version) != recorded {
		// The alias is where a release has it. Which version was published last only
		// the record tells; without one, publishing gives the same version again.
		if published = nil; recorded != "" {
			if published, err = k.version(ctx, t, recorded); err != nil {
				return nil, err
			}
		}
	}
	if published != nil {
		live.Attributes[blueprint.VersionAttribute] = aws.ToString(published.Configuration.Version)
		called, err := functionSpec(published.Configuration)
		if err != nil {
			return nil, err
		}
		called.ReservedConcurrency = live.Spec.ReservedConcurrency
		live.Spec.Published = len(blueprint.Compare(live.Spec, called, nil)) == 0
	}
	if c := latest.Concurrency; c != nil && c.ReservedConcurrentExecutions != nil {
		live.Spec.ReservedConcurrency = int(*c.ReservedConcurrentExecutions)
	}
	return live, nil
}

// version reads a version, or the one that an alias points to; nil where there
// is none.
func (k function) version(ctx context.Context, t *Target, qualifier string) (*lambda.GetFunctionOutput, error) {
	out, err := k.get(ctx, t, qualifier)
	if code(err) == functionMissing {
		return nil, nil
	}
	return out, err
}

// released ends the description of a function whose alias a release moves.
const released = ", made live by a release"

// describeFunction writes what AWS does not tell otherwise into the
// description: "Code s3://bucket/key, role AROAEXAMPLE". It has at most 256
// characters (Lambda API Reference, CreateFunction); a bucket's name has 63
// and a role's id 21.
func describeFunction(s blueprint.FunctionSpec) string {
	text := "Code s3://" + s.Bucket + "/" + s.Object + ", role " + s.RoleID
	if s.Released {
		text += released
	}
	return text
}

// functionOrigin reads the description; what is not of its form gives nothing.
func functionOrigin(description string) (roleID, bucket, object string, isReleased bool) {
	description, isReleased = strings.CutSuffix(description, released)
	place, ok := strings.CutPrefix(description, "Code s3://")
	i := strings.LastIndex(place, ", role ")
	if !ok || i < 0 {
		return "", "", "", false
	}
	bucket, object, _ = strings.Cut(place[:i], "/")
	return place[i+len(", role "):], bucket, object, isReleased
}

// publish publishes the function as it is now and points the alias to that
// version, unless a release does. Without a change since the last version there
// is no new one (Lambda API Reference, PublishVersion). current is where the
// alias points to, empty where there is none or a release moves it.
func (k function) publish(ctx context.Context, t *Target, want blueprint.FunctionSpec, current string) (Attributes, error) {
	out, err := k.AWS.Lambda.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: &t.Name})
	if err != nil {
		return nil, step("publish version", err)
	}
	version := aws.ToString(out.Version)
	if out.State == types.StatePending {
		err := k.wait(ctx, "version "+version+" of function "+t.Name+" is ready", func(ctx context.Context) (bool, error) {
			out, err := k.get(ctx, t, version)
			return err == nil && out.Configuration.State != types.StatePending, err
		})
		if err != nil {
			return nil, err
		}
	}
	return Attributes{blueprint.VersionAttribute: version}, k.alias(ctx, t, want, current, version)
}

// alias points the alias, which points to current now, to a version, and all
// calls with it. Where a release moves the alias, it is only made.
func (k function) alias(ctx context.Context, t *Target, want blueprint.FunctionSpec, current, version string) error {
	if current == version && !want.Released {
		return nil
	}
	if current == "" || want.Released {
		_, err := k.AWS.Lambda.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: &t.Name, Name: aws.String(blueprint.LiveAlias), FunctionVersion: &version})
		if code(err) != "ResourceConflictException" || !containsFold(err.Error(), "already exist") {
			return step("create alias", err)
		}
		if want.Released {
			return nil
		}
		// It was made by an attempt whose answer was lost.
	}
	_, err := k.AWS.Lambda.UpdateAlias(ctx, &lambda.UpdateAliasInput{
		FunctionName: &t.Name, Name: aws.String(blueprint.LiveAlias), FunctionVersion: &version,
		// A canary's share, which a release may have left, would stay otherwise.
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{}},
	})
	return step("point the alias to version "+version, err)
}
