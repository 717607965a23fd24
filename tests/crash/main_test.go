package crash

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// scaled returns how often to do something.
func scaled(short, heavy int) int {
	if testutil.Long() {
		return heavy
	}
	return short
}

// report prints a test's one line.
func report(t testing.TB, format string, args ...any) {
	t.Helper()
	violations := "no violation"
	if t.Failed() {
		violations = "VIOLATED"
	}
	fmt.Printf("%-24s %s; %s\n", t.Name(), fmt.Sprintf(format, args...), violations)
}

// place is where a server lives, however often it starts.
type place struct {
	t   testing.TB
	dir string
	testutil.ServerOptions
}

func newPlace(t testing.TB) *place {
	dir := scratch(t)
	return &place{t: t, dir: dir, ServerOptions: testutil.ServerOptions{
		Socket: filepath.Join(dir, "s.sock"), StoreDir: filepath.Join(dir, "store"), VolatileDir: filepath.Join(dir, "volatile"),
		OwnerGrace: 100 * time.Millisecond,
	}}
}

// run runs a server in a process of its own.
func (p *place) run() *testutil.Process {
	p.t.Helper()
	return testutil.StartProcess(p.t, p.ServerOptions)
}

// connect connects a client, which is the test's to close.
func (p *place) connect(given ...client.Option) *client.Client {
	p.t.Helper()
	c, err := client.Connect(context.Background(), "unix://"+p.Socket, given...)
	if err != nil {
		p.t.Fatal(err)
	}
	testutil.Await(p.t, 10*time.Second, "the client is connected", func() bool { return c.Connected() == nil })
	return c
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// scratch returns a temporary directory, in memory where there is such a place:
// for disks whose records count, and whose real syncs only take time.
func scratch(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "nkv-crash-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// reboot makes a volatile store one of an earlier boot, by the name of the boot in
// its file's header, so that a server that starts on it finds what it would after
// a reboot. Without a whole header, it is none already.
func reboot(dir string) error {
	name := filepath.Join(dir, "log")
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(b) < 512 {
		return nil
	}
	if err != nil {
		return err
	}
	sum := func() uint32 { return crc32.Checksum(b[:508], crc32.MakeTable(crc32.Castagnoli)) }
	if sum() != binary.LittleEndian.Uint32(b[508:]) {
		return nil
	}
	b[50] ^= 1 // the first letter of the boot's name
	binary.LittleEndian.PutUint32(b[508:], sum())
	return os.WriteFile(name, b, 0o600)
}

// saved copies a directory to where a failure's evidence is kept and returns
// where that is.
func saved(t testing.TB, dir string) string {
	to, err := os.MkdirTemp("", "nkv-crash-*")
	if err == nil {
		err = exec.Command("cp", "-a", dir, to).Run()
	}
	if err != nil {
		t.Errorf("%s could not be saved: %v", dir, err)
	}
	return to
}
