// Package base stands in for EVE's package of that name.
package base

import "github.com/sirupsen/logrus"

// LogObject is what agents log with.
type LogObject struct {
	Fields map[string]any
	logger *logrus.Logger
}

// NewSourceLogObject returns an agent's log object.
func NewSourceLogObject(logger *logrus.Logger, agent string, pid int) *LogObject {
	return &LogObject{Fields: map[string]any{"source": agent, "pid": pid}, logger: logger}
}

func (o *LogObject) entry() *logrus.Entry { return o.logger.WithFields(o.Fields) }

// Tracef logs at trace level.
func (o *LogObject) Tracef(format string, args ...any) { o.entry().Tracef(format, args...) }

// Functionf logs at debug level.
func (o *LogObject) Functionf(format string, args ...any) { o.entry().Debugf(format, args...) }

// Noticef logs at info level.
func (o *LogObject) Noticef(format string, args ...any) { o.entry().Infof(format, args...) }

// Warnf logs a warning.
func (o *LogObject) Warnf(format string, args ...any) { o.entry().Warnf(format, args...) }

// Errorf logs an error.
func (o *LogObject) Errorf(format string, args ...any) { o.entry().Errorf(format, args...) }
