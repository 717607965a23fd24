package client

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/evenkv/nkv/pkg/wire"
)

// A publication that could not open its table, or whose change was refused for
// now, tries again after retryFirst, then after ever longer pauses up to
// retryMost.
const (
	retryFirst = 20 * time.Millisecond
	retryMost  = 5 * time.Second
)

// Publication is the writing end of a table. It holds what its owner wants the
// table to be and makes the table become that: now, and after every reconnect or
// server restart, whatever happened to a change on its way. Its methods are safe
// for concurrent use; calls for one key take effect in their order.
type Publication struct {
	c       *Client
	table   string
	name    wire.Table
	request wire.OpenRequest

	mu      sync.Mutex // guards the fields below
	fence   uint64     // 0: the table is not open now
	told    uint64     // newest fence that a mark told on this connection
	trouble error      // why it is not
	wanted  map[string]*wish
	last    uint64 // number of the newest wish
	restart restart
	closed  bool

	connections int // how often the connection broke or was new

	refused  error // why the server refused a change for now; nil: it did not since the last pause
	refusals int   // in a row

	patient bool          // a table that another has before the first opening is waited for
	stuck   chan struct{} // closed when a patient publication was refused before its first opening
	opened  chan struct{} // closed when the table was open for the first time
	kick    chan struct{} // holds a token when there is something to do
	// renewed holds a token when the connection broke or is new: it ends a pause.
	renewed chan struct{}
	ctx     context.Context
	stop    context.CancelFunc
	done    chan struct{}
}

// OpenOption changes how a table is opened.
type OpenOption func(*wire.OpenRequest)

// DurableTable makes the table durable: its changes survive power loss. Without
// it the table is volatile. A table that was the other kind becomes this one,
// with its keys.
func DurableTable() OpenOption { return func(r *wire.OpenRequest) { r.Durable = true } }

// OwnerFingerprint tells the server the fingerprint of the owner's type.
func OwnerFingerprint(fingerprint string) OpenOption {
	return func(r *wire.OpenRequest) { r.Fingerprint = fingerprint }
}

// Open becomes the owner of a table and returns when it is open, with what the
// table holds adopted. It waits for the server as long as ctx allows, and for a
// former owner, whose connection is gone, to lose its claim. While another
// instance is connected and owns the table, it returns ErrTableOwned; when the
// table is another agent's, ErrForbidden.
//
// The publication lives until Close or the client's end; ctx is only for the
// opening.
func (c *Client) Open(ctx context.Context, table wire.Table, given ...OpenOption) (*Publication, error) {
	p, err := c.newPublication(table, false, given)
	if err != nil {
		return nil, err
	}
	if err := p.Wait(ctx); err != nil {
		p.abandon()
		return nil, err
	}
	return p, nil
}

// OpenLater is Open without the waiting: it returns at once, and the table is
// opened as soon as that can be, however long the server or another owner keeps
// it. What is put before that is wanted, and sent then; keys that the table is
// found to hold are adopted then. Wait tells when.
//
// Errors: ErrInvalid, ErrClosed, and ErrTableOwned when this client has a
// publication of the table already.
func (c *Client) OpenLater(table wire.Table, given ...OpenOption) (*Publication, error) {
	return c.newPublication(table, true, given)
}

func (c *Client) newPublication(table wire.Table, patient bool, given []OpenOption) (*Publication, error) {
	if err := table.Validate(); err != nil {
		return nil, fmt.Errorf("%w: open: %w", ErrInvalid, err)
	}
	p := &Publication{
		c: c, table: table.String(), name: table, wanted: map[string]*wish{}, patient: patient, stuck: make(chan struct{}),
		opened: make(chan struct{}), kick: make(chan struct{}, 1), renewed: make(chan struct{}, 1), done: make(chan struct{}),
	}
	for _, option := range given {
		option(&p.request)
	}
	p.ctx, p.stop = context.WithCancel(c.ctx)
	if err := c.addPublication(p); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (c *Client) addPublication(p *Publication) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fmt.Errorf("%w: the client", ErrClosed)
	}
	for other := range c.publications {
		if other.table == p.table {
			return fmt.Errorf("%w: this client has a publication of table %s already", ErrTableOwned, p.table)
		}
	}
	c.publications[p] = struct{}{}
	c.work.Go(p.run)
	signal(p.kick)
	return nil
}

// Wait returns nil as soon as the table has been open, with what it held adopted.
// Before that it returns ErrTableOwned when another instance is connected and owns
// the table, ErrForbidden when it is another agent's; a publication of OpenLater
// goes on trying. When ctx is done, the error says why the table is not open yet.
func (p *Publication) Wait(ctx context.Context) error {
	select {
	case <-p.opened:
		return nil
	case <-p.stuck:
		return p.reason(ErrTableOwned)
	case <-p.done:
		return p.reason(fmt.Errorf("%w: the publication of %s", ErrClosed, p.table))
	case <-ctx.Done():
		return fmt.Errorf("open %s: %w: %w", p.table, p.reason(ErrDisconnected), ctx.Err())
	}
}

// Opened returns a channel that is closed when the table has been open for the
// first time, with what it held adopted.
func (p *Publication) Opened() <-chan struct{} { return p.opened }

// reason returns why the table is not open.
func (p *Publication) reason(otherwise error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trouble != nil {
		return p.trouble
	}
	return otherwise
}

// Put wants key to be value, which must not be changed after the call, and returns
// when the server has acknowledged it, or a later Put or Delete of the key. When
// the value is the one that was acknowledged last, nothing is sent.
//
// Until ctx, or the client's timeout when ctx has no deadline: then the error is
// ErrUnconfirmed and the value stays wanted, as it does with ErrUnavailable,
// ErrTableOwned and ErrFence: it is sent when that is over, unless another is
// wanted then. With ErrTooLarge and ErrInvalid nothing was changed, and the value
// before stays wanted.
func (p *Publication) Put(ctx context.Context, key string, value []byte) error {
	if err := p.valid(key); err != nil {
		return err
	}
	if err := p.c.fits(p.path(key), value); err != nil {
		return err
	}
	return p.want(ctx, key, &wish{key: key, value: value})
}

// Delete wants key to be gone and returns when the server has acknowledged it;
// ErrNotFound when the key is not wanted to be there. Its other errors are those
// of Put.
func (p *Publication) Delete(ctx context.Context, key string) error {
	if err := p.valid(key); err != nil {
		return err
	}
	return p.want(ctx, key, &wish{key: key, deleted: true})
}

func (p *Publication) valid(key string) error {
	if err := (wire.Path{Table: p.name, Key: key}).Validate(); err != nil {
		return fmt.Errorf("%w: publish to %s: %w", ErrInvalid, p.table, err)
	}
	return nil
}

func (p *Publication) path(key string) string {
	return wire.Path{Table: p.name, Key: key}.String()
}

func (p *Publication) want(ctx context.Context, key string, w *wish) error {
	p.mu.Lock()
	old := p.wanted[key]
	there := old != nil && !old.deleted
	switch {
	case p.closed:
		p.mu.Unlock()
		return fmt.Errorf("%w: the publication of %s", ErrClosed, p.table)
	case w.deleted && old == nil:
		p.mu.Unlock()
		return fmt.Errorf("%w: key %q of table %s", ErrNotFound, key, p.table)
	case there && !w.deleted && old.confirmed && p.fence != 0 && bytes.Equal(old.value, w.value):
		p.mu.Unlock()
		return nil
	}
	w.settled = make(chan struct{})
	w.older = old.waiting()
	p.last++
	w.number = p.last
	p.wanted[key] = w
	if p.fence != 0 {
		p.send(w)
	} else {
		signal(p.kick)
	}
	p.mu.Unlock()
	return p.await(ctx, w, p.path(key))
}

// await waits for a wish's first answer.
func (p *Publication) await(ctx context.Context, w *wish, what string) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.c.opts.timeout)
		defer cancel()
	}
	select {
	case <-w.settled:
		return w.err
	case <-ctx.Done():
	case <-p.ctx.Done():
	}
	p.mu.Lock()
	w.alone = true
	settled := w.isSettled()
	p.mu.Unlock()
	if settled {
		return w.err
	}
	if err := p.reason(nil); err != nil {
		return fmt.Errorf("%w: %s stays wanted: %w", ErrUnconfirmed, what, err)
	}
	return fmt.Errorf("%w: %s stays wanted: no answer in time", ErrUnconfirmed, what)
}

// disconnected is called when the connection broke or is new.
func (p *Publication) disconnected() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fence, p.told = 0, 0
	p.connections++
	p.renew()
}

// renew has the table opened now if it is not open.
func (p *Publication) renew() {
	signal(p.kick)
	signal(p.renewed)
}

// Restarted sets the table's restart counter, after every change that was called
// for before: its readers are told when they have handled these. 0 clears it.
func (p *Publication) Restarted(ctx context.Context, counter uint64) error {
	w := &wish{settled: make(chan struct{})}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return fmt.Errorf("%w: the publication of %s", ErrClosed, p.table)
	}
	p.last++
	w.number = p.last
	p.restart = restart{counter, true, w}
	p.mu.Unlock()
	signal(p.kick)
	return p.await(ctx, w, "the restart counter of "+p.table)
}

// Restarts returns the restart counter as it is wanted, or as it was found when
// the owner said nothing yet.
func (p *Publication) Restarts() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.restart.counter
}

// Get returns what key is wanted to be; false: it is not wanted to be there. The
// value must not be changed.
func (p *Publication) Get(key string) ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.wanted[key]
	if w == nil || w.deleted {
		return nil, false
	}
	return w.value, true
}

// All yields what is wanted, as of the call, by key. The values must not be
// changed.
func (p *Publication) All() iter.Seq2[string, []byte] {
	p.mu.Lock()
	values := make(map[string][]byte, len(p.wanted))
	for key, w := range p.wanted {
		if !w.deleted {
			values[key] = w.value
		}
	}
	p.mu.Unlock()
	return func(yield func(string, []byte) bool) {
		for _, key := range slices.Sorted(maps.Keys(values)) {
			if !yield(key, values[key]) {
				return
			}
		}
	}
}

// Len returns how many keys are wanted.
func (p *Publication) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, w := range p.wanted {
		if !w.deleted {
			n++
		}
	}
	return n
}

// Fence returns the fence under which the table is open; 0: it is not open now.
func (p *Publication) Fence() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fence
}

func (p *Publication) ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// Flush returns nil as soon as what is wanted at the call is acknowledged, or
// something later that took its place. When ctx is done before, or the server refuses
// some of it for now, the error is ErrUnconfirmed and says how much is missing.
func (p *Publication) Flush(ctx context.Context) error {
	p.mu.Lock()
	var wishes []*wish
	for _, w := range p.wanted {
		if !w.confirmed {
			wishes = append(wishes, w)
		}
	}
	if p.restart.wanted && !p.restart.confirmed {
		wishes = append(wishes, p.restart.wish)
	}
	p.mu.Unlock()
	for _, w := range wishes {
		select {
		case <-w.settled:
		case <-ctx.Done():
		case <-p.ctx.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	missing := 0
	for _, w := range wishes {
		if !w.confirmed && (!w.isSettled() || w.err != nil) {
			missing++
		}
	}
	if missing == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d changes of table %s: %w", ErrUnconfirmed, missing, p.table, cmp.Or(p.trouble, ErrNoAnswer))
}

// Close gives up the table; its keys stay. It is idempotent, and returns when
// all has stopped, with an error when the server was not told: then the table is
// free after its owner's grace.
func (p *Publication) Close(ctx context.Context) error {
	p.mu.Lock()
	fence, first := p.fence, !p.closed
	p.closed, p.fence = true, 0
	p.mu.Unlock()
	var err error
	if first && fence != 0 {
		err = p.c.Release(ctx, p.name, fence)
	}
	p.abandon()
	return err
}

func (p *Publication) abandon() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.stop()
	<-p.done
	p.c.mu.Lock()
	delete(p.c.publications, p)
	p.c.mu.Unlock()
}
