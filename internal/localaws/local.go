package localaws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

const (
	// EndpointVariable names an endpoint that is used instead of starting MiniStack.
	EndpointVariable = "SERVERLESS_TEST_ENDPOINT"
	// VenvVariable names the venv in which MiniStack is installed, when it is not build/venv of the module.
	VenvVariable = "SERVERLESS_LOCALAWS_VENV"
	// startTimeout bounds the wait for MiniStack's health; it takes 0.4 s on an idle machine.
	startTimeout = 60 * time.Second
	resetTimeout = 30 * time.Second
)

// Options say how the local AWS is started. The zero value is right for tests.
type Options struct {
	// Venv is the directory of the Python environment; build/venv of the module by default.
	Venv string
	// Port is the gate's; 0 takes a free one. MiniStack's own is always a free one, since nobody else may use it.
	Port int
	// Log gets the output of MiniStack and of the gate; nil keeps only the tail, for Logs.
	Log io.Writer
	// FunctionsReady leaves out the half second in which a new or changed function is Pending, and a distribution InProgress: for
	// measurements of all else.
	FunctionsReady bool
}

// Local is a running local AWS behind its gate.
type Local struct {
	gate     *Gate
	server   *server   // nil where an endpoint was given
	proof    *Proof    // likewise: another endpoint judges by itself
	mappings *mappings // likewise: another endpoint polls by itself
	target   *url.URL
	logs     *tail
}

// Start starts MiniStack on a free port, with nothing of this process's environment, and the gate before it. It returns
// when calls can be made; Close ends it, and so does the end of this process.
func Start(ctx context.Context, options Options) (_ *Local, err error) {
	logs := &tail{also: options.Log}
	venv, err := venvOf(options)
	endpoint := os.Getenv(EndpointVariable)
	if err != nil && endpoint == "" {
		return nil, err
	}
	gate, err := NewGate(options.Port, OpenModels(modelsOf(venv)), logs) //nolint:contextcheck // it lives until Stop, not as long as ctx
	if err != nil {
		return nil, err
	}
	l := &Local{gate: gate, logs: logs}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	if endpoint != "" {
		if l.target, err = url.Parse(endpoint); err != nil || l.target.Host == "" {
			return nil, fmt.Errorf("%s is %q: it must be a URL such as http://127.0.0.1:4566", EndpointVariable, endpoint)
		}
		gate.Forward(l.target)
		return l, nil
	}
	l.server, err = startServer(ctx, venv, gate.URL(), options.FunctionsReady, logs)
	if err != nil {
		return nil, err
	}
	l.target = l.server.url
	gate.Forward(l.target)
	l.proof = newProof(gate.Models(), func() *url.URL { return l.target })
	gate.judge(l.proof)
	l.mappings = newMappings(gate, l.target, logs)
	gate.Use(l.mappings)
	return l, nil
}

// Endpoint is the URL that clients are pointed at: the gate's.
func (l *Local) Endpoint() string { return l.gate.URL() }

// Gate is the proxy that all calls go through.
func (l *Local) Gate() *Gate { return l.gate }

// Proof judges calls by IAM's rules; nil where an endpoint was given, which judges by itself.
func (l *Local) Proof() *Proof { return l.proof }

// Logs is the tail of what MiniStack and the gate wrote.
func (l *Local) Logs() string { return l.logs.String() }

// Reset deletes everything that exists in every account and region. It takes away the faults, too, and leaves the meter.
func (l *Local) Reset(ctx context.Context) error {
	l.gate.Faults().Clear()
	if l.mappings != nil {
		l.mappings.clear()
	}
	ctx, cancel := context.WithTimeout(ctx, resetTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.target.JoinPath("/_ministack/reset").String(), http.NoBody)
	if err != nil {
		return fmt.Errorf("reset the local AWS: %w", err)
	}
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("reset the local AWS: %w", err)
	}
	if err := resp.Body.Close(); err != nil {
		return fmt.Errorf("reset the local AWS: %w", err)
	}
	if l.proof != nil {
		l.proof.forget()
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("reset the local AWS: %s; only MiniStack can be reset, give another endpoint a fresh account", resp.Status)
	}
	return nil
}

// SetConcurrency sets how many functions an account may run at once in a region, reservations included: 1,000 where nothing was set. It
// holds for the life of the local AWS.
func (l *Local) SetConcurrency(ctx context.Context, account string, executions int) error {
	at := l.target.JoinPath("/_ministack/concurrency", account)
	at.RawQuery = url.Values{"of": {strconv.Itoa(executions)}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, at.String(), http.NoBody)
	if err != nil {
		return fmt.Errorf("set the concurrency of account %s: %w", account, err)
	}
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("set the concurrency of account %s: %w", account, err)
	}
	if err := resp.Body.Close(); err != nil {
		return fmt.Errorf("set the concurrency of account %s: %w", account, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("set the concurrency of account %s: %s; only MiniStack can be told", account, resp.Status)
	}
	return nil
}

// IteratorAge is how old the last record of the latest batch was when the function of a stream's event source mapping was done
// with it, as the metric of that name has it. It reports false where nothing is polled for the mapping, or a queue.
func (l *Local) IteratorAge(mapping string) (time.Duration, bool) {
	if l.mappings == nil {
		return 0, false
	}
	return l.mappings.iteratorAge(mapping)
}

// Close ends the gate, MiniStack and every function that it runs, and removes their files.
func (l *Local) Close() error {
	if l.mappings != nil {
		l.mappings.clear()
	}
	err := l.gate.Close()
	if l.server != nil {
		err = errors.Join(err, l.server.stop())
	}
	return err
}

// Config is an SDK configuration that points at the gate. The key "test", and any account number, is the root of its account
// (000000000000 for "test").
func (l *Local) Config(region, accessKey string) aws.Config {
	return l.ConfigWith(region, aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: "test", Source: "localaws"}, nil
	}))
}

// ConfigWith is an SDK configuration that points at the gate, with the credentials of a user or role that a test made.
func (l *Local) ConfigWith(region string, credentials aws.CredentialsProvider) aws.Config {
	return aws.Config{
		Region:       region,
		Credentials:  credentials,
		BaseEndpoint: aws.String(l.Endpoint()),
		HTTPClient:   newHTTPClient(64),
	}
}

// readOnlyBodies hides from net/http that a request's body can write itself, as the provider's own clients do: smithy-go closes
// the body when the answer begins, net/http takes what the closed body's WriteTo returns for a failed request, and the SDK
// tries again what has taken effect already. An endpoint as near as the gate makes that happen once in a thousand calls.
type readOnlyBodies struct{ next aws.HTTPClient }

// Do implements aws.HTTPClient.
func (c readOnlyBodies) Do(r *http.Request) (*http.Response, error) {
	if _, writes := r.Body.(io.WriterTo); writes {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return c.next.Do(r)
}

// newHTTPClient is what SDK clients of the gate use. It keeps so many idle connections.
func newHTTPClient(idle int) aws.HTTPClient {
	return readOnlyBodies{awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost = idle
		t.Proxy = nil // a proxy of the environment cannot reach this machine's loopback
	})}
}

// LocalURL turns a URL that AWS gives out (a function's, a bucket's) into one that a browser on this machine can open.
func (l *Local) LocalURL(awsURL string) (string, error) {
	u, err := url.Parse(awsURL)
	if err != nil {
		return "", fmt.Errorf("make %q local: %w", awsURL, err)
	}
	host := u.Hostname()
	for _, suffix := range []string{".on.aws", ".amazonaws.com"} {
		host = strings.TrimSuffix(host, suffix)
	}
	gate, err := url.Parse(l.Endpoint())
	if err != nil {
		return "", fmt.Errorf("make %q local: %w", awsURL, err)
	}
	// Browsers resolve every name below localhost to this machine.
	u.Scheme, u.Host = "http", host+".localhost:"+gate.Port()
	return u.String(), nil
}

// HTTPClient sends every request to the gate, whatever host its URL names: with it a test calls a function's URL as AWS
// gave it out.
func (l *Local) HTTPClient() *http.Client {
	return &http.Client{Transport: toGate{gate: strings.TrimPrefix(l.Endpoint(), "http://"), base: connections}}
}

// connections serve all clients: with a transport each, a test that asks a thousand
// times would run out of file descriptors.
var connections = &http.Transport{MaxIdleConnsPerHost: 64}

type toGate struct {
	gate string
	base http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t toGate) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	if out.Host == "" {
		out.Host = r.URL.Host
	}
	out.URL.Scheme, out.URL.Host = "http", t.gate
	return t.base.RoundTrip(out)
}

// venvOf finds the Python environment with MiniStack in it.
func venvOf(options Options) (string, error) {
	venv := options.Venv
	if v := os.Getenv(VenvVariable); v != "" {
		venv = v
	}
	if venv == "" {
		root, err := moduleRoot()
		if err != nil {
			return "", err
		}
		venv = filepath.Join(root, "build", "venv")
	}
	if _, err := os.Stat(pythonOf(venv)); err != nil {
		return venv, fmt.Errorf(`the local AWS is not installed in %s: run "make venv": %w`, venv, err)
	}
	return venv, nil
}

func pythonOf(venv string) string { return filepath.Join(venv, "bin", "python") }

// modelsOf is where botocore keeps the service models in a venv.
func modelsOf(venv string) string {
	found, err := filepath.Glob(filepath.Join(venv, "lib", "python3*", "site-packages", "botocore", "data"))
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[0]
}

// moduleRoot is the directory of the go.mod above the working directory.
func moduleRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module's root: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find the module's root: no go.mod at or above %s; name the venv in %s", start, VenvVariable)
		}
	}
}
