package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// Below which prefix the files are, and the broken ones among them.
const (
	prefix = "places/2027-01/"
	broken = prefix + "broken/"
)

// One place in so many comes in a file that is odd, and good all the same.
const (
	zipped = 50 // By gzip.
	marked = 97 // With a byte order mark.
)

// The smallest places come many in a file, as JSON lines and as an array.
const (
	together = 100
	bundles  = 2 // Of each.
)

// file is what is put into the source.
type file struct {
	key  string
	body []byte
}

// files are those of the places: most have one each.
func files(places []Place) ([]file, error) {
	alone := len(places) - min(len(places)/2, 2*bundles*together)
	var out []file
	for i := range places[:alone] {
		body, err := json.Marshal(places[i])
		if err != nil {
			return nil, err
		}
		key := fmt.Sprintf("%s%s/%d.json", prefix, places[i].Country.Code, places[i].ID)
		switch {
		case i%zipped == 1:
			body, key = compress(body), key+".gz"
		case i%marked == 1:
			body = append([]byte("\xEF\xBB\xBF"), body...)
		}
		out = append(out, file{key, body})
	}
	for n, rest := 0, places[alone:]; len(rest) > 0; n++ {
		some := rest[:min(together, len(rest))]
		rest = rest[len(some):]
		body, err := json.Marshal(some)
		if err != nil {
			return nil, err
		}
		kind := "array.json"
		if n%2 == 1 {
			if body, err = lines(some); err != nil {
				return nil, err
			}
			kind = "lines.jsonl.gz"
		}
		out = append(out, file{fmt.Sprintf("%ssmall/%d-%s", prefix, n, kind), body})
	}
	return out, nil
}

// lines are places as JSON lines, compressed.
func lines(places []Place) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	for i := range places {
		if err := encoder.Encode(places[i]); err != nil {
			return nil, err
		}
	}
	return compress(out.Bytes()), nil
}

func compress(plain []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(plain) // A buffer takes all.
	_ = w.Close()
	return out.Bytes()
}

// spoilt is a file that cannot become an item, and why.
type spoilt struct {
	name   string
	body   []byte
	reason pipeline.Reason
}

// ways are the ways in which files are broken here.
var ways = []spoilt{
	{"empty.json", nil, pipeline.FileEmpty},
	{"half.json", []byte(`{"id":1,"name":"Ha`), pipeline.FileNotJSON},
	{"page.json", []byte("<html><body>502 Bad Gateway</body></html>"), pipeline.FileNotJSON},
	{"half.json.gz", compress([]byte(`{"id":1,"name":"Half","country":{"name":"Nowhere"}}`))[:24], pipeline.FileNotJSON},
	{"no-id.json", []byte(`{"name":"Nameless","country":{"name":"Nowhere"}}`), pipeline.FileNoKey},
	{"no-country.json", []byte(`{"id":1,"name":"Sealand"}`), pipeline.FileMissing},
	{"words.json", []byte(`{"id":1,"name":"Many","country":{"name":"Nowhere"},"population":"many"}`), pipeline.FileWrongType},
	{"deep.json", []byte(strings.Repeat("[", 2000) + strings.Repeat("]", 2000)), pipeline.FileTooDeep},
}

// brokenFiles are so many of each way, and the reason of each by its key.
func brokenFiles(each int) (out []file, reasons map[string]pipeline.Reason) {
	reasons = map[string]pipeline.Reason{}
	for n := range each {
		for _, way := range ways {
			key := fmt.Sprintf("%s%d-%s", broken, n, way.name)
			out, reasons[key] = append(out, file{key, way.body}), way.reason
		}
	}
	return out, reasons
}
