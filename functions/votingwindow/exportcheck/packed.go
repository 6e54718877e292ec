package exportcheck

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// maxLineBytes bounds a line, in bytes: a row has some 200. What is compressed a thousandfold is read as a stream and is never held, so that
// no file, however it was made, takes more memory than this.
const maxLineBytes = 8 << 10

// packed reads a compressed file as a stream.
type packed struct {
	file  fs.File
	raw   *bufio.Reader
	zip   *gzip.Reader
	lines *bufio.Reader
	have  []byte
}

func openPacked(files fs.FS, name string) (*packed, error) {
	file, err := files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	raw := bufio.NewReader(file)
	zip, err := gzip.NewReader(raw)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	zip.Multistream(false) // One stream, as it was written.
	return &packed{file: file, raw: raw, zip: zip, lines: bufio.NewReaderSize(zip, maxLineBytes)}, nil
}

func (p *packed) close() { _ = p.file.Close() }

// line returns the next line with its end, valid until the next call, and io.EOF at the end of the file.
func (p *packed) line() ([]byte, error) {
	line, err := p.lines.ReadSlice('\n')
	switch {
	case err == nil:
		return line, nil
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, fmt.Errorf("it is longer than %d bytes", maxLineBytes)
	case errors.Is(err, io.EOF) && len(line) == 0:
		return nil, io.EOF
	case errors.Is(err, io.EOF):
		return nil, errors.New("it has no end")
	default:
		return nil, fmt.Errorf("uncompress it: %w", err)
	}
}

// expect reads exactly these bytes.
func (p *packed) expect(want []byte) error {
	if cap(p.have) < len(want) {
		p.have = make([]byte, len(want), 2*len(want))
	}
	p.have = p.have[:len(want)]
	switch n, err := io.ReadFull(p.lines, p.have); {
	case errors.Is(err, io.EOF) && n == 0:
		return errors.New("it is missing")
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("uncompress it: %w", err)
	case !bytes.Equal(p.have[:n], want):
		return fmt.Errorf("it is %q, should be %q as in the other format", bytes.TrimSuffix(p.have[:n], []byte("\n")), bytes.TrimSuffix(want, []byte("\n")))
	}
	return nil
}

// end makes sure that nothing follows, in the stream or behind it.
func (p *packed) end() error {
	if _, err := p.lines.ReadByte(); err == nil {
		return errors.New("there is more than in the other format")
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("uncompress it: %w", err)
	}
	if _, err := p.raw.ReadByte(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the end of the compressed stream")
	}
	return nil
}
