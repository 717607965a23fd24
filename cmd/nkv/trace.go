package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

func (p *program) traceCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "trace TABLE|PATH | trace TABLE --key KEY",
		Short: "Tell who owns a table, who listens to it, and how far they are",
		Long: `Tell who owns a table, who listens to it, and how far they are: every listener is
asked now. Of a path: who listens to this key, and whether they have handled its
latest value.`,
		SuggestFor:        []string{"who", "owner", "why", "lag"},
		Args:              arguments(1, 1),
		ValidArgsFunction: p.completePath,
	}
	p.keyFlag(cmd, &key)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := tracePath(args[0], key, cmd.Flags().Changed("key"))
		if err != nil {
			return err
		}
		return p.trace(cmd.Context(), path)
	}
	return cmd
}

// tracePath reads a path, or a table as a path with an empty key.
func tracePath(arg, key string, keyGiven bool) (wire.Path, error) {
	if !keyGiven && strings.Count(arg, ".") < 2 {
		table, err := tableOf(arg)
		return wire.Path{Table: table}, err
	}
	return pathOf(arg, key, keyGiven)
}

// traced is what a trace found, for scripts.
type traced struct {
	Path     string `json:"path,omitempty"`     // when one was asked for
	Revision uint64 `json:"revision,omitempty"` // of the value at path; 0: there is none
	wire.TraceAnswer
}

func (p *program) trace(ctx context.Context, path wire.Path) error {
	c, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	var found traced
	if path.Key != "" {
		found.Path = path.String()
		entry, err := c.Get(ctx, path)
		if err != nil && !errors.Is(err, client.ErrNotFound) {
			return err
		}
		found.Revision = entry.Revision
	}
	if found.TraceAnswer, err = c.Trace(ctx, path.Table); err != nil {
		return err
	}
	if found.Path != "" {
		found.narrow()
	}
	if p.json {
		err = p.document(found)
	} else {
		err = p.print(p.traceText(&found))
	}
	switch {
	case err != nil:
		return err
	case found.Table.Head == 0:
		return fmt.Errorf("%w: there is no table %s", errNothing, path.Table)
	case found.Path != "" && found.Revision == 0:
		return fmt.Errorf("%w: there is no value at %s", errNothing, path)
	}
	return nil
}

// narrow leaves out the listeners that are about other keys.
func (t *traced) narrow() {
	kept := []wire.Listener{}
	for _, l := range t.Listeners {
		if l.State != nil {
			if pattern, err := wire.ParsePattern(l.State.Pattern); err == nil && !pattern.Match(t.Path) {
				continue
			}
		}
		kept = append(kept, l)
	}
	t.Listeners = kept
}

func (p *program) traceText(t *traced) string {
	var b strings.Builder
	fact := func(name, text string) { fmt.Fprintf(&b, "%-10s %s\n", name, text) }
	info := t.Table
	fact("table", p.screen.paint(bold, info.Table))
	if info.Head == 0 {
		fact("holds", "nothing: the table does not exist yet")
	} else {
		fact("holds", fmt.Sprintf("%s, %s, %s, head %d", kind(info), count(info.Keys, "key"), size(info.Bytes), info.Head))
		fact("restarts", strconv.FormatUint(info.Restart, 10))
	}
	switch {
	case t.Path == "":
	case t.Revision == 0:
		fact("path", t.Path+": there is no value")
	default:
		fact("path", fmt.Sprintf("%s, revision %d", t.Path, t.Revision))
	}
	fact("owner", p.ownerText(t))
	if len(t.Listeners) == 0 {
		fact("listeners", "none")
		return b.String()
	}
	fact("listeners", strconv.Itoa(len(t.Listeners)))
	list := listing{columns: []column{
		{title: "AGENT"}, {"CONN", true}, {title: "PATTERN"}, {"RTT", true}, {"PENDING", true}, {"HANDLED", true}, {title: "STATE"},
	}}
	for _, l := range t.Listeners {
		list.add(t.listenerRow(l)...)
	}
	b.WriteString(indented(strings.TrimSuffix(list.draw(screen{}), "\n")))
	for _, l := range t.Listeners {
		for _, note := range t.notes(l) {
			fmt.Fprintf(&b, "%s %s (connection %d): %s\n", p.screen.paint(yellow, "note"), printable(l.Agent), l.Connection, note)
		}
	}
	return b.String()
}

func (p *program) ownerText(t *traced) string {
	info := t.Table
	if t.Owner == nil {
		if info.Opened {
			return "none now; an agent had it open before. Anyone may put"
		}
		never := "no agent opened it since boot"
		if info.Durable {
			never = "no agent ever opened it"
		}
		return "none; " + never + ". Anyone may put, and no listener is synchronized before"
	}
	o := t.Owner
	since := ""
	if !o.Since.IsZero() {
		since = ", since " + o.Since.Local().Format(time.DateTime)
	}
	if o.Connection == 0 {
		return p.screen.paint(yellow, fmt.Sprintf("%s, whose connection is gone%s; the table is free when its grace is over", printable(o.Agent), since))
	}
	return fmt.Sprintf("%s (connection %d)%s, fence %d", printable(o.Agent), o.Connection, since, info.Fence)
}

func (t *traced) listenerRow(l wire.Listener) []string {
	pattern, rtt, pending, handled := strings.TrimPrefix(l.Subject, wire.EventPrefix), "-", "-", "-"
	if l.RTT > 0 {
		rtt = l.RTT.Round(time.Microsecond).String()
	}
	if s := l.State; s != nil {
		pattern, pending = printable(s.Pattern), strconv.Itoa(s.Pending)
		handled = strconv.FormatUint(s.Handled[t.Table.Table], 10)
	}
	return []string{printable(l.Agent), strconv.FormatUint(l.Connection, 10), pattern, rtt, pending, handled, t.state(l)}
}

// state says in a few words how far a listener is.
func (t *traced) state(l wire.Listener) string {
	s := l.State
	if s == nil {
		return "silent"
	}
	want := t.Table.Head
	if t.Revision != 0 {
		want = t.Revision
	}
	switch received, handled := s.Heads[t.Table.Table], s.Handled[t.Table.Table]; {
	case received < want:
		return "behind: not all has reached it"
	case handled < want && s.Pending > 0:
		return "busy: " + count(s.Pending, "change") + " to handle"
	case t.Revision != 0:
		return "has this value"
	case !s.Synchronized && t.Table.Opened:
		return "up to date, not synchronized"
	}
	return "up to date"
}

// notes explains what a person should look at.
func (t *traced) notes(l wire.Listener) []string {
	var notes []string
	s := l.State
	switch {
	case s == nil && l.RTT > 0:
		notes = append(notes, "it answered, but says nothing of this subscription: it is just beginning or ending")
	case s == nil:
		notes = append(notes, "it did not answer within a second: it is stopped, stuck or cut off, or is no nkv client")
	case !s.Synchronized && t.Table.Opened:
		notes = append(notes, "it is not synchronized: it has not yet handled all that was there when it came")
	}
	if s != nil && s.Heads[t.Table.Table] < t.Table.Head {
		notes = append(notes, fmt.Sprintf("it has received up to revision %d of %d; what was lost on the way it finds within seconds", s.Heads[t.Table.Table], t.Table.Head))
	}
	if s != nil && s.Errors > 0 {
		notes = append(notes, count(int(s.Errors), "value")+" did not decode into its type; it still has the value before")
	}
	if l.Differs {
		notes = append(notes, fmt.Sprintf("its type has another shape than the owner's (%s, the owner's %s): they were built from different sources", printable(s.Fingerprint), printable(t.Table.Fingerprint)))
	}
	if l.Buffered > 0 {
		notes = append(notes, "the server holds "+size(l.Buffered)+" that it has not read")
	}
	return notes
}
