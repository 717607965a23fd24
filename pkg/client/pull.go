package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkv/nkv/pkg/wire"
)

// headGrace is how long after a head was told the events up to it may still be
// on their way through this client, before they count as lost.
const headGrace = 250 * time.Millisecond

// run pulls what is in doubt, until the subscription ends.
func (s *Subscription) run() {
	defer close(s.done)
	for {
		select {
		case <-s.kick:
		case <-s.ctx.Done():
			return
		}
		for pause := pullFirst; !s.pullAll(); pause = min(2*pause, pullMost) {
			select {
			case <-time.After(pause):
			case <-s.ctx.Done():
				return
			}
		}
	}
}

// pullAll pulls every table that is in doubt. It returns false when it is to be
// tried again; while there is no connection it is not, since the next one starts
// it anew.
func (s *Subscription) pullAll() bool {
	ok := true
	if s.unlisted() {
		if err := s.list(); err != nil {
			ok = s.giveUp(err, s.pattern.String())
		}
	}
	for _, table := range s.inDoubt() {
		if err := s.pull(table); err != nil {
			ok = s.giveUp(err, table) && ok
		}
	}
	s.news()
	return ok
}

// giveUp reports whether a failed pull is not to be tried again by itself.
func (s *Subscription) giveUp(err error, what string) bool {
	if s.ctx.Err() != nil || errors.Is(err, ErrDisconnected) {
		return true
	}
	if denied(err) {
		s.refuse(err)
		return true
	}
	s.c.log.WithError(err).WithField("table", what).Warn("a snapshot could not be pulled; trying again")
	return false
}

func (s *Subscription) unlisted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spans && !s.listed
}

func (s *Subscription) inDoubt() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var tables []string
	for _, t := range s.order {
		if !t.follow {
			tables = append(tables, t.name)
		}
	}
	return tables
}

// list learns which tables a subscription that spans several is about.
func (s *Subscription) list() error {
	store, heads, err := s.c.heads(s.ctx, []string{s.pattern.String()})
	if err != nil {
		return err
	}
	s.compare(store, heads)
	return nil
}

// pull files a table's snapshot.
func (s *Subscription) pull(table string) error {
	for {
		s.mu.Lock()
		doubts := s.view(table).doubts
		s.mu.Unlock()
		found, err := s.c.pull(s.ctx, table, s.keyPattern(table))
		if err != nil {
			return err
		}
		found.doubts = doubts
		s.mu.Lock()
		ok := s.view(table).apply(found)
		s.mu.Unlock()
		s.news()
		if ok {
			return nil
		}
		if err := s.ctx.Err(); err != nil {
			return err
		}
	}
}

// keyPattern returns the pattern of the one key that the subscription is about;
// empty: all keys.
func (s *Subscription) keyPattern(table string) string {
	if key, ok := s.pattern.Key(); ok {
		return table + "." + key
	}
	return ""
}

// compare takes the heads of the server's tables: what is in doubt and has the
// same head is followed again, what differs is pulled.
func (s *Subscription) compare(store string, heads map[string]uint64) (suspects bool) {
	s.mu.Lock()
	if s.spans {
		for table := range heads {
			if s.pattern.MatchTable(table) {
				s.view(table)
			}
		}
		s.listed = true
	}
	pull := false
	for _, t := range s.order {
		head := heads[t.name]
		switch {
		case !t.follow:
			pull = !t.unchanged(store, head) || pull
		case store != t.store:
			t.doubt()
			pull = true
		case head > t.head:
			t.suspect, suspects = head, true
		}
	}
	s.mu.Unlock()
	s.news()
	if pull {
		signal(s.kick)
	}
	return suspects
}

// convict pulls the tables whose head was told and has not come since.
func (s *Subscription) convict() {
	s.mu.Lock()
	pull := false
	for _, t := range s.order {
		if t.follow && t.suspect > t.head {
			s.c.log.WithField("table", t.name).Info("events were lost; the table is read again")
			t.doubt()
			pull = true
		}
		t.suspect = 0
	}
	s.mu.Unlock()
	if pull {
		signal(s.kick)
	}
}

// watch compares heads, from time to time and after every reconnect.
func (c *Client) watch() {
	ticker := time.NewTicker(c.opts.headCheck)
	defer ticker.Stop()
	verdict := time.NewTimer(headGrace)
	verdict.Stop()
	defer verdict.Stop()
	judging := false // heads were told that the verdict is about
	for {
		select {
		case <-c.resync:
			c.compareHeads()
		case <-ticker.C:
			if !judging && c.compareHeads() {
				judging = true
				verdict.Reset(headGrace)
			}
		case <-verdict.C:
			judging = false
			for _, s := range c.openSubscriptions() {
				s.convict()
			}
		case <-c.ctx.Done():
			return
		}
	}
}

// compareHeads asks once for the heads of all subscriptions' tables.
func (c *Client) compareHeads() (suspects bool) {
	subscriptions := slices.DeleteFunc(c.openSubscriptions(), func(s *Subscription) bool { return s.Refused() != nil })
	if len(subscriptions) == 0 || c.Connected() != nil {
		return false
	}
	tables := make([]string, 0, len(subscriptions))
	for _, s := range subscriptions {
		if table, one := s.pattern.Table(); one {
			tables = append(tables, table)
		} else {
			tables = append(tables, s.pattern.String())
		}
	}
	store, heads, err := c.heads(c.ctx, tables)
	if err != nil {
		c.log.WithError(err).Debug("the heads could not be compared")
		for _, s := range subscriptions {
			signal(s.kick) // what is in doubt is pulled instead
		}
		return false
	}
	for _, s := range subscriptions {
		suspects = s.compare(store, heads) || suspects
	}
	return suspects
}

func (c *Client) heads(ctx context.Context, tables []string) (store string, heads map[string]uint64, err error) {
	body, err := json.Marshal(wire.HeadsRequest{Tables: tables})
	if err != nil {
		return "", nil, err
	}
	a, err := c.call(ctx, wire.VerbHeads, "", nil, body)
	if err != nil {
		return "", nil, err
	}
	var answer wire.HeadsAnswer
	if err := json.Unmarshal(a.body, &answer); err != nil {
		return "", nil, fmt.Errorf("%w: heads: %w", ErrInvalid, err)
	}
	return a.header.Get(wire.HeaderStore), answer.Heads, nil
}

// pull reads a table's snapshot, page by page; keys, when not empty, is a
// pattern that selects some of it.
func (c *Client) pull(ctx context.Context, table, keys string) (*snapshot, error) {
	for {
		found, err := c.pullOnce(ctx, table, keys)
		if !errors.Is(err, errSnapshotGone) {
			return found, err
		}
	}
}

func (c *Client) pullOnce(ctx context.Context, table, keys string) (*snapshot, error) {
	found := &snapshot{}
	for next := ""; ; {
		header := wire.Header{}
		if keys != "" {
			header.Set(wire.HeaderPattern, keys)
		}
		if next != "" {
			header.Set(wire.HeaderSnapshot, next)
		}
		a, err := c.call(ctx, wire.VerbSnapshot, table, header, nil)
		if err != nil {
			return nil, err
		}
		if next == "" {
			if err := found.begin(a.header); err != nil {
				return nil, err
			}
		}
		for page := a.body; len(page) > 0; {
			var r wire.Record
			if r, page, err = wire.NextRecord(page); err != nil {
				return nil, fmt.Errorf("snapshot %s: %w", table, err)
			}
			found.records = append(found.records, r)
		}
		if next = a.header.Get(wire.HeaderNext); next == "" {
			return found, nil
		}
	}
}

// begin reads what the first page says of the whole.
func (s *snapshot) begin(header wire.Header) (err error) {
	s.store = header.Get(wire.HeaderStore)
	if s.head, _, err = header.Uint(wire.HeaderRevision); err != nil {
		return err
	}
	var c Change
	if err := readMark([]byte(header.Get(wire.HeaderTable)), &c); err != nil {
		return err
	}
	s.info = c.Info
	return nil
}

// readMark reads the body of a mark. Its revision tells an opening; what else
// differs, the view finds.
func readMark(body []byte, c *Change) error {
	if err := json.Unmarshal(body, &c.Info); err != nil {
		return fmt.Errorf("%w: a table's description: %w", ErrInvalid, err)
	}
	switch {
	case !c.Info.Open:
		c.Op = TableClosed
	case c.Info.Fence == c.Revision:
		c.Op = TableOpened
	default:
		c.Op = Restarted
	}
	return nil
}
