package kinds

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

const (
	testSecret = "/serverless/secrets/tv-vote-voter-key-use1"
	testSigner = "alias/tv-vote-signer-use1"
	testTopic  = "tv-vote-alarm-topic-use1"
	testMail   = "ops@example.com"
	testList   = testBucket + "/allow.bin"
)

func secretCase() kindCase {
	return kindCase{part: testSecret, spec: blueprint.SecretSpec{Form: blueprint.Random32}}
}

func rsaSecretCase() kindCase {
	return kindCase{part: testSecret, spec: blueprint.SecretSpec{Form: blueprint.RSA2048}}
}

func signerBase() blueprint.SigningKeySpec {
	return blueprint.SigningKeySpec{
		KeySpec: blueprint.ECCP256, Description: "Signs exports", Alias: testSigner, Enabled: true, System: "voting_window", SystemName: "tv",
		Policy: blueprint.NewPolicy(blueprint.Statement{
			Sid: "EnableIAM", Effect: "Allow", Action: []string{"kms:*"}, Resource: []string{"*"},
			Principal: map[string][]string{"AWS": {"arn:aws:iam::" + testAccount + ":root"}},
		}),
	}
}

func signingKeyCase(base blueprint.SigningKeySpec) kindCase {
	return kindCase{
		part: testSigner, spec: base,
		changes: []blueprint.Spec{
			with(base, func(s *blueprint.SigningKeySpec) { s.Description = "other" }),
			with(base, func(s *blueprint.SigningKeySpec) {
				s.Policy.Statement = append(s.Policy.Statement, blueprint.Statement{
					Sid: "Look", Effect: "Allow", Action: []string{"kms:DescribeKey"}, Resource: []string{"*"}, Principal: map[string][]string{"Service": {"logs.amazonaws.com"}},
				})
			}),
		},
		half: func(ctx context.Context, tags map[string]string) error {
			_, err := env.AWS.KMS.CreateKey(ctx, &kms.CreateKeyInput{
				KeySpec: kmstypes.KeySpec(base.KeySpec), KeyUsage: kmstypes.KeyUsageTypeSignVerify, Policy: aws.String(base.Policy.JSON()), Tags: keyTags(tags),
			})
			return err
		},
	}
}

func listBase() blueprint.HashedListSpec {
	return blueprint.HashedListSpec{
		Bucket: testBucket, Key: "allow.bin", Secret: testSecret, SecretVersion: "1 of 2026-01-02T03:04:05Z",
		SourceBucket: testBucket, SourceKey: "voters ü.txt",
	}
}

func hashedListCase() kindCase {
	return kindCase{
		part: testList, spec: listBase(),
		setup: func(t *testing.T) {
			made(t, testSecret, secretCase().spec)
			made(t, testBucket, bucketBase())
			putSource(t, "87654321\n12345678\n")
		},
		changes: []blueprint.Spec{
			with(listBase(), func(s *blueprint.HashedListSpec) { s.SecretVersion = "2 of 2026-01-02T03:04:05Z" }),
		},
	}
}

// putSource puts a list into the bucket, and returns its ETag.
func putSource(t *testing.T, text string) string {
	t.Helper()
	s := listBase()
	out, err := env.AWS.S3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &s.SourceBucket, Key: &s.SourceKey, Body: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.ETag)
}

func topicBase() blueprint.TopicSpec {
	return blueprint.TopicSpec{
		DisplayName: "tv alarms",
		Policy: blueprint.NewPolicy(blueprint.Statement{
			Sid: "Alarms", Effect: "Allow", Action: []string{"sns:Publish"}, Resource: []string{topicARN(testTopic)},
			Principal: map[string][]string{"Service": {"cloudwatch.amazonaws.com"}},
			Condition: blueprint.Condition{"StringEquals": {"aws:SourceAccount": {testAccount}}},
		}),
	}
}

func topicARN(name string) string {
	return "arn:aws:sns:" + testRegion + ":" + testAccount + ":" + name
}

func topicCase() kindCase {
	return kindCase{
		part: testTopic, spec: topicBase(),
		changes: []blueprint.Spec{
			with(topicBase(), func(s *blueprint.TopicSpec) { s.DisplayName, s.KMSKeyARN = "other", testKey }),
			with(topicBase(), func(s *blueprint.TopicSpec) {
				s.Policy.Statement = []blueprint.Statement{{
					Effect: "Allow", Action: []string{"sns:Publish"}, Resource: []string{topicARN(testTopic)}, Principal: map[string][]string{"Service": {"events.amazonaws.com"}},
				}}
			}),
		},
		half: func(ctx context.Context, tags map[string]string) error {
			_, err := env.AWS.SNS.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String(testTopic), Tags: topicTags(tags)})
			return err
		},
	}
}

func subscriptionCase() kindCase {
	return kindCase{
		part: testTopic + ":" + testMail, spec: blueprint.SubscriptionSpec{Topic: testTopic, Email: testMail},
		setup: func(t *testing.T) { made(t, testTopic, topicBase()) },
	}
}

// handCase hands messages to a function.
func handCase() kindCase {
	function := lambdaARN(testFunction) + ":" + blueprint.LiveAlias
	return kindCase{
		part: testTopic + ":" + function, spec: blueprint.SubscriptionSpec{Topic: testTopic, Function: function},
		setup: func(t *testing.T) {
			made(t, testTopic, topicBase())
			needFunction(t)
		},
	}
}
