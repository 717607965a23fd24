package wire

// Status is an HTTP status, as it stands in Nkv-Status.
type Status int

// The statuses of answers.
const (
	StatusOK                 Status = 200
	StatusBadRequest         Status = 400 // it can't be read: path, header or body
	StatusForbidden          Status = 403 // the asker may not
	StatusNotFound           Status = 404 // no such key, table or verb
	StatusConflict           Status = 409 // the table is another's, or the snapshot is gone
	StatusPreconditionFailed Status = 412 // another revision than expected, or an old fence
	StatusTooLarge           Status = 413 // the value is over the limit
	StatusUnavailable        Status = 503 // not now
)

// Reason tells a program what a status alone does not, as it stands in
// Nkv-Reason.
type Reason string

// The reasons of answers that did not work.
const (
	ReasonInvalid     Reason = "invalid"     // 400
	ReasonVersion     Reason = "version"     // 400: another protocol version; Nkv-Version has the server's
	ReasonVerb        Reason = "verb"        // 404: no such verb in this version
	ReasonNotOwner    Reason = "not-owner"   // 403: the table belongs to another agent
	ReasonDenied      Reason = "denied"      // 403: a rule does not allow it; the message has the rule
	ReasonIdentity    Reason = "identity"    // 403: the request's inbox is not its connection's
	ReasonNotFound    Reason = "not-found"   // 404
	ReasonOwned       Reason = "owned"       // 409: another instance owns the table
	ReasonSnapshot    Reason = "snapshot"    // 409: the snapshot is gone; begin again
	ReasonRevision    Reason = "revision"    // 412: the key has another revision; Nkv-Revision has it
	ReasonFence       Reason = "fence"       // 412: the fence is not the valid one; open again
	ReasonTooLarge    Reason = "too-large"   // 413
	ReasonUnavailable Reason = "unavailable" // 503: certainly not done
	ReasonUnknown     Reason = "unknown"     // 503: done entirely or not at all, it is not known which
)
