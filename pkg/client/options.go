package client

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/wire"
)

// Defaults.
const (
	// DefaultSocket is where a client looks for the server when it is told
	// nothing else and the directory is there.
	DefaultSocket = "/run/nkv/nkv.sock"
	// EnvURL names the environment variable that tells a client where the server
	// is.
	EnvURL = "NKV_URL"
	// EnvUser, EnvPassword and EnvNKey name the environment variables that tell a
	// client without Password or NKey who it is: a user and a password, or a file
	// with an nkey's seed.
	EnvUser     = "NKV_USER"
	EnvPassword = "NKV_PASSWORD"
	EnvNKey     = "NKV_NKEY"
	// DefaultTimeout is how long a request waits for its answer when its context
	// has no deadline.
	DefaultTimeout = 5 * time.Second
	// DefaultHeadCheck is how often a client compares what it has with the heads
	// of its tables. Guarantee G1 needs it below 10 s.
	DefaultHeadCheck = 5 * time.Second
)

// options of a client.
type options struct {
	agent     string
	inProcess nats.InProcessConnProvider
	timeout   time.Duration
	headCheck time.Duration
	log       logrus.FieldLogger
	dialer    nats.CustomDialer
	tls       []nats.Option
	identity  []nats.Option // how to prove who this is; nil: as the environment says
}

// Option changes how a client connects.
type Option func(*options) error

// Name sets the agent's name: 1 to 255 bytes. Only the agent that a table is
// named after may own it. It is "client" unless set.
func Name(agent string) Option {
	return func(o *options) error {
		if err := (wire.Table{Agent: agent, Topic: "t"}).Validate(); err != nil {
			return fmt.Errorf("%w: Name: %w", ErrInvalidOption, err)
		}
		o.agent = agent
		return nil
	}
}

// InProcess reaches a server in the same process, without a socket: give it the
// server.Server. The URL is then not used.
func InProcess(server nats.InProcessConnProvider) Option {
	return func(o *options) error {
		if server == nil {
			return fmt.Errorf("%w: InProcess: the server is nil", ErrInvalidOption)
		}
		o.inProcess = server
		return nil
	}
}

// Timeout sets how long a request waits for its answer when its context has no
// deadline.
func Timeout(d time.Duration) Option {
	return func(o *options) error {
		if d <= 0 {
			return fmt.Errorf("%w: Timeout is %s; it must be positive", ErrInvalidOption, d)
		}
		o.timeout = d
		return nil
	}
}

// HeadCheck sets how often the client compares what it has with the heads of its
// tables.
func HeadCheck(d time.Duration) Option {
	return func(o *options) error {
		if d <= 0 {
			return fmt.Errorf("%w: HeadCheck is %s; it must be positive", ErrInvalidOption, d)
		}
		o.headCheck = d
		return nil
	}
}

// Logger sets where the client says what people should know. Without it nothing
// is logged. Values never are.
func Logger(log logrus.FieldLogger) Option {
	return func(o *options) error {
		if log == nil {
			return fmt.Errorf("%w: Logger is nil", ErrInvalidOption)
		}
		o.log = log
		return nil
	}
}

// Dialer sets how connections are made; tests cut and delay them with it.
func Dialer(d nats.CustomDialer) Option {
	return func(o *options) error {
		if d == nil {
			return fmt.Errorf("%w: Dialer is nil", ErrInvalidOption)
		}
		o.dialer = d
		return nil
	}
}

// RootCAs makes the client trust the certificates in these files, for TLS.
func RootCAs(files ...string) Option {
	return func(o *options) error {
		for _, file := range files {
			if _, err := os.Stat(file); err != nil {
				return fmt.Errorf("%w: RootCAs: %w", ErrInvalidOption, err)
			}
		}
		o.tls = append(o.tls, nats.RootCAs(files...))
		return nil
	}
}

// Password makes the client prove its identity with a user name, which is the
// identity's, and a password. What the environment says of identities does not
// count then.
func Password(user, password string) Option {
	return func(o *options) error {
		if user == "" || password == "" {
			return fmt.Errorf("%w: Password: the user or the password is empty", ErrInvalidOption)
		}
		o.identity = []nats.Option{nats.UserInfo(user, password)}
		return nil
	}
}

// NKey makes the client prove its identity with an nkey, whose seed is in a file:
// the secret itself is never sent. The file is read at each connection. What the
// environment says of identities does not count then.
func NKey(seedFile string) Option {
	return func(o *options) error {
		option, err := nats.NkeyOptionFromSeed(seedFile)
		if err != nil {
			return fmt.Errorf("%w: NKey: %s: %w", ErrInvalidOption, seedFile, err)
		}
		o.identity = []nats.Option{option}
		return nil
	}
}

// identify sets how the client proves who it is, if nothing was said, as the
// environment says.
func (o *options) identify() error {
	if o.identity != nil || o.inProcess != nil {
		return nil
	}
	user, password, seed := os.Getenv(EnvUser), os.Getenv(EnvPassword), os.Getenv(EnvNKey)
	switch {
	case seed != "" && (user != "" || password != ""):
		return fmt.Errorf("%w: $%s and $%s are both set; unset one", ErrInvalidOption, EnvNKey, EnvUser)
	case seed != "":
		return NKey(seed)(o)
	case user != "" || password != "":
		if err := Password(user, password)(o); err != nil {
			return fmt.Errorf("%w; it is taken from $%s and $%s", err, EnvUser, EnvPassword)
		}
	}
	return nil
}

func newOptions(given []Option) (*options, error) {
	o := &options{agent: "client", timeout: DefaultTimeout, headCheck: DefaultHeadCheck}
	for _, option := range given {
		if option == nil {
			continue
		}
		if err := option(o); err != nil {
			return nil, err
		}
	}
	if err := o.identify(); err != nil {
		return nil, err
	}
	if o.log == nil {
		silent := logrus.New()
		silent.SetLevel(logrus.PanicLevel)
		o.log = silent
	}
	return o, nil
}

// DefaultURL returns where a client looks for the server first: $NKV_URL, else the
// Unix socket in /run/nkv when that directory is there, else
// $XDG_RUNTIME_DIR/nkv.sock. Without $NKV_URL it tries both sockets, each time.
func DefaultURL() string {
	if from := os.Getenv(EnvURL); from != "" {
		return from
	}
	if _, err := os.Stat(filepath.Dir(DefaultSocket)); err != nil {
		if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
			return "unix://" + filepath.Join(dir, "nkv.sock")
		}
	}
	return "unix://" + DefaultSocket
}

// unixDialer dials the first of some Unix sockets that answers, whatever address
// NATS asks for.
type unixDialer struct {
	paths   []string
	timeout time.Duration
}

func (d unixDialer) Dial(string, string) (net.Conn, error) {
	var failed []error
	for _, path := range d.paths {
		conn, err := net.DialTimeout("unix", path, d.timeout)
		if err == nil {
			return conn, nil
		}
		failed = append(failed, err)
	}
	return nil, errors.Join(failed...)
}

// sockets returns where to look for a server: where it was said, or at all the
// places where one listens that was told nothing either. It may start later than
// the client, and in a directory that is not there yet.
func sockets(path string, given bool) []string {
	if given {
		return []string{path}
	}
	paths := []string{DefaultSocket}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		paths = append(paths, filepath.Join(dir, "nkv.sock"))
	}
	return paths
}

// address reads a server's URL: unix:///path, nats://host:port, tls://host:port,
// or host:port. An empty one is DefaultURL.
func (o *options) address(text string) (natsURL string, err error) {
	given := text != "" || os.Getenv(EnvURL) != ""
	if text == "" {
		text = DefaultURL()
	}
	if path, ok := strings.CutPrefix(text, "unix://"); ok {
		if path == "" {
			return "", fmt.Errorf("%w: server %q names no socket; write unix:///path/to/nkv.sock", ErrInvalidOption, text)
		}
		if o.dialer == nil {
			o.dialer = unixDialer{sockets(path, given), min(connectWithin, o.timeout)}
		}
		// The dialer does not look at it; a name would be asked of DNS each time.
		return "nats://127.0.0.1:4222", nil
	}
	if strings.Contains(text, "@") { // not shown: it may be a password
		return "", fmt.Errorf("%w: the server's URL names a user, and would show a password to all who see it; give that with Password, or $%s and $%s", ErrInvalidOption, EnvUser, EnvPassword)
	}
	if !strings.Contains(text, "://") {
		text = "nats://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("%w: server %q; write unix:///path, nats://host:port or tls://host:port", ErrInvalidOption, text)
	}
	switch u.Scheme {
	case "nats", "tls":
		return text, nil
	}
	return "", fmt.Errorf("%w: server %q: scheme %q is none of unix, nats, tls", ErrInvalidOption, text, u.Scheme)
}
