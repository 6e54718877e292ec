package queue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxBodyBytes bounds what a fan sends, in bytes. SQS bills by 64 KB; a small door keeps junk cheap.
const MaxBodyBytes = 2048

// Message is what is on the joins queue: a fan who joins, or a block of the draw whose fans are to have their records.
type Message struct {
	Sale    string `json:"sale"`
	Fan     string `json:"fan,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
	Probe   bool   `json:"probe,omitempty"` // The fan is a semantic monitor's.
	Block   int64  `json:"block,omitempty"` // Of the draw.
}

func (m Message) encode() (string, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("encode message: %w", err)
	}
	return string(body), nil
}

func readMessage(body string) (Message, error) {
	var message Message
	if err := decode([]byte(body), &message); err != nil {
		return Message{}, err
	}
	join := validFan(message.Fan) && message.Attempt >= 0 && message.Attempt < MaxAttempts
	block := message.Fan == "" && message.Attempt == 0 && !message.Probe
	if !ValidSale(message.Sale) || (message.Block == 0 && !join) || (message.Block != 0 && (!block || message.Block < 0)) {
		return Message{}, errors.New("it is neither a fan nor a block")
	}
	return message, nil
}

// decode reads one JSON object, strictly: an unknown member is a fault, and so is one that is there twice or written with other letters' case.
func decode(body []byte, into any) error {
	if err := checkMembers(body); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}

// checkMembers checks that the members of a flat object have names of small letters, each once.
func checkMembers(body []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return errors.New("it is no JSON object")
	}
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if seen[name] || bytes.ContainsFunc([]byte(name), func(char rune) bool { return char != '_' && (char < 'a' || char > 'z') }) {
			return fmt.Errorf("the member %q is there twice, or is not one", name)
		}
		seen[name] = true
		if value, err := decoder.Token(); err != nil {
			return err
		} else if _, nested := value.(json.Delim); nested {
			return fmt.Errorf("the member %q is an object or a list", name)
		}
	}
	return nil
}
