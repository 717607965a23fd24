package store

import (
	"fmt"
	"iter"
	"sync/atomic"
)

// Memory is the engine "memory": it keeps what it is given until it is closed,
// and nothing beyond the process. Its guarantees beside survival are those of
// every engine.
type Memory struct {
	closed atomic.Bool

	live map[string][]byte
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory { return &Memory{live: make(map[string][]byte)} }

// All implements PersistValue.
func (m *Memory) All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for key, value := range m.live {
			if !yield(key, value) {
				return
			}
		}
	}
}

// Commit implements PersistValue. It refuses what a Log would refuse.
func (m *Memory) Commit(batch []Op) error {
	if m.closed.Load() {
		return fmt.Errorf("memory store: %w", ErrClosed)
	}
	if err := checkBatch(batch); err != nil {
		return fmt.Errorf("commit of %d operations to memory store: %w: %w", len(batch), ErrNotCommitted, err)
	}
	for _, op := range batch {
		if op.Delete {
			delete(m.live, op.Key)
		} else {
			m.live[op.Key] = op.Value
		}
	}
	return nil
}

// Reload implements PersistValue. There is no medium, so nothing changes.
func (m *Memory) Reload() error {
	if m.closed.Load() {
		return fmt.Errorf("memory store: %w", ErrClosed)
	}
	return nil
}

// Close implements PersistValue.
func (m *Memory) Close() error {
	m.closed.Store(true)
	return nil
}
