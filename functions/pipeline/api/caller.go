package api

import (
	"strings"
)

// Who lets callers in.
const (
	AuthJWT = "jwt"     // The HTTP API's authorizer of tokens.
	AuthIAM = "iam"     // IAM, by signed requests.
	AuthKey = "api_key" // The authorizer of this package.
)

var auths = []string{AuthJWT, AuthIAM, AuthKey}

// Authorizer is what API Gateway tells of who was let in (API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs", and "Control access to
// HTTP APIs" with JWT authorizers, with IAM and with Lambda authorizers).
type Authorizer struct {
	JWT *struct {
		Claims map[string]any `json:"claims"`
		Scopes []string       `json:"scopes"`
	} `json:"jwt"`
	IAM *struct {
		UserARN string `json:"userArn"`
	} `json:"iam"`
	Lambda map[string]any `json:"lambda"`
}

// caller is who asks.
type caller struct {
	name   string
	scopes []string
}

// caller is who was let in by what the API has; false where nobody was, which is an API that lacks its authorizer.
func (a Authorizer) caller(auth string) (who caller, ok bool) {
	switch {
	case auth == AuthJWT && a.JWT != nil:
		claim := func(name string) string {
			text, _ := a.JWT.Claims[name].(string) // One that is no text is none.
			return text
		}
		if who.name = claim("sub"); who.name == "" { // A program's token may have no subject.
			who.name = claim("client_id")
		}
		who.scopes = append(scopesOf(claim("scope")+" "+claim("scp")), a.JWT.Scopes...)
	case auth == AuthIAM && a.IAM != nil:
		who.name = a.IAM.UserARN
	case auth == AuthKey:
		who.name, _ = a.Lambda["name"].(string)
		scopes, _ := a.Lambda["scopes"].(string)
		who.scopes = scopesOf(scopes)
	}
	return who, who.name != ""
}

// scopesOf reads scopes between spaces. A claim that is a list comes to functions as "[one two]".
func scopesOf(text string) []string {
	return strings.Fields(strings.NewReplacer("[", " ", "]", " ", ",", " ").Replace(text))
}
