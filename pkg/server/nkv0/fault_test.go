package nkv0_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/server/nkv0"
	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/wire"
)

// TestKilledServer: what was answered with success is there after kill -9, and a
// store that refuses is answered with 503.
func TestKilledServer(t *testing.T) {
	dir := t.TempDir()
	opts := testutil.ServerOptions{
		Socket: filepath.Join(dir, "s"), Listen: testutil.FreeAddress(t),
		StoreDir: filepath.Join(dir, "durable"), VolatileDir: filepath.Join(dir, "volatile"), NKV0: true,
	}
	for n := range 3 {
		process := testutil.StartProcess(t, opts)
		c := old(t, "nats://"+opts.Listen)
		if n > 0 {
			c.want("pubsub.get", request("Get", "k")+"}", fmt.Sprintf(`{"Get":{"id":7,"status":200,"message":"No Error","data":[%d]}}`, n-1))
		}
		c.put("k", fmt.Sprintf("[%d]", n))
		if n < 2 {
			process.Kill()
			continue
		}
		messages := c.listen("k")
		var limit unix.Rlimit
		if err := unix.Prlimit(process.PID(), unix.RLIMIT_FSIZE, nil, &limit); err != nil {
			t.Fatal(err)
		}
		if err := unix.Prlimit(process.PID(), unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1, Max: limit.Max}, nil); err != nil {
			t.Fatal(err)
		}
		for subject, body := range map[string]string{"pubsub.put": request("Put", "k") + "[9]}", "pubsub.delete": request("Delete", "k") + "}"} {
			if got := c.ask(subject, body); !strings.HasPrefix(got, `{"Base":{"id":7,"status":503,"message":"unavailable`) {
				t.Errorf("%s on a full disk: %s", subject, got)
			}
		}
		c.want("pubsub.get", request("Get", "k")+"}", `{"Get":{"id":7,"status":200,"message":"No Error","data":[2]}}`)
		if err := unix.Prlimit(process.PID(), unix.RLIMIT_FSIZE, &limit, nil); err != nil {
			t.Fatal(err)
		}
		testutil.Await(t, patience, "the store takes changes again", func() bool {
			return c.ask("pubsub.put", request("Put", "k")+"[3]}") == done
		})
		messages.want(update("3")) // and nothing of what was refused
	}
}

// unsureStore keeps what it is given and says, when told to, that it may not have.
type unsureStore struct {
	store.PersistValue
	unsure atomic.Bool
}

var errUnsure = errors.New("the sync failed")

func (s *unsureStore) Commit(ops []store.Op) error {
	if err := s.PersistValue.Commit(ops); err != nil || !s.unsure.Load() {
		return err
	}
	return errUnsure
}

// desk is a service on a core of its own, with what it has published.
type desk struct {
	*nkv0.Service
	mu        sync.Mutex // guards published
	published []string
	beside    sync.WaitGroup
}

// Notify tells the service, once it is there.
func (d *desk) Notify(e nkv.Event) {
	if d.Service != nil {
		d.Service.Notify(e)
	}
}

func (d *desk) publish(subject string, body []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.published = append(d.published, subject+" "+string(body))
	return nil
}

// came waits for a message and returns how often it came.
func (d *desk) came(t *testing.T, want string) int {
	t.Helper()
	n := 0
	testutil.Await(t, patience, want, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		n = 0
		for _, m := range d.published {
			if strings.HasPrefix(m, want) {
				n++
			}
		}
		return n > 0
	})
	return n
}

// newDesk makes a service, without its table, on a core with a durable store.
func newDesk(t *testing.T, durable store.PersistValue) *desk {
	t.Helper()
	d := &desk{}
	log := logrus.New()
	log.SetOutput(t.Output())
	core, err := nkv.Open(nkv.Options{Durable: durable, Notifier: d, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { core.Close(); d.beside.Wait() })
	d.Service = nkv0.New(nkv0.Options{
		Core: core, Publish: d.publish, Beside: func(f func()) { d.beside.Go(f) },
		Status: func(error) wire.Status { return wire.StatusUnavailable },
		MayPut: func(string, []byte) error { return nil }, MaxValue: 100, MaxMessage: 1000, Logger: log,
	})
	return d
}

// TestAPutMakesTheTable, durable, when the store took none at the start.
func TestAPutMakesTheTable(t *testing.T) {
	d := newDesk(t, store.NewMemory())
	d.Receive("pubsub.put", "_INBOX.1", []byte(request("Put", "k")+"[1]}"))
	d.came(t, "_INBOX.1 "+done)
	tables := make(chan []nkv.Info, 1)
	d.Core.Submit(nkv.Request{Op: nkv.OpTables, Done: func(result nkv.Result) { tables <- result.Infos }})
	if got := <-tables; len(got) != 1 || !got[0].Durable {
		t.Errorf("tables: %+v", got)
	}
}

// TestValuesAreToldAgain: a change that was answered as unknown, and has happened,
// is told when the store was read again.
func TestValuesAreToldAgain(t *testing.T) {
	durable := &unsureStore{PersistValue: store.NewMemory()}
	d := newDesk(t, durable)
	if err := d.Prepare(within(t)); err != nil {
		t.Fatal(err)
	}
	d.Receive("pubsub.put", "_INBOX.1", []byte(request("Put", "k")+"[1]}"))
	d.came(t, "_INBOX.1 "+done)
	durable.unsure.Store(true)
	d.Receive("pubsub.put", "_INBOX.2", []byte(request("Put", "k")+"[2]}"))
	d.came(t, `_INBOX.2 {"Base":{"id":7,"status":503,"message":"outcome unknown`)
	durable.unsure.Store(false)
	d.came(t, "pub-k "+update("2"))
	if n := d.came(t, "pub-k "+update("1")); n != 1 {
		t.Errorf("the former value was told %d times", n)
	}
}
