package s3

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// ListedObjects is how many objects one page of a listing has at most (S3 API Reference, ListObjectsV2, max-keys).
const ListedObjects = 1000

// maxPageBytes bounds a page: a thousand keys of 1,024 bytes, each of which may be written as three, and what is said beside.
const maxPageBytes = 8 << 20

// Object is an object as a listing tells it.
type Object struct {
	Key  string
	Size int64 // Bytes.
}

// ListObjects appends to into the objects whose keys begin with prefix and follow after, in the order of their keys' bytes, at most ListedObjects of them. more
// says whether others follow.
func (b *Bucket) ListObjects(ctx context.Context, prefix, after string, into []Object) (objects []Object, more bool, err error) {
	query := "list-type=2&encoding-type=url&max-keys=" + strconv.Itoa(ListedObjects)
	if prefix != "" {
		query += "&prefix=" + url.QueryEscape(prefix)
	}
	if after != "" {
		query += "&start-after=" + url.QueryEscape(after)
	}
	var page []byte
	err = b.client.Send(ctx, b.request(http.MethodGet, "", query), func(response *http.Response) (err error) {
		page, err = readBody(response, maxPageBytes, nil)
		return err
	})
	if err == nil {
		objects, more, err = readPage(string(page), into)
	}
	if err != nil {
		return nil, false, fmt.Errorf("list objects in %s: %w", b.name, err)
	}
	return objects, more, nil
}

// readPage reads what ListObjectsV2 answers. A listing of a million objects has a quarter of a gigabyte of it: encoding/xml takes a hundred times as long, and
// the strings here share the page's memory. Its elements have no attributes, and what is in them no markup (S3 API Reference, ListObjectsV2).
func readPage(page string, objects []Object) ([]Object, bool, error) {
	if !strings.HasSuffix(strings.TrimSpace(page), "</ListBucketResult>") {
		return nil, false, errors.New("the answer is no whole page")
	}
	byURL := element(page, "EncodingType") == "url"
	more := element(page, "IsTruncated") == "true"
	for {
		_, after, found := strings.Cut(page, "<Contents>")
		if !found {
			return objects, more, nil
		}
		contents, rest, found := strings.Cut(after, "</Contents>")
		if !found {
			return nil, false, errors.New("the answer is no whole page")
		}
		page = rest
		key, err := plainKey(element(contents, "Key"), byURL)
		if err != nil {
			return nil, false, err
		}
		size, err := strconv.ParseInt(element(contents, "Size"), 10, 64)
		if err != nil {
			return nil, false, fmt.Errorf("read the size of %q: %w", key, err)
		}
		objects = append(objects, Object{key, size})
	}
}

// element is what is in the first element of a name; empty where there is none.
func element(xml, name string) string {
	for begin := 0; ; {
		at := strings.Index(xml[begin:], name)
		if at < 0 {
			return ""
		}
		at += begin
		begin = at + len(name)
		if at == 0 || xml[at-1] != '<' || begin == len(xml) || xml[begin] != '>' {
			continue
		}
		value := xml[begin+1:]
		end := strings.IndexByte(value, '<')
		return value[:max(0, end)]
	}
}

// plainKey is a key as it is, which a page tells escaped.
func plainKey(text string, byURL bool) (string, error) {
	key := text
	if byURL {
		if strings.ContainsAny(text, "%+") {
			var err error
			if key, err = url.QueryUnescape(text); err != nil {
				return "", fmt.Errorf("read a key: %w", err)
			}
		}
	} else {
		key = html.UnescapeString(text)
	}
	if key == "" {
		return "", errors.New("an object has no key")
	}
	return key, nil
}
