package eve

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// MaxMessage is the size, in bytes, that a message stays below.
const MaxMessage = 65535

// Verb is the first word of a message.
type Verb string

// The verbs. A subscriber sends VerbRequest when it has connected; the publisher
// sends all others: VerbHello, VerbUpdate for each key, VerbComplete,
// VerbRestarted unless the counter is zero, and then what changes.
const (
	VerbRequest   Verb = "request"
	VerbHello     Verb = "hello"
	VerbUpdate    Verb = "update"
	VerbDelete    Verb = "delete"
	VerbComplete  Verb = "complete"
	VerbRestarted Verb = "restarted"
)

// Durability is what a hello says of its table.
type Durability int

// The durabilities. Older publishers say none.
const (
	Unsaid Durability = iota
	Volatile
	Durable
)

// Message is one message on a socket. What is set besides Verb and Topic depends
// on the verb.
type Message struct {
	Verb       Verb
	Topic      string
	Key        string     // of an update or delete; any bytes
	Value      []byte     // of an update
	Durability Durability // of a hello
	Restart    uint64     // of VerbRestarted; below 2^63
}

// ParseMessage reads a message; ErrMessage when it can't. It takes what the
// original takes, such as words that a later version appends to a hello.
func ParseMessage(text []byte) (Message, error) {
	if len(text) >= MaxMessage {
		return Message{}, fmt.Errorf("%w: it has %d bytes and should be below %d", ErrMessage, len(text), MaxMessage)
	}
	words := bytes.SplitN(text, []byte{' '}, 5)
	if len(words) < 2 || len(words[1]) == 0 {
		return Message{}, fmt.Errorf("%w: it has %d bytes and no topic", ErrMessage, len(text))
	}
	m := Message{Verb: Verb(words[0]), Topic: string(words[1])}
	words = words[2:]
	switch m.Verb {
	case VerbRequest:
		if len(words) > 0 {
			return Message{}, fmt.Errorf("%w: a request has words after its topic", ErrMessage)
		}
		return m, nil
	case VerbHello:
		if len(words) > 0 {
			m.Durability = durability(words[0])
		}
		return m, nil
	case VerbComplete:
		return m, nil
	case VerbRestarted:
		return m, m.parseRestart(words)
	case VerbUpdate, VerbDelete:
		return m, m.parseChange(words)
	}
	return Message{}, fmt.Errorf("%w: its verb, of %d bytes, is none of the protocol's", ErrMessage, len(m.Verb))
}

func durability(word []byte) Durability {
	durable, err := strconv.ParseBool(string(word))
	switch {
	case err != nil:
		return Unsaid
	case durable:
		return Durable
	}
	return Volatile
}

func (m *Message) parseRestart(words [][]byte) error {
	if len(words) == 0 {
		return fmt.Errorf("%w: restarted of %s has no counter", ErrMessage, m.Topic)
	}
	counter, err := strconv.ParseInt(string(words[0]), 10, 64)
	if err != nil || counter < 0 {
		return fmt.Errorf("%w: the counter of restarted %s is no number from 0 on", ErrMessage, m.Topic)
	}
	m.Restart = uint64(counter)
	return nil
}

func (m *Message) parseChange(words [][]byte) error {
	if m.Verb == VerbUpdate && len(words) != 2 || len(words) == 0 {
		return fmt.Errorf("%w: %s of %s has %d words after its topic", ErrMessage, m.Verb, m.Topic, len(words))
	}
	key, err := base64.StdEncoding.DecodeString(string(words[0]))
	if err != nil {
		return fmt.Errorf("%w: the key of %s %s is no base64", ErrMessage, m.Verb, m.Topic)
	}
	m.Key = string(key)
	if m.Verb != VerbUpdate {
		return nil
	}
	if m.Value, err = base64.StdEncoding.AppendDecode([]byte{}, words[1]); err != nil {
		return fmt.Errorf("%w: the value of %s %s is no base64", ErrMessage, m.Verb, m.Topic)
	}
	return nil
}

// Append appends the message as it is sent to text. It returns ErrTooLarge when
// it can't be sent, and ErrMessage when no reader could take it apart.
func (m Message) Append(text []byte) ([]byte, error) {
	if m.Topic == "" || strings.Contains(m.Topic, " ") {
		return text, fmt.Errorf("%w: the topic %q is empty or has a space", ErrMessage, m.Topic)
	}
	if size := m.size(); size >= MaxMessage {
		return text, fmt.Errorf("%w: %s of key %q of topic %s, a value of %d bytes, is a message of %d; it must be below %d",
			ErrTooLarge, m.Verb, m.Key, m.Topic, len(m.Value), size, MaxMessage)
	}
	text = append(append(append(text, m.Verb...), ' '), m.Topic...)
	switch m.Verb {
	case VerbRequest, VerbComplete:
	case VerbHello:
		if m.Durability != Unsaid {
			text = strconv.AppendBool(append(text, ' '), m.Durability == Durable)
		}
	case VerbRestarted:
		if m.Restart > math.MaxInt64 {
			return text, fmt.Errorf("%w: a restart counter of %d; it must be below 2^63", ErrMessage, m.Restart)
		}
		text = strconv.AppendUint(append(text, ' '), m.Restart, 10)
	case VerbDelete:
		text = base64.StdEncoding.AppendEncode(append(text, ' '), []byte(m.Key))
	case VerbUpdate:
		text = base64.StdEncoding.AppendEncode(append(text, ' '), []byte(m.Key))
		text = base64.StdEncoding.AppendEncode(append(text, ' '), m.Value)
	default:
		return text, fmt.Errorf("%w: no verb %q", ErrMessage, m.Verb)
	}
	return text, nil
}

// size is how long the message is, or a little more.
func (m Message) size() int {
	size := len(m.Verb) + 1 + len(m.Topic)
	switch m.Verb {
	case VerbHello:
		size += len(" false")
	case VerbRestarted:
		size += len(" ") + 20
	case VerbDelete, VerbUpdate:
		size += 1 + base64.StdEncoding.EncodedLen(len(m.Key))
	}
	if m.Verb == VerbUpdate {
		size += 1 + base64.StdEncoding.EncodedLen(len(m.Value))
	}
	return size
}
