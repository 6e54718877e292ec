package s3_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
)

func TestListObjects(t *testing.T) {
	const head = `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>up</Name><Prefix>a%2F</Prefix><KeyCount>2</KeyCount>`
	object := func(key, size string) string {
		return "<Contents><Key>" + key + "</Key><LastModified>2026-11-20T08:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>" + size + "</Size><StorageClass>STANDARD</StorageClass></Contents>"
	}
	for name, test := range map[string]struct {
		page string
		want []s3.Object
		more bool
		says string
	}{
		"none":             {head + `<IsTruncated>false</IsTruncated></ListBucketResult>`, nil, false, ""},
		"escaped by URL":   {head + `<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>` + object("a%2Fb+c%2B%C3%A4%3C", "12") + object("a/plain", "0") + `</ListBucketResult>`, []s3.Object{{"a/b c+ä<", 12}, {"a/plain", 0}}, true, ""},
		"escaped as XML":   {head + `<IsTruncated>false</IsTruncated>` + object("a/b&amp;c+%20", "7") + "</ListBucketResult>\n", []s3.Object{{"a/b&c+%20", 7}}, false, ""},
		"a misleading key": {head + `<IsTruncated>false</IsTruncated>` + object("IsTruncated", "7") + object("Size", "8") + `</ListBucketResult>`, []s3.Object{{"IsTruncated", 7}, {"Size", 8}}, false, ""},
		"cut off":          {head + object("a/b", "1"), nil, false, "no whole page"},
		"cut within":       {head + `<Contents><Key>a</Key></ListBucketResult>`, nil, false, "no whole page"},
		"without a key":    {head + `<Contents><Size>1</Size></Contents></ListBucketResult>`, nil, false, "no key"},
		"without a size":   {head + `<Contents><Key>k</Key></Contents></ListBucketResult>`, nil, false, "size of"},
		"badly escaped":    {head + `<EncodingType>url</EncodingType>` + object("a%2", "1") + `</ListBucketResult>`, nil, false, "read a key"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked string
			bucket := s3.New(answering(t, func(w http.ResponseWriter, r *http.Request) {
				asked = r.URL.Path + " " + r.URL.RawQuery
				fmt.Fprint(w, test.page)
			}), "up")
			got, more, err := bucket.ListObjects(t.Context(), "a/", "a/ä&", nil)
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("%v, want %s", err, test.says)
				}
				return
			}
			if err != nil || more != test.more || !slices.Equal(got, test.want) {
				t.Errorf("got %+v, %v, %v", got, more, err)
			}
			query, err := url.ParseQuery(strings.TrimPrefix(asked, "/up/ "))
			if err != nil || query.Get("prefix") != "a/" || query.Get("start-after") != "a/ä&" || query.Get("max-keys") != "1000" || query.Get("list-type") != "2" {
				t.Errorf("asked %s, %v", asked, err)
			}
		})
	}
}

func TestReadObject(t *testing.T) {
	broken := 0
	bucket := s3.New(answering(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/up/ten":
			fmt.Fprint(w, "0123456789")
		case "/up/streamed":
			fmt.Fprint(w, "01234")
			http.NewResponseController(w).Flush()
			fmt.Fprint(w, "56789")
		case "/up/broken":
			broken++
			w.Header().Set("Content-Length", "10")
			fmt.Fprint(w, "01234")
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `<Error><Code>NoSuchKey</Code><Message>none</Message></Error>`)
		}
	}), "up")
	into := make([]byte, 0, 4096)
	for _, key := range []string{"ten", "streamed"} {
		body, err := bucket.ReadObject(t.Context(), key, 10, into)
		if err != nil || string(body) != "0123456789" || &body[0] != &into[:1][0] {
			t.Errorf("%s: %q, %v", key, body, err)
		}
		if _, err := bucket.ReadObject(t.Context(), key, 9, nil); !errors.Is(err, s3.ErrTooLarge) {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := bucket.ReadObject(t.Context(), "broken", 10, nil); err == nil || broken != 1 {
		t.Errorf("%v", err)
	}
	var refused *awscall.Refusal
	if _, err := bucket.ReadObject(t.Context(), "gone", 10, nil); !errors.As(err, &refused) || refused.Code != "NoSuchKey" {
		t.Errorf("%v", err)
	}
}

func FuzzListObjects(f *testing.F) {
	f.Add(`<ListBucketResult><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType><Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>`)
	f.Add(`<Contents><Key></Contents></ListBucketResult>`)
	f.Fuzz(func(t *testing.T, page string) {
		objects, _, err := s3.ReadPage(page, nil)
		for _, object := range objects {
			if err == nil && object.Key == "" {
				t.Errorf("an object without a key in %q", page)
			}
		}
	})
}
