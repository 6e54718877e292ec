package bootstrap

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func TestEnvironment(t *testing.T) {
	got := environment([]string{"A=1", "B=x=y", "C="})
	if want := map[string]string{"A": "1", "B": "x=y", "C": ""}; !maps.Equal(got, want) {
		t.Fatalf("got %v", got)
	}
}

func TestBuild(t *testing.T) {
	handlers := Handlers{
		"intake": func(ctx context.Context, environ map[string]string, cfg aws.Config) (any, error) {
			if ends, ok := ctx.Deadline(); !ok || time.Until(ends) > startTimeout {
				t.Errorf("a start may last until %s", ends)
			}
			return environ["VOTES"] + " in " + cfg.Region, nil
		},
		"recorder": func(context.Context, map[string]string, aws.Config) (any, error) { return nil, errors.New("no table") },
	}
	for name, c := range map[string]struct {
		environ map[string]string
		built   any
		says    string
	}{
		"built":           {map[string]string{"_HANDLER": "intake", "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "VOTES": "votes"}, "votes in eu-west-1", ""},
		"fails":           {map[string]string{"_HANDLER": "recorder", "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}, nil, "start recorder: no table"},
		"no such handler": {map[string]string{"_HANDLER": "other"}, nil, `there is no handler "other": _HANDLER is one of intake, recorder`},
	} {
		t.Run(name, func(t *testing.T) {
			built, err := handlers.Build(c.environ)
			if built != c.built || (err == nil) != (c.says == "") || err != nil && err.Error() != c.says {
				t.Errorf("got %v, %v", built, err)
			}
		})
	}
}
