package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/leak"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/server/join"
	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/wire"
)

func TestOptionsAreValidated(t *testing.T) {
	dir := t.TempDir()
	for name, tc := range map[string]struct {
		opts server.Options
		says string
	}{
		"socket mode":              {server.Options{SocketMode: os.ModeSetuid | 0o600}, "SocketMode"},
		"negative value size":      {server.Options{MaxValue: -1}, "MaxValue"},
		"value size":               {server.Options{MaxValue: server.MaxMaxValue + 1}, "MaxValue"},
		"grace":                    {server.Options{OwnerGrace: -1}, "OwnerGrace"},
		"one directory":            {server.Options{StoreDir: dir, VolatileDir: dir}, "VolatileDir"},
		"one directory, two names": {server.Options{StoreDir: dir, VolatileDir: dir + "/./"}, "VolatileDir"},
		"no port":                  {server.Options{Listen: "127.0.0.1"}, "Listen"},
		"no number":                {server.Options{Listen: "127.0.0.1:nowhere-at-all"}, "Listen"},
		"port too high":            {server.Options{Listen: "127.0.0.1:65536"}, "Listen"},
		"negative port":            {server.Options{Listen: "127.0.0.1:-1"}, "Listen"},
		"TCP for everybody":        {server.Options{Listen: "127.0.0.1:0"}, "insecure"},
		"TCP for the world":        {server.Options{Listen: "0.0.0.0:0", Insecure: true}, "agents"},
		"TCP on all addresses":     {server.Options{Listen: ":0", Insecure: true}, "agents"},
		"TCP by a name":            {server.Options{Listen: "example.org:0", Insecure: true}, "agents"},
		"two minds":                {server.Options{Insecure: true, Agents: "/x"}, "Insecure"},
		"agents without a file":    {server.Options{Agents: filepath.Join(dir, "none")}, "Agents"},
		"agents of nobody":         {server.Options{Agents: dir, NKV0: true}, "NKV0"},
		"change log in no folder":  {server.Options{ChangeLog: filepath.Join(dir, "none", "log")}, "ChangeLog"},
		"change log is a folder":   {server.Options{ChangeLog: dir}, "ChangeLog"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := server.Start(context.Background(), tc.opts)
			if err == nil {
				s.Shutdown()
			}
			if !errors.Is(err, server.ErrInvalidOption) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v; want ErrInvalidOption naming %s", err, tc.says)
			}
		})
	}
	t.Run("before anything is made", func(t *testing.T) {
		opts := lives(t)
		opts.Listen = "nowhere"
		if _, err := server.Start(context.Background(), opts); !errors.Is(err, server.ErrInvalidOption) {
			t.Errorf("got %v; want ErrInvalidOption", err)
		}
		for _, path := range []string{opts.Socket, opts.StoreDir, opts.VolatileDir} {
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is there: %v", path, err)
			}
		}
	})
}

func TestOptionsHaveDefaults(t *testing.T) {
	opts, err := server.Options{}.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	if opts.Logger == nil {
		t.Error("no logger")
	}
	opts.Logger = nil
	want := server.Options{SocketMode: 0o660, MaxValue: 8 << 20, OwnerGrace: nkv.DefaultOwnerGrace, Version: "devel"}
	if diff := cmp.Diff(want, opts); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	s := start(t, server.Options{})
	if s.ClientURL() != "" || s.Addr() != nil {
		t.Errorf("it listens on %q, %v", s.ClientURL(), s.Addr())
	}
	if n := meet(t, s, "a").MaxPayload(); n != 8<<20+64<<10 {
		t.Errorf("max_payload is %d", n)
	}
}

func TestMaxValueLimits(t *testing.T) {
	for _, n := range []int{1, server.MaxMaxValue} {
		p := meet(t, start(t, server.Options{MaxValue: n}), "a")
		if got := p.MaxPayload(); got != int64(n+wire.HeaderSpace) {
			t.Errorf("with values of %d bytes max_payload is %d", n, got)
		}
		value := bytes.Repeat([]byte{'v'}, min(n, largestValue))
		p.done("nkv.v1.put.a.T.k", nil, string(value))
		if got := p.done("nkv.v1.get.a.T.k", nil, ""); !bytes.Equal(got.Data, value) {
			t.Errorf("a value of %d bytes came back with %d", len(value), len(got.Data))
		}
	}
}

// TestFailedStartLeavesNothing makes Start fail at each of its stages.
func TestFailedStartLeavesNothing(t *testing.T) {
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer occupied.Close()
	for name, tc := range map[string]struct {
		break_ func(t *testing.T, opts *server.Options) (mend func())
		want   error
		says   string
	}{
		"durable store locked":  {func(t *testing.T, o *server.Options) func() { return lock(t, o.StoreDir) }, store.ErrLocked, ""},
		"volatile store locked": {func(t *testing.T, o *server.Options) func() { return lock(t, o.VolatileDir) }, store.ErrLocked, ""},
		"store damaged":         {damage, store.ErrDamaged, ""},
		"change log": {func(t *testing.T, o *server.Options) func() {
			o.ChangeLog = t.TempDir()
			return func() { o.ChangeLog = "" }
		}, server.ErrInvalidOption, "ChangeLog"},
		"NATS configuration": {func(t *testing.T, o *server.Options) func() {
			o.NATSConfig = natsConfig(t, "jetstream: true")
			return func() { o.NATSConfig = "" }
		}, server.ErrNATSConfig, "jetstream"},
		"monitoring port in use": {func(t *testing.T, o *server.Options) func() {
			o.NATSConfig = natsConfig(t, "http: "+occupied.Addr().String())
			return func() { o.NATSConfig = "" }
		}, server.ErrNotReady, occupied.Addr().String()},
		"leaf node port in use": {func(t *testing.T, o *server.Options) func() {
			o.Insecure = true
			o.NATSConfig = natsConfig(t, "leafnodes { listen: \""+occupied.Addr().String()+"\" }")
			return func() { o.NATSConfig = "" }
		}, server.ErrNotReady, occupied.Addr().String()},
		"port in use": {func(t *testing.T, o *server.Options) func() {
			o.Listen, o.Insecure = occupied.Addr().String(), true
			return func() { o.Listen = "" }
		}, server.ErrNotReady, occupied.Addr().String()},
		"socket in use": {func(t *testing.T, o *server.Options) func() {
			l, err := join.Listen(o.Socket, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			return func() { l.Close() }
		}, join.ErrInUse, ""},
		"no folder for the socket": {func(t *testing.T, o *server.Options) func() {
			socket := o.Socket
			o.Socket = filepath.Join(t.TempDir(), "none", "s")
			return func() { o.Socket = socket }
		}, join.ErrNoDirectory, ""},
	} {
		t.Run(name, func(t *testing.T) {
			opts := lives(t)
			mend := tc.break_(t, &opts)
			began := time.Now()
			s, err := server.Start(context.Background(), opts)
			if err == nil {
				s.Shutdown()
			}
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v; want %v, saying %q", err, tc.want, tc.says)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("it took %s to fail", took)
			}
			mend()
			if left := leak.Goroutines(patience); left != "" {
				t.Errorf("goroutines are left:\n%s", left)
			}
			if _, err := os.Lstat(opts.Socket); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the socket is left: %v", err)
			}
			s, err = server.Start(context.Background(), opts)
			if err != nil {
				t.Fatalf("after the cause is gone: %v", err)
			}
			s.Shutdown()
		})
	}
}

// lock opens a store, as another server would.
func lock(t *testing.T, dir string) (release func()) {
	t.Helper()
	opened, err := store.OpenLog(store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return func() { opened.Close() }
}

// damage flips a bit in the middle of a durable store's file.
func damage(t *testing.T, opts *server.Options) (mend func()) {
	t.Helper()
	s, err := server.Start(context.Background(), *opts)
	if err != nil {
		t.Fatal(err)
	}
	p := meet(t, s, "a")
	for i := range 20 {
		p.done(fmt.Sprintf("nkv.v1.put.a.T.k%d", i), headers("Nkv-Durable", "true"), strings.Repeat("v", 100))
	}
	p.Close()
	s.Shutdown()
	var file string
	var whole []byte
	err = filepath.WalkDir(opts.StoreDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if len(content) > len(whole) {
			file, whole = path, content
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.Clone(whole)
	broken[len(broken)/2] ^= 1
	write := func(content []byte) {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(broken)
	return func() { write(whole) }
}

func TestSecondServerIsRefusedAtOnce(t *testing.T) {
	opts := lives(t)
	s := start(t, opts)
	p := meet(t, s, "a")
	for name, second := range map[string]server.Options{
		"same":     opts,
		"durable":  {StoreDir: opts.StoreDir},
		"volatile": {VolatileDir: opts.VolatileDir},
		"crossed":  {StoreDir: opts.VolatileDir},
	} {
		began := time.Now()
		other, err := server.Start(context.Background(), second)
		if err == nil {
			other.Shutdown()
		}
		if !errors.Is(err, store.ErrLocked) {
			t.Errorf("%s: %v; want ErrLocked", name, err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: refused after %s", name, took)
		}
	}
	p.done("nkv.v1.version", nil, "")
	if c, err := net.Dial("unix", opts.Socket); err != nil {
		t.Error("the first server's socket:", err)
	} else {
		c.Close()
	}
}
