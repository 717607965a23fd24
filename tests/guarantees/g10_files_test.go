package guarantees

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/wire"
)

// TestG10Files gives the server directories that can't be: it refuses to start,
// and says which and why.
func TestG10Files(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, p *place)
		is      error
		says    string
	}{
		{"a second server on the same directory", func(t *testing.T, p *place) {
			other := newPlace(t)
			other.storeDir = p.storeDir
			other.start()
		}, store.ErrLocked, "store"},
		{"a second server on the same volatile directory", func(t *testing.T, p *place) {
			other := newPlace(t)
			other.volatileDir = p.volatileDir
			other.start()
		}, store.ErrLocked, "volatile"},
		{"one directory for both", func(_ *testing.T, p *place) { p.volatileDir = p.storeDir + "/" }, server.ErrInvalidOption, "store"},
		{"one directory for both, through a link", func(t *testing.T, p *place) {
			if err := errors.Join(os.Mkdir(p.storeDir, 0o700), os.Symlink(p.storeDir, p.volatileDir)); err != nil {
				t.Fatal(err)
			}
		}, store.ErrLocked, "volatile"},
		{"a damaged store", func(t *testing.T, p *place) { damage(t, p, p.storeDir) }, store.ErrDamaged, "store"},
		{"a damaged volatile store", func(t *testing.T, p *place) { damage(t, p, p.volatileDir) }, store.ErrDamaged, "volatile"},
		{"a file in the place of a directory", func(t *testing.T, p *place) {
			if err := os.WriteFile(p.storeDir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, unix.ENOTDIR, "store"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			tt.prepare(t, p)
			began := time.Now()
			s, err := server.Start(testContext(t), server.Options{Socket: p.socket, StoreDir: p.storeDir, VolatileDir: p.volatileDir})
			if err == nil {
				s.Shutdown()
				t.Fatal("the server started")
			}
			if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the error is %v; want %v, naming %s", err, tt.is, tt.says)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("it was refused after %s", took)
			}
		})
	}
}

// damage fills a store and changes a byte in its middle.
func damage(t *testing.T, p *place, dir string) {
	t.Helper()
	p.start()
	c := p.raw(t)
	for i := range 50 {
		for topic, option := range map[string][]client.ChangeOption{"D": {client.Durable()}, "V": nil} {
			path := wire.Path{Table: wire.Table{Agent: "a", Topic: topic}, Key: key(i)}
			if _, err := c.Put(testContext(t), path, bytes.Repeat([]byte("v"), 500), option...); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.Close()
	p.stop()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 10_000 {
			data[len(data)/2] ^= 0x40
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
