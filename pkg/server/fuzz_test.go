package server_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// FuzzRequest sends a server what anybody may send. Whatever it is, there is an
// answer with a status, and the next client is served as ever.
func FuzzRequest(f *testing.F) {
	verbs := []wire.Verb{
		wire.VerbGet, wire.VerbPut, wire.VerbDelete, wire.VerbOpen, wire.VerbClose, wire.VerbMark, wire.VerbSnapshot, wire.VerbHeads,
		wire.VerbTables, wire.VerbTrace, wire.VerbHealth, wire.VerbVersion, wire.VerbBackup, wire.VerbRestore, "none",
	}
	f.Add(1, "a.T.k", wire.HeaderExpect, "0", []byte(`1`))
	f.Add(2, "a.T", wire.HeaderPattern, "k.*", []byte(nil))
	f.Add(3, "a.T", wire.HeaderForce, "true", []byte(`{"durable":true}`))
	f.Add(4, "a.T", wire.HeaderFence, "1", []byte(nil))
	f.Add(5, "a.T", wire.HeaderFence, "-1", []byte(`{"restart":18446744073709551615}`))
	f.Add(6, "a.T", wire.HeaderSnapshot, "1", []byte(nil))
	f.Add(7, "", "", "", []byte(`{"tables":["a.T","*.>","..",""]}`))
	f.Add(8, "", wire.HeaderPattern, "a.>", []byte(nil))
	f.Add(12, "", wire.HeaderNext, "x", []byte(nil))
	f.Add(13, wire.RestoreBegin, "", "", []byte(`{"tables":1,"keys":1,"bytes":1}`))
	f.Add(13, wire.RestoreAdd, wire.HeaderSnapshot, "x", []byte(`{"table":"a.T"}`+"\n"))
	f.Add(14, "..*.>", wire.HeaderID, "\x00", []byte{0xff})
	s := start(f, server.Options{})
	refused := make(chan error, 64)
	instance := rand.Text()
	p := meetAs(f, s, "fuzz", instance, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	inbox := wire.InboxPrefix(instance) + ".1"
	answers := make(chan *nats.Msg, 64)
	if _, err := p.ChanSubscribe(inbox, answers); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, verb int, target, name, value string, body []byte) {
		subject := wire.Subject(verbs[uint(verb)%uint(len(verbs))], target)
		// What breaks NATS's own lines ends the connection, and is tested elsewhere.
		if strings.ContainsFunc(subject, func(r rune) bool { return r <= ' ' }) || len(subject) > 1<<10 || len(body) > 4<<10 {
			return
		}
		headers := nats.Header{}
		if name != "" {
			headers[name] = []string{value}
		}
		if err := p.PublishMsg(&nats.Msg{Subject: subject, Reply: inbox, Header: headers, Data: body}); err != nil {
			if errors.Is(err, nats.ErrBadSubject) || errors.Is(err, nats.ErrBadHeaderMsg) {
				return // the client's library does not send it
			}
			t.Fatalf("%q, header %q: %v", subject, headers, err)
		}
		select {
		case m := <-answers:
			if status(m) < 200 && header(m, "Status") != "503" { // nobody listens to such a subject
				t.Errorf("%q, header %q: an answer without a status: %q", subject, headers, m.Header)
			}
		case err := <-refused:
			if !errors.Is(err, nats.ErrPermissionViolation) { // NATS's wall
				t.Fatalf("%q, header %q: %v", subject, headers, err)
			}
		case <-time.After(patience):
			t.Fatalf("%q, header %q: no answer", subject, headers)
		}
	})
}
