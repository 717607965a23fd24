package testutil

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Fate is what becomes of a message on its way to a client.
type Fate int

// The fates.
const (
	Deliver Fate = iota
	Lose         // it never comes, and the connection goes on
	Repeat       // it comes twice
	Late         // it comes after the next one
)

// Filter makes the proxy read the NATS messages that go to clients, and do with
// each what decide says, by its subject. It holds for connections that are made
// after it.
func (p *Proxy) Filter(decide func(subject string) Fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decide = decide
}

// carryFrames carries NATS protocol to a client, message by message.
func (p *Proxy) carryFrames(l *link, decide func(string) Fate) {
	defer l.client.CloseWrite() //nolint:errcheck // gone already: the same
	in := bufio.NewReaderSize(l.server, 64<<10)
	var late []byte
	for {
		frame, subject, err := readFrame(in)
		if err != nil {
			return
		}
		if _, alive := p.wait(l, ToClient, len(frame)); !alive {
			return
		}
		fate := Deliver
		if subject != "" {
			fate = decide(subject)
		}
		var out []byte
		switch fate {
		case Lose:
		case Repeat:
			out = append(append(out, frame...), frame...)
		case Late:
			late = append(late, frame...)
			continue
		default:
			out = frame
		}
		if subject != "" && fate != Lose && len(late) > 0 {
			out, late = append(out, late...), nil
		}
		if _, err := l.client.Write(out); err != nil {
			return
		}
	}
}

// readFrame reads one line of the NATS client protocol, and the payload of a
// message with it. Subject is empty for what is no message. The protocol is
// described at https://docs.nats.io/reference/reference-protocols/nats-protocol.
func readFrame(in *bufio.Reader) (frame []byte, subject string, err error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return nil, "", err
	}
	fields := strings.Fields(line)
	if len(fields) < 4 || fields[0] != "MSG" && fields[0] != "HMSG" {
		return []byte(line), "", nil
	}
	size, err := strconv.Atoi(fields[len(fields)-1])
	if err != nil {
		return nil, "", fmt.Errorf("a message's size in %q: %w", line, err)
	}
	frame = make([]byte, len(line)+size+len("\r\n"))
	n := copy(frame, line)
	_, err = io.ReadFull(in, frame[n:])
	return frame, fields[1], err
}
