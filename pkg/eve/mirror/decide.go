package mirror

// sight is what is known of one file at the start.
type sight struct {
	disk     stamp // a file with content that was read
	empty    bool  // a file without any
	odd      bool  // there is something that can't be read
	precious bool  // odd, but it may be a value: unreadable or too large
	backup   stamp // looked at where there is no content
	leftover bool  // a draft of what the note wants is there: the rename was not done
	fresh    bool  // nobody removed it: the directory of the whole lane was not there
	has      bool  // the table has the key
	value    sum   // its value
	note     note
}

type action int

const (
	actKeep    action = iota // file and table agree, or there is neither
	actWrite                 // the file is to become as the table says
	actUnlink                // the file is to go
	actImport                // the file's content is to be put into the table
	actRecover               // the backup's content is
	actDelete                // the key is to be deleted from the table
	actLeave                 // the file is no value, or can't be read
)

// decide tells what is to be done about one file. Who changed what is known from
// the note: the mirror writes it before it touches the file. Where somebody else
// changed the file, the file wins, also over a table that was changed meanwhile
// without a mirror; where nobody can tell, as the mirror never was there, the
// table does.
func (s sight) decide() action {
	switch {
	case s.odd && s.precious, s.odd && !s.has:
		return actLeave
	case s.odd:
		return actWrite
	case s.disk.there:
		return s.present()
	case s.has && s.empty: // nobody writes such a file: it was damaged
		return actWrite
	case s.has:
		return s.missing()
	case s.backup.there && (s.note.empty() || s.note.wants && s.backup.sum != s.note.had.sum):
		return actRecover
	case s.backup.there:
		return actUnlink
	case s.empty:
		return actLeave
	}
	return actKeep
}

// present is decide for a file with content.
func (s sight) present() action {
	ours := s.note.wants && s.disk.sum == s.note.want || s.note.had.there && s.disk == s.note.had
	switch {
	case s.has && s.disk.sum == s.value:
		return actKeep
	case s.has && (ours || s.note.empty()):
		return actWrite
	case ours:
		return actUnlink
	}
	return actImport
}

// missing is decide for a file that is not there, of a key that is.
func (s sight) missing() action {
	switch {
	case !s.note.wants, s.note.stale, s.leftover, s.fresh:
		return actWrite
	case s.backup.there && (s.backup.sum == s.note.had.sum || s.backup.sum == s.value):
		return actWrite
	case s.backup.there:
		return actRecover
	}
	return actDelete
}
