package blueprint

import (
	"slices"
	"time"
)

// Functions that read items of a table, other systems' among them, tell so in a
// table beside it, so that no apply takes away what somebody still reads.
//
// A reader's item has its name as partition key, and for each key that it reads a
// number attribute, ReadPrefix and the key: when it last read it, in
// milliseconds since 1970.

const (
	// ReadPrefix begins the attributes of a reader's item.
	ReadPrefix = "read:"
	// ReadingLasts is how long a key that was read counts as in use. Functions tell
	// once an hour.
	ReadingLasts = 24 * time.Hour
	// ReadersOutput is the output with the readers of each key that is in use.
	ReadersOutput = "readers"
)

// Readership says where the readers of a table's items are.
type Readership struct {
	// Items and Table are the keys of the table that is read and of the one with
	// the readers, TableName the latter's name with tokens, KMSKeyARN the key that
	// it is encrypted with, if any, and PartitionKey its key's attribute.
	Items, Table, TableName string
	KMSKeyARN, PartitionKey string
	// Unheeded are keys that may be taken away in spite of readers.
	Unheeded []string
}

// Readers lets functions tell which items they read. Items that are in use are
// taken away by no apply, but those whose keys are unheeded.
func (b *Builder) Readers(items, readers TableHandle, unheeded []string) {
	r := &Readership{Items: items.Key(), Table: readers.Key(), TableName: readers.Name(), KMSKeyARN: readers.kms, Unheeded: unheeded}
	if s, ok := readers.part.Spec.(TableSpec); ok {
		r.PartitionKey = s.PartitionKey
	}
	b.blue.Readership = r
	b.blue.OutputMaps[ReadersOutput] = nil
}

// Gone lists the keys of the items that the blueprint before has and this one
// has no longer and heeds, sorted.
func (b *Blueprint) Gone(before *Blueprint) []string {
	if b.Readership == nil {
		return nil
	}
	var out []string
	for _, p := range before.Parts {
		s, ok := p.Spec.(TableItemSpec)
		if ok && b.Part(p.Key) == nil && b.Heeds(s.Key) && References(s.Table)[0].Part == b.Readership.Items {
			out = append(out, s.Key)
		}
	}
	slices.Sort(out)
	return out
}

// Heeds reports whether the readers of a key keep it from being taken away.
func (b *Blueprint) Heeds(key string) bool {
	return !b.Settings.ForceDestroy && !slices.Contains(b.Readership.Unheeded, key)
}
