package contentserver

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
)

// blockSize is the size of a block in bytes; see the package's documentation.
const blockSize = 64 << 10

// The bounds of sizes, in bytes.
const (
	minSize = 256 << 10
	maxSize = 2 << 20
)

// Size returns the size of the content with this name in bytes. It is odd.
func Size(name string) int64 {
	sum := sha256.Sum256([]byte(name))
	n := binary.BigEndian.Uint64(sum[:8])
	return (minSize + int64(n%(maxSize-minSize))) | 1
}

// Open returns the content with this name. A reader is not safe for concurrent
// use.
func Open(name string) io.ReadSeeker { return open(name, false) }

// SHA256 returns the checksum of the content with this name, 64 hexadecimal
// digits.
func SHA256(name string) string {
	hash := sha256.New()
	_, _ = io.Copy(hash, Open(name)) // neither side can fail
	return hex.EncodeToString(hash.Sum(nil))
}

// content reads bytes that it computes.
type content struct {
	name    string
	size    int64
	corrupt bool // the byte in the middle differs
	at      int64
	number  int64 // of the block; -1: none was computed
	block   [blockSize]byte
}

func open(name string, corrupt bool) *content {
	return &content{name: name, size: Size(name), corrupt: corrupt, number: -1}
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (int, error) {
	if c.at >= c.size {
		return 0, io.EOF
	}
	c.compute(c.at / blockSize)
	n := copy(p, c.block[c.at%blockSize:min(blockSize, c.size-c.number*blockSize)])
	c.at += int64(n)
	return n, nil
}

func (c *content) compute(number int64) {
	if number == c.number {
		return
	}
	seed := append([]byte(c.name), 0)
	seed = strconv.AppendInt(seed, number, 10)
	_, _ = rand.NewChaCha8(sha256.Sum256(seed)).Read(c.block[:]) // it can't fail
	c.number = number
	if middle := c.size / 2; c.corrupt && middle/blockSize == number {
		c.block[middle%blockSize] ^= 0xff
	}
}

// Seek implements io.Seeker.
func (c *content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return c.at, fmt.Errorf("%w: byte %d of %q", ErrSeek, offset, c.name)
	}
	c.at = offset
	return offset, nil
}
