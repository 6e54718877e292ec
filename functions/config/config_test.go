package config_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/burstline/terraform-provider-serverless/functions/config"
)

type place struct {
	Region string `env:"PLACE_REGION"`
}

// Everything holds each kind of field, embedded twice over.
type Everything struct {
	Inner
	Text    string        `env:"TEXT"`
	Count   int           `env:"COUNT"`
	Retries int           `env:"RETRIES" envDefault:"3"`
	Price   float64       `env:"PRICE"`
	On      bool          `env:"ON"`
	Urgent  bool          `env:"URGENT,required"`
	Pause   time.Duration `env:"PAUSE"`
	Words   []string      `env:"WORDS"`
}

// Inner is embedded in Everything.
type Inner struct {
	When time.Time `env:"WHEN"`
	Name string    `env:"NAME"`
}

func TestRoundTrip(t *testing.T) {
	word := rapid.StringN(1, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		want := Everything{
			Inner: Inner{
				When: time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC(),
				Name: rapid.String().Draw(t, "name"),
			},
			Text:    rapid.OneOf(rapid.String(), rapid.Just("${part.votes.url} $HOME ,\\")).Draw(t, "text"),
			Count:   rapid.Int().Draw(t, "count"),
			Retries: rapid.IntRange(0, 5).Draw(t, "retries"),
			Price:   rapid.Float64().Draw(t, "price"),
			On:      rapid.Bool().Draw(t, "on"),
			Urgent:  rapid.Bool().Draw(t, "urgent"),
			Pause:   time.Duration(rapid.Int64().Draw(t, "pause")),
		}
		if words := rapid.SliceOfN(rapid.OneOf(word, rapid.SampledFrom([]string{",", `\`, `a\,b`, " "})), 0, 5).Draw(t, "words"); len(words) > 0 {
			want.Words = words
		}
		got, err := config.Load[Everything](config.Environ(want))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

func TestEnvironLeavesOutWhatIsOptionalAndZero(t *testing.T) {
	got := config.Environ(Everything{Inner: Inner{Name: "x"}, Words: []string{}})
	want := map[string]string{"NAME": "x", "RETRIES": "0", "URGENT": "false"}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestEnvironWritesEachKind(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	got := config.Environ(Everything{
		Inner: Inner{When: time.Date(2030, 5, 1, 21, 0, 0, 0, berlin), Name: "final"},
		Text:  "a,b", Count: -2, Retries: 1, On: true, Urgent: true, Pause: 90 * time.Second, Words: []string{"yes", "no,never"},
	})
	want := map[string]string{
		"WHEN": "2030-05-01T20:00:00Z", "NAME": "final", "TEXT": "a,b", "COUNT": "-2", "RETRIES": "1",
		"ON": "true", "URGENT": "true", "PAUSE": "1m30s", "WORDS": `yes,no\,never`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

type strict struct {
	Inner
	System string        `env:"SYSTEM,required,notEmpty"`
	Name   string        `env:"TITLE,required"`
	Grace  time.Duration `env:"GRACE"`
	Words  []string      `env:"WORDS"`
}

func TestErrorsNameTheVariable(t *testing.T) {
	for name, test := range map[string]struct {
		environ map[string]string
		want    []string
	}{
		"nothing set":   {nil, []string{"SYSTEM is not set", "TITLE is not set"}},
		"empty":         {map[string]string{"SYSTEM": "", "TITLE": ""}, []string{"SYSTEM is empty"}},
		"bad duration":  {map[string]string{"SYSTEM": "s", "TITLE": "t", "GRACE": "soon"}, []string{"variable GRACE"}},
		"bad time":      {map[string]string{"SYSTEM": "s", "TITLE": "t", "WHEN": "today"}, []string{"variable WHEN"}},
		"empty element": {map[string]string{"SYSTEM": "s", "TITLE": "t", "WORDS": "a,,b"}, []string{"variable WORDS: element 2 is empty"}},
		"two faults":    {map[string]string{"TITLE": "t", "GRACE": "1"}, []string{"SYSTEM", "GRACE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SYSTEM", "the process's own environment is not read")
			_, err := config.Load[strict](test.environ)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestEnvironPanicsOnWhatItCannotCarry(t *testing.T) {
	for name, cfg := range map[string]any{
		"type": struct {
			Place *place `env:"PLACE"`
		}{Place: &place{}},
		"empty element": struct {
			Words []string `env:"WORDS"`
		}{Words: []string{"a", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			config.Environ(cfg)
		})
	}
}
