// Package pages has what the browser pages of systems share: the arguments of
// their look and of the distribution before them.
package pages

import (
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// Look is what a page knows of its look, beside what its system tells it.
type Look struct {
	Languages []string                     `json:"languages"`
	Texts     map[string]map[string]string `json:"texts,omitempty"`
	Style     *Style                       `json:"style,omitempty"`
	Logo      string                       `json:"logo,omitempty"`
}

// Style are a page's colours: "#0a7d4f".
type Style struct {
	Primary    string `json:"primary,omitempty"`
	Background string `json:"background,omitempty"`
	Text       string `json:"text,omitempty"`
}

// LookOf reads the look from the argument of a site. root leads from the page to
// the folder of the logo; empty where it is the page's own.
func LookOf(site types.Object, root string) Look {
	look := Look{Languages: []string{"en"}}
	if list, ok := site.Attributes()["languages"].(types.List); ok && composite.Known(list) {
		look.Languages = nil
		for _, e := range list.Elements() {
			if code, ok := e.(types.String); ok {
				look.Languages = append(look.Languages, code.ValueString())
			}
		}
	}
	if texts, ok := site.Attributes()["texts"].(types.Map); ok && composite.Known(texts) {
		look.Texts = map[string]map[string]string{}
		for code, words := range texts.Elements() {
			look.Texts[code] = composite.TextsOf(words)
		}
	}
	if style := (Style{composite.TextOf(site, "primary", ""), composite.TextOf(site, "background", ""), composite.TextOf(site, "text", "")}); style != (Style{}) {
		look.Style = &style
	}
	if logo := composite.TextOf(site, "logo", ""); logo != "" {
		look.Logo = root + LogoKey(logo)
	}
	return look
}

// LogoKey is the object of a logo: its extension says what it is.
func LogoKey(file string) string { return "logo" + strings.ToLower(filepath.Ext(file)) }

// Bucket is the bucket of a page and of what it shows: its public objects are open
// to everybody, or with a distribution to that alone.
func Bucket(site types.Object, public []string) blueprint.Bucket {
	if HasCDN(site) {
		return blueprint.Bucket{Origin: true, Origins: []string{"*"}}
	}
	return blueprint.Bucket{PublicRead: public, Origins: []string{"*"}}
}

// HasCDN reports whether CloudFront serves the bucket.
func HasCDN(site types.Object) bool { return composite.BoolOf(site, "cdn", false) }

// Distribute puts a distribution before the bucket, for its public objects.
func Distribute(b *blueprint.Builder, site types.Object, bucket blueprint.BucketHandle, public []string) *blueprint.DistributionHandle {
	d := blueprint.Distribution{Origin: bucket, Objects: public, WebACLARN: composite.TextOf(site, "web_acl_arn", ""), AnyOrigin: true}
	if own := composite.ObjectOf(site, "domain"); composite.Known(own) {
		d.Domains, d.CertificateARN = []string{composite.TextOf(own, "name", "")}, composite.TextOf(own, "certificate_arn", "")
	}
	cdn := b.Distribution("cdn", d)
	return &cdn
}

// Address is where the objects of the bucket are read, without a slash at its
// end. Without a distribution, which is nil then, that is the bucket's.
func Address(site types.Object, bucket blueprint.BucketHandle, cdn *blueprint.DistributionHandle) string {
	switch own := composite.ObjectOf(site, "domain"); {
	case cdn == nil:
		return bucket.URL()
	case composite.Known(own):
		return "https://" + composite.TextOf(own, "name", "")
	default:
		return cdn.URL()
	}
}
