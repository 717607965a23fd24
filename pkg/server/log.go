package server

import "github.com/sirupsen/logrus"

// natsLog brings what the embedded NATS server says into the server's log. What
// it notices in the normal course of things is for debugging.
type natsLog struct{ log logrus.FieldLogger }

func (l natsLog) Noticef(format string, v ...any) { l.log.Debugf("nats: "+format, v...) }
func (l natsLog) Warnf(format string, v ...any)   { l.log.Warnf("nats: "+format, v...) }
func (l natsLog) Fatalf(format string, v ...any)  { l.log.Errorf("nats: "+format, v...) }
func (l natsLog) Errorf(format string, v ...any)  { l.log.Warnf("nats: "+format, v...) }
func (l natsLog) Debugf(format string, v ...any)  { l.log.Debugf("nats: "+format, v...) }
func (l natsLog) Tracef(string, ...any)           {} // it would show values
