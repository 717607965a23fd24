package devconfig_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/zedagent/devconfig"
)

// generated is what a struct with generated code has.
type generated interface {
	AppendJSON(dst []byte) ([]byte, error)
	DecodeJSON(src []byte) error
}

// TestRealDataBothWays sends every value of every real configuration and hardware
// model through the generated code and back.
func TestRealDataBothWays(t *testing.T) {
	files, err := filepath.Glob("../../../../shared/data/device-*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("there is no real data here")
	}
	values := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := devconfig.Parse(asConfiguration(t, data))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		tables := reflect.ValueOf(cfg.Tables)
		for i := range tables.NumField() {
			for it := tables.Field(i).MapRange(); it.Next(); {
				bothWays(t, file, it.Value())
				values++
			}
		}
	}
	t.Logf("%d values of %d files", values, len(files))
}

// asConfiguration makes a configuration of a hardware model: its members are what
// the controller sends as devices.
func asConfiguration(t *testing.T, data []byte) []byte {
	t.Helper()
	var model struct {
		IOMemberList json.RawMessage `json:"ioMemberList"`
	}
	if err := json.Unmarshal(data, &model); err != nil {
		t.Fatal(err)
	}
	if model.IOMemberList == nil {
		return data
	}
	wrapped, err := json.Marshal(map[string]json.RawMessage{"deviceIoList": model.IOMemberList})
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

func bothWays(t *testing.T, file string, v reflect.Value) {
	t.Helper()
	original := reflect.New(v.Type())
	original.Elem().Set(v)
	written, err := original.Interface().(generated).AppendJSON(nil)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	var members map[string]any
	if err := json.Unmarshal(written, &members); err != nil || len(members) == 0 {
		t.Errorf("%s: %s is not read by encoding/json: %v", file, written, err)
	}
	read := reflect.New(v.Type())
	if err := read.Interface().(generated).DecodeJSON(written); err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	if !reflect.DeepEqual(original.Interface(), read.Interface()) {
		t.Errorf("%s: %s", file, cmp.Diff(written, read.Interface()))
	}
	again, err := read.Interface().(generated).AppendJSON(nil)
	if err != nil || !bytes.Equal(written, again) {
		t.Errorf("%s: written again it is %s, before %s, %v", file, again, written, err)
	}
	equal := original.MethodByName("Equal").Call([]reflect.Value{read.Elem()})[0].Bool()
	copied := original.MethodByName("DeepCopy").Call(nil)[0]
	if !equal || !reflect.DeepEqual(copied.Interface(), v.Interface()) {
		t.Errorf("%s: equal to what was read: %t; the copy is %+v", file, equal, copied)
	}
}
