package diag_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/evenkv/nkv/agents/diag"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/pkg/agent"
)

// owned opens an empty table as its owner and says that all is published.
func owned[T any](s *scene, table agent.Table[T]) {
	s.t.Helper()
	pub, err := agent.Publish(context.Background(), s.Connect(table.Owner), table)
	if err == nil {
		err = pub.Restarted(context.Background())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// others opens the tables of the agents that do not run.
func (s *scene) others() {
	s.t.Helper()
	owned(s, topics.DownloaderStatus)
	owned(s, topics.ContentTreeStatus)
	owned(s, topics.VolumeStatus)
	owned(s, topics.DomainStatus)
	owned(s, topics.DomainMetric)
	owned(s, topics.AppInstanceStatus)
	owned(s, topics.LedStatus)
}

// keys returns how many keys there are in all tables.
func (s *scene) keys() int {
	s.t.Helper()
	text, err := s.once(diag.Options{JSON: true})
	var doc diag.Document
	if err == nil {
		err = json.Unmarshal([]byte(text), &doc)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	sum := 0
	for _, t := range doc.Tables {
		sum += t.Keys
	}
	return sum
}

// withoutAgents leaves the list of agents out of a document: its numbers vary.
// The agents that the test started must be in it.
func withoutAgents(t *testing.T, document string) string {
	t.Helper()
	before, rest, ok := strings.Cut(document, `  "agents": [`)
	agents, after, end := strings.Cut(rest, "\n  ],\n")
	if !ok || !end {
		t.Errorf("no agents are listed in\n%s", document)
		return document
	}
	for _, name := range []string{topics.NIM, topics.Diag, "watcher"} {
		if !strings.Contains(agents, `"agent": "`+name+`"`) {
			t.Errorf("agent %s is not listed in\n%s", name, agents)
		}
	}
	return before + `  "agents": […],` + "\n" + after
}
