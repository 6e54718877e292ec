package pipeline

import (
	"net/url"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline/api"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

// readers checks what readers, bookings and pages are given.
func (v *validation) readers() {
	v.bookings()
	v.notifications()
	v.api()
	v.site()
}

// bookings are of segments, and are made by the API.
func (v *validation) bookings() {
	if !known(v.m.Bookings) {
		return
	}
	at := path.Root("bookings")
	if v.m.Segments.IsNull() {
		v.refuse(at, "Only with segments", "What is booked is a segment, and this pipeline has none: give segments, or leave bookings out.")
	}
	if v.m.API.IsNull() {
		v.refuse(at, "Only with api", "Bookings are made by the API, and there is none: give api, or leave bookings out.")
	}
	target := v.m.target()
	v.address(at.AtName("target").AtName("url"), target)
	if target.Attributes()["secret_arn"] == nil || !target.Attributes()["secret_arn"].IsNull() {
		return
	}
	for _, name := range []string{"header", "kms_key_arns"} {
		if known(target.Attributes()[name]) {
			v.refuse(at.AtName("target").AtName(name), "Only with secret_arn", "%s is of the secret that a request has: give secret_arn, or leave %s out.", name, name)
		}
	}
}

// address refuses one that cannot be parsed.
func (v *validation) address(at path.Path, o types.Object) {
	if text := textOf(o, "url", ""); text != "" {
		if address, err := url.Parse(text); err != nil || address.Host == "" {
			v.refuse(at, "No address", "%q is no address, such as https://partner.example.com/segments/{segment}.", text)
		}
	}
}

func (v *validation) notifications() {
	n, at := v.m.Notifications, path.Root("notifications")
	if !known(n) {
		return
	}
	if v.m.Bookings.IsNull() {
		v.refuse(at, "Only with bookings", "What is told is how a booking ended, and this pipeline takes none: give bookings, or leave notifications out.")
	}
	if fields := n.Attributes(); composite.Absent(fields["topic_arn"]) && composite.Absent(fields["webhook"]) {
		v.refuse(at, "Nobody to tell", "Give topic_arn, webhook, or both.")
	}
	v.address(at.AtName("webhook").AtName("url"), composite.ObjectOf(n, "webhook"))
}

// api: each way in has its own arguments.
func (v *validation) api() {
	if !known(v.m.API) {
		return
	}
	at, fields := path.Root("api"), v.m.API.Attributes()
	auth, ok := fields["auth"].(types.String)
	if !ok || !known(auth) {
		return
	}
	for name, of := range map[string]string{"jwt": api.AuthJWT, "keys_arn": api.AuthKey} {
		switch {
		case auth.ValueString() == of && composite.Absent(fields[name]):
			v.refuse(at.AtName(name), "Not given", "With auth = %q the API needs %s to know who may come in.", of, name)
		case auth.ValueString() != of && known(fields[name]):
			v.refuse(at.AtName(name), "Only with auth = \""+of+"\"", "With auth = %q nobody asks for %s. Change auth, or leave it out.", auth.ValueString(), name)
		}
	}
	if auth.ValueString() != api.AuthKey && known(fields["kms_key_arns"]) {
		v.refuse(at.AtName("kms_key_arns"), "Only with keys_arn", "kms_key_arns are of the secret of keys_arn. Leave them out.")
	}
	if auth.ValueString() == api.AuthIAM && known(fields["write_scope"]) {
		v.refuse(at.AtName("write_scope"), "No scopes with IAM", "IAM knows no scopes: leave write_scope out, or change auth.")
	}
}

// site: its page asks the API.
func (v *validation) site() {
	s := v.m.Site
	if !known(s) {
		return
	}
	if v.m.API.IsNull() {
		v.refuse(path.Root("site"), "Only with api", "The page asks the API, and there is none: give api, or leave site out.")
	}
	j := composite.ObjectOf(v.m.API, "jwt")
	if known(j) && composite.Absent(j.Attributes()["client_id"]) {
		v.refuse(path.Root("api").AtName("jwt").AtName("client_id"), "Needed by the page", "The page signs visitors in by this client: give client_id, or leave site out.")
	}
	v.diags.Append(pages.Validate(s, pages.Rules{Shown: []string{"title"}})...)
}
