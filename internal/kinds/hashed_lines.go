package kinds

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

const (
	// entrySize is the size of one hash in a list, in bytes. Among ten million
	// of 64 bits, a foreign identifier is taken for one of the list with a chance
	// of 10,000,000 / 2^64.
	entrySize = 8
	// longestLine is the greatest length of an identifier, in bytes.
	longestLine = 128
)

// lineError is a fault of one line. It never says what the line holds.
type lineError struct {
	number int
	fault  string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.number, e.fault) }

// allowEntry is the hash of one identifier: the first 8 bytes of
// HMAC-SHA-256(key, "allow\n" + identifier), big-endian. The functions that read
// the list hash in the same way; both hold to this vector: under the key of the
// 32 bytes 00 01 ... 1f the identifier 12345678 is cb37dff7ea934e1b.
func allowEntry(key, identifier []byte) uint64 {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("allow\n"))
	mac.Write(identifier)
	return binary.BigEndian.Uint64(mac.Sum(nil))
}

// byteOrderMark begins text files that some editors write.
var byteOrderMark = []byte("\uFEFF")

// hashLines hashes one identifier a line. Lines end with LF or CR LF; empty ones
// count for nothing.
func hashLines(source io.Reader, key []byte) (*hashes, error) {
	lines := bufio.NewReaderSize(source, 64<<10)
	var entries []uint64
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		last := errors.Is(err, io.EOF)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, tooLong(number)
		case err != nil && !last:
			return nil, err
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if err := checkLine(line, number); err != nil {
			return nil, err
		}
		if len(line) > 0 {
			if len(entries) == blueprint.MaxListEntries {
				return nil, &lineError{number, fmt.Sprintf("the list has more than %d identifiers; split it", blueprint.MaxListEntries)}
			}
			entries = append(entries, allowEntry(key, line))
		}
		if last {
			break
		}
	}
	if len(entries) == 0 {
		return nil, errors.New("there is no identifier in it; give one a line")
	}
	given := len(entries)
	slices.Sort(entries)
	entries = slices.Compact(entries)
	return newHashes(entries, given-len(entries)), nil
}

func checkLine(line []byte, number int) error {
	switch {
	case len(line) > longestLine:
		return tooLong(number)
	case !utf8.Valid(line):
		return &lineError{number, "it is not UTF-8; save the file in that encoding"}
	case len(bytes.TrimFunc(line, unicode.IsSpace)) != len(line):
		return &lineError{number, "it begins or ends with white space, which would be part of the identifier; remove it"}
	}
	return nil
}

func tooLong(number int) error {
	return &lineError{number, fmt.Sprintf("it is longer than %d bytes; give one identifier a line", longestLine)}
}

// entryBytes are the entries as bytes, big-endian, without a second copy of
// them all.
type entryBytes []uint64

// ReadAt implements io.ReaderAt.
func (e entryBytes) ReadAt(p []byte, at int64) (n int, err error) {
	var entry [entrySize]byte
	for n < len(p) {
		i := (at + int64(n)) / entrySize
		if i >= int64(len(e)) {
			return n, io.EOF
		}
		binary.BigEndian.PutUint64(entry[:], e[i])
		n += copy(p[n:], entry[(at+int64(n))%entrySize:])
	}
	return n, nil
}
