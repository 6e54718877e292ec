package votingwindow

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	smithytime "github.com/aws/smithy-go/time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// busyWait is how long work on a whole table waits for a table that is too busy after all attempts of a call.
const busyWait = time.Second

// patient reads pages of a table that is too busy as long as its context lasts. A provisioned table carries a count of some million ballots by what it
// has saved alone: a count that began anew at each refusal would not come to its end.
type patient struct{ client scanner }

func (p patient) ScanInto(ctx context.Context, scan *dynamodb.Scan, items any) (next dynamodb.Item, err error) {
	return next, whileBusy(ctx, func() error {
		next, err = p.client.ScanInto(ctx, scan, items)
		return err
	})
}

// whileBusy does what changes nothing if it is done twice, again and again until it is not throttled or the context ends.
func whileBusy(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !throttled(err) {
			return err
		}
		if waitErr := smithytime.SleepWithContext(ctx, busyWait); waitErr != nil {
			return errors.Join(err, waitErr)
		}
	}
}

// throttled says whether an error is that of a call which came too soon.
func throttled(err error) bool {
	return (retry.ThrottleErrorCode{Codes: retry.DefaultThrottleErrorCodes}).IsErrorThrottle(err) == aws.TrueTernary
}
