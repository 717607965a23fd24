package store

import (
	"fmt"
	"io"

	"github.com/sirupsen/logrus"
)

// Limits of a batch. Larger ones are refused with ErrNotCommitted.
const (
	// MaxKey is the longest key, in bytes.
	MaxKey = 64 << 10
	// MaxValue is the largest value, in bytes.
	MaxValue = 64 << 20
	// MaxBatch is the largest encoded batch, in bytes. It is the length up to
	// which CRC-32C finds every change of up to three bits (2^31 bits).
	MaxBatch = 256<<20 - 1<<20

	// maxEpoch is the longest Options.Epoch, in bytes.
	maxEpoch = 128
)

// DefaultFloor is what Options.Floor is when it is not set.
const DefaultFloor = 1 << 20

// Options says where a log lies and what it survives.
type Options struct {
	// Dir is the directory of the log. It is created with mode 0700 if it is
	// missing. One opener at a time: a second one gets ErrLocked. Required.
	Dir string

	// Sync makes the log durable: each Commit ends with one fdatasync, and what
	// it acknowledged survives a power cut. Without it the log is volatile: a
	// Commit is one write, and what it acknowledged survives the death of the
	// process (also by SIGKILL), not a reboot.
	Sync bool

	// Epoch names the span of time for which the content counts, such as the
	// boot id for a volatile log; up to 128 bytes. A file that carries another
	// epoch is replaced by an empty one at the opening, without being read
	// further. Empty: the content counts whatever its epoch.
	Epoch string

	// Floor is the number of dead bytes (of overwritten and deleted values) up
	// to which no compaction starts. The log takes at most about 3 times its
	// live bytes plus two floors on the medium. 0 means DefaultFloor; otherwise
	// at least 4 KiB.
	Floor int64

	// Logger gets what went well or wrong beside the calls: cut tails,
	// compactions. Keys' and values' bytes are never logged. Nil discards.
	Logger logrus.FieldLogger

	// Files replaces single calls on files, to inject faults in tests. The zero
	// value is the real thing.
	Files FileCalls
}

func (o Options) validate() (Options, error) {
	if o.Dir == "" {
		return o, fmt.Errorf("%w: Dir is empty; it must name the directory of the log", ErrInvalidOption)
	}
	if len(o.Epoch) > maxEpoch {
		return o, fmt.Errorf("%w: Epoch has %d bytes, at most %d fit", ErrInvalidOption, len(o.Epoch), maxEpoch)
	}
	if o.Floor == 0 {
		o.Floor = DefaultFloor
	}
	if o.Floor < 4<<10 {
		return o, fmt.Errorf("%w: Floor is %d bytes, it must be 0 or at least 4096", ErrInvalidOption, o.Floor)
	}
	if o.Logger == nil {
		discard := logrus.New()
		discard.SetOutput(io.Discard)
		o.Logger = discard
	}
	return o, nil
}
