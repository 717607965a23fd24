package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
)

// Exit codes of the programs.
const (
	ExitOK     = 0 // ended as asked
	ExitFailed = 1 // the log or the message says why
	ExitUsage  = 2 // a flag or an argument is wrong
)

// ErrUsage: a flag or an argument is wrong; the message names it.
var ErrUsage = errors.New("wrong usage")

// ErrReported: the program failed and has already said why.
var ErrReported = errors.New("failed")

// Settings are the flags that every agent has.
type Settings struct {
	server     string
	logLevel   string
	logFormat  string
	watchdog   string
	handlerLog string
}

// AddFlags adds the flags to a command.
func (s *Settings) AddFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.server, "server", "",
		"the server: unix:///PATH or nats://HOST:PORT (default $NKV_URL, else the default socket)")
	flags.StringVar(&s.logLevel, "log-level", "info", "what to log: debug, info, warning or error")
	flags.StringVar(&s.logFormat, "log-format", "text", "how to log: text or json")
	flags.StringVar(&s.watchdog, "watchdog", "", "touch this `FILE` while the agent is alive")
	flags.StringVar(&s.handlerLog, "handler-log", "", "append each handler call to this `FILE`, one JSON line each")
}

// Logger returns the logger that the flags ask for. It writes to out.
func (s *Settings) Logger(out io.Writer) (*logrus.Logger, error) {
	log := logrus.New()
	log.SetOutput(out)
	level, err := logrus.ParseLevel(s.logLevel)
	if err != nil {
		return nil, fmt.Errorf("%w: --log-level: %w; it is debug, info, warning or error", ErrUsage, err)
	}
	log.SetLevel(level)
	switch s.logFormat {
	case "text":
		log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true})
	case "json":
		log.SetFormatter(&logrus.JSONFormatter{})
	default:
		return nil, fmt.Errorf("%w: --log-format: %q is neither text nor json", ErrUsage, s.logFormat)
	}
	return log, nil
}

// Connect makes the agent that the flags describe. When it ended, stop gives
// back what it used; the error is that of the log of handler calls, if any.
func (s *Settings) Connect(ctx context.Context, name string, log logrus.FieldLogger) (a *agent.Agent, stop func() error, err error) {
	options := []agent.Option{agent.Logger(log)}
	if s.server != "" {
		options = append(options, agent.URL(s.server))
	}
	if s.watchdog != "" {
		options = append(options, agent.Watchdog(s.watchdog))
	}
	stop = func() error { return nil }
	if s.handlerLog != "" {
		calls, err := OpenHandlerLog(s.handlerLog, name)
		if err != nil {
			return nil, nil, err
		}
		options = append(options, agent.Observer(calls.Add))
		stop = calls.Close
	}
	if a, err = agent.Connect(ctx, name, options...); err != nil {
		if errors.Is(err, agent.ErrInvalidOption) || errors.Is(err, client.ErrInvalidOption) {
			err = fmt.Errorf("%w: %w", ErrUsage, err)
		}
		return nil, nil, errors.Join(err, stop())
	}
	return a, stop, nil
}

// Main runs a command until it ends or the process gets SIGTERM or SIGINT, and
// returns the exit code.
func Main(cmd *cobra.Command) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", ErrUsage, err) })
	err := cmd.ExecuteContext(ctx)
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, ErrReported):
		return ExitFailed
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: %v\n", cmd.Name(), err)
	if errors.Is(err, ErrUsage) {
		fmt.Fprintf(cmd.ErrOrStderr(), "see %s --help\n", cmd.Name())
		return ExitUsage
	}
	return ExitFailed
}

// NoArguments refuses arguments as wrong usage.
func NoArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: unexpected argument %q", ErrUsage, args[0])
	}
	return nil
}
