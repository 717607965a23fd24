package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/evenkv/nkv/pkg/wire"
)

// relays is the directory where a driver finds how each relay is to be: a file
// for each room, with "on" or "off".
type relays string

// turn writes a relay's file whole or not at all. A room is any text, so its name
// is encoded: nobody gets out of the directory.
func (dir relays) turn(_ context.Context, room string, on bool) error {
	state := "off\n"
	if on {
		state = "on\n"
	}
	file := filepath.Join(string(dir), wire.EncodeToken(room))
	if err := os.WriteFile(file+".new", []byte(state), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
