// Package volumemgr is the agent that makes the device's volumes: it turns
// content trees into requests for downloader, checks what arrived, lays volumes
// out of it, and says how far each has come.
//
// Its files are in one directory: content/ holds what was downloaded, one file
// for each generation of a content tree, volumes/ one file for each generation of
// a volume. A file has its final name only when it is complete, and a volume that
// has it is never replaced. What is not wanted any more is removed, a volume not
// before the last application that uses it has ended.
//
// The package must not know how content is fetched, nor what an application does
// with a volume.
//
// Start reading at Agent.converge (agent.go): it looks at everything there is
// and does what is missing. What should be is in plan.go, files are in
// directory.go, the work on them is in work.go, the removal in sweep.go.
package volumemgr
