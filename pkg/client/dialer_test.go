package client

import (
	"net"
	"runtime/debug"
	"testing"
	"time"
)

// A server that accepts and says nothing has one connection of a client at a time,
// however often that tries.
func TestOneConnectionToASilentServer(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what was forgotten
	for network, address := range map[string]string{"unix": socket(t), "tcp": "127.0.0.1:0"} {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		url := map[string]string{"unix": "unix://", "tcp": "nats://"}[network] + l.Addr().String()
		connect(t, url, Timeout(50*time.Millisecond))
		var before net.Conn
		for range 4 {
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if before != nil {
				if err := before.SetReadDeadline(time.Now().Add(bound)); err != nil {
					t.Fatal(err)
				}
				if n, err := before.Read(make([]byte, 1)); n > 0 || err == nil || isTimeout(err) {
					t.Errorf("%s: the connection before is open: %d, %v", network, n, err)
				}
			}
			before = conn
		}
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}
