package server

import (
	"fmt"
	"strings"

	"github.com/sirupsen/logrus"
)

// natsLog brings what the embedded NATS server says into the server's log. What
// it notices in the normal course of things is for debugging.
type natsLog struct {
	log   logrus.FieldLogger
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

func (l natsLog) Errorf(format string, v ...any) { l.log.Warnf("nats: "+format, v...) }
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
