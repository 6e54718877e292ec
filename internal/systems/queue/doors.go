package queue

import (
	"net/http"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/systems/lists"
)

// exposed are the headers that pages of other origins read: the servers' clock,
// and when to come again.
var exposed = []string{"Date", "Retry-After"}

// doors are the ways in for fans, and for the ticketing service.
func (r *room) doors() {
	if r.m.byIdentity() {
		r.identity()
	} else {
		r.joining()
	}
	r.turning()
	r.serving()
}

// joining takes fans by a function's URL.
func (r *room) joining() {
	c := queue.JoinConfig{
		Base: r.base, Tables: queue.Tables{Sales: r.salesTable.Name()}, JoinsURL: r.joins.URL(), TicketKey: r.ticketKey(),
		ProbeKeyParameter: r.probeKey.Name(), ProbeKeyVersion: r.probeKey.Version(),
		TokenIssuer: textOf(r.m.JWT, "issuer", ""), TokenAudience: textOf(r.m.JWT, "audience", ""),
	}
	grants := [][]blueprint.Grant{r.salesTable.Get(), r.joins.Send(), r.key.Read(), r.probeKey.Read()}
	memory := 256
	if codes := r.m.JoinCodes; known(codes) {
		bucket := r.Bucket("lists", blueprint.Bucket{})
		h := r.HashedList("join-codes", bucket, codesObject, r.key, lists.Of(codes))
		c.AllowBucket, c.AllowKey, c.AllowVersion = bucket.Name(), h.Object(), h.Version()
		grants = append(grants, h.Read())
		memory = 512 // A million codes take 8 MB, and are read at every cold start.
	}
	if r.board != nil {
		c.ReadersBucket, c.State, c.StatusShards = r.pages.Name(), r.status.Name(), statusShards
		grants = append(grants, r.pages.Get(queue.ReadersObject), r.status.Get())
	}
	f := r.function("join", blueprint.Function{MemoryMB: memory, Timeout: doorTimeout, Environment: config.Environ(c), Grants: grants})
	r.join = r.PublicURL("join-url", f, []string{http.MethodPost}, exposed...)
}

func (r *room) ticketKey() queue.TicketKey {
	return queue.TicketKey{KeyParameter: r.key.Name(), KeyVersion: r.key.Version()}
}

const codesObject = "join-codes"

// identity lets browsers write a record of their own under a Cognito identity,
// from whose stream a function takes them to the same queue.
func (r *room) identity() {
	table := r.Table("identities", blueprint.Table{Key: queue.IdentityKey, Stream: blueprint.NewImages, TTL: r.m.expires(), Data: true})
	r.identities = &table
	aside := r.Queue("aside", blueprint.Queue{Visibility: time.Minute, Data: true})
	r.aside = &aside
	f := r.function("stream", blueprint.Function{
		MemoryMB: 512, Timeout: streamTimeout,
		Environment: config.Environ(queue.StreamConfig{
			Base: r.base, Tables: queue.Tables{Sales: r.salesTable.Name(), Joins: table.Name()}, JoinsURL: r.joins.URL(), AsideURL: aside.URL(), TicketKey: r.ticketKey(),
			RetentionDays: int(r.m.RetentionDays.ValueInt64()),
		}),
		Grants: [][]blueprint.Grant{table.ReadStream(), table.Update(), r.salesTable.Get(), r.joins.Send(), aside.Send(), r.key.Read()},
	})
	r.streaming = r.ConsumeStream("stream-identities", f, table, blueprint.StreamBatch{
		Size: batchOf, Window: time.Second, Parallel: 10, Retries: streamRetries, MaxAge: givenUpAfter, OnFailure: &aside,
	})
	pool := r.IdentityPool("fans-pool", ownItem(table.Put()), ownItem(table.Get()))
	r.pool = &pool
}

// ownItem narrows grants to the items whose key is, or begins with, the identity
// of whoever asks (DynamoDB Developer Guide, "Using IAM policy conditions for
// fine-grained access control").
func ownItem(grants []blueprint.Grant) []blueprint.Grant {
	const own = "${cognito-identity.amazonaws.com:sub}"
	grants[0].Condition = blueprint.Condition{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": {own, own + "/*"}}}
	return grants
}

// turning is what fans ask: where am I, is it my turn, I take it.
func (r *room) turning() {
	c := queue.TurnConfig{
		Base: r.base, Tables: r.tables(), Passes: r.passes.issued, TicketKey: r.ticketKey(), StatusShards: statusShards, External: r.m.external(),
		PassKey: r.passes.key, EdgeKey: r.passes.edge,
	}
	f := r.function("turn", blueprint.Function{
		// All that is work is signing a pass: with a quarter of a gigabyte about six milliseconds.
		MemoryMB: 256, Timeout: doorTimeout, Environment: config.Environ(c),
		Grants: [][]blueprint.Grant{
			r.salesTable.Get(), r.fans.Get(), r.fans.Update(), r.windows.Update(), r.status.Get(), r.key.Read(), r.passes.sign,
			blueprint.Rarely("used where a fan of the pre-queue has no place two minutes after joining", r.lines.Get()),
		},
	})
	r.turn = r.PublicURL("turn-url", f, []string{http.MethodPost}, exposed...)
}

// serving is what the ticketing service asks, by a fan's pass, or signed by IAM
// where it assigns the windows itself.
func (r *room) serving() {
	f := r.function("service", blueprint.Function{
		MemoryMB: 256, Timeout: doorTimeout,
		Environment: config.Environ(queue.ServiceConfig{
			Base: r.base, Tables: r.tables(), Passes: r.passes.issued, PassKeys: r.passes.keys.JSON(), TicketKey: r.ticketKey(), External: r.m.external(),
		}),
		Grants: [][]blueprint.Grant{r.salesTable.Get(), r.fans.Get(), r.fans.Update(), r.windows.Update(), r.key.Read()},
	})
	if r.m.external() {
		r.service = r.SignedURL("service-url", f)
		return
	}
	r.service = r.PublicURL("service-url", f, []string{http.MethodPost})
}
