package join

import "sync"

// Sizes of buffers. The small one takes most messages; the large one is as large
// as the largest piece that NATS writes (nbPoolSizeLarge in its client.go) and
// reads (maxBufSize there).
const (
	smallBuffer = 4 << 10
	largeBuffer = 64 << 10
)

// buffers lends buffers to all connections of a joiner. A buffer is out only
// while bytes are on their way. It is safe for concurrent use.
type buffers struct{ small, large sync.Pool }

// take returns a buffer of size smallBuffer or largeBuffer.
func (b *buffers) take(size int) *[]byte {
	pool := b.pool(size)
	if buf, ok := pool.Get().(*[]byte); ok {
		return buf
	}
	buf := make([]byte, size)
	return &buf
}

func (b *buffers) give(buf *[]byte) { b.pool(len(*buf)).Put(buf) }

func (b *buffers) pool(size int) *sync.Pool {
	if size == largeBuffer {
		return &b.large
	}
	return &b.small
}

// nextSize is the size to take after one of the given size got n bytes: large
// while they are filled, small again when a small one would have done.
func nextSize(size, n int) int {
	switch {
	case n == size:
		return largeBuffer
	case n < smallBuffer:
		return smallBuffer
	}
	return size
}
