package wire

import (
	"fmt"
	"strconv"
	"time"
)

// Header holds the headers of a NATS message. Names are written exactly as
// below; each has one value.
type Header map[string][]string

// Headers of requests.
const (
	HeaderID       = "Nkv-Id"       // the request's id, echoed in the answer; any text of up to MaxID bytes
	HeaderFence    = "Nkv-Fence"    // the fence under which an owner writes
	HeaderExpect   = "Nkv-Expect"   // the revision that the key must have; 0: must not exist
	HeaderPattern  = "Nkv-Pattern"  // which keys or tables are meant
	HeaderDurable  = "Nkv-Durable"  // "true": a put that makes its table makes it durable
	HeaderForce    = "Nkv-Force"    // "true": an open takes the table from a living owner
	HeaderSnapshot = "Nkv-Snapshot" // the next page of a snapshot, as Nkv-Next gave it
)

// Headers of answers. Nkv-Id, Nkv-Status, Nkv-Message and Nkv-Store are in every one.
const (
	HeaderStatus     = "Nkv-Status"      // an HTTP status
	HeaderMessage    = "Nkv-Message"     // what happened, for people; NoError when it worked
	HeaderReason     = "Nkv-Reason"      // what happened, for programs; only when it did not work
	HeaderRevision   = "Nkv-Revision"    // of the value, the change or, for a table, its head
	HeaderStore      = "Nkv-Store"       // the store id
	HeaderCount      = "Nkv-Count"       // how many keys a delete by pattern removed
	HeaderRetryAfter = "Nkv-Retry-After" // milliseconds until it is worth another try
	HeaderTable      = "Nkv-Table"       // a TableInfo, in answers about one table
	HeaderNext       = "Nkv-Next"        // asks for the next page; absent on the last
	HeaderVersion    = "Nkv-Version"     // the server's protocol version, when asked for another
)

// Headers of events, besides Nkv-Revision and Nkv-Store.
const (
	HeaderOp       = "Nkv-Op"       // one of the Op words
	HeaderPrevious = "Nkv-Previous" // the table's revision before this one; 0: none
)

// MaxID is the longest id of a request, in bytes: it must fit into every answer.
const MaxID = 1 << 10

// NoError is the message of an answer that worked.
const NoError = "No Error"

// Op says what an event tells.
type Op string

// The operations of events.
const (
	OpPut    Op = "put"
	OpDelete Op = "delete"
	OpMark   Op = "mark" // its body is a TableInfo
)

// Get returns the header's value, or "" when it is not there.
func (h Header) Get(name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Set sets a header.
func (h Header) Set(name, value string) { h[name] = []string{value} }

// SetUint sets a header to a number.
func (h Header) SetUint(name string, n uint64) { h.Set(name, strconv.FormatUint(n, 10)) }

// Uint returns a header's number; present is false when it is not there. What is
// no whole number below 2^64 is ErrInvalidHeader.
func (h Header) Uint(name string) (n uint64, present bool, err error) {
	if len(h[name]) == 0 {
		return 0, false, nil
	}
	text := h.Get(name)
	n, err = strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, true, fmt.Errorf("%w: %s is %q; it takes a whole number", ErrInvalidHeader, name, text)
	}
	return n, true, nil
}

// Bool returns a header's truth; it is false when it is not there. What is
// neither "true" nor "false" is ErrInvalidHeader.
func (h Header) Bool(name string) (bool, error) {
	if len(h[name]) == 0 {
		return false, nil
	}
	switch text := h.Get(name); text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, fmt.Errorf("%w: %s is %q; it takes true or false", ErrInvalidHeader, name, text)
	}
}

// RetryAfter returns how long the server advises to wait; 0 when it does not say.
func (h Header) RetryAfter() time.Duration {
	n, _, err := h.Uint(HeaderRetryAfter)
	if err != nil {
		return 0
	}
	return time.Duration(min(n, uint64(maxRetryAfter/time.Millisecond))) * time.Millisecond
}

// maxRetryAfter bounds how long a client waits on the server's word.
const maxRetryAfter = time.Hour
