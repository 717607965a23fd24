// Package domainmgr is the agent that runs the device's applications.
//
// It reads zedmanager's table DomainConfig, one request for each application that
// shall run now, and publishes DomainStatus and DomainMetric. Each application is
// one process of the configured program. It is started again when it ends by
// itself, after a pause that grows; it is asked to end and then killed when its
// request is gone; it is ended and started anew when its request has changed in
// what matters to it.
//
// The applications do not depend on the agent: when it ends, in good order or by
// kill -9, they live on, and the next instance finds them, watches them and ends
// those that are not wanted any more. StopAll is for who wants them gone.
//
// The package must not know how a process is started, found and watched; package
// domain does.
//
// Start reading at Run (agent.go), then app.settle (app.go), which decides what is
// done, and app.status (status.go).
package domainmgr
