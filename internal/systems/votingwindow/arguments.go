package votingwindow

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

// Nested arguments, read by name.
var (
	textOf    = composite.TextOf
	intOf     = composite.IntOf
	boolOf    = composite.BoolOf
	stringsOf = composite.TextsOf
)

// question is one question as the page shows it.
type question struct {
	ID      string   `json:"id"`
	Text    string   `json:"text"`
	Answers []answer `json:"answers"`
}

type answer struct {
	ID    string `json:"id"`
	Label string `json:"label"`
}

// soleQuestion is the id of the question that has none of its own.
const soleQuestion = votingwindow.OnlyQuestion

// questions are all questions, in the order of their ids.
func (m *Model) questions() []question {
	if !known(m.Questions) {
		return []question{newQuestion(soleQuestion, m.Question.ValueString(), m.Answers)}
	}
	var out []question
	elements := m.Questions.Elements()
	for _, id := range slices.Sorted(maps.Keys(elements)) {
		if o, ok := elements[id].(types.Object); ok {
			out = append(out, newQuestion(id, textOf(o, "text", ""), o.Attributes()["answers"]))
		}
	}
	return out
}

func newQuestion(id, text string, answers attr.Value) question {
	q := question{ID: id, Text: text}
	labels := stringsOf(answers)
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		q.Answers = append(q.Answers, answer{key, labels[key]})
	}
	return q
}

// window returns the rules that all functions share.
func (m *Model) window() (votingwindow.Window, error) {
	opens, diags := m.OpensAt.ValueRFC3339Time()
	if diags.HasError() {
		return votingwindow.Window{}, fmt.Errorf("opens_at: %s", diags[0].Detail())
	}
	closes, diags := m.ClosesAt.ValueRFC3339Time()
	if diags.HasError() {
		return votingwindow.Window{}, fmt.Errorf("closes_at: %s", diags[0].Detail())
	}
	w := votingwindow.Window{
		OpensAt: opens.UTC(), ClosesAt: closes.UTC(), Grace: time.Duration(orInt(m.GraceSeconds, defaultGrace)) * time.Second,
		VotesPerVoter: int(orInt(m.VotesPerVoter, 1)), Revote: orText(m.Revote, revoteReject),
	}
	for _, q := range m.questions() {
		ids := make([]string, 0, len(q.Answers))
		for _, a := range q.Answers {
			ids = append(ids, a.ID)
		}
		w.Questions = append(w.Questions, votingwindow.Question(q.ID, ids...))
	}
	return w, nil
}

// admission says whose votes are taken.
func (m *Model) admission() (votingwindow.Admission, error) {
	a := votingwindow.Admission{VoterPattern: m.VoterPattern.ValueString()}
	if known(m.TicketPublicKey) {
		key, err := ticketKey(m.TicketPublicKey.ValueString())
		if err != nil {
			return a, fmt.Errorf("ticket_public_key: %w", err)
		}
		a.TicketPublicKey = base64.StdEncoding.EncodeToString(key)
	}
	return a, nil
}

// scaling is the argument capacity with its defaults.
type scaling struct {
	Provisioned                         bool
	WarmWrites                          int
	MinWrites, MaxWrites, OpeningWrites int
	MinWorkers, MaxWorkers              int
	Drain                               time.Duration
}

func (m *Model) capacity() scaling {
	c := m.Capacity
	s := scaling{
		Provisioned: textOf(c, "mode", capacityOnDemand) == capacityProvisioned,
		WarmWrites:  intOf(c, "warm_writes", 0),
		MinWrites:   intOf(c, "min_writes", 5), MaxWrites: intOf(c, "max_writes", 4000),
		MinWorkers: intOf(c, "min_workers", 2), MaxWorkers: intOf(c, "max_workers", 100),
		Drain: time.Duration(intOf(c, "drain_seconds", 60)) * time.Second,
	}
	s.OpeningWrites = intOf(c, "opening_writes", s.MinWrites)
	return s
}

func orInt(v types.Int64, otherwise int64) int64 {
	if known(v) {
		return v.ValueInt64()
	}
	return otherwise
}

func orText(v types.String, otherwise string) string {
	if known(v) {
		return v.ValueString()
	}
	return otherwise
}

// page is window.json: what the page knows of its window.
type page struct {
	Name           string     `json:"name"`
	Title          string     `json:"title,omitempty"`
	Questions      []question `json:"questions"`
	OpensAt        time.Time  `json:"opens_at"`
	ClosesAt       time.Time  `json:"closes_at"`
	GraceSeconds   int        `json:"grace_seconds"`
	Results        string     `json:"results"`
	RefreshSeconds int        `json:"refresh_seconds"`
	VotesPerVoter  int        `json:"votes_per_voter"`
	Revote         string     `json:"revote"`
	Voter          voterField `json:"voter"`
	Intake         door       `json:"intake"`
	Status         *status    `json:"status,omitempty"`
	pages.Look
}

type voterField struct {
	Label   string `json:"label,omitempty"`
	Pattern string `json:"pattern,omitempty"`
	Ticket  bool   `json:"ticket"`
}

// status is where the page reads results that are shown by a table.
type status struct {
	Credentials string `json:"credentials"`
}

// door is where the page sends votes.
type door struct {
	Kind        string   `json:"kind"`
	URL         string   `json:"url,omitempty"`
	JWT         *login   `json:"jwt,omitempty"`
	Credentials string   `json:"credentials,omitempty"`
	Cognito     *cognito `json:"cognito,omitempty"`
	QueueURL    string   `json:"queue_url,omitempty"`
	Region      string   `json:"region,omitempty"`
}

type login struct {
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id,omitempty"`
	Scope    string `json:"scope,omitempty"`
}

type cognito struct {
	IdentityPoolID string `json:"identity_pool_id"`
	Region         string `json:"region"`
}

// page renders window.json.
func (m *Model) page(name string, w votingwindow.Window, d door) (string, error) {
	s := m.Site
	p := page{
		Name: name, Title: textOf(s, "title", ""), Questions: m.questions(), OpensAt: w.OpensAt, ClosesAt: w.ClosesAt,
		GraceSeconds: int(w.Grace / time.Second), Results: orText(m.Results, resultsLive), RefreshSeconds: intOf(s, "refresh_seconds", 0),
		VotesPerVoter: w.VotesPerVoter, Revote: w.Revote,
		Voter:  voterField{textOf(s, "voter_label", ""), m.VoterPattern.ValueString(), known(m.TicketPublicKey)},
		Intake: d, Look: pages.LookOf(s, ""),
	}
	if m.fromStatusTable() {
		p.Status = &status{votingwindow.ViewersObject}
	}
	out, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("render %s: %w", votingwindow.WindowObject, err)
	}
	return string(out), nil
}
