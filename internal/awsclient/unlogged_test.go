package awsclient

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	smithy "github.com/aws/smithy-go/middleware"
)

// TestUnlogged: by default requests are logged with what is in them, and a call
// that says so is not.
func TestUnlogged(t *testing.T) {
	alone(t)
	var calls atomic.Int64
	client := open(t, keys(answers(t, &calls, func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = w.Write([]byte(`{"Version":1}`))
	})))
	put := func(options ...func(*smithy.Stack) error) (logs bool) {
		t.Helper()
		look := func(stack *smithy.Stack) error {
			_, logs = stack.Deserialize.Get(requestLogger)
			return nil
		}
		in := &ssm.PutParameterInput{Name: aws.String("n"), Value: aws.String("secret")}
		if _, err := client.SSM.PutParameter(t.Context(), in, func(o *ssm.Options) { o.APIOptions = append(append(o.APIOptions, options...), look) }); err != nil {
			t.Fatal(err)
		}
		return logs
	}
	if !put() {
		t.Errorf("%s is not the name of the middleware that logs requests", requestLogger)
	}
	if put(Unlogged) {
		t.Error("the request is logged")
	}
	if put(Unlogged, Unlogged) {
		t.Error("the request is logged where it was to be kept out of the log twice")
	}
	if calls.Load() != 3 {
		t.Errorf("there were %d calls, want 3", calls.Load())
	}
}
