package kinds

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// vectorKey is the key of the vector that functions and provider share.
var vectorKey = func() []byte {
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(i)
	}
	return key
}()

// vector is a list of the identifiers 12345678 and 87654321 under that key,
// made with another implementation of HMAC.
const vector = "cb37dff7ea934e1bd989eaca4e920f91"

func TestAllowEntry(t *testing.T) {
	if got := allowEntry(vectorKey, []byte("12345678")); got != 0xcb37dff7ea934e1b {
		t.Errorf("the hash is %x", got)
	}
}

func TestHashLines(t *testing.T) {
	for name, c := range map[string]struct {
		text       string
		duplicates int
	}{
		"in order":         {"12345678\n87654321\n", 0},
		"other order":      {"87654321\n12345678", 0},
		"repeated":         {"87654321\n12345678\n87654321\n87654321\n", 2},
		"Windows":          {"\uFEFF12345678\r\n87654321\r\n", 0},
		"with empty lines": {"\n12345678\n\n\r\n87654321\n\n", 0},
	} {
		list, err := hashLines(iotest.OneByteReader(strings.NewReader(c.text)), vectorKey)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want, _ := hex.DecodeString(vector)
		if err := iotest.TestReader(list, want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if list.duplicates != c.duplicates {
			t.Errorf("%s: there are %d duplicates, want %d", name, list.duplicates, c.duplicates)
		}
	}
}

// TestBadLists names file and line of every fault, and never what the line says.
func TestBadLists(t *testing.T) {
	const private = "secret-code"
	long := private + strings.Repeat("x", longestLine)
	for name, c := range map[string]struct{ text, want string }{
		"empty":              {"", "there is no identifier"},
		"only empty lines":   {"\n\r\n\n", "there is no identifier"},
		"not UTF-8":          {"a\n" + private + "\xff\n", "line 2: it is not UTF-8"},
		"too long":           {"a\nb\n" + long + "\n", "line 3: it is longer than 128 bytes"},
		"far too long":       {"a\n" + strings.Repeat(long, 1000), "line 2: it is longer than 128 bytes"},
		"space at the end":   {private + " \n", "line 1: it begins or ends with white space"},
		"space at the start": {"a\n\n\t" + private, "line 3: it begins or ends with white space"},
		"cannot be read":     {"", ""},
	} {
		var source io.Reader = strings.NewReader(c.text)
		if name == "cannot be read" {
			source, c.want = iotest.ErrReader(errors.New("disk gone")), "disk gone"
		}
		_, err := hashedList{}.hash(blueprint.HashedListSpec{File: "voters.txt"}, source, vectorKey)
		if err == nil || !strings.Contains(err.Error(), "the list voters.txt") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want one with %q", name, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), private) || strings.Contains(err.Error(), "xx")) {
			t.Errorf("%s: the error tells an identifier: %v", name, err)
		}
	}
}

// needList makes what a list needs, under the vector's key, and returns the
// path and the digest of a file with two identifiers.
func needList(t *testing.T) (file, digest string) {
	t.Helper()
	begin(t)
	made(t, testBucket, bucketBase())
	if _, err := randomly(bytes.NewReader(vectorKey))["secret"].Create(t.Context(), targetOf(testSecret), secretCase().spec); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "voters.txt")
	if err := os.WriteFile(file, []byte("87654321\n12345678\n87654321\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, "016619d564e3872c8a852995d6ebb179a8985b8de3a497c32a8ea3b54f9e0d2b"
}

func localList(file, digest string) blueprint.HashedListSpec {
	s := listBase()
	s.SourceBucket, s.SourceKey, s.File, s.SHA256 = "", "", file, digest
	return s
}

// TestListFromFile writes the hashes of a local file, and only of the one that
// was planned.
func TestListFromFile(t *testing.T) {
	file, digest := needList(t)
	spec := localList(file, digest)
	target := made(t, testList, spec)
	if want := (Attributes{"entries": "2", "duplicates": "1"}); !maps.Equal(target.Attributes, want) {
		t.Errorf("the attributes are %v, want %v", target.Attributes, want)
	}
	out, err := env.AWS.S3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(testBucket), Key: aws.String("allow.bin")})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	content, err := io.ReadAll(out.Body)
	if got := hex.EncodeToString(content); err != nil || got != vector {
		t.Errorf("the object is %s, %v; want %s", got, err, vector)
	}
	moved := spec
	moved.File = "elsewhere"
	same(t, moved, observe(t, "hashed_list", target))

	if err := os.WriteFile(file, []byte("11111111\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	changed := spec
	changed.SecretVersion = "2"
	_, err = drivers["hashed_list"].Update(t.Context(), target, changed, observe(t, "hashed_list", target), Changes{"secret_version": true})
	if err == nil || !strings.Contains(err.Error(), "it has changed since; plan again") {
		t.Errorf("a file that is not the planned one gave %v", err)
	}
	same(t, spec, observe(t, "hashed_list", target))
	gone := localList(file+".gone", digest)
	if _, err := drivers["hashed_list"].Create(t.Context(), targetOf(testBucket+"/other"), gone); err == nil || !strings.Contains(err.Error(), "open the list") {
		t.Errorf("a file that is not there gave %v", err)
	}
}

// TestListFromS3 reads just the version that the spec names.
func TestListFromS3(t *testing.T) {
	needList(t)
	first := strings.Trim(putSource(t, "12345678\n"), `"`)
	spec := listBase()
	spec.ETag = first
	target := made(t, testList, spec)
	same(t, spec, observe(t, "hashed_list", target))
	putSource(t, "12345678\n87654321\n")
	spec.SecretVersion = "2"
	_, err := drivers["hashed_list"].Update(t.Context(), target, spec, observe(t, "hashed_list", target), Changes{"secret_version": true})
	if err == nil || !strings.Contains(err.Error(), "has another ETag") || drivers["hashed_list"].Transient(err) {
		t.Errorf("an object that has changed gave %v", err)
	}
	if _, err := drivers["hashed_list"].Create(t.Context(), targetOf(testList), spec); err == nil || errors.Is(err, ErrPresent) {
		t.Errorf("Create gave %v, which must not be taken for an object that exists", err)
	}
}

// TestListWithoutKey says what is wrong with the key, and not what it is.
func TestListWithoutKey(t *testing.T) {
	file, digest := needList(t)
	if err := overwrite(t, "AAECAwQF"); err != nil {
		t.Fatal(err)
	}
	_, err := drivers["hashed_list"].Create(t.Context(), targetOf(testList), localList(file, digest))
	if err == nil || !strings.Contains(err.Error(), "32 bytes in base64") || strings.Contains(err.Error(), "AAEC") {
		t.Errorf("Create gave %v", err)
	}
}
