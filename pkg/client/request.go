package client

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/wire"
)

// Entry is one key with its value.
type Entry struct {
	Path     wire.Path
	Value    []byte // the receiver's own
	Revision uint64
}

// ChangeOption adds a condition or a wish to a Put or Delete.
type ChangeOption func(wire.Header)

// ExpectRevision lets a change happen only when the key has this revision; 0: it
// must not exist. Otherwise the change is ErrRevision.
func ExpectRevision(revision uint64) ChangeOption {
	return func(h wire.Header) { h.SetUint(wire.HeaderExpect, revision) }
}

// Create lets a put happen only when the key does not exist.
func Create() ChangeOption { return ExpectRevision(0) }

// Fence makes a change as the table's owner, under the fence that Open gave.
func Fence(fence uint64) ChangeOption {
	return func(h wire.Header) { h.SetUint(wire.HeaderFence, fence) }
}

// Durable makes the table durable, when this put is what makes it.
func Durable() ChangeOption {
	return func(h wire.Header) { h.Set(wire.HeaderDurable, "true") }
}

func changeHeader(given []ChangeOption) wire.Header {
	header := wire.Header{}
	for _, option := range given {
		option(header)
	}
	return header
}

// Get returns the value at path; ErrNotFound when there is none.
func (c *Client) Get(ctx context.Context, path wire.Path) (Entry, error) {
	if err := path.Validate(); err != nil {
		return Entry{}, fmt.Errorf("%w: get: %w", ErrInvalid, err)
	}
	a, err := c.call(ctx, wire.VerbGet, path.String(), nil, nil)
	if err != nil {
		return Entry{}, err
	}
	revision, _, err := a.header.Uint(wire.HeaderRevision)
	return Entry{Path: path, Value: a.body, Revision: revision}, err
}

// Put sets the value at path, in a table that nobody owns or under a fence, and
// returns its revision. A value that is the same already changes nothing.
//
// Errors: ErrTooLarge before anything is sent, ErrTableOwned, ErrFence,
// ErrRevision, ErrUnavailable (nothing happened), ErrUnconfirmed (it happened
// entirely or not at all), ErrDisconnected (it was not sent).
func (c *Client) Put(ctx context.Context, path wire.Path, value []byte, given ...ChangeOption) (revision uint64, err error) {
	if err := path.Validate(); err != nil {
		return 0, fmt.Errorf("%w: put: %w", ErrInvalid, err)
	}
	if err := c.fits(path.String(), value); err != nil {
		return 0, err
	}
	return c.change(ctx, wire.VerbPut, path.String(), changeHeader(given), value)
}

// fits checks a value's size against the server's limit, once that is known.
func (c *Client) fits(path string, value []byte) error {
	if limit := c.MaxValue(); limit > 0 && len(value) > limit {
		return fmt.Errorf("%w: %s has %d bytes; the server's limit is %d (its option max-value)", ErrTooLarge, path, len(value), limit)
	}
	return nil
}

// Delete removes the key at path and returns the revision of that; ErrNotFound
// when there is none.
func (c *Client) Delete(ctx context.Context, path wire.Path, given ...ChangeOption) (revision uint64, err error) {
	if err := path.Validate(); err != nil {
		return 0, fmt.Errorf("%w: delete: %w", ErrInvalid, err)
	}
	return c.change(ctx, wire.VerbDelete, path.String(), changeHeader(given), nil)
}

// Clear removes all keys of a table, as one batch, and returns how many.
func (c *Client) Clear(ctx context.Context, table wire.Table, given ...ChangeOption) (count int, err error) {
	if err := table.Validate(); err != nil {
		return 0, fmt.Errorf("%w: clear: %w", ErrInvalid, err)
	}
	header := changeHeader(given)
	header.Set(wire.HeaderPattern, table.String()+".>")
	a, err := c.call(ctx, wire.VerbDelete, table.String(), header, nil)
	if err != nil {
		return 0, err
	}
	n, _, err := a.header.Uint(wire.HeaderCount)
	return int(n), err
}

func (c *Client) change(ctx context.Context, verb wire.Verb, target string, header wire.Header, body []byte) (uint64, error) {
	a, err := c.call(ctx, verb, target, header, body)
	if err != nil {
		return 0, err
	}
	revision, _, err := a.header.Uint(wire.HeaderRevision)
	return revision, err
}

// Take takes a table from its owner by force and returns the fence; the owner
// notices and opens it again when it can. Release gives it up.
func (c *Client) Take(ctx context.Context, table wire.Table, durable bool) (fence uint64, err error) {
	header := wire.Header{}
	header.Set(wire.HeaderForce, "true")
	answer, err := c.openTable(ctx, table.String(), header, wire.OpenRequest{Durable: durable})
	return answer.Fence, err
}

// Release gives up a table that is owned under a fence. Its keys stay.
func (c *Client) Release(ctx context.Context, table wire.Table, fence uint64) error {
	header := wire.Header{}
	header.SetUint(wire.HeaderFence, fence)
	_, err := c.call(ctx, wire.VerbClose, table.String(), header, nil)
	return err
}

func (c *Client) openTable(ctx context.Context, table string, header wire.Header, request wire.OpenRequest) (wire.OpenAnswer, error) {
	var answer wire.OpenAnswer
	body, err := json.Marshal(request)
	if err != nil {
		return answer, err
	}
	a, err := c.call(ctx, wire.VerbOpen, table, header, body)
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(a.body, &answer); err != nil {
		return answer, fmt.Errorf("%w: open %s: %w", ErrInvalid, table, err)
	}
	return answer, nil
}

// Snapshot returns a table as of its head, the keys by revision.
func (c *Client) Snapshot(ctx context.Context, table wire.Table) (wire.TableInfo, []Entry, error) {
	if err := table.Validate(); err != nil {
		return wire.TableInfo{}, nil, fmt.Errorf("%w: snapshot: %w", ErrInvalid, err)
	}
	found, err := c.pull(ctx, table.String(), "")
	if err != nil {
		return wire.TableInfo{}, nil, err
	}
	entries := make([]Entry, 0, len(found.records))
	for _, r := range found.records {
		entries = append(entries, Entry{Path: wire.Path{Table: table, Key: r.Key}, Value: r.Value, Revision: r.Revision})
	}
	return found.info, entries, nil
}

// Tables describes the tables that a pattern can match in, by name; an empty one
// stands for all.
func (c *Client) Tables(ctx context.Context, pattern string) ([]wire.TableInfo, error) {
	header := wire.Header{}
	if pattern != "" {
		header.Set(wire.HeaderPattern, pattern)
	}
	var body wire.TablesAnswer
	err := c.ask(ctx, wire.VerbTables, "", header, &body)
	return body.Tables, err
}

// Trace tells who owns a table and who listens to it, and how far they are.
func (c *Client) Trace(ctx context.Context, table wire.Table) (wire.TraceAnswer, error) {
	var body wire.TraceAnswer
	err := c.ask(ctx, wire.VerbTrace, table.String(), nil, &body)
	return body, err
}

// Health tells how the server is.
func (c *Client) Health(ctx context.Context) (wire.HealthAnswer, error) {
	var body wire.HealthAnswer
	err := c.ask(ctx, wire.VerbHealth, "", nil, &body)
	return body, err
}

// Version tells what the server is.
func (c *Client) Version(ctx context.Context) (wire.VersionAnswer, error) {
	var body wire.VersionAnswer
	err := c.ask(ctx, wire.VerbVersion, "", nil, &body)
	return body, err
}

// ask asks for a JSON body.
func (c *Client) ask(ctx context.Context, verb wire.Verb, target string, header wire.Header, into any) error {
	a, err := c.call(ctx, verb, target, header, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return fmt.Errorf("%w: the body of %s: %w", ErrInvalid, verb, err)
	}
	return nil
}

// probed answers a probe of the server with the state of all subscriptions.
func (c *Client) probed(m *nats.Msg) {
	state := wire.ProbeAnswer{Agent: c.opts.agent, Subscriptions: []wire.SubscriptionState{}}
	for _, s := range c.openSubscriptions() {
		state.Subscriptions = append(state.Subscriptions, s.State())
	}
	body, err := json.Marshal(state)
	if err != nil {
		c.log.WithError(err).Error("a probe can't be answered")
		return
	}
	// The reply subject says who answers; nothing comes back on it.
	answer := &nats.Msg{Subject: m.Reply, Reply: wire.InboxPrefix(c.instance) + ".r.0", Data: body}
	if err := c.nc.PublishMsg(answer); err != nil {
		c.log.WithError(err).Debug("a probe's answer could not be sent")
	}
}
