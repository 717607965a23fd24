// Command contentserver serves content for any path, in the stead of the
// datastores and registries that a device's configuration names.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/agents/contentserver"
)

func main() { os.Exit(command.Main(newCommand())) }

// flags are what the command line says.
type flags struct {
	listen      string
	addressFile string
	rate        string
	corruptList string
	sum         bool
	settings    command.Settings
}

func newCommand() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "contentserver [flags] | contentserver --sum NAME...",
		Short: "Serve content for any path, in the stead of datastores and registries",
		Long: `Serve content for any path, in the stead of datastores and registries.

The content is always the same for the same name. The name is what follows the
first "/-/" in the URL's path, or else the whole path: /HOST/DPATH/-/images/a.raw
and /images/a.raw are the content "images/a.raw". It has 256 KiB to 2 MiB.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if !f.sum {
				return command.NoArguments(cmd, args)
			}
			if len(args) == 0 || slices.Contains(args, "") {
				return fmt.Errorf("%w: --sum takes the names of contents", command.ErrUsage)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.sum {
				return printSums(cmd, args)
			}
			return serve(cmd, f)
		},
	}
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "where to listen: `HOST:PORT`; port 0: any that is free")
	cmd.Flags().StringVar(&f.addressFile, "address-file", "", "write the URL, http://HOST:PORT, to this `FILE` when ready")
	cmd.Flags().StringVar(&f.rate, "rate", "0", "the most content per second and connection: bytes, or with KiB, MiB or GiB; 0: no limit")
	cmd.Flags().StringVar(&f.corruptList, "corrupt-list", "",
		"serve the names in this `FILE`, one a line, with a wrong byte; it is read at each request and need not be there")
	cmd.Flags().BoolVar(&f.sum, "sum", false, "print size, SHA-256 and name of the named contents, and end")
	addLogFlags(cmd, &f.settings)
	return cmd
}

// addLogFlags adds those flags of the agents that are not about their server.
func addLogFlags(cmd *cobra.Command, settings *command.Settings) {
	var all cobra.Command
	settings.AddFlags(&all)
	cmd.Flags().AddFlag(all.Flags().Lookup("log-level"))
	cmd.Flags().AddFlag(all.Flags().Lookup("log-format"))
}

func printSums(cmd *cobra.Command, names []string) error {
	for _, name := range names {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%7d  %s  %s\n", contentserver.Size(name), contentserver.SHA256(name), name)
		if err != nil {
			return err
		}
	}
	return nil
}

func serve(cmd *cobra.Command, f flags) error {
	log, err := f.settings.Logger(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	rate, err := parseRate(f.rate)
	if err != nil {
		return err
	}
	opts := contentserver.Options{Rate: rate, Logger: log}
	if f.corruptList != "" {
		opts.Fault = func(name string) contentserver.Fault { return listed(f.corruptList, name, log) }
	}
	server, err := contentserver.New(opts)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(cmd.Context(), "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	url := "http://" + listener.Addr().String()
	if f.addressFile != "" {
		if err := writeFile(f.addressFile, url+"\n"); err != nil {
			return errors.Join(fmt.Errorf("--address-file: %w", err), listener.Close())
		}
	}
	log.WithField("url", url).Info("serving content")
	return server.Serve(cmd.Context(), listener)
}

// listed says that a name is corrupt when the list has it.
func listed(file, name string, log logrus.FieldLogger) contentserver.Fault {
	names, err := contentserver.ReadList(file)
	if err != nil {
		log.WithError(err).Warn("no name is taken as corrupt")
	}
	return contentserver.Fault{Corrupt: slices.Contains(names, name)}
}

// writeFile makes a file that is never seen half written.
func writeFile(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// parseRate reads a number of bytes, with KiB, MiB or GiB or without.
func parseRate(text string) (int64, error) {
	number, unit := text, int64(1)
	for suffix, size := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if cut, ok := strings.CutSuffix(text, suffix); ok {
			number, unit = cut, size
		}
	}
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%w: --rate: %q is no number of bytes like 65536, 512KiB or 1MiB", command.ErrUsage, text)
	}
	return int64(n) * unit, nil
}
