package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/wire"
)

// answerWithin bounds the wait for an answer of the driver.
const answerWithin = 30 * time.Second

// node is driver.mjs in a process of its own, with one client in it.
type node struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	said  bytes.Buffer // on standard error; to be read when the process is gone
	ended chan struct{}

	mu      sync.Mutex // guards the fields below and writes to stdin
	asked   int
	waiting map[int]*call
}

// call is a command that the driver has not answered yet.
type call struct {
	done     chan answer
	progress atomic.Int64
}

// args are what a command takes.
type args map[string]any

// answer is what a command gives; each fills some of the fields.
type answer struct {
	ID       int    `json:"id"`
	Done     bool   `json:"done"`
	Progress int64  `json:"progress"`
	Error    *fault `json:"error"`

	Fence      uint64                      `json:"fence"`
	Revision   uint64                      `json:"revision"`
	Found      bool                        `json:"found"`
	Value      []byte                      `json:"value"`
	Settled    bool                        `json:"settled"`
	Current    bool                        `json:"current"`
	Synced     bool                        `json:"synchronized"`
	Entries    map[string][]byte           `json:"entries"`
	Tables     map[string]map[string]entry `json:"tables"`
	Log        []told                      `json:"log"`
	Names      [][2]string                 `json:"names"`
	Counts     counts                      `json:"counts"`
	Operations int                         `json:"operations"`
	Unanswered int                         `json:"unanswered"`
	Wrong      []string                    `json:"wrong"`
}

// fault is an error of the Node client.
type fault struct {
	Reason, Message string
	Status          int
	Revision        uint64
}

type entry struct {
	Value    []byte `json:"value"`
	Revision uint64 `json:"revision"`
}

// told is one call of a handler.
type told struct {
	Table, Key       string
	Value            []byte
	Created, Deleted bool
	Mark             string
	Restart          uint64
	Entries          map[string]entry // with a mark: what the handlers were told before
}

type counts struct{ Requests, Snapshots, Pages, Breaks int }

// startNode starts the driver. It is ended, and waited for, with the test.
func startNode(t *testing.T) *node {
	t.Helper()
	program, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat("node_modules/nats")
	}
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("CI needs Node and its packages; run `npm ci --no-audit --no-fund` in tests/interop: %v", err)
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound):
		t.Skip("install Node 20 or newer, and run `npm ci --no-audit --no-fund` in tests/interop")
	default:
		t.Fatal(err)
	}
	n := &node{t: t, cmd: exec.Command(program, "driver.mjs"), waiting: map[int]*call{}, ended: make(chan struct{})}
	n.cmd.Stderr = &n.said
	if n.stdin, err = n.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go n.read(stdout)
	t.Cleanup(n.end)
	return n
}

// read files the driver's answers until it ends.
func (n *node) read(stdout io.Reader) {
	defer close(n.ended)
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			a.Error = &fault{Reason: "driver", Message: fmt.Sprintf("%v in %s", err, line)}
		}
		n.mu.Lock()
		waiting := n.waiting[a.ID]
		if a.Done {
			delete(n.waiting, a.ID)
		}
		n.mu.Unlock()
		switch {
		case waiting == nil:
		case a.Done || a.Error != nil:
			waiting.done <- a
		default:
			waiting.progress.Store(a.Progress)
		}
	}
}

// end closes the driver's input, which ends it.
func (n *node) end() {
	n.stdin.Close()
	late := time.AfterFunc(10*time.Second, func() { n.cmd.Process.Kill() }) //nolint:errcheck // gone already: the same
	<-n.ended
	err := n.cmd.Wait()
	late.Stop()
	if n.said.Len() > 0 || err != nil {
		n.t.Errorf("the driver ended with %v; it said: %s", err, n.said.String())
	}
}

// begin sends a command.
func (n *node) begin(command string, with args) *call {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	line := maps.Clone(with)
	if line == nil {
		line = args{}
	}
	line["id"], line["do"] = n.asked, command
	encoded, err := json.Marshal(line)
	if err != nil {
		n.t.Fatal(err)
	}
	c := &call{done: make(chan answer, 1)}
	n.waiting[n.asked] = c
	if _, err := n.stdin.Write(append(encoded, '\n')); err != nil {
		n.t.Fatalf("%s: the driver takes no commands: %v", command, err)
	}
	return c
}

// wait returns the answer of a command.
func (n *node) wait(c *call, within time.Duration) answer {
	n.t.Helper()
	select {
	case a := <-c.done:
		return a
	case <-n.ended:
		n.t.Fatal("the driver ended")
	case <-time.After(within):
		n.t.Fatalf("the driver did not answer within %s", within)
	}
	return answer{}
}

// ask runs a command that must work.
func (n *node) ask(command string, with args) answer {
	n.t.Helper()
	a := n.wait(n.begin(command, with), answerWithin)
	if a.Error != nil {
		n.t.Fatalf("%s: %+v", command, *a.Error)
	}
	return a
}

// fails runs a command that must fail for a reason.
func (n *node) fails(reason, command string, with args) fault {
	n.t.Helper()
	a := n.wait(n.begin(command, with), answerWithin)
	if a.Error == nil || a.Error.Reason != reason {
		n.t.Fatalf("%s: %+v, want the reason %q", command, a.Error, reason)
	}
	return *a.Error
}

// view returns what a subscription's handlers were told, in one table.
func (n *node) view(name, table string) map[string]string {
	n.t.Helper()
	texts := map[string]string{}
	for key, e := range n.ask("view", args{"name": name}).Tables[table] {
		texts[key] = string(e.Value)
	}
	return texts
}

// sees waits until a subscription's handlers were told exactly this of a table.
func (n *node) sees(name, table string, want map[string]string, within time.Duration) {
	n.t.Helper()
	var got map[string]string
	if !testutil.Holds(within, func() bool {
		got = n.view(name, table)
		return maps.Equal(got, want)
	}) {
		n.t.Fatalf("subscription %q of %s has %d keys after %s, %.200v\nwant %d, %.200v", name, table, len(got), within, got, len(want), want)
	}
}

// settled waits until a table is as its owner wants, and returns the fence.
func (n *node) settled(table wire.Table) uint64 {
	n.t.Helper()
	var a answer
	testutil.Await(n.t, settled, "the table is as its owner wants", func() bool {
		a = n.ask("wanted", args{"table": table.String()})
		return a.Settled
	})
	return a.Fence
}
