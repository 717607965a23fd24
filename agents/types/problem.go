package types

import "time"

// Problem says what is wrong, where and since when. Its zero value: nothing is.
//
//nkv:json
type Problem struct {
	// What says what is wrong; empty: nothing is.
	What string
	// Where names what it concerns, for example `content tree "collector 1.9.0"`.
	Where string
	// When is since when it has been so, in UTC.
	When time.Time
}

// String returns where and what in one line; empty when nothing is wrong.
func (p Problem) String() string {
	if p.What == "" || p.Where == "" {
		return p.What
	}
	return p.Where + ": " + p.What
}

// Since returns p with the time of before when that is the same problem, so
// that a problem that is found again keeps the time when it was found first.
func (p Problem) Since(before Problem) Problem {
	if p.What == before.What && p.Where == before.Where {
		p.When = before.When
	}
	return p
}

// SwState says how far a content tree, a volume, a domain or an application
// has come. The texts are those of the state reports of EVE-OS's API
// (org.lfedge.eve.info.ZSwState).
type SwState string

// The states, in the order in which an application passes through them.
const (
	StateInitial         SwState = "INITIAL"              // known, nothing was begun
	StateDownloading     SwState = "DOWNLOAD_STARTED"     // content is being fetched
	StateVerifying       SwState = "VERIFYING"            // content is being compared with its checksum
	StateLoaded          SwState = "LOADED"               // content is complete and checked
	StateCreatingVolume  SwState = "CREATING_VOLUME"      // a volume is being laid out
	StateCreatedVolume   SwState = "CREATED_VOLUME"       // a volume is ready
	StateAwaitingNetwork SwState = "AWAITNETWORKINSTANCE" // a network instance is not there
	StateStartDelayed    SwState = "START_DELAYED"        // it starts when its delay after the boot is over
	StateBooting         SwState = "BOOTING"              // it is being started
	StateRunning         SwState = "RUNNING"              // it runs
	StateRestarting      SwState = "RESTARTING"           // it ended and is started again after a pause
	StateHalting         SwState = "HALTING"              // it was asked to end
	StateHalted          SwState = "HALTED"               // it does not run
	StateError           SwState = "ERROR"                // a Problem says why it can't go on
)
