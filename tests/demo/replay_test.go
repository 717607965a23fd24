package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkv/nkv/agents/command"
)

// The history of one table: key a is put, changed and deleted, b is put; the
// owner's restart counter becomes 1 after b.
func testHistory(t *testing.T) *history {
	t.Helper()
	return write(t, first()...)
}

func first() []change {
	return []change{
		{Op: "put", Table: "o.T", Key: "a", Revision: 2, SHA256: "a2"},
		{Op: "put", Table: "o.T", Key: "a", Revision: 3, SHA256: "a3"},
		{Op: "put", Table: "o.T", Key: "b", Revision: 4, SHA256: "b4"},
		{Op: "mark", Table: "o.T", Revision: 5, Restart: 1, Open: true},
		{Op: "delete", Table: "o.T", Key: "a", Revision: 6},
	}
}

// write has a server's change log read.
func write(t *testing.T, records ...change) *history {
	t.Helper()
	var text []byte
	for _, c := range records {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		text = append(append(text, line...), '\n')
	}
	file := filepath.Join(t.TempDir(), "changes")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := readHistory(file)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestWhatAStartFound: the server was killed after it had stored changes, and
// before it wrote them down.
func TestWhatAStartFound(t *testing.T) {
	h := write(t, append(first(),
		change{Op: "found", Table: "o.T", Revision: 9, Restart: 2},
		change{Op: "found", Table: "o.T", Key: "a", Revision: 8, SHA256: "a8"},
		change{Op: "start"},
		change{Op: "put", Table: "o.T", Key: "a", Revision: 20, SHA256: "a20"},
	)...)
	restarted := func(revision, counter uint64) command.HandlerCall {
		return command.HandlerCall{Table: "o.T", Op: "restarted", Revision: revision, Counter: counter}
	}
	for _, tt := range []struct {
		name  string
		calls []command.HandlerCall
		want  string
	}{
		{"a put that was not written down", []command.HandlerCall{call("create", "a", 8, "a8"), call("modify", "a", 20, "a20")}, ""},
		{"a deletion that was not written down", []command.HandlerCall{call("create", "b", 4, "b4"), call("delete", "b", 9, "b4")}, ""},
		{"a mark that was not written down", []command.HandlerCall{restarted(9, 2)}, ""},
		{"a deletion after a mark that was", []command.HandlerCall{call("create", "a", 3, "a3"), call("create", "b", 4, "b4"), restarted(5, 1), call("delete", "b", 9, "b4")}, ""},
		{"a mark that was, without what it covers", []command.HandlerCall{restarted(9, 1)}, "not handled"},
		{"a put that never was", []command.HandlerCall{call("create", "a", 7, "a8")}, "no such change"},
		{"a deletion of what was found", []command.HandlerCall{call("create", "a", 8, "a8"), call("delete", "a", 9, "a8")}, "the server has the key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := h.replay(tt.calls)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("the error is %v; wanted is %q", err, tt.want)
			}
		})
	}
}

func call(op, key string, revision uint64, sha string) command.HandlerCall {
	return command.HandlerCall{Table: "o.T", Op: op, Key: key, Revision: revision, SHA256: sha}
}

func TestReplay(t *testing.T) {
	restarted := command.HandlerCall{Table: "o.T", Op: "restarted", Revision: 5, Counter: 1}
	for _, tt := range []struct {
		name  string
		calls []command.HandlerCall
		want  string // part of the error; empty: none
	}{
		{"every change", []command.HandlerCall{call("create", "a", 2, "a2"), call("modify", "a", 3, "a3"), call("create", "b", 4, "b4"), restarted, call("delete", "a", 6, "a3")}, ""},
		{"one in between skipped", []command.HandlerCall{call("create", "a", 3, "a3"), call("create", "b", 4, "b4"), restarted}, ""},
		{"invented key", []command.HandlerCall{call("create", "c", 3, "c3")}, "no such change"},
		{"invented revision", []command.HandlerCall{call("create", "a", 4, "a3")}, "no such change"},
		{"wrong value", []command.HandlerCall{call("create", "a", 2, "a3")}, "not the one"},
		{"create twice", []command.HandlerCall{call("create", "a", 2, "a2"), call("create", "a", 3, "a3")}, "there before: true"},
		{"modify without create", []command.HandlerCall{call("modify", "a", 3, "a3")}, "there before: false"},
		{"older after newer", []command.HandlerCall{call("create", "a", 3, "a3"), call("modify", "a", 2, "a2")}, "handled before"},
		{"delete of what is there", []command.HandlerCall{call("create", "b", 4, "b4"), call("delete", "b", 6, "b4")}, "the server has the key"},
		{"delete with another old value", []command.HandlerCall{call("create", "a", 2, "a2"), call("delete", "a", 6, "a3")}, "old value"},
		{"delete without create", []command.HandlerCall{call("delete", "a", 6, "a3")}, "was not there"},
		{"mark before a key that it covers", []command.HandlerCall{call("create", "a", 3, "a3"), restarted}, "not handled"},
		{"mark seen after a key that it covers was deleted", []command.HandlerCall{call("create", "b", 4, "b4"), {Table: "o.T", Op: "restarted", Revision: 6, Counter: 1}}, ""},
		{"mark that never was", []command.HandlerCall{{Table: "o.T", Op: "restarted", Revision: 5, Counter: 2}}, "no mark"},
		{"failed handler", []command.HandlerCall{{Table: "o.T", Op: "create", Key: "a", Revision: 2, SHA256: "a2", Error: "no"}}, "failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := testHistory(t).replay(tt.calls)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v; want %q", err, tt.want)
			}
		})
	}
}

func TestViewMustEqualTheServer(t *testing.T) {
	h := testHistory(t)
	v, err := h.replay([]command.HandlerCall{call("create", "a", 3, "a3"), call("create", "b", 4, "b4"), {Table: "o.T", Op: "synchronized"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		listed map[string]handled
		equal  bool
	}{
		{"the same", map[string]handled{"a": {3, "a3", false}, "b": {4, "b4", false}}, true},
		{"one deleted and not told", map[string]handled{"b": {4, "b4", false}}, false},
		{"one never told", map[string]handled{"a": {3, "a3", false}, "b": {4, "b4", false}, "c": {7, "c7", false}}, false},
		{"another value", map[string]handled{"a": {3, "a3", false}, "b": {9, "b9", false}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := v.equals([]string{"o.T"}, map[string]map[string]handled{"o.T": tt.listed}); (err == nil) != tt.equal {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAViewMustHaveSeenItsTables(t *testing.T) {
	v, err := testHistory(t).replay(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.equals([]string{"o.T"}, nil); err == nil {
		t.Error("an agent that was told nothing passes")
	}
}

func TestALineThatWasBeingWrittenIsLeftOut(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calls")
	if err := os.WriteFile(file, []byte("{\"op\":\"create\"}\n{\"op\":\"mod"), 0o600); err != nil {
		t.Fatal(err)
	}
	calls, err := lines[command.HandlerCall](file)
	if err != nil || len(calls) != 1 {
		t.Errorf("%d calls, %v", len(calls), err)
	}
}
