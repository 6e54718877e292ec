// Package edge has the code of a CloudFront function that lets in who has a pass.
package edge

import (
	_ "embed"
	"encoding/json"
	"errors"
	"strings"
)

// Gate says whom the function lets in.
type Gate struct {
	// Issuer is the issuer of the passes.
	Issuer string `json:"issuer"`
	// Audience is what the passes are for. One with a slash at its end is the
	// beginning of all audiences, and the sale's id the rest.
	Audience string `json:"audience"`
	// Waiting is the URL to which everybody else is sent: the waiting room's. Empty
	// answers them 403.
	Waiting string `json:"waiting,omitempty"`
	// Parameter of the query that brings a pass; empty for "edge".
	Parameter string `json:"parameter"`
	// Cookie that keeps it; empty for "__Host-pass". With that prefix browsers take
	// it from the host itself only, and by HTTPS only (RFC 6265bis, section 4.1.3.2).
	Cookie string `json:"cookie"`
}

//go:embed edge.js
var source string

// place is where the code has its configuration.
const place = "const config = {};"

// Code returns the function's code, for the runtime cloudfront-js-2.0. The function
// is for viewer requests, and reads its keys from the key value store that it is
// associated with: by the key ids of passes, the texts that passes are signed with.
//
// Who comes with a good pass in the query gets it as a cookie, and comes again
// without it. To the origin the function tells what a pass says, in the headers
// x-pass-sub, x-pass-sale, x-pass-window and x-pass-vip, whatever the viewer sent.
func Code(g Gate) (string, error) {
	if g.Issuer == "" || g.Audience == "" {
		return "", errors.New("the code of an edge's gate needs issuer and audience")
	}
	if g.Parameter == "" {
		g.Parameter = "edge"
	}
	if g.Cookie == "" {
		g.Cookie = "__Host-pass"
	}
	config, err := json.Marshal(g)
	if err != nil {
		return "", err
	}
	return strings.Replace(source, place, "const config = "+string(config)+";", 1), nil
}
