package votingwindow_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// allowEntry is an identifier's entry in the list of a key. The identifier is taken exactly as it is; whoever reads identifiers from lines
// trims white space around them and nothing else.
//
// For the key of the bytes 0x00 to 0x1f, "12345678" has the entry cb37dff7ea934e1b.
func allowEntry(key []byte, identifier string) [8]byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte("allow\n" + identifier)) // A hash writes without error.
	return [8]byte(mac.Sum(nil)[:8])
}

// encodeAllowList is the object that holds a list: its entries, sorted, each once, one after the other.
func encodeAllowList(entries [][8]byte) []byte {
	list := make([]uint64, len(entries))
	for i, entry := range entries {
		list[i] = binary.BigEndian.Uint64(entry[:])
	}
	slices.Sort(list)
	list = slices.Compact(list)
	object := make([]byte, 0, 8*len(list))
	for _, entry := range list {
		object = binary.BigEndian.AppendUint64(object, entry)
	}
	return object
}
