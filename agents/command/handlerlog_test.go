package command_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/pkg/agent"
)

func TestHandlerLogAppendsOneLinePerCall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.log")
	for _, calls := range [][]agent.Call{
		{
			{Table: "zedagent.ConfigItem", Op: "create", Key: "a.b/c d", Revision: 7, Value: []byte(`{"Key":"x"}`), Took: 5},
			{Table: "zedagent.ConfigItem", Op: "restarted", Revision: 8, Counter: 2},
		},
		{{Table: "zedagent.ConfigItem", Op: "delete", Key: "\n", Revision: 9, Value: []byte("{}"), Err: errors.New("later")}},
	} {
		log, err := command.OpenHandlerLog(path, "diag")
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range calls {
			log.Add(call)
		}
		for range 2 {
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
		}
		log.Add(agent.Call{Op: "create"}) // too late: left out
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []command.HandlerCall
	for line := range strings.Lines(string(data)) {
		var call command.HandlerCall
		if err := json.Unmarshal([]byte(line), &call); err != nil || call.Time.IsZero() {
			t.Errorf("%v in %q", err, line)
		}
		got = append(got, call)
	}
	want := []command.HandlerCall{
		{Agent: "diag", Table: "zedagent.ConfigItem", Op: "create", Key: "a.b/c d", Revision: 7, Nanoseconds: 5,
			SHA256: "7a88f200aaa42d18a58e5a5dd65f06add6998318727836eba24a8417d3b8ac5f"},
		{Agent: "diag", Table: "zedagent.ConfigItem", Op: "restarted", Revision: 8, Counter: 2},
		{Agent: "diag", Table: "zedagent.ConfigItem", Op: "delete", Key: "\n", Revision: 9, Error: "later",
			SHA256: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(command.HandlerCall{}, "Time")); diff != "" {
		t.Error(diff)
	}
}

func TestHandlerLogTellsWhatFailed(t *testing.T) {
	if _, err := command.OpenHandlerLog(t.TempDir(), "diag"); err == nil {
		t.Error("a directory was opened as a log")
	}
	log, err := command.OpenHandlerLog("/dev/full", "diag")
	if err != nil {
		t.Skip(err)
	}
	log.Add(agent.Call{Op: "create"})
	if err := log.Close(); err == nil || !strings.Contains(err.Error(), "/dev/full") {
		t.Errorf("got %v", err)
	}
}
