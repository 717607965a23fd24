package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/wire"
)

// clientVersion is the version of this program: as the build set it, else as the
// Go toolchain recorded it.
func clientVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = "-" + s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	return "devel" + revision + dirty
}

// versionJSON is what the two ends are, for scripts.
type versionJSON struct {
	Client   string              `json:"client"`
	Protocol string              `json:"protocol"` // the client's
	Server   *wire.VersionAnswer `json:"server"`   // null: it was not reached, or not asked
}

func (p *program) versionCommand() *cobra.Command {
	var alone bool
	cmd := &cobra.Command{
		Use:               "version",
		Short:             "Tell the versions of client and server, and the limits",
		Args:              arguments(0, 0),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVar(&alone, "client", false, "ask no server")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		told := versionJSON{Client: clientVersion(), Protocol: wire.Version}
		var failure error
		if !alone {
			told.Server, failure = p.serverVersion(cmd)
		}
		var err error
		if p.json {
			err = p.document(told)
		} else {
			err = p.print(versionText(told))
		}
		if err != nil {
			return err
		}
		return failure
	}
	return cmd
}

func (p *program) serverVersion(cmd *cobra.Command) (*wire.VersionAnswer, error) {
	c, err := p.open(cmd.Context())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	answer, err := c.Version(cmd.Context())
	if err != nil {
		return nil, err
	}
	return &answer, nil
}

func versionText(told versionJSON) string {
	var b strings.Builder
	fmt.Fprintf(&b, "client    %s, protocol %s, %s %s/%s\n", told.Client, told.Protocol, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if s := told.Server; s != nil {
		fmt.Fprintf(&b, "server    %s, protocol %s\n", printable(s.Version), printable(s.Protocol))
		fmt.Fprintf(&b, "store     %s\n", printable(s.Store))
		fmt.Fprintf(&b, "limits    values %s, names %d B, paths %d B\n", size(int64(s.MaxValue)), wire.MaxName, wire.MaxPath)
	}
	return b.String()
}
