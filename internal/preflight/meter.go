package preflight

import "github.com/burstline/terraform-provider-serverless/internal/blueprint"

// Calls are calls of one operation that were really made and counted.
type Calls struct {
	// Service and Operation as AWS's API names them; a call of a function's URL
	// is lambda-url, Invoke, and one of a distribution cloudfront-edge, Invoke.
	Service, Operation string
	// Count is how many there were; Bytes and AnswerBytes are the sums of what
	// they sent and got.
	Count, Bytes, AnswerBytes int64
	// Statements are those of batches of writes or PartiQL statements: each is
	// billed, and not the call.
	Statements int64
}

// billedAs are the operations that are billed like one of the blueprint's
// actions (DynamoDB and S3 pricing).
var billedAs = map[string]blueprint.Action{
	"lambda-url:Invoke":      blueprint.Invoke,
	"cloudfront-edge:Invoke": blueprint.Deliver,
	"dynamodb:DeleteItem":    blueprint.UpdateItem,
	// Of writes: nothing here sends a batch of reads.
	"dynamodb:BatchExecuteStatement": blueprint.PutItem,
	"dynamodb:BatchWriteItem":        blueprint.PutItem,
	"dynamodb:Query":                 blueprint.Scan,
	"s3:HeadObject":                  blueprint.GetObject,
	"s3:CopyObject":                  blueprint.PutObject,
	"s3:ListObjectsV2":               blueprint.PutObject,
	"sqs:SendMessageBatch":           blueprint.SendMessage,
	"sqs:DeleteMessage":              blueprint.DeleteMessageBatch,
	"sqs:GetQueueUrl":                blueprint.GetQueueAttributes,
	"sqs:SetQueueAttributes":         blueprint.GetQueueAttributes,
	// A batch is billed by what it gives back or leaves alone.
	"sqs:ChangeMessageVisibility":      blueprint.DeleteMessageBatch,
	"sqs:ChangeMessageVisibilityBatch": blueprint.DeleteMessageBatch,
}

// inTurn are calls that AWS makes for another, and no meter sees: a request to an
// HTTP API calls a function. One that the API refuses does not; it is priced from
// above.
var inTurn = map[string]blueprint.Action{"execute-api:Invoke": blueprint.Invoke}

// PriceCalls prices calls that were counted, at the mean size of each operation's
// requests and answers. A body is longer than the item in it, so small items
// are priced exactly and large ones from above; all reads are taken as strongly
// consistent. Refused calls count: SQS and S3 bill them, and DynamoDB bills
// writes whose condition failed. Operations without a price are left out.
func PriceCalls(prices *Prices, region string, calls []Calls) []Line {
	var lines []Line
	for _, c := range calls {
		name := c.Service + ":" + c.Operation
		action, ok := billedAs[name]
		if !ok {
			action = blueprint.Action(name)
		}
		if c.Count == 0 || action == blueprint.Run {
			continue
		}
		o := blueprint.Operation{Action: action, Count: float64(c.Count), Bytes: float64(c.Bytes) / float64(c.Count)}
		if c.Statements > 0 {
			o.Count, o.Bytes = float64(c.Statements), float64(c.Bytes)/float64(c.Statements)
		}
		switch action {
		case blueprint.GetItem, blueprint.Scan, blueprint.ReceiveMessage, blueprint.Deliver:
			o.Bytes = float64(c.AnswerBytes) / float64(c.Count)
		}
		charges := bill(o, nil)
		if next, ok := inTurn[name]; ok {
			charges = append(charges, bill(blueprint.Operation{Action: next, Count: o.Count}, nil)...)
		}
		for _, charge := range charges {
			price := prices.of(region, charge.Dimension)
			lines = append(lines, Line{
				Dimension: charge.Dimension, Why: name, Quantity: charge.units, Unit: price.Unit,
				UnitPrice: price.each(), Amount: charge.units * price.each(), Basis: Metered, FreePerMonth: price.FreePerMonth,
			})
		}
	}
	return lines
}
