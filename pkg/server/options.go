package server

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/wire"
)

// Defaults and limits.
const (
	// DefaultMaxValue is the largest value unless set otherwise: 8 MiB.
	DefaultMaxValue = 8 << 20
	// MaxMaxValue is what MaxValue may be at the most: NATS refuses more than
	// 64 MiB in a message.
	MaxMaxValue = 63 << 20
	// DefaultSocketMode lets the socket's owner and group connect.
	DefaultSocketMode os.FileMode = 0o660
	// writeDeadline is how long a write to a client that does not read may take
	// before its connection is cut.
	writeDeadline = 2 * time.Second
	// A connection is gone after pingsMissed pings without an answer.
	pingInterval = 5 * time.Second
	pingsMissed  = 2
	// closedKept is how many closed connections NATS remembers, for its monitoring
	// port; its own default of 10,000 takes megabytes.
	closedKept = 100
	// inboundBytes is how much may wait for the core, of all clients; what
	// comes on top is dropped, and its sender gets no answer.
	inboundBytes = 256 << 20
)

// Options configure a server. The zero value of a field is its default; with all
// of them zero the server listens nowhere, keeps all in memory and is reached
// with InProcessConn.
type Options struct {
	// Socket is the path of the Unix socket to listen on; empty: none.
	Socket string
	// SocketMode is the socket's permission bits.
	SocketMode os.FileMode
	// Listen is the TCP address to listen on, host:port; port 0 takes a free
	// one; empty: none.
	Listen string
	// Agents is the agents file: who may connect, and what each may read and write;
	// see pkg/server/access. It is read again when it changes, and by ReloadAgents.
	// Empty: everybody who reaches the server may do everything, so it must not be
	// reached by TCP.
	Agents string
	// Insecure lets everybody who reaches a TCP address of this machine alone, a
	// loopback one, do everything, without Agents.
	Insecure bool
	// StoreDir is the directory of durable tables; empty: they are lost with the
	// server.
	StoreDir string
	// VolatileDir is the directory of volatile tables; empty: they are lost with
	// the server.
	VolatileDir string
	// NATSConfig is a NATS configuration file for what only NATS knows: TLS, leaf
	// nodes, the monitoring port. What the server sets itself is refused there.
	NATSConfig string
	// ChangeLog is a file to which every accepted change is appended, as a line of
	// JSON (ChangeRecord) without the value, and what each start finds; empty: none. It is for tests and for
	// looking into what happened; it grows without bound.
	ChangeLog string
	// MaxValue is the largest value, in bytes.
	MaxValue int
	// OwnerGrace is how long a table stays its owner's after the owner's
	// connection is gone; 5 s unless set.
	OwnerGrace time.Duration
	// EveRoot is a directory, "/" on a device, below which tables are kept in files
	// as the pubsub library of EVE-OS has them, and from whose files tables are
	// taken at the start: see pkg/eve/mirror. Tables, keys and values that can't be
	// files are then refused. Empty: none.
	EveRoot string
	// NKV0 serves clients of nkv's first protocol too. Connections without a token
	// are then taken for such, and hear no events.
	NKV0 bool
	// Gate is asked before each opening of a table, also one by force; nil: nobody
	// is. The opening goes on when proceed is called, at most once, from any
	// goroutine; without that it is not answered, and its client asks again. Gate
	// is called from the goroutine of all requests, and answered, right before the
	// answer, from the core's; neither must block. See pkg/eve/bridge.
	Gate func(table wire.Table, opener nkv.Instance, proceed func(answered func()))
	// Logger gets what people should know; nil: nothing is logged. Values never
	// are.
	Logger logrus.FieldLogger
	// Files replaces single calls on the stores' files, to inject faults in tests.
	// The zero value is the real thing.
	Files store.FileCalls
	// Version is the program's version, as the verb version tells it.
	Version string
}

func (o Options) withDefaults() (Options, error) {
	if o.SocketMode == 0 {
		o.SocketMode = DefaultSocketMode
	}
	if o.MaxValue == 0 {
		o.MaxValue = DefaultMaxValue
	}
	if o.OwnerGrace == 0 {
		o.OwnerGrace = nkv.DefaultOwnerGrace
	}
	if o.Version == "" {
		o.Version = "devel"
	}
	if o.Logger == nil {
		silent := logrus.New()
		silent.SetLevel(logrus.PanicLevel)
		o.Logger = silent
	}
	switch {
	case o.SocketMode&^os.ModePerm != 0:
		return o, fmt.Errorf("%w: SocketMode %s has more than permission bits", ErrInvalidOption, o.SocketMode)
	case o.MaxValue < 1 || o.MaxValue > MaxMaxValue:
		return o, fmt.Errorf("%w: MaxValue is %d bytes; it takes 1 to %d", ErrInvalidOption, o.MaxValue, MaxMaxValue)
	case o.OwnerGrace < 0:
		return o, fmt.Errorf("%w: OwnerGrace is %s; it can't be negative", ErrInvalidOption, o.OwnerGrace)
	case o.StoreDir != "" && o.VolatileDir != "" && filepath.Clean(o.StoreDir) == filepath.Clean(o.VolatileDir):
		return o, fmt.Errorf("%w: StoreDir and VolatileDir are both %s; they must differ", ErrInvalidOption, o.StoreDir)
	}
	switch {
	case o.Agents != "" && o.Insecure:
		return o, fmt.Errorf("%w: Insecure goes without Agents, and Agents is %s; leave one out", ErrInvalidOption, o.Agents)
	case o.Agents != "" && o.NKV0:
		return o, fmt.Errorf("%w: NKV0 serves clients that can't say who they are, and Agents is %s; leave one out", ErrInvalidOption, o.Agents)
	}
	if o.Listen != "" {
		host, _, err := listenAddress(o.Listen)
		if err != nil {
			return o, err
		}
		if err := o.mayListen("Listen", host); err != nil {
			return o, err
		}
	}
	return o, nil
}

// mayListen refuses a TCP door through which anybody could come and do everything.
func (o Options) mayListen(what, host string) error {
	switch {
	case o.Agents != "":
		return nil
	case !loopback(host):
		return fmt.Errorf("%w: %s is on %q, where others reach it who could do everything; give an agents file (agents, Options.Agents), or take a loopback address",
			ErrInvalidOption, what, host)
	case !o.Insecure:
		return fmt.Errorf("%w: %s is on %q, where every process of this machine could do everything; give an agents file (agents, Options.Agents), or say that it shall be so (insecure, Options.Insecure)",
			ErrInvalidOption, what, host)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// nats returns the options of the embedded NATS server.
func (o Options) nats() (*natsserver.Options, error) {
	n := &natsserver.Options{}
	if o.NATSConfig != "" {
		var err error
		if n, err = natsserver.ProcessConfigFile(o.NATSConfig); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrNATSConfig, o.NATSConfig, err)
		}
		if err := reserved(n); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrNATSConfig, o.NATSConfig, err)
		}
		if err := o.doors(n); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrNATSConfig, o.NATSConfig, err)
		}
	}
	n.DontListen = o.Listen == ""
	if o.Listen != "" {
		host, port, err := listenAddress(o.Listen)
		if err != nil {
			return nil, err
		}
		n.Host, n.Port = host, port
	}
	if n.ServerName == "" {
		n.ServerName = "nkv"
	}
	n.NoSigs = true
	n.AlwaysEnableNonce = o.Agents != "" // to be signed with an nkey
	n.NoFastProducerStall = true
	n.MaxPayload = int32(o.MaxValue + wire.HeaderSpace)
	n.MaxPending = max(16<<20, 2*int64(n.MaxPayload))
	n.WriteDeadline = writeDeadline
	n.PingInterval = pingInterval
	n.MaxPingsOut = pingsMissed
	if n.MaxClosedClients == 0 {
		n.MaxClosedClients = closedKept
	}
	return n, nil
}

// reserved refuses what the server decides itself.
func reserved(n *natsserver.Options) error {
	for _, setting := range []struct {
		name string
		set  bool
	}{
		{"host, port or listen (use the server's listen)", n.Host != "" || n.Port != 0},
		{"max_payload (use the server's max-value)", n.MaxPayload != 0},
		{"max_pending", n.MaxPending != 0},
		{"write_deadline", n.WriteDeadline != 0},
		{"write_timeout", n.WriteTimeout != natsserver.WriteTimeoutPolicyDefault},
		{"ping_interval", n.PingInterval != 0},
		{"ping_max", n.MaxPingsOut != 0},
		{"authorization, users, accounts or mappings", n.Username != "" || n.Authorization != "" || len(n.Users) > 0 || len(n.Nkeys) > 0 || len(n.Accounts) > 0},
		{"leafnodes with authorization, whose users would get past the server's permissions (a leaf node without it may only hear events)", n.LeafNode.Username != "" || n.LeafNode.Nkey != "" || len(n.LeafNode.Users) > 0},
		{"cluster or gateway (a server's state is its own)", n.Cluster.Port != 0 || n.Cluster.Name != "" || n.Gateway.Name != ""},
		{"mqtt", n.MQTT.Port != 0},
		{"operator, trusted_keys or resolver", len(n.TrustedOperators) > 0 || len(n.TrustedKeys) > 0 || n.AccountResolver != nil},
		{"auth_callout", n.AuthCallout != nil},
		{"no_auth_user", n.NoAuthUser != ""},
		{"jetstream", n.JetStream},
		{"system_account or no_system_account", n.SystemAccount != "" || n.NoSystemAccount},
		{"no_header_support", n.NoHeaderSupport},
		{"proxy_protocol", n.ProxyProtocol},
	} {
		if setting.set {
			return fmt.Errorf("it sets %s, which the server sets itself; remove that", setting.name)
		}
	}
	return nil
}

// doors looks at what else a NATS configuration file opens.
func (o Options) doors(n *natsserver.Options) error {
	if o.Agents != "" {
		for _, setting := range []struct {
			name string
			set  bool
		}{
			{"http, https or monitor port (its pages list inboxes, and whose they are)", n.HTTPPort != 0 || n.HTTPSPort != 0},
			{"prof_port (it shows the memory)", n.ProfPort != 0},
			{"leafnodes (many clients come as one there)", n.LeafNode.Port != 0 || len(n.LeafNode.Remotes) > 0},
		} {
			if setting.set {
				return fmt.Errorf("it sets %s, which does not go with an agents file; remove that", setting.name)
			}
		}
		return nil
	}
	if n.Websocket.Port != 0 {
		if err := o.mayListen("websocket", n.Websocket.Host); err != nil {
			return err
		}
	}
	if n.LeafNode.Port != 0 {
		return o.mayListen("leafnodes", n.LeafNode.Host)
	}
	return nil
}

func listenAddress(address string) (string, int, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%w: Listen is %q; write host:port: %w", ErrInvalidOption, address, err)
	}
	port, err := net.LookupPort("tcp", text)
	if err != nil {
		return "", 0, fmt.Errorf("%w: Listen is %q: %w", ErrInvalidOption, address, err)
	}
	if port == 0 {
		port = natsserver.RANDOM_PORT
	}
	return host, port, nil
}
