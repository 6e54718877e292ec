package api

import "sync"

// memo reads each thing once, whoever asks for it at the same time.
type memo[T any] struct {
	mu    sync.Mutex
	known map[string]func() (T, error)
}

func (m *memo[T]) get(key string, read func() (T, error)) (T, error) {
	m.mu.Lock()
	found := m.known[key]
	if found == nil {
		if m.known == nil {
			m.known = map[string]func() (T, error){}
		}
		found = sync.OnceValues(read)
		m.known[key] = found
	}
	m.mu.Unlock()
	return found()
}

// kept keeps what never changes between requests: so many of them, then it begins anew.
type kept[T any] struct {
	mu    sync.Mutex
	most  int
	known map[string]T
}

func (k *kept[T]) get(key string) (T, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found, ok := k.known[key]
	return found, ok
}

func (k *kept[T]) put(key string, value T) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil || len(k.known) >= k.most {
		k.known = map[string]T{}
	}
	k.known[key] = value
}
