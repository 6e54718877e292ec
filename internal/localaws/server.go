package localaws

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

const (
	healthPath  = "/_ministack/health"
	healthEvery = 20 * time.Millisecond
	// startAttempts covers the moment between finding a free port and MiniStack's taking it.
	startAttempts = 3
)

// launch starts MiniStack, mends what it gets wrong, and ends it when the process that started it is gone. It imports launched
// from MiniStack's directory: judgement.py leaves the judging of calls to the gate, mappings.py keeps the event source
// mappings, apis.py mends HTTP APIs and identity pools, asynchronous.py what becomes of events that functions fail on,
// concurrency.py shares out an account's concurrency, edge.py is CloudFront's edges.
var (
	//go:embed launch.py
	launch string
	//go:embed judgement.py mappings.py apis.py asynchronous.py concurrency.py edge.py streams.py
	launched embed.FS
)

// server is a running MiniStack.
type server struct {
	url    *url.URL
	cmd    *exec.Cmd
	life   io.Closer // the end of the pipe that keeps it alive
	home   string
	exited chan struct{}
	once   sync.Once
}

// startServer starts MiniStack from the venv and waits until it is healthy. Functions call back through the gate.
func startServer(ctx context.Context, venv, gate string, ready bool, logs *tail) (*server, error) {
	var failures error
	for range startAttempts {
		s, err := launchServer(ctx, venv, gate, ready, logs)
		if err == nil {
			return s, nil
		}
		failures = errors.Join(failures, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failures
}

func launchServer(ctx context.Context, venv, gate string, ready bool, logs *tail) (_ *server, err error) {
	home, err := os.MkdirTemp("", "localaws-")
	if err != nil {
		return nil, fmt.Errorf("start MiniStack: %w", err)
	}
	s := &server{home: home, exited: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if err := os.CopyFS(home, launched); err != nil {
		return nil, fmt.Errorf("start MiniStack: %w", err)
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, fmt.Errorf("start MiniStack: find a free port: %w", err)
	}
	s.url = &url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	// Not CommandContext: the context bounds the start, and the server outlives it.
	cmd := exec.Command(pythonOf(venv), "-c", launch) //nolint:gosec,noctx // the venv is the developer's own
	cmd.Env = environment(home, gate, port)
	if ready {
		cmd.Env = append(cmd.Env, "LOCALAWS_FUNCTIONS_READY=1")
	}
	cmd.Dir = home
	cmd.Stdout, cmd.Stderr = logs, logs
	ownGroup(cmd)
	// A killed server may leave a function behind for a moment that holds the output open.
	cmd.WaitDelay = time.Second
	life, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start MiniStack: %w", err)
	}
	s.life = life
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start MiniStack: %w", err)
	}
	s.cmd = cmd
	go func() {
		// How it ended is in its output; that it ended is in the channel.
		_ = cmd.Wait()
		close(s.exited)
	}()
	if err := s.awaitHealth(ctx); err != nil {
		return nil, fmt.Errorf("start MiniStack: %w; its output ends:\n%s", err, logs.String())
	}
	return s, nil
}

// environment is all that MiniStack gets to see, since functions inherit the whole of it.
func environment(home, gate string, port int) []string {
	return []string{
		"PATH=/usr/bin:/bin",
		"HOME=" + home,
		"TMPDIR=" + home,
		"STATE_DIR=" + home + "/state",
		"S3_DATA_DIR=" + home + "/s3",
		"AUTH=true",
		"GATEWAY_PORT=" + strconv.Itoa(port),
		"BIND_HOST=127.0.0.1",
		"LOG_LEVEL=WARNING",
		"AWS_ENDPOINT_URL=" + gate,
		"IOT_MTLS_ENABLED=0",
		"LAMBDA_ACCOUNT_CONCURRENCY=1000",
		"PYTHONDONTWRITEBYTECODE=1",
	}
}

// awaitHealth asks until the server says that it is healthy.
func (s *server) awaitHealth(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ticker := time.NewTicker(healthEvery)
	defer ticker.Stop()
	for {
		if s.healthy(ctx) {
			return nil
		}
		select {
		case <-s.exited:
			return errors.New("it exited")
		case <-ctx.Done():
			return fmt.Errorf("it is not healthy: %w", ctx.Err())
		case <-ticker.C:
		}
	}
}

func (s *server) healthy(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url.JoinPath(healthPath).String(), http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// stop kills the server's process group, and removes its files.
func (s *server) stop() (err error) {
	s.once.Do(func() {
		if s.cmd != nil {
			err = killGroup(s.cmd)
			<-s.exited
			_ = s.life.Close() // Wait has closed it where the server had started
		}
		err = errors.Join(err, removeAll(s.home))
	})
	if err != nil {
		return fmt.Errorf("stop MiniStack: %w", err)
	}
	return nil
}

// removeAll removes a directory in which a dying function may still be writing.
func removeAll(dir string) error {
	var err error
	for range 5 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
	}
	return err
}

func freePort(ctx context.Context) (int, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	addr, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("the listener's address is %v", listener.Addr())
	}
	return addr.Port, listener.Close()
}

// tailSize is how much output is kept for diagnosis, in bytes.
const tailSize = 64 << 10

// tail keeps the end of what is written to it, and passes everything on.
type tail struct {
	also io.Writer

	mu   sync.Mutex
	kept []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	if t.also != nil {
		_, _ = t.also.Write(p) // a log that fails must not stop the server
	}
	return len(p), nil
}

// String is what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
