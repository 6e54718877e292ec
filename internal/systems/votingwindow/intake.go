package votingwindow

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// votePath is where the HTTP API takes votes.
const votePath = "/votes"

// intake is the way of votes onto the queue: through a function behind a URL or
// an API, or from the browser straight to SQS.
func (w *window) intake() {
	switch w.m.Intake.ValueString() {
	case intakeDirect:
		w.direct()
	case intakeAPI:
		w.behindAPI()
	default:
		url := w.PublicURL("intake-url", w.taker(""), []string{"POST"})
		w.door = door{Kind: intakeURL, URL: url.URL()}
	}
}

// taker is the function that takes votes to the queue.
func (w *window) taker(claim string) blueprint.FunctionHandle {
	return w.function("intake", blueprint.Function{
		MemoryMB: 256, Timeout: intakeTimeout,
		Environment: config.Environ(votingwindow.IntakeConfig{
			Base: w.base, Window: w.rules, Admission: w.admission, QueueURL: w.votes.URL(), TalliesTable: w.tallies.Name(), VoterClaim: claim,
		}),
		Grants: [][]blueprint.Grant{w.votes.Send(), w.tallies.Get()},
	})
}

func (w *window) behindAPI() {
	spec := blueprint.HTTPAPI{CORS: &blueprint.CORS{Origins: []string{"*"}}}
	d := door{Kind: intakeAPI}
	claim := ""
	if j := w.m.JWT; known(j) {
		claim = textOf(j, "voter_claim", defaultVoterClaim)
		spec.JWT = &blueprint.JWT{Issuer: textOf(j, "issuer", "")}
		if audience, ok := j.Attributes()["audience"].(types.Set); ok {
			for _, e := range audience.Elements() {
				if s, ok := e.(types.String); ok {
					spec.JWT.Audience = append(spec.JWT.Audience, s.ValueString())
				}
			}
		}
		d.JWT = &login{Issuer: spec.JWT.Issuer, ClientID: textOf(j, "client_id", ""), Scope: textOf(j, "scope", "")}
	}
	if own := w.m.APIDomain; known(own) {
		spec.Domain = &blueprint.APIDomain{Name: textOf(own, "name", ""), CertificateARN: textOf(own, "certificate_arn", "")}
	}
	spec.Routes = map[string]blueprint.Route{"POST " + votePath: {Function: w.taker(claim)}}
	api := w.HTTPAPI("api", spec)
	w.api = &api
	d.URL = api.URL() + votePath
	w.door = d
}

// direct lets browsers send to SQS: with a credential that a function publishes
// and renews, or with one of their own from Cognito.
func (w *window) direct() {
	w.door = door{Kind: intakeDirect, QueueURL: w.votes.URL(), Region: blueprint.Region()}
	if textOf(w.m.Direct, "credentials", credentialsPublished) == credentialsCognito {
		pool := w.IdentityPool("voters", w.votes.Send())
		w.pool = &pool
		w.door.Cognito = &cognito{IdentityPoolID: pool.ID(), Region: blueprint.Region()}
		return
	}
	w.door = door{Kind: intakeDirect, Credentials: votingwindow.CredentialsObject}
	w.publishCredentials()
}

// publishCredentials is the function that publishes the voters' credential
// beside the page and renews it three times in its life of an hour.
func (w *window) publishCredentials() {
	const key = "credentials"
	role := w.AssumableRole("voter", key, w.votes.Send())
	w.handOut(key, role, votingwindow.CredentialsObject, votingwindow.CredentialsConfig{
		Base: w.base, Window: w.rules, TalliesTable: w.tallies.Name(), VoterRoleARN: role.ARN(), VoterRoleID: role.ID(),
		QueueURL: w.votes.URL(), QueueARN: w.votes.ARN(), ResultsBucket: w.results.Name(), KMSKeyARN: w.Settings().KMSKeyARN,
	})
}

// handOut is a function that publishes a role's credentials in an object. It
// looks each minute, so that a window that is changed while it is open has them at
// once.
func (w *window) handOut(key string, role blueprint.AssumableRoleHandle, object string, configuration any) {
	f := w.function(key, blueprint.Function{
		MemoryMB: 256, Timeout: shortTimeout, Environment: config.Environ(configuration),
		Grants: [][]blueprint.Grant{
			role.Assume(), role.RevokeSessions(), w.tallies.Get(), w.results.List(),
			w.results.Put(object), w.results.Get(object), w.results.Delete(object),
		},
	})
	w.EveryMinute(key+"-tick", f, "{}")
}
