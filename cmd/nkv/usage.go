package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// unknownVerb names what may have been meant.
func unknownVerb(root *cobra.Command, word string) error {
	var known []string
	for _, c := range root.Commands() {
		if !c.IsAvailableCommand() {
			continue
		}
		if c.HasAlias(word) {
			continue
		}
		known = append(known, c.Name())
		for _, other := range c.SuggestFor {
			if strings.EqualFold(other, word) {
				return &usageError{usagef("unknown verb %q", word), "did you mean: nkv " + c.Name()}
			}
		}
	}
	hint := "the verbs are: " + strings.Join(known, " ")
	if name := nearest(word, known); name != "" {
		hint = "did you mean: nkv " + name + "\n" + hint
	}
	return &usageError{usagef("unknown verb %q", word), hint}
}

// wrongFlag names the flag that may have been meant. What stands before the flag
// may not be a verb.
func wrongFlag(cmd *cobra.Command, err error) error {
	if before := cmd.Flags().Args(); !cmd.HasParent() && len(before) > 0 {
		return unknownVerb(cmd, before[0])
	}
	help := "see: " + cmd.CommandPath() + " --help"
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return &usageError{err, help}
	}
	word := unknown.GetSpecifiedName()
	if unknown.GetSpecifiedShortnames() != "" {
		if cmd.Name() == "put" {
			help = "write -- before a value that begins with '-'\n" + help
		}
		return &usageError{err, help}
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	if name := nearest(word, known); name != "" {
		help = "did you mean: --" + name + "\n" + help
	}
	return &usageError{err, help}
}

// arguments wants between least and most arguments; most below 0: no limit.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		hint := "write: nkv " + cmd.Use + "\nsee: " + cmd.CommandPath() + " --help"
		switch {
		case len(args) < least:
			return &usageError{usagef("nkv %s: too few arguments: %d given", cmd.Name(), len(args)), hint}
		case most >= 0 && len(args) > most:
			if cmd.Name() == "ls" || cmd.Name() == "watch" {
				hint = "quote a pattern, so that the shell leaves it as it is\n" + hint
			}
			return &usageError{usagef("nkv %s: too many arguments: %d given, %q is one too many", cmd.Name(), len(args), args[most]), hint}
		}
		return nil
	}
}

// nearest returns the known word that is so near to word that it may have been
// meant; empty: none is.
func nearest(word string, known []string) string {
	word = strings.ToLower(word)
	best, name := 3, ""
	for _, k := range known {
		d := distance(word, k)
		if len(word) > 1 && strings.HasPrefix(k, word) {
			d = min(d, 1)
		}
		if d < best && d < max(len(word), len(k))-1 {
			best, name = d, k
		}
	}
	return name
}

// distance counts the bytes to add, drop, replace or swap with their neighbour to
// make a of b.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
