package pipeline

import (
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/api"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

const (
	// apiTimeout is longer than the ten seconds in which the function answers.
	apiTimeout        = 15 * time.Second
	authorizerTimeout = 5 * time.Second
	// verdicts are kept for so long by API Gateway: a key that is taken away lets in
	// for that time more.
	verdicts = time.Minute

	apiPath = "/graphql"
)

// door is the API, as far as it is.
type door struct {
	api        blueprint.HTTPAPIHandle
	function   blueprint.FunctionHandle
	authorizer *blueprint.FunctionHandle // nil where API Gateway knows by itself who comes.
}

// hasAPI reports whether there is an API.
func (m *Model) hasAPI() bool { return known(m.API) }

func (m *Model) auth() string { return textOf(m.API, "auth", "") }

// api is how readers ask, and book:
//
//	reader → API → api → manifest, runs, bookings
func (l *line) api() {
	if !l.m.hasAPI() {
		return
	}
	l.door = &door{}
	c := api.Config{
		Base: l.base, Runs: l.runsTable(), Bucket: l.results.Name(), StartTopic: l.start.ARN(), RetentionDays: l.m.retention(),
		Auth: l.m.auth(), WriteScope: textOf(l.m.API, "write_scope", ""), Introspection: boolOf(l.m.API, "introspection", false),
	}
	grants := [][]blueprint.Grant{
		l.results.Get(pipeline.ManifestObject, runObjects), blueprint.Rarely("used where an object that is asked for is gone", l.results.List()),
		l.runs.Get(), l.runs.GetMany(), l.runs.Scan(), blueprint.Rarely("used where a run is replayed", l.start.Publish()),
	}
	if b := l.booked; b != nil {
		c.BookingsTable, c.GiveUpAfter = b.table.Name(), l.m.giveUpBooking()
		grants = append(grants, b.table.Get(), b.table.Put(), b.table.Query())
	}
	l.door.function = l.function("api", blueprint.Function{MemoryMB: 512, Timeout: apiTimeout, Environment: config.Environ(c), Grants: grants})
	spec := blueprint.HTTPAPI{
		Routes: map[string]blueprint.Route{"POST " + apiPath: {Function: l.door.function}},
		// Whoever is let in brings a token, a key or a signature, and no cookie: pages of
		// every origin may.
		CORS: &blueprint.CORS{Origins: []string{"*"}},
	}
	switch l.m.auth() {
	case api.AuthJWT:
		j := composite.ObjectOf(l.m.API, "jwt")
		spec.JWT = &blueprint.JWT{Issuer: textOf(j, "issuer", ""), Audience: composite.ElementsOf(composite.Field[types.Set](j, "audience"))}
		slices.Sort(spec.JWT.Audience)
	case api.AuthIAM:
		spec.IAM = true
	default:
		spec.Authorizer = &blueprint.APIAuthorizer{Function: l.authorizer(), Header: api.KeyHeader, TTL: verdicts}
	}
	if own := composite.ObjectOf(l.m.API, "domain"); known(own) {
		spec.Domain = &blueprint.APIDomain{Name: textOf(own, "name", ""), CertificateARN: textOf(own, "certificate_arn", "")}
	}
	l.door.api = l.HTTPAPI("graphql", spec)
}

// authorizer knows the keys of the API.
func (l *line) authorizer() blueprint.FunctionHandle {
	keys := textOf(l.m.API, "keys_arn", "")
	f := l.function("authorizer", blueprint.Function{
		MemoryMB: 256, Timeout: authorizerTimeout, Environment: config.Environ(api.AuthorizerConfig{Base: l.base, Keys: keys}),
		Grants: [][]blueprint.Grant{blueprint.ReadReference(keys), usesKeys(l.m.API)},
	})
	l.door.authorizer = &f
	return f
}

// apiURL is where queries are sent; empty without an API.
func (l *line) apiURL() string {
	if l.door == nil {
		return ""
	}
	return l.door.api.URL() + apiPath
}

// apiAlarms tell that callers get no answers.
func (l *line) apiAlarms() []blueprint.AlarmHandle {
	if l.door == nil {
		return nil
	}
	alarms := []blueprint.AlarmHandle{
		l.AlarmErrors("api-errors", l.door.function, "The function api fails: callers get no answer. See its log."),
		l.AlarmMetric("api-unanswered", l.door.function.Emitted("Unanswered", "Sum"), blueprint.Limit{Periods: 5, Datapoints: 2}, "Callers are told UNAVAILABLE: what the API asks of AWS fails, or takes too long. The log of api has the cause."),
	}
	if f := l.door.authorizer; f != nil {
		alarms = append(alarms, l.AlarmErrors("authorizer-errors", *f, "The function authorizer fails: nobody gets into the API. See its log; most likely the secret of api.keys_arn cannot be read."))
	}
	return alarms
}

// apiWidgets show the API at a glance.
func (l *line) apiWidgets() []blueprint.Widget {
	if l.door == nil {
		return nil
	}
	f := l.door.function
	return []blueprint.Widget{
		blueprint.Graph("API", f.Metric("Invocations", "Sum").Labelled("requests"), f.Metric("Errors", "Sum").Labelled("failed"), f.Emitted("Unanswered", "Sum").Labelled("fields without an answer")),
	}
}

// apiLoad is what the API and its page cost in a month.
func (l *line) apiLoad() {
	n := composite.Expected(l.m.ExpectedLoad, "api_requests_per_month", 0)
	if l.door == nil || n == 0 {
		return
	}
	operations := [][]blueprint.Operation{
		l.door.api.Requests(1, requestBytes), l.door.function.Invocations(1, answerTakes), l.door.function.Answers(1, answerBytes), l.results.Gets(1), l.runs.Gets(1, runBytes),
	}
	if f := l.door.authorizer; f != nil {
		// A verdict stands for a minute, in which a page asks some dozen times.
		operations = append(operations, f.Invocations(perVerdict, sweepTakes))
	}
	l.PerMonth(blueprint.Load{Unit: "request of the API", Count: n}, operations...)
}
