package pipeline

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/burstline/terraform-provider-serverless/functions/internal/kinesis"
)

const (
	// ChunkKeys and chunkBytes bound a chunk: one that fails comes again whole, and one invocation must be able to do several. A record is paid for by 25 KB
	// (Kinesis Data Streams pricing, PUT payload units).
	ChunkKeys  = 250
	chunkBytes = 100 << 10
	// ChunkFileBytes bounds the files of a chunk together, where there are several. Of one that does not fit into an invocation all is done in vain, at each of its
	// attempts, and the shard stands still behind it: with its default memory ingest writes about a megabyte of small items a second.
	ChunkFileBytes = 16 << 20
	// idLength is how much of a digest is an id: 132 bits.
	idLength = 22
)

// Chunk is a record of the stream files.
type Chunk struct {
	Run    string   `json:"run"`
	ID     string   `json:"chunk"`
	At     int64    `json:"at"` // When the upload was started, in milliseconds since 1970.
	Bucket string   `json:"bucket"`
	Prefix string   `json:"prefix,omitempty"` // Of all keys, cut off from them.
	Keys   []string `json:"keys"`
}

// Key is the key of a file.
func (c *Chunk) Key(file int) string { return c.Prefix + c.Keys[file] }

// chunkID is the same for the same chunk, whoever sends it how often: it comes of where its page begins and of its place there.
func chunkID(run, marker string, index int) string {
	return digest(run + "\n" + marker + "\n" + strconv.Itoa(index))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:idLength]
}

// readChunk reads a record of the stream files.
func readChunk(data []byte, bucket string) (*Chunk, error) {
	var chunk Chunk
	if err := json.Unmarshal(data, &chunk); err != nil {
		return nil, fmt.Errorf("read a chunk: %w", err)
	}
	if chunk.Bucket == "" { // Written by a person, for whatever pipeline: the lister names it.
		chunk.Bucket = bucket
	}
	switch {
	case !ValidRun(chunk.Run) || len(chunk.ID) != idLength:
		return nil, errors.New("read a chunk: it has no run or no id")
	case chunk.Bucket != bucket:
		return nil, fmt.Errorf("read a chunk: it is of the bucket %q", chunk.Bucket)
	case len(chunk.Keys) == 0:
		return nil, errors.New("read a chunk: it has no keys")
	}
	for _, key := range chunk.Keys {
		if chunk.Prefix+key == "" {
			return nil, errors.New("read a chunk: a key is empty")
		}
	}
	return &chunk, nil
}

// pack makes records of a page's keys, most of them in a chunk. sizes are those of the files, in bytes; nil where they are of one chunk that was packed before. head is
// all that the chunks have in common, marker where the page begins.
func pack(head Chunk, marker string, keys []string, sizes []int64, most int) ([]kinesis.Record, error) {
	records := make([]kinesis.Record, 0, len(keys)/most+1)
	for len(keys) > 0 {
		n, size, fileBytes := 0, 0, int64(0)
		for n < len(keys) && n < most {
			size += len(keys[n]) + 3
			if sizes != nil {
				fileBytes += sizes[n]
			}
			if (size > chunkBytes || fileBytes > ChunkFileBytes) && n > 0 {
				break
			}
			n++
		}
		head.ID = chunkID(head.Run, marker, len(records))
		data, err := head.encode(keys[:n])
		if err != nil {
			return nil, err
		}
		records = append(records, kinesis.Record{Data: data, PartitionKey: head.ID})
		keys = keys[n:]
		if sizes != nil {
			sizes = sizes[n:]
		}
	}
	return records, nil
}

// encode is the chunk's record with keys, their common prefix cut off. It writes what json.Marshal does, but a thousand times without copies of the keys.
func (c *Chunk) encode(keys []string) ([]byte, error) {
	common := commonPrefix(keys)
	size := 160 + len(c.Run) + len(c.Bucket) + common
	for _, key := range keys {
		size += len(key) - common + 3
	}
	data := make([]byte, 0, size)
	data = append(data, `{"run":"`...)
	data = append(data, c.Run...)
	data = append(data, `","chunk":"`...)
	data = append(data, c.ID...)
	data = append(data, `","at":`...)
	data = strconv.AppendInt(data, c.At, 10)
	data = append(data, `,"bucket":"`...)
	data = append(data, c.Bucket...)
	data = append(data, '"')
	var err error
	if common > 0 {
		data = append(data, `,"prefix":`...)
		if data, err = appendText(data, keys[0][:common]); err != nil {
			return nil, err
		}
	}
	data = append(data, `,"keys":`...)
	separator := byte('[')
	for _, key := range keys {
		data = append(data, separator)
		if data, err = appendText(data, key[common:]); err != nil {
			return nil, err
		}
		separator = ','
	}
	return append(data, "]}"...), nil
}

// commonPrefix is how many bytes the texts have in common at their beginning, whole characters.
func commonPrefix(texts []string) int {
	common := texts[0]
	for _, text := range texts[1:] {
		n := 0
		for n < len(common) && n < len(text) && common[n] == text[n] {
			n++
		}
		common = common[:n]
	}
	n := len(common)
	for n > 0 && n < len(texts[0]) && !utf8.RuneStart(texts[0][n]) {
		n--
	}
	return n
}
