package queue

import (
	"math"
	"slices"
)

// The lines of a sale. Who was drawn comes before who joined after the opening; probes have a line of their own, in which nobody waits.
const (
	DrawLine  = "draw"
	QueueLine = "queue"
	ProbeLine = "probe"
)

// Place is a place in a line, from 1. As a front it is the greatest place that was called; 0 where nobody was.
type Place struct {
	Line  string `json:"line"`
	Place int64  `json:"place"`
}

// Gap is a row of places of a line that belong to nobody: its last place, and how many end there.
type Gap struct {
	Line  string
	Place int64
	Count int64
}

// Status is what everybody may know of a sale: shards of the state table hold it, and the object StatusObject names. Times are
// milliseconds since 1970.
type Status struct {
	Sale     string      `json:"sale"`
	State    State       `json:"state"`
	At       int64       `json:"at"`
	OpensAt  int64       `json:"opens_at"`
	ClosesAt int64       `json:"closes_at,omitempty"`
	DrawFrom int64       `json:"draw_from,omitempty"`
	Draw     *DrawStatus `json:"draw,omitempty"`
	Front    Place       `json:"front"`
	Waiting  int64       `json:"waiting"` // Places beyond the front that were given, without gaps.
	Open     int         `json:"open"`    // Windows that a fan has.
	Windows  int         `json:"windows"`
	// Pace is how many fans were called a second over the last ten minutes, PaceNow over the last one; 0 where nobody was.
	Pace    float64  `json:"pace"`
	PaceNow float64  `json:"pace_now"`
	Gaps    [][3]any `json:"gaps,omitempty"` // Line, last place, count.
	Near    int64    `json:"near"`           // Places before the front within which a client must use turn.
	Ask     AskEvery `json:"ask"`
	Version int64    `json:"version"`
}

// AskEvery says how often clients ask, in seconds.
type AskEvery struct {
	Far  int64 `json:"far"`  // At most, whatever the wait.
	Near int64 `json:"near"` // At most, for those within Status.Near: by turn.
}

// DrawStatus is what everybody may know of a draw.
type DrawStatus struct {
	Count      int64  `json:"count"`                 // Of those drawn; 0 before the list is closed.
	Commitment string `json:"commitment"`            // SHA-256 of the secret, in hex.
	ListSHA256 string `json:"list_sha256,omitempty"` // In hex.
	Round      int64  `json:"round,omitempty"`       // Of the beacon.
	Seed       string `json:"seed,omitempty"`        // In hex.
}

const (
	// AskLeast and AskMost bound when to ask again, in seconds. Half of the wait between them makes thirteen questions in twenty minutes.
	AskLeast, AskMost = 5, 150
	// askUnknown is when to ask again where nobody can say how long the wait is.
	askUnknown = 15
)

// Ahead is how many fans are before a place, 0 for one that was called or is next. The drawn come first: of those after them, each has what is left of
// the draw before it.
func (s Status) Ahead(at Place) int64 {
	var ahead int64
	front := s.Front
	if front.Line == "" {
		front.Line = at.Line
		if s.Draw != nil && s.Draw.Count > 0 {
			front.Line = DrawLine
		}
	}
	switch at.Line {
	case front.Line:
		ahead = at.Place - front.Place - 1
	case DrawLine: // The draw is over: this place was passed.
		return 0
	default:
		ahead = at.Place - 1
		if s.Draw != nil {
			ahead += s.Draw.Count - front.Place
		}
	}
	for _, gap := range s.gaps() {
		if before(Place{gap.Line, gap.Place}, at) && before(front, Place{gap.Line, gap.Place}) {
			ahead -= gap.Count
		}
	}
	return max(0, ahead)
}

// before says whether a place is called before another.
func before(a, b Place) bool {
	if a.Line != b.Line {
		return a.Line == DrawLine
	}
	return a.Place < b.Place
}

func (s Status) gaps() []Gap {
	gaps := make([]Gap, 0, len(s.Gaps))
	for _, gap := range s.Gaps {
		line, _ := gap[0].(string)
		gaps = append(gaps, Gap{line, whole(gap[1]), whole(gap[2])})
	}
	return gaps
}

// whole reads a number as it was set or as JSON gives it.
func whole(value any) int64 {
	switch n := value.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}

// maxGaps bounds the gaps of a status.
const maxGaps = 64

// coarsen joins neighbours until there are at most maxGaps: the smallest go into the one after them, so that nobody's "ahead" is too small for long.
func coarsen(gaps []Gap) []Gap {
	gaps = slices.Clone(gaps)
	for len(gaps) > maxGaps {
		least := -1
		for i := range len(gaps) - 1 {
			if gaps[i].Line == gaps[i+1].Line && (least < 0 || gaps[i].Count < gaps[least].Count) {
				least = i
			}
		}
		if least < 0 {
			return gaps[:maxGaps]
		}
		gaps[least+1].Count += gaps[least].Count
		gaps = slices.Delete(gaps, least, least+1)
	}
	return gaps
}

// Wait is an estimate, in seconds: the likely wait between the shortest and the longest. Unknown where nobody was called yet.
type Wait struct {
	Likely, Least, Most int64
	Known               bool
}

// Estimate is how long a fan with so many ahead waits, by the paces (calls a second) of the last ten minutes and of the last one.
func Estimate(ahead int64, pace, paceNow float64) Wait {
	if pace <= 0 {
		return Wait{}
	}
	at := func(pace float64) int64 { return int64(math.Ceil(float64(ahead) / pace)) }
	wait := Wait{Likely: at(pace), Known: true}
	wait.Least, wait.Most = wait.Likely, wait.Likely
	if paceNow > 0 {
		wait.Least, wait.Most = min(wait.Least, at(paceNow)), max(wait.Most, at(paceNow))
	}
	return wait
}

// Ask is when to ask again, in seconds: after half of the estimated wait, between AskLeast and AskMost.
func Ask(ahead int64, pace float64) int64 {
	wait := Estimate(ahead, pace, 0)
	if !wait.Known {
		return askUnknown
	}
	return min(max((wait.Likely+1)/2, AskLeast), AskMost)
}

// AskAt is when the fan with a place is to ask again, in seconds: Ask, and near the front as often as the status says.
func (s Status) AskAt(at Place) int64 {
	ahead := s.Ahead(at)
	ask := Ask(ahead, s.Pace)
	if s.Ask.Far > 0 {
		ask = min(ask, s.Ask.Far)
	}
	if s.Ask.Near > 0 && s.isNear(at) {
		ask = min(ask, s.Ask.Near)
	}
	return ask
}

// isNear says whether the fan with a place is to ask by turn.
func (s Status) isNear(at Place) bool {
	ahead := s.Ahead(at)
	return ahead == 0 || ahead < s.Near
}
