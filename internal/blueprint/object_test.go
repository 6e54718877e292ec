package blueprint

import (
	"bytes"
	"io"
	"testing"

	"github.com/andybalholm/brotli"
)

// TestFrame: a text may stand in a file that the provider carries, and is compressed
// with it when it is known. Another frame is another content, also before that.
func TestFrame(t *testing.T) {
	objectOf := func(text, after string) ObjectSpec {
		b := NewBuilder(Settings{Name: "tv", System: System{Name: "window", Slug: "window"}})
		bucket := b.Bucket("pages", Bucket{})
		b.Object("page", bucket, "index.html", Object{ContentType: "text/html", Content: text, Frame: &Frame{Before: []byte("<p>"), After: []byte(after)}})
		spec, ok := b.Blueprint().Part("page").Spec.(ObjectSpec)
		if !ok {
			t.Fatal("the page is no object")
		}
		return spec
	}
	known := objectOf("hello", "</p>")
	content, err := known.Content()
	if err != nil {
		t.Fatal(err)
	}
	html, err := io.ReadAll(brotli.NewReader(bytes.NewReader(content)))
	if err != nil || string(html) != "<p>hello</p>" || known.Encoding != "br" || known.SHA256 != digest(content) || known.Frame != "" {
		t.Errorf("it is %s, %v, as %+v", html, err, known)
	}
	text := Ref("pages", "url")
	unknown, other := objectOf(text, "</p>"), objectOf(text, "</P>")
	if unknown.SHA256 != "" || unknown.Text != text || unknown.Frame == "" || unknown.Frame == other.Frame {
		t.Errorf("unknown they are %+v and %+v", unknown, other)
	}
	unknown.Text = "hello" // As the engine does when it knows.
	if resolved, ok := unknown.Resolved().(ObjectSpec); !ok || resolved.SHA256 != known.SHA256 || resolved.Text != "" || resolved.Frame != "" {
		t.Errorf("resolved it is %+v, want %+v", resolved, known)
	}
}
