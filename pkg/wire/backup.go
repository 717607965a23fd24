package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// The steps of a restore, in the place of a target: begin, as many adds as it
// takes, and the commit that does it.
const (
	RestoreBegin  = "begin"
	RestoreAdd    = "add"
	RestoreCommit = "commit"
)

// BackupInfo is what a backup says of itself: the first line of its first page.
//
// What follows it, over all pages, are sections, one for each table: a line with
// the table's TableInfo, and as many records as that says that it has keys, as in a
// snapshot (AppendRecord). A page ends between two of these lines.
type BackupInfo struct {
	Store    string    `json:"store"`    // the store id
	Revision uint64    `json:"revision"` // the newest that was given
	Time     time.Time `json:"time"`
	Version  string    `json:"version"` // of the server program
	Tables   int       `json:"tables"`
	Keys     int       `json:"keys"`
	Bytes    int64     `json:"bytes"` // of all values
}

// RestoreRequest is the body of a restore's begin: what the adds will bring, which
// are sections of durable tables.
type RestoreRequest struct {
	Tables int   `json:"tables"`
	Keys   int   `json:"keys"`
	Bytes  int64 `json:"bytes"` // of all values
}

// AppendLine appends a value as a line of JSON.
func AppendLine(page []byte, value any) ([]byte, error) {
	line, err := json.Marshal(value)
	if err != nil {
		return page, err
	}
	return append(append(page, line...), '\n'), nil
}

// NextSection reads a table's line at the start of a page and returns what follows
// it; ok is false when the page begins with something else.
func NextSection(page []byte) (info TableInfo, rest []byte, ok bool, err error) {
	if len(page) == 0 || page[0] != '{' {
		return info, page, false, nil
	}
	line, rest, ended := bytes.Cut(page, []byte{'\n'})
	if !ended {
		return info, page, false, fmt.Errorf("%w: a table's line does not end", ErrInvalidBody)
	}
	if err := json.Unmarshal(line, &info); err != nil {
		return info, page, false, fmt.Errorf("%w: a table's line: %w", ErrInvalidBody, err)
	}
	if _, err := ParseTable(info.Table); err != nil {
		return info, page, false, fmt.Errorf("%w: a table's line: %w", ErrInvalidBody, err)
	}
	if info.Keys < 0 || len(info.Fingerprint) > MaxName {
		return info, page, false, fmt.Errorf("%w: the line of table %s makes no sense", ErrInvalidBody, info.Table)
	}
	return info, rest, true, nil
}
