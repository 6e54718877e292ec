package pages

import (
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Language is what a language is named by: two letters.
var Language = regexp.MustCompile(`^[a-z]{2}$`)

var (
	colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	arn    = regexp.MustCompile(`^arn:[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:.+`)
)

// Attributes are the arguments that every site has. cdn describes the one of that
// name, and host is a host name for instance.
func Attributes(cdn, host string) map[string]schema.Attribute {
	hex := func(description string) schema.Attribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: description, Validators: []validator.String{stringvalidator.RegexMatches(colour, "must be a colour such as #0a7d4f")}}
	}
	return map[string]schema.Attribute{
		"logo":       schema.StringAttribute{Optional: true, MarkdownDescription: "Path of the logo: an SVG, PNG, JPEG or WebP file."},
		"primary":    hex("Colour of buttons and bars: `#0a7d4f`."),
		"background": hex("Colour of the background."),
		"text":       hex("Colour of the text."),
		"languages": schema.ListAttribute{Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Languages of the page's own texts, the first being the one for browsers that ask for none of them. Built in: `en` (default), `de`, `fr`, `es`, `it`, `pt`.",
			Validators:          []validator.List{listvalidator.SizeBetween(1, 20), listvalidator.UniqueValues(), listvalidator.ValueStringsAre(stringvalidator.RegexMatches(Language, "must be a language of two letters"))}},
		"texts": schema.MapAttribute{Optional: true, ElementType: types.MapType{ElemType: types.StringType},
			MarkdownDescription: "Texts instead of the page's own: language → name → text. The guide on the page lists the names."},
		"cdn":    schema.BoolAttribute{Optional: true, MarkdownDescription: cdn},
		"domain": Domain("Host name of your own for the page, with `cdn`. Point its DNS record to the output `site_domain_target`.", "ARN of the ACM certificate for it, in us-east-1.", host),
		"web_acl_arn": schema.StringAttribute{Optional: true, MarkdownDescription: "ARN of a WAF web ACL for the distribution, with `cdn`.",
			Validators: []validator.String{stringvalidator.RegexMatches(arn, "must be the ARN of a web ACL, beginning with arn:")}},
	}
}

// Domain is a host name of one's own with its certificate; host is one for
// instance.
func Domain(description, certificate, host string) schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true, MarkdownDescription: description,
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{Required: true, MarkdownDescription: "Host name, for instance `" + host + "`.",
				Validators: []validator.String{stringvalidator.LengthBetween(4, 253)}},
			"certificate_arn": schema.StringAttribute{Required: true, MarkdownDescription: certificate,
				Validators: []validator.String{stringvalidator.RegexMatches(arn, "must be the ARN of a certificate, beginning with arn:")}},
		},
	}
}
