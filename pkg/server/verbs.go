package server

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/wire"
)

// maxPatterns is how many patterns heads takes. The core matches every table against
// them, about 20 ns each, while others wait.
const maxPatterns = 4096

func (r *request) get() error {
	table, key, err := r.path()
	if err != nil {
		return err
	}
	if err := r.mayRead(table); err != nil {
		return err
	}
	r.submit(nkv.Request{Op: nkv.OpGet, Table: table, Key: key}, func(result nkv.Result) {
		r.answer(revision(result.Revision), result.Entry.Value)
	})
	return nil
}

func revision(n uint64) wire.Header {
	header := wire.Header{}
	header.SetUint(wire.HeaderRevision, n)
	return header
}

// change reads what all changes have in common.
func (r *request) change(op nkv.Op) (nkv.Request, error) {
	ask := nkv.Request{Op: op, Instance: r.asker.identity}
	var err error
	if ask.Fence, _, err = r.header.Uint(wire.HeaderFence); err != nil {
		return ask, err
	}
	expect, present, err := r.header.Uint(wire.HeaderExpect)
	if err != nil {
		return ask, err
	}
	if present {
		ask.Expect = &expect
	}
	if ask.Durable, err = r.header.Bool(wire.HeaderDurable); err != nil {
		return ask, err
	}
	ask.Force, err = r.header.Bool(wire.HeaderForce)
	return ask, err
}

func (r *request) put() error {
	ask, err := r.change(nkv.OpPut)
	if err != nil {
		return err
	}
	if ask.Table, ask.Key, err = r.path(); err != nil {
		return err
	}
	if err := r.mayWrite(ask.Table); err != nil {
		return err
	}
	if len(r.msg.Data) > r.server.opts.MaxValue {
		return fmt.Errorf("%w: %s has %d bytes; the limit is %d", errTooLarge, r.target, len(r.msg.Data), r.server.opts.MaxValue)
	}
	if err := r.server.mayBeFile(r.target, r.msg.Data); err != nil {
		return err
	}
	ask.Value = r.msg.Data
	r.submit(ask, func(result nkv.Result) { r.answer(revision(result.Revision), nil) })
	return nil
}

// mayBeFile refuses what can't be a file, when tables are kept in files: the old
// software could not read it there.
func (s *Server) mayBeFile(target string, value []byte) error {
	if s.files == nil {
		return nil
	}
	path, err := wire.ParsePath(target)
	if err != nil {
		return err
	}
	if err := eve.CheckTable(path.Table); err != nil {
		return err
	}
	if len(value) == 0 {
		return fmt.Errorf("%w: of %s; with old files kept current it takes 1 byte or more", errEmpty, target)
	}
	return eve.CheckKey(path.Key)
}

// delete removes one key, or with a pattern the keys of one table that it
// selects.
func (r *request) delete() error {
	if text := r.header.Get(wire.HeaderPattern); text != "" {
		return r.clear(text)
	}
	ask, err := r.change(nkv.OpDelete)
	if err != nil {
		return err
	}
	if ask.Table, ask.Key, err = r.path(); err != nil {
		return err
	}
	if err := r.mayWrite(ask.Table); err != nil {
		return err
	}
	r.submit(ask, func(result nkv.Result) { r.answer(revision(result.Revision), nil) })
	return nil
}

func (r *request) clear(text string) error {
	ask, err := r.change(nkv.OpClear)
	if err != nil {
		return err
	}
	if _, err := r.writable(); err != nil {
		return err
	}
	pattern, err := wire.ParsePattern(text)
	if err != nil {
		return err
	}
	if table, ok := pattern.Table(); !ok || table != r.target {
		return fmt.Errorf("%w: %q is not within table %s; a delete stays within one table", wire.ErrInvalidPattern, text, r.target)
	}
	if ask.Expect != nil {
		return fmt.Errorf("%w: %s goes with one key, not with a pattern", wire.ErrInvalidHeader, wire.HeaderExpect)
	}
	ask.Table, ask.Match = r.target, pattern.MatchKey
	r.submit(ask, func(result nkv.Result) {
		header := revision(result.Revision)
		header.SetUint(wire.HeaderCount, uint64(result.Count))
		r.answer(header, nil)
	})
	return nil
}

// writable reads the request's target as a table that the asker may change.
func (r *request) writable() (wire.Table, error) {
	table, err := r.table()
	if err != nil {
		return table, err
	}
	return table, r.mayWrite(r.target)
}

// open makes the asker the owner of a table of its own, or by force of any.
func (r *request) open() error {
	ask, err := r.change(nkv.OpOpen)
	if err != nil {
		return err
	}
	table, err := r.writable()
	if err != nil {
		return err
	}
	var body wire.OpenRequest
	if err := r.body(&body); err != nil {
		return err
	}
	if n := len(body.Fingerprint); n > wire.MaxName {
		return fmt.Errorf("%w: the fingerprint has %d bytes; at most %d", wire.ErrInvalidBody, n, wire.MaxName)
	}
	if agent := r.asker.identity.Agent; agent != table.Agent && !ask.Force {
		return fmt.Errorf("%w: table %s is agent %s's, and this connection is named %q; connect under the owner's name", errNotOwner, r.target, table.Agent, agent)
	}
	if r.server.files != nil {
		if err := eve.CheckTable(table); err != nil {
			return err
		}
	}
	ask.Table = r.target
	ask.Durable, ask.Fingerprint = body.Durable, body.Fingerprint
	proceed := func(answered func()) {
		ask.Done = func(result nkv.Result) {
			answered()
			r.settle(result, func(result nkv.Result) {
				r.answerJSON(revision(result.Revision), wire.OpenAnswer{Fence: result.Fence, Table: tableInfo(result.Info)})
			})
		}
		r.server.core.Submit(ask)
	}
	if gate := r.server.opts.Gate; gate != nil {
		gate(table, ask.Instance, proceed)
	} else {
		proceed(func() {})
	}
	return nil
}

func (r *request) close() error {
	ask, err := r.change(nkv.OpClose)
	if err != nil {
		return err
	}
	if _, err := r.writable(); err != nil {
		return err
	}
	ask.Table = r.target
	r.submit(ask, func(result nkv.Result) { r.answer(revision(result.Revision), nil) })
	return nil
}

func (r *request) mark() error {
	ask, err := r.change(nkv.OpMark)
	if err != nil {
		return err
	}
	if _, err := r.writable(); err != nil {
		return err
	}
	var body wire.MarkRequest
	if err := r.body(&body); err != nil {
		return err
	}
	ask.Table, ask.Restart = r.target, body.Restart
	r.submit(ask, func(result nkv.Result) { r.answer(revision(result.Revision), nil) })
	return nil
}

func (r *request) heads() error {
	var body wire.HeadsRequest
	if err := r.body(&body); err != nil {
		return err
	}
	ask := nkv.Request{Op: nkv.OpHeads}
	patterns := map[string]wire.Pattern{} // by what they are written as
	for _, text := range body.Tables {
		pattern, err := wire.ParsePattern(text)
		if err != nil {
			return err
		}
		if table, ok := pattern.Table(); ok {
			// One that may not be read is as if it were not there: the others count.
			if r.asker.access.Load().Reads(table) {
				ask.Tables = append(ask.Tables, table)
			}
			continue
		}
		if patterns[text] = pattern; len(patterns) > maxPatterns {
			return fmt.Errorf("%w: heads of more than %d patterns; ask for them in parts", wire.ErrInvalidBody, maxPatterns)
		}
	}
	if len(patterns) > 0 {
		ask.Match = r.readable(func(table string) bool {
			for _, p := range patterns {
				if p.MatchTable(table) {
					return true
				}
			}
			return false
		})
	}
	r.submit(ask, func(result nkv.Result) {
		r.answerJSON(wire.Header{}, wire.HeadsAnswer{Heads: result.Heads})
	})
	return nil
}

func (r *request) tables() error {
	ask := nkv.Request{Op: nkv.OpTables, Match: r.readable(nil)}
	if text := r.header.Get(wire.HeaderPattern); text != "" {
		pattern, err := wire.ParsePattern(text)
		if err != nil {
			return err
		}
		ask.Match = r.readable(pattern.MatchTable)
	}
	r.submit(ask, func(result nkv.Result) {
		body := wire.TablesAnswer{Tables: make([]wire.TableInfo, 0, len(result.Infos))}
		for _, info := range result.Infos {
			body.Tables = append(body.Tables, tableInfo(info))
		}
		r.answerJSON(wire.Header{}, body)
	})
	return nil
}

func (r *request) health() error {
	r.submit(nkv.Request{Op: nkv.OpStatus}, func(result nkv.Result) {
		status := result.Status
		body := wire.HealthAnswer{
			Status: "ok", Durable: condition(status.Durable), Volatile: condition(status.Volatile),
			Uptime: time.Since(r.server.started), Revision: status.Revision,
			Tables: status.Tables, Keys: status.Keys, Bytes: status.Bytes,
			Connections: r.server.sessions.count(), Slow: r.server.ns.NumSlowConsumers(),
			Refused: r.server.audit.refused.Load(),
		}
		if status.Durable != nil || status.Volatile != nil {
			body.Status = "degraded"
		}
		r.answerJSON(wire.Header{}, body)
	})
	return nil
}

func condition(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

func (r *request) version() error {
	r.answerJSON(wire.Header{}, wire.VersionAnswer{
		Version: r.server.opts.Version, Protocol: wire.Version,
		Store: r.server.core.StoreID(), MaxValue: r.server.opts.MaxValue,
	})
	return nil
}

// tableInfo is a core's description of a table, for the wire.
func tableInfo(info nkv.Info) wire.TableInfo {
	return wire.TableInfo{
		Table: info.Table, Durable: info.Durable, Head: info.Head, Keys: info.Keys, Bytes: info.Bytes,
		Opened: info.Opened, Open: info.Owner != nil, Connected: info.Owner != nil && info.Owner.Connected,
		Restart: info.Restart, Fence: info.Fence, Fingerprint: info.Fingerprint,
	}
}

func encodeInfo(info nkv.Info) []byte {
	encoded, err := json.Marshal(tableInfo(info))
	if err != nil { // no field can fail
		return nil
	}
	return encoded
}
