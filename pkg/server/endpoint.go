package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/wire"
)

// request is a message from a client that is being answered.
type request struct {
	server *Server
	msg    *nats.Msg
	header wire.Header
	asker  *session
	target string // encoded table or path
}

// receive takes every message that clients send, in the order in which NATS
// delivers them: one subscription, so that nothing overtakes.
func (s *Server) receive(m *nats.Msg) {
	r := &request{server: s, msg: m, header: wire.Header(m.Header), asker: s.sessions.asker(m.Reply)}
	if r.asker == nil {
		r.stranger()
		return
	}
	if r.asker.cut.Load() {
		return
	}
	if n := len(r.header.Get(wire.HeaderID)); n > wire.MaxID {
		r.refuse(fmt.Errorf("%w: %s has %d bytes; at most %d", wire.ErrInvalidHeader, wire.HeaderID, n, wire.MaxID))
		return
	}
	version, verb, target, err := wire.ParseSubject(m.Subject)
	if err != nil {
		r.refuse(err)
		return
	}
	if version != wire.Version {
		r.refuse(fmt.Errorf("%w: %q; this server speaks %s", errVersion, version, wire.Version))
		return
	}
	r.target = target
	if err := r.serve(verb); err != nil {
		r.refuse(err)
	}
}

// stranger answers a request whose reply subject is no living connection's
// inbox. Only an inbox is ever answered: anything else could be a verb or an
// event, sent with the server's rights.
func (r *request) stranger() {
	if _, inbox := wire.InboxInstance(r.msg.Reply); !inbox {
		r.server.log.WithField("subject", r.msg.Subject).Debug("a request without an inbox to answer to")
		return
	}
	r.refuse(fmt.Errorf("%w: the inbox %q is not the one that its connection named; connect with the instance as token, and use inboxes that begin with %s<instance>", errIdentity, r.msg.Reply, wire.InboxRoot))
}

// serve hands a request to its verb. An error that it returns is the answer.
func (r *request) serve(verb wire.Verb) error {
	switch verb {
	case wire.VerbGet:
		return r.get()
	case wire.VerbPut:
		return r.put()
	case wire.VerbDelete:
		return r.delete()
	case wire.VerbOpen:
		return r.open()
	case wire.VerbClose:
		return r.close()
	case wire.VerbMark:
		return r.mark()
	case wire.VerbSnapshot:
		return r.snapshot()
	case wire.VerbHeads:
		return r.heads()
	case wire.VerbTables:
		return r.tables()
	case wire.VerbTrace:
		return r.trace()
	case wire.VerbProbe:
		return r.probed()
	case wire.VerbHealth:
		return r.health()
	case wire.VerbVersion:
		return r.version()
	case wire.VerbBackup:
		return r.backup()
	case wire.VerbRestore:
		return r.restore()
	}
	return fmt.Errorf("%w: %q; this server speaks %s", errVerb, verb, wire.Version)
}

// answer sends an answer that worked.
func (r *request) answer(header wire.Header, body []byte) {
	header.Set(wire.HeaderStatus, strconv.Itoa(int(wire.StatusOK)))
	header.Set(wire.HeaderMessage, wire.NoError)
	r.send(header, body)
}

func (r *request) answerJSON(header wire.Header, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		r.refuse(err)
		return
	}
	r.answer(header, encoded)
}

// refuse sends an answer that says what went wrong.
func (r *request) refuse(err error) {
	refusal := r.server.refusal(err)
	if refusal.status == wire.StatusForbidden {
		r.forbidden(err)
	}
	header := wire.Header{}
	header.Set(wire.HeaderStatus, strconv.Itoa(int(refusal.status)))
	header.Set(wire.HeaderReason, string(refusal.reason))
	header.Set(wire.HeaderMessage, line(err.Error()))
	var owned *nkv.OwnedError
	var revision *nkv.RevisionError
	switch {
	case errors.As(err, &owned) && owned.RetryAfter > 0:
		header.SetUint(wire.HeaderRetryAfter, uint64(owned.RetryAfter.Milliseconds())+1)
	case errors.As(err, &revision):
		header.SetUint(wire.HeaderRevision, revision.Current)
	}
	if refusal.reason == wire.ReasonVersion || refusal.reason == wire.ReasonVerb {
		header.Set(wire.HeaderVersion, wire.Version)
	}
	r.send(header, nil)
}

// forbidden writes down what was not allowed.
func (r *request) forbidden(err error) {
	fields := logrus.Fields{"subject": shortened(r.msg.Subject)}
	var of *bucket
	if r.asker != nil {
		of = &r.asker.audited
		fields["agent"] = r.asker.identity.Agent
		if name := r.asker.access.Load().Identity(); name != "" {
			fields["identity"] = name
		}
	}
	r.server.audit.refuse(of, fields, err)
}

// mayRead refuses what the asker may not read. Tables are encoded, and their names
// valid.
func (r *request) mayRead(table string) error { return r.asker.access.Load().CheckRead(table) }

// mayWrite refuses what the asker may not change.
func (r *request) mayWrite(table string) error { return r.asker.access.Load().CheckWrite(table) }

// readable returns what match selects of the tables that the asker may read; a nil
// match selects all.
func (r *request) readable(match func(string) bool) func(string) bool {
	may := r.asker.access.Load()
	if may == nil {
		return match
	}
	return func(table string) bool { return (match == nil || match(table)) && may.Reads(table) }
}

// line makes text fit into a header.
func line(text string) string {
	out := []byte(text)
	for i, c := range out {
		if c < ' ' {
			out[i] = ' '
		}
	}
	return string(out)
}

func (r *request) send(header wire.Header, body []byte) {
	if id := r.header.Get(wire.HeaderID); id != "" && len(id) <= wire.MaxID {
		header.Set(wire.HeaderID, id)
	}
	if header.Get(wire.HeaderStore) == "" {
		header.Set(wire.HeaderStore, r.server.core.StoreID())
	}
	err := r.server.nc.PublishMsg(&nats.Msg{Subject: r.msg.Reply, Header: nats.Header(header), Data: body})
	switch {
	case err == nil:
	case errors.Is(err, nats.ErrMaxPayload) && header.Get(wire.HeaderReason) == "":
		r.refuse(fmt.Errorf("%w: the answer has %d bytes; ask for less, with a narrower pattern", errTooLarge, len(body)))
	default:
		r.server.log.WithError(err).WithField("subject", r.msg.Subject).Warn("an answer could not be sent")
	}
}

// submit asks the core; reply makes the answer of a result that worked. It runs
// in the core's goroutine.
func (r *request) submit(ask nkv.Request, reply func(nkv.Result)) {
	ask.Done = func(result nkv.Result) { r.settle(result, reply) }
	r.server.core.Submit(ask)
}

// settle answers with what the core says.
func (r *request) settle(result nkv.Result, reply func(nkv.Result)) {
	if result.Err != nil {
		r.refuse(result.Err)
		return
	}
	reply(result)
}

// path reads the request's target as a path and returns it encoded, cut in two.
func (r *request) path() (table, key string, err error) {
	if _, err := wire.ParsePath(r.target); err != nil {
		return "", "", err
	}
	table, key, _ = wire.SplitPath(r.target)
	return table, key, nil
}

// table reads the request's target as a table.
func (r *request) table() (wire.Table, error) { return wire.ParseTable(r.target) }

// body reads the request's body; an empty one leaves into as it is.
func (r *request) body(into any) error {
	if len(r.msg.Data) == 0 {
		return nil
	}
	if err := json.Unmarshal(r.msg.Data, into); err != nil {
		return fmt.Errorf("%w: %w", wire.ErrInvalidBody, err)
	}
	return nil
}
