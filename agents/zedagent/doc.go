// Package zedagent is the agent that publishes the device's configuration.
//
// It watches a configuration file, publishes what the file says in a table
// per kind of thing, and publishes and unpublishes just the difference when
// the file changes. A file that can't be read or is refused changes nothing:
// the configuration before stays in force and the table ZedAgentStatus says
// why. The last configuration that was accepted is kept in a durable table; a
// device that boots without its file comes up on that.
//
// The package must not know the format of the file; package devconfig does.
// It judges nothing about the device itself.
//
// Start reading at Run (agent.go), then Agent.look (load.go).
package zedagent
