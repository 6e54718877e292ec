package localaws

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// BrowserProxy is a proxy that brings a browser to the local AWS by the addresses that AWS has: a function's URL, an API, a
// distribution. It ends TLS with a certificate of its own, which the browser must be told to take.
type BrowserProxy struct {
	// URL is the proxy's address: http://127.0.0.1:4711.
	URL string

	server  *http.Server
	inner   *http.Server
	tunnels *tunnels
}

// BrowserProxy starts a proxy. The caller closes it.
func (l *Local) BrowserProxy(ctx context.Context) (*BrowserProxy, error) {
	gate, err := url.Parse(l.Endpoint())
	if err != nil {
		return nil, fmt.Errorf("start a proxy for browsers: %w", err)
	}
	certificate, err := selfSigned()
	if err != nil {
		return nil, fmt.Errorf("start a proxy for browsers: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a proxy for browsers: %w", err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(gate)
		r.Out.Host = r.In.Host // By it the local AWS knows what is meant.
	}}
	p := &BrowserProxy{URL: "http://" + listener.Addr().String(), tunnels: newTunnels(listener.Addr())}
	// A browser that does not take the certificate says so itself.
	p.inner = &http.Server{Handler: forward, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	p.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			forward.ServeHTTP(w, r)
			return
		}
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if _, err := client.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
			client.Close() //nolint:errcheck,gosec // the browser is gone
			return
		}
		p.tunnels.add(tls.Server(client, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}))
	})}
	go p.inner.Serve(p.tunnels) //nolint:errcheck // it ends with Close
	go p.server.Serve(listener) //nolint:errcheck // it ends with Close
	return p, nil
}

// Close ends the proxy and its connections.
func (p *BrowserProxy) Close() error {
	return errors.Join(p.server.Close(), p.tunnels.Close(), p.inner.Close())
}

// selfSigned is a certificate that a browser takes only when told to.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "local AWS"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"*.amazonaws.com", "*.on.aws", "*.cloudfront.net"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// tunnels is a listener whose connections are handed to it.
type tunnels struct {
	at     net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newTunnels(at net.Addr) *tunnels {
	return &tunnels{at: at, conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (t *tunnels) add(c net.Conn) {
	select {
	case t.conns <- c:
	case <-t.closed:
		c.Close() //nolint:errcheck,gosec // nobody serves it any more
	}
}

// Accept implements net.Listener.
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-t.conns:
		return c, nil
	case <-t.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (t *tunnels) Close() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}

// Addr implements net.Listener.
func (t *tunnels) Addr() net.Addr { return t.at }
