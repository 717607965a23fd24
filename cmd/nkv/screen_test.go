package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// terminal makes a terminal of the given width: the end that programs use, and
// the end that a person sits at.
func terminal(t *testing.T, width uint16) (program, person *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { program.Close() })
	if err := unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: width}); err != nil {
		t.Fatal(err)
	}
	return program, person
}

// onTerminal runs the command with its output on a terminal and returns what is
// to be seen there.
func (s shell) onTerminal(width uint16, args ...string) string {
	s.t.Helper()
	program, person := terminal(s.t, width)
	seen := make(chan string)
	go func() {
		var text strings.Builder
		lines := bufio.NewScanner(person)
		for lines.Scan() && lines.Text() != "the end\r" && lines.Text() != "the end" {
			text.WriteString(strings.TrimSuffix(lines.Text(), "\r") + "\n")
		}
		seen <- text.String()
	}()
	var stderr bytes.Buffer
	code := run(s.t.Context(), append([]string{"--server", s.url}, args...), nil, program, &stderr)
	fmt.Fprintln(program, "the end")
	if text := <-seen; code == exitDone {
		return text
	}
	s.t.Fatalf("nkv %v: exit code %d, %s", args, code, stderr.String())
	return ""
}

func TestTerminalOutput(t *testing.T) {
	s := shell{t, startServer(t, server.Options{})}
	s.must("put", "zedagent.ConfigItem", "--key", "timer.config.interval.of.something", `{"Key":"a\u009b","N":[1]}`)
	s.must("put", "zedagent.ConfigItem.raw", "\x1b[2J", "--raw")
	t.Setenv("NO_COLOR", "1")
	want(t, "a value", s.onTerminal(80, "get", "zedagent.ConfigItem", "--key", "timer.config.interval.of.something"), `{
  "Key": "a\u009b",
  "N": [
    1
  ]
}
`)
	raw := s.onTerminal(80, "get", "zedagent.ConfigItem.raw")
	if strings.Contains(raw, "\x1b") || !strings.Contains(raw, "1b 5b 32 4a") {
		t.Errorf("bytes on a terminal: %q", raw)
	}
	for _, verb := range []string{"ls", "tree", "tables"} {
		for line := range strings.SplitSeq(s.onTerminal(40, verb), "\n") {
			if n := utf8.RuneCountInString(line); n > 40 {
				t.Errorf("nkv %s writes %d columns on 40: %q", verb, n, line)
			}
		}
	}
}

func TestColors(t *testing.T) {
	s := shell{t, startServer(t, server.Options{})}
	s.must("put", "a.B.k", "1")
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	if text := s.onTerminal(80, "tables"); !strings.Contains(text, "\x1b[1m") {
		t.Errorf("no colours on a terminal: %q", text)
	}
	if text := s.onTerminal(80, "tables", "--no-color"); strings.Contains(text, "\x1b") {
		t.Errorf("colours with --no-color: %q", text)
	}
	if text := s.must("tables"); strings.Contains(text, "\x1b") {
		t.Errorf("colours to a pipe: %q", text)
	}
	t.Setenv("NO_COLOR", "1")
	if text := s.onTerminal(80, "tables"); strings.Contains(text, "\x1b") {
		t.Errorf("colours with NO_COLOR: %q", text)
	}
}

func TestClearAsks(t *testing.T) {
	for answer, code := range map[string]int{"y\n": exitDone, "n\n": exitRefused, "\n": exitRefused} {
		s := filled(t)
		program, person := terminal(t, 80)
		if _, err := person.WriteString(answer); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		got := run(t.Context(), []string{"--server", s.url, "del", "--all", "zedagent.ConfigItem"}, program, &stdout, &stderr)
		if got != code || !strings.Contains(stderr.String(), "Remove 2 keys of table zedagent.ConfigItem? [y/N]") {
			t.Errorf("answer %q: exit code %d, wanted %d: %s", answer, got, code, stderr.String())
		}
		left := 2
		if code == exitDone {
			left = 0
		}
		if lines := strings.Count(s.must("ls", "zedagent.ConfigItem"), "zedagent.ConfigItem."); lines != left {
			t.Errorf("answer %q: %d keys left, wanted %d", answer, lines, left)
		}
	}
}

// However long two values are, their difference is to be seen.
func TestCutBoth(t *testing.T) {
	long := strings.Repeat("a", 100)
	for _, test := range []struct{ old, new, wanted string }{
		{"1", "2", "1 → 2"},
		{long + "1", long + "2", "…aaaaa1 → …aaaaa2"},
		{long, long + "2", "…aaaaa → …aaaaa2"},
		{"1" + long, "2" + long, "1aaaaaaaaaaaaaaaaaa… → 2aaaaaaaaaaaaaaaaaa…"},
		{"1", long, "1 → aaaaaaaaaaaaaaaaaaa…"},
	} {
		old, new := cutBoth(test.old, test.new, 20)
		want(t, test.wanted, old+" → "+new, test.wanted)
	}
}

func TestSize(t *testing.T) {
	for n, wanted := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 8 << 20: "8.0 MiB", 5 << 40: "5.0 TiB", 1 << 60: "1048576.0 TiB",
	} {
		want(t, fmt.Sprint(n), size(n), wanted)
	}
}

func TestPrintable(t *testing.T) {
	for text, wanted := range map[string]string{
		"plain ü": "plain ü", "a\nb": "a\nb", "\x1b[31m": `\u001b[31m`, "\u009b": `\u009b`, "\x7f": `\u007f`, "\xff": `\ufffd`,
	} {
		want(t, text, printable(text), wanted)
	}
}

// What an agent calls itself can't move the cursor of who looks.
func TestNamesOfOthersAreHarmless(t *testing.T) {
	s := shell{t, startServer(t, server.Options{})}
	c, err := client.Connect(t.Context(), s.url, client.Name("evil\x1b[2J"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Subscribe("a.B"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(t.Context(), wire.Path{Table: wire.Table{Agent: "a", Topic: "B"}, Key: "k"}, []byte("1")); err != nil {
		t.Fatal(err)
	}
	text := s.must("trace", "a.B")
	if strings.Contains(text, "\x1b") || !strings.Contains(text, `evil\u001b`) {
		t.Errorf("%q", text)
	}
}
