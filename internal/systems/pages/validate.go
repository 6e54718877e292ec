package pages

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// Where pages read what changes: from an object beside them, or from a table.
const (
	FromSite  = "site"
	FromTable = "table"
)

// Rules are a system's own of the argument of its site.
type Rules struct {
	// WithoutPage are the arguments that mean something for a page of one's own, too,
	// beside enabled, cdn, domain, web_acl_arn, warm_reads and From.
	WithoutPage []string
	// From is the argument that is FromTable where pages read from a table, and What they
	// read.
	From, What string
	// Shown are the texts that a page shows, beside its texts.
	Shown []string
}

// Validate refuses arguments of a site that mean nothing beside the others.
func Validate(site types.Object, rules Rules) (diags diag.Diagnostics) {
	if !composite.Known(site) {
		return nil
	}
	known := composite.Known
	at, s := path.Root("site"), site.Attributes()
	own := append([]string{"enabled", "cdn", "domain", "web_acl_arn", "warm_reads", rules.From}, rules.WithoutPage...)
	if enabled, ok := s["enabled"].(types.Bool); ok && known(enabled) && !enabled.ValueBool() {
		for name, value := range s {
			if !slices.Contains(own, name) && known(value) {
				diags.AddAttributeError(at.AtName(name), "No page", fmt.Sprintf("With enabled = false there is no page that %s could be of. Leave it out.", name))
			}
		}
	}
	if cdn, ok := s["cdn"].(types.Bool); ok && !cdn.IsUnknown() && !cdn.ValueBool() {
		for _, name := range []string{"domain", "web_acl_arn"} {
			if known(s[name]) {
				diags.AddAttributeError(at.AtName(name), "Only with cdn", name+" is of the CloudFront distribution: set cdn = true.")
			}
		}
	}
	if from, ok := s[rules.From].(types.String); ok && !from.IsUnknown() && from.ValueString() != FromTable && known(s["warm_reads"]) {
		diags.AddAttributeError(at.AtName("warm_reads"), "Only with a table", fmt.Sprintf("warm_reads is of the table that pages read %s from: set %s = %q.", rules.What, rules.From, FromTable))
	}
	for _, name := range rules.Shown {
		diags.Append(Shown(at.AtName(name), s[name])...)
	}
	texts, _ := s["texts"].(types.Map)
	for code, element := range texts.Elements() {
		if !Language.MatchString(code) {
			diags.AddAttributeError(at.AtName("texts").AtMapKey(code), "Invalid language", fmt.Sprintf("%q is no language of two letters, such as de.", code))
		}
		words, _ := element.(types.Map)
		for name, text := range words.Elements() {
			diags.Append(Shown(at.AtName("texts").AtMapKey(code).AtMapKey(name), text)...)
		}
	}
	return diags
}

// Shown refuses texts that show nothing or hold control characters. An empty text
// has its own diagnostic from the attribute's validators.
func Shown(at path.Path, value attr.Value) (diags diag.Diagnostics) {
	s, ok := value.(types.String)
	if !ok || s.ValueString() == "" {
		return nil
	}
	if text := s.ValueString(); strings.TrimSpace(text) == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		diags.AddAttributeError(at, "Invalid text", "The text must show something and hold no control characters.")
	}
	return diags
}
