package tables

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Text writes the report for people: a line for each end, below them the findings
// and what was counted. With findings, only those tables and lines that have some.
func (r *Report) Text(w io.Writer, findings bool) error {
	if !findings {
		if err := r.lines(w); err != nil {
			return err
		}
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, t := range r.Tables {
		for _, f := range t.Findings {
			fmt.Fprintf(tw, "%s\t%s\t%s\n", f.Kind, t, f.Text)
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	summary := fmt.Sprintf("%d tables; %s; findings: %s", len(r.Tables), orNone(counts(r.Calls)), orNone(counts(r.Findings())))
	_, err := fmt.Fprintln(w, summary)
	return err
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func (r *Report) lines(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "OWNER\tSCOPE\tTOPIC\tEND\tDURABLE\tAGENT\tPACKAGE\tPOSITION")
	for _, t := range r.Tables {
		for _, e := range t.ends() {
			side, at := "sub", strings.Join(append([]string{e.Position}, e.Via...), " from ")
			if e.publishes {
				side = "pub"
			}
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.Owner, dash(t.Scope), t.Topic, side, yes(e.Durable), e.Agent, e.Package, at)
		}
	}
	fmt.Fprintln(tw)
	return tw.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func yes(durable string) string {
	switch durable {
	case "true":
		return "yes"
	case "false":
		return "no"
	}
	return durable
}

// JSON writes the report for programs. With findings, only the tables that have
// some.
func (r *Report) JSON(w io.Writer, findings bool) error {
	out := *r
	if findings {
		out.Tables = []*Table{}
		for _, t := range r.Tables {
			if len(t.Findings) > 0 {
				out.Tables = append(out.Tables, t)
			}
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(out)
}
