package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// errorsWithin is how far back errors are looked for, and maxErrors how many are
// read of one function, in at most maxPages pages of the log, so that a look stays
// cheap.
const (
	errorsWithin = 15 * time.Minute
	maxErrors    = 100
	maxPages     = 20
)

// errorPattern finds a function's own error lines and those that Lambda writes
// for it (CloudWatch Logs User Guide, "Filter pattern syntax": a question mark
// before each of several terms means any of them).
const errorPattern = `?ERROR ?"Task timed out" ?"Runtime exited"`

// lastErrors reads the newest errors in a function's log. A page may be empty and
// not the last one (CloudWatch Logs API Reference, FilterLogEvents).
func (v *viewer) lastErrors(ctx context.Context, function string, into *functionStatus) error {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(v.client.Logs, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String("/aws/lambda/" + function), FilterPattern: aws.String(errorPattern),
		StartTime: aws.Int64(v.now.Add(-errorsWithin).UnixMilli()), Limit: aws.Int32(maxErrors), StartFromHead: aws.Bool(false),
	})
	newest := int64(0)
	for n := 0; pages.HasMorePages() && into.Errors < maxErrors; n++ {
		if n == maxPages {
			if into.Errors > 0 {
				return nil
			}
			return fmt.Errorf("the log holds so much that %d pages of it are not all of the last %s", maxPages, errorsWithin)
		}
		page, err := pages.NextPage(ctx)
		var noGroup *logstypes.ResourceNotFoundException
		if errors.As(err, &noGroup) {
			return nil // Drift says so.
		}
		if err != nil {
			return err
		}
		for _, line := range page.Events {
			if into.Errors == maxErrors {
				break
			}
			into.Errors++
			if at := aws.ToInt64(line.Timestamp); at >= newest {
				newest, into.LastError = at, strings.TrimSpace(aws.ToString(line.Message))
			}
		}
	}
	return nil
}
