package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/wire"
)

// Reconnecting never gives up: it waits reconnectFirst at first, twice as long
// each time, up to reconnectMost, less a random part so that many clients spread.
const (
	reconnectFirst = time.Millisecond
	reconnectMost  = time.Second
	// connectWithin bounds how long one try to connect may take, unless requests
	// have less.
	connectWithin = 2 * time.Second
	// writeWithin bounds how long a write may take that the server does not read;
	// then the connection is given up and made anew.
	writeWithin = 2 * time.Second
	// The server is gone after pingsMissed pings without an answer.
	pingInterval = 5 * time.Second
	pingsMissed  = 2
	// inboxBytes bounds what may wait in a NATS subscription of this client; what
	// the server sends beyond it is dropped and found missing.
	inboxBytes = 128 << 20
)

// Client is a connection to a server that comes back by itself, with what hangs
// on it. Its methods are safe for concurrent use.
type Client struct {
	opts     *options
	log      logrus.FieldLogger
	instance string
	nc       *nats.Conn
	calls    calls

	mu            sync.Mutex // guards the sets and closed
	publications  map[*Publication]struct{}
	subscriptions map[*Subscription]struct{}
	closed        bool
	up            chan struct{} // closed while connected
	unknown       atomic.Bool   // the server was last heard to refuse the client's identity

	resync chan struct{}   // a token: the connection is new
	ctx    context.Context // ends with the client
	cancel context.CancelFunc
	work   sync.WaitGroup
	once   sync.Once // closes
}

// Connect makes a client of the server at url (see address forms at DefaultURL;
// empty: DefaultURL itself). It returns at once, whether or not the server is
// there: a client connects as soon as it can, and again whenever it must. Only a
// server that takes the connection and says nothing holds it up, for 2 s or the
// time of a request (Timeout), whatever is less. Connected tells how it is.
//
// The client lives until Close, also past the end of ctx: it must still give up
// its tables then.
func Connect(ctx context.Context, url string, given ...Option) (*Client, error) {
	opts, err := newOptions(given)
	if err != nil {
		return nil, err
	}
	c := &Client{
		opts: opts, log: opts.log, instance: rand.Text(),
		publications: map[*Publication]struct{}{}, subscriptions: map[*Subscription]struct{}{},
		resync: make(chan struct{}, 1), up: make(chan struct{}),
	}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := c.dial(url); err != nil {
		c.cancel()
		return nil, err
	}
	if err := c.listen(); err != nil {
		c.Close()
		return nil, err
	}
	c.work.Go(c.watch)
	return c, nil
}

func (c *Client) dial(url string) error {
	address := ""
	given := []nats.Option{
		nats.Name(c.opts.agent), nats.Token(c.instance), nats.CustomInboxPrefix(wire.InboxPrefix(c.instance)),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.CustomReconnectDelay(reconnectDelay),
		nats.ReconnectBufSize(-1), nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(pingsMissed),
		nats.FlusherTimeout(writeWithin), nats.Timeout(min(connectWithin, c.opts.timeout)), nats.IgnoreAuthErrorAbort(),
		nats.ConnectHandler(c.connected), nats.ReconnectHandler(c.reconnected),
		nats.DisconnectErrHandler(c.disconnected), nats.ErrorHandler(c.failed),
	}
	given = append(given, c.opts.identity...)
	if c.opts.inProcess != nil {
		given = append(given, nats.InProcessServer(&oneAtATime{server: c.opts.inProcess}))
	} else {
		var err error
		if address, err = c.opts.address(url); err != nil {
			return err
		}
		dialer := c.opts.dialer
		if dialer != nil {
			given = append(given, nats.SkipHostLookup()) // it knows where to go; there is no name to look up
		} else {
			dialer = &net.Dialer{Timeout: min(connectWithin, c.opts.timeout)}
		}
		given = append(given, nats.SetCustomDialer(&oneAtATime{CustomDialer: dialer}))
		given = append(given, c.opts.tls...)
	}
	nc, err := nats.Connect(address, given...)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrInvalidOption, address, err)
	}
	c.nc = nc
	return nil
}

// reconnectDelay is called after each round in which no server could be reached.
func reconnectDelay(attempts int) time.Duration {
	d := reconnectMost
	if shift := max(0, attempts-1); shift < 10 {
		d = min(reconnectMost, reconnectFirst<<shift)
	}
	return d - mathrand.N(d/2+1)
}

// listen sets up what every client hears: answers and probes.
func (c *Client) listen() error {
	answers, err := c.nc.Subscribe(wire.InboxPrefix(c.instance)+".r.*", c.calls.answer)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDisconnected, err)
	}
	if err := answers.SetPendingLimits(-1, inboxBytes); err != nil {
		return fmt.Errorf("%w: %w", ErrDisconnected, err)
	}
	if _, err := c.nc.Subscribe(wire.ProbeSubject(c.instance), c.probed); err != nil {
		return fmt.Errorf("%w: %w", ErrDisconnected, err)
	}
	return nil
}

// Instance returns what tells this client from all others, as long as it lives. It
// is secret: whoever has it can ask in the client's name.
func (c *Client) Instance() string { return c.instance }

// Agent returns the name under which the client connects.
func (c *Client) Agent() string { return c.opts.agent }

// Connected returns nil while the client is connected, and otherwise
// ErrDisconnected with the reason; it is ErrForbidden too when the server refuses
// the client's identity.
func (c *Client) Connected() error {
	if c.nc.IsConnected() {
		return nil
	}
	if c.nc.IsClosed() {
		return fmt.Errorf("%w: the client", ErrClosed)
	}
	err := c.nc.LastError()
	if err != nil { // NATS forgets it while it tries again
		c.unknown.Store(errors.Is(err, nats.ErrAuthorization))
	}
	switch {
	case c.unknown.Load():
		return fmt.Errorf("%w: %w: the server does not know who this is; see what user, password or nkey it is told, that agent %q is one of that identity's, and the server's log",
			ErrDisconnected, ErrForbidden, c.opts.agent)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrDisconnected, err)
	}
	return ErrDisconnected
}

// Wait returns nil as soon as the client is connected. When ctx is done before
// that, the error is ErrDisconnected with the reason.
func (c *Client) Wait(ctx context.Context) error {
	c.mu.Lock()
	up := c.up
	c.mu.Unlock()
	select {
	case <-up:
		return nil
	case <-c.ctx.Done():
		return fmt.Errorf("%w: the client", ErrClosed)
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", cmp.Or(c.Connected(), ErrDisconnected), ctx.Err())
	}
}

// setUp notes whether there is a connection.
func (c *Client) setUp(connected bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.up:
		if !connected {
			c.up = make(chan struct{})
		}
	default:
		if connected {
			c.unknown.Store(false)
			close(c.up)
		}
	}
}

// MaxValue returns the largest value that the server takes, in bytes; 0 while it
// is not known, before the first connection.
func (c *Client) MaxValue() int {
	return max(0, int(c.nc.MaxPayload())-wire.HeaderSpace)
}

// connected is called by NATS when a connection is up and the subscriptions are
// made again on it.
func (c *Client) connected(*nats.Conn) {
	// Before anybody is told, so that a table that is opened then stays open.
	for _, p := range c.openPublications() {
		p.disconnected()
	}
	c.setUp(true)
	for _, p := range c.openPublications() {
		p.renew()
	}
	signal(c.resync)
}

func (c *Client) reconnected(nc *nats.Conn) {
	c.log.Info("the connection to the server is back")
	c.connected(nc)
}

func (c *Client) disconnected(_ *nats.Conn, err error) {
	c.setUp(false)
	c.failCalls()
	for _, p := range c.openPublications() {
		p.disconnected()
	}
	for _, s := range c.openSubscriptions() {
		s.pardon()
		s.doubt()
	}
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		c.log.WithError(err).Info("the connection to the server broke")
	}
}

// failCalls ends the calls that went over the connection that broke, once the
// answers that had arrived on it are taken.
func (c *Client) failCalls() {
	newest := c.calls.newest()
	fail := func() { c.calls.fail(newest, fmt.Errorf("%w: the connection broke", ErrDisconnected)) }
	if err := c.nc.Barrier(fail); err != nil {
		fail() // the connection is closed: nothing will be taken any more
	}
}

// failed is called by NATS for errors that belong to no call.
func (c *Client) failed(_ *nats.Conn, sub *nats.Subscription, err error) {
	entry := c.log.WithError(err)
	if sub != nil {
		entry = entry.WithField("subject", sub.Subject)
	}
	if errors.Is(err, nats.ErrSlowConsumer) {
		entry.Warn("events came faster than they could be filed; the tables are read again")
		for _, s := range c.openSubscriptions() {
			s.doubt()
		}
		signal(c.resync)
		return
	}
	if errors.Is(err, nats.ErrPermissionViolation) && c.refuse(err) {
		return
	}
	entry.Warn("the connection reports an error")
}

func (c *Client) openPublications() []*Publication {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*Publication, 0, len(c.publications))
	for p := range c.publications {
		all = append(all, p)
	}
	return all
}

func (c *Client) openSubscriptions() []*Subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*Subscription, 0, len(c.subscriptions))
	for s := range c.subscriptions {
		all = append(all, s)
	}
	return all
}

// Close gives up the tables that the client owns, closes its publications and
// subscriptions and the connection, and returns when all has stopped. Keys stay.
// It is idempotent.
func (c *Client) Close() { c.once.Do(c.close) }

func (c *Client) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	if c.nc.IsConnected() {
		c.giveUpTables()
	}
	c.cancel()
	for _, s := range c.openSubscriptions() {
		s.Close()
	}
	c.calls.fail(c.calls.newest(), fmt.Errorf("%w: the client", ErrClosed))
	c.work.Wait()
	c.nc.Close()
}

// closeWithin bounds how long closing waits for the server.
const closeWithin = time.Second

func (c *Client) giveUpTables() {
	ctx, cancel := context.WithTimeout(c.ctx, closeWithin)
	defer cancel()
	var work sync.WaitGroup
	for _, p := range c.openPublications() {
		work.Go(func() {
			if err := p.Close(ctx); err != nil && c.ctx.Err() == nil {
				c.log.WithError(err).WithField("table", p.table).Info("a table was not given up; it is free after its owner's grace")
			}
		})
	}
	work.Wait()
}
