package server

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/wire"
)

// inbox finds inboxes in what is said of clients.
var inbox = regexp.MustCompile(regexp.QuoteMeta(wire.InboxRoot) + `[^\s".]+`)

// hidden leaves the instances of inboxes out: who knows one speaks as its client.
func hidden(text string) string { return inbox.ReplaceAllString(text, wire.InboxRoot+"…") }

// natsLog brings what the embedded NATS server says into the server's log. What
// it notices in the normal course of things is for debugging.
type natsLog struct {
	log   logrus.FieldLogger
	audit *audit
	fatal chan<- string // takes why it can't start; the first reason counts
}

func (l natsLog) Noticef(format string, v ...any) { l.log.Debugf("nats: "+format, v...) }

// Warnf leaves out what NATS has to say about every server that takes values of
// the default size.
func (l natsLog) Warnf(format string, v ...any) {
	if strings.HasPrefix(format, "Maximum payloads over") {
		l.log.Debugf("nats: "+format, v...)
		return
	}
	l.log.Warnf("nats: "+format, v...)
}

// authenticationError is how NATS says that Check refused a connection.
var authenticationError = natsserver.ErrAuthentication.Error()

// Errorf is told what clients do wrong, too: as often as they like.
func (l natsLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf("nats: "+format, v...)
	switch {
	case strings.HasSuffix(text, authenticationError), strings.Contains(text, authenticationError+" - "):
		// Who refused it has said why. Here stands a user's name, perhaps a password
		// that was put in the wrong place.
	case strings.Contains(text, " Violation - Subject "):
		l.audit.refuse(nil, logrus.Fields{}, errors.New(text))
	default:
		l.audit.report(text)
	}
}

func (l natsLog) Debugf(format string, v ...any) { l.log.Debugf("nats: "+format, v...) }
func (l natsLog) Tracef(string, ...any)          {} // it would show values

// Fatalf is told what keeps NATS from starting; it never ends the process.
func (l natsLog) Fatalf(format string, v ...any) {
	l.log.Errorf("nats: "+format, v...)
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
	}
}
