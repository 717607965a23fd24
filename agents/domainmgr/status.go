package domainmgr

import (
	"cmp"
	"fmt"

	"github.com/evenkv/nkv/agents/types"
)

// status is how the application stands, to be published.
func (a *app) status() types.DomainStatus {
	s := types.DomainStatus{
		UUID: a.key, DisplayName: a.displayName(),
		Starts: a.starts, Failures: a.failures, Problem: a.problem,
	}
	switch a.phase {
	case starting:
		// Its process may be there at any instant from now on.
		s.State, s.Running = types.StateBooting, a.tried
	case running:
		s.State = types.StateRunning
	case halting:
		s.State = types.StateHalting
	default:
		s.State, s.RestartAt = types.StateRestarting, a.restartAt
		if a.unstartable {
			s.State = types.StateError
		}
	}
	if a.proc != nil {
		s.PID, s.StartedAt = a.proc.PID(), a.proc.StartedAt()
		s.Running, _ = a.proc.Config()
	}
	return s
}

func (a *app) displayName() string {
	if a.want != nil {
		return a.want.DisplayName
	}
	if a.proc != nil {
		if cfg, known := a.proc.Config(); known {
			return cfg.DisplayName
		}
	}
	return a.name
}

// where names the application in a problem.
func (a *app) where() string {
	return fmt.Sprintf("application %q", cmp.Or(a.displayName(), a.key))
}
