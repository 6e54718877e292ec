package votingwindow_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// slowly reads a vote as DecodeVote does, with encoding/json for all of it.
func slowly(body []byte, source votingwindow.Source) (vote votingwindow.Vote, ok bool) {
	limit := votingwindow.MaxVoteBytes
	if source == votingwindow.FromIntake {
		limit *= 2
	}
	if len(body) > limit || !utf8.Valid(body) {
		return vote, false
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return vote, false
	}
	allowed := map[string]*string{"voter": &vote.Voter, "answer": &vote.Answer, "question": &vote.Question, "ticket": &vote.Ticket, "rehearsal": nil}
	switch source {
	case votingwindow.FromToken:
		delete(allowed, "voter")
	case votingwindow.FromIntake:
		allowed["address"] = &vote.Address
	}
	seen := map[string]bool{}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return votingwindow.Vote{}, false
		}
		name, _ := key.(string)
		value, err := decoder.Token()
		if into, known := allowed[name]; err != nil || !known || seen[name] {
			return votingwindow.Vote{}, false
		} else if into == nil {
			flag, isFlag := value.(bool)
			if !isFlag {
				return votingwindow.Vote{}, false
			}
			vote.Rehearsal = flag
		} else {
			text, isText := value.(string)
			if !isText || (text == "" && name != "voter" && name != "answer") {
				return votingwindow.Vote{}, false
			}
			*into = text
		}
		seen[name] = true
	}
	if _, err := decoder.Token(); err != nil {
		return votingwindow.Vote{}, false
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return votingwindow.Vote{}, false
	}
	if !seen["answer"] || seen["voter"] == (source == votingwindow.FromToken) {
		return votingwindow.Vote{}, false
	}
	return vote, true
}

// FuzzDecodeVote holds the reader of votes against encoding/json's, of every source.
func FuzzDecodeVote(f *testing.F) {
	for _, body := range malformed() {
		f.Add([]byte(body), 0)
	}
	f.Add([]byte(`{"voter":"ann","answer":"yes","question":"q","ticket":"t","rehearsal":true}`), 0)
	f.Add([]byte(`{"voter":"ann","answer":"yes","address":"::1"}`), 2)
	f.Add([]byte(` {"answer" : "y\u0065s\ud83d\ude00" , "rehearsal":false} `), 1)
	f.Fuzz(func(t *testing.T, body []byte, from int) {
		source := votingwindow.Source(uint(from) % 3)
		vote, err := votingwindow.DecodeVote(body, source)
		want, ok := slowly(body, source)
		if vote != want && ok || (err == nil) != ok || (err != nil && vote != votingwindow.Vote{}) {
			t.Fatalf("%q from %d reads %+v, %v; encoding/json reads %+v, %v", body, source, vote, err, want, ok)
		}
	})
}

// FuzzMessage gives a recorder any message there can be: it ends as exactly one of ballot and entry, and nobody is named.
func FuzzMessage(f *testing.F) {
	f.Add(`{"voter":"ann","answer":"yes"}`, "m1", "1904155380000", "1")
	f.Add(`{"voter":"ann","answer":"yes","rehearsal":true,"address":"::1"}`, "m1", "1904155100000", "2")
	f.Add(`{`, "m1", "-1", "")
	f.Fuzz(func(t *testing.T, body, id, sent, received string) {
		if id == "" {
			return // SQS gives every message one.
		}
		m := newMemory()
		recorder := recorderOf(m, mustRules(window()), &manualClock{now: opens.Add(time.Minute)}, "w")
		message := events.SQSMessage{MessageId: id, Body: body, Attributes: map[string]string{"SentTimestamp": sent, "ApproximateReceiveCount": received}}
		for range 2 {
			response, err := recorder.Handle(context.Background(), batch(message))
			if err != nil || len(response.BatchItemFailures) > 0 {
				t.Fatalf("%+v, %v", response, err)
			}
		}
		if got := ends(t, m); len(got) != 1 || len(m.tables["ballots"].rows)+len(m.tables["ledger"].rows) != 1 {
			t.Fatalf("%q ended as %v", body, got)
		}
	})
}

// FuzzEvents gives the handlers any event.
func FuzzEvents(f *testing.F) {
	for _, name := range []string{"intake", "intake-jwt", "recorder"} {
		f.Add([]byte(rawEvent(f, name)))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var request votingwindow.IntakeRequest
		if json.Unmarshal(raw, &request) == nil {
			var queue outbox
			for _, claim := range []string{"", "sub"} {
				intake := &votingwindow.Intake{Rules: mustRules(window()), VoterClaim: claim, Queue: &queue, Clock: &manualClock{now: opens}, Log: discard}
				response, err := intake.Handle(context.Background(), request)
				if err != nil || !json.Valid([]byte(response.Body)) || (response.StatusCode == 202) != (len(queue.sent) > 0) {
					t.Fatalf("%+v, %v", response, err)
				}
				for _, message := range queue.sent {
					if _, err := votingwindow.DecodeVote([]byte(message), votingwindow.FromIntake); err != nil {
						t.Fatalf("intake sent what the recorder cannot read: %s", message)
					}
				}
				queue.sent = nil
			}
		}
		var votes events.SQSEvent
		if json.Unmarshal(raw, &votes) == nil {
			for _, record := range votes.Records {
				if record.MessageId == "" {
					return
				}
			}
			recorder := recorderOf(newMemory(), mustRules(window()), &manualClock{now: opens.Add(time.Minute)}, "w")
			if response, err := recorder.Handle(context.Background(), votes); err != nil || len(response.BatchItemFailures) > 0 {
				t.Fatalf("%+v, %v", response, err)
			}
		}
	})
}

func rawEvent(f *testing.F, name string) string {
	f.Helper()
	raw, err := json.Marshal(event[json.RawMessage](f, name))
	if err != nil {
		f.Fatal(err)
	}
	return string(raw)
}

// FuzzControl reads any item as a control: the window still makes sense.
func FuzzControl(f *testing.F) {
	f.Add(strconv.FormatInt(closes.UnixMilli()+60_000, 10), strconv.FormatInt(closes.UnixMilli(), 10), "arn", true)
	f.Add("9223372036854775807", "-1", "", false)
	f.Fuzz(func(t *testing.T, closesAt, of, by string, numbers bool) {
		value := func(text string) dynamodb.Value {
			if numbers {
				return dynamodb.Value{N: text}
			}
			return dynamodb.String(text)
		}
		control := votingwindow.ReadControlItem(item{"closes_at": value(closesAt), "of": value(of), "by": value(by), "at": {}})
		got := window().Effective(control)
		moved := !got.ClosesAt.Equal(closes)
		if !got.ClosesAt.After(got.OpensAt) || (moved && of != strconv.FormatInt(closes.UnixMilli(), 10) && !control.Of.Equal(closes)) {
			t.Fatalf("%+v makes %+v", control, got)
		}
	})
}

// FuzzReadResults reads any object as results: what is read is written and read the same.
func FuzzReadResults(f *testing.F) {
	f.Add([]byte(`{"status":"open","as_of":"2030-05-04T20:00:00Z","total":3,"questions":{"vote":{"total":3,"answers":{"yes":3}}},"version":4}`))
	f.Add([]byte(`{"status":"open","version":4}`))
	f.Fuzz(func(t *testing.T, object []byte) {
		results := votingwindow.ReadResults(object)
		encoded, err := json.Marshal(results)
		if err != nil {
			t.Fatal(err)
		}
		again := votingwindow.ReadResults(encoded)
		if again.Version != results.Version || again.Status != results.Status || len(again.Answers()) != len(results.Answers()) {
			t.Fatalf("%+v, then %+v", results, again)
		}
	})
}

// FuzzAllowList reads any object as a list: what is read is sorted, and written the same.
func FuzzAllowList(f *testing.F) {
	f.Add([]byte("1234567812345679"), int64(16))
	f.Add([]byte("12345678"), int64(1)<<62)
	f.Fuzz(func(t *testing.T, object []byte, size int64) {
		list, err := votingwindow.ReadAllowList(bytes.NewReader(object), min(size, 1<<20)) // S3 tells the length.
		if err != nil {
			return
		}
		var entries [][8]byte
		for at := 0; at < len(object); at += 8 {
			entries = append(entries, [8]byte(object[at:at+8]))
		}
		if !slices.IsSorted(list) || !bytes.Equal(encodeAllowList(entries), object) || !list.Has(entries[0]) {
			t.Fatalf("%x reads %x", object, list)
		}
	})
}

// FuzzTicket tries any ticket: the one that was signed is good, in its one spelling.
func FuzzTicket(f *testing.F) {
	private := ed25519.NewKeyFromSeed(voterKey)
	public := private.Public().(ed25519.PublicKey)
	signed := func(voter string) string {
		return base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte("final\n"+voter)))
	}
	f.Add("ann", signed("ann"))
	f.Add("ann", signed("bob"))
	f.Add("", "")
	f.Fuzz(func(t *testing.T, voter, ticket string) {
		if got := votingwindow.CheckTicket(public, "final", voter, ticket); got != (ticket == signed(voter)) {
			t.Fatalf("%q for %q: %v", ticket, voter, got)
		}
	})
}

// FuzzQuestions reads any questions: what the rules take, they know every choice of.
func FuzzQuestions(f *testing.F) {
	f.Add("vote/yes/no", "song/a")
	f.Add("vote", "/")
	f.Fuzz(func(t *testing.T, one, other string) {
		w := window()
		w.Questions = []string{one, other}
		rules, err := votingwindow.NewRules(base, w, votingwindow.Admission{})
		if err != nil {
			return
		}
		for _, choice := range rules.Choices() {
			question, answer, _ := strings.Cut(choice, "/")
			vote := votingwindow.Vote{Voter: "ann", Question: question, Answer: answer}
			if reason := rules.Check(vote); reason != "" {
				t.Fatalf("%q and %q: %s is refused as %s", one, other, choice, reason)
			}
		}
	})
}
