package domainmgr

import (
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
)

// Defaults of the options.
const (
	DefaultStopGrace       = 10 * time.Second
	DefaultRestartFirst    = time.Second
	DefaultRestartMost     = time.Minute
	DefaultStableAfter     = 10 * time.Second
	DefaultMetricsInterval = 5 * time.Second
)

// Options configure the agent. Durations that are 0 have their defaults.
type Options struct {
	// App is the program that each application is a process of; required. It need
	// not be there yet.
	App string
	// Dir is where the applications' lock files and logs are; required. It is made
	// when it is not there, and must outlive the agent, not a reboot. The files of
	// an application that is not wanted any more are removed.
	Dir string
	// StopGrace is how long an application may take to end before it is killed.
	StopGrace time.Duration
	// RestartFirst and RestartMost are the shortest and the longest pause before an
	// application that ended by itself is started again; the pause doubles.
	RestartFirst, RestartMost time.Duration
	// StableAfter is how long a process must live for its former failures to be
	// forgotten.
	StableAfter time.Duration
	// MetricsInterval is the time between two samples of what applications use.
	MetricsInterval time.Duration
	// LogBytes is how large the log of an application may grow;
	// 0: domain.DefaultLogBytes. It is looked at with each sample.
	LogBytes int64
	// Logger gets what people should know; required. Values are never logged.
	Logger logrus.FieldLogger
}

// complete checks the options and fills in what is not set.
func (o *Options) complete() error {
	switch {
	case o.App == "":
		return fmt.Errorf("%w: App is empty", ErrInvalidOption)
	case o.Dir == "":
		return fmt.Errorf("%w: Dir is empty", ErrInvalidOption)
	case o.LogBytes < 0:
		return fmt.Errorf("%w: LogBytes is negative", ErrInvalidOption)
	case o.Logger == nil:
		return fmt.Errorf("%w: Logger is nil", ErrInvalidOption)
	}
	for _, d := range []struct {
		name     string
		value    *time.Duration
		standard time.Duration
	}{
		{"StopGrace", &o.StopGrace, DefaultStopGrace},
		{"RestartFirst", &o.RestartFirst, DefaultRestartFirst},
		{"RestartMost", &o.RestartMost, max(DefaultRestartMost, o.RestartFirst)},
		{"StableAfter", &o.StableAfter, DefaultStableAfter},
		{"MetricsInterval", &o.MetricsInterval, DefaultMetricsInterval},
	} {
		if *d.value < 0 {
			return fmt.Errorf("%w: %s is negative", ErrInvalidOption, d.name)
		}
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	if o.RestartMost < o.RestartFirst {
		return fmt.Errorf("%w: RestartMost %s is shorter than RestartFirst %s", ErrInvalidOption, o.RestartMost, o.RestartFirst)
	}
	return nil
}

// pause returns how long to wait after so many failures in a row.
func (o *Options) pause(failures uint32) time.Duration {
	pause := o.RestartFirst
	for n := uint32(1); n < failures && pause < o.RestartMost; n++ {
		pause *= 2
	}
	return min(pause, o.RestartMost)
}
