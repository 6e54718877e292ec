package bookings

import (
	"slices"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// Status is how far a booking is.
type Status string

// The statuses. The last three are ends.
const (
	Booked     Status = "booked"
	Generating Status = "generating" // Its data is being written.
	Generated  Status = "generated"  // Its data is an object, and waits for the third party.
	Uploading  Status = "uploading"  // It was tried to send it.
	Uploaded   Status = "uploaded"   // The third party has it.
	Failed     Status = "failed"
	Cancelled  Status = "cancelled"
)

// Statuses are all, in their order.
var Statuses = []Status{Booked, Generating, Generated, Uploading, Uploaded, Failed, Cancelled}

// moves are the statuses to which a booking may go from each. From generating it goes back where its data has to be made anew; to stay is to be put off, or to be
// taken by another. One that failed begins again where somebody asks for it.
var moves = map[Status][]Status{
	Booked:     {Booked, Generating, Cancelled},
	Generating: {Generating, Booked, Generated, Failed, Cancelled},
	Generated:  {Generated, Uploading, Failed, Cancelled},
	Uploading:  {Uploading, Uploaded, Failed},
	Uploaded:   {Uploaded}, // It is told of.
	Failed:     {Failed, Booked, Generated},
}

// May says whether a booking goes from one status to another.
func (s Status) May(to Status) bool { return slices.Contains(moves[s], to) }

// Over says whether a booking with the status is at its end.
func (s Status) Over() bool { return s == Uploaded || s == Failed || s == Cancelled }

// Booking is a segment's data that is to be sent to the third party. Times are in milliseconds since 1970, 0 for not yet.
type Booking struct {
	ID      string
	Segment string // Its id.
	Value   string // Of the attribute that the segment's items share.
	Run     string // Whose manifest it was booked from; the data is of the items as they are when it is generated.
	By      string // Who made it.
	At      int64  // When its data is to be generated, at the earliest.
	Status  Status
	Reason  string // Why it failed, or why it was not taken the last time.

	Key      string // The idempotency key: the booking's id and the SHA-256 of its data.
	Object   string // The key of the object with its data.
	SHA256   string // Of the object, in hex.
	Items    int64
	Bytes    int64 // Of the object.
	Attempts int64 // How often it was tried to send it, since it was begun or last retried.
	Retries  int64 // How often it was begun again after it had failed.

	Made        int64
	GeneratedAt int64
	EndedAt     int64
	Next        int64 // Before then nobody does anything about it: it is put off, or somebody is at it.
	Deadline    int64 // When sending it is given up.

	// What the functions need, and users do not.
	holder      string // Who is at it, or was: of a booking whose data is generated the pass.
	generations int64  // How often that began.
	sent        int64  // When a message about it arrives that is on its way; 0 for none.
	denials     int64  // Tries to send it, the last ones, that were not authorized.
	untold      bool   // How it ended is to be told.
	tries       int64  // How often it was tried to go on with its data since it was kept, or to tell.
	toldTopic   bool
	toldWebhook bool
	version     int64
	expires     int64 // When DynamoDB deletes it, in seconds since 1970; 0 for never.
}

// The table's keys, both of type string: what an item is, and its id.
const (
	KindKey = "kind"
	IDKey   = "id"
	// ExpiresAttribute has the time, in seconds since 1970, from which on DynamoDB deletes an item.
	ExpiresAttribute = "expires"
)

// What items are.
const (
	kindBooking = "booking" // By ids that begin with the time, so that their order is that in which they were made.
	kindOpen    = "open"    // One for each booking about which something is to be done.
	kindToken   = "token"   // One for each token with which a booking was made.
	kindCircuit = "circuit" // One.
)

func keyOf(kind, id string) dynamodb.Item {
	return dynamodb.Item{KindKey: dynamodb.String(kind), IDKey: dynamodb.String(id)}
}

// item is a booking as the table has it.
func (b Booking) item() dynamodb.Item {
	item := keyOf(kindBooking, b.ID)
	for name, text := range map[string]string{
		"segment": b.Segment, "value": b.Value, "run": b.Run, "by": b.By, "status": string(b.Status), "reason": b.Reason,
		"key": b.Key, "object": b.Object, "sha256": b.SHA256, "holder": b.holder,
	} {
		dynamodb.SetString(item, name, text)
	}
	for name, n := range map[string]int64{
		"at": b.At, "items": b.Items, "bytes": b.Bytes, "attempts": b.Attempts, "retries": b.Retries, "made": b.Made, "generated_at": b.GeneratedAt, "ended_at": b.EndedAt,
		"next": b.Next, "deadline": b.Deadline, "generations": b.generations, "sent": b.sent, "tries": b.tries, "denials": b.denials, "version": b.version, ExpiresAttribute: b.expires,
	} {
		dynamodb.SetNumber(item, name, n)
	}
	for name, is := range map[string]bool{"untold": b.untold, "told_topic": b.toldTopic, "told_webhook": b.toldWebhook} {
		if is {
			item[name] = dynamodb.Bool(true)
		}
	}
	return item
}

func readBooking(item dynamodb.Item) Booking {
	return Booking{
		ID: item[IDKey].Text(), Segment: item["segment"].Text(), Value: item["value"].Text(), Run: item["run"].Text(), By: item["by"].Text(),
		At: item["at"].Int(), Status: Status(item["status"].Text()), Reason: item["reason"].Text(),
		Key: item["key"].Text(), Object: item["object"].Text(), SHA256: item["sha256"].Text(), Items: item["items"].Int(), Bytes: item["bytes"].Int(),
		Attempts: item["attempts"].Int(), Retries: item["retries"].Int(), Made: item["made"].Int(), GeneratedAt: item["generated_at"].Int(), EndedAt: item["ended_at"].Int(),
		Next: item["next"].Int(), Deadline: item["deadline"].Int(), holder: item["holder"].Text(), generations: item["generations"].Int(), sent: item["sent"].Int(),
		untold: item["untold"].True(), tries: item["tries"].Int(), denials: item["denials"].Int(), toldTopic: item["told_topic"].True(), toldWebhook: item["told_webhook"].True(),
		version: item["version"].Int(), expires: item[ExpiresAttribute].Int(),
	}
}
