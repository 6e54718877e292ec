package localaws

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// websiteHost is a bucket's website as S3 names it in either of its two ways, and as browsers reach it here
// (<bucket>.s3-website-<region>.localhost).
var websiteHost = regexp.MustCompile(`^(.+)\.s3-website[.-][a-z0-9-]+\.`)

// websiteOf is the bucket whose website a request is for.
func websiteOf(r *http.Request) (string, bool) {
	m := websiteHost.FindStringSubmatch(hostname(r.Host))
	if m == nil {
		return "", false
	}
	return m[1], true
}

// serveWebsite answers as S3's website endpoints do: with the index document for what ends with a slash, with the error
// document for what is missing or forbidden, to reads only (S3 User Guide, "Website endpoints"). What it reads, it reads
// through the gate as anybody.
func (g *Gate) serveWebsite(w http.ResponseWriter, r *http.Request, bucket string) {
	site, err := g.website(r, bucket)
	switch {
	case err != nil:
		http.Error(w, "gate: ask for the website: "+err.Error(), http.StatusBadGateway)
		return
	case site == nil:
		http.Error(w, "404 Not Found\nCode: NoSuchWebsiteConfiguration\nBucketName: "+bucket, http.StatusNotFound)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "405 Method Not Allowed\nCode: MethodNotAllowed", http.StatusMethodNotAllowed)
		return
	}
	key := strings.TrimPrefix(r.URL.Path, "/")
	if key == "" || strings.HasSuffix(key, "/") {
		key += site.Index
	}
	page := g.read(r, bucket, key)
	if page.status == http.StatusNotFound || page.status == http.StatusForbidden {
		if of := g.read(r, bucket, site.Error); site.Error != "" && of.status == http.StatusOK {
			of.status, page = page.status, of
		}
	}
	maps.Copy(w.Header(), page.header)
	w.WriteHeader(page.status)
	// The browser may be gone; there is nobody to tell.
	_, _ = w.Write(page.body.Bytes())
}

// documents are those of a website.
type documents struct{ Index, Error string }

// website asks the local AWS; nil where the bucket has none.
func (g *Gate) website(r *http.Request, bucket string) (*documents, error) {
	at := g.target.JoinPath("/_ministack/website")
	at.RawQuery = url.Values{"of": {bucket}}.Encode()
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := g.upstream.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	var site *documents
	return site, json.NewDecoder(resp.Body).Decode(&site)
}

// read reads an object as whoever asked for the page.
func (g *Gate) read(r *http.Request, bucket, key string) *page {
	inner := r.Clone(r.Context())
	inner.Host = strings.TrimPrefix(g.url, "http://")
	inner.URL = &url.URL{Path: "/" + bucket + "/" + key}
	inner.Header = http.Header{"User-Agent": r.Header["User-Agent"]}
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "Range"} {
		if values, ok := r.Header[name]; ok {
			inner.Header[name] = slices.Clone(values)
		}
	}
	p := &page{header: http.Header{}, status: http.StatusOK}
	g.ServeHTTP(p, inner)
	return p
}

// page keeps an answer.
type page struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (p *page) Header() http.Header { return p.header }

// Write implements http.ResponseWriter.
func (p *page) Write(b []byte) (int, error) { return p.body.Write(b) }

// WriteHeader implements http.ResponseWriter.
func (p *page) WriteHeader(status int) { p.status = status }
