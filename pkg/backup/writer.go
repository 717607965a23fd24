package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

const (
	// magic begins the first line; the version follows.
	magic   = "nkv-backup "
	version = 1
	// trailer begins the last line.
	trailer = "sha256 "
)

// Writer writes a backup's file.
type Writer struct {
	out io.Writer
	sum hash.Hash
}

// NewWriter begins a file.
func NewWriter(out io.Writer) (*Writer, error) {
	w := &Writer{out: out, sum: sha256.New()}
	return w, w.Page(fmt.Appendf(nil, "%s%d\n", magic, version))
}

// Page writes one page, as it came.
func (w *Writer) Page(page []byte) error {
	w.sum.Write(page)
	_, err := w.out.Write(page)
	return err
}

// Close writes the last line. It does not close what is written to.
func (w *Writer) Close() error {
	_, err := io.WriteString(w.out, trailer+hex.EncodeToString(w.sum.Sum(nil))+"\n")
	return err
}
