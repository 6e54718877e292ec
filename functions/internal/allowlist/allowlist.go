// Package allowlist is the set of people who may take part, by hashes that nobody can try out without the key.
package allowlist

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// entryBytes is the length of an allow list's entry. Of a list of ten million, a random identifier is on it by chance with a
// probability of one in 10^12.
const entryBytes = 8

// List is the set of identifiers that may take part, as their hashes: the first eight bytes of HMAC-SHA-256 over "allow", a line feed and the
// identifier, as big-endian numbers, sorted. A million take 8 MB.
type List []uint64

// maxEntries bounds a list to what fits a function's memory beside its work: 160 MB.
const maxEntries = 20_000_000

// Read reads a list's object in one pass: its entries, sorted, each once, one after the other. size is its length in bytes, or
// less where it is unknown. An object that is empty, not sorted or cut short is none: an unsorted list would turn voters away.
func Read(object io.Reader, size int64) (List, error) {
	list := make(List, 0, min(max(size, 0)/entryBytes, maxEntries))
	buffered := bufio.NewReaderSize(object, 64<<10)
	var entry [entryBytes]byte
	for {
		_, err := io.ReadFull(buffered, entry[:])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read allow list after %d entries: %w", len(list), err)
		}
		next := binary.BigEndian.Uint64(entry[:])
		if n := len(list); n > 0 && list[n-1] >= next {
			return nil, fmt.Errorf("read allow list: entry %d is not above the one before it", n+1)
		}
		if len(list) == maxEntries {
			return nil, fmt.Errorf("read allow list: it has more than %d entries", maxEntries)
		}
		list = append(list, next)
	}
	if len(list) == 0 {
		return nil, errors.New("read allow list: it is empty")
	}
	return list, nil
}

// Has says whether an entry is on the list.
func (l List) Has(entry [8]byte) bool {
	_, found := slices.BinarySearch(l, binary.BigEndian.Uint64(entry[:]))
	return found
}
