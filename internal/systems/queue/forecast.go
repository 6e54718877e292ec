package queue

import (
	"errors"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/preflight/forecast"
)

// What no configuration tells, as the forecast is made with; the durations of
// calls are those of the cost.
const (
	// coldStart is what an environment's first call takes more: a Go function
	// that reads one parameter.
	coldStart = 120 * time.Millisecond
	// A page sends a refused join again until it is taken: from 2 to 4 s on, then
	// rarer. Within a forecast that is so many times.
	pageAttempts  = 20
	pageFirstWait = 3 * time.Second
	pageLastWait  = 2 * time.Minute
	// placerAttempts and the waits between them are the placer's own, within some six
	// seconds. Here they are by chance, and of the same means.
	placerAttempts  = 7
	placerFirstWait = 200 * time.Millisecond
	placerLastWait  = 6400 * time.Millisecond
	// placedWithin is how long a fan waits for a place before the page joins again,
	// which changes nothing.
	placedWithin = 2 * time.Minute
	// opening is how long a forecast lasts where nothing is said: joins come at the
	// opening.
	opening = 10 * time.Minute
)

// design is the waiting room as an opening meets it: from the click to the place
// in the line. How long the line then takes follows from the windows.
func design(_ *Model, b *blueprint.Blueprint) (forecast.Design, error) {
	joins, queueErr := forecast.QueueOf(b, "joins")
	fans, tableErr := forecast.TableOf(b, "fans")
	placer, placerErr := forecast.FunctionOf(b, "placer", coldStart)
	keeper, keeperErr := forecast.FunctionOf(b, "keeper", coldStart)
	mapping, mappingErr := forecast.MappingOf(b, "placer-joins")
	if err := errors.Join(queueErr, tableErr, placerErr, keeperErr, mappingErr); err != nil {
		return forecast.Design{}, err
	}
	mapping.Takes, mapping.Table = placerTakes, fans.Name
	mapping.Retry = forecast.Retry{Attempts: placerAttempts, Base: placerFirstWait, Most: placerLastWait}
	d := forecast.Design{
		Functions: []forecast.Function{placer, keeper}, Queues: []forecast.Queue{joins}, Tables: []forecast.Table{fans},
		Grace: placedWithin, Length: opening,
		Load: forecast.Load{Units: "fans", Peak: "peak_joins_per_second"},
		Assumptions: []forecast.Assumption{
			{Name: "a batch of joins takes", Value: placerTakes.String(), Source: "a hundred places, in three calls and then four at the same time; stated, as in the cost"},
			{Name: "a cold start takes", Value: coldStart.String(), Source: "Go, one client, one parameter; stated"},
			{Name: "a throttled write is tried", Value: "7 times", Source: "the placer, within some six seconds"},
		},
	}
	door := forecast.Door{Kind: forecast.Direct, Queue: joins.Name}
	if b.Part("join") != nil {
		join, err := forecast.FunctionOf(b, "join", coldStart)
		if err != nil {
			return forecast.Design{}, err
		}
		d.Functions = append(d.Functions, join)
		door = forecast.Door{
			Kind: forecast.URL, Function: join.Name, Takes: joinTakes, Queue: joins.Name,
			Retry: forecast.Retry{Attempts: pageAttempts, Base: pageFirstWait, Most: pageLastWait},
		}
		d.Assumptions = append(d.Assumptions,
			forecast.Assumption{Name: "taking a join takes", Value: joinTakes.String(), Source: "one message sent; stated, as in the cost"},
			forecast.Assumption{Name: "a page sends a refused join", Value: "20 times", Source: "from 2 to 4 s on, then rarer, up to 2 min, by chance; the page does not give up"})
	}
	d.Stages = []forecast.Stage{
		door, mapping, forecast.Publisher{Function: keeper.Name, Tick: time.Minute, Every: time.Second, Lives: keeperTimeout - 10*time.Second},
	}
	return d, nil
}
