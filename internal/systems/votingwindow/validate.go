package votingwindow

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/systems/lists"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

// validate checks what needs no AWS. Values may be unknown: what depends on one
// is left to the plan that knows it.
func validate(ctx context.Context, m *Model) diag.Diagnostics {
	v := &validation{m: m}
	v.questions()
	v.times()
	v.voters()
	v.intake(ctx)
	v.capacity()
	v.site()
	v.load()
	return v.diags
}

// change warns where ballots of an event would be deleted before they are counted: each
// expires by the closing time and the retention that were configured when it was
// recorded. What opens only after the former closing is another event.
func change(applied, planned *Model) (diags diag.Diagnostics) {
	if !known(applied.RetentionDays) {
		return nil
	}
	was, err := applied.window()
	if err != nil {
		return nil // Nothing of it was ever deployed.
	}
	next, err := planned.window()
	if err != nil || !next.OpensAt.Before(was.ClosesAt) {
		return nil
	}
	expire := was.ClosesAt.AddDate(0, 0, int(applied.RetentionDays.ValueInt64()))
	if !next.ClosesAt.Add(next.Grace + votingwindow.CountedWithin).After(expire) {
		return nil
	}
	diags.AddAttributeWarning(path.Root("closes_at"), "Ballots expire before they are counted",
		fmt.Sprintf("Ballots that were recorded until now expire at %s, %d days after the closing time of then: an apply does not change that. The window would close at %s. "+
			"What expires is in no final figure, and its voter can vote again. Close the window in time, and open another one.",
			expire.Format(time.RFC3339), applied.RetentionDays.ValueInt64(), next.ClosesAt.Format(time.RFC3339)))
	return diags
}

type validation struct {
	m     *Model
	diags diag.Diagnostics
}

func (v *validation) refuse(at path.Path, summary, format string, values ...any) {
	v.diags.AddAttributeError(at, summary, fmt.Sprintf(format, values...))
}

var known, absent = composite.Known, composite.Absent

// questions: either one question with its answers, or several.
func (v *validation) questions() {
	one := known(v.m.Question) || known(v.m.Answers)
	switch {
	case one && known(v.m.Questions):
		v.refuse(path.Root("questions"), "One question and several", "Give either question and answers, or questions.")
	case absent(v.m.Question) && absent(v.m.Answers) && absent(v.m.Questions):
		v.refuse(path.Root("question"), "No question", "Give question and answers, or questions for more than one.")
	case one && absent(v.m.Answers):
		v.refuse(path.Root("answers"), "No answers", "Give the answers to the question: id → label.")
	case one && absent(v.m.Question):
		v.refuse(path.Root("question"), "No question", "Give the question that the answers are to.")
	}
	v.shown(path.Root("question"), v.m.Question)
	v.labels(path.Root("answers"), v.m.Answers)
	for id, element := range v.m.Questions.Elements() {
		at := path.Root("questions").AtMapKey(id)
		if q, ok := element.(types.Object); ok && known(q) {
			v.shown(at.AtName("text"), q.Attributes()["text"])
			if answers, ok := q.Attributes()["answers"].(types.Map); ok {
				v.labels(at.AtName("answers"), answers)
			}
		}
	}
}

func (v *validation) labels(at path.Path, answers types.Map) {
	for id, label := range answers.Elements() {
		v.shown(at.AtMapKey(id), label)
	}
}

func (v *validation) shown(at path.Path, value attr.Value) { v.diags.Append(pages.Shown(at, value)...) }

func (v *validation) times() {
	if !known(v.m.OpensAt) || !known(v.m.ClosesAt) {
		return
	}
	opens, d1 := v.m.OpensAt.ValueRFC3339Time()
	closes, d2 := v.m.ClosesAt.ValueRFC3339Time()
	// A text that is no time has its own diagnostic from the attribute's type.
	if !d1.HasError() && !d2.HasError() && !closes.After(opens) {
		v.refuse(path.Root("closes_at"), "The window closes before it opens",
			"opens_at is %s and closes_at is %s. Give a closes_at after opens_at.", v.m.OpensAt.ValueString(), v.m.ClosesAt.ValueString())
	}
}

func (v *validation) voters() {
	v.pattern(path.Root("voter_pattern"), v.m.VoterPattern)
	if known(v.m.TicketPublicKey) {
		if _, err := ticketKey(v.m.TicketPublicKey.ValueString()); err != nil {
			v.refuse(path.Root("ticket_public_key"), "Invalid key", "%s. Make a pair with: openssl genpkey -algorithm ed25519.", err)
		}
	}
	if v.m.VotesPerVoter.ValueInt64() > 1 && v.m.Revote.ValueString() == revoteReplace {
		v.refuse(path.Root("revote"), "Which vote would be replaced?", "With votes_per_voter = %d each further vote counts, so there is none to replace. Leave one of the two out.", v.m.VotesPerVoter.ValueInt64())
	}
	v.diags.Append(lists.Validate(path.Root("allow_list"), v.m.AllowList, "one identifier")...)
	if known(v.m.Quarantine) {
		at, rules := path.Root("quarantine"), v.m.Quarantine.Attributes()
		v.pattern(at.AtName("voter_pattern"), rules["voter_pattern"])
		if absent(rules["voter_pattern"]) && absent(rules["votes_per_address"]) {
			v.refuse(at, "No rule", "Give voter_pattern, votes_per_address or both; or leave quarantine out.")
		}
		if known(rules["votes_per_address"]) && v.m.Intake.ValueString() == intakeDirect {
			v.refuse(at.AtName("votes_per_address"), "No addresses", "With intake = \"direct\" browsers send to SQS, which does not tell their addresses. Use intake = \"url\" or \"api\", or leave votes_per_address out.")
		}
	}
}

func (v *validation) pattern(at path.Path, value attr.Value) {
	s, ok := value.(types.String)
	if !ok || !known(s) {
		return
	}
	if _, err := regexp.Compile(s.ValueString()); err != nil {
		v.refuse(at, "Invalid regular expression", "%s. The syntax is RE2: no look-around and no back-references.", err)
	}
}

// ticketKey reads an Ed25519 public key from PEM.
func ticketKey(text string) (ed25519.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("it is no PEM: give the whole file, from -----BEGIN PUBLIC KEY----- on")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("it is a %T, and an Ed25519 public key belongs here", key)
	}
	return public, nil
}

// intake: arguments of one way in mean nothing with another.
func (v *validation) intake(context.Context) {
	if v.m.Intake.IsUnknown() {
		return
	}
	chosen := orText(v.m.Intake, intakeURL) // Its default is not in the configuration.
	only := func(argument string, value attr.Value, intake string) {
		if known(value) && chosen != intake {
			v.refuse(path.Root(argument), "Only with intake = \""+intake+"\"", "%s means something only with intake = %q, and intake is %q. Change intake or leave %s out.", argument, intake, chosen, argument)
		}
	}
	only("jwt", v.m.JWT, intakeAPI)
	only("api_domain", v.m.APIDomain, intakeAPI)
	only("direct", v.m.Direct, intakeDirect)
	if known(v.m.JWT) && known(v.m.TicketPublicKey) {
		v.refuse(path.Root("ticket_public_key"), "Tickets and tokens", "With jwt the token says who votes; a ticket would say it again. Leave one of the two out.")
	}
}

// capacity: each mode has its own arguments, and the least is not above the most.
func (v *validation) capacity() {
	if !known(v.m.Capacity) {
		return
	}
	at, c := path.Root("capacity"), v.m.Capacity.Attributes()
	mode, _ := c["mode"].(types.String)
	if mode.IsUnknown() {
		return
	}
	provisioned := mode.ValueString() == capacityProvisioned
	for name, value := range c {
		switch {
		case name == "mode" || !known(value):
		case name == "warm_writes" && provisioned:
			v.refuse(at.AtName(name), "Only on demand", "Warm throughput is of tables on demand. With mode = \"provisioned\" give opening_writes.")
		case name != "warm_writes" && !provisioned:
			v.refuse(at.AtName(name), "Only provisioned", "%s means something only with mode = \"provisioned\".", name)
		}
	}
	if !provisioned {
		return
	}
	s := v.m.capacity()
	switch {
	case s.MinWrites > s.MaxWrites:
		v.refuse(at.AtName("min_writes"), "The least is above the most", "min_writes is %d and max_writes %d.", s.MinWrites, s.MaxWrites)
	case s.OpeningWrites > s.MaxWrites || s.OpeningWrites < s.MinWrites:
		v.refuse(at.AtName("opening_writes"), "Out of the range", "opening_writes is %d, and must lie between min_writes (%d) and max_writes (%d).", s.OpeningWrites, s.MinWrites, s.MaxWrites)
	}
	if s.MinWorkers > s.MaxWorkers {
		v.refuse(at.AtName("min_workers"), "The least is above the most", "min_workers is %d and max_workers %d.", s.MinWorkers, s.MaxWorkers)
	}
}

func (v *validation) site() {
	v.diags.Append(pages.Validate(v.m.Site, pages.Rules{From: "results_from", What: "results", Shown: []string{"title", "voter_label"}})...)
}

// load: nobody has more second votes than votes.
func (v *validation) load() {
	if !known(v.m.ExpectedLoad) {
		return
	}
	l := v.m.ExpectedLoad.Attributes()
	votes, _ := l["votes"].(types.Int64)
	duplicates, _ := l["duplicates"].(types.Int64)
	if known(votes) && known(duplicates) && duplicates.ValueInt64() > votes.ValueInt64() {
		v.refuse(path.Root("expected_load").AtName("duplicates"), "More second votes than votes", "duplicates is %d and votes %d. votes counts all of them.", duplicates.ValueInt64(), votes.ValueInt64())
	}
}
