package mirror

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/store"
)

// A file that could not be written is tried again after repairFirst, then after
// ever longer pauses up to repairMost.
const (
	repairFirst = 100 * time.Millisecond
	repairMost  = 10 * time.Second
)

// Options configure a mirror.
type Options struct {
	// Root is the directory below which the original's directories are. It must
	// be there; what is missing below it is made. Required.
	Root eve.Root
	// Durable and Volatile are the stores of the core's lanes. They stay the
	// caller's to close. Required.
	Durable, Volatile store.PersistValue
	// MaxValue is the largest file, in bytes, that is imported. Required.
	MaxValue int
	// Logger gets what people should know; nil: nothing is logged. Values never
	// are.
	Logger logrus.FieldLogger
}

// Mirror keeps the files of both lanes. Its methods are safe for concurrent use.
type Mirror struct {
	root     eve.Root
	maxValue int
	log      logrus.FieldLogger
	durable  *Store
	volatile *Store

	wake    chan struct{} // holds a token when a file is behind
	quit    chan struct{}
	workers sync.WaitGroup
	close   sync.Once
}

// Open makes the directories of the layout that are missing. The stores that it
// wraps are to be given to the core; they touch no file before Import. ErrRoot when
// a directory can't be used.
func Open(opts Options) (*Mirror, error) {
	m := &Mirror{root: opts.Root, maxValue: opts.MaxValue, log: opts.Logger, wake: make(chan struct{}, 1), quit: make(chan struct{})}
	if m.log == nil {
		silent := logrus.New()
		silent.SetLevel(logrus.PanicLevel)
		m.log = silent
	}
	freshStatus, freshRun := missing(m.root.Status()), missing(m.root.Run())
	if err := m.lay(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrRoot, opts.Root, err)
	}
	status, err := os.OpenRoot(m.root.Status())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoot, err)
	}
	run, err := os.OpenRoot(m.root.Run())
	if err != nil {
		status.Close()
		return nil, fmt.Errorf("%w: %w", ErrRoot, err)
	}
	m.durable = newStore(m, opts.Durable, true, status)
	m.volatile = newStore(m, opts.Volatile, false, run)
	m.durable.fresh, m.volatile.fresh = freshStatus, freshRun
	m.workers.Go(m.repair)
	return m, nil
}

func newStore(m *Mirror, inner store.PersistValue, durable bool, base *os.Root) *Store {
	s := &Store{
		mirror: m, inner: inner, durable: durable, base: base, turn: make(chan struct{}, 1),
		tables: state{}, released: map[string]bool{}, stale: map[id]*file{}, due: map[id]note{},
	}
	s.leave()
	return s
}

func missing(dir string) bool {
	_, err := os.Stat(dir)
	return errors.Is(err, fs.ErrNotExist)
}

// lay makes the directories that are missing. The original has its sockets and
// volatile tables below var/run, which on a device is run.
func (m *Mirror) lay() error {
	if info, err := os.Stat(string(m.root)); err != nil {
		return err
	} else if !info.IsDir() {
		return errors.New("it is no directory")
	}
	if err := os.MkdirAll(m.root.Status(), dirMode); err != nil {
		return err
	}
	if err := os.MkdirAll(m.root.Run(), 0o755); err != nil {
		return err
	}
	above := filepath.Join(string(m.root), "var")
	if err := os.MkdirAll(above, 0o755); err != nil {
		return err
	}
	if err := os.Symlink("../run", filepath.Join(above, "run")); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Durable and Volatile are the stores for the core.
func (m *Mirror) Durable() *Store { return m.durable }

// Volatile is the store of volatile tables.
func (m *Mirror) Volatile() *Store { return m.volatile }

// Close stops the writing again of files that could not be written. It is to be
// called when the core has stopped, before the stores are closed. It is idempotent.
func (m *Mirror) Close() {
	m.close.Do(func() {
		close(m.quit)
		m.workers.Wait()
		for _, s := range m.lanes() {
			s.take()
			s.active = false
			s.base.Close()
			s.leave()
		}
	})
}

func (m *Mirror) lanes() []*Store { return []*Store{m.durable, m.volatile} }

func (m *Mirror) wakeUp() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// repair is a goroutine: it writes files again that could not be written.
func (m *Mirror) repair() {
	for {
		select {
		case <-m.wake:
		case <-m.quit:
			return
		}
		for pause := repairFirst; ; pause = min(2*pause, repairMost) {
			select {
			case <-time.After(pause):
			case <-m.quit:
				return
			}
			durable, volatile := m.durable.repair(), m.volatile.repair()
			if durable && volatile {
				break
			}
		}
	}
}
