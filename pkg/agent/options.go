package agent

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/client"
)

// Defaults.
const (
	// DefaultWarning and DefaultError are how long a handler may run before it is
	// named in the log, as a warning and then as an error.
	DefaultWarning = 10 * time.Second
	DefaultError   = time.Minute
	// DefaultRetryFirst and DefaultRetryMost are the shortest and the longest
	// pause before a handler that failed is called again.
	DefaultRetryFirst = 100 * time.Millisecond
	DefaultRetryMost  = time.Minute
	// touchEvery is how often the watchdog file's time is set.
	touchEvery = 5 * time.Second
)

type options struct {
	url        string
	client     []client.Option
	log        logrus.FieldLogger
	watchdog   string
	warning    time.Duration
	failure    time.Duration
	retryFirst time.Duration
	retryMost  time.Duration
	observer   func(Call)
}

// Option changes how an agent connects or runs.
type Option func(*options) error

// URL sets where the server is; see client.DefaultURL for the forms and for what
// holds without it.
func URL(url string) Option {
	return func(o *options) error {
		o.url = url
		return nil
	}
}

// InProcess reaches a server in the same process: give it the server.Server.
func InProcess(server nats.InProcessConnProvider) Option {
	return Client(client.InProcess(server))
}

// Client passes options to the client below.
func Client(given ...client.Option) Option {
	return func(o *options) error {
		o.client = append(o.client, given...)
		return nil
	}
}

// Logger sets where the agent says what people should know. Without it nothing is
// logged. Values never are.
func Logger(log logrus.FieldLogger) Option {
	return func(o *options) error {
		if log == nil {
			return fmt.Errorf("%w: Logger is nil", ErrInvalidOption)
		}
		o.log = log
		o.client = append(o.client, client.Logger(log))
		return nil
	}
}

// Watchdog sets a file that the event loop touches every few seconds while it
// runs, so that a watchdog can tell a stuck agent by the file's time. Its
// directory must exist.
func Watchdog(file string) Option {
	return func(o *options) error {
		if file == "" {
			return fmt.Errorf("%w: Watchdog names no file", ErrInvalidOption)
		}
		o.watchdog = file
		return nil
	}
}

// SlowHandler sets how long a handler may run before it is named in the log, as
// a warning and then as an error.
func SlowHandler(warning, failure time.Duration) Option {
	return func(o *options) error {
		if warning <= 0 || failure < warning {
			return fmt.Errorf("%w: SlowHandler(%s, %s): the first must be positive and the second not shorter", ErrInvalidOption, warning, failure)
		}
		o.warning, o.failure = warning, failure
		return nil
	}
}

// Retry sets the shortest and the longest pause before a handler that failed is
// called again; the pause doubles with each failure.
func Retry(first, most time.Duration) Option {
	return func(o *options) error {
		if first <= 0 || most < first {
			return fmt.Errorf("%w: Retry(%s, %s): the first must be positive and the second not shorter", ErrInvalidOption, first, most)
		}
		o.retryFirst, o.retryMost = first, most
		return nil
	}
}

// Observer is told every handler call, after it returned, from the event loop.
func Observer(observer func(Call)) Option {
	return func(o *options) error {
		if observer == nil {
			return fmt.Errorf("%w: Observer is nil", ErrInvalidOption)
		}
		o.observer = observer
		return nil
	}
}

func newOptions(given []Option) (*options, error) {
	o := &options{
		warning: DefaultWarning, failure: DefaultError,
		retryFirst: DefaultRetryFirst, retryMost: DefaultRetryMost,
	}
	for _, option := range given {
		if option == nil {
			continue
		}
		if err := option(o); err != nil {
			return nil, err
		}
	}
	if o.log == nil {
		silent := logrus.New()
		silent.SetLevel(logrus.PanicLevel)
		o.log = silent
	}
	return o, nil
}
