package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"time"
)

// raw is a connection on which anything can be said.
type raw struct {
	net.Conn
	in *bufio.Reader
}

func (g *guarded) raw(network string) *raw {
	g.t.Helper()
	address := g.Addr().String()
	if network == "unix" {
		address = g.opts.Socket
	}
	conn, err := net.Dial(network, address)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience)) //nolint:errcheck // a socket takes deadlines
	return &raw{Conn: conn, in: bufio.NewReader(conn)}
}

// say sends text, and returns all that comes until the connection ends or an
// answer has the word.
func (r *raw) say(text, until string) (heard string) {
	if _, err := r.Write([]byte(text)); err != nil {
		return err.Error()
	}
	for {
		line, err := r.in.ReadString('\n')
		heard += line
		if err != nil || until != "" && strings.Contains(line, until) {
			return heard
		}
	}
}

func connectLine(identity, agent, instance string) string {
	options, err := json.Marshal(map[string]any{
		"verbose": false, "headers": true, "no_responders": true, "protocol": 1,
		"user": identity, "pass": password, "name": agent, "auth_token": instance,
	})
	if err != nil {
		panic(err)
	}
	return "CONNECT " + string(options) + "\r\n"
}

func pub(subject, reply, body string) string {
	return fmt.Sprintf("PUB %s %s %d\r\n%s\r\n", subject, reply, len(body), body)
}

func hpub(subject, reply, header, body string) string {
	head := "NATS/1.0\r\n" + header + "\r\n\r\n"
	return fmt.Sprintf("HPUB %s %s %d %d\r\n%s%s\r\n", subject, reply, len(head), len(head)+len(body), head, body)
}
