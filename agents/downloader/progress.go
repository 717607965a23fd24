package downloader

import "sync"

// numbers are how far a transfer has come.
type numbers struct {
	url     string
	total   int64 // 0: not known
	current int64
	resumed int64
}

// progress is written by a job and read by the event loop.
type progress struct {
	mu sync.Mutex // guards n
	n  numbers
}

func (p *progress) set(n numbers) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n = n
}

func (p *progress) at(current int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n.current = current
}

func (p *progress) get() numbers {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}
