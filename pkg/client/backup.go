package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/evenkv/nkv/pkg/wire"
)

// Backup pulls all tables as of one instant, page by page. The first page begins
// with a line that holds info; see wire.BackupInfo for what follows. An error of
// page ends it and is returned.
//
// Errors: ErrForbidden when a table may not be read; ErrUnavailable when the server
// did not keep the backup until the last page, since the pages were taken too
// slowly.
func (c *Client) Backup(ctx context.Context, page func(info wire.BackupInfo, page []byte) error) (wire.BackupInfo, error) {
	var info wire.BackupInfo
	for next := ""; ; {
		header := wire.Header{}
		if next != "" {
			header.Set(wire.HeaderSnapshot, next)
		}
		a, err := c.call(ctx, wire.VerbBackup, "", header, nil)
		if errors.Is(err, errSnapshotGone) {
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if err != nil {
			return info, err
		}
		if next == "" {
			line, _, _ := bytes.Cut(a.body, []byte{'\n'})
			if err := json.Unmarshal(line, &info); err != nil {
				return info, fmt.Errorf("%w: the first line of a backup: %w", ErrInvalid, err)
			}
		}
		if err := page(info, a.body); err != nil {
			return info, err
		}
		if next = a.header.Get(wire.HeaderNext); next == "" {
			return info, nil
		}
	}
}

// Restore replaces all durable tables of the server by what pages bring: sections
// of durable tables (see wire.BackupInfo), as many as request announces. All of it
// happens, or nothing. Volatile tables stay. It returns the store's new id.
//
// Errors: ErrUnconfirmed when it is not known which; with all others nothing was
// changed: what pages yield, ErrForbidden, ErrInvalid, ErrTooLarge, ErrNoAnswer,
// ErrUnavailable.
func (c *Client) Restore(ctx context.Context, request wire.RestoreRequest, pages iter.Seq2[[]byte, error]) (store string, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return "", err
	}
	a, err := c.restore(ctx, wire.RestoreBegin, "", body)
	if err != nil {
		return "", err
	}
	id := a.header.Get(wire.HeaderNext)
	for page, err := range pages {
		if err != nil {
			return "", err
		}
		if _, err := c.restore(ctx, wire.RestoreAdd, id, page); err != nil {
			return "", err
		}
	}
	if a, err = c.restore(ctx, wire.RestoreCommit, id, nil); err != nil {
		return "", err
	}
	return a.header.Get(wire.HeaderStore), nil
}

// restore takes one step. Only the commit can leave a doubt.
func (c *Client) restore(ctx context.Context, step, id string, body []byte) (answer, error) {
	header := wire.Header{}
	header.Set(wire.HeaderSnapshot, id)
	a, err := c.call(ctx, wire.VerbRestore, step, header, body)
	switch {
	case errors.Is(err, errSnapshotGone):
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	case errors.Is(err, ErrNoAnswer) && step == wire.RestoreCommit:
		err = fmt.Errorf("%w: %w", ErrUnconfirmed, err)
	}
	return a, err
}
