package netif

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/filewatch"
	"github.com/evenkv/nkv/agents/types"
)

// File is a Source that reads the interfaces from a file. It serves tests and
// devices whose interfaces are managed elsewhere.
//
// The file holds a JSON list of objects with the fields of
// types.HostInterface, for example
//
//	[{"Name": "eth0", "MAC": "02:00:00:00:00:01", "MTU": 1500,
//	  "AdminUp": true, "Carrier": true, "Addrs": ["192.0.2.10/24"]}]
//
// A missing file is a host without interfaces.
type File struct {
	watch *filewatch.File
}

// Open starts to watch the file at path, which need not exist. The error says
// that the path can't be made absolute.
func Open(path string, log logrus.FieldLogger) (*File, error) {
	watch, err := filewatch.Open(path, log)
	if err != nil {
		return nil, err
	}
	return &File{watch}, nil
}

// Name returns the absolute path of the file.
func (f *File) Name() string { return f.watch.Path() }

// Changes implements Source.
func (f *File) Changes() <-chan struct{} { return f.watch.Changes() }

// Close implements Source.
func (f *File) Close() error { return f.watch.Close() }

// hostInterface is types.HostInterface without its generated methods, which would
// take unknown fields.
type hostInterface types.HostInterface

// Interfaces implements Source. A file that does not list interfaces is
// ErrFormat.
func (f *File) Interfaces() ([]types.HostInterface, error) {
	data, err := filewatch.Read(f.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var read []hostInterface
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&read); err != nil {
		return nil, fmt.Errorf("read interfaces from %s: %w: %w", f.Name(), ErrFormat, err)
	}
	if dec.More() {
		return nil, fmt.Errorf("read interfaces from %s: %w: more than one JSON value", f.Name(), ErrFormat)
	}
	list := make([]types.HostInterface, len(read))
	names := map[string]bool{}
	for i := range list {
		list[i] = types.HostInterface(read[i])
		name := list[i].Name
		switch {
		case name == "":
			err = fmt.Errorf("interface %d has no name", i)
		case names[name]:
			err = fmt.Errorf("interface %q is given twice", name)
		case list[i].MAC != "":
			if _, bad := net.ParseMAC(list[i].MAC); bad != nil {
				err = fmt.Errorf("interface %q: %w", name, bad)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("read interfaces from %s: %w: %w", f.Name(), ErrFormat, err)
		}
		names[name] = true
		list[i].Ports = nil
		if len(list[i].Addrs) == 0 {
			list[i].Addrs = nil
		}
	}
	return order(list), nil
}
