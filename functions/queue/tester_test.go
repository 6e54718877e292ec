package queue_test

import "context"

// tester is a test, a benchmark or a rapid check.
type tester interface {
	Helper()
	Context() context.Context
	Error(values ...any)
	Errorf(format string, values ...any)
	Fatal(values ...any)
	Fatalf(format string, values ...any)
}
