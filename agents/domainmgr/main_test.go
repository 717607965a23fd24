package domainmgr_test

import (
	"context"
	"encoding/json"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/demoapp"
	"github.com/evenkv/nkv/agents/domainmgr"
	"github.com/evenkv/nkv/agents/domainmgr/domain"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/internal/leak"
	"github.com/evenkv/nkv/pkg/agent"
)

// envDomainMgr holds a setting for a test binary that is to be domainmgr.
const envDomainMgr = "NKV_TEST_DOMAINMGR"

// setting is what such a process is told.
type setting struct {
	URL  string
	Opts domainmgr.Options
}

// TestMain lets the test binary be an application and domainmgr, too.
func TestMain(m *testing.M) {
	if os.Getenv(domain.EnvID) != "" {
		os.Exit(demoapp.Run(os.Stdout, os.Stderr))
	}
	if text := os.Getenv(envDomainMgr); text != "" {
		os.Exit(runDomainMgr(text))
	}
	leak.Main(m)
}

func runDomainMgr(text string) int {
	log := logrus.New()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var s setting
	err := json.Unmarshal([]byte(text), &s)
	if err == nil {
		s.Opts.Logger = log
		var a *agent.Agent
		if a, err = agent.Connect(ctx, topics.DomainMgr, agent.URL(s.URL), agent.Logger(log)); err == nil {
			err = domainmgr.Run(ctx, a, s.Opts)
		}
	}
	if err != nil {
		log.Error(err)
		return 1
	}
	return 0
}
