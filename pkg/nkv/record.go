package nkv

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/store"
)

// Records of a store, by the first byte of their key:
//
//	k <length of table, uvarint> <table> <key>   revision (uvarint), value
//	t <table>                                    meta, as JSON
//	n <length of table, uvarint> <table> <key>   of whoever wraps the store
//	s...                                         of the server, below
const (
	recordKey     = "k"
	recordTable   = "t"
	recordNote    = "n"
	recordCeiling = "sceiling" // uvarint: no revision above it was given
	recordStore   = "sstore"   // the store id; of a volatile store: those that it goes with, around a restore
	recordBoot    = "sboot"    // of a volatile store: the boot that it belongs to
)

// RecordKind says what a Record is about.
type RecordKind int

// The kinds of records.
const (
	RecordOther RecordKind = iota // of the core alone
	RecordKey                     // Table, Key; of a put: Value
	RecordTable                   // Table; of a put: Restart
	RecordNote                    // Table, Key; of a put: Value
)

// Record is an operation of a batch that the core commits to a store, taken
// apart for whoever wraps the store. The core leaves notes alone, except that it
// removes them when it empties a volatile store.
type Record struct {
	Kind    RecordKind
	Table   string
	Key     string
	Value   []byte
	Restart uint64
}

// ReadRecord takes an operation apart. One that the core did not make is
// ErrCorrupt.
func ReadRecord(op store.Op) (Record, error) {
	var r Record
	var err error
	switch {
	case strings.HasPrefix(op.Key, recordKey):
		r.Kind = RecordKey
		if r.Table, r.Key, err = splitKeyRecord(op.Key[1:]); err != nil || op.Delete {
			return r, err
		}
		e, err := decodeEntry(r.Key, op.Value)
		if err != nil {
			return r, err
		}
		r.Value = e.Value
	case strings.HasPrefix(op.Key, recordTable):
		r.Kind, r.Table = RecordTable, op.Key[1:]
		if op.Delete {
			return r, nil
		}
		m, err := decodeMeta(r.Table, op.Value)
		if err != nil {
			return r, err
		}
		r.Restart = m.Restart
	case strings.HasPrefix(op.Key, recordNote):
		r.Kind, r.Value = RecordNote, op.Value
		r.Table, r.Key, err = splitKeyRecord(op.Key[1:])
	}
	return r, err
}

// NoteRecord is the key of a note about a table's key in a store.
func NoteRecord(table, key string) string { return splitRecord(recordNote, table, key) }

func keyRecord(table, key string) string { return splitRecord(recordKey, table, key) }

func splitRecord(kind, table, key string) string {
	var b strings.Builder
	b.Grow(1 + binary.MaxVarintLen16 + len(table) + len(key))
	b.WriteString(kind)
	var n [binary.MaxVarintLen64]byte
	b.Write(n[:binary.PutUvarint(n[:], uint64(len(table)))])
	b.WriteString(table)
	b.WriteString(key)
	return b.String()
}

func tableRecord(table string) string { return recordTable + table }

// splitKeyRecord undoes keyRecord, without its first byte.
func splitKeyRecord(s string) (table, key string, err error) {
	size, n := binary.Uvarint([]byte(s[:min(len(s), binary.MaxVarintLen64)]))
	if n <= 0 || uint64(len(s)-n) < size {
		return "", "", fmt.Errorf("%w: a key's record %q", ErrCorrupt, s)
	}
	return s[n : n+int(size)], s[n+int(size):], nil
}

// newEntry returns an entry and its record, which share a copy of the value.
func newEntry(key string, value []byte, revision uint64) (*Entry, []byte) {
	record := make([]byte, 0, binary.MaxVarintLen64+len(value))
	record = binary.AppendUvarint(record, revision)
	n := len(record)
	record = append(record, value...)
	return &Entry{Key: key, Value: record[n:len(record):len(record)], Revision: revision}, record
}

func decodeEntry(key string, record []byte) (*Entry, error) {
	revision, n := binary.Uvarint(record)
	if n <= 0 || revision == 0 {
		return nil, fmt.Errorf("%w: the value of key %s has no revision", ErrCorrupt, key)
	}
	return &Entry{Key: key, Value: record[n:len(record):len(record)], Revision: revision}, nil
}

func encodeMeta(m meta) []byte {
	record, err := json.Marshal(m)
	if err != nil { // no field of meta can fail
		return nil
	}
	return record
}

func decodeMeta(table string, record []byte) (meta, error) {
	var m meta
	if err := json.Unmarshal(record, &m); err != nil {
		return meta{}, fmt.Errorf("%w: of table %s: %w", ErrCorrupt, table, err)
	}
	return m, nil
}

func encodeNumber(n uint64) []byte { return binary.AppendUvarint(nil, n) }

func decodeNumber(name string, record []byte) (uint64, error) {
	n, size := binary.Uvarint(record)
	if size <= 0 {
		return 0, fmt.Errorf("%w: %s", ErrCorrupt, name)
	}
	return n, nil
}

func discard() logrus.FieldLogger {
	log := logrus.New()
	log.SetLevel(logrus.PanicLevel)
	return log
}
