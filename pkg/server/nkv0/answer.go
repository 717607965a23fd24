package nkv0

import (
	"encoding/json"
	"strconv"

	"github.com/evenkv/nkv/pkg/wire"
)

// Messages of answers that the protocol fixes.
const (
	noError  = wire.NoError
	notFound = "Not Found"
)

// kind is the name of an answer's form.
type kind string

// The forms of answers. A subscribe is answered as "Put", with the subject as data.
const (
	kindBase kind = "Base" // without data
	kindGet  kind = "Get"
	kindPut  kind = "Put"
)

// answer is what a request is answered with.
type answer struct {
	kind    kind
	id      uint32
	status  wire.Status
	message string
	data    []byte // unless the kind is kindBase
}

func done(k kind, data []byte) answer {
	return answer{kind: k, status: wire.StatusOK, message: noError, data: data}
}

func missing(k kind) answer {
	return answer{kind: k, status: wire.StatusNotFound, message: notFound}
}

func (a answer) encode() []byte {
	out := make([]byte, 0, 100+len(a.message)+bytesLength(a.data))
	out = append(out, `{"`+string(a.kind)+`":{"id":`...)
	out = strconv.AppendUint(out, uint64(a.id), 10)
	out = append(out, `,"status":`...)
	out = strconv.AppendInt(out, int64(a.status), 10)
	out = append(out, `,"message":`...)
	message, err := json.Marshal(a.message)
	if err != nil { // text can't fail
		message = []byte(`""`)
	}
	out = append(out, message...)
	if a.kind != kindBase {
		out = append(out, `,"data":`...)
		out = appendBytes(out, a.data)
	}
	return append(out, `}}`...)
}

// Messages on the subject of a key.
const (
	hello = `{"msg_type":"Hello"}` // somebody has subscribed
	gone  = `{"msg_type":"Close"}` // the key was deleted
)

// update tells that a key has a value.
func update(value []byte) []byte {
	out := make([]byte, 0, 50+bytesLength(value))
	out = append(out, `{"msg_type":{"Update":{"value":`...)
	out = appendBytes(out, value)
	return append(out, `}}}`...)
}

// around is more than any answer or message has besides its value, in bytes.
const around = 200

// appendBytes appends a value as a list of numbers.
func appendBytes(out, value []byte) []byte {
	out = append(out, '[')
	for i, c := range value {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendUint(out, uint64(c), 10)
	}
	return append(out, ']')
}

// bytesLength is how much appendBytes appends.
func bytesLength(value []byte) int {
	n := 1 + max(1, len(value)) // brackets and commas
	for _, c := range value {
		switch {
		case c >= 100:
			n += 3
		case c >= 10:
			n += 2
		default:
			n++
		}
	}
	return n
}
