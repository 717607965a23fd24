package backend

import "sync/atomic"

// StartServer starts a server for a root directory, or joins the one that runs for
// it, and returns where it listens; stop says that it is not needed any more.
type StartServer func(root string) (url string, stop func(), err error)

// starter is set by tests only: see RegisterServer.
var starter atomic.Pointer[StartServer]

// RegisterServer has drivers with a root directory start their server with start,
// from now on. A driver is made by naming its fields, in tests like in agents, so
// there is no other place to hand it over. Package pubsubtest calls it; agents
// don't.
func RegisterServer(start StartServer) { starter.Store(&start) }

// serverOf returns where the server of a root directory is; empty: where pkg/client
// looks by itself.
func serverOf(root string) (url string, stop func(), err error) {
	if root == "" {
		return "", func() {}, nil
	}
	if start := starter.Load(); start != nil {
		return (*start)(root)
	}
	return "unix://" + SocketIn(root), func() {}, nil
}
