package kinds

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// distribution manages CloudFront distributions. Their ids are CloudFront's; one
// is found by its comment, which is the part's name, and known as ours by its
// caller reference, which nobody can change. Its attributes are "id", "domain",
// which CloudFront gives it, and "url", its address for a browser.
type distribution struct{ Env }

// distributionMissing is CloudFront's answer for one that does not exist.
const distributionMissing = "NoSuchDistribution"

func (distribution) Facts() Facts {
	all := []string{"arn:{partition}:cloudfront::{account}:distribution/*"}
	// Ids are not known beforehand: what changes one is narrowed by its tags.
	own := blueprint.Condition{"StringEquals": {
		"aws:ResourceTag/" + blueprint.TagSystem: {"{system}"}, "aws:ResourceTag/" + blueprint.TagName: {"{deployment}"},
	}}
	return Facts{
		ObserveCalls: 2,
		Permissions: []Permission{
			{Verbs: []Verb{Observing, Creating, Updating, Deleting}, Actions: []string{"cloudfront:GetDistribution"}, Resources: all},
			{Verbs: []Verb{Observing}, Actions: []string{"cloudfront:ListTagsForResource"}, Resources: all},
			{Verbs: []Verb{Observing, Deleting}, Actions: []string{"cloudfront:ListDistributions"}, Resources: []string{"*"}, Rare: byList},
			// Neither can be narrowed to what does not exist yet.
			{Verbs: []Verb{Creating}, Actions: []string{"cloudfront:CreateDistribution", "cloudfront:TagResource"}, Resources: []string{"*"}},
			{Verbs: []Verb{Updating}, Actions: []string{"cloudfront:TagResource", "cloudfront:UntagResource"}, Resources: all, Rare: "only where tags change"},
			{Verbs: []Verb{Updating, Deleting}, Actions: []string{"cloudfront:UpdateDistribution"}, Resources: all, Condition: own},
			{Verbs: []Verb{Deleting}, Actions: []string{"cloudfront:DeleteDistribution"}, Resources: all, Condition: own},
		},
		Transient: []Transient{
			changedMeanwhile,
			{"DistributionNotDisabled", "", "not all edges know yet that it is disabled (CloudFront API Reference, DeleteDistribution)"},
			{"InvalidOriginAccessControl", "", "an access control just made is not yet known everywhere (CloudFront API Reference, CreateDistribution)"},
			{"InvalidOrigin", "", "a bucket just made is not yet known everywhere (CloudFront API Reference, CreateDistribution)"},
		},
	}
}

// reference is the nth token by which CloudFront makes one distribution only
// (CloudFront API Reference, DistributionConfig, CallerReference). The first is
// the part's name; the later ones serve where CloudFront remembers those of
// deleted ones.
func reference(name string, n int) string {
	if n == 0 {
		return name
	}
	return fmt.Sprintf("%s/%d", name, n)
}

// get returns the distribution, or ErrAbsent.
func (k distribution) get(ctx context.Context, t *Target) (*cloudfront.GetDistributionOutput, error) {
	if id := t.Attributes["id"]; id != "" {
		return k.byID(ctx, id)
	}
	for pages := cloudfront.NewListDistributionsPaginator(k.AWS.CloudFront, &cloudfront.ListDistributionsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		if page.DistributionList == nil {
			break
		}
		for _, item := range page.DistributionList.Items {
			if aws.ToString(item.Comment) != t.Name {
				continue
			}
			out, err := k.byID(ctx, aws.ToString(item.Id))
			if errors.Is(err, ErrAbsent) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if ref := aws.ToString(out.Distribution.DistributionConfig.CallerReference); ref == t.Name || strings.HasPrefix(ref, t.Name+"/") {
				return out, nil
			}
		}
	}
	return nil, ErrAbsent
}

func (k distribution) byID(ctx context.Context, id string) (*cloudfront.GetDistributionOutput, error) {
	out, err := k.AWS.CloudFront.GetDistribution(ctx, &cloudfront.GetDistributionInput{Id: &id})
	if code(err) == distributionMissing {
		return nil, ErrAbsent
	}
	return out, err
}

func (k distribution) Observe(ctx context.Context, t *Target) (*Live[blueprint.DistributionSpec], error) {
	out, err := k.get(ctx, t)
	if err != nil {
		return nil, err
	}
	d := out.Distribution
	tags, err := k.edgeTags(ctx, aws.ToString(d.ARN))
	if code(err) == distributionMissing {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	spec := distributionSpec(d.DistributionConfig)
	spec.Deployed = aws.ToString(d.Status) == deployed
	return &Live[blueprint.DistributionSpec]{Spec: spec, Attributes: k.attributes(d), Tags: tags}, nil
}

// edgeTags reads the tags of something of CloudFront's.
func (e Env) edgeTags(ctx context.Context, arn string) (map[string]string, error) {
	out, err := e.AWS.CloudFront.ListTagsForResource(ctx, &cloudfront.ListTagsForResourceInput{Resource: &arn})
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	if out.Tags != nil {
		for _, tag := range out.Tags.Items {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	return tags, nil
}

// setEdgeTags changes the tags of something of CloudFront's.
func (e Env) setEdgeTags(ctx context.Context, arn string, set map[string]string, remove []string) error {
	if len(set) > 0 {
		if _, err := e.AWS.CloudFront.TagResource(ctx, &cloudfront.TagResourceInput{Resource: &arn, Tags: edgeTags(set)}); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	_, err := e.AWS.CloudFront.UntagResource(ctx, &cloudfront.UntagResourceInput{Resource: &arn, TagKeys: &types.TagKeys{Items: remove}})
	return err
}

func edgeTags(tags map[string]string) *types.Tags {
	out := &types.Tags{}
	for _, name := range sortedNames(tags) {
		out.Items = append(out.Items, types.Tag{Key: &name, Value: aws.String(tags[name])})
	}
	return out
}

func (k distribution) attributes(d *types.Distribution) Attributes {
	domain := aws.ToString(d.DomainName)
	return Attributes{"id": aws.ToString(d.Id), "domain": domain, "url": k.url(domain)}
}

// url is under CloudFront's domain on AWS. Where an endpoint is set, it is one of
// that endpoint's subdomains: browsers reach every subdomain of localhost on
// their own machine (RFC 6761, section 6.3).
func (k distribution) url(domain string) string {
	endpoint, err := url.Parse(aws.ToString(k.AWS.CloudFront.Options().BaseEndpoint))
	if err != nil || endpoint.Host == "" {
		return "https://" + domain
	}
	label, _, _ := strings.Cut(domain, ".")
	return endpoint.Scheme + "://" + label + ".cloudfront." + localHost(endpoint)
}

// localHost is an endpoint's host and port, with a host that can have
// subdomains.
func localHost(endpoint *url.URL) string {
	host := endpoint.Hostname()
	if net.ParseIP(host) != nil {
		host = "localhost"
	}
	if port := endpoint.Port(); port != "" {
		return net.JoinHostPort(host, port)
	}
	return host
}

// existing is how CloudFront names the distribution that a caller reference has
// made.
var existing = regexp.MustCompile(`Already exists: (\w+)`)

func (k distribution) Create(ctx context.Context, t *Target, want blueprint.DistributionSpec) (Attributes, error) {
	config := &types.DistributionConfig{}
	distributionConfig(config, t, want)
	for n := 0; ; n++ {
		config.CallerReference = aws.String(reference(t.Name, n))
		out, err := k.AWS.CloudFront.CreateDistributionWithTags(ctx, &cloudfront.CreateDistributionWithTagsInput{
			DistributionConfigWithTags: &types.DistributionConfigWithTags{DistributionConfig: config, Tags: edgeTags(t.Tags)},
		})
		var taken *types.DistributionAlreadyExists
		if errors.As(err, &taken) {
			// What the reference made may be deleted since; then the next one is free.
			found := existing.FindStringSubmatch(taken.ErrorMessage())
			if found == nil {
				return nil, ErrPresent
			}
			if _, err := k.byID(ctx, found[1]); errors.Is(err, ErrAbsent) {
				continue
			} else if err != nil {
				return nil, err
			}
			return nil, ErrPresent
		}
		if err != nil {
			return nil, err
		}
		return k.attributes(out.Distribution), k.settled(ctx, aws.ToString(out.Distribution.Id))
	}
}

// deployed is the status of a distribution that all edges know (CloudFront API
// Reference, Distribution, Status). It takes minutes.
const deployed = "Deployed"

// settled waits until all edges have the distribution as it was last changed.
func (k distribution) settled(ctx context.Context, id string) error {
	return k.wait(ctx, "all edges have distribution "+id, func(ctx context.Context) (bool, error) {
		out, err := k.AWS.CloudFront.GetDistribution(ctx, &cloudfront.GetDistributionInput{Id: &id})
		if err != nil {
			return false, err
		}
		return aws.ToString(out.Distribution.Status) == deployed, nil
	})
}

// Update changes what is ours of the configuration and leaves the rest as it
// is: CloudFront takes it as a whole.
func (k distribution) Update(ctx context.Context, t *Target, want blueprint.DistributionSpec, live *Live[blueprint.DistributionSpec], changed Changes) (Attributes, error) {
	id := live.Attributes["id"]
	if len(changed) > 1 || len(changed) == 1 && !changed["deployed"] {
		out, err := k.byID(ctx, id)
		if err != nil {
			return nil, step("look before the change", err)
		}
		config := out.Distribution.DistributionConfig
		distributionConfig(config, t, want)
		if _, err := k.AWS.CloudFront.UpdateDistribution(ctx, &cloudfront.UpdateDistributionInput{Id: &id, IfMatch: out.ETag, DistributionConfig: config}); err != nil {
			return nil, err
		}
	}
	return live.Attributes, k.settled(ctx, id)
}

func (k distribution) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	out, err := k.get(ctx, t)
	if err != nil {
		return err
	}
	return k.setEdgeTags(ctx, aws.ToString(out.Distribution.ARN), set, remove)
}

// Delete disables the distribution, waits until all edges know, and deletes it.
func (k distribution) Delete(ctx context.Context, t *Target) error {
	out, err := k.get(ctx, t)
	if errors.Is(err, ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	id, version, config := out.Distribution.Id, out.ETag, out.Distribution.DistributionConfig
	if aws.ToBool(config.Enabled) {
		config.Enabled = aws.Bool(false)
		disabled, err := k.AWS.CloudFront.UpdateDistribution(ctx, &cloudfront.UpdateDistributionInput{Id: id, IfMatch: version, DistributionConfig: config})
		if err != nil {
			return step("disable", err)
		}
		version = disabled.ETag
	}
	if err := k.settled(ctx, *id); err != nil {
		if code(err) == distributionMissing {
			return nil
		}
		return err
	}
	_, err = k.AWS.CloudFront.DeleteDistribution(ctx, &cloudfront.DeleteDistributionInput{Id: id, IfMatch: version})
	if code(err) == distributionMissing {
		return nil
	}
	return err
}
