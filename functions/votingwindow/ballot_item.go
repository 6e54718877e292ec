package votingwindow

import (
	"encoding/hex"
	"strings"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// Attributes of a ballot beside BallotsKey. Their names are short since DynamoDB bills a scan, as it does storage, by all bytes of an item, names included
// (DynamoDB Developer Guide, "DynamoDB item sizes and formats"), and the ballots are scanned every minute.
const (
	ballotAnswer     = "a" // The choice, without the question where that is OnlyQuestion.
	ballotMessage    = "m" // As messageValue writes it.
	ballotSent       = "s" // Milliseconds since 1970.
	ballotAddress    = "i"
	ballotQuarantine = "q"
	ballotReleased   = "r"
	ballotRehearsal  = "t"
)

func ballotItem(ballot Ballot) item {
	put := item{
		BallotsKey: str(ballot.Key), ballotAnswer: str(strings.TrimPrefix(ballot.Answer, OnlyQuestion+"/")), ballotMessage: messageValue(ballot.Message), ballotSent: millis(ballot.Sent),
	}
	putText(put, ballotAddress, ballot.Address)
	putText(put, ballotQuarantine, ballot.Quarantine)
	putText(put, ballotReleased, ballot.Released)
	if ballot.Rehearsal {
		put[ballotRehearsal] = dynamodb.Bool(true)
	}
	putExpires(put, ballot.Expires)
	return put
}

// ReadBallot reads an item of the ballots table.
func ReadBallot(found dynamodb.Item) Ballot {
	return Ballot{
		Key: text(found, BallotsKey), Answer: choiceOf(text(found, ballotAnswer)), Message: messageText(found[ballotMessage]), Sent: moment(found, ballotSent),
		Address: text(found, ballotAddress), Quarantine: text(found, ballotQuarantine), Released: text(found, ballotReleased),
		Rehearsal: flag(found, ballotRehearsal), Expires: expires(found),
	}
}

// choiceOf is the choice of a ballot's attribute; empty where that was not read.
func choiceOf(answer string) string {
	if answer == "" || strings.Contains(answer, "/") {
		return answer
	}
	return Choice(OnlyQuestion, answer)
}

// BallotBytes is the size of a ballot as DynamoDB bills it, without what it adds to an item that is stored (DynamoDB Developer Guide, "DynamoDB
// item sizes and formats"): names, texts and bytes as they are, of a number a byte for two digits and one, a byte of a truth value.
func BallotBytes(ballot Ballot) int {
	size := 0
	for name, value := range ballotItem(ballot) {
		size += len(name)
		switch {
		case value.S != nil:
			size += len(*value.S)
		case value.N != "":
			size += (len(value.N)+1)/2 + 1
		case value.BOOL != nil:
			size++
		default:
			size += len(value.B)
		}
	}
	return size
}

// uuidDashes are where a UUID as text has its dashes (RFC 9562, section 4).
var uuidDashes = [...]int{8, 13, 18, 23}

const uuidText, uuidBytes = 36, 16

// messageValue is the id of a message: a UUID in lower case, as SQS gives a standard queue's, as its 16 bytes, anything else as it is.
func messageValue(id string) dynamodb.Value {
	if len(id) != uuidText {
		return str(id)
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(raw) != uuidBytes || messageText(dynamodb.Bytes(raw)) != id {
		return str(id)
	}
	return dynamodb.Bytes(raw)
}

// messageText reads what messageValue wrote; empty where there is nothing.
func messageText(value dynamodb.Value) string {
	if len(value.B) != uuidBytes {
		return value.Text()
	}
	id := hex.EncodeToString(value.B)
	for _, at := range uuidDashes {
		id = id[:at] + "-" + id[at:]
	}
	return id
}
