package votingwindow

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

// exportFile is one file of an export on its way into the bucket: lines are compressed, hashed, counted and uploaded as they come, so that
// memory does not grow with them. Nothing appears in the bucket before finish.
type exportFile struct {
	name  string
	rows  int64
	bytes int64
	sum   hash.Hash
	zip   *gzip.Writer // Its header tells no time and no name: the same rows are the same bytes.
	pipe  *io.PipeWriter
	done  chan error
}

func (e *Export) openFile(ctx context.Context, prefix, name string) *exportFile {
	read, write := io.Pipe()
	file := &exportFile{name: name, sum: sha256.New(), pipe: write, done: make(chan error, 1)}
	file.zip = gzip.NewWriter(file)
	go func() {
		err := e.Bucket.Upload(ctx, prefix+name, contentGzip, cachePrivate, read)
		_ = read.CloseWithError(err) // Never fails. Who still writes must not wait for ever.
		file.done <- err
	}()
	return file
}

// Write takes what was compressed.
func (f *exportFile) Write(compressed []byte) (int, error) {
	f.sum.Write(compressed)
	f.bytes += int64(len(compressed))
	return f.pipe.Write(compressed)
}

func (f *exportFile) line(line []byte) error {
	if _, err := f.zip.Write(line); err != nil {
		return fmt.Errorf("write %s: %w", f.name, err)
	}
	return nil
}

// finish ends the file, waits until it is in the bucket, and describes it.
func (f *exportFile) finish() (FileSum, error) {
	err := f.zip.Close()
	if err == nil {
		err = f.pipe.Close()
	} else {
		_ = f.pipe.CloseWithError(err)
	}
	if uploaded := <-f.done; uploaded != nil {
		err = uploaded // What the writer met is but its echo.
	}
	f.done <- err // For abandon.
	if err != nil {
		return FileSum{}, fmt.Errorf("write %s: %w", f.name, err)
	}
	return FileSum{Name: f.name, Bytes: f.bytes, SHA256: hex.EncodeToString(f.sum.Sum(nil)), Rows: f.rows}, nil
}

// abandon ends the upload, so that nothing of it appears, unless it was finished before. It waits for that.
func (f *exportFile) abandon(cause error) {
	_ = f.pipe.CloseWithError(cause)
	<-f.done //nolint:errcheck // Whoever abandons a file has a fault already, or has finished it.
}
