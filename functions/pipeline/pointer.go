package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxDepth bounds how deep arrays and objects of a file may be nested. What reads an item's JSON later may be stricter than this package, which does not
// care.
const MaxDepth = 512

var errDepth = errors.New("too deep")

// readPointer returns the tokens of a JSON pointer (RFC 6901).
func readPointer(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' {
		return nil, fmt.Errorf("the JSON pointer %q must be empty or begin with a slash", text)
	}
	tokens := strings.Split(text[1:], "/")
	for i, token := range tokens {
		for rest := token; ; {
			_, after, escaped := strings.Cut(rest, "~")
			if !escaped {
				break
			}
			if after == "" || after[0] != '0' && after[0] != '1' {
				return nil, fmt.Errorf("the JSON pointer %q has a ~ that is neither ~0 nor ~1", text)
			}
			rest = after
		}
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return tokens, nil
}

// node is a place in documents at which pointers lead to or through. Pointers that are looked for together are one tree, so that a document is walked once.
type node struct {
	slot    int // Where the value is noted, from 1; 0 for nowhere.
	members map[string]*node
}

// place returns the node that tokens lead to, which it makes where it is not there.
func (n *node) place(tokens []string) *node {
	for _, token := range tokens {
		next := n.members[token]
		if next == nil {
			next = &node{}
			if n.members == nil {
				n.members = map[string]*node{}
			}
			n.members[token] = next
		}
		n = next
	}
	return n
}

// forget clears what was noted below: a member that is there twice counts as it is the last time, as in encoding/json.
func (n *node) forget(values [][]byte) {
	if n.slot > 0 {
		values[n.slot-1] = nil
	}
	for _, member := range n.members {
		member.forget(values)
	}
}

// walk notes the values that pointers lead to, each as the document has it, and returns where the value at the beginning of document ends. The document is valid
// JSON, which encoding/json.Valid says faster than anything that makes values of it.
func (n *node) walk(document []byte, depth int, values [][]byte) (end int, err error) {
	at := space(document, 0)
	begin := at
	switch first := document[at]; {
	case (first == '{' || first == '[') && depth > MaxDepth:
		return 0, errDepth
	case first == '{' && n.members != nil:
		at, err = n.object(document, at, depth, values)
	case first == '[' && n.members != nil:
		at, err = n.array(document, at, depth, values)
	default:
		at, err = skip(document, at, depth)
	}
	if err != nil {
		return 0, err
	}
	if n.slot > 0 {
		values[n.slot-1] = document[begin:at]
	}
	return at, nil
}

func (n *node) object(document []byte, at, depth int, values [][]byte) (int, error) {
	for at = space(document, at+1); document[at] != '}'; {
		if document[at] == ',' {
			at = space(document, at+1)
		}
		end := quoted(document, at)
		member := n.member(document[at:end])
		at = space(document, end) + 1 // The colon.
		if member == nil {
			at = space(document, at)
			var err error
			if at, err = skip(document, at, depth+1); err != nil {
				return 0, err
			}
		} else {
			member.forget(values)
			length, err := member.walk(document[at:], depth+1, values)
			if err != nil {
				return 0, err
			}
			at += length
		}
		at = space(document, at)
	}
	return at + 1, nil
}

// member is the node of a member's name as the document has it, in its quotes.
func (n *node) member(name []byte) *node {
	if bytes.IndexByte(name, '\\') < 0 {
		return n.members[string(name[1:len(name)-1])]
	}
	var plain string
	if err := json.Unmarshal(name, &plain); err != nil {
		return nil
	}
	return n.members[plain]
}

func (n *node) array(document []byte, at, depth int, values [][]byte) (int, error) {
	at = space(document, at+1)
	for index := 0; document[at] != ']'; index++ {
		if document[at] == ',' {
			at = space(document, at+1)
		}
		element := n.members[strconv.Itoa(index)]
		if element == nil {
			element = &nowhere
		}
		length, err := element.walk(document[at:], depth+1, values)
		if err != nil {
			return 0, err
		}
		at = space(document, at+length)
	}
	return at + 1, nil
}

var nowhere node

// elements calls visit for each element of an array, as the document has it.
func elements(array []byte, visit func(element []byte) error) error {
	for at := space(array, 1); array[at] != ']'; {
		if array[at] == ',' {
			at = space(array, at+1)
		}
		end, err := skip(array, at, 1)
		if err != nil {
			return err
		}
		if err := visit(array[at:end]); err != nil {
			return err
		}
		at = space(array, end)
	}
	return nil
}

// space returns where something other than white space is.
func space(document []byte, at int) int {
	for at < len(document) && (document[at] == ' ' || document[at] == '\n' || document[at] == '\t' || document[at] == '\r') {
		at++
	}
	return at
}

// quoted returns where the string that begins at a quote ends.
func quoted(document []byte, at int) int {
	for at++; document[at] != '"'; at++ {
		if document[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// skip returns where a value ends.
func skip(document []byte, at, depth int) (int, error) {
	inside := 0
	for {
		switch document[at] {
		case '"':
			at = quoted(document, at)
		case '{', '[':
			if inside++; depth+inside > MaxDepth+1 {
				return 0, errDepth
			}
			at++
			continue
		case '}', ']':
			inside--
			at++
		case ' ', '\n', '\t', '\r', ',', ':':
			at++
			continue
		default: // A number or a word.
			for at < len(document) && !delimiter[document[at]] {
				at++
			}
		}
		if inside == 0 {
			return at, nil
		}
	}
}

// delimiter says which bytes end a number or a word.
var delimiter = [256]bool{' ': true, '\n': true, '\t': true, '\r': true, ',': true, ':': true, '}': true, ']': true}
