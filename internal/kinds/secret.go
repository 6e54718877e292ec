package kinds

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// secret manages SecureString parameters that are born with a random value. The
// value leaves this file in one request, which no log shows, and is never read
// back: to observe means to read what describes the parameter. Its attribute
// "version" changes whenever the value does. The description of an RSA key has the
// public half, which the attributes "modulus" and "key_id" show.
type secret struct{ Env }

// parametersPerCall is the greatest number of values of one filter and of
// parameters of one page in DescribeParameters (Systems Manager API Reference).
const parametersPerCall = 50

// awsParameterKey is AWS's own key for SecureString parameters.
const awsParameterKey = "alias/aws/ssm"

// patterns are what values of each form match. AWS keeps the pattern with the
// parameter, so that it tells the form, and refuses any other value.
var patterns = map[blueprint.SecretForm]string{
	blueprint.Random32: `^[A-Za-z0-9+/]{43}=$`,
	blueprint.RSA2048:  `^-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+\n-----END PRIVATE KEY-----$`,
}

// lostSecret is what it means that a secret was deleted.
const lostSecret = "the apply makes one with a new value, and what was made with the old one means nothing any more"

func (secret) Facts() Facts {
	const own = "arn:{partition}:ssm:{region}:{account}:parameter{name}"
	return Facts{
		ObserveCalls: 1, BatchCalls: 1, Lost: lostSecret,
		Permissions: []Permission{
			// Whoever may get a parameter may have it decrypted by AWS's own key.
			// Descriptions hold no values, but cannot be narrowed to a parameter.
			{Verbs: []Verb{Observing, Creating}, Actions: []string{"ssm:DescribeParameters"}, Resources: []string{"*"}},
			{Verbs: []Verb{Observing}, Actions: []string{"ssm:ListTagsForResource"}, Resources: []string{own}},
			{Verbs: []Verb{Creating}, Actions: []string{"ssm:PutParameter", "ssm:AddTagsToResource"}, Resources: []string{own}},
			// Parameter Store encrypts in the caller's name (Systems Manager User
			// Guide, "AWS KMS encryption for AWS Systems Manager Parameter Store
			// SecureString parameters").
			{Verbs: []Verb{Creating}, Actions: []string{"kms:Encrypt"}, Resources: []string{"{kms_key}"}, Condition: via("ssm"), Rare: byService},
			{Verbs: []Verb{Updating}, Actions: []string{"ssm:AddTagsToResource", "ssm:RemoveTagsFromResource"}, Resources: []string{own}},
			{Verbs: []Verb{Deleting}, Actions: []string{"ssm:DeleteParameter"}, Resources: []string{own}},
		},
		Transient: []Transient{
			{"TooManyUpdates", "", "several requests for one parameter at once (Systems Manager API Reference, PutParameter)"},
			{"InternalServerError", "", "Systems Manager says to try again"},
		},
	}
}

// parameterMissing are the answers for a parameter that does not exist, to what
// goes by its name and to what goes by its id.
func parameterMissing(err error) bool {
	return code(err) == "ParameterNotFound" || code(err) == "InvalidResourceId"
}

func (k secret) Observe(ctx context.Context, t *Target) (*Live[blueprint.SecretSpec], error) {
	return one(ctx, t, k.ObserveAll)
}

// ObserveAll implements BatchObserver.
func (k secret) ObserveAll(ctx context.Context, targets []*Target) ([]*Live[blueprint.SecretSpec], error) {
	found := map[string]types.ParameterMetadata{}
	for batch := range slices.Chunk(targets, parametersPerCall) {
		if err := k.describe(ctx, batch, found); err != nil {
			return nil, err
		}
	}
	return each(ctx, targets, func(ctx context.Context, t *Target) (*Live[blueprint.SecretSpec], error) {
		p, ok := found[t.Name]
		if !ok {
			return nil, nil
		}
		tags, err := k.AWS.SSM.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: &t.Name})
		if parameterMissing(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		live := &Live[blueprint.SecretSpec]{Spec: secretSpec(p), Attributes: secretAttributes(p), Tags: map[string]string{}}
		for _, tag := range tags.TagList {
			live.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		return live, nil
	})
}

// describe collects what describes the parameters of one batch.
func (k secret) describe(ctx context.Context, batch []*Target, found map[string]types.ParameterMetadata) error {
	names := make([]string, 0, len(batch))
	for _, t := range batch {
		names = append(names, t.Name)
	}
	pages := ssm.NewDescribeParametersPaginator(k.AWS.SSM, &ssm.DescribeParametersInput{
		MaxResults:       aws.Int32(parametersPerCall),
		ParameterFilters: []types.ParameterStringFilter{{Key: aws.String("Name"), Option: aws.String("Equals"), Values: names}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, p := range page.Parameters {
			found[aws.ToString(p.Name)] = p
		}
	}
	return nil
}

func secretSpec(p types.ParameterMetadata) blueprint.SecretSpec {
	s := blueprint.SecretSpec{KMSKeyARN: aws.ToString(p.KeyId)}
	if s.KMSKeyARN == awsParameterKey {
		s.KMSKeyARN = ""
	}
	for form, pattern := range patterns {
		if p.Type == types.ParameterTypeSecureString && aws.ToString(p.AllowedPattern) == pattern {
			s.Form = form
		}
	}
	// Of a key that somebody has put in the place of ours the public half is not
	// known: it is none of that form, and is made anew.
	if s.Form == blueprint.RSA2048 && (p.Version != 1 || modulusOf(p) == "") {
		s.Form = ""
	}
	return s
}

// description is what a parameter says of itself, and modulusNote what follows in
// that of an RSA key, with the modulus behind it: 393 of at most 1,024 characters
// (Systems Manager API Reference, PutParameter, Description).
const (
	description = "Made by Terraform, read by functions. Do not overwrite."
	modulusNote = " Public modulus: "
)

func modulusOf(p types.ParameterMetadata) string {
	_, modulus, _ := strings.Cut(aws.ToString(p.Description), modulusNote)
	return modulus
}

// secretAttributes tells one value from the next: a parameter that was made
// anew begins with version 1 again, at another time.
func secretAttributes(p types.ParameterMetadata) Attributes {
	version := Attributes{"version": fmt.Sprintf("%d of %s", p.Version, aws.ToTime(p.LastModifiedDate).UTC().Format(time.RFC3339))}
	if modulus := modulusOf(p); modulus != "" && p.Version == 1 {
		return merged(version, attributesOfModulus(modulus))
	}
	return version
}

// Create makes the value and the parameter with it. Where the answer is lost,
// the parameter is there with a value that nobody knows, as it should be.
func (k secret) Create(ctx context.Context, t *Target, want blueprint.SecretSpec) (Attributes, error) {
	value, note, err := newSecret(k.Random, want.Form)
	if err != nil {
		return nil, err
	}
	in := &ssm.PutParameterInput{
		Name: &t.Name, Type: types.ParameterTypeSecureString, Tier: types.ParameterTierStandard, Value: &value,
		AllowedPattern: aws.String(patterns[want.Form]), Description: aws.String(description + note),
	}
	if want.KMSKeyARN != "" {
		in.KeyId = &want.KMSKeyARN
	}
	for _, name := range sortedNames(t.Tags) {
		in.Tags = append(in.Tags, types.Tag{Key: &name, Value: aws.String(t.Tags[name])})
	}
	_, err = k.AWS.SSM.PutParameter(ctx, in, unlogged)
	if code(err) == "ParameterAlreadyExists" {
		return nil, ErrPresent
	}
	if err != nil {
		return nil, err
	}
	found := map[string]types.ParameterMetadata{}
	err = k.wait(ctx, "the parameter "+t.Name+" is described", func(ctx context.Context) (bool, error) {
		err := k.describe(ctx, []*Target{t}, found)
		_, there := found[t.Name]
		return there, err
	})
	if err != nil {
		return nil, err
	}
	return secretAttributes(found[t.Name]), nil
}

// unlogged keeps a call that carries a value out of Terraform's log.
func unlogged(o *ssm.Options) { o.APIOptions = append(o.APIOptions, awsclient.Unlogged) }

// newSecret makes a value of the form, and what its description says of it.
func newSecret(random io.Reader, form blueprint.SecretForm) (value, note string, err error) {
	switch form {
	case blueprint.Random32:
		value := make([]byte, 32)
		if _, err := io.ReadFull(random, value); err != nil {
			return "", "", step("make a random value", err)
		}
		return base64.StdEncoding.EncodeToString(value), "", nil
	case blueprint.RSA2048:
		key, err := rsa.GenerateKey(random, 2048)
		if err != nil {
			return "", "", step("make an RSA key", err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return "", "", step("encode an RSA key", err)
		}
		public, err := publicAttributes(&key.PublicKey)
		if err != nil {
			return "", "", step("make an RSA key", err)
		}
		return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))), modulusNote + public["modulus"], nil
	}
	return "", "", fmt.Errorf("there is no secret of the form %q", form)
}

// Update has nothing to change: form and key are fixed. It runs where somebody
// has overwritten the value, which then counts.
func (k secret) Update(_ context.Context, _ *Target, _ blueprint.SecretSpec, live *Live[blueprint.SecretSpec], _ Changes) (Attributes, error) {
	return live.Attributes, nil
}

func (k secret) Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error {
	if len(set) > 0 {
		in := &ssm.AddTagsToResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: &t.Name}
		for _, name := range sortedNames(set) {
			in.Tags = append(in.Tags, types.Tag{Key: &name, Value: aws.String(set[name])})
		}
		if _, err := k.AWS.SSM.AddTagsToResource(ctx, in); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	_, err := k.AWS.SSM.RemoveTagsFromResource(ctx, &ssm.RemoveTagsFromResourceInput{
		ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: &t.Name, TagKeys: remove,
	})
	return err
}

// errProtected is a part that bears data and must not be deleted.
var errProtected = errors.New("it bears data that cannot be made again; set force_destroy = true and apply before it is deleted")

func (k secret) Delete(ctx context.Context, t *Target) error {
	if !t.Force {
		return errProtected
	}
	_, err := k.AWS.SSM.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &t.Name})
	if parameterMissing(err) {
		return nil
	}
	return err
}
