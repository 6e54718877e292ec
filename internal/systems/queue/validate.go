package queue

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/internal/systems/lists"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

// validate checks what needs no AWS. Values may be unknown: what depends on one
// is left to the plan that knows it.
func validate(_ context.Context, m *Model) diag.Diagnostics {
	v := &validation{m: m}
	v.sales()
	v.codes()
	v.identity()
	v.site()
	v.edge()
	v.load()
	return v.diags
}

type validation struct {
	m     *Model
	diags diag.Diagnostics
}

func (v *validation) refuse(at path.Path, summary, format string, values ...any) {
	v.diags.AddAttributeError(at, summary, fmt.Sprintf(format, values...))
}

// sales: each as the functions take it.
func (v *validation) sales() {
	first := v.m.first()
	if first.decided() && known(v.m.Name) {
		sale, err := first.sale(v.m.Name.ValueString(), "")
		if err != nil {
			v.refuse(path.Root("opens_at"), "The sale is not possible", "%s.", err)
		}
		v.remembered(sale)
	}
	for id, element := range v.m.Sales.Elements() {
		at := path.Root("sales").AtMapKey(id)
		if known(v.m.Name) && id == v.m.Name.ValueString() {
			v.refuse(at, "Twice the same sale", "The sale %q has the resource's name, which is that of its first sale. Give it another id.", id)
		}
		o, ok := element.(types.Object)
		if !ok || !known(o) {
			continue
		}
		if sale := first.another(o); sale.decided() {
			sale, err := sale.sale(id, "")
			if err != nil {
				v.refuse(at, "The sale is not possible", "%s.", err)
			}
			v.remembered(sale)
		}
	}
}

// remembered: who joined first is known until the sale is over. Else a place would be
// lost while its fan waits, and who has bought could join again.
func (v *validation) remembered(s queue.Sale) {
	days := v.m.RetentionDays
	if lasts := time.Duration(s.ClosesAt-s.JoinsFrom()) * time.Millisecond; known(days) && time.Duration(days.ValueInt64())*24*time.Hour < lasts {
		v.refuse(path.Root("retention_days"), "Forgotten too soon", "The sale %s lasts longer than %d days from when fans can join. Keep what is known of them for longer.", s.ID, days.ValueInt64())
	}
}

func (v *validation) codes() {
	if known(v.m.JoinCodes) && known(v.m.JWT) {
		v.refuse(path.Root("jwt"), "Codes and tokens", "A fan joins by a code or by a token. Leave one of join_codes and jwt out.")
	}
	v.diags.Append(lists.Validate(path.Root("join_codes"), v.m.JoinCodes, "one code")...)
}

// identity: a browser that writes its own record shows no code, and the page
// joins by the function.
func (v *validation) identity() {
	if v.m.Join.ValueString() != joinIdentity {
		return
	}
	if known(v.m.JWT) {
		v.refuse(path.Root("jwt"), "Only with join = \"ticket\"", "With join = \"identity\" a browser writes its own record, and nobody checks a token. Change join, or leave jwt out.")
	}
	if known(v.m.JoinCodes) {
		v.refuse(path.Root("join_codes"), "Only with join = \"ticket\"", "With join = \"identity\" a browser writes its own record, and nobody checks a code. Change join, or leave join_codes out.")
	}
	if enabled := v.m.Site.Attributes()["enabled"]; v.m.Site.IsNull() || !v.m.Site.IsUnknown() && (enabled == nil || !enabled.IsUnknown()) && v.m.hasPage() {
		v.refuse(path.Root("site"), "The page joins by ticket", "With join = \"identity\" your own page writes the record under its Cognito identity: set site = { enabled = false }.")
	}
}

func (v *validation) site() {
	v.diags.Append(pages.Validate(v.m.Site, pages.Rules{WithoutPage: []string{"title"}, From: "status_from", What: "the status", Shown: []string{"title"}})...)
}

// edge: its arguments mean something only with it, and its function knows the
// audience of one sale from that of all by the slash at the end.
func (v *validation) edge() {
	on, ok := v.m.Token.Attributes()["edge"].(types.Bool)
	if v.m.Token.IsUnknown() || ok && on.IsUnknown() {
		return
	}
	at := path.Root("token")
	if v.m.hasEdge() {
		if strings.HasSuffix(textOf(v.m.Token, "audience", ""), "/") {
			v.refuse(at.AtName("audience"), "No slash at the end", "With edge = true the audience must not end with a slash. Give it another end.")
		}
		return
	}
	if known(v.m.Token.Attributes()["edge_waiting_url"]) {
		v.refuse(at.AtName("edge_waiting_url"), "Only with edge", "edge_waiting_url is where the edge sends those without a pass: set edge = true.")
	}
}

// load: nobody is admitted who did not come.
func (v *validation) load() {
	if !known(v.m.ExpectedLoad) {
		return
	}
	l := v.m.ExpectedLoad.Attributes()
	fans, _ := l["fans"].(types.Int64)
	admitted, _ := l["admitted"].(types.Int64)
	if known(fans) && known(admitted) && admitted.ValueInt64() > fans.ValueInt64() {
		v.refuse(path.Root("expected_load").AtName("admitted"), "More admitted than came", "admitted is %d and fans %d.", admitted.ValueInt64(), fans.ValueInt64())
	}
}
