package api

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/graph-gophers/graphql-go"
	graphqlerrors "github.com/graph-gophers/graphql-go/errors"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/parallel"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

// Schema is what the API answers, in GraphQL's own language.
//
//go:embed schema.graphql
var Schema string

const (
	// patience is after how long a request is given up: API Gateway gives up after 30 seconds (API Gateway Developer Guide, "Quotas for HTTP APIs").
	patience = 10 * time.Second
	// atOnce is how many fields are answered at the same time.
	atOnce = 10
	// maxPairs bounds how long the library compares fields that have the same name; a query of the most bytes that has no fragments has fewer.
	maxPairs = 100_000
	// maxAnswer bounds an answer: Lambda takes 6 MB (Lambda Developer Guide, "Lambda quotas"), in which quotes have a backslash.
	maxAnswer = 4 << 20
)

// Runs is the table of runs, of which pipeline.Store is one.
type Runs interface {
	Notes(ctx context.Context, id string) (map[string]int64, error)
	ReadRun(ctx context.Context, id string) (pipeline.Run, bool, error)
	ReadRuns(ctx context.Context, ids []string) (map[string]pipeline.Run, error)
	FailedItems(ctx context.Context, run, after string, looks int) (items []pipeline.FailedItem, marker string, err error)
}

// pipelineReads is how many calls Runs.ReadRuns makes at most.
const pipelineReads = pipeline.ReadRunsCalls

// Bookings is the table of bookings, of which bookings.Store is one.
type Bookings interface {
	Create(ctx context.Context, request bookings.Request) (bookings.Booking, error)
	Made(ctx context.Context, request bookings.Request) (bookings.Booking, bool, error)
	Cancel(ctx context.Context, id string) (bookings.Booking, error)
	Retry(ctx context.Context, id string) (bookings.Booking, error)
	Get(ctx context.Context, id string) (bookings.Booking, bool, error)
	List(ctx context.Context, page bookings.Page) (found []bookings.Booking, next string, err error)
}

// Options are what an API works with.
type Options struct {
	Runs          Runs
	Objects       Objects
	Bookings      Bookings           // nil where the pipeline takes none.
	Start         pipeline.Publisher // The topic start.
	Auth          string             // AuthJWT, AuthIAM or AuthKey.
	WriteScope    string             // That mutations need; empty for none.
	Introspection bool
	NewID         func() string
	Clock         clock.Clock
	Log           *slog.Logger
	Metrics       *telemetry.Metrics
}

// API answers queries.
type API struct {
	schema        *graphql.Schema
	root          *resolver
	auth          string
	introspection bool
	clock         clock.Clock
	log           *slog.Logger
	metrics       *telemetry.Metrics
}

// resolver answers the fields of Query and Mutation.
type resolver struct {
	store      Runs
	library    *library
	bookings   Bookings
	start      pipeline.Publisher
	writeScope string
	newID      func() string
	log        *slog.Logger
}

// New returns an API.
func New(o Options) (*API, error) {
	root := &resolver{
		store: o.Runs, library: newLibrary(o.Objects), bookings: o.Bookings, start: o.Start, writeScope: o.WriteScope, newID: o.NewID, log: o.Log,
	}
	guard := panics{o.Log}
	schema, err := graphql.ParseSchema(Schema, root, graphql.UseStringDescriptions(), graphql.UseFieldResolvers(), graphql.DisableFieldSelections(),
		graphql.MaxParallelism(atOnce), graphql.MaxQueryLength(MaxQueryBytes), graphql.OverlapValidationLimit(maxPairs), graphql.PanicHandler(guard), graphql.Logger(guard))
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return &API{schema, root, o.Auth, o.Introspection, o.Clock, o.Log, o.Metrics}, nil
}

// visit is what one request has read.
type visit struct {
	caller   caller
	resolver *resolver
	manifest memo[*catalogue]
	metadata memo[*pipeline.Segment]
	runs     memo[*pipeline.Run]
}

type visitKey struct{}

func visitOf(ctx context.Context) *visit {
	return ctx.Value(visitKey{}).(*visit) //nolint:forcetypeassert // Handle puts it there.
}

// run is a run as the schema has it; nil where there is none.
func (v *visit) run(ctx context.Context, id string) (*Run, error) {
	found, err := v.runs.get(id, func() (*pipeline.Run, error) { return v.resolver.readRun(ctx, id) })
	if err != nil || found == nil {
		return nil, err
	}
	return v.resolver.runOf(*found), nil
}

// Viewer is the schema's.
type Viewer struct {
	Name     string
	MayWrite bool
}

// Viewer answers Query.viewer.
func (r *resolver) Viewer(ctx context.Context) Viewer {
	who := visitOf(ctx).caller
	return Viewer{who.name, r.mayWrite(who)}
}

func (r *resolver) mayWrite(who caller) bool {
	return r.writeScope == "" || slices.Contains(who.scopes, r.writeScope)
}

// Handle answers one request. Every outcome is an answer; the error is always nil, since a function's error would tell the caller nothing but 500.
func (a *API) Handle(ctx context.Context, request Request) (Response, error) {
	ctx, cancel := clock.ToAnswer(ctx)
	defer cancel()
	ctx, cancelPatience := context.WithTimeout(ctx, patience)
	defer cancelPatience()
	who, known := request.RequestContext.Authorizer.caller(a.auth)
	if !known {
		a.log.ErrorContext(ctx, "a request came without what the API's authorizer adds", "auth", a.auth)
		return a.refuse(refuse(http.StatusUnauthorized, Forbidden, "Nobody let you in. The API's authorizer is missing, or is of another kind.")), nil
	}
	asked, refused := request.read()
	if refused != nil {
		return a.refuse(refused), nil
	}
	var answer *graphql.Response
	err := parallel.Guarded(func() error {
		err := judge(a.schema.AST(), asked, a.introspection)
		if err == nil {
			ctx := context.WithValue(ctx, visitKey{}, &visit{caller: who, resolver: a.root})
			answer = a.schema.Exec(ctx, asked.Query, asked.OperationName, asked.Variables)
		}
		return err
	})
	if err != nil { // As if a field of the whole answer had failed.
		answer = &graphql.Response{Errors: []*graphqlerrors.QueryError{{ResolverError: err}}}
	}
	return a.respond(ctx, answer), nil
}

// respond is the answer with its errors told. What GraphQL could read is answered with 200, errors or not (GraphQL over HTTP, "application/json").
func (a *API) respond(ctx context.Context, answer *graphql.Response) Response {
	failed := told(ctx, a.log, answer.Errors)
	text, err := json.Marshal(answer)
	if err != nil {
		a.log.ErrorContext(ctx, "encode the answer", "error", err)
		a.count(ctx)
		return a.refuse(refuse(http.StatusOK, Unavailable, unavailableMessage))
	}
	if failed {
		a.count(ctx)
	}
	if len(text) > maxAnswer {
		return a.refuse(refuse(http.StatusOK, Limit, "The answer is too large. Ask for smaller pages, or for fewer fields at once."))
	}
	return response(http.StatusOK, text)
}

// count counts an answer that lacks something by no fault of the caller's.
func (a *API) count(ctx context.Context) {
	if err := a.metrics.Emit(a.clock.Now(), telemetry.Metric{Name: "Unanswered", Unit: telemetry.Count, Value: 1}); err != nil {
		a.log.WarnContext(ctx, "emit metrics", "error", err)
	}
}

// refuse is an answer with an error alone.
func (a *API) refuse(why *refusal) Response {
	text, err := json.Marshal(graphql.Response{Errors: []*graphqlerrors.QueryError{{Message: why.Message, Extensions: map[string]any{"code": why.Code}}}})
	if err != nil { // Not of texts.
		panic(err)
	}
	answer := response(why.status, text)
	if why.status == http.StatusMethodNotAllowed {
		answer.Headers["Allow"] = http.MethodPost
	}
	return answer
}

func response(status int, body []byte) Response {
	return Response{StatusCode: status, Headers: map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"}, Body: string(body)}
}
