package pipeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline/api"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	site "github.com/burstline/terraform-provider-serverless/internal/site/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

const (
	indexObject = "index.html"
	aboutObject = "pipeline.json"
	// aboutCache lets a changed argument reach every page within a minute, assetCache
	// a changed file within minutes.
	aboutCache = "max-age=60"
	assetCache = "max-age=300"
)

// browser is the page, as far as it is.
type browser struct {
	bucket blueprint.BucketHandle
	cdn    *blueprint.DistributionHandle
}

// about is what the page knows of its pipeline.
type about struct {
	Name     string `json:"name"`
	Title    string `json:"title,omitempty"`
	API      string `json:"api"`
	Auth     who    `json:"auth"`
	Bookings bool   `json:"bookings"`
	pages.Look

	Links []link `json:"links,omitempty"`
}

// who says how visitors get in.
type who struct {
	Kind     string `json:"kind"`
	Issuer   string `json:"issuer,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	Scope    string `json:"scope,omitempty"`
}

type link struct {
	Label string `json:"label"`
	URL   string `json:"url"`
}

// publicObjects are the keys that anybody may read.
func (m *Model) publicObjects() []string {
	out := []string{indexObject, aboutObject}
	if logo := textOf(m.Site, "logo", ""); logo != "" {
		out = append(out, pages.LogoKey(logo))
	}
	return out
}

// site is the page, beside what it knows.
func (l *line) site() error {
	s := l.m.Site
	if !known(s) {
		return nil
	}
	index, err := site.Index()
	if err != nil {
		return err
	}
	text, err := l.about()
	if err != nil {
		return err
	}
	l.page = &browser{bucket: l.Bucket("pages", pages.Bucket(s, l.m.publicObjects()))}
	l.File("page", l.page.bucket, indexObject, blueprint.File{Bytes: index.Content, ContentType: index.ContentType, CacheControl: index.CacheControl, Encoding: index.Encoding})
	l.Object("page-about", l.page.bucket, aboutObject, blueprint.Object{ContentType: "application/json", CacheControl: aboutCache, Content: text})
	if logo := textOf(s, "logo", ""); logo != "" {
		l.File("logo", l.page.bucket, pages.LogoKey(logo), blueprint.File{Path: logo, CacheControl: assetCache})
	}
	if pages.HasCDN(s) {
		l.page.cdn = pages.Distribute(l.Builder, s, l.page.bucket, l.m.publicObjects())
	}
	return nil
}

// about renders pipeline.json.
func (l *line) about() (string, error) {
	s := l.m.Site
	a := about{
		Name: l.base.Name, Title: textOf(s, "title", ""), API: l.apiURL(), Auth: who{Kind: l.m.auth()}, Bookings: l.m.hasBookings(), Look: pages.LookOf(s, ""),
	}
	if a.Auth.Kind == api.AuthJWT {
		j := composite.ObjectOf(l.m.API, "jwt")
		a.Auth.Issuer, a.Auth.ClientID, a.Auth.Scope = textOf(j, "issuer", ""), textOf(j, "client_id", ""), textOf(j, "scope", "")
	}
	links := composite.TextsOf(s.Attributes()["links"])
	for _, label := range slices.Sorted(maps.Keys(links)) {
		a.Links = append(a.Links, link{label, links[label]})
	}
	text, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("render %s: %w", aboutObject, err)
	}
	return string(text), nil
}
