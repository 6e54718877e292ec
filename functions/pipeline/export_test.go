package pipeline

// What the tests of the decoders reach.
var (
	ReadStart = readStart
	ReadChunk = readChunk
)

// Find returns the values at JSON pointers in a valid document, as it has them; nil where there is none.
func Find(document []byte, pointers []string) ([][]byte, error) {
	tree := &node{}
	slots := make([]int, len(pointers))
	n := 0
	for i, pointer := range pointers {
		tokens, err := readPointer(pointer)
		if err != nil {
			return nil, err
		}
		place := tree.place(tokens)
		if place.slot == 0 {
			n++
			place.slot = n
		}
		slots[i] = place.slot - 1
	}
	values := make([][]byte, n)
	if _, err := tree.walk(document, 1, values); err != nil {
		return nil, err
	}
	found := make([][]byte, len(pointers))
	for i, slot := range slots {
		found[i] = values[slot]
	}
	return found, nil
}

// Pack makes records of keys.
var Pack = pack

// FailureOf is the failure that an error makes of a file.
var FailureOf = failureOf
