// Package agenttest is for the tests of agents: a real server in the test's
// process, agents connected to it, tables to publish in others' stead and to
// watch, and faults to inject.
//
// A test starts a server with New, opens the tables that its agent reads with
// Publish, watches those that it owns with Watch, and runs it with Start. Await,
// AwaitCall and Settled wait for what must come, so that no test sleeps. All ends
// with the test.
//
// # Faults
//
// An agent can be cut off for a moment (Cut) or for longer (Refuse, Allow), and
// its connection can stall (Hold, Release). The server can be restarted (Restart),
// killed (Kill) and lose power (Reboot). An agent dies, as with kill -9, when it is
// stopped while it is refused, since it can't give up its tables then:
//
//	s.Refuse("heater")
//	stop()
//	s.Allow("heater")
//
// The server runs in the test's process. So Kill, and Reboot, break all
// connections first, and then let it write what it had received: a change of
// which nobody heard whether it happened has happened, where a killed process
// may have left it undone. What an unsynced disk loses is not tested here either.
//
// # Fake time
//
// Everything here but URL works in a bubble of testing/synctest: server, agents,
// stores on disk, every fault. Nothing waits there but for time and for each
// other, so synctest.Wait does what Settled does, and time.Sleep lets minutes of
// back-off, grace or silence pass in no time. An hour costs about 0.1 s for each
// agent, and six times that with the race detector, as connections are checked
// every few seconds. Patience is fake time too.
//
// These do not:
//
//   - Sockets. A goroutine that waits for the network keeps time from passing;
//     so do other processes, and watchers of files. URL fails the test.
//   - A client that is blocked while it writes. It holds a lock for which others
//     wait, and time does not pass for those who wait for a lock. It takes more
//     than 256 KiB from one agent while that is held.
//   - Tests in parallel with one in a bubble. NATS clients of the whole process
//     share timers, and a timer may not leave its bubble; New's end takes care of
//     them only for tests that follow.
//
// With the race detector a server in a bubble sets GOMAXPROCS to 1 until it ends.
// With more, a run in some hundreds was seen to crash within the detector, in the
// timers of a bubble, with Go 1.26.
//
// The package must not know any agent.
//
// Start reading at the example, then New, then door.go, which all connections go
// through.
package agenttest
