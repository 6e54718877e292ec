package localaws

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func TestStartSaysHowToInstall(t *testing.T) {
	t.Setenv(VenvVariable, "")
	_, err := Start(t.Context(), Options{Venv: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), `run "make venv"`) {
		t.Errorf("without a venv Start gave %v", err)
	}
}

func TestStartUsesTheGivenEndpoint(t *testing.T) {
	_, _ = fresh(t)
	t.Setenv(EndpointVariable, local.target.String())
	given := must[*Local](t)(Start(t.Context(), Options{Venv: t.TempDir()})) // no venv is needed
	t.Cleanup(func() { _ = given.Close() })
	must[*sqs.ListQueuesOutput](t)(sqs.NewFromConfig(given.Config(testRegion, "test")).ListQueues(t.Context(), &sqs.ListQueuesInput{}))
	if n := given.Gate().Meter().Snapshot().Total(); n != 1 {
		t.Errorf("the gate before the given endpoint counted %d calls, want 1", n)
	}
	if err := given.Reset(t.Context()); err != nil {
		t.Error(err)
	}
	if err := given.Close(); err != nil {
		t.Error(err)
	}
	if err := local.Reset(t.Context()); err != nil {
		t.Errorf("closing the gate ended the endpoint behind it: %v", err)
	}
	t.Setenv(EndpointVariable, "nowhere")
	if _, err := Start(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), EndpointVariable) {
		t.Errorf("with a bad endpoint Start gave %v", err)
	}
}

// TestPoliciesAreEnforced makes a user who may do one thing.
func TestPoliciesAreEnforced(t *testing.T) {
	cfg, mark := fresh(t)
	name := aws.String("deployer")
	users := iam.NewFromConfig(cfg)
	must[*iam.CreateUserOutput](t)(users.CreateUser(t.Context(), &iam.CreateUserInput{UserName: name}))
	must[*iam.PutUserPolicyOutput](t)(users.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{
		UserName: name, PolicyName: name,
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:ListQueues","Resource":"*"}]}`),
	}))
	key := must[*iam.CreateAccessKeyOutput](t)(users.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: name})).AccessKey
	own := quick(local.ConfigWith(testRegion, credentials.NewStaticCredentialsProvider(aws.ToString(key.AccessKeyId), aws.ToString(key.SecretAccessKey), "")), 1)
	must[*sqs.ListQueuesOutput](t)(sqs.NewFromConfig(own).ListQueues(t.Context(), &sqs.ListQueuesInput{}))
	if _, err := sqs.NewFromConfig(own).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: name}); err == nil {
		t.Error("the user made a queue without being allowed to")
	}
	calls := local.Gate().Meter().Calls(mark)
	if c := calls[len(calls)-1]; c.Status != http.StatusForbidden || c.ErrorCode != "AccessDeniedException" || c.AccessKey != aws.ToString(key.AccessKeyId) {
		t.Errorf("the refused call was kept as %+v", c)
	}
	wrong := quick(local.ConfigWith(testRegion, credentials.NewStaticCredentialsProvider(aws.ToString(key.AccessKeyId), "wrong", "")), 1)
	if _, err := sqs.NewFromConfig(wrong).ListQueues(t.Context(), &sqs.ListQueuesInput{}); err == nil {
		t.Error("a wrong secret was accepted")
	}
}

// BenchmarkGate is what one small call costs through the gate, and without it.
func BenchmarkGate(b *testing.B) {
	for name, endpoint := range map[string]string{"through": local.Endpoint(), "direct": local.target.String()} {
		b.Run(name, func(b *testing.B) {
			cfg := local.Config(testRegion, "test")
			cfg.BaseEndpoint = aws.String(endpoint)
			client := sqs.NewFromConfig(cfg)
			for b.Loop() {
				if _, err := client.ListQueues(b.Context(), &sqs.ListQueuesInput{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
