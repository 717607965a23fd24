// Package downloader is the agent that fetches content: it reads volumemgr's
// requests and zedagent's datastores, downloads over HTTP, and publishes how
// far each download has come in the table DownloaderStatus.
//
// # Files
//
// A file is fetched into TARGET.part and becomes TARGET, by a rename, only when
// it is complete, has the stated checksum and is on disk. TARGET.part.json says
// which URL and strong ETag the part is of. It is written before any byte of
// them, so a part can be gone on with after any failure or kill: with a request
// for the rest, if the ETag is still the same. The checksum is always that of
// the whole file as it was read back. A file without a stated checksum is not
// gone on with after a boot, because nothing would show what a power loss did to
// it.
//
// # Goroutines
//
// All state belongs to the event loop (download.go, steps.go). What takes time
// runs in jobs, at most one for each request, so that nobody but the job touches
// the request's files; its outcome comes back to the event loop. A publisher
// hands statuses to the server, so that a server that is slow or away holds up
// nothing.
//
// The package must not know what content is for, or what a container image is.
//
// Start reading at Agent.converge (agent.go) and Agent.step (steps.go), then
// fetcher.from (transfer.go).
package downloader
