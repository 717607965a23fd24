package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/evenkv/nkv/agents/contentserver"
)

// vaultWatch looks at the files of volumes all the time. Whoever is killed when:
// a file that has its final name must be complete at first sight.
type vaultWatch struct {
	dir   string
	known *known
	stop  chan struct{}
	done  sync.WaitGroup
	files map[string]os.FileInfo // that were looked at, by name; the goroutine's

	mu    sync.Mutex // guards the fields below
	seen  int        // files, in all
	wrong error      // the first that was not complete
}

func watchVault(dir string, k *known) *vaultWatch {
	w := &vaultWatch{dir: dir, known: k, stop: make(chan struct{}), files: map[string]os.FileInfo{}}
	w.done.Go(w.watch)
	return w
}

func (w *vaultWatch) watch() {
	tick := time.NewTicker(lookEvery) // another process's file has no event that is ours
	defer tick.Stop()
	for {
		w.look()
		select {
		case <-tick.C:
		case <-w.stop:
			return
		}
	}
}

func (w *vaultWatch) close() {
	close(w.stop)
	w.done.Wait()
}

func (w *vaultWatch) look() {
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return // it is not there yet
	}
	for _, e := range entries {
		name := e.Name()
		info, err := e.Info()
		if err != nil || strings.Contains(name, ".") { // gone, or unfinished
			continue
		}
		if before := w.files[name]; before != nil && os.SameFile(before, info) {
			continue
		}
		err = w.check(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		w.files[name] = info
		w.mu.Lock()
		w.seen++
		if err != nil && w.wrong == nil {
			w.wrong = fmt.Errorf("volume file %s at first sight: %w", name, err)
		}
		w.mu.Unlock()
	}
}

// check compares a file with what its volume must be.
func (w *vaultWatch) check(name string) error {
	id, _, _ := strings.Cut(name, "#")
	want, ok := w.known.volume(id)
	if !ok {
		return errors.New("no configuration has such a volume")
	}
	return want.differs(filepath.Join(w.dir, name))
}

// differs compares a volume's file with what it must be, byte by byte.
func (w whole) differs(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it was only read
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != w.bytes {
		return fmt.Errorf("it has %d bytes; wanted are %d", info.Size(), w.bytes)
	}
	if w.content == "" {
		return nil
	}
	want, err := io.ReadAll(contentserver.Open(w.content))
	if err != nil {
		return err
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(file, got); err != nil || !bytes.Equal(got, want) {
		return fmt.Errorf("its bytes are not those of %s (%v)", w.content, err)
	}
	return nil
}

// verdict returns how many files there were in all, and the first that was wrong.
func (w *vaultWatch) verdict() (seen int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen, w.wrong
}
