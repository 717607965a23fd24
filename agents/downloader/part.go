package downloader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/evenkv/nkv/agents/types"
)

// Names of the files beside a target.
const (
	partSuffix = ".part"
	markSuffix = ".part.json"
)

// bootIDFile tells boots apart: Linux, proc(5).
const bootIDFile = "/proc/sys/kernel/random/boot_id"

// part is the file that a download is written to. It is locked: a process that
// lost the table but still runs can't write to it too. It belongs to one job.
type part struct {
	target string
	file   *os.File
	size   int64
	hash   hash.Hash // of all that the file holds, once it was read or begun
	mark   mark
}

// mark says what the bytes of a part are of.
type mark struct {
	// URL is where they came from.
	URL string
	// ETag is the strong validator of the content that they are the beginning of.
	ETag string
	// Boot is the boot in which the part was begun; empty: not known.
	Boot string
}

// openPart opens a target's part, and makes it when there is none.
func openPart(target string) (*part, error) {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return nil, fileError(err)
	}
	file, err := os.OpenFile(target+partSuffix, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fileError(err)
	}
	p := &part{target: target, file: file, hash: sha256.New()}
	if err := p.lock(); err != nil {
		file.Close()
		return nil, fileError(err)
	}
	data, err := os.ReadFile(target + markSuffix)
	if err != nil || json.Unmarshal(data, &p.mark) != nil {
		p.mark = mark{} // nothing says what the part is of
	}
	return p, nil
}

// lock takes the file for this process, if it still is the part.
func (p *part) lock() error {
	if err := syscall.Flock(int(p.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("%s is in use by another process: %w", p.file.Name(), err)
	}
	mine, err := p.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(p.file.Name())
	if err != nil {
		return err
	}
	if !os.SameFile(mine, there) {
		return fmt.Errorf("%s was replaced meanwhile", p.file.Name())
	}
	p.size = mine.Size()
	return nil
}

// resumable reports whether the part is the beginning of what this URL had.
func (p *part) resumable(url string, request types.DownloaderConfig) bool {
	if p.size == 0 || p.mark.URL != url || !strong(p.mark.ETag) {
		return false
	}
	if request.MaxSizeBytes > 0 && uint64(p.size) > request.MaxSizeBytes {
		return false
	}
	return request.SHA256 != "" || (p.mark.Boot != "" && p.mark.Boot == bootID())
}

// read computes the checksum of what is there and leaves the file at its end.
func (p *part) read(ctx context.Context) error {
	p.hash.Reset()
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return fileError(err)
	}
	n, err := sum(ctx, p.hash, p.file)
	if err != nil {
		return err
	}
	p.size = n
	return nil
}

// begin makes the part empty. When etag is a strong one, it can be gone on with
// later.
func (p *part) begin(url, etag string) error {
	p.hash.Reset()
	if err := p.clear(); err != nil {
		return err
	}
	if !strong(etag) {
		return nil
	}
	p.mark = mark{URL: url, ETag: etag, Boot: bootID()}
	data, err := json.Marshal(p.mark)
	if err == nil {
		err = os.WriteFile(p.target+markSuffix, data, 0o644)
	}
	if err != nil {
		p.mark = mark{}
		return fileError(err)
	}
	return nil
}

// clear forgets what the part is of, and then its bytes.
func (p *part) clear() error {
	p.mark = mark{}
	err := remove(p.target + markSuffix)
	if p.size > 0 && err == nil {
		err = p.file.Truncate(0)
	}
	if err != nil {
		return fileError(err)
	}
	p.size = 0
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return fileError(err)
	}
	return nil
}

// write appends.
func (p *part) write(data []byte) error {
	n, err := p.file.Write(data)
	p.hash.Write(data[:n])
	p.size += int64(n)
	if err != nil {
		return fileError(err)
	}
	return nil
}

func (p *part) sha256() string { return hex.EncodeToString(p.hash.Sum(nil)) }

// commit makes the part the target, durably.
func (p *part) commit() error {
	if err := p.file.Sync(); err != nil {
		return fileError(err)
	}
	if err := os.Rename(p.target+partSuffix, p.target); err != nil {
		return fileError(err)
	}
	if err := remove(p.target + markSuffix); err != nil {
		return fileError(err)
	}
	if err := syncDir(filepath.Dir(p.target)); err != nil {
		return fileError(err)
	}
	return nil
}

// close leaves the part for later; an empty one goes.
func (p *part) close() {
	if p.size == 0 {
		_ = removeParts(p.target) // it would only lie about
	}
	p.file.Close()
}

// strong reports whether an ETag is there and a strong one (RFC 9110, 8.8.3).
func strong(etag string) bool {
	return len(etag) >= 2 && strings.HasPrefix(etag, `"`) && strings.HasSuffix(etag, `"`)
}

func bootID() string {
	id, err := os.ReadFile(bootIDFile)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// removeParts removes what a download leaves beside its target.
func removeParts(target string) error {
	return errors.Join(remove(target+markSuffix), remove(target+partSuffix))
}

// remove removes a file that may not be there, or can't be.
func remove(path string) error {
	err := os.Remove(path)
	for _, absent := range []error{fs.ErrNotExist, syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.EINVAL} {
		if errors.Is(err, absent) {
			return nil
		}
	}
	return err
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// sum adds a file's bytes to a checksum, until its end or that of ctx.
func sum(ctx context.Context, to hash.Hash, from io.Reader) (int64, error) {
	buf := make([]byte, bufferSize)
	total := int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, err := from.Read(buf)
		to.Write(buf[:n])
		total += int64(n)
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, fileError(err)
		}
	}
}
