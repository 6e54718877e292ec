package queue

import (
	"strconv"
	"strings"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass/edge"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

// passes are what fans go to the shop with: by which keys they are signed, and
// how others know them.
type passes struct {
	issued queue.Passes
	keys   pass.JWKS
	key    queue.PassKey
	kms    *blueprint.SigningKeyHandle // Where the key is in KMS.
	edge   queue.EdgeKey               // Empty where the edge has no passes.
	sign   []blueprint.Grant           // To read or use the keys.
	gate   *edgeGate
}

// issuePasses are the keys of passes, and the documents by which others know them:
// one signs, the one before it and the next are published, too.
func (r *room) issuePasses() {
	if r.m.hasCDN() {
		r.cdn = pages.Distribute(r.Builder, r.m.Site, r.pages, r.publicObjects())
	}
	r.passes.issued = queue.Passes{Issuer: r.address(), Audience: textOf(r.m.Token, "audience", "")}
	current := r.m.generation()
	if boolOf(r.m.Token, "kms", false) {
		for _, g := range pass.Generations(current) {
			key := r.SigningKey(generationKey(g), blueprint.SigningKey{
				Description: "Signs the passes of the waiting room " + r.base.Name, Spec: blueprint.RSAKey2048,
			})
			r.passes.keys.Keys = append(r.passes.keys.Keys, pass.PublicKey(key.KeyID(), key.Modulus()))
			if g == current {
				r.passes.key, r.passes.sign, r.passes.kms = queue.PassKey{PassKeyARN: key.ARN(), PassKeyID: key.KeyID()}, key.Sign(), &key
			}
		}
	} else {
		for _, g := range pass.Generations(current) {
			key := r.Secret(generationKey(g), blueprint.Secret{Form: blueprint.RSA2048, Replaceable: true})
			r.passes.keys.Keys = append(r.passes.keys.Keys, pass.PublicKey(key.KeyID(), key.Modulus()))
			if g == current {
				r.passes.key, r.passes.sign = queue.PassKey{PassKeyParameter: key.Name(), PassKeyVersion: key.Version()}, key.Read()
			}
		}
	}
	r.passes.sign = append(r.passes.sign, r.edgeKeys()...)
	document := func(key, path, content string) {
		r.Object(key, r.pages, strings.TrimPrefix(path, "/"), blueprint.Object{ContentType: "application/json", CacheControl: documentCache, Content: content})
	}
	document("jwks", pass.KeysPath, r.passes.keys.JSON())
	document("discovery", pass.DiscoveryPath, pass.NewDiscovery(r.passes.issued.Issuer).JSON())
}

// documentCache lets a new key reach those who look within minutes; it signs only
// after it was published.
const documentCache = "max-age=300"

// edgeGate lets nobody pass without a pass at the edge of the shop's own
// distribution.
type edgeGate struct {
	store    blueprint.KeyValueStoreHandle
	function blueprint.EdgeFunctionHandle
}

// edgeKeys are the keys of the edge's passes, of the same generations as the
// others, in a parameter each and copied to a store for the gate.
func (r *room) edgeKeys() []blueprint.Grant {
	if !r.m.hasEdge() {
		return nil
	}
	var read []blueprint.Grant
	keys := map[string]blueprint.SecretHandle{}
	for _, g := range pass.Generations(r.m.generation()) {
		id := strconv.Itoa(g)
		key := r.Secret("edge-key-"+id, blueprint.Secret{Form: blueprint.Random32, Replaceable: true})
		keys[id] = key
		if g == r.m.generation() {
			r.passes.edge, read = queue.EdgeKey{EdgeKeyParameter: key.Name(), EdgeKeyVersion: key.Version(), EdgeKeyID: id}, key.Read()
		}
	}
	r.passes.gate = &edgeGate{store: r.KeyValueStore("edge-keys", blueprint.KeyValueStore{Secrets: keys})}
	return read
}

// edge is the gate's code, which sends whoever has no pass to the first sale's
// page.
func (r *room) edge() error {
	if r.passes.gate == nil {
		return nil
	}
	audience := r.passes.issued.Audience
	if audience == "" {
		audience = r.base.Name + "/" // And the sale's id.
	}
	code, err := edge.Code(edge.Gate{Issuer: r.passes.issued.Issuer, Audience: audience, Waiting: textOf(r.m.Token, "edge_waiting_url", r.pageURL()), Parameter: queue.EdgeParameter})
	if err != nil {
		return err
	}
	r.passes.gate.function = r.EdgeFunction("edge-gate", blueprint.EdgeFunction{Code: code, Store: &r.passes.gate.store})
	return nil
}
