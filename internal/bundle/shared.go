package bundle

import (
	"context"
	"sync"
)

// Bundles are the systems' functions, by system or by hex SHA-256.
type Bundles interface {
	SHA256(ctx context.Context, system, architecture string) (string, error)
	Content(ctx context.Context, sha256 string) ([]byte, error)
}

// Shared reads bundles one at a time and keeps the last one, so that many
// systems deployed at once do not each unpack the same functions. The content
// must not be changed.
type Shared struct {
	Bundles

	mu      sync.Mutex
	last    string
	content []byte
}

// Content returns the bundle with that digest.
func (s *Shared) Content(ctx context.Context, sha256 string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == sha256 {
		return s.content, nil
	}
	content, err := s.Bundles.Content(ctx, sha256)
	if err != nil {
		return nil, err
	}
	s.last, s.content = sha256, content
	return content, nil
}
