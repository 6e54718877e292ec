package votingwindow

import (
	"maps"
	"slices"
	"strings"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	site "github.com/burstline/terraform-provider-serverless/internal/site/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

const (
	indexObject  = "index.html"
	studioObject = "studio"
	// windowCache lets a changed window reach every page within seconds.
	windowCache = "max-age=5"
	// assetCache lets a changed file reach every page within minutes.
	assetCache = "max-age=300"
)

// hasPage reports whether the page is deployed.
func (m *Model) hasPage() bool { return boolOf(m.Site, "enabled", true) }

// hasCDN reports whether CloudFront serves the bucket.
func (m *Model) hasCDN() bool { return pages.HasCDN(m.Site) }

// publicObjects are the keys that anybody may read.
func (m *Model) publicObjects() []string {
	out := []string{votingwindow.ResultsObject, votingwindow.WindowObject}
	if m.Intake.ValueString() == intakeDirect && textOf(m.Direct, "credentials", credentialsPublished) == credentialsPublished {
		out = append(out, votingwindow.CredentialsObject)
	}
	if m.fromStatusTable() {
		out = append(out, votingwindow.ViewersObject)
	}
	if m.hasPage() {
		out = append(out, indexObject, studioObject)
		if logo := textOf(m.Site, "logo", ""); logo != "" {
			out = append(out, pages.LogoKey(logo))
		}
		if len(m.assets()) > 0 {
			out = append(out, "assets/*")
		}
	}
	slices.Sort(out)
	return out
}

func (m *Model) assets() map[string]string { return stringsOf(m.Site.Attributes()["assets"]) }

// site is the page, what it knows of its window, and what serves both.
func (w *window) site() error {
	page, err := w.m.page(w.base.Name, w.rules, w.door)
	if err != nil {
		return err
	}
	w.Object("window", w.results, votingwindow.WindowObject, blueprint.Object{ContentType: "application/json", CacheControl: windowCache, Content: page})
	w.pageBytes = float64(len(page))
	if w.m.hasCDN() {
		w.cdn = pages.Distribute(w.Builder, w.m.Site, w.results, w.m.publicObjects())
	}
	if !w.m.hasPage() {
		return nil
	}
	files, err := site.Files()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := files[name]
		if name == indexObject {
			w.pageBytes += float64(len(f.Content))
		}
		w.File(partKey(name), w.results, name, blueprint.File{Bytes: f.Content, ContentType: f.ContentType, CacheControl: f.CacheControl, Encoding: f.Encoding})
	}
	if logo := textOf(w.m.Site, "logo", ""); logo != "" {
		w.File("logo", w.results, pages.LogoKey(logo), blueprint.File{Path: logo, CacheControl: assetCache})
	}
	assets := w.m.assets()
	for _, object := range slices.Sorted(maps.Keys(assets)) {
		w.File(partKey(object), w.results, object, blueprint.File{Path: assets[object], CacheControl: assetCache})
	}
	return nil
}

// partKey makes a part's key of an object's: "page-index-html".
func partKey(object string) string {
	return "page-" + strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, object), "-")
}

// base is the address below which the page and the results are read.
func (w *window) address() string { return pages.Address(w.m.Site, w.results, w.cdn) }

func (w *window) outputs() {
	pageURL, studioURL := "", ""
	if w.m.hasPage() {
		pageURL, studioURL = w.address()+"/"+indexObject, w.address()+"/"+studioObject
		if w.cdn != nil {
			pageURL = w.address() + "/"
		}
	}
	w.Output("page_url", pageURL)
	w.Output("studio_url", studioURL)
	w.Output("results_url", w.address()+"/"+votingwindow.ResultsObject)
	w.Output("window_url", w.address()+"/"+votingwindow.WindowObject)
	voteURL := w.door.URL
	if w.door.Kind == intakeDirect {
		voteURL = w.votes.URL()
	}
	w.Output("vote_url", voteURL)
	cdnTarget, apiTarget, key := "", "", ""
	if w.cdn != nil {
		cdnTarget = w.cdn.DomainName()
	}
	if w.api != nil {
		apiTarget = w.api.DomainTarget()
	}
	if w.signingKey != nil {
		key = w.signingKey.ARN()
	}
	w.Output("site_domain_target", cdnTarget)
	w.Output("api_domain_target", apiTarget)
	w.Output("signing_key_arn", key)
	w.Output("results_bucket", w.results.Name())
	w.Output("records_bucket", w.records.Name())
	w.Output("votes_queue_url", w.votes.URL())
	w.Output("votes_queue_arn", w.votes.ARN())
	w.Output("dead_letter_queue_url", w.deadLetters.URL())
	w.Output("dead_letter_queue_arn", w.deadLetters.ARN())
	names, arns := map[string]string{}, map[string]string{}
	tables := map[string]blueprint.TableHandle{"ballots": w.ballots, "ledger": w.ledger, "tallies": w.tallies}
	if w.status != nil {
		tables["status"] = *w.status
	}
	for key, t := range tables {
		names[key], arns[key] = t.Name(), t.ARN()
	}
	w.OutputMap("table_names", names)
	w.OutputMap("table_arns", arns)
	functionNames, functionARNs, roleARNs := map[string]string{}, map[string]string{}, map[string]string{}
	for key, f := range w.functions {
		functionNames[key], functionARNs[key], roleARNs[key] = f.Name(), f.LiveARN(), f.RoleARN()
	}
	w.OutputMap("function_names", functionNames)
	w.OutputMap("function_arns", functionARNs)
	w.OutputMap("role_arns", roleARNs)
}
