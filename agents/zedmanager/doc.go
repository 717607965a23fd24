// Package zedmanager is the agent that puts an application's parts together:
// what the configuration wants, its volumes, its networks and its process. It
// asks domainmgr to run what is ready, tells volumemgr which volumes are held,
// and says in one status how each application stands and what is wrong.
//
// The package must not know how a volume is made, nor how a process is run.
//
// Start reading at facts.plan (plan.go), which decides; the agent around it is in
// agent.go.
package zedmanager
