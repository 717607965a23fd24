package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/agent"
)

// Agent returns the command of an agent's program: it connects under the name,
// runs until the process is told to end, and gives back what it used. Wrong usage
// is what wraps usage.
func Agent(name, short string, usage error, run func(ctx context.Context, a *agent.Agent, log logrus.FieldLogger) error) *cobra.Command {
	var settings Settings
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		Args:  NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := settings.Logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			a, stop, err := settings.Connect(cmd.Context(), name, log)
			if err != nil {
				return err
			}
			err = run(cmd.Context(), a, log)
			if errors.Is(err, usage) {
				err = fmt.Errorf("%w: %w", ErrUsage, err)
			}
			a.Close()
			return errors.Join(err, stop())
		},
	}
	settings.AddFlags(cmd)
	return cmd
}
