package votingwindow

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Vote is what a voter sends and an SQS message carries.
type Vote struct {
	Voter     string `json:"voter,omitempty"`
	Answer    string `json:"answer"`
	Question  string `json:"question,omitempty"`  // Empty for the only one.
	Ticket    string `json:"ticket,omitempty"`    // Base64url of an Ed25519 signature, where the window asks for one.
	Rehearsal bool   `json:"rehearsal,omitempty"` // Cast to try the window out, before it opens.
	Address   string `json:"address,omitempty"`   // The caller's IP address, as intake saw it.
}

// Source is where a vote's JSON comes from, which decides who may say what.
type Source int

// The sources.
const (
	FromVoter  Source = iota // A voter, who says all but the address.
	FromToken                // A voter whose token names them: the body must not.
	FromIntake               // Intake, which adds the address.
	// FromAnybody is the queue where voters send to it themselves, and where votes of intake may still wait from before they did: these
	// are votes as well, and nobody is believed an address.
	FromAnybody
)

// maxMessageBytes bounds a message of intake's: a vote, written anew, and an address.
const maxMessageBytes = 2 * MaxVoteBytes

// errMalformed is wrapped by every error of DecodeVote.
var errMalformed = errors.New("malformed vote")

func malformed(cause string) error { return fmt.Errorf("%w: %s", errMalformed, cause) }

// DecodeVote reads `{"voter":"...","answer":"..."}` and the optional members of Vote, at most MaxVoteBytes of UTF-8. It is strict: each
// member at most once, of its type, not empty where it is optional, in this spelling, and nothing else. encoding/json
// alone would take "VOTER" for "voter" and the last of two voters, so that a page, an audit and the recorder could read one
// message differently. Its own reader is for speed: the recorder reads every message.
func DecodeVote(body []byte, source Source) (Vote, error) {
	limit := MaxVoteBytes
	if source >= FromIntake {
		limit = maxMessageBytes
	}
	if len(body) > limit {
		return Vote{}, malformed("too long")
	}
	if !utf8.Valid(body) {
		return Vote{}, malformed("not UTF-8")
	}
	var vote Vote
	var seen [6]bool
	reader := objectReader{rest: body}
	for reader.next() {
		var text *string
		var member int
		switch string(reader.key) {
		case "voter":
			member, text = 0, &vote.Voter
		case "answer":
			member, text = 1, &vote.Answer
		case "question":
			member, text = 2, &vote.Question
		case "ticket":
			member, text = 3, &vote.Ticket
		case "rehearsal":
			member = 4
		case "address":
			member, text = 5, &vote.Address
		default:
			return Vote{}, malformed("an unknown member")
		}
		switch {
		case seen[member]:
			return Vote{}, malformed("a repeated member")
		case member == 0 && source == FromToken, member == 5 && source < FromIntake:
			return Vote{}, malformed("a member that the sender may not say")
		case text == nil:
			vote.Rehearsal = reader.flag()
		default:
			*text = reader.text()
			if member > 1 && *text == "" && reader.err == nil {
				return Vote{}, malformed("an empty member")
			}
		}
		seen[member] = true
	}
	if reader.err != nil {
		return Vote{}, reader.err
	}
	if seen[0] == (source == FromToken) || !seen[1] {
		return Vote{}, malformed("voter or answer is missing")
	}
	if source == FromAnybody {
		vote.Address = ""
	}
	return vote, nil
}

// objectReader reads one flat JSON object of strings and booleans.
type objectReader struct {
	rest  []byte
	key   []byte // Of the member that next found, as it is written.
	began bool
	err   error
}

func (r *objectReader) fail(cause string) {
	if r.err == nil {
		r.err = malformed(cause)
	}
}

func (r *objectReader) space() {
	for len(r.rest) > 0 {
		switch r.rest[0] {
		case ' ', '\t', '\n', '\r':
			r.rest = r.rest[1:]
		default:
			return
		}
	}
}

// take skips space and one byte, if it is this one.
func (r *objectReader) take(char byte) bool {
	r.space()
	if len(r.rest) == 0 || r.rest[0] != char {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// next goes to the next member's value. It returns false at the object's end, which must be the text's, and where something is wrong.
func (r *objectReader) next() bool {
	if r.err != nil {
		return false
	}
	first := !r.began
	r.began = true
	switch {
	case first && !r.take('{'):
		r.fail("not a JSON object")
		return false
	case r.take('}'):
		return r.end()
	case !first && !r.take(','):
		r.fail("not JSON")
		return false
	}
	r.space()
	literal, escaped := r.literal()
	if r.key = literal; escaped {
		r.key = []byte(r.unescaped(literal))
	}
	if r.err == nil && !r.take(':') {
		r.fail("not JSON")
	}
	r.space()
	return r.err == nil
}

// end checks that nothing follows the object.
func (r *objectReader) end() bool {
	if r.space(); len(r.rest) > 0 {
		r.fail("something after the object")
	}
	return false
}

// literal takes a string, and returns it without its quotes and whether it has escapes.
func (r *objectReader) literal() (literal []byte, escaped bool) {
	if len(r.rest) == 0 || r.rest[0] != '"' {
		r.fail("a member is not a string")
		return nil, false
	}
	for i := 1; i < len(r.rest); i++ {
		switch char := r.rest[i]; {
		case char == '"':
			literal, r.rest = r.rest[1:i], r.rest[i+1:]
			return literal, escaped
		case char == '\\':
			escaped = true
			i++
		case char < ' ':
			r.fail("a control character in a string")
			return nil, false
		}
	}
	r.fail("not JSON")
	return nil, false
}

func (r *objectReader) unescaped(literal []byte) string {
	var text string
	quoted := make([]byte, 0, len(literal)+2)
	quoted = append(append(append(quoted, '"'), literal...), '"')
	if err := json.Unmarshal(quoted, &text); err != nil {
		r.fail("not JSON")
	}
	return text
}

// text takes a string value.
func (r *objectReader) text() string {
	literal, escaped := r.literal()
	if escaped {
		return r.unescaped(literal)
	}
	return string(literal)
}

// flag takes a boolean value.
func (r *objectReader) flag() bool {
	for _, value := range []bool{true, false} {
		if rest, ok := bytes.CutPrefix(r.rest, fmt.Append(nil, value)); ok {
			r.rest = rest
			return value
		}
	}
	r.fail("rehearsal is not a boolean")
	return false
}

// encode is the message that DecodeVote reads, at most some hundred bytes for a vote that passed the rules.
func (v Vote) encode() (string, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "", fmt.Errorf("encode vote: %w", err)
	}
	return strings.TrimSuffix(body.String(), "\n"), nil
}

// checkVoter says whether an identifier is 1 to MaxVoterBytes long, free of control characters, which no person types and
// some programs cut at, and a whole match of the pattern.
func (r *Rules) checkVoter(voter string) bool {
	if voter == "" || len(voter) > MaxVoterBytes {
		return false
	}
	for _, char := range voter {
		if unicode.IsControl(char) {
			return false
		}
	}
	return r.voter == nil || r.voter.MatchString(voter)
}

// resolve names the question of a vote that leaves it out where there is only one.
func (r *Rules) resolve(vote Vote) Vote {
	if vote.Question == "" && len(r.ids) == 1 {
		vote.Question = r.ids[0]
	}
	return vote
}

// choice is the answer that a resolved vote chose, or "" where there is no such answer.
func (r *Rules) choice(vote Vote) string { return r.questions[vote.Question][vote.Answer] }

// Check says why a vote breaks the rules of its content, or "" where it does not.
func (r *Rules) Check(vote Vote) Reason {
	vote = r.resolve(vote)
	switch {
	case !r.checkVoter(vote.Voter):
		return ReasonVoter
	case r.questions[vote.Question] == nil:
		return ReasonQuestion
	case r.choice(vote) == "":
		return ReasonAnswer
	case r.ticket != nil && !CheckTicket(r.ticket, r.Name, vote.Voter, vote.Ticket):
		return ReasonTicket
	default:
		return ""
	}
}

// CheckTicket says whether a ticket is the base64url (no padding) of an Ed25519 signature over the window's name, a line feed, and the voter's
// identifier.
func CheckTicket(key ed25519.PublicKey, window, voter, ticket string) bool {
	signature, err := base64.RawURLEncoding.Strict().DecodeString(ticket)
	// The decoder skips line breaks; a ticket has one spelling.
	if err != nil || len(signature) != ed25519.SignatureSize || strings.ContainsAny(ticket, "\r\n") {
		return false
	}
	return ed25519.Verify(key, ticketText(window, voter), signature)
}

// Ticket makes the ticket that CheckTicket takes.
func Ticket(key ed25519.PrivateKey, window, voter string) string {
	return base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, ticketText(window, voter)))
}

func ticketText(window, voter string) []byte { return []byte(window + "\n" + voter) }
