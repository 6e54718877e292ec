package localaws

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/permission"
)

// relay is testdata/relay as an executable for this machine's architecture, built once.
var relay = sync.OnceValues(func() (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "localaws-relay-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	out := filepath.Join(dir, "bootstrap")
	build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "./testdata/relay")
	build.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the function: %w\n%s", err, output)
	}
	return os.ReadFile(out)
})

// relayBundle is the zip of relay.
func relayBundle(t *testing.T) []byte {
	t.Helper()
	return bundleOf(t, must[[]byte](t)(relay()))
}

// bundleOf is a zip with one executable, the bootstrap.
func bundleOf(t *testing.T, bootstrap []byte) []byte {
	t.Helper()
	var bundle bytes.Buffer
	archive := zip.NewWriter(&bundle)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	file := must[io.Writer](t)(archive.CreateHeader(header))
	must[int](t)(file.Write(bootstrap))
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return bundle.Bytes()
}

// deployRelay makes a function that may send to the queue "allowed" and sends to the one of the URL, and returns its URL.
func deployRelay(t *testing.T, cfg aws.Config, bundle []byte, name, queueURL string) string {
	t.Helper()
	role := must[*iam.CreateRoleOutput](t)(iam.NewFromConfig(cfg).CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName:                 &name,
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	})).Role
	must[*iam.PutRolePolicyOutput](t)(iam.NewFromConfig(cfg).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: &name, PolicyName: aws.String("grants"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:` + testRegion + `:000000000000:allowed"}]}`),
	}))
	architecture := types.ArchitectureX8664
	if runtime.GOARCH == "arm64" {
		architecture = types.ArchitectureArm64
	}
	client := lambda.NewFromConfig(cfg)
	must[*lambda.CreateFunctionOutput](t)(client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: &name, Role: role.Arn, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Architectures: []types.Architecture{architecture}, Timeout: aws.Int32(20), Code: &types.FunctionCode{ZipFile: bundle},
		Environment: &types.Environment{Variables: map[string]string{"QUEUE_URL": queueURL, "AWS_SDK_UA_APP_ID": name}},
	}))
	if err := lambda.NewFunctionActiveV2Waiter(client).Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: &name}, time.Minute); err != nil {
		t.Fatal(err)
	}
	allowEverybody(t, client, name)
	return aws.ToString(must[*lambda.CreateFunctionUrlConfigOutput](t)(client.CreateFunctionUrlConfig(t.Context(), &lambda.CreateFunctionUrlConfigInput{
		FunctionName: &name, AuthType: types.FunctionUrlAuthTypeNone,
	})).FunctionUrl)
}

// allowEverybody grants everybody both actions that a function's URL needs.
func allowEverybody(t *testing.T, client *lambda.Client, name string) {
	t.Helper()
	for _, permission := range []*lambda.AddPermissionInput{
		{StatementId: aws.String("public-url"), Action: aws.String("lambda:InvokeFunctionUrl"), FunctionUrlAuthType: types.FunctionUrlAuthTypeNone},
		{StatementId: aws.String("public-invoke"), Action: aws.String("lambda:InvokeFunction"), InvokedViaFunctionUrl: aws.Bool(true)},
	} {
		permission.FunctionName, permission.Principal = &name, aws.String("*")
		must[*lambda.AddPermissionOutput](t)(client.AddPermission(t.Context(), permission))
	}
}

func TestFunctionURLThroughTheGate(t *testing.T) {
	cfg, _ := fresh(t)
	queues := sqs.NewFromConfig(cfg)
	queue := func(name string) string {
		return aws.ToString(must[*sqs.CreateQueueOutput](t)(queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})).QueueUrl)
	}
	bundle := relayBundle(t)
	allowed := queue("allowed")
	urls := map[string]string{
		"permitted": deployRelay(t, cfg, bundle, "permitted", allowed),
		"forbidden": deployRelay(t, cfg, bundle, "forbidden", queue("other")),
	}
	post := func(url string) (int, string) {
		request := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, url+"vote", strings.NewReader(`{"answer":"yes"}`)))
		request.Header.Set("Content-Type", "application/json")
		resp := must[*http.Response](t)(local.HTTPClient().Do(request))
		defer resp.Body.Close()
		return resp.StatusCode, string(must[[]byte](t)(io.ReadAll(resp.Body)))
	}

	mark := local.Gate().Meter().Mark()
	if status, body := post(urls["permitted"]); status != http.StatusOK ||
		!strings.Contains(body, "AWS_ENDPOINT_URL="+local.Endpoint()) || strings.Contains(body, leak) {
		t.Errorf("the function answered %d and sees\n%s\nwhich must have the gate, and nothing of this process", status, body)
	}
	if status, body := post(must[string](t)(local.LocalURL(urls["permitted"]))); status != http.StatusOK {
		t.Errorf("by its local name the function answered %d %q", status, body)
	}
	counts := local.Gate().Meter().Since(mark)
	want := Counts{
		{"lambda-url", "Invoke", "go-http-client"}: {Calls: 2},
		{"sqs", "SendMessage", "permitted"}:        {Calls: 2},
	}
	for key, figures := range want {
		if counts[key].Calls != figures.Calls || counts[key].Errors != 0 {
			t.Errorf("%v has %+v, want %d calls without error", key, counts[key], figures.Calls)
		}
	}
	if counts.Total() != 4 {
		t.Errorf("%d calls, want 4: %v", counts.Total(), counts)
	}
	received := must[*sqs.ReceiveMessageOutput](t)(queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &allowed, MaxNumberOfMessages: 10})).Messages
	if len(received) != 2 {
		t.Fatalf("the queue has %d messages, want the 2 events", len(received))
	}
	var event events.LambdaFunctionURLRequest
	if err := json.Unmarshal([]byte(aws.ToString(received[0].Body)), &event); err != nil || event.RawPath != "/vote" || event.RequestContext.HTTP.Method != http.MethodPost {
		t.Errorf("the function was given %+v (%v)", event, err)
	}

	// The role allows one queue only, and with AUTH=true the function lives by it.
	mark = local.Gate().Meter().Mark()
	if status, body := post(urls["forbidden"]); status != http.StatusBadGateway || !strings.Contains(body, "AccessDenied") {
		t.Errorf("sending where the role does not allow it gave %d %q", status, body)
	}
	if sent := local.Gate().Meter().Calls(mark)[0]; sent.Operation != "SendMessage" || sent.Caller != "forbidden" || sent.Resource != "other" || sent.ErrorCode != "AccessDenied" && sent.ErrorCode != "AccessDeniedException" {
		t.Errorf("the refused call was kept as %+v", sent)
	}

	denials := local.Proof().Denials(rootAccount)
	if d := denials[len(denials)-1]; d.Action != "sqs:SendMessage" || d.Resource != "arn:aws:sqs:"+testRegion+":"+rootAccount+":other" ||
		d.Principal != "arn:aws:sts::"+rootAccount+":assumed-role/forbidden/forbidden" || d.Call.Caller != "forbidden" {
		t.Errorf("the denial is %+v", d)
	}

	// A fault for the function alone: the queue is throttled for it, and for nobody else.
	arm(t, Fault{Service: "sqs", Caller: "permitted", Kind: FaultThrottle})
	if status, body := post(urls["permitted"]); status != http.StatusBadGateway || !strings.Contains(body, "RequestThrottled") {
		t.Errorf("a throttled function answered %d %q", status, body)
	}
	must[*sqs.ListQueuesOutput](t)(queues.ListQueues(t.Context(), &sqs.ListQueuesInput{}))
	local.Gate().Faults().Clear()

	// A grant that is taken away is missed at once, and so is each of the URL's two permissions.
	owner, sending := "arn:aws:iam::"+rootAccount+":role/permitted", permission.Pair{Action: "sqs:SendMessage", Resource: "arn:aws:sqs:" + testRegion + ":" + rootAccount + ":allowed"}
	used := local.Proof().Usage().Of(owner)[sending]
	must[*iam.DeleteRolePolicyOutput](t)(iam.NewFromConfig(cfg).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: aws.String("permitted"), PolicyName: aws.String("grants")}))
	if status, body := post(urls["permitted"]); status != http.StatusBadGateway || !strings.Contains(body, "is not authorized to perform: sqs:SendMessage on resource: "+sending.Resource) {
		t.Errorf("without its grant the function answered %d %q", status, body)
	}
	if again := local.Proof().Usage().Of(owner)[sending]; used != 5 || again != used { // twice, and three attempts while it was throttled
		t.Errorf("the grant was used %d times, and %d times without it, want 5", used, again)
	}
	functions := lambda.NewFromConfig(cfg)
	for _, id := range []string{"public-url", "public-invoke"} {
		must[*lambda.RemovePermissionOutput](t)(functions.RemovePermission(t.Context(), &lambda.RemovePermissionInput{FunctionName: aws.String("permitted"), StatementId: &id}))
		if status, body := post(urls["permitted"]); status != http.StatusForbidden || !strings.Contains(body, "Forbidden") {
			t.Errorf("without the permission %q the URL answered %d %q", id, status, body)
		}
		denials := local.Proof().Denials("")
		if d := denials[len(denials)-1]; d.Principal != "anonymous" || d.Action != map[string]string{"public-url": "lambda:InvokeFunctionUrl", "public-invoke": "lambda:InvokeFunction"}[id] {
			t.Errorf("without the permission %q the denial is %+v", id, d)
		}
		for _, rest := range []string{"public-url", "public-invoke"} {
			if rest != id {
				must[*lambda.RemovePermissionOutput](t)(functions.RemovePermission(t.Context(), &lambda.RemovePermissionInput{FunctionName: aws.String("permitted"), StatementId: &rest}))
			}
		}
		allowEverybody(t, functions, "permitted")
	}
}

// TestCloseLeavesNothingBehind starts a second local AWS with a function that is warm, and closes it.
func TestCloseLeavesNothingBehind(t *testing.T) {
	second := must[*Local](t)(Start(t.Context(), Options{}))
	t.Cleanup(func() { _ = second.Close() })
	warm(t, second)
	group := second.server.cmd.Process.Pid
	if n := len(processesOf(t, group)); n < 2 {
		t.Fatalf("%d processes, want MiniStack and its function", n)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	assertGone(t, group, second.server.home)
}

// TestDyingStarterTakesAllWithIt runs this test's binary again, as a starter that is killed while its function is warm.
func TestDyingStarterTakesAllWithIt(t *testing.T) {
	const variable = "LOCALAWS_TEST_STARTER"
	if os.Getenv(variable) != "" {
		child := must[*Local](t)(Start(context.Background(), Options{}))
		warm(t, child)
		fmt.Printf("started %d %s\n", child.server.cmd.Process.Pid, child.server.home)
		select {} // until killed
	}
	starter := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
	starter.Env = append(os.Environ(), variable+"=1")
	out := must[io.ReadCloser](t)(starter.StdoutPipe())
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	var group int
	var home string
	if _, err := fmt.Fscanf(out, "started %d %s\n", &group, &home); err != nil {
		t.Fatalf("the starter did not start: %v", err)
	}
	if n := len(processesOf(t, group)); n < 2 {
		t.Errorf("%d processes, want MiniStack and its function", n)
	}
	if err := starter.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = starter.Wait()
	assertGone(t, group, home)
}

// warm deploys a function and invokes it, so that it has a process.
func warm(t *testing.T, l *Local) {
	t.Helper()
	cfg := l.Config(testRegion, "test")
	url := deployRelay(t, cfg, relayBundle(t), "warm", "http://nowhere/000000000000/none")
	request := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody))
	resp := must[*http.Response](t)(l.HTTPClient().Do(request))
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
}

// processesOf lists the processes of a group.
func processesOf(t *testing.T, group int) []string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "ps", "-eo", "pgid=,pid=,stat=,args=").Output()
	if err != nil {
		t.Fatalf("list processes: %v; install procps", err)
	}
	var found []string
	for line := range strings.Lines(string(output)) {
		fields := strings.Fields(line)
		if len(fields) > 2 && fields[0] == fmt.Sprint(group) && !strings.HasPrefix(fields[2], "Z") {
			found = append(found, line)
		}
	}
	return found
}

// assertGone waits, briefly, until the last process of a group is gone, and its directory.
func assertGone(t *testing.T, group int, home string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		left := processesOf(t, group)
		_, err := os.Stat(home)
		if len(left) == 0 && os.IsNotExist(err) {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("left behind: %q, and %s (%v)", left, home, err)
		case <-tick.C:
		}
	}
}

// TestSchedulesInvokeWithTheirRole lets a schedule call a function whose role may not be called by it at first.
func TestSchedulesInvokeWithTheirRole(t *testing.T) {
	cfg, mark := fresh(t)
	url := aws.ToString(must[*sqs.CreateQueueOutput](t)(sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("allowed")})).QueueUrl)
	deployRelay(t, cfg, relayBundle(t), "relay", url)
	arn := "arn:aws:lambda:" + testRegion + ":" + rootAccount + ":function:relay"
	roles := iam.NewFromConfig(cfg)
	for name, action := range map[string]string{"may": "lambda:InvokeFunction", "may-not": "lambda:GetFunction"} {
		role := must[*iam.CreateRoleOutput](t)(roles.CreateRole(t.Context(), &iam.CreateRoleInput{
			RoleName: &name, AssumeRolePolicyDocument: aws.String(documentOf(`{"Effect":"Allow","Principal":{"Service":"scheduler.amazonaws.com"},"Action":"sts:AssumeRole"}`)),
		})).Role
		must[*iam.PutRolePolicyOutput](t)(roles.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
			RoleName: &name, PolicyName: aws.String("p"), PolicyDocument: aws.String(documentOf(statement("Allow", action, arn))),
		}))
		must[*scheduler.CreateScheduleOutput](t)(scheduler.NewFromConfig(cfg).CreateSchedule(t.Context(), &scheduler.CreateScheduleInput{
			Name: &name, ScheduleExpression: aws.String("at(2020-01-01T00:00:00)"),
			FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
			Target:             &schedulertypes.Target{Arn: &arn, RoleArn: role.Arn, Input: aws.String(`{"from":"` + name + `"}`)},
		}))
	}
	// The local AWS looks for due schedules every ten seconds.
	received := must[*sqs.ReceiveMessageOutput](t)(receiveWithin(t, sqs.NewFromConfig(cfg), url, 40*time.Second)).Messages
	var event struct{ From string }
	if len(received) != 1 || json.Unmarshal([]byte(aws.ToString(received[0].Body)), &event) != nil || event.From != "may" {
		t.Fatalf("received %d messages, the event %+v, want that of the schedule that may call", len(received), event)
	}
	invoked := local.Gate().Meter().Since(mark).Sum(Key{Service: "lambda", Operation: "Invoke", Caller: "scheduler"})
	if invoked.Calls != 2 || invoked.Errors != 1 {
		t.Errorf("schedules called the function %d times, %d in vain, want 2 and 1", invoked.Calls, invoked.Errors)
	}
	denials := local.Proof().Denials(rootAccount)
	if d := denials[len(denials)-1]; d.Principal != "arn:aws:sts::"+rootAccount+":assumed-role/may-not/scheduler" || d.Action != "lambda:InvokeFunction" || d.Resource != arn {
		t.Errorf("the denial is %+v", d)
	}
}

// receiveWithin polls a queue until it has a message or the time is over.
func receiveWithin(t *testing.T, client *sqs.Client, url string, most time.Duration) (*sqs.ReceiveMessageOutput, error) {
	t.Helper()
	for end := time.Now().Add(most); ; {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 2})
		if err != nil || len(out.Messages) > 0 || time.Now().After(end) {
			return out, err
		}
	}
}
