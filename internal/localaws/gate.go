package localaws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// maxIdentifiedBody is the longest body, in bytes, that the gate reads before it forwards a request. Longer ones are objects
// and function bundles, which method and path identify.
const maxIdentifiedBody = 1 << 20

// Rule is one thing that the gate does with the calls that pass.
type Rule interface {
	// Before sees a call before it is forwarded. An answer ends the call here, or loses the answer that AWS gives; nil lets
	// it pass. The first rule with an answer decides.
	Before(ctx context.Context, c *Call, r *http.Request) *Answer
	// After sees every call once its outcome is known, and before the caller does. The response is AWS's own, whose body
	// the rule must leave readable; nil where the gate answered.
	After(c *Call, resp *http.Response)
}

// Answer is what a caller gets instead of AWS's own answer.
type Answer struct {
	// Kind names the answer's cause in the record of the call.
	Kind string
	// Forward lets the call take effect first; what AWS answers is thrown away.
	Forward bool
	// Drop ends the connection without an answer, after Hold. Without Drop, Status, Header and Body are the answer.
	Drop bool
	Hold time.Duration
	// Then, if not nil, runs before the connection ends: it kills the caller, for instance.
	Then func()

	Code   string
	Status int
	Header http.Header
	Body   []byte
}

// Gate is the reverse proxy that everything which talks to the local AWS goes through.
type Gate struct {
	url        string
	target     *url.URL
	models     *Models
	meter      *Meter
	faults     *Faults
	violations violations
	listener   net.Listener
	server     *http.Server
	proxy      *httputil.ReverseProxy
	upstream   *http.Transport

	mu    sync.RWMutex
	rules []Rule
}

// exchange is one request under way, from its head to its answer's.
type exchange struct {
	call  *Call
	start time.Time
	lost  bool // the caller will not get AWS's answer
	after func(*Call, *http.Response)
}

type exchangeKey struct{}

// NewGate listens on a loopback port (0 for a free one) and serves at once; it forwards as soon as Forward has named the
// target. The models may be nil: REST operations are then known by method and path only.
func NewGate(port int, models *Models, logs io.Writer) (*Gate, error) {
	// The gate lives until Close, not as long as a caller's context.
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, fmt.Errorf("listen for the gate: %w", err)
	}
	if models == nil {
		models = OpenModels("")
	}
	if logs == nil {
		logs = io.Discard
	}
	g := &Gate{
		url:      "http://" + listener.Addr().String(),
		models:   models,
		meter:    newMeter(),
		listener: listener,
		upstream: &http.Transport{
			DisableCompression:  true, // the answer goes through as it is
			MaxIdleConnsPerHost: 256,
			// Well below the server's own 75 s, so that no call goes out on a connection that is just being closed.
			IdleConnTimeout: 30 * time.Second,
		},
	}
	g.faults = newFaults(models)
	g.rules = []Rule{g.meter, &Check{models: models, record: &g.violations}, g.faults}
	logger := log.New(logs, "gate: ", log.LstdFlags|log.Lmsgprefix)
	g.proxy = &httputil.ReverseProxy{
		Rewrite:        g.rewrite,
		Transport:      g.upstream,
		ModifyResponse: g.answered,
		ErrorHandler:   g.unanswered,
		FlushInterval:  -1, // function URLs may stream
		ErrorLog:       logger,
	}
	g.server = &http.Server{Handler: g, ReadHeaderTimeout: time.Minute, ErrorLog: logger}
	go func() {
		if err := g.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Printf("stopped serving: %v", err)
		}
	}()
	return g, nil
}

// Forward names the endpoint to forward to. It must be called before the first request arrives.
func (g *Gate) Forward(target *url.URL) { g.target = target }

// URL is the gate's endpoint, http://127.0.0.1:<port>.
func (g *Gate) URL() string { return g.url }

// Models are the service models by which the gate identifies calls.
func (g *Gate) Models() *Models { return g.models }

// Meter counts the calls that pass.
func (g *Gate) Meter() *Meter { return g.meter }

// Faults break the calls that they match.
func (g *Gate) Faults() *Faults { return g.faults }

// Use adds rules behind those that there are.
func (g *Gate) Use(rules ...Rule) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rules = append(append([]Rule(nil), g.rules...), rules...)
}

// judge makes a rule the first: what it refuses, no other rule sees, and what it makes of an answer, all others do.
func (g *Gate) judge(rule Rule) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rules = append([]Rule{rule}, g.rules...)
}

// Close stops listening and ends the connections.
func (g *Gate) Close() error {
	err := g.server.Close()
	g.upstream.CloseIdleConnections()
	if err != nil {
		return fmt.Errorf("close the gate: %w", err)
	}
	return nil
}

// ServeHTTP passes one request through the rules and on.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isAdmin(r) {
		g.serveAdmin(w, r)
		return
	}
	if isServerOwn(r.URL.Path) { // health, reset, code downloads: no calls to AWS
		g.proxy.ServeHTTP(w, r)
		return
	}
	if bucket, ok := websiteOf(r); ok {
		g.serveWebsite(w, r, bucket)
		return
	}
	start := time.Now()
	body, err := peek(r)
	if err != nil {
		http.Error(w, "gate: read the request: "+err.Error(), http.StatusBadRequest)
		return
	}
	g.mu.RLock()
	rules := g.rules
	g.mu.RUnlock()
	call := identify(g.models, r, body, start)
	ex := &exchange{call: call, start: start, after: func(c *Call, resp *http.Response) {
		for _, rule := range rules {
			rule.After(c, resp)
		}
	}}
	var answer *Answer
	for _, rule := range rules {
		if answer = rule.Before(r.Context(), call, r); answer != nil {
			break
		}
	}
	forwarded := r.WithContext(context.WithValue(r.Context(), exchangeKey{}, ex))
	if answer == nil {
		g.proxy.ServeHTTP(w, forwarded)
		return
	}
	call.Injected = answer.Kind
	if answer.Forward {
		ex.lost = true
		g.proxy.ServeHTTP(&discard{header: http.Header{}}, forwarded)
	} else {
		call.ErrorCode = answer.Code
	}
	g.answer(w, r, ex, answer)
}

// answer gives a rule's answer.
func (g *Gate) answer(w http.ResponseWriter, r *http.Request, ex *exchange, answer *Answer) {
	ex.call.Status, ex.call.AnswerBytes = answer.Status, int64(len(answer.Body))
	if answer.Drop {
		ex.call.Status, ex.call.AnswerBytes = 0, 0
	}
	wait(r.Context(), answer.Hold)
	ex.call.Duration = time.Since(ex.start)
	ex.after(ex.call, nil)
	if answer.Then != nil {
		answer.Then()
	}
	if answer.Drop {
		drop(w, r)
		return
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Status)
	if r.Method != http.MethodHead {
		// The caller may be gone; there is nobody to tell.
		_, _ = w.Write(answer.Body)
	}
}

// rewrite sends the request on as it came: nothing that a signature covers may change.
func (g *Gate) rewrite(p *httputil.ProxyRequest) {
	p.Out.URL.Scheme, p.Out.URL.Host = g.target.Scheme, g.target.Host
	p.Out.URL.RawQuery = p.In.URL.RawQuery
	p.Out.Host = p.In.Host
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host"} {
		if values, ok := p.In.Header[name]; ok {
			p.Out.Header[name] = values
		}
	}
	// AWS is reached by TLS; the local AWS, on this machine's loopback, is not. To it, the gate is what ends the TLS: without this,
	// every policy that demands aws:SecureTransport would refuse everything.
	p.Out.Header.Set("X-Forwarded-Proto", "https")
	p.Out.Header.Del("Expect") // reading the body has answered "100 Continue" already
}

// answered runs before the caller sees anything of AWS's answer, so that a caller who asks the meter finds its call there.
func (g *Gate) answered(resp *http.Response) error {
	ex, ok := resp.Request.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil
	}
	code, err := errorCodeOf(ex.call.protocol, resp)
	if err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", ex.call.Service, ex.call.Operation, err)
	}
	ex.call.ErrorCode = code
	if ex.lost {
		return nil // the rules hear of it when the connection has ended
	}
	ex.call.Status = resp.StatusCode
	ex.call.AnswerBytes = max(resp.ContentLength, 0)
	ex.call.Duration = time.Since(ex.start)
	ex.after(ex.call, resp)
	return nil
}

// unanswered runs when the endpoint behind the gate could not be asked, or the caller went away.
func (g *Gate) unanswered(w http.ResponseWriter, r *http.Request, err error) {
	g.proxy.ErrorLog.Printf("%s %s: %v", r.Method, r.URL.Path, err)
	if ex, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
		ex.call.ErrorCode = "gate.NoAnswer"
		if r.Context().Err() != nil {
			ex.call.ErrorCode = "gate.CallerGone"
		}
		if !ex.lost {
			ex.call.Status, ex.call.Duration = http.StatusBadGateway, time.Since(ex.start)
			ex.after(ex.call, nil)
		}
	}
	http.Error(w, "gate: the local AWS did not answer: "+err.Error(), http.StatusBadGateway)
}

// peek reads the body of a request that is short enough to be identified by it, and leaves it to be read again. It returns
// nil where the body is too long.
func peek(r *http.Request) ([]byte, error) {
	if r.ContentLength > maxIdentifiedBody {
		return nil, nil
	}
	if r.Body == nil || r.Body == http.NoBody {
		return []byte{}, nil
	}
	head, err := io.ReadAll(io.LimitReader(r.Body, maxIdentifiedBody+1))
	if err != nil {
		return nil, err
	}
	if len(head) > maxIdentifiedBody {
		r.Body = readCloser{io.MultiReader(bytes.NewReader(head), r.Body), r.Body}
		return nil, nil
	}
	r.Body = io.NopCloser(bytes.NewReader(head))
	return head, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// drop ends a request's connection without an answer.
func drop(w http.ResponseWriter, r *http.Request) {
	// With unread input, closing would reset the connection and the first bytes below might never arrive.
	_, _ = io.Copy(io.Discard, r.Body)
	conn, stream, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2, which the gate does not offer
	}
	// The first bytes of an answer: Go's HTTP client quietly repeats a GET on a kept connection that ends without any, and
	// a fault that hits once would be seen by nobody.
	_, _ = stream.WriteString("HTTP/1.1 ")
	_ = stream.Flush()
	_ = conn.Close()
}

// wait lasts as long as d, or until the caller gives up.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// discard takes an answer that nobody is to get.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}
