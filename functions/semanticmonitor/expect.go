package semanticmonitor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// answer is what came of a request.
type answer struct {
	status int
	body   []byte
}

// unlike says what an answer lacks; empty where it is as expected. Nothing of the body is in it, which may be anybody's.
func (e Expect) unlike(a answer, p Probe) string {
	if e.Status != 0 && a.status != e.Status {
		return fmt.Sprintf("the status is %d, expected %d", a.status, e.Status)
	}
	if e.Status == 0 && (a.status < http.StatusOK || a.status >= http.StatusMultipleChoices) {
		return fmt.Sprintf("the status is %d, expected 200 to 299", a.status)
	}
	if e.HasID && !strings.Contains(string(a.body), p.ID) {
		return "the probe's id is not in the body"
	}
	if e.Matches != "" {
		expression, err := regexp.Compile(Fill(e.Matches, p))
		if err != nil {
			return "the expression cannot be read: " + err.Error()
		}
		if !expression.Match(a.body) {
			return "the body does not match the expression"
		}
	}
	if e.Pointer == "" {
		return ""
	}
	value, found := at(a.body, e.Pointer)
	switch {
	case !found:
		return "there is nothing at " + e.Pointer
	case e.Equals != "" && value != Fill(e.Equals, p):
		return "the value at " + e.Pointer + " is another"
	}
	return ""
}

// at finds a value in a JSON text by a pointer (RFC 6901, section 4), as text: of an object or an array its JSON. null is nothing.
func at(body []byte, pointer string) (string, bool) {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return "", false
	}
	for _, step := range strings.Split(pointer, "/")[1:] {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return "", false
			}
			value = v[i]
		default:
			return "", false
		}
	}
	switch v := value.(type) {
	case nil:
		return "", false
	case string:
		return v, true
	default:
		text, err := json.Marshal(v)
		return string(text), err == nil
	}
}
