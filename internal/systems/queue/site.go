package queue

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	site "github.com/burstline/terraform-provider-serverless/internal/site/queue"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

const (
	indexObject = "index.html"
	// assetCache lets a changed file reach every page within minutes.
	assetCache = "max-age=300"
)

// publicObjects are the keys that anybody may read.
func (r *room) publicObjects() []string {
	out := []string{statusObjects, drawObjects, strings.TrimPrefix(pass.KeysPath, "/"), strings.TrimPrefix(pass.DiscoveryPath, "/")}
	if r.m.fromStatusTable() {
		out = append(out, queue.ReadersObject)
	}
	if r.m.hasPage() {
		for _, sale := range r.sales {
			out = append(out, r.folder(sale.ID)+indexObject)
		}
		if logo := textOf(r.m.Site, "logo", ""); logo != "" {
			out = append(out, pages.LogoKey(logo))
		}
	}
	slices.Sort(out)
	return out
}

// address is where the page, the status and the keys are read, and the issuer of
// the passes.
func (r *room) address() string { return pages.Address(r.m.Site, r.pages, r.cdn) }

// page is what the page knows of its sale.
type page struct {
	Sale    string `json:"sale"`
	Name    string `json:"name"`
	Title   string `json:"title,omitempty"`
	JoinURL string `json:"join_url"`
	TurnURL string `json:"turn_url"`
	Status  source `json:"status"`
	// OpensAt and ClosesAt are milliseconds since 1970, of a sale that fans join when it
	// opens: the page goes by them until it has a status, which may know better.
	OpensAt  int64  `json:"opens_at,omitempty"`
	ClosesAt int64  `json:"closes_at,omitempty"`
	Codes    bool   `json:"codes"`
	JWT      *login `json:"jwt,omitempty"`
	pages.Look

	Links []link `json:"links,omitempty"`
}

// login is who signs fans in.
type login struct {
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id,omitempty"`
	Scope    string `json:"scope,omitempty"`
}

// source is where the page reads the status.
type source struct {
	Kind string `json:"kind"` // "object", or "table" before it.
	URL  string `json:"url"`  // Of the object.
	// Credentials is the address of what the table is read with.
	Credentials string `json:"credentials,omitempty"`
}

func (r *room) source(sale, root string) source {
	s := source{Kind: "object", URL: root + queue.StatusObject(sale)}
	if r.board != nil {
		s.Kind, s.Credentials = "table", root+queue.ReadersObject
	}
	return s
}

type link struct {
	Label string `json:"label"`
	URL   string `json:"url"`
}

// page renders what the page of a sale has of it. Objects of all sales lie beside the first one's page.
func (r *room) page(sale queue.Sale) (string, error) {
	s, root := r.m.Site, strings.Repeat("../", strings.Count(r.folder(sale.ID), "/"))
	p := page{
		Sale: sale.ID, Name: r.base.Name, Title: sale.Name, JoinURL: r.join.URL(), TurnURL: r.turn.URL(),
		Status: r.source(sale.ID, root), Codes: known(r.m.JoinCodes), Look: pages.LookOf(s, root),
	}
	if sale.DrawFrom == 0 {
		p.OpensAt, p.ClosesAt = sale.OpensAt, sale.ClosesAt
	}
	if j := r.m.JWT; known(j) {
		p.JWT = &login{textOf(j, "issuer", ""), textOf(j, "client_id", ""), textOf(j, "scope", "")}
	}
	links := textsOf(s.Attributes()["links"])
	for _, label := range slices.Sorted(maps.Keys(links)) {
		p.Links = append(p.Links, link{label, links[label]})
	}
	out, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("render the page of sale %s: %w", sale.ID, err)
	}
	return string(out), nil
}

// site is each sale's page and what it knows of its sale.
func (r *room) site() error {
	if !r.m.hasPage() {
		return nil
	}
	index, err := site.Index(pages.LookOf(r.m.Site, "").Languages)
	if err != nil {
		return err
	}
	for _, sale := range r.sales {
		text, err := r.page(sale)
		if err != nil {
			return err
		}
		frame := blueprint.Frame{Before: index.Before, After: index.After}
		r.Object(r.partOf("page", sale.ID), r.pages, r.folder(sale.ID)+indexObject, blueprint.Object{ContentType: index.ContentType, CacheControl: index.CacheControl, Content: text, Frame: &frame})
		r.pageBytes = frame.Size(text)
	}
	if logo := textOf(r.m.Site, "logo", ""); logo != "" {
		r.File("logo", r.pages, pages.LogoKey(logo), blueprint.File{Path: logo, CacheControl: assetCache})
	}
	return nil
}

// pageURL is the address of the first sale's page; empty where none is deployed.
func (r *room) pageURL() string {
	switch {
	case !r.m.hasPage():
		return ""
	case r.cdn != nil:
		return r.address() + "/"
	default:
		return r.address() + "/" + indexObject
	}
}

func (r *room) outputs() {
	urls, statuses, audiences := map[string]string{}, map[string]string{}, map[string]string{}
	for _, sale := range r.sales {
		statuses[sale.ID] = r.address() + "/" + queue.StatusObject(sale.ID)
		audiences[sale.ID] = r.passes.issued.AudienceOf(r.base, sale.ID)
		if r.m.hasPage() {
			urls[sale.ID] = r.address() + "/" + r.folder(sale.ID) + indexObject
		}
	}
	optional := func(name string, there bool, value func() string) {
		text := ""
		if there {
			text = value()
		}
		r.Output(name, text)
	}
	r.Output("page_url", r.pageURL())
	r.OutputMap("page_urls", urls)
	r.OutputMap("status_urls", statuses)
	r.OutputMap("audiences", audiences)
	optional("join_url", !r.m.byIdentity(), func() string { return r.join.URL() })
	r.Output("turn_url", r.turn.URL())
	r.Output("service_url", r.service.URL())
	r.Output("issuer", r.passes.issued.Issuer)
	optional("edge_function_arn", r.passes.gate != nil, func() string { return r.passes.gate.function.ARN() })
	optional("edge_key_value_store_arn", r.passes.gate != nil, func() string { return r.passes.gate.store.ARN() })
	optional("site_domain_target", r.cdn != nil, func() string { return r.cdn.DomainName() })
	r.Output("pages_bucket", r.pages.Name())
	r.Output("joins_queue_url", r.joins.URL())
	r.Output("joins_queue_arn", r.joins.ARN())
	r.Output("dead_letter_queue_url", r.deadLetters.URL())
	r.Output("dead_letter_queue_arn", r.deadLetters.ARN())
	optional("line_queue_url", r.line != nil, func() string { return r.line.URL() })
	optional("line_queue_arn", r.line != nil, func() string { return r.line.ARN() })
	r.Output("probe_key_arn", r.probeKey.ARN())
	optional("identity_pool_id", r.pool != nil, func() string { return r.pool.ID() })
	names, arns := map[string]string{}, map[string]string{}
	tables := map[string]blueprint.TableHandle{"sales": r.salesTable, "fans": r.fans, "line": r.lines, "windows": r.windows, "state": r.status}
	if r.identities != nil {
		tables["identities"] = *r.identities
	}
	if r.board != nil {
		tables["status"] = *r.board
	}
	for key, t := range tables {
		names[key], arns[key] = t.Name(), t.ARN()
	}
	r.OutputMap("table_names", names)
	r.OutputMap("table_arns", arns)
	functionNames, functionARNs, roleARNs := map[string]string{}, map[string]string{}, map[string]string{}
	for key, f := range r.functions {
		functionNames[key], functionARNs[key], roleARNs[key] = f.Name(), f.LiveARN(), f.RoleARN()
	}
	r.OutputMap("function_names", functionNames)
	r.OutputMap("function_arns", functionARNs)
	r.OutputMap("role_arns", roleARNs)
}
