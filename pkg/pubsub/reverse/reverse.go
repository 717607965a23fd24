package reverse

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/evenkv/nkv/pkg/pubsub"
)

const (
	// network keeps the borders of messages.
	network = "unixpacket"
	// maxMessage is the largest value, in bytes: the original reads no more.
	maxMessage = 65535
	// runDir is where the sockets are.
	runDir = "/run"
)

func socket(dir, agent string, topic any) string {
	return filepath.Join(dir, agent, pubsub.TypeToName(topic)+".sock")
}

// Publish sends a value to the agent that listens for its type.
func Publish(_ pubsub.Log, agent string, data any) error {
	return publish(socket(runDir, agent, data), agent, data)
}

func publish(name, agent string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("%w: publish a %T to %s", pubsub.ErrType, data, agent)
	}
	if len(b) > maxMessage {
		return fmt.Errorf("publish a %T to %s: it has %d bytes; a message takes %d at the most", data, agent, len(b), maxMessage)
	}
	conn, err := net.Dial(network, name)
	if err != nil {
		return fmt.Errorf("publish to %s, which does not listen: %w", agent, err)
	}
	_, err = conn.Write(b)
	return errors.Join(err, conn.Close())
}

// NewSubscriber listens for values of topic's type that are sent to an agent, and
// returns the channel through which they come, as JSON. It listens for as long as
// the process lives. When the socket can't be had, because another process has it,
// that is logged and nothing ever comes.
func NewSubscriber(log pubsub.Log, agent string, topic any) <-chan string {
	values := make(chan string)
	listener, err := listen(socket(runDir, agent, topic))
	if err != nil {
		log.Errorf("%s can't listen for %s: %v", agent, pubsub.TypeToName(topic), err)
		return values
	}
	go accept(log, listener, values)
	return values
}

// listen takes the place of a socket that nobody listens on.
func listen(name string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, err
	}
	if conn, err := net.Dial(network, name); err == nil {
		return nil, errors.Join(fmt.Errorf("another process listens on %s", name), conn.Close())
	}
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return net.Listen(network, name)
}

func accept(log pubsub.Log, listener net.Listener, values chan<- string) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Errorf("nobody is heard any more on %s: %v", listener.Addr(), err)
			return
		}
		go receive(log, conn, values)
	}
}

func receive(log pubsub.Log, conn net.Conn, values chan<- string) {
	defer conn.Close()
	buf := make([]byte, maxMessage+1)
	for {
		n, err := conn.Read(buf)
		switch {
		case n > maxMessage:
			log.Errorf("a value with more than %d bytes came on %s and is left out", maxMessage, conn.LocalAddr())
			continue
		case n > 0:
			values <- string(buf[:n])
			continue
		case err == nil, errors.Is(err, io.EOF): // a message without bytes is the end
		default:
			log.Errorf("a connection on %s broke: %v", conn.LocalAddr(), err)
		}
		return
	}
}
