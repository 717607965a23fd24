package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

func (p *program) watchCommand() *cobra.Command {
	var key string
	var fromNow bool
	var most uint
	cmd := &cobra.Command{
		Use:   "watch PATTERN | watch TABLE --key KEY",
		Short: "Print changes as they come",
		Long: `Print what is there, then changes as they come, each with its difference to the
value before: "+" a field that is new, "-" one that is gone, "~" one that changed.
Marks of tables are printed too: opened, closed, restarted, synchronized (all that
the owner had is known).

A key that changes faster than it is printed may skip values in between, never the
latest. A lost connection is said on stderr and comes back by itself. Ends with
exit code 0 on an interrupt.`,
		SuggestFor:        []string{"subscribe", "follow", "listen", "tail", "monitor"},
		Args:              arguments(1, 1),
		ValidArgsFunction: p.completePath,
	}
	p.keyFlag(cmd, &key)
	cmd.Flags().BoolVar(&fromNow, "from-now", false, "do not print what is there at the start")
	cmd.Flags().UintVar(&most, "count", 0, "end after so many changes of keys; 0: never")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("key") {
			path, err := pathOf(args[0], key, true)
			if err != nil {
				return err
			}
			args = []string{path.String()}
		}
		pattern, err := patternOf(args)
		if err != nil {
			return err
		}
		return p.watch(cmd.Context(), pattern, fromNow, most)
	}
	return cmd
}

// watcher prints the changes of one subscription.
type watcher struct {
	*program
	out     *bufio.Writer
	pattern wire.Pattern
	values  map[string]map[string][]byte // as printed last, by table and key
	skip    map[string]uint64            // heads up to which nothing is printed; nil: print all
	most    uint
	printed uint
}

func (p *program) watch(ctx context.Context, pattern wire.Pattern, fromNow bool, most uint) error {
	notices := &notices{out: p.stderr}
	c, err := p.open(ctx, client.Logger(notices.logger()))
	if err != nil {
		return err
	}
	defer c.Close()
	defer notices.enable(false) // that the connection ends now is no news
	notices.enable(true)
	w := &watcher{program: p, out: bufio.NewWriter(p.stdout), pattern: pattern, values: map[string]map[string][]byte{}, most: most}
	if fromNow {
		infos, err := c.Tables(ctx, pattern.String())
		if err != nil {
			return err
		}
		w.skip = make(map[string]uint64, len(infos))
		for _, info := range infos {
			w.skip[info.Table] = info.Head
		}
	}
	sub, err := c.Subscribe(pattern.String())
	if err != nil {
		return err
	}
	defer sub.Close()
	return w.follow(ctx, sub)
}

// follow prints until the count is reached or ctx ends.
func (w *watcher) follow(ctx context.Context, sub *client.Subscription) error {
	for {
		current := sub.Current() // if so, all that was there at the start is taken below
		for change, ok := sub.Next(); ok; change, ok = sub.Next() {
			if err := w.take(change); err != nil {
				return err
			}
			if w.most > 0 && w.printed >= w.most {
				return w.flush()
			}
		}
		if current {
			w.skip = nil
		}
		if err := w.flush(); err != nil {
			return err
		}
		if err := sub.Wait(ctx); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (w *watcher) flush() error {
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// take compares a change with what is known and prints it.
func (w *watcher) take(c client.Change) error {
	silent := c.Revision <= w.skip[c.Table]
	if c.Op != client.Put && c.Op != client.Delete {
		if silent {
			return nil
		}
		return w.mark(c)
	}
	values := w.values[c.Table]
	if values == nil {
		values = map[string][]byte{}
		w.values[c.Table] = values
	}
	old, known := values[c.Key]
	seen := watched{Time: time.Now(), Table: c.Table, Key: &c.Key, Path: c.Table + "." + wire.EncodeToken(c.Key), Revision: c.Revision}
	switch {
	case c.Op == client.Delete && !known, known && c.Op == client.Put && bytes.Equal(old, c.Value):
		return nil // what came between was never printed
	case c.Op == client.Delete:
		delete(values, c.Key)
		seen.Op = "delete"
	case known:
		seen.Op = "modify"
	default:
		seen.Op = "create"
	}
	if c.Op == client.Put {
		values[c.Key] = c.Value
		seen.value = valueOf(c.Value)
	}
	if silent {
		return nil
	}
	w.printed++
	return w.change(seen, old, c)
}

// watched is one change or mark as it is printed for scripts.
type watched struct {
	Time     time.Time       `json:"time"` // of the printing
	Op       string          `json:"op"`   // create, modify, delete, mark
	Path     string          `json:"path"` // encoded; of a mark: the table
	Table    string          `json:"table"`
	Key      *string         `json:"key,omitempty"` // text
	Revision uint64          `json:"revision"`
	Mark     string          `json:"mark,omitempty"` // opened, closed, restarted, synchronized
	Info     *wire.TableInfo `json:"info,omitempty"` // with a mark
	value
	Differences []difference `json:"differences,omitempty"` // to the value before, when both are JSON
}

// change prints a change of a key.
func (w *watcher) change(seen watched, old []byte, c client.Change) error {
	plain := (old == nil || isJSON(old)) && (c.Op == client.Delete || isJSON(c.Value))
	if plain {
		var now []byte
		if c.Op == client.Put {
			now = c.Value
		}
		seen.Differences = differences(old, now)
	}
	if w.json {
		return printJSON(w.out, seen, "")
	}
	color := map[string]string{"create": green, "modify": yellow, "delete": red}[seen.Op]
	if err := w.line(seen, color, seen.Path, fmt.Sprintf("revision %d", seen.Revision)); err != nil {
		return err
	}
	if !plain {
		return w.detail(sizes(seen.Op, len(old), len(c.Value)))
	}
	for _, d := range seen.Differences {
		if err := w.detail(d.line(w.screen)); err != nil {
			return err
		}
	}
	return nil
}

// sizes is the difference of values that are no JSON.
func sizes(op string, old, new int) string {
	switch op {
	case "create":
		return "+ " + count(new, "byte")
	case "delete":
		return "- " + count(old, "byte")
	}
	return "~ " + count(old, "byte") + " → " + count(new, "byte")
}

// mark prints a mark of a table.
func (w *watcher) mark(c client.Change) error {
	seen := watched{Time: time.Now(), Op: "mark", Path: c.Table, Table: c.Table, Revision: c.Revision, Info: &c.Info}
	text := ""
	switch c.Op {
	case client.TableOpened:
		seen.Mark, text = "opened", fmt.Sprintf("opened by its owner, %s, fence %d", kind(c.Info), c.Info.Fence)
	case client.TableClosed:
		seen.Mark, text = "closed", "closed: it has no owner now"
	case client.Synchronized:
		seen.Mark, text = "synchronized", "synchronized: all that was there is known"
	case client.Restarted:
		seen.Mark, text = "restarted", fmt.Sprintf("restarted: its owner has published all it knew, %s", count(int(c.Info.Restart), "time"))
		if c.Info.Restart == 0 {
			text = "restarted: its owner cleared the restart counter"
		}
	default:
		return nil
	}
	if w.json {
		return printJSON(w.out, seen, "")
	}
	return w.line(seen, faint, c.Table, fmt.Sprintf("revision %d", c.Revision), text)
}

func (w *watcher) line(seen watched, color, what string, more ...string) error {
	text := w.screen.paint(faint, seen.Time.Format("15:04:05.000")) + "  " + w.screen.paint(color, fmt.Sprintf("%-6s", seen.Op)) + "  " + what
	for _, m := range more {
		text += "  " + m
	}
	_, err := w.out.WriteString(text + "\n")
	return err
}

func (w *watcher) detail(text string) error {
	_, err := w.out.WriteString("    " + text + "\n")
	return err
}

// notices tells what the client says of its connection, while that is news.
type notices struct {
	out     io.Writer
	enabled atomic.Bool
}

func (n *notices) enable(yes bool) { n.enabled.Store(yes) }

func (n *notices) logger() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(n)
	log.SetFormatter(noticeFormat{})
	log.SetLevel(logrus.InfoLevel)
	return log
}

// Write implements io.Writer for the logger.
func (n *notices) Write(line []byte) (int, error) {
	if !n.enabled.Load() {
		return len(line), nil
	}
	return n.out.Write(line)
}

// noticeFormat writes what a person at a terminal wants to know.
type noticeFormat struct{}

// Format implements logrus.Formatter.
func (noticeFormat) Format(e *logrus.Entry) ([]byte, error) {
	text := e.Time.Format("15:04:05.000") + "  nkv: " + e.Message
	if err, ok := e.Data[logrus.ErrorKey]; ok {
		text += fmt.Sprintf(" (%v)", err)
	}
	if table, ok := e.Data["table"]; ok {
		text += fmt.Sprintf(" (table %v)", table)
	}
	return []byte(printable(text) + "\n"), nil
}
